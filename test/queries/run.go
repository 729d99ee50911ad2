package queries

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// Query is one rule with the literals of one run, in one form.
type Query struct {
	Form Form
	Text string
}

// Compiler makes the queries.
type Compiler struct{ ecs, stored *translate.Compiler }

// NewCompiler returns a compiler for the events of this package.
func NewCompiler() (*Compiler, error) {
	ecs, err := translate.New(translate.Options{})
	if err != nil {
		return nil, err
	}
	stored, err := translate.New(translate.Options{Schema: schema.Identity([]string{IndexName}, types)})
	if err != nil {
		return nil, err
	}
	return &Compiler{ecs, stored}, nil
}

// Queries writes a rule in every form. A rule that is not translated in full is an error. What follows the conditions
// is the same in all forms.
func (c *Compiler) Queries(r Rule, l Literals) ([]Query, error) {
	text, compiler := r.SPL(l), c.ecs
	if r.Stored {
		compiler = c.stored
	}
	out := compiler.Translate(translate.Request{ID: r.Name, Query: text})
	if out.Result != translate.Full {
		return nil, fmt.Errorf("rule %s is %s: %s\n%v", r.Name, out.Result, text, out.Diagnostics)
	}
	queries := []Query{{Translated, out.Query}}
	for _, form := range Forms()[1:] {
		conditions, err := renderer{form}.baseline(text)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Name, err)
		}
		queries = append(queries, Query{form, replaceConditions(out, conditions)})
	}
	return queries, nil
}

// replaceConditions puts others in the place of those that the leading search, tstats, where and regex became.
func replaceConditions(out translate.Output, conditions string) string {
	var lines []string
	for _, s := range out.Stages {
		for _, line := range s.ESQL {
			line = strings.TrimPrefix(strings.TrimSpace(line), "| ")
			if strings.HasPrefix(line, "WHERE ") && slices.Contains([]string{"search", "tstats", "where", "regex"}, s.Command) {
				continue
			}
			lines = append(lines, line)
			if strings.HasPrefix(line, "FROM ") {
				lines = append(lines, "WHERE "+conditions)
			}
		}
	}
	return strings.Join(lines, "\n| ")
}

// Window is how much of the events a query sees, as Kibana's time range does; zero is all.
type Window time.Duration

// Windows are those that are measured.
func Windows() []Window { return []Window{Window(time.Hour), Window(5 * time.Minute), 0} }

func (w Window) String() string {
	switch {
	case w == 0:
		return "everything"
	case time.Duration(w) < time.Hour:
		return fmt.Sprintf("%d minutes", time.Duration(w)/time.Minute)
	}
	return fmt.Sprintf("%d hour", time.Duration(w)/time.Hour)
}

// filter is the window's time range; which part of the events it is differs from run to run.
func (w Window) filter(run int) any {
	if w == 0 {
		return nil
	}
	steps := int(Span/time.Duration(w)) - 1
	from := Start.Add(time.Duration(w)*time.Duration(run*7%steps) + time.Minute)
	const layout = "2006-01-02T15:04:05.000Z"
	return map[string]any{"range": map[string]any{"@timestamp": map[string]any{
		"gte": from.Format(layout), "lt": from.Add(time.Duration(w)).Format(layout), "format": "strict_date_optional_time"}}}
}

// mostRows is the number of rows that ES|QL returns without a LIMIT, as Load sets it, the most it allows: with as many, which
// ones come is chance.
const mostRows = 10_000

// Run runs queries in an order that rotates with the run, and returns the time of each and the number of rows. That the
// rows differ is an error.
func Run(ctx context.Context, c *elasticsearch.Client, queries []Query, w Window, run int) (times []time.Duration, rows int, err error) {
	times = make([]time.Duration, len(queries))
	results := make([][]string, len(queries))
	for k := range queries {
		i := (k + run) % len(queries)
		began := time.Now()
		result, err := c.ESQL(ctx, queries[i].Text, elasticsearch.ESQLOptions{Filter: w.filter(run), Timeout: 2 * time.Minute})
		times[i] = time.Since(began)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w\n%s", queries[i].Form, err, queries[i].Text)
		}
		results[i] = sorted(result)
	}
	if len(results[0]) >= mostRows {
		return nil, 0, fmt.Errorf("the limit of %d rows hides some\n%s", mostRows, queries[0].Text)
	}
	for i := range queries {
		if !slices.Equal(results[0], results[i]) {
			return nil, 0, fmt.Errorf("%d rows as %s, %d as %s behind %s\n%s\n%s\nonly the first: %s\nonly the second: %s", len(results[0]), queries[0].Form, len(results[i]), queries[i].Form, w,
				queries[0].Text, queries[i].Text, without(results[0], results[i]), without(results[i], results[0]))
		}
	}
	return times, len(results[0]), nil
}

// sorted are the rows of a result as text, whatever order they came in.
func sorted(r elasticsearch.Result) []string {
	order := make([]int, len(r.Columns))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(r.Columns[a].Name, r.Columns[b].Name) })
	rows := make([]string, len(r.Values))
	for i, values := range r.Values {
		var b strings.Builder
		for _, at := range order {
			fmt.Fprintf(&b, "%s=%v ", r.Columns[at].Name, values[at])
		}
		rows[i] = b.String()
	}
	slices.Sort(rows)
	return rows
}

// without is a row of a that b lacks.
func without(a, b []string) string {
	for _, row := range a {
		if _, found := slices.BinarySearch(b, row); !found {
			return row
		}
	}
	return "none"
}
