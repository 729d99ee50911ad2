package translate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/nearest"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// aggregation is what one SPL aggregation becomes: an ES|QL aggregate, and optionally an EVAL of its result after it.
type aggregation struct {
	expr esql.Expr
	typ  string
	// array says that the result holds several values.
	array schema.Array
	// lexical is that of the column.
	lexical bool
	// after reworks the result column.
	after   func(x esql.Expr) esql.Expr
	nonNull bool
	where   esql.Expr
	// constant is the result where it needs no aggregate: the argument is always null.
	constant *esql.Literal
	pending  *mappingNote
	hole     bool
	// distinct says that the result is a count of distinct values, estimated above largestPrecision.
	distinct bool
}

// largestPrecision is the largest precision threshold of COUNT_DISTINCT.
const largestPrecision = 40000

// estimatedCount says so where a count of distinct values is compared with more than COUNT_DISTINCT counts exactly.
func (l *lowering) estimatedCount(v value, text string, at spl.Span) {
	if n, err := strconv.ParseFloat(strings.TrimSpace(text), 64); v.distinct && err == nil && n > largestPrecision {
		l.diag("statistic_approximate", at, "dc", "COUNT_DISTINCT estimates numbers above 40,000, a few percent off, and the condition compares with "+text+"; Splunk's count is exact")
	}
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
		why := "has no counterpart in STATS"
		if near := nearest.Hint(fn, slices.Collect(maps.Keys(aggregations))); near != "" {
			why = "is no aggregation that is known" + near
		}
		l.diag("unsupported_aggregation", a.Span(), fn, "`"+fn+"` "+why+"; rewrite this part by hand")
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

// neverHolds says that the draft so far lets no row through.
func (l *lowering) neverHolds() bool {
	return slices.ContainsFunc(l.cmds, func(c esql.Command) bool {
		w, ok := c.(*esql.Where)
		if !ok {
			return false
		}
		b, ok := w.Expr.(*esql.Literal)
		return ok && b.Value == false
	})
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
			if v.numeral {
				v = l.numeric(v, a.Span())
			}
			if v.typ == "ip" { // an address is text in Splunk: 10.1.2.3 is less than 9.9.9.9
				v = l.text(v)
				return aggregation{expr: call(fn, v.expr), typ: "keyword", nonNull: v.nonNull && !v.multi()}
			}
			g := aggregation{expr: call(fn, v.expr), typ: v.typ, nonNull: v.nonNull && !v.multi()}
			if isText(v.typ) {
				l.diag("mapping_approximate", a.Span(), a.Func, "`"+a.Func+"` of text goes by its letters; Splunk takes numbers in text as numbers")
			}
			return g
		}
	}
	distinct := func(l *lowering, v value, a *spl.Agg) aggregation {
		l.diag("approximate_count_distinct", a.Span(), a.Func, "COUNT_DISTINCT counts exactly, or nearly, up to its precision threshold, for which the draft gives the largest (40,000); larger numbers are estimated")
		g := aggregation{expr: call("COUNT_DISTINCT", v.expr, integer(largestPrecision)), typ: "long", nonNull: true, distinct: true}
		if l.neverHolds() { // Elasticsearch reads nothing then, and gives null where it has counted no row
			g.after = func(x esql.Expr) esql.Expr { return call("COALESCE", x, integer(0)) }
		}
		return g
	}
	values := func(l *lowering, v value, _ *spl.Agg) aggregation {
		return aggregation{
			expr: call("VALUES", v.expr), typ: v.typ, array: schema.AlwaysArray, lexical: isNumeric(v.typ) || v.typ == "ip",
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
			return l.estimated(call("MEDIAN", n.expr), a, "MEDIAN is estimated where there are many values; Splunk's is exact, so a threshold close to the value can be crossed in one and not in the other")
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
		if l.sorted() {
			return l.firstSorted(fn, v, a)
		}
		if l.aggregated {
			l.diag("order_dependent", a.Span(), a.Func, "`"+a.Func+"` takes a row by the order of rows, which has no counterpart; the draft takes the smallest value")
			return aggregation{expr: call("MIN", v.expr), typ: v.typ}
		}
		l.diag("first_last_order", a.Span(), a.Func, "events come newest first, so first is the latest value and last the earliest")
		return packed(l, v, a)
	}
}

// firstSorted is first(f) or last(f) of sorted rows: the value rides behind the texts of the sort keys.
func (l *lowering) firstSorted(fn string, v value, a *spl.Agg) aggregation {
	x := l.text(v)
	if isDate(v.typ) {
		x.expr = call("TO_STRING", v.expr)
	}
	if v.multi() {
		l.arrayNote(v, a.Span(), a.Func, "of several values in one event the draft keeps the first in order")
		x.expr = call("MV_MIN", x.expr)
	}
	known := map[string]bool{}
	all := l.sortedBy()
	lead, written, first := l.leads(all, known)
	if fn == "MIN" { // last
		first = map[string]string{"MIN": "MAX", "MAX": "MIN"}[first]
	}
	if len(written) < len(all) || len(known) < len(written) || len(lead) == 0 {
		l.diag("order_dependent", a.Span(), a.Func, "`"+a.Func+"` takes a row by the order of the sort before it, which the draft cannot follow in full: texts in it compare by their letters, where Splunk compares numbers in texts by their value")
	} else {
		l.diag("first_last_order", a.Span(), a.Func, "`"+a.Func+"` follows the sort before it; of rows that sort alike any may come first, in both")
	}
	if len(lead) == 0 {
		return aggregation{expr: call(first, v.expr), typ: v.typ}
	}
	parts := make([]esql.Expr, 0, len(lead)+2)
	parts = append(parts, lead...)
	packed := call(first, call("CONCAT", append(parts, str(listMark), x.expr)...))
	typ := v.typ
	if isText(typ) {
		typ = "keyword"
	}
	return aggregation{expr: packed, typ: typ, after: func(c esql.Expr) esql.Expr {
		return fromText(call("SUBSTRING", c, binary("+", call("LOCATE", c, str(listMark)), integer(1))), typ)
	}}
}
