package value

import (
	"fmt"
	"slices"
	"strings"
)

// pageRoot is where the pages of Splunk's documentation stand.
const pageRoot = "https://docs.splunk.com/Documentation/Splunk/latest/"

// Document writes the page for people who want to know what SPL does with values: the table, place by place, each row
// with the page that settles it.
func Document() string {
	var b strings.Builder
	b.WriteString(`# What SPL does with values

Generated from the table in internal/value: run ` + "`go test ./internal/value -run TestDocument -update`" + ` after a change.

In Splunk every field of an event is text, and what an operation makes of the text depends on the operation and on the place
it stands in: 10 is less than 9 in one place and greater in another. This page is the table that ` + "`rulebridge run`" + ` follows.
Each row names the page of Splunk's documentation that says so. Where **no page** stands, none was found that settles the row,
and what is written is what Rulebridge takes: do not build an alert on it.

## Kinds of values

- **text**: text that is no number, such as a path.
- **numeral**: text that may be a number: fields of events, and what rex, lookup, split and strftime give.
- **number**: the result of a calculation. A whole one shows no decimals (2, not 2.0) and is written out (20000000, not 2e7);
  round(x, 2) shows two decimals; a product or quotient of numbers with a fraction shows the significant figures of the least
  precise one, and exact() lifts that; other results show the digits they need.
- **time**: a number of seconds since 1970.
- **address**: the text of an IP address.
- **boolean**: the result of a condition.
- **missing**: no value at all. An empty text is a value.

Any of them may come several times in one field (**several**).

`)
	settled, open := 0, 0
	pages := map[Page]bool{}
	for _, place := range []Place{InSearch, InEval, InStats, InSort, InKey, InLookup} {
		b.WriteString("## In " + place.String() + "\n\n| operation | with | gives | what Splunk does | page |\n|---|---|---|---|---|\n")
		for _, o := range All() {
			if o.Place != place {
				continue
			}
			for i, r := range o.Rows {
				name := ""
				if i == 0 {
					name = "`" + cell(o.Name) + "`"
				}
				page := "**no page**"
				if r.Page != "" {
					page = "[" + string(r.Page) + "](" + pageRoot + string(r.Page) + ")"
					settled++
					pages[r.Page] = true
				} else {
					open++
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, with(o, r), gives(r), cell(r.Does), page)
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "## Sources\n\n%d rows are settled by a page, %d are not. The pages:\n\n", settled, open)
	var list []string
	for p := range pages {
		list = append(list, string(p))
	}
	slices.Sort(list)
	for _, p := range list {
		b.WriteString("- " + pageRoot + p + "\n")
	}
	return b.String()
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }

func with(o *Op, r Row) string {
	if o.Max == 0 {
		return ""
	}
	var parts []string
	for _, k := range r.Kinds {
		parts = append(parts, k.String())
	}
	s := strings.Join(parts, ", ")
	if o.Max < 0 {
		s += ", …"
	}
	return s
}

func gives(r Row) string {
	s := r.Result.String()
	if r.Result == Missing {
		return s
	}
	if r.Missing == Maybe {
		s += " or missing"
	}
	if r.Several == Maybe {
		s += ", maybe several"
	}
	return s
}
