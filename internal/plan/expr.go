package plan

import (
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// Expr is an expression over one row. The interface is sealed.
type Expr interface {
	// Span is the place in the search.
	Span() spl.Span
	// Desc describes the values it gives.
	Desc() value.Desc
	expr()
}

// base is the place and the description of an expression.
type base struct {
	At spl.Span
	D  value.Desc
}

// Span is the place in the search.
func (b base) Span() spl.Span { return b.At }

// Desc describes the values.
func (b base) Desc() value.Desc { return b.D }
func (base) expr()              {}

// Field reads a column.
type Field struct {
	base
	Column Column
}

// NewField reads a column.
func NewField(at spl.Span, c Column) *Field { return &Field{base{at, c.Desc}, c} }

// Const is a literal.
type Const struct {
	base
	Value value.Value
}

// NewConst is a literal; text that is written in quotes is Text even where it reads as a number.
func NewConst(at spl.Span, v value.Value) *Const {
	d := value.Desc{Kind: value.Missing, Missing: value.Always, Settled: true}
	if len(v) > 0 {
		d.Kind, d.Missing = v[0].Kind(), value.Never
	}
	return &Const{base{at, d}, v}
}

// Apply applies an operation of the table.
type Apply struct {
	base
	Op   *value.Op
	Args []Expr
}

// NewApply applies an operation; the table describes the result.
func NewApply(at spl.Span, op *value.Op, args ...Expr) *Apply {
	descs := make([]value.Desc, len(args))
	for i, a := range args {
		descs[i] = a.Desc()
	}
	return &Apply{base{at, op.Describe(descs)}, op, args}
}

// Each evaluates Body once for each value of a field, which then has this value alone: mvmap gives the results, mvfilter
// (Filter) the values for which Body holds.
type Each struct {
	base
	Filter bool
	Field  string
	Over   Expr
	Body   Expr
}

// NewEach is mvmap or mvfilter.
func NewEach(at spl.Span, filter bool, field string, over, body Expr) *Each {
	d := value.Desc{Kind: body.Desc().Kind, Missing: value.Maybe, Several: value.Maybe, Settled: body.Desc().Settled}
	if filter {
		d.Kind = over.Desc().Kind
	}
	return &Each{base{at, d}, filter, field, over, body}
}

// Names picks a field by a name that is computed: eval {field}=… on the right side, foreach.
type Names struct {
	base
	Name Expr
}

// InRows is a subsearch as a condition: it holds for a row that agrees with a row of Sub in all fields of that row.
// Several values of one field are alternatives. A field named search or query holds the text of a condition instead.
type InRows struct {
	base
	Sub Node
	// Limit is how many rows of Sub count.
	Limit int
}

// NewInRows is a subsearch as a condition.
func NewInRows(at spl.Span, sub Node, limit int) *InRows {
	return &InRows{base{at, value.Desc{Kind: value.Boolean, Settled: true}}, sub, limit}
}

// SearchText is a condition given as the text of a search, known only when the rows are: searchmatch.
type SearchText struct {
	base
	Text Expr
}

// NewSearchText is searchmatch.
func NewSearchText(at spl.Span, text Expr) *SearchText {
	return &SearchText{base{at, value.Desc{Kind: value.Boolean}}, text}
}

// TableCell is the lookup function of eval: cells of a table as JSON.
type TableCell struct {
	base
	Table   string
	Keys    Expr // an object of JSON: column and value
	Outputs Expr // a list of JSON: columns
}

// NewTableCell is the lookup function.
func NewTableCell(at spl.Span, table string, keys, outputs Expr) *TableCell {
	return &TableCell{base{at, value.Desc{Kind: value.Text, Missing: value.Maybe}}, table, keys, outputs}
}

// TimeBound is earliest= or latest= inside of a condition: it holds for rows from that time on, or before it.
type TimeBound struct {
	base
	Latest bool
	Text   string
}

// NewTimeBound is a time modifier as a condition.
func NewTimeBound(at spl.Span, latest bool, text string) *TimeBound {
	return &TimeBound{base{at, value.Desc{Kind: value.Boolean, Settled: true}}, latest, text}
}

// Unknown is an expression that has no meaning here, with the reason.
type Unknown struct {
	base
	Why string
}

// NewUnknown is a part that could not be read or is not known.
func NewUnknown(at spl.Span, why string) *Unknown {
	return &Unknown{base{at, value.Desc{Missing: value.Maybe, Several: value.Maybe}}, why}
}

// Children are the expressions below one.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Apply:
		return e.Args
	case *Each:
		return []Expr{e.Over, e.Body}
	case *Names:
		return []Expr{e.Name}
	case *SearchText:
		return []Expr{e.Text}
	case *TableCell:
		return []Expr{e.Keys, e.Outputs}
	}
	return nil
}
