package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// topItems is how many causes of a kind the Markdown report shows, topCounts how long its lists of counts are; report.json has
// all.
const (
	topItems  = 5
	topCounts = 20
)

// WriteMarkdown writes the report for people.
func (r Report) WriteMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(b, format+"\n", args...) }
	title := r.Name
	if title == "" {
		title = r.MigrationID
	}
	p("# Migration %s\n", cell(title))
	p("Migration `%s`, state **%s**%s, %s.\n", r.MigrationID, r.State, parked(r.ParkReason), r.GeneratedAt.Format("2006-01-02 15:04:05 MST"))

	p("| status | rules |\n|---|---:|")
	s := r.Statuses
	p("| finished | %d |\n| error | %d |\n| processing | %d |\n| pending | %d |\n| **total** | **%d** |\n", s.Finished, s.Failed, s.Processing, s.Pending, s.Total)

	p("| result | rules | | of these matched |\n|---|---:|---:|---:|")
	p("| full | %d | %s | %d |", r.Results.Full, percent(r.Results.Full, s.Finished), r.Matched.Full)
	p("| partial | %d | %s | %d |", r.Results.Partial, percent(r.Results.Partial, s.Finished), r.Matched.Partial)
	p("| untranslatable | %d | %s | %d |", r.Results.Untranslatable, percent(r.Results.Untranslatable, s.Finished), r.Matched.Untranslatable)
	p("| *full, or approximations only* | %d | %s | |\n", r.FullOrApproximations, percent(r.FullOrApproximations, s.Finished))
	p("%s\n", resultsMean)
	p("**Matched**: %d. A prebuilt rule of Elastic's takes the translation's place, which is kept beside it; the match says on what it alerts more. For %d more rules, near ones are listed with what keeps them from matching.\n", r.Matched.Total, r.Near)

	if reviewed := r.reviewed(); reviewed != "" {
		p("%s\n", reviewed)
	}
	if len(r.Errors) > 0 {
		p("## Rules in error\n\n| code | rules |\n|---|---:|")
		for _, c := range r.Errors {
			p("| %s | %d |", cell(c.Name), c.Rules)
		}
		p("")
	}
	if len(r.Kinds) > 0 {
		p("## What kept rules from being full\n")
		p("%s\n", severitiesMean)
		p("Best first: what stands at the top brings most rules nearest to full. *alone* counts the rules whose causes are all of this kind.\n")
		p("| rules | alone | | kind | code | what to do |\n|---:|---:|---|---|---|---|")
		for _, k := range r.Kinds {
			p("| %d | %d | %s | %s | %s | %s |", k.Rules, k.Sole, k.severity(), cell(k.Title), code(k.Code), k.Do)
		}
		p("")
		p("The causes of each kind, those that bring most first:\n")
		p("| rules | | kind | about | in | for example |\n|---:|---|---|---|---|---|")
		for _, k := range r.Kinds {
			shown, more := first(k.Items, topItems)
			for _, i := range shown {
				var commands []string
				for _, c := range i.Commands {
					commands = append(commands, code(c))
				}
				p("| %d | %s | %s | %s | %s | %s |", i.Rules, Severity(i.Severity), cell(k.Title), code(i.Subject), strings.Join(commands, ", "), cell(i.Example))
			}
			if more > 0 {
				p("| | | %s | %d more stand in report.json | | |", cell(k.Title), more)
			}
		}
		p("")
		for _, t := range []struct {
			name string
			list []Count
		}{{"code", r.ByCode}, {"command", r.ByCommand}, {"subject", r.BySubject}} {
			p("| %s | rules |\n|---|---:|", t.name)
			for _, c := range t.list[:min(topCounts, len(t.list))] {
				p("| %s | %d |", code(c.Name), c.Rules)
			}
			p("")
		}
	}
	r.writeMissing(p)
	r.writeKnown(p)
	r.writeInstallations(p)
	if len(r.LookupIndices) > 0 {
		p("## Lookup indices to create\n\nTheir bodies and rows stand with the rules, in lookup_indices. An index with a conflict is needed with another content\nby the rules named: export and install give these an index of their own.\n")
		p("| index | rows | rules | conflict |\n|---|---:|---:|---|")
		for _, k := range r.LookupIndices {
			rows, conflict := "to be added", ""
			if k.Rows > 0 {
				rows = strconv.Itoa(k.Rows)
			}
			for i, id := range k.Conflicts {
				if i > 0 {
					conflict += ", "
				}
				conflict += code(id)
			}
			if conflict != "" {
				conflict = "**another content** than " + code(k.Rule) + " in " + conflict
			}
			p("| %s | %s | %d | %s |", code(k.Name), rows, k.Rules, conflict)
		}
		p("")
	}
	if len(r.Replaced) > 0 {
		p("## Matched rules\n\nInstall these prebuilt rules in place of the translations, when what they alert on beyond the original is wanted.\n")
		p("| rule | title | prebuilt rule | what it does |\n|---|---|---|---|")
		for _, m := range r.Replaced {
			p("| %s | %s | %s %s | %s |", code(m.ID), cell(m.Title), cell(m.Name), code(m.RuleID), cell(m.Why))
		}
		p("")
	}
	r.writeUnfinished(p)
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// resultsMean and severitiesMean explain the words of the report once.
const (
	resultsMean = "**full**: the same alerts as in Splunk. **partial**: a draft, which is a query that a person has to look at. " +
		"**untranslatable**: no useful query."
	severitiesMean = "A **hole** is a part of the search that has no translation: the draft goes on without it. An **approximation** is " +
		"translated, and its alerts can differ in the case that it names."
)

// Severity is the word of the reports for the severity of a diagnostic.
func Severity(s string) string {
	if s == "error" {
		return "hole"
	}
	return s
}

// IsFilter says whether a missing resource is a filter macro, in which houses keep the exclusions of a rule. It is one where
// each rule that calls it says so: what else a macro does nobody knows.
func (m MissingResource) IsFilter() bool { return m.Filter }

// writeMissing lists what nobody defined: filter macros apart, because each is a rule's list of exclusions.
func (r Report) writeMissing(p func(format string, args ...any)) {
	var filters, others []MissingResource
	for _, m := range r.Missing {
		if m.IsFilter() {
			filters = append(filters, m)
		} else {
			others = append(others, m)
		}
	}
	if len(others) > 0 {
		p("## Missing resources\n\nExport these from Splunk, give them with `--macros` or `--lookups`, and migrate again.\n")
		p("| kind | name | rules | |\n|---|---|---:|---|")
		for _, m := range others {
			p("| %s | %s | %d | %s |", cell(m.Kind), code(m.Name), m.Rules, m.Advice())
		}
		p("")
	}
	if len(filters) > 0 {
		p("## Missing filter macros\n\nThese macros hold the exclusions of your house. Without their definitions the rules alert on what you have excluded. Export them from Splunk and give them with `--macros`.\n")
		p("| name | rules |\n|---|---:|")
		for _, m := range filters {
			p("| %s | %d |", code(m.Name), m.Rules)
		}
		p("")
	}
}

// writeUnfinished names every rule that is not full, with its first cause.
func (r Report) writeUnfinished(p func(format string, args ...any)) {
	if len(r.Unfinished) == 0 {
		return
	}
	p("## Rules to look at\n\nEvery rule that is neither full nor matched, with its first cause: the worst first. The place is line:column of the SPL; all causes stand with the rule in rules.ndjson.\n")
	p("| rule | title | | place | first cause | more |\n|---|---|---|---|---|---:|")
	for _, l := range r.Unfinished {
		state, place, more := l.Result, "", ""
		if l.Status == "error" {
			state = "error"
		}
		if l.Line > 0 {
			place = fmt.Sprintf("%d:%d", l.Line, l.Column)
		}
		if l.Causes > 1 {
			more = strconv.Itoa(l.Causes - 1)
		}
		p("| %s | %s | %s | %s | %s | %s |", code(l.ID), cell(l.Title), state, place, cell(l.Why), more)
	}
	if r.Unlisted > 0 {
		p("\n%d more stand in rules.ndjson.", r.Unlisted)
	}
	p("")
}

func parked(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + cell(reason) + ")"
}

func percent(n, of int) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

var cellEscapes = strings.NewReplacer("|", `\|`, "\r\n", " ", "\n", " ", "\r", " ", "<", "&lt;", "`", "\\`", "*", `\*`, "_", `\_`)

// cell escapes text for a table.
func cell(s string) string { return cellEscapes.Replace(visible(s)) }

// visible replaces control characters, which would command a terminal that shows the file, and those that turn the
// direction of the text, which would show a name as another. Line feeds and tabs stay.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return r
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// code shows text verbatim in a table.
func code(s string) string {
	if s == "" {
		return ""
	}
	s = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(visible(s))
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}
