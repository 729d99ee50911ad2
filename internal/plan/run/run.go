// Package run is the interpreter: it gives the rows of a plan over events in memory. It defines what a plan means. It is
// small and slow on purpose and follows the words of Splunk's manual; what an operation does with values stands in
// package value alone.
//
// Everything is bounded by Limits. A search that needs more ends with a LimitError.
package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// Event is one event: names and values of its fields, in order. _time is in seconds since 1970.
type Event struct {
	Names  []string
	Values []value.Value
}

// Lookup is a lookup table as transforms.conf describes it.
type Lookup struct {
	Columns []string
	Rows    []map[string]string
	// MatchType is WILDCARD or CIDR by column; other columns match as texts.
	MatchType     map[string]string
	CaseSensitive bool
	// MaxMatches bounds the rows that match (0: 100, or 1 for a lookup by time), MinMatches asks for some, which
	// DefaultMatch fills.
	MaxMatches, MinMatches int
	DefaultMatch           string
}

// Input is what a search runs over.
type Input struct {
	Events  []Event
	Lookups map[string]Lookup
	Macros  spl.Macros // of searches that are made of rows: map
	Now     time.Time  // zero: the time of the call
	Zone    *time.Location
	Limits  Limits
}

// Limits bound a search. Zero values take the defaults.
type Limits struct {
	Rows  int   // rows held at once, in all nodes (1,000,000)
	Steps int   // steps of work (100,000,000)
	Bytes int64 // bytes of values held at once, about (1 GiB)
	Depth int   // searches within searches (16)
}

func (l Limits) withDefaults() Limits {
	if l.Rows <= 0 {
		l.Rows = 1_000_000
	}
	if l.Steps <= 0 {
		l.Steps = 100_000_000
	}
	if l.Bytes <= 0 {
		l.Bytes = 1 << 30
	}
	if l.Depth <= 0 {
		l.Depth = 16
	}
	return l
}

// LimitError says which limit ended a search, and where.
type LimitError struct {
	What string
	At   spl.Span
}

// Error says what to do.
func (e *LimitError) Error() string {
	return fmt.Sprintf("the search needs more than %s: narrow it, give fewer events, or raise the limit", e.What)
}

// Error is a part of a search that cannot be run, with its place.
type Error struct {
	At  spl.Span
	Why string
}

// Error is the reason without the place.
func (e *Error) Error() string { return e.Why }

// Result are the rows of a search.
type Result struct {
	// Columns are the names of the columns in their order, without those that no row has.
	Columns []string
	Rows    []Row
	Notes   []plan.Note
	// Steps is the work that the search took, in the unit of Limits.Steps.
	Steps int
}

// Row is one row. It must not be changed.
type Row struct{ fields map[string]value.Value }

// Get is the value of a field.
func (r Row) Get(name string) value.Value { return r.fields[name] }

// Names are the names of the fields that have a value, sorted.
func (r Row) Names() []string {
	var names []string
	for n, v := range r.fields {
		if !v.Missing() {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names
}

// Run gives the rows of a plan.
func Run(ctx context.Context, p *plan.Plan, in Input) (*Result, error) {
	if in.Now.IsZero() {
		in.Now = time.Now()
	}
	if in.Zone == nil {
		in.Zone = time.UTC
	}
	x := &runner{ctx: ctx, in: in, limits: in.Limits.withDefaults(), subs: map[*plan.InRows]plan.Expr{}, texts: map[string]plan.Expr{}}
	x.env = &value.Env{Now: in.Now, Zone: in.Zone, Spend: x.spend, Random: rand.New(rand.NewPCG(uint64(in.Now.Unix()), 1))}
	x.everyEvent = map[string]bool{}
	for _, name := range []string{"host", "source", "sourcetype"} {
		x.everyEvent[name] = !slices.ContainsFunc(in.Events, func(e Event) bool { return slices.Contains(e.Names, name) })
	}
	x.anyIndex = !slices.ContainsFunc(in.Events, func(e Event) bool { return slices.Contains(e.Names, "index") })
	if err := x.check(p.Root, 0); err != nil {
		return nil, err
	}
	t, err := x.node(p.Root)
	if err != nil {
		return nil, err
	}
	res := &Result{Steps: x.steps, Notes: append(slices.Clone(p.Notes), x.notes...)}
	present := map[string]bool{}
	for _, r := range t.rows {
		for n, v := range r.fields {
			if !v.Missing() {
				present[n] = true
			}
		}
		res.Rows = append(res.Rows, *r)
	}
	for _, n := range t.names {
		if (present[n] || t.fixed) && n != plan.Prestats {
			res.Columns = append(res.Columns, n)
		}
	}
	if !t.fixed && !t.listed {
		slices.SortFunc(res.Columns, byName)
	}
	return res, nil
}

// byName is the order of columns where no command gives one: _time, the names by their text, names that begin with _.
func byName(a, b string) int {
	class := func(name string) int {
		switch {
		case name == "_time":
			return 0
		case strings.HasPrefix(name, "_"):
			return 2
		}
		return 1
	}
	if d := class(a) - class(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

// runner holds the state of one call.
type runner struct {
	ctx    context.Context
	in     Input
	limits Limits
	env    *value.Env
	steps  int
	depth  int
	bytes  int64
	at     spl.Span // the command that runs
	above  []*rows
	subs   map[*plan.InRows]plan.Expr
	texts  map[string]plan.Expr
	notes  []plan.Note
	source *plan.Source // the source that was read last, for addinfo
	nested int
	// everyEvent are those of the fields that Splunk gives every event which no event here has.
	everyEvent map[string]bool
	// anyIndex says that no event names its index.
	anyIndex bool
}

// rows are rows in order with the names of their columns.
type rows struct {
	names []string
	// fixed says that the columns are exactly names, as behind table or stats, though no row has a value in one.
	fixed bool
	// listed says that a command gave the order of the columns: fields, gentimes, and all that fix them.
	listed bool
	rows   []*Row
}

func (t *rows) add(name string) {
	if !slices.Contains(t.names, name) {
		t.names = append(t.names, name)
	}
}

// like is the same columns without rows.
func (t *rows) like() *rows {
	return &rows{names: slices.Clone(t.names), fixed: t.fixed, listed: t.listed}
}

func (r *Row) clone() *Row {
	c := &Row{fields: make(map[string]value.Value, len(r.fields)+2)}
	for k, v := range r.fields {
		c.fields[k] = v
	}
	return c
}

func (r *Row) set(name string, v value.Value) {
	if v.Missing() {
		delete(r.fields, name)
		return
	}
	r.fields[name] = v
}

// time is _time of the row.
func (r *Row) time() (float64, bool) {
	v := r.fields["_time"]
	if len(v) == 0 {
		return 0, false
	}
	return v[0].Number()
}

// spend counts work and looks after the context.
func (x *runner) spend(n int) error {
	before := x.steps
	x.steps += n
	if x.steps > x.limits.Steps {
		return &LimitError{fmt.Sprintf("%d steps", x.limits.Steps), x.at}
	}
	if before>>12 != x.steps>>12 {
		return x.ctx.Err()
	}
	return nil
}

// holds counts rows that come to be; every node's rows count until the search ends, which bounds memory from above.
func (x *runner) holds(r *Row) error {
	n := int64(64)
	for k, v := range r.fields {
		n += int64(32 + len(k) + v.Size())
	}
	x.bytes += n
	if x.bytes > x.limits.Bytes {
		return &LimitError{fmt.Sprintf("%d bytes of rows", x.limits.Bytes), x.at}
	}
	return x.spend(1 + len(r.fields)/4)
}

func (x *runner) fits(t *rows) error {
	if len(t.rows) > x.limits.Rows {
		return &LimitError{fmt.Sprintf("%d rows", x.limits.Rows), x.at}
	}
	return nil
}

// check finds holes before anything runs.
func (x *runner) check(n plan.Node, depth int) error {
	for ; n != nil; n = n.From() {
		if depth > x.limits.Depth {
			return &LimitError{fmt.Sprintf("%d searches within one another", x.limits.Depth), n.Span()}
		}
		if h, ok := n.(*plan.Hole); ok {
			return &Error{h.At, h.Why}
		}
		var err error
		plan.Exprs(n, func(e plan.Expr) {
			if err == nil {
				err = x.checkExpr(e, depth)
			}
		})
		if err != nil {
			return err
		}
		for _, s := range plan.Subs(n) {
			if err := x.check(s, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *runner) checkExpr(e plan.Expr, depth int) error {
	switch e := e.(type) {
	case *plan.Unknown:
		return &Error{e.At, e.Why}
	case *plan.InRows:
		return x.check(e.Sub, depth+1)
	}
	for _, c := range plan.Children(e) {
		if err := x.checkExpr(c, depth); err != nil {
			return err
		}
	}
	return nil
}

// node gives the rows of a node. The nodes of one pipeline run one after the other; only searches within searches nest.
func (x *runner) node(n plan.Node) (*rows, error) {
	if x.depth++; x.depth > x.limits.Depth {
		x.depth--
		return nil, &LimitError{fmt.Sprintf("%d searches within one another", x.limits.Depth), n.Span()}
	}
	defer func() { x.depth-- }()
	var chain []plan.Node
	for ; n != nil; n = n.From() {
		chain = append(chain, n)
	}
	var t *rows
	for i := len(chain) - 1; i >= 0; i-- {
		x.at = chain[i].Span()
		var err error
		if t, err = x.step(chain[i], t); err != nil {
			return nil, place(err, chain[i].Span())
		}
		if err := x.fits(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// place gives an error the place of a command where it has none.
func place(err error, at spl.Span) error {
	var e *Error
	var l *LimitError
	if errors.As(err, &e) || errors.As(err, &l) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &Error{at, err.Error()}
}

func (x *runner) step(n plan.Node, t *rows) (*rows, error) {
	switch n := n.(type) {
	case *plan.Source:
		return x.read(n)
	case *plan.Filter:
		return x.filter(n, t)
	case *plan.Extend:
		return x.extend(n, t)
	case *plan.Project:
		return x.project(n, t)
	case *plan.Lookup:
		return x.lookup(n, t)
	case *plan.Expand:
		return x.expand(n, t)
	case *plan.Combine:
		return x.combine(n, t)
	case *plan.Aggregate:
		return x.aggregate(n, t)
	case *plan.Window:
		return x.window(n, t)
	case *plan.Sort:
		return x.sort(n, t)
	case *plan.Limit:
		return x.limit(n, t)
	case *plan.Join:
		return x.join(n, t)
	case *plan.Union:
		return x.union(n, t)
	case *plan.Pivot:
		return x.pivot(n, t)
	case *plan.Session:
		return x.session(n, t)
	case *plan.Fill:
		return x.fill(n, t)
	case *plan.Running:
		return x.running(n, t)
	case *plan.TotalRow:
		return x.totalRow(n, t)
	case *plan.Continuous:
		return x.continuous(n, t)
	case *plan.ForEach:
		return x.forEach(n, t)
	case *plan.ForRows:
		return x.forRows(n, t)
	case *plan.ToSearch:
		return x.toSearch(n, t)
	case *plan.Summary:
		return x.summary(n, t)
	case *plan.Concurrent:
		return x.concurrent(n, t)
	case *plan.Outliers:
		return x.outliers(n, t)
	case *plan.Regions:
		return x.regions(n, t)
	case *plan.Gauge:
		return x.gauge(n, t)
	case *plan.Wrap:
		return x.wrap(n, t)
	case *plan.Buffer:
		return x.buffer(n, t)
	case *plan.TextTable:
		return x.textTable(n, t)
	case *plan.Hole:
		return nil, &Error{n.At, n.Why}
	}
	return nil, &Error{n.Span(), fmt.Sprintf("the interpreter has no %T", n)}
}

// filter keeps the rows for which the condition holds.
func (x *runner) filter(n *plan.Filter, t *rows) (*rows, error) {
	out := t.like()
	for _, r := range t.rows {
		v, err := x.eval(n.Cond, r)
		if err != nil {
			return nil, err
		}
		if v.True() {
			out.rows = append(out.rows, r)
		}
	}
	return out, nil
}

// behind runs commands, given as text, behind rows: the body of a template.
func (x *runner) behind(text string, t *rows) (*rows, error) {
	text = "| " + strings.TrimPrefix(strings.TrimSpace(text), "|")
	q := spl.Parse(text, spl.Options{Macros: x.in.Macros})
	if len(q.Problems) > 0 {
		return nil, &Error{x.at, fmt.Sprintf("%q cannot be read: %s", clip(text), q.Problems[0].Message)}
	}
	above := &plan.Source{Kind: plan.Above}
	above.Scope.Open = true
	n := lower.Behind(q, above)
	if err := x.check(n, x.depth); err != nil {
		return nil, x.here(err)
	}
	return x.within(t, n)
}

// within runs a node whose pipeline starts with the rows given.
func (x *runner) within(t *rows, n plan.Node) (*rows, error) {
	at := x.at
	x.above = append(x.above, t)
	out, err := x.node(n)
	x.above = x.above[:len(x.above)-1]
	x.at = at
	return out, err
}

// here moves an error from a text that was made of rows to the command that made it.
func (x *runner) here(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{x.at, e.Why}
	}
	return err
}

func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
