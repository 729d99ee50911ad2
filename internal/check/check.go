// Package check says what is wrong with an ES|QL query, for people who write one: by the language, and by what the schema
// knows of the fields of its sources.
package check

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// Severities of a Problem.
const (
	SeverityError   = "error"
	SeverityWarning = "warning" // it may be meant so
)

// Problem is something wrong with a query, from Start to the position after its end.
type Problem struct {
	Severity string             `json:"severity"`
	Message  string             `json:"message"`
	Start    migration.Position `json:"start"`
	End      migration.Position `json:"end"`
}

// Checker checks queries against the language, and names of fields against the schema.
type Checker struct {
	Known   compile.Known
	Version esql.Version
}

// Check gives the problems in the order of the text. A field that the schema does not know is a warning: the cluster may
// have it. A query can be made so that this takes long, or much memory: check those of strangers in a process apart.
func (c Checker) Check(query string) []Problem {
	tree, err := esql.Parse(query)
	if err != nil {
		var syntax *esql.SyntaxError
		if !errors.As(err, &syntax) {
			return []Problem{{Severity: SeverityError, Message: err.Error(), Start: first, End: first}}
		}
		at := migration.Position{Line: int(syntax.Pos.Line), Column: int(syntax.Pos.Column)}
		return []Problem{{Severity: SeverityError, Message: syntax.Message, Start: at, End: migration.Position{Line: at.Line, Column: at.Column + 1}}}
	}
	var problems []Problem
	for _, p := range append(esql.Check(tree, c.versioned(tree)), esql.CheckAlert(tree)...) {
		found := Problem{Severity: SeverityError, Message: p.Message, Start: positionOf(p.Place.Start), End: positionOf(p.Place.End)}
		switch {
		case p.Code == esql.CodeUnknownColumn && strings.Contains(p.Message, "*"):
			continue // a wildcard over fields, which the schema does not list
		case p.Code == esql.CodeUnknownColumn:
			found.Severity = SeverityWarning
			found.Message += ": neither the query nor the schema of these indices has it"
		case p.Lint:
			found.Severity = SeverityWarning
		}
		problems = append(problems, found)
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Start.Line, b.Start.Line), cmp.Compare(a.Start.Column, b.Start.Column))
	})
	return problems
}

var first = migration.Position{Line: 1, Column: 1}

func positionOf(p esql.Pos) migration.Position {
	if p.Line == 0 {
		return first
	}
	return migration.Position{Line: int(p.Line), Column: int(p.Column)}
}

// versioned is env for the version of the language.
func (c Checker) versioned(tree *esql.Query) esql.Env {
	e := c.env(tree)
	e.Version = c.Version
	return e
}

// env has the fields that the query names and the schema knows, of any type. Where the schema does not know what is read,
// no field is held to be unknown.
func (c Checker) env(tree *esql.Query) esql.Env {
	names := map[string]bool{}
	everything := true
	esql.Inspect(tree, func(n esql.Node) bool {
		switch n := n.(type) {
		case *esql.From:
			for _, pattern := range n.Indices {
				everything = everything && c.Known.Index(pattern)
			}
		case *esql.Column:
			names[n.Name] = true
		case *esql.Keep:
			for _, name := range n.Names {
				names[name] = true
			}
		case *esql.Drop:
			for _, name := range n.Names {
				names[name] = true
			}
		case *esql.Rename:
			for _, pair := range n.Pairs {
				names[pair.Old] = true
			}
		case *esql.MvExpand:
			names[n.Field] = true
		case *esql.LookupJoin:
			for _, name := range n.On {
				names[name] = true
			}
		case *esql.Enrich:
			names[n.On] = true
		}
		return true
	})
	if !everything {
		return esql.Env{}
	}
	return esql.Env{Columns: func(patterns []string) (map[string]string, bool) {
		columns := map[string]string{}
		for name := range names {
			if name == "@timestamp" || c.Known.Field(patterns, name) {
				columns[name] = ""
			}
		}
		return columns, true
	}}
}
