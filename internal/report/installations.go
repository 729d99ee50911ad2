package report

import (
	"fmt"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Installation is what came of installing the rules of a migration in a Kibana.
type Installation struct {
	Kibana string `json:"kibana"` // its name in the configuration
	// Run tells one installation from another.
	Run   string    `json:"run"`
	Ended time.Time `json:"ended"`
	// Code says why it ended early; empty otherwise.
	Code string `json:"code,omitempty"`
	// Counts of rules by what became of them. Unchanged were there as the migration gives them, Kept were there and differ,
	// and nobody asked to overwrite them; LeftOut are those that the migration gives no rule for.
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`
	Prebuilt  int `json:"prebuilt"`
	LeftOut   int `json:"left_out"`
	// LeftOutBy are the rules of LeftOut by reason; earlier versions did not keep it.
	LeftOutBy migration.Omissions `json:"left_out_by,omitempty"`
	Failed    int                 `json:"failed"`
	Enabled   int                 `json:"enabled"`
	// Lists are the rules that go by an exception list of theirs, with so many Exceptions; ExceptionLists are the first of them.
	Lists          int             `json:"lists,omitempty"`
	Exceptions     int             `json:"exceptions,omitempty"`
	ExceptionLists []ExceptionList `json:"exception_lists,omitempty"`
	// Failures are the first rules that failed.
	Failures []NotInstalled `json:"failures,omitempty"`
}

// ExceptionList is a list that a rule goes by: what it leaves out is edited there, by its ListID in Kibana.
type ExceptionList struct {
	RuleID     string `json:"rule_id"`
	ListID     string `json:"list_id"`
	Exceptions int    `json:"exceptions"`
}

// NotInstalled is a rule that a Kibana did not take, with what it said. Status is that of its answer.
type NotInstalled struct {
	RuleID string `json:"rule_id"`
	Code   string `json:"code"`
	Status int    `json:"status,omitempty"`
	Why    string `json:"why,omitempty"`
}

// Text says in a line why a rule is not there.
func (n NotInstalled) Text() string {
	text := n.Code
	if n.Status > 0 {
		text += fmt.Sprintf(" (%d)", n.Status)
	}
	if n.Why != "" {
		text += ": " + n.Why
	}
	return text
}

// When is the end of an installation for a reader.
func (i Installation) When() string { return i.Ended.UTC().Format("2006-01-02 15:04 UTC") }

// Skipped counts the rules that were left as they are, in the Kibana or here.
func (i Installation) Skipped() int { return i.Unchanged + i.Kept + i.LeftOut }

// Unnamed counts the rules that failed and are not named.
func (i Installation) Unnamed() int { return i.Failed - len(i.Failures) }

// UnnamedLists counts the rules with an exception list that are not named.
func (i Installation) UnnamedLists() int { return i.Lists - len(i.ExceptionLists) }

// Installed says where the rules were installed, the oldest installation first.
func (b *Builder) Installed(list []Installation) { b.r.Installations = list }

// notInstalled are, by rule, what the newest installation in each Kibana says of those that failed.
func notInstalled(list []Installation) map[string]string {
	newest := map[string]Installation{}
	for _, i := range list {
		newest[i.Kibana] = i
	}
	out := map[string]string{}
	for _, i := range list {
		if newest[i.Kibana].Run != i.Run {
			continue
		}
		for _, f := range i.Failures {
			if out[f.RuleID] != "" {
				out[f.RuleID] += "\n"
			}
			out[f.RuleID] += i.Kibana + ": " + f.Text()
		}
	}
	return out
}

func (r Report) writeInstallations(p func(format string, args ...any)) {
	if len(r.Installations) == 0 {
		return
	}
	p("## Installed\n\nRules are skipped when the Kibana has them, as they are here or changed by somebody, or when the migration gives no rule.\n")
	p("| Kibana | ended | created | updated | prebuilt | skipped | failed | enabled | |\n|---|---|---:|---:|---:|---:|---:|---:|---|")
	for _, i := range r.Installations {
		early := ""
		if i.Code != "" {
			early = "ended early: " + code(i.Code)
		}
		left := ""
		if why := i.LeftOutBy.String(); why != "" {
			left = ": " + why
		}
		p("| %s | %s | %d | %d | %d | %d (%d there, %d there and different, %d left out%s) | %d | %d | %s |", cell(i.Kibana), i.When(), i.Created, i.Updated, i.Prebuilt,
			i.Skipped(), i.Unchanged, i.Kept, i.LeftOut, left, i.Failed, i.Enabled, early)
	}
	p("")
	for _, i := range r.Installations {
		if len(i.ExceptionLists) == 0 {
			continue
		}
		p("Exception lists in %s (%s), where %d exclusions of %d rules are edited:\n", cell(i.Kibana), i.When(), i.Exceptions, i.Lists)
		for _, l := range i.ExceptionLists {
			p("- %s of the rule %s: %d", code(l.ListID), code(l.RuleID), l.Exceptions)
		}
		if n := i.UnnamedLists(); n > 0 {
			p("- and %d more", n)
		}
		p("")
	}
	for _, i := range r.Installations {
		if len(i.Failures) == 0 {
			continue
		}
		p("Not installed in %s (%s):\n", cell(i.Kibana), i.When())
		for _, f := range i.Failures {
			p("- %s %s", code(f.RuleID), cell(f.Text()))
		}
		if n := i.Unnamed(); n > 0 {
			p("- and %d more", n)
		}
		p("")
	}
}
