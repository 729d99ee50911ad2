package activities

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/llm/prompts"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// permission is what filling a hole may add to a draft.
type permission struct {
	conditions bool // WHERE, and further conditions of one
	columns    bool // EVAL, GROK, DISSECT
	aggregates bool // further aggregates of a STATS, or a STATS where the draft has none
	expand     bool // MV_EXPAND
	// groups are further fields of BY: those that the compiler says are missing there.
	groups []string
}

// What kind of command a hole is in says what it may add.
var (
	filterCommands    = words("search where regex dedup head tail uniq lookup inputlookup tstats from datamodel subsearch join set")
	aggregateCommands = words(`stats chart timechart top rare sistats tstats mstats transaction xyseries geostats contingency
		untable cluster associate`)
	expandCommands = words("mvexpand makemv untable")
)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// allowedBy is what the holes that are listed as filled allow together. Consequences of holes allow what they miss: a
// condition that could not be written, a field that is missing among the groups.
func allowedBy(rule migration.Rule, f prompts.Filling, causes []migration.Diagnostic) permission {
	var p permission
	add := func(d migration.Diagnostic) {
		command := strings.ToLower(d.Command)
		switch {
		case filterCommands[command] && aggregateCommands[command]:
			p.conditions, p.columns, p.aggregates = true, true, true
		case filterCommands[command]:
			p.conditions, p.columns = true, true
		case aggregateCommands[command]:
			p.aggregates, p.columns = true, true
			p.groups = append(p.groups, d.Subject)
		case command == "":
			p.conditions, p.columns = true, true
		default:
			p.columns = true
		}
		p.expand = p.expand || expandCommands[command]
	}
	for _, h := range f.Filled {
		if h.Hole >= 1 && h.Hole <= len(causes) {
			add(causes[h.Hole-1])
		}
	}
	for _, d := range rule.Diagnostics {
		if d.Severity == "error" && d.Consequence() {
			add(d)
		}
	}
	return p
}
