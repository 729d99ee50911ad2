// Package esql is ES|QL as a language: an AST, a readable printer, a parser and a checker that know the commands,
// functions, types and limits of Elasticsearch 8.19 and what 9.x adds. It knows nothing of Splunk and uses the
// standard library only.
package esql

import (
	"slices"
	"strings"
)

// Pos is a place in ES|QL text: Line and Column count from 1 (Column in characters), Offset counts bytes from 0. Every node
// has two of them, hence the small type: texts have at most 2 GiB.
type Pos struct{ Offset, Line, Column int32 }

// Span is a half-open range of ES|QL text. Nodes that were built, not parsed, have the zero Span until printed.
type Span struct{ Start, End Pos }

// At is embedded in every node.
//
// Origin carries whatever the builder wants to find again after printing (the compiler puts the SPL span's byte
// offsets there); the printer reports where each node with an Origin was printed.
type At struct {
	place  *Span // of parsed nodes; built ones have none, and most nodes are built
	Origin Origin
}

// Origin is a half-open byte range of the source a node was compiled from; the zero value means none.
type Origin struct{ Start, End int32 }

// Place returns the node's place in ES|QL text.
func (a *At) Place() Span {
	if a.place == nil {
		return Span{}
	}
	return *a.place
}

// CompiledFrom returns the node's Origin.
func (a *At) CompiledFrom() Origin { return a.Origin }

func (a *At) at() *At { return a }

// Node is any node; the interface is sealed.
type Node interface {
	Place() Span
	CompiledFrom() Origin
	at() *At
}

// Query is a whole query: the source command first.
type Query struct {
	Commands []Command
}

// Command is one command; the interface is sealed.
type Command interface {
	Node
	Keyword() string
	command()
}

// From is FROM patterns [METADATA fields].
type From struct {
	At
	// Set are the settings in front of the query, which 9.x has: they say how it reads its indices.
	Set      []Setting
	Indices  []string
	Metadata []string
}

// Setting is SET name = "value".
type Setting struct{ Name, Value string }

// UnmappedNull is the setting with which a field that no index maps is null. It is in preview from 9.4 on; without it, such a
// field is an error.
var UnmappedNull = Setting{Name: "unmapped_fields", Value: "nullify"}

// nullsUnmapped reports whether fields that no index maps are null.
func (c *From) nullsUnmapped() bool {
	return slices.ContainsFunc(c.Set, func(s Setting) bool {
		return strings.EqualFold(s.Name, UnmappedNull.Name) && strings.EqualFold(s.Value, UnmappedNull.Value)
	})
}

// Row is ROW a = 1, ….
type Row struct {
	At
	Fields []*Assign
}

// Where is WHERE expr.
type Where struct {
	At
	Expr Expr
}

// Eval is EVAL a = expr, ….
type Eval struct {
	At
	Assigns []*Assign
}

// Assign is name = expr. With Name empty the expression names itself (BY host.name; STATS COUNT(*)).
type Assign struct {
	At
	Name string
	Expr Expr
	// Where filters one aggregation: STATS n = COUNT(*) WHERE cond.
	Where Expr

	// text is how an unnamed expression was written, where that differs from how it prints: it is the column's name.
	text string
}

// Stats is STATS aggs BY groups; Inline makes it INLINE STATS (9.x).
type Stats struct {
	At
	Inline bool
	Aggs   []*Assign
	By     []*Assign
}

// Keep is KEEP names. A * in a name is a wildcard; \* is a star in the name itself and \\ a backslash.
type Keep struct {
	At
	Names []string
}

// Drop is DROP names, with wildcards as in Keep.
type Drop struct {
	At
	Names []string
}

// Rename is RENAME old AS new, ….
type Rename struct {
	At
	Pairs []RenamePair
}

// RenamePair is old AS new.
type RenamePair struct{ Old, New string }

// Sort is SORT keys.
type Sort struct {
	At
	Keys []*SortKey
}

// SortKey is expr [ASC|DESC] [NULLS FIRST|LAST]; Nulls is "", "FIRST" or "LAST".
type SortKey struct {
	At
	Expr  Expr
	Desc  bool
	Nulls string
}

// Limit is LIMIT n.
type Limit struct {
	At
	N int
}

// Dissect is DISSECT expr "pattern" [APPEND_SEPARATOR="s"].
type Dissect struct {
	At
	Input     Expr
	Pattern   string
	Separator *string
}

// Grok is GROK expr "pattern".
type Grok struct {
	At
	Input   Expr
	Pattern string
}

// MvExpand is MV_EXPAND field.
type MvExpand struct {
	At
	Field string
}

// LookupJoin is LOOKUP JOIN index ON fields.
type LookupJoin struct {
	At
	Index string
	On    []string
}

// Enrich is ENRICH policy [ON field] [WITH a = b, …].
type Enrich struct {
	At
	Policy string
	On     string
	With   []RenamePair // New = Old: New is the column made
}

// Fork is FORK ( … ) ( … ) (9.x).
type Fork struct {
	At
	Branches [][]Command
}

// Other is a command that is read but never built (CHANGE_POINT, SAMPLE, …), kept as its text.
type Other struct {
	At
	Word string
	Text string
}

// Comment is a // comment line of its own, printed before the command that follows it.
type Comment struct {
	At
	Text string
}

// Expr is an expression; the interface is sealed.
type Expr interface {
	Node
	expr()
}

// Column is a column name, unescaped; the printer adds backticks where needed.
type Column struct {
	At
	Name string
}

// Literal is a constant: Value is string, int64, float64, bool or nil (null), or uint64 for a whole number beyond int64.
type Literal struct {
	At
	Value any
}

// Array is a constant array such as ["a", "b"].
type Array struct {
	At
	Items []Expr
}

// Duration is a time literal such as 5 minutes.
type Duration struct {
	At
	N    int64
	Unit string // second, minute, hour, day, week, month, year, millisecond
}

// Star is the * of COUNT(*).
type Star struct{ At }

// Call is a function call; Func is upper case.
type Call struct {
	At
	Func string
	Args []Expr
	// Options are the named options of MATCH, QSTR, KQL: a trailing map.
	Options []Option
}

// Option is one entry of a function's trailing map.
type Option struct {
	Name  string
	Value any
}

// Binary is L op R with op one of == != < <= > >= + - * / % : and the words AND, OR.
type Binary struct {
	At
	Op   string
	L, R Expr
}

// Not is NOT x.
type Not struct {
	At
	X Expr
}

// Neg is -x.
type Neg struct {
	At
	X Expr
}

// IsNull is x IS [NOT] NULL.
type IsNull struct {
	At
	X   Expr
	Not bool
}

// In is x [NOT] IN (…).
type In struct {
	At
	X    Expr
	Not  bool
	List []Expr
}

// Like is x [NOT] LIKE|RLIKE "pattern" or ("a", "b"); Op is LIKE or RLIKE. The patterns are what the pattern language
// sees, before escaping for the string literal.
type Like struct {
	At
	X        Expr
	Op       string
	Not      bool
	Patterns []string
}

// Cast is x::type.
type Cast struct {
	At
	X    Expr
	Type string
}

// ---- sealing ----

func (*From) command() {}

// Keyword is the command's first word or words.
func (*From) Keyword() string { return "FROM" }

func (*Row) command() {}

// Keyword is the command's first word or words.
func (*Row) Keyword() string { return "ROW" }

func (*Where) command() {}

// Keyword is the command's first word or words.
func (*Where) Keyword() string { return "WHERE" }

func (*Eval) command() {}

// Keyword is the command's first word or words.
func (*Eval) Keyword() string { return "EVAL" }

func (*Stats) command() {}

// Keyword is the command's first word or words.
func (*Stats) Keyword() string { return "STATS" }

func (*Keep) command() {}

// Keyword is the command's first word or words.
func (*Keep) Keyword() string { return "KEEP" }

func (*Drop) command() {}

// Keyword is the command's first word or words.
func (*Drop) Keyword() string { return "DROP" }

func (*Rename) command() {}

// Keyword is the command's first word or words.
func (*Rename) Keyword() string { return "RENAME" }

func (*Sort) command() {}

// Keyword is the command's first word or words.
func (*Sort) Keyword() string { return "SORT" }

func (*Limit) command() {}

// Keyword is the command's first word or words.
func (*Limit) Keyword() string { return "LIMIT" }

func (*Dissect) command() {}

// Keyword is the command's first word or words.
func (*Dissect) Keyword() string { return "DISSECT" }

func (*Grok) command() {}

// Keyword is the command's first word or words.
func (*Grok) Keyword() string { return "GROK" }

func (*MvExpand) command() {}

// Keyword is the command's first word or words.
func (*MvExpand) Keyword() string { return "MV_EXPAND" }

func (*LookupJoin) command() {}

// Keyword is the command's first word or words.
func (*LookupJoin) Keyword() string { return "LOOKUP JOIN" }

func (*Enrich) command() {}

// Keyword is the command's first word or words.
func (*Enrich) Keyword() string { return "ENRICH" }

func (*Fork) command() {}

// Keyword is the command's first word or words.
func (*Fork) Keyword() string { return "FORK" }

func (*Comment) command() {}

// Keyword is the command's first word or words.
func (*Comment) Keyword() string { return "//" }

func (*Other) command() {}

// Keyword is the command's first word.
func (c *Other) Keyword() string { return c.Word }

func (*Column) expr()   {}
func (*Literal) expr()  {}
func (*Duration) expr() {}
func (*Array) expr()    {}
func (*Star) expr()     {}
func (*Call) expr()     {}
func (*Binary) expr()   {}
func (*Not) expr()      {}
func (*Neg) expr()      {}
func (*IsNull) expr()   {}
func (*In) expr()       {}
func (*Like) expr()     {}
func (*Cast) expr()     {}
