// Package agree compares the checker of internal/esql with a real node: both should accept a query, or both refuse it.
package agree

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// Query is one query to compare.
type Query struct {
	Name, Text string
}

// World is a node with the indices that queries are about, and what the checker is told of them.
type World struct {
	Client *elasticsearch.Client
	// Catalogue answers for index patterns of integrations and creates their indices when asked; it may be nil.
	Catalogue *elasticsearch.Catalogue
	// Indices and Lookups are the columns of further indices, by name.
	Indices, Lookups map[string]map[string]string
	// Timeout bounds a query on the node; zero means 30 s.
	Timeout time.Duration
}

// Env is what the checker is told.
func (w *World) Env() esql.Env {
	return esql.Env{
		Columns: func(patterns []string) (map[string]string, bool) {
			all := map[string]string{}
			found := false
			add := func(columns map[string]string) {
				found = true
				for name, typ := range columns {
					if old, ok := all[name]; ok && old != typ {
						typ = "conflict"
					}
					all[name] = typ
				}
			}
			var rest []string
			for _, pattern := range patterns {
				matched := false
				for _, index := range slices.Sorted(maps.Keys(w.Indices)) {
					if ok, err := path.Match(pattern, index); err == nil && ok && !slices.Contains(patterns, "-"+index) {
						add(w.Indices[index])
						matched = true
					}
				}
				if matched || strings.HasPrefix(pattern, "-") {
					continue
				}
				if !strings.Contains(pattern, "*") && (w.Catalogue == nil || w.Catalogue.Columns(pattern) == nil) {
					return nil, false
				}
				rest = append(rest, pattern)
			}
			if w.Catalogue != nil && len(rest) > 0 {
				if columns := w.Catalogue.Columns(rest...); columns != nil {
					if !found {
						return columns, true // shared, not copied
					}
					add(columns)
				}
			}
			return all, found
		},
		Lookup: func(index string) (map[string]string, bool) {
			columns, ok := w.Lookups[index]
			return columns, ok
		},
	}
}

// Verdict is what both say of a query.
type Verdict struct {
	Query
	// Problems is what the checker found; a syntax error is one with the code "syntax".
	Problems []esql.Problem
	// Engine is the node's error, nil when it ran.
	Engine error
	// Columns compares the columns of the result where both accept; empty when they agree.
	Columns string
}

// CheckerAccepts reports whether our side accepts the query.
func (v Verdict) CheckerAccepts() bool { return esql.Accepted(v.Problems) }

// Agree reports whether both sides say the same.
func (v Verdict) Agree() bool { return v.CheckerAccepts() == (v.Engine == nil) && v.Columns == "" }

func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.Name, v.Text)
	for _, p := range v.Problems {
		fmt.Fprintf(&b, "  checker: %v\n", p)
	}
	if len(v.Problems) == 0 {
		b.WriteString("  checker: accepts\n")
	}
	if v.Engine != nil {
		fmt.Fprintf(&b, "  node: %.300v", v.Engine)
	} else {
		b.WriteString("  node: accepts")
	}
	if v.Columns != "" {
		b.WriteString("\n  columns: " + v.Columns)
	}
	return b.String()
}

// Report sums up a run.
type Report struct {
	Total, BothAccept, BothReject int
	// CheckerOnly are refused by the checker alone, EngineOnly by the node alone, Columns accepted by both with other
	// columns.
	CheckerOnly, EngineOnly, Columns []Verdict
	// Refused are refused by both.
	Refused []Verdict
}

func (r Report) String() string {
	return fmt.Sprintf("%d queries: %d accepted by both, %d refused by both, %d refused by the checker alone, %d by the node alone, %d with other columns",
		r.Total, r.BothAccept, r.BothReject, len(r.CheckerOnly), len(r.EngineOnly), len(r.Columns))
}

// Run compares all queries. It fails only when the node cannot be asked.
func Run(ctx context.Context, w *World, queries []Query) (Report, error) {
	var r Report
	env := w.Env()
	for _, q := range queries {
		v, err := compare(ctx, w, env, q)
		if err != nil {
			return r, fmt.Errorf("%s: %w", q.Name, err)
		}
		r.Total++
		switch {
		case v.Agree() && v.Engine == nil:
			r.BothAccept++
		case v.Agree():
			r.BothReject++
			r.Refused = append(r.Refused, v)
		case v.Columns != "":
			r.Columns = append(r.Columns, v)
		case v.Engine == nil:
			r.CheckerOnly = append(r.CheckerOnly, v)
		default:
			r.EngineOnly = append(r.EngineOnly, v)
		}
	}
	return r, nil
}

// Check runs one query on both sides.
func Check(ctx context.Context, w *World, q Query) (Verdict, error) {
	return compare(ctx, w, w.Env(), q)
}

func compare(ctx context.Context, w *World, env esql.Env, q Query) (Verdict, error) {
	v := Verdict{Query: q}
	tree, err := esql.Parse(q.Text)
	var syntax *esql.SyntaxError
	switch {
	case errors.As(err, &syntax):
		v.Problems = []esql.Problem{{Place: esql.Span{Start: syntax.Pos, End: syntax.Pos}, Code: "syntax", Message: syntax.Message}}
	case err != nil:
		return v, err
	default:
		if w.Catalogue != nil {
			if err := w.Catalogue.EnsureQuery(ctx, w.Client, tree); err != nil {
				return v, err
			}
		}
		v.Problems = esql.Check(tree, env)
	}
	timeout := w.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	result, err := w.Client.ESQL(ctx, q.Text, elasticsearch.ESQLOptions{Timeout: timeout})
	var refused *elasticsearch.Error
	switch {
	case errors.As(err, &refused), errors.Is(err, elasticsearch.ErrPartial):
		v.Engine = err
	case err != nil:
		return v, err
	case tree != nil && v.CheckerAccepts():
		v.Columns = otherColumns(tree, env, result.Columns)
	}
	return v, nil
}

// otherColumns compares the checker's columns with the node's. Order is compared only for short lists, because that of
// index fields is not defined by the language.
func otherColumns(q *esql.Query, env esql.Env, got []elasticsearch.Column) string {
	want, known := esql.Columns(q, env)
	if !known {
		return ""
	}
	types := map[string]string{}
	for _, c := range want {
		types[c.Name] = c.Type
	}
	var diff []string
	for _, c := range got {
		typ, ok := types[c.Name]
		if !ok {
			diff = append(diff, fmt.Sprintf("the node has %s %s", c.Name, c.Type))
		} else if typ != c.Type && typ != "" {
			diff = append(diff, fmt.Sprintf("%s is %s on the node, %s here", c.Name, c.Type, typ))
		}
		delete(types, c.Name)
	}
	for name, typ := range types {
		diff = append(diff, fmt.Sprintf("%s %s is not on the node", name, typ))
	}
	if len(diff) == 0 && len(got) <= 12 {
		for i := range got {
			if got[i].Name != want[i].Name {
				return fmt.Sprintf("column %d is %s on the node, %s here", i+1, got[i].Name, want[i].Name)
			}
		}
	}
	if len(diff) > 4 {
		diff = append(diff[:4], "…")
	}
	return strings.Join(diff, "; ")
}
