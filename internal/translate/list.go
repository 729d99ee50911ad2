package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// listLimit is the number of values that list() keeps (list_maxsize of limits.conf).
const listLimit = 100

// listAgg is list(f): every value in the order of events, newest first, at most 100. VALUES keeps each text once, so a
// value rides behind the time and the identifier of its event, which sort it and are cut off afterwards.
func listAgg(l *lowering, v value, a *spl.Agg) aggregation {
	if l.aggregated || l.sorted() || !l.env.open && l.env.cols["_time"] == nil {
		l.diag("truncation", a.Span(), "list", "list() keeps duplicates and the order of rows, at most 100; VALUES keeps each value once")
		return aggregation{expr: call("VALUES", v.expr), typ: v.typ, array: schema.AlwaysArray}
	}
	x := l.text(v).expr
	if isDate(v.typ) {
		x = call("TO_STRING", v.expr)
	}
	if isText(v.typ) && !isKeyword(v.typ) && v.typ != "" && !v.multi() {
		x = call("REPLACE", x, str(listMark), str("")) // a text has lines, which Windows ends with the mark and a line feed
	}
	if v.multi() {
		l.arrayNote(v, a.Span(), "list", "list() takes the values of one event in their order, Elasticsearch has them sorted")
		x = call("MV_CONCAT", x, str(listMark))
	}
	l.needsID = true
	packed := call("VALUES", call("CONCAT", call("TO_STRING", col("@timestamp")), col("_id"), str(rowMark), x))
	typ := v.typ
	if isText(typ) {
		typ = "keyword"
	}
	return aggregation{expr: packed, typ: typ, array: schema.AlwaysArray, after: func(c esql.Expr) esql.Expr {
		rows := call("MV_SLICE", call("MV_SORT", c, str("DESC")), integer(0), integer(listLimit-1))
		list := call("REPLACE", call("MV_CONCAT", rows, str(listMark)), str("(^|"+listMark+")[^"+rowMark+"]*"+rowMark), str("$1"))
		return fromText(call("SPLIT", list, str(listMark)), typ)
	}}
}
