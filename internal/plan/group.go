package plan

import (
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

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
	// ByTotal is contingency: the columns come in the order of their totals, not of their names.
	ByTotal bool
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
