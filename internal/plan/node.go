package plan

import (
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Prestats is a field of the rows of tstats prestats=t: the aggregations that these rows are for.
const Prestats = "_prestats"

// Node is one step of a plan. The interface is sealed.
type Node interface {
	// Span is the command in the search.
	Span() spl.Span
	// From is the node whose rows this one takes; nil for a Source.
	From() Node
	// Behind is the scope of the rows that the node gives.
	Behind() Scope
	node()
}

// Step is what every node has.
type Step struct {
	At    spl.Span
	Input Node
	Scope Scope
}

// Span is the command in the search.
func (s *Step) Span() spl.Span { return s.At }

// From is the node whose rows this one takes.
func (s *Step) From() Node { return s.Input }

// Behind is the scope behind the node.
func (s *Step) Behind() Scope { return s.Scope }
func (*Step) node()           {}

// Source starts a pipeline. Its rows come newest first for Events and Model, in their own order otherwise.
type Source struct {
	Step
	Kind SourceKind
	// Name is the lookup of Table, or the data set of Model such as Endpoint.Processes.
	Name string
	// Earliest and Latest are time modifiers or times of the search, empty for none; Format is timeformat=, by which
	// times are read.
	Earliest, Latest, Format string
	// EndIn says that the end belongs to the range, as with endtime=.
	EndIn            bool
	Count            int // of Made
	Annotate         bool
	Text, TextFormat string // of Made with data=
	Start, Max       int    // of Table
	Generate         *Times
	// Flat says that the fields of a Model have no prefix; otherwise they are named Processes.dest.
	Flat bool
}

// SourceKind says what a Source gives.
type SourceKind uint8

// The kinds of sources.
const (
	Events    SourceKind = iota // the events
	Model                       // the events of a data model, given as such
	Made                        // makeresults
	Table                       // inputlookup
	Above                       // the rows before the command around the subsearch: appendpipe
	Nothing                     // no rows
	Generated                   // gentimes
)

// Times are the rows of gentimes: times from Start to End, every Step.
type Times struct{ Start, End, Step string }

// Filter keeps the rows for which Cond holds.
type Filter struct {
	Step
	Cond Expr
}

// Extend adds or replaces columns, one change after the other. The order of rows stays.
type Extend struct {
	Step
	Changes []Change
}

// Project keeps, drops or renames columns: table, fields, rename.
type Project struct {
	Step
	Keep    []string // patterns; nil: all
	Drop    []string
	Renames []Pair // patterns on both sides
	// Table says that the columns come in the order of Keep and nothing else stays; otherwise internal fields stay.
	Table bool
}

// Lookup adds to each row the columns of the rows of a table that agree with it in the keys.
type Lookup struct {
	Step
	Table   string
	Keys    []LookupField
	Outputs []LookupField // none: all columns but the keys
	// New keeps values that the row has already.
	New   bool
	Local bool
}

// LookupField is a column of a table with the field of the row.
type LookupField struct{ Column, Field string }

// Expand makes a row of each value of a field: mvexpand.
type Expand struct {
	Step
	Field string
	Limit int // 0 for all
}

// Combine makes one row of rows that differ in one field only: mvcombine. The groups come in the order of their first
// rows.
type Combine struct {
	Step
	Field, Delim string
}

// Sort orders rows. Rows with equal keys keep their order.
type Sort struct {
	Step
	Keys  []SortKey
	Limit int // rows kept; -1: Splunk's default of 10,000; 0: all
	// Reverse turns the whole order round; without keys it is reverse.
	Reverse bool
}

// SortKey is one key; Func is auto, num, str or ip.
type SortKey struct {
	Name string
	Desc bool
	Func string
}

// Limit keeps some rows: head, tail, and dedup, which counts for each combination of values.
type Limit struct {
	Step
	Count   int
	FromEnd bool // tail: the last rows, last first
	// While ends at the first row for which it does not hold; NullOK goes on where it is missing, KeepLast keeps the row
	// that ended it.
	While            Expr
	NullOK, KeepLast bool
	Per              []string // fields of dedup
	KeepEmpty        bool     // rows that lack a field stay
	Consecutive      bool     // only duplicates that follow one another go
	KeepEvents       bool     // duplicates stay but lose the fields
	SortBy           []SortKey
	Same             bool // uniq: whole rows
	// Rest adds a row for the rows that went, with this text in RestOf and the sums of RestSums: useother of top.
	Rest             string
	RestOf, RestSums []string
}

// Join puts rows of two searches side by side.
type Join struct {
	Step
	Sub    Node
	Fields []string // none: all fields that both have
	Left   bool     // rows without a match stay
	Max    int      // matches of one row; 0: all
	Keep   bool     // overwrite=false: the row's own values win
	// Position is appendcols: the first row meets the first, and so on.
	Position         bool
	UseTime, Earlier bool
	Self             bool // selfjoin: a row meets those that follow it
	Single           bool // selfjoin: a row with keys of its own stays
	SubLimit         int
	// LeftAlias, RightAlias and On are of the form join left=L right=R where L.a = R.b.
	LeftAlias, RightAlias string
	On                    []Pair
}

// Union puts rows of searches one below the other. Events of several searches (multisearch, union of them) are ordered
// by time, newest first, others one search after the other.
type Union struct {
	Step
	Subs     []Node
	SubLimit int
	ByTime   bool
	// Diff and Common are set diff and set intersect over exactly two subs; Distinct is set union.
	Set string
}

// Fill puts a value where a field is missing: fillnull, or the last one above: filldown.
type Fill struct {
	Step
	Value  string
	Fields []string // none: all fields that some row has
	Down   bool
}

// Running are accum, autoregress, delta and trendline.
type Running struct {
	Step
	Kind        string
	Field, As   string
	First, Last int // autoregress p
	Lag         int // delta p, trendline period
	Average     string
}

// TotalRow is addcoltotals: one more row with the sums of columns.
type TotalRow struct {
	Step
	Fields            []string
	Label, LabelField string
}

// Continuous is makecontinuous: rows for the intervals without any.
type Continuous struct {
	Step
	Field, Width string
}

// ForEach runs a template for each field that a pattern names, or for each value of a field.
type ForEach struct {
	Step
	Patterns []string
	Template string
	Mode     string // multifield, multivalue, json_array, auto_collections
	FieldStr, MatchStr, ItemStr,
	IterStr string
	Seg [4]string
}

// ForRows is map: it runs a search for each row.
type ForRows struct {
	Step
	Search string
	Max    int
}

// ToSearch is format and return: one row whose field search is the text of a condition.
type ToSearch struct {
	Step
	Texts  []string // format: the six texts
	Return []ReturnField
	Count  int
	Empty  string
	Max    int
	MVSep  string
}

// ReturnField is one field of return.
type ReturnField struct {
	Alias, Field string
	Dollar       bool
}

// Concurrent is concurrency: how many rows, the row itself included, last at the time when a row starts.
type Concurrent struct {
	Step
	Duration, Start, Output string
}

// TextTable is multikv: the lines of a table in _raw become rows, named by the words of its first line.
type TextTable struct {
	Step
	Fields      []string
	Filter      []string
	HeaderLine  int
	NoHeader    bool
	RemoveTable bool
}

// Summary is fieldsummary.
type Summary struct {
	Step
	Fields    []string
	MaxValues int
}

// Outliers is outlier: numbers beyond the quartiles by more than Param times the distance between the quartiles are moved
// to that bound, or their rows go.
type Outliers struct {
	Step
	Fields []string // patterns; none: all fields
	Param  float64
	Remove bool
	Lower  bool // numbers below the lower bound as well
	Mark   bool // 000 before numbers that were moved
}

// Regions is localize: the periods of time in which rows follow one another, MaxPause seconds apart at most.
type Regions struct {
	Step
	MaxPause, Before, After float64
}

// Gauge is one row of the first values of fields, or of numbers: the value and the ends of its ranges.
type Gauge struct {
	Step
	Value  string
	Ranges []string
}

// Wrap is timewrap: the rows of periods side by side, the columns named by period.
type Wrap struct {
	Step
	Width  string // of a period
	Now    bool   // the last period ends now, not at the end of the search
	Series string // relative, short or exact
	Format string // of the names of series=exact
}

// Buffer is rtorder: rows pass through a buffer of Size rows, the earliest first.
type Buffer struct {
	Step
	Size    int
	Discard bool // a row that is earlier than one that has left goes
}

// Hole is a command that has no meaning here, or that could not be read.
type Hole struct {
	Step
	Command, Why string
}
