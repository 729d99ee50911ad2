// Package interpret runs a search over events that somebody pasted, with the macros and lookups of a migration, within
// bounds that suit somebody who waits.
package interpret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// Bounds of one search. A search that needs more says so in its answer.
const (
	maxTime   = 5 * time.Second
	maxSteps  = 20_000_000
	maxHeld   = 100_000   // rows in one step
	maxBytes  = 256 << 20 // of values held at once
	maxRows   = 1000      // of the answer
	maxAnswer = 2 << 20   // bytes of its values
)

// Request is a search and what it runs over.
type Request struct {
	SPL string `json:"spl"`
	// Events are JSON objects, or lines as a log has them.
	Events []string `json:"events"`
	// Now is when the search starts; events without a time are from that moment.
	Now time.Time `json:"now"`
}

// Answer is what a search gave. Error is set, and the rest empty, when it could not be run.
type Answer struct {
	Columns []string `json:"columns"`
	// Rows have a value a column: a text, a number, a list of these, or null.
	Rows [][]any `json:"rows"`
	// Truncated: the search gave more rows.
	Truncated bool     `json:"truncated"`
	Notes     []string `json:"notes"`
	Error     string   `json:"error,omitempty"`
}

// Resources is where the macros and lookups of migrations are.
type Resources interface {
	Resources(ctx context.Context, id string) ([]migration.Resource, error)
}

// Runner runs searches with what resources has.
type Runner struct{ Resources Resources }

// Try runs a search with the macros and lookups of a migration; without an id there are none. An error is one of the
// resources or of ctx: what is wrong with the search or the events stands in the answer.
func (r Runner) Try(ctx context.Context, migrationID string, q Request) (Answer, error) {
	var resources []migration.Resource
	if migrationID != "" {
		var err error
		if resources, err = r.Resources.Resources(ctx, migrationID); err != nil {
			return Answer{}, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	a, err := try(limited, resources, q)
	if ctx.Err() != nil {
		return Answer{}, ctx.Err()
	}
	if err != nil {
		return Answer{Columns: []string{}, Rows: [][]any{}, Notes: []string{}, Error: explain(err)}, nil
	}
	return a, nil
}

func explain(err error) string {
	var e *run.Error
	var l *run.LimitError
	switch {
	case errors.As(err, &e):
		return where(e.At) + ": " + err.Error()
	case errors.As(err, &l):
		return fmt.Sprintf("%s: the search needs more than %s: narrow it, or give fewer events", where(l.At), l.What)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the search took longer than %s: narrow it, or give fewer events", maxTime)
	}
	return err.Error()
}

func where(s spl.Span) string {
	return fmt.Sprintf("line %d, column %d", max(s.Start.Line, 1), max(s.Start.Column, 1))
}

func try(ctx context.Context, resources []migration.Resource, q Request) (Answer, error) {
	in := run.Input{Macros: Macros(resources), Lookups: Lookups(resources), Now: q.Now, Zone: time.UTC,
		Limits: run.Limits{Rows: maxHeld, Steps: maxSteps, Bytes: maxBytes}}
	var notes []string
	var err error
	if in.Events, notes, err = events(q.Events, q.Now); err != nil {
		return Answer{}, err
	}
	query := q.SPL
	tree := spl.Parse(query, spl.Options{Macros: in.Macros})
	if run.HasValues(query, tree) {
		if query, err = run.Values(ctx, query, in); err != nil {
			return Answer{}, err
		}
		tree = spl.Parse(query, spl.Options{Macros: in.Macros})
	}
	if len(tree.Problems) > 0 {
		p := tree.Problems[0]
		return Answer{}, fmt.Errorf("%s: %s", where(p.Span()), p.Message)
	}
	res, err := run.Run(ctx, lower.Lower(tree), in)
	if err != nil {
		return Answer{}, err
	}
	for _, n := range res.Notes {
		notes = append(notes, where(n.At)+": "+n.Text)
	}
	return answer(res, notes), nil
}

func answer(res *run.Result, notes []string) Answer {
	a := Answer{Columns: slices.Clone(res.Columns), Rows: [][]any{}, Notes: notes}
	if a.Columns == nil {
		a.Columns = []string{}
	}
	if a.Notes == nil {
		a.Notes = []string{}
	}
	size := 0
	for _, r := range res.Rows {
		row := make([]any, len(res.Columns))
		for i, c := range res.Columns {
			v := r.Get(c)
			for _, x := range v {
				size += len(x.Text()) + 8
			}
			row[i] = cell(v)
		}
		if len(a.Rows) == maxRows || size > maxAnswer {
			a.Truncated = true
			break
		}
		a.Rows = append(a.Rows, row)
	}
	return a
}

func cell(v value.Value) any {
	switch {
	case v.Missing():
		return nil
	case len(v) == 1:
		return atom(v[0])
	}
	list := make([]any, len(v))
	for i, x := range v {
		list[i] = atom(x)
	}
	return list
}

// atom is a number where the value is one that a reader of JSON takes as it is written: with more digits it stays a text.
func atom(a value.Atom) any {
	const digits = 15
	s := a.Text()
	if a.Kind() == value.Number || a.IsWritten() {
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && len(s) <= digits && json.Valid([]byte(s)) {
			return json.Number(s)
		}
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// macros are found by name and number of arguments.
type macros map[string]spl.MacroDef

// Macros are those of resources, for the parser. Of two with one name and arity the last is taken.
func Macros(resources []migration.Resource) spl.Macros {
	m := macros{}
	for _, r := range resources {
		if r.Type == migration.ResourceMacro {
			name, _, _ := strings.Cut(r.Name, "(")
			m[macroKey(name, len(r.Arguments))] = spl.MacroDef{Name: name, Arguments: r.Arguments, Definition: r.Definition, Eval: r.IsEval}
		}
	}
	return m
}

func macroKey(name string, nargs int) string { return fmt.Sprintf("%s(%d)", name, nargs) }

// Macro finds a macro.
func (m macros) Macro(name string, nargs int) (spl.MacroDef, bool) {
	d, ok := m[macroKey(name, nargs)]
	return d, ok
}

// Lookups are those of resources, by name. match_type is written as in transforms.conf: WILDCARD(a), CIDR(b). A lookup
// that does not say matches with case, as Splunk's default is.
func Lookups(resources []migration.Resource) map[string]run.Lookup {
	lookups := map[string]run.Lookup{}
	for _, r := range resources {
		if r.Type != migration.ResourceLookup {
			continue
		}
		l := run.Lookup{Columns: r.Columns, Rows: r.Rows, CaseSensitive: r.CaseSensitiveMatch == nil || *r.CaseSensitiveMatch,
			MaxMatches: r.MaxMatches, MinMatches: r.MinMatches, DefaultMatch: r.DefaultMatch, MatchType: map[string]string{}}
		for part := range strings.SplitSeq(r.MatchType, ",") {
			kind, column, ok := strings.Cut(strings.TrimSpace(part), "(")
			if ok {
				l.MatchType[strings.TrimSpace(strings.TrimSuffix(column, ")"))] = strings.ToUpper(strings.TrimSpace(kind))
			}
		}
		lookups[r.Name] = l
	}
	return lookups
}
