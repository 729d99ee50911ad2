package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// aggregation is what one SPL aggregation becomes: an ES|QL aggregate, and optionally an EVAL of its result after it.
type aggregation struct {
	expr esql.Expr
	typ  string
	// array says that the result holds several values.
	array schema.Array
	// after reworks the result column.
	after   func(x esql.Expr) esql.Expr
	nonNull bool
	where   esql.Expr
	// constant is the result where it needs no aggregate: the argument is always null.
	constant *esql.Literal
	pending  *mappingNote
	hole     bool
}

func (l *lowering) stats(cmd *spl.Stats, rest []spl.Command) {
	switch cmd.Kind {
	case "stats", "sistats":
	case "eventstats":
		if len(l.env.order) > maxPacked {
			l.diag("too_large", cmd.Span(), "eventstats", "there are more than "+itoa(maxPacked)+" columns to carry past eventstats, and it is left out of the draft; keep the fields that are needed with `fields` before it")
			l.holesFor(cmd.Aggs)
			return
		}
		l.eventstats(cmd, rest)
		return
	default:
		l.unsupported(cmd)
		l.holesFor(cmd.Aggs)
		return
	}
	l.ensureSource(cmd.Span())
	l.aggOptions(cmd.Options)
	unfilled := l.unfilled
	l.unfilled = nil
	l.aggregate(cmd.Aggs, cmd.By, cmd.Span(), true)
	if len(unfilled) > 0 {
		l.dropUnfilled(unfilled, cmd.Span())
	}
}

func (l *lowering) aggOptions(opts []spl.Option) {
	for _, o := range opts {
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows")
	}
}

// aggregate writes STATS … BY …. dropNull says that rows without a key are dropped, as stats does; data models keep them.
func (l *lowering) aggregate(aggs []spl.Agg, by []spl.By, at spl.Span, dropNull bool) {
	l.aggregateWith(aggs, by, at, dropNull, "")
}

// aggregateWith also collects the values of a column of packed rows under its own name.
func (l *lowering) aggregateWith(aggs []spl.Agg, by []spl.By, at spl.Span, dropNull bool, row string) {
	st := &esql.Stats{}
	next := newEnvFor(len(by) + len(aggs))
	if l.env.partial() {
		next.setPartial()
	}
	l.useful = true

	type key struct {
		spl  string
		c    *column
		expr *esql.Assign
		at   spl.Span
	}
	var few [24]key
	keys := few[:0]
	var present []esql.Expr
	var seen, taken distinct // keys that are one column are tested once
	taken.list = make([]string, 0, len(by)+len(aggs)+1)
	if row != "" {
		taken.add(row)
	}
	for _, b := range by {
		if strings.Contains(b.Field.Text, "*") {
			for _, n := range l.env.names(b.Field.Text) {
				var c *column
				l.reading(toGroup, func() { c = l.used(l.env.cols[n], b.Span()) })
				keys = append(keys, key{n, c, nil, b.Span()})
			}
			continue
		}
		var c *column
		var a *esql.Assign
		l.reading(toGroup, func() { c, a = l.groupKey(b) })
		if c == nil {
			l.diag("depends_on_hole", b.Span(), b.Field.Text, "the groups are not split by `"+b.Field.Text+"`, because of the hole in it")
			next.bind(b.Field.Text, &column{name: b.Field.Text, hole: true})
			continue
		}
		keys = append(keys, key{b.Field.Text, c, a, b.Span()})
	}
	for _, k := range keys {
		if k.c.hole {
			next.bind(k.spl, k.c)
			continue
		}
		if dropNull && !k.c.filled && !k.c.nonNull && !l.present[k.c.name] && k.c.constant == nil && k.expr == nil {
			if !seen.has(k.c.name) {
				seen.add(k.c.name)
				present = append(present, mark(notNull(k.c.value().expr), k.at))
			}
		}
	}
	l.filter(and(present...))

	// One piece of memory each for the columns and the assignments of all keys.
	columns := make([]column, len(keys))
	assigns := make([]esql.Assign, len(keys))
	st.By = make([]*esql.Assign, 0, len(keys))
	for i := range keys {
		k := &keys[i]
		if k.c.hole {
			continue
		}
		c := &columns[i]
		*c = *k.c
		if c.constant != nil {
			l.diag("field_absent", k.at, k.spl, "`"+k.spl+"` has one value everywhere here, so it groups nothing")
			next.bind(k.spl, c)
			continue
		}
		a := k.expr
		if a == nil {
			v := k.c.value()
			a = &assigns[i]
			a.Origin, a.Expr = origin(k.at), mark(v.expr, k.at)
			if _, plain := v.expr.(*esql.Column); !plain {
				name := k.spl
				if l.src != nil && l.src.DataModel && !k.c.computed {
					name = name[strings.LastIndexByte(name, '.')+1:]
				}
				a.Name = columnName(name)
				*c = column{name: a.Name, typ: v.typ, computed: true, filled: c.filled, fill: c.fill}
				c.passing(k.c.mapping())
			}
			if dropNull && !k.c.filled {
				c.nonNull = true
			}
			c.array = schema.Single // BY makes one group a value
		}
		a, c.name = l.peer.group(a, c.name)
		if taken.has(c.name) {
			l.diag("option_ignored", k.at, k.spl, "`"+k.spl+"` is the same column as another key")
			next.bind(k.spl, c)
			continue
		}
		taken.add(c.name)
		st.By = append(st.By, a)
		next.bind(k.spl, c)
	}

	var after []*esql.Assign
	var origins []spl.Span
	for i := range aggs {
		l.aggOne(&aggs[i], st, next, &taken, &after, &origins, at)
	}
	if row != "" {
		st.Aggs = append(st.Aggs, &esql.Assign{Name: row, Expr: mark(call("VALUES", col(row)), at)})
	}
	if len(st.Aggs) == 0 && len(st.By) == 0 {
		if len(aggs) > 0 || len(by) > 0 {
			l.env = next
			l.env.setPartial()
		}
		return
	}
	st.Origin = origin(at)
	l.cmds = append(l.cmds, st)
	l.aggregated, l.fullText = true, false
	l.env = next
	l.present = nil
	l.helpers, l.eventID = nil, ""
	l.projected = false
	for i, a := range after {
		l.assign(origins[i], a.Name, a.Expr)
	}
}

// groupKey resolves one BY field; nil when it is a hole.
func (l *lowering) groupKey(b spl.By) (*column, *esql.Assign) {
	name := b.Field.Text
	if b.Bucket != nil {
		c := l.lookup(name, b.Field.Span())
		if c.hole {
			return nil, nil
		}
		bucket, ok := l.bucket(c.value(), b.Bucket.Value, b.Bucket.Span())
		if !ok {
			return nil, nil
		}
		out := columnName(name)
		a := &esql.Assign{Name: out, Expr: mark(bucket, b.Span())}
		a.Origin = origin(b.Span())
		return &column{name: out, typ: c.typ, computed: true, nonNull: c.nonNull}, a
	}
	c := l.lookup(name, b.Field.Span())
	if c.hole {
		return nil, nil
	}
	return c, nil
}

// aggOne lowers one aggregation; wildcards in its field stand for every bound column.
func (l *lowering) aggOne(a *spl.Agg, st *esql.Stats, next *env, taken *distinct, after *[]*esql.Assign, origins *[]spl.Span, at spl.Span) {
	name := aggName(a)
	if f, ok := a.Arg.(*spl.FieldRef); ok && strings.Contains(f.Name, "*") && !a.Eval {
		names := l.env.names(f.Name)
		if len(names) == 0 {
			l.diag("unsupported_expression", a.Span(), a.Func, "`"+f.Name+"` names no columns that are known here; list the fields")
			return
		}
		for _, n := range names {
			one := *a
			ref := *f
			ref.Name = n
			one.Arg = &ref
			if a.As != nil {
				got, _ := matchStar(f.Name, n)
				as := *a.As
				as.Text = fillStar(a.As.Text, got)
				one.As = &as
			}
			l.aggOne(&one, st, next, taken, after, origins, at)
		}
		return
	}
	if a.Func == "sparkline" || isCallOf(a.Arg, "sparkline") {
		l.diag("display_only", a.Span(), "sparkline", "sparkline draws a small chart; the draft has none")
		next.bind(name, &column{name: name, typ: "null", constant: &esql.Literal{}})
		return
	}
	from := l.hold()
	g := l.aggregation(a)
	notes := l.release(from, true)
	var none column
	var of *column // what the result shows values of
	if f, ok := a.Arg.(*spl.FieldRef); ok && showing[a.Func] && !g.hole {
		of = l.env.cols[f.Name]
		if of == nil && l.env.open && l.src != nil {
			of = l.peek(f.Name, a.Span())
		}
	}
	if of == nil || of.hole {
		of = &none
	}
	if of.pending != nil {
		g.pending = of.pending
	}
	g.pending = joined(false, g.pending, notes)
	if a.Func == "values" && of.fixed && of.array == schema.Single && groupsBy(st, of.fixedBy) {
		g.array, g.after = schema.Single, nil
	}
	if x := l.only[a]; x != nil && g.constant == nil {
		g.where = and(x, g.where)
	}
	fills := of.filled && g.where == nil // a group whose rows all fail the condition has nothing, as in Splunk
	if g.hole {
		l.diag("depends_on_hole", a.Span(), name, "`"+name+"` is left out of the draft, because of the hole in it")
		next.bind(name, &column{name: name, hole: true})
		return
	}
	if g.constant != nil {
		l.diag("field_absent", a.Span(), name, "`"+name+"` has nothing to work on: its field is always null")
		next.bind(name, &column{name: name, typ: g.typ, constant: g.constant, computed: true})
		return
	}
	if out, ok := l.peer.shares(g); ok && out == columnName(name) && len(st.By) > 0 {
		c := &column{name: out, typ: g.typ, array: g.array, nonNull: g.nonNull, computed: true, pending: g.pending, filled: fills, fill: of.fill}
		c.passing(of.mapping())
		next.bind(name, c)
		return
	}
	out := columnName(name)
	for i := 2; taken.has(out) || out == "@timestamp" || l.peer.has(out); i++ {
		out = columnName(name) + "_" + itoa(i)
	}
	taken.add(out)
	x := &esql.Assign{Name: out, Expr: mark(g.expr, a.Span()), Where: mark(g.where, a.Span())}
	x.Origin = origin(a.Span())
	st.Aggs = append(st.Aggs, x)
	if g.after != nil {
		*after = append(*after, &esql.Assign{Name: out, Expr: mark(g.after(col(out)), a.Span())})
		*origins = append(*origins, a.Span())
	}
	c := &column{name: out, typ: g.typ, array: g.array, nonNull: g.nonNull, computed: true, pending: g.pending, filled: fills, fill: of.fill}
	c.passing(of.mapping())
	next.bind(name, c)
}

// groupsBy says that a STATS groups by each of the columns.
func groupsBy(st *esql.Stats, columns []string) bool {
	for _, c := range columns {
		if !slices.ContainsFunc(st.By, func(a *esql.Assign) bool {
			k, plain := a.Expr.(*esql.Column)
			return plain && k.Name == c
		}) {
			return false
		}
	}
	return true
}

func isCallOf(e spl.Expr, name string) bool {
	c, ok := e.(*spl.Call)
	return ok && c.Func == name
}

// aggName is the column name Splunk gives.
func aggName(a *spl.Agg) string {
	if a.As != nil {
		return a.As.Text
	}
	if a.Arg == nil {
		return a.Func
	}
	if f, ok := a.Arg.(*spl.FieldRef); ok && !a.Eval {
		return a.Func + "(" + f.Name + ")"
	}
	return a.Func + "(" + spl.PrintExpr(a.Arg) + ")"
}

// aggregation lowers one function of stats.
func (l *lowering) aggregation(a *spl.Agg) aggregation {
	fn := a.Func
	if fn == "count" || fn == "c" {
		return l.countAgg(a)
	}
	if a.Arg == nil {
		l.diag("unsupported_aggregation", a.Span(), fn, "`"+fn+"` needs a field")
		return aggregation{hole: true}
	}
	if g, ok := l.rawCount(a); ok {
		return g
	}
	if fn == "dc" || fn == "distinct_count" || fn == "estdc" {
		defer l.fill(true)() // the word in the place of missing values is a value more
	}
	v := l.aggArg(a)
	if v.hole {
		return aggregation{hole: true}
	}
	lower, ok := aggregations[fn]
	if !ok {
		if pct, kind, isPct := percentile(fn); isPct {
			n := l.numeric(v, a.Span())
			if n.hole {
				return aggregation{hole: true}
			}
			return l.estimated(call("PERCENTILE", n.expr, pct), a, "PERCENTILE estimates; Splunk's "+kind+" does too above 1,000 values, each in its own way")
		}
		l.diag("unsupported_aggregation", a.Span(), fn, "`"+fn+"` has no counterpart in STATS; rewrite this part by hand")
		return aggregation{hole: true}
	}
	if v.null {
		if fn == "dc" || fn == "distinct_count" || fn == "estdc" {
			return aggregation{constant: &esql.Literal{Value: int64(0)}, typ: "long"}
		}
		return aggregation{constant: &esql.Literal{}, typ: "null"}
	}
	return lower(l, v, a)
}

// rawCount is dc(_raw): events have texts of their own, so it counts them, and event.original need not be kept.
func (l *lowering) rawCount(a *spl.Agg) (aggregation, bool) {
	f, ok := a.Arg.(*spl.FieldRef)
	if !ok || f.Name != "_raw" || a.Func != "dc" && a.Func != "distinct_count" && a.Func != "estdc" {
		return aggregation{}, false
	}
	if _, bound := l.env.cols["_raw"]; bound || !l.env.open || l.src == nil || l.schema.IsIdentity() {
		return aggregation{}, false
	}
	if recordsWithID(l.src) {
		l.diag("approximate_count_distinct", a.Span(), "_raw", "each record carries an identifier, so no two have the same text and dc(_raw) counts events; a record that was collected twice counts once in Splunk")
	} else {
		l.diag("statistic_approximate", a.Span(), "_raw", "dc(_raw) counts events with the same text once, the draft counts all events")
	}
	return aggregation{expr: call("COUNT", &esql.Star{}), typ: "long", nonNull: true}, true
}

// recordsWithID says that the source's events are records of a service that numbers them.
func recordsWithID(s *schema.Source) bool {
	for _, st := range s.Streams {
		switch service, _, _ := strings.Cut(st, "/"); service {
		case "aws", "o365", "azure", "okta", "google_workspace", "gcp", "github":
		default:
			return false
		}
	}
	return len(s.Streams) > 0
}

// aggArg lowers the argument; a condition in eval() counts where it is true.
func (l *lowering) aggArg(a *spl.Agg) value {
	var v value
	if _, plain := a.Arg.(*spl.FieldRef); plain && showing[a.Func] {
		l.reading(toShow, func() { v = l.expr(a.Arg) })
	} else if plain {
		l.reading(toGroup, func() { v = l.expr(a.Arg) })
	} else {
		v = l.expr(a.Arg)
	}
	if v.typ == "boolean" && a.Eval && !v.hole {
		// eval(cond) is 1 where it holds and null elsewhere
		return value{expr: call("CASE", v.expr, integer(1), null()), typ: "integer"}
	}
	return v
}

// showing lists the functions whose result only shows values of the field.
var showing = map[string]bool{
	"values": true, "list": true, "first": true, "last": true, "earliest": true, "latest": true, "min": true, "max": true,
}

func (l *lowering) countAgg(a *spl.Agg) aggregation {
	g := aggregation{typ: "long", nonNull: true}
	if a.Arg == nil {
		g.expr = call("COUNT", &esql.Star{})
		return g
	}
	if a.Eval {
		if f, ok := a.Arg.(*spl.FieldRef); !ok || f == nil {
			if isCondition(a.Arg) {
				c := l.cond(a.Arg, false)
				if c == nil {
					return aggregation{hole: true}
				}
				g.expr = call("COUNT", &esql.Star{})
				if isFalse(c) {
					return aggregation{constant: &esql.Literal{Value: int64(0)}, typ: "long"}
				}
				if !isTrue(c) {
					g.where = c
				}
				return g
			}
		}
	}
	var v value
	l.reading(toGroup, func() { v = l.expr(a.Arg) })
	if v.hole {
		return aggregation{hole: true}
	}
	if v.null {
		return aggregation{constant: &esql.Literal{Value: int64(0)}, typ: "long"}
	}
	if isDate(v.typ) && v.columnName() == "@timestamp" || v.col != nil && v.col.filled && !v.multi() {
		g.expr = call("COUNT", &esql.Star{})
		return g
	}
	g.expr = call("COUNT", v.expr)
	return g
}

func isCondition(e spl.Expr) bool {
	switch e := e.(type) {
	case *spl.Binary:
		switch e.Op {
		case "AND", "OR", "XOR", "=", "==", "!=", "<", "<=", ">", ">=", "LIKE":
			return true
		}
	case *spl.Unary:
		return e.Op == "NOT"
	case *spl.InExpr, *spl.BoolLit:
		return true
	case *spl.Call:
		_, ok := conditions[e.Func]
		return ok
	}
	return false
}

func percentile(fn string) (esql.Expr, string, bool) {
	for _, p := range []string{"perc", "exactperc", "upperperc", "p"} {
		if rest, ok := strings.CutPrefix(fn, p); ok {
			if f, err := strconv.ParseFloat(rest, 64); err == nil && f >= 0 && f <= 100 {
				n, _ := number(rest)
				return n, p, true
			}
		}
	}
	return nil, "", false
}

// aggregations is the table of stats functions.
var aggregations map[string]func(l *lowering, v value, a *spl.Agg) aggregation

func init() {
	num := func(fn, typ string) func(*lowering, value, *spl.Agg) aggregation {
		return func(l *lowering, v value, a *spl.Agg) aggregation {
			n := l.numeric(v, a.Span())
			if n.hole {
				return aggregation{hole: true}
			}
			t := typ
			if t == "" {
				t = n.typ
				if isInteger(t) {
					t = "long"
				}
			}
			return aggregation{expr: call(fn, n.expr), typ: t}
		}
	}
	extreme := func(fn string) func(*lowering, value, *spl.Agg) aggregation {
		return func(l *lowering, v value, a *spl.Agg) aggregation {
			g := aggregation{expr: call(fn, v.expr), typ: v.typ, nonNull: v.nonNull && !v.multi()}
			if isText(v.typ) {
				l.diag("mapping_approximate", a.Span(), a.Func, "`"+a.Func+"` of text goes by its letters; Splunk takes numbers in text as numbers")
			}
			return g
		}
	}
	distinct := func(l *lowering, v value, a *spl.Agg) aggregation {
		l.diag("approximate_count_distinct", a.Span(), a.Func, "COUNT_DISTINCT is exact up to its precision threshold (3,000), close above it")
		x := v
		if isDate(v.typ) || v.typ == "boolean" {
			x = v
		}
		return aggregation{expr: call("COUNT_DISTINCT", x.expr), typ: "long", nonNull: true}
	}
	values := func(l *lowering, v value, _ *spl.Agg) aggregation {
		return aggregation{
			expr: call("VALUES", v.expr), typ: v.typ, array: schema.AlwaysArray,
			after: func(x esql.Expr) esql.Expr { return call("MV_SORT", x) },
		}
	}
	aggregations = map[string]func(*lowering, value, *spl.Agg) aggregation{
		"dc": distinct, "distinct_count": distinct, "estdc": distinct,
		"values": values, "list": listAgg,
		"sum": num("SUM", ""), "avg": num("AVG", "double"), "mean": num("AVG", "double"),
		"median": func(l *lowering, v value, a *spl.Agg) aggregation {
			n := l.numeric(v, a.Span())
			if n.hole {
				return aggregation{hole: true}
			}
			return l.estimated(call("MEDIAN", n.expr), a, "MEDIAN estimates where there are many values; Splunk's median is exact")
		},
		"stdevp": num("STD_DEV", "double"), "stdev": stdevAgg,
		"var": varianceAgg(true), "varp": varianceAgg(false),
		"sumsq": func(l *lowering, v value, a *spl.Agg) aggregation {
			n := l.numeric(v, a.Span())
			if n.hole {
				return aggregation{hole: true}
			}
			return aggregation{expr: call("SUM", binary("*", n.expr, n.expr)), typ: n.typ}
		},
		"range": func(l *lowering, v value, a *spl.Agg) aggregation {
			n := l.numeric(v, a.Span())
			if n.hole {
				return aggregation{hole: true}
			}
			return aggregation{expr: binary("-", call("MAX", n.expr), call("MIN", n.expr)), typ: n.typ}
		},
		"min": extreme("MIN"), "max": extreme("MAX"),
		"earliest_time": timeOfAgg("MIN"), "latest_time": timeOfAgg("MAX"),
		"earliest": packedAgg("MIN"), "latest": packedAgg("MAX"),
		"first": orderedAgg("MAX"), "last": orderedAgg("MIN"),
		"mode": func(l *lowering, v value, a *spl.Agg) aggregation {
			l.diag("unsupported_aggregation", a.Span(), "mode", "mode has no counterpart in STATS; count by the field and take the top")
			return aggregation{hole: true}
		},
	}
}

// estimated is an aggregate that ES|QL estimates; it differs where it decides something.
func (l *lowering) estimated(x esql.Expr, a *spl.Agg, message string) aggregation {
	l.diag("statistic_approximate", a.Span(), a.Func, message)
	return aggregation{expr: x, typ: "double"}
}

// stdevAgg is the sample deviation; STD_DEV is that of the population.
func stdevAgg(l *lowering, v value, a *spl.Agg) aggregation {
	n := l.numeric(v, a.Span())
	if n.hole {
		return aggregation{hole: true}
	}
	count := call("COUNT", n.expr)
	scale := call("SQRT", binary("/", call("TO_DOUBLE", count), call("GREATEST", binary("-", count, integer(1)), integer(1))))
	return aggregation{expr: binary("*", call("STD_DEV", n.expr), scale), typ: "double"}
}

func varianceAgg(sample bool) func(*lowering, value, *spl.Agg) aggregation {
	return func(l *lowering, v value, a *spl.Agg) aggregation {
		n := l.numeric(v, a.Span())
		if n.hole {
			return aggregation{hole: true}
		}
		x := call("POW", call("STD_DEV", n.expr), integer(2))
		if sample {
			count := call("COUNT", n.expr)
			x = binary("*", x, binary("/", call("TO_DOUBLE", count), call("GREATEST", binary("-", count, integer(1)), integer(1))))
		}
		return aggregation{expr: x, typ: "double"}
	}
}

// timeOfAgg is earliest_time(f) or latest_time(f): the time of the first or last event that has the field.
func timeOfAgg(fn string) func(*lowering, value, *spl.Agg) aggregation {
	return func(l *lowering, v value, a *spl.Agg) aggregation {
		ts, ok := l.eventTime(a)
		if !ok {
			return aggregation{hole: true}
		}
		g := aggregation{expr: call(fn, col(ts)), typ: "date", nonNull: v.nonNull}
		if !v.nonNull {
			g.where = notNull(v.expr)
		}
		return g
	}
}

// eventTime is the column with the time of the rows.
func (l *lowering) eventTime(a *spl.Agg) (string, bool) {
	switch t := l.env.cols["_time"]; {
	case t != nil && isDate(t.typ) && !t.hole:
		return t.name, true
	case t == nil && l.env.open:
		return "@timestamp", true
	}
	l.diag("unsupported_aggregation", a.Span(), a.Func, "`"+a.Func+"` needs _time, which is gone after stats; keep max(_time) by the key instead")
	return "", false
}

// timestampWidth is the length of TO_STRING(@timestamp): 2026-01-02T03:04:05.678Z.
const timestampWidth = 24

// packedAgg is earliest(f) or latest(f), exactly: the value rides behind its timestamp through MIN or MAX.
func packedAgg(fn string) func(*lowering, value, *spl.Agg) aggregation {
	return func(l *lowering, v value, a *spl.Agg) aggregation {
		ts, ok := l.eventTime(a)
		if !ok {
			return aggregation{hole: true}
		}
		if isDate(v.typ) && v.columnName() == ts {
			return aggregation{expr: call(fn, v.expr), typ: "date", nonNull: true}
		}
		if l.opts.Target == Target9 {
			return l.firstLast(fn, v, ts, a)
		}
		x := l.text(v)
		if v.multi() {
			l.arrayNote(v, a.Span(), a.Func, "of several values in one event the draft keeps the first in order")
			x.expr = call("MV_MIN", x.expr)
		}
		if isDate(v.typ) {
			x.expr = call("TO_STRING", v.expr)
		}
		packed := call(fn, call("CONCAT", call("TO_STRING", col(ts)), x.expr))
		back := func(c esql.Expr) esql.Expr {
			s := call("SUBSTRING", c, integer(timestampWidth+1))
			switch {
			case isText(v.typ):
				return s
			case isInteger(v.typ):
				return call("TO_LONG", s)
			case isNumeric(v.typ):
				return call("TO_DOUBLE", s)
			case isDate(v.typ):
				return call("TO_DATETIME", s)
			case v.typ == "ip":
				return call("TO_IP", s)
			case v.typ == "boolean":
				return call("TO_BOOLEAN", s)
			}
			return s
		}
		typ := v.typ
		if isText(typ) {
			typ = "keyword"
		}
		return aggregation{expr: packed, typ: typ, after: back}
	}
}

// firstLast is FIRST or LAST of a later target: of the events that have the field.
func (l *lowering) firstLast(fn string, v value, ts string, a *spl.Agg) aggregation {
	later := map[string]string{"MIN": "FIRST", "MAX": "LAST"}[fn]
	x, typ := v.expr, v.typ
	if isText(typ) {
		typ = "keyword"
	}
	if v.multi() {
		l.arrayNote(v, a.Span(), a.Func, "of several values in one event the draft keeps the first in order")
		x = call("MV_MIN", x)
	}
	g := aggregation{expr: call(later, x, col(ts)), typ: typ}
	if !v.nonNull {
		g.where = notNull(v.expr)
	}
	return g
}

// orderedAgg is first(f) or last(f): events come newest first, so first is the latest.
func orderedAgg(fn string) func(*lowering, value, *spl.Agg) aggregation {
	packed := packedAgg(fn)
	return func(l *lowering, v value, a *spl.Agg) aggregation {
		if l.aggregated {
			l.diag("order_dependent", a.Span(), a.Func, "`"+a.Func+"` takes a row by the order of rows, which has no counterpart; the draft takes the smallest value")
			return aggregation{expr: call("MIN", v.expr), typ: v.typ}
		}
		l.diag("first_last_order", a.Span(), a.Func, "events come newest first, so first is the latest value and last the earliest")
		return packed(l, v, a)
	}
}
