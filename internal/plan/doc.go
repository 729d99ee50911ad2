// Package plan holds the meaning of a search as a tree of relational steps, before any other language is thought of.
// Package lower makes it from SPL, package run gives its rows, and a translation reads it.
//
// A node takes the rows of its input and gives rows; its scope says which columns stand behind it. Names are Splunk's at
// that point, because commands such as rename, xyseries or eval {field} make names of data; a column carries an id
// beside its name so that it can be followed through renames.
//
// Nodes say in what order their rows come, because first, last, dedup, head and streamstats mean that order.
package plan

import (
	"slices"

	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// Plan is a search with what was noted on the way.
type Plan struct {
	Root  Node
	Notes []Note
	// Problems are syntax errors of the search; what they concern is a Hole in the tree.
	Problems []spl.Problem
}

// Note is something a reader should know that does not stop the search: a command that only writes elsewhere, an option
// without effect.
type Note struct {
	At   spl.Span
	Text string
}

// Origin says where the values of a column come from.
type Origin uint8

// The origins.
const (
	Stored     Origin = iota // a field of the events
	Computed                 // eval, rex, bin, rename of such
	Aggregated               // stats and its kin
	LookedUp                 // output of a lookup
	Lost                     // behind a hole
)

// String names the origin.
func (o Origin) String() string {
	return [...]string{"stored", "computed", "aggregated", "looked up", "lost"}[o]
}

// Column is one column at one point of the plan.
type Column struct {
	ID     int // the same for the same values under another name; 0 for a column that is not there
	Name   string
	Desc   value.Desc
	Origin Origin
	At     spl.Span
	// From is the name of the stored field or of the lookup's column, where it differs from Name.
	From string
}

// Scope is what a node's rows can hold. It is not changed once made.
type Scope struct {
	Columns []Column
	// Open says that the rows can have fields beside Columns, except for those in Gone.
	Open bool
	Gone []string
}

// Find is the column of a name. In an open scope a further name is a stored field, with id 0; in a closed one it is
// missing in every row.
func (s Scope) Find(name string) (Column, bool) {
	for i := len(s.Columns) - 1; i >= 0; i-- {
		if s.Columns[i].Name == name {
			return s.Columns[i], true
		}
	}
	if s.Open && !slices.ContainsFunc(s.Gone, func(p string) bool { return value.Wild(name, p, false) }) {
		return Column{Name: name, Desc: value.Desc{Kind: value.Numeral, Missing: value.Maybe, Several: value.Maybe, Settled: true}, Origin: Stored}, false
	}
	return Column{Name: name, Desc: value.Desc{Kind: value.Missing, Missing: value.Always, Settled: true}}, false
}

// With is the scope with columns added, each in place of one with its name.
func (s Scope) With(cols ...Column) Scope {
	out := Scope{Open: s.Open, Gone: s.Gone, Columns: make([]Column, 0, len(s.Columns)+len(cols))}
	for _, c := range s.Columns {
		if !slices.ContainsFunc(cols, func(d Column) bool { return d.Name == c.Name }) {
			out.Columns = append(out.Columns, c)
		}
	}
	out.Columns = append(out.Columns, cols...)
	return out
}

// Keep is the scope of the columns whose names match a pattern. An open scope stays open only where a pattern has a
// wildcard.
func (s Scope) Keep(patterns []string) Scope {
	out := Scope{}
	for _, p := range patterns {
		if isPattern(p) {
			out.Open = out.Open || s.Open
			for _, c := range s.Columns {
				if value.Wild(c.Name, p, false) && !out.has(c.Name) {
					out.Columns = append(out.Columns, c)
				}
			}
			continue
		}
		if c, _ := s.Find(p); !out.has(p) && c.Desc.Missing != value.Always {
			out.Columns = append(out.Columns, c)
		}
	}
	out.Gone = s.Gone
	return out
}

func (s Scope) has(name string) bool {
	return slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Name == name })
}

// Drop is the scope without the columns whose names match a pattern.
func (s Scope) Drop(patterns []string) Scope {
	out := Scope{Open: s.Open}
	for _, c := range s.Columns {
		if !slices.ContainsFunc(patterns, func(p string) bool { return value.Wild(c.Name, p, false) }) {
			out.Columns = append(out.Columns, c)
		}
	}
	if s.Open {
		out.Gone = append(slices.Clone(s.Gone), patterns...)
	}
	return out
}

func isPattern(name string) bool { return slices.Contains([]byte(name), '*') }
