package esql

import (
	"fmt"
	"slices"
)

// Env is what a query is checked against.
type Env struct {
	// Columns returns the columns of the indices that the patterns of FROM cover, with ES|QL's type names; the type of a
	// field that ES|QL cannot read is "unsupported", of one that is mapped differently in them "conflict". Not ok means
	// that there is no such index. Without the function no column is known, and none is reported as unknown.
	Columns func(patterns []string) (columns map[string]string, ok bool)
	// Lookup does the same for an index in lookup mode.
	Lookup func(index string) (columns map[string]string, ok bool)
	// DefaultType is the type of columns that Columns does not list; empty means that they are unknown.
	DefaultType string
	Version     Version
}

// Code is the kind of a Problem.
type Code string

// The codes of problems.
const (
	CodeUnknownIndex    Code = "unknown_index"
	CodeUnknownColumn   Code = "unknown_column"
	CodeUnknownFunction Code = "unknown_function"
	CodeArguments       Code = "argument_count"
	CodeType            Code = "type"
	CodeConstant        Code = "constant_required"
	CodeValue           Code = "value"
	CodeUnsupported     Code = "unsupported_field"
	CodeAggregate       Code = "aggregate"
	CodeGrouping        Code = "grouping"
	CodeFullText        Code = "full_text"
	CodePattern         Code = "pattern"
	CodeComplex         Code = "pattern_too_complex"
	CodeLimit           Code = "limit"
	CodeTarget          Code = "not_in_target"
	CodeName            Code = "name"
	CodeMetadata        Code = "metadata"
	CodeJoin            Code = "lookup_join"
	// CodeLostColumn is a lint: one column of STATS hides another of the same name.
	CodeLostColumn Code = "lost_column"
	// CodeAnalysed is a lint: a match on a text field is by words.
	CodeAnalysed Code = "analysed_match"
	// CodeAlertKeys is a lint: a rule without STATS has to keep _id, _index and _version.
	CodeAlertKeys Code = "alert_keys"
)

// Problem is something wrong with a query.
type Problem struct {
	// Place is zero where the node was built, not parsed.
	Place   Span
	Code    Code
	Message string
	// Lint: Elasticsearch accepts it, but it hardly does what it looks like.
	Lint bool
}

func (p Problem) String() string {
	if p.Place.Start.Line == 0 {
		return fmt.Sprintf("%s: %s", p.Code, p.Message)
	}
	return fmt.Sprintf("line %d:%d: %s: %s", p.Place.Start.Line, p.Place.Start.Column, p.Code, p.Message)
}

// Check returns what Elasticsearch would refuse about a query, and lints, in the order of the text. A name that is
// unknown or wrong is reported once; what follows from it is not.
func Check(q *Query, env Env) []Problem {
	c := checker{env: env, scope: &scope{}}
	c.query(q)
	return c.problems
}

// VersionOf is the first version that has the commands, functions and settings of a query.
func VersionOf(q *Query) Version {
	if slices.ContainsFunc(Check(q, Env{}), func(p Problem) bool { return p.Code == CodeTarget }) {
		return V9
	}
	return V8
}

// Columns returns the columns of a query's result, and false when they are not all known (an unknown index or policy).
func Columns(q *Query, env Env) ([]ColumnInfo, bool) {
	c := checker{env: env, scope: &scope{}}
	c.query(q)
	var list []ColumnInfo
	for _, col := range c.scope.all() {
		typ := col.typ
		if typ == typeConflict {
			typ = typeUnsupported
		}
		list = append(list, ColumnInfo{Name: col.name, Type: typ})
	}
	return list, !c.scope.open
}

// Accepted reports whether no problem but lints is among them.
func Accepted(problems []Problem) bool {
	return !slices.ContainsFunc(problems, func(p Problem) bool { return !p.Lint })
}

// CheckAlert returns what a query lacks as a detection rule: without STATS every alert needs _id, _index and _version,
// by which Kibana leaves out duplicates.
func CheckAlert(q *Query) []Problem {
	need := []string{"_id", "_index", "_version"}
	var problems []Problem
	report := func(n Node, format string, args ...any) {
		problems = append(problems, Problem{Place: n.Place(), Code: CodeAlertKeys, Message: fmt.Sprintf(format, args...), Lint: true})
	}
	if groups(q.Commands) {
		return nil
	}
	for _, c := range q.Commands {
		switch c := c.(type) {
		case *From:
			for _, name := range need {
				if !slices.Contains(c.Metadata, name) {
					report(c, "without STATS, FROM needs METADATA _id, _index, _version: %s is missing", name)
				}
			}
		case *Keep:
			for _, name := range need {
				if !slices.ContainsFunc(c.Names, func(p string) bool { return matchPattern(p, name) }) {
					report(c, "KEEP drops %s, which alerts need; add it at the end", name)
				}
			}
		case *Drop:
			for _, name := range need {
				if slices.ContainsFunc(c.Names, func(p string) bool { return matchPattern(p, name) }) {
					report(c, "DROP drops %s, which alerts need", name)
				}
			}
		case *Rename:
			for _, pair := range c.Pairs {
				if slices.Contains(need, pair.Old) {
					report(c, "RENAME takes %s away, which alerts need", pair.Old)
				}
			}
		}
	}
	return problems
}

// groups says that no row is an event any more: a STATS, or a FORK with one in each branch.
func groups(commands []Command) bool {
	for _, c := range commands {
		switch c := c.(type) {
		case *Stats:
			if !c.Inline {
				return true
			}
		case *Fork:
			if len(c.Branches) > 0 && !slices.ContainsFunc(c.Branches, func(b []Command) bool { return !groups(b) }) {
				return true
			}
		}
	}
	return false
}

// Limits of Elasticsearch 8.19, measured.
const (
	maxExprDepth  = 300
	maxCommands   = 500
	maxQueryRunes = 1_000_000
	maxRegexRunes = 1000 // index.max_regex_length
)

type checker struct {
	env      Env
	scope    *scope
	problems []Problem
	// What came before the current command, for the position rules of full-text functions.
	afterMatch string // the LIMIT or STATS that a match cannot follow
	afterQuery string // the command that QSTR and KQL cannot follow
}

func (c *checker) report(n Node, code Code, format string, args ...any) {
	c.problems = append(c.problems, Problem{Place: n.Place(), Code: code, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) lint(n Node, code Code, format string, args ...any) {
	c.report(n, code, format, args...)
	c.problems[len(c.problems)-1].Lint = true
}

func (c *checker) query(q *Query) {
	count := 0
	for _, command := range q.Commands {
		if _, ok := command.(*Comment); !ok {
			count++
		}
	}
	if count > maxCommands+1 && len(q.Commands) > 0 {
		c.report(q.Commands[0], CodeLimit, "%d commands, at most %d are allowed", count, maxCommands)
	}
	if size := textSize(q); size > maxQueryRunes/2 && len(q.Commands) > 0 {
		if n := len([]rune(Print(q))); n > maxQueryRunes {
			c.report(q.Commands[0], CodeLimit, "the query has %d characters, at most %d are allowed", n, maxQueryRunes)
		}
	}
	for _, command := range q.Commands {
		c.command(command)
	}
}

// textSize estimates the length of a query from below.
func textSize(q *Query) int {
	size := 0
	Inspect(q, func(n Node) bool {
		size += 2
		switch n := n.(type) {
		case *Column:
			size += len(n.Name)
		case *Literal:
			if s, ok := n.Value.(string); ok {
				size += len(s)
			}
		case *Like:
			for _, p := range n.Patterns {
				size += len(p)
			}
		}
		return true
	})
	return size
}
