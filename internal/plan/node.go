package plan

import (
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
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
	Count                    int // of Made
	Annotate                 bool
	Text, TextFormat         string // of Made with data=
	Start, Max               int    // of Table
	Generate                 *Times
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

// Change is one change of a row. The interface is sealed.
type Change interface{ change() }

// Assign is one assignment of eval. Name may hold {field} parts, which stand for the value of that field.
type Assign struct {
	Name string
	Expr Expr
}

// Match is rex: the named groups of a regular expression become fields.
type Match struct {
	Field, Pattern string
	Max            int // matches at most; 0 for all
	Offset         string
}

// Edit is rex mode=sed.
type Edit struct{ Field, Script string }

// ReadTree is spath: one path of a text of JSON or XML into Output, or all of its fields.
type ReadTree struct{ Field, Path, Output string }

// ReadPairs reads fields out of a text: extract (kv), xmlkv, kvform, multikv, fromjson.
type ReadPairs struct {
	Kind                string
	Field               string
	PairDelim, KeyDelim string
	Prefix              string
	Several             bool // a name that comes again adds a value
	Max                 int  // pairs; 0: all
}

// ReadXML is xpath.
type ReadXML struct{ Field, Path, Output, Default string }

// Bin puts numbers or times into intervals.
type Bin struct {
	Field, As  string
	Span       string // as written; empty: Bins or the default number of bins
	Bins       int
	Start, End string
	Align      string // a time, or a modifier such as earliest
	MinSpan    string
}

// Convert is one function of convert.
type Convert struct {
	Func, Field, As, Format string   // Field and As may be patterns
	Except                  []string // fields that none() leaves alone
}

// Replace is replace: whole values that match a pattern become another text.
type Replace struct {
	Pairs  []Pair
	Fields []string // none: all fields
}

// Pair is a pattern with its replacement.
type Pair struct{ From, To string }

// Split is makemv.
type Split struct {
	Field, Delim, Tokenizer string
	AllowEmpty              bool
	SetSV                   bool
}

// Total is addtotals: the sum of the numbers of fields, none: of all.
type Total struct {
	Fields []string
	Name   string
}

// Ranges is rangemap.
type Ranges struct {
	Field, Default string
	Ranges         []NamedRange
}

// NamedRange is one range of numbers, both ends included.
type NamedRange struct {
	Name     string
	Low, Top float64
}

// SearchInfo is addinfo: the bounds of the search.
type SearchInfo struct{}

// Place is iplocation: no place is known of an address here, so that its fields stay missing.
type Place struct {
	Field, Prefix string
	All           bool
}

// Ago is reltime: how long ago _time is, in words.
type Ago struct{}

// ToJSON is tojson: fields of the row as an object.
type ToJSON struct {
	Fields   []TypedField // none: all fields
	Type     string       // of fields without one, and of all fields: auto, bool, json, none, num or str
	Null     bool         // a value that the type leaves out is null
	Internal bool         // fields that begin with _ as well
	Output   string
}

// TypedField is a pattern of names and the type that their values take.
type TypedField struct{ Pattern, Type string }

// Joined is nomv.
type Joined struct{ Field, Delim string }

func (*Assign) change()     {}
func (*Match) change()      {}
func (*Edit) change()       {}
func (*ReadTree) change()   {}
func (*ReadPairs) change()  {}
func (*ReadXML) change()    {}
func (*Bin) change()        {}
func (*Convert) change()    {}
func (*Replace) change()    {}
func (*Split) change()      {}
func (*Total) change()      {}
func (*Ranges) change()     {}
func (*SearchInfo) change() {}
func (*Place) change()      {}
func (*ToJSON) change()     {}
func (*Ago) change()        {}
func (*Joined) change()     {}

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

// Aggregate makes one row of each group, in the order of the keys. Without keys there is one row.
type Aggregate struct {
	Step
	Keys []Key
	Aggs []Agg
	// Fill is what stands for a missing key: fillnull_value of tstats, unknown of a data model; empty: such rows are in no
	// group.
	Fill string
	// AllNum leaves a number of an aggregation out where a value is no number.
	AllNum bool
	// DedupSplit counts a row with a repeated value in a key once: dedup_splitvals.
	DedupSplit bool
	// Delim is what nomv behind it joins several values by, where the search says so.
	Delim string
}

// Key is one key, of times with the width of its intervals.
type Key struct {
	Name string
	Span string
	Bins int // of chart: the number of intervals where Span is empty; 0: values as they are
	// Shift moves intervals of time, in seconds; it is known when the search runs.
	Shift float64
}

// Agg is one aggregation. Name may be a pattern where Arg is one: values(*) as *.
type Agg struct {
	At    spl.Span
	Func  value.Aggregation
	Field string // argument as a name or a pattern; empty with Arg or without argument
	Arg   Expr   // eval(…)
	Name  string
	// Inner are the aggregations within an expression over them, which Arg then is: eval(sum(a)/count). They stand in Arg
	// as fields with the names they have here. Of sparkline it is the one that is drawn.
	Inner []Agg
	Span  string // of sparkline: the width of its intervals, empty where the search gives none
}

// Window computes aggregations for each row over the rows of its group and adds them: eventstats over all of them,
// streamstats over those so far.
type Window struct {
	Step
	Running bool // streamstats
	Keys    []string
	Aggs    []Agg
	AllNum  bool
	// Of a running window: Current includes the row itself, Size counts rows (0: all), Seconds is time_window, Global
	// counts the rows of all groups, Reset* start anew.
	Current     bool
	Size        int
	Seconds     float64
	Global      bool
	ResetBefore Expr
	ResetAfter  Expr
	ResetChange bool
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

// Pivot turns values into columns or back.
type Pivot struct {
	Step
	Kind    PivotKind
	Row     *Key  // of Chart and XYSeries
	Column  *Key  // of Chart and XYSeries
	Aggs    []Agg // of Chart
	Cells   []string
	Limit   int // columns of Chart; 0: all
	Bottom  bool
	Other   bool
	Null    bool
	OtherAs string
	NullAs  string
	Format  string
	Sep     string
	Grouped bool
	// Time is timechart: rows are intervals of _time, empty ones included.
	Time                bool
	Width               string // span of the intervals
	Bins                int
	Continuous, Partial bool
	// Range is fixedrange: the intervals cover the time range of the search, not only that of the events.
	Range      bool
	Names      []string // of Untable: row, column, value
	Rows       int      // of Transpose
	Header     string
	ColumnName string
	KeepEmpty  bool // of Transpose: rows without a value stay
	// MinSpan, Start, End and Align go with Bins as those of Bin do.
	MinSpan, Start, End, Align string
	Where                      *Series // nil: the greatest Limit
}

// Series says which values of the column field become columns of Chart, by an aggregation over the cells of each.
type Series struct {
	Agg       Agg
	Op        string // in, notin, < or >
	Bottom    bool
	N         int
	Threshold float64
}

// PivotKind is the command.
type PivotKind uint8

// The kinds of pivots.
const (
	Chart PivotKind = iota
	XYSeries
	Untable
	Transpose
)

// Session is transaction: it groups events that belong together.
type Session struct {
	Step
	Fields                          []string
	Starts, Ends                    Expr
	MaxSpan, MaxPause               float64 // seconds; negative for none
	MaxEvents                       int
	Connected, KeepEvicted, Orphans bool
	MVList                          bool
	MVListFields                    []string
	Delim, NullStr                  string
	MVRaw                           bool // _raw has a value for each event
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

// Hole is a command that has no meaning here, or that could not be read.
type Hole struct {
	Step
	Command, Why string
}
