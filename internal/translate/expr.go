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

// The eval grammar as values.

var holeValue = value{hole: true}

func (l *lowering) expr(e spl.Expr) value {
	defer l.budget.Enter().Leave()
	before := l.place
	l.place = e.Span()
	v := l.exprBare(e)
	l.place = before
	if v.expr != nil {
		mark(v.expr, e.Span())
	}
	return v
}

func (l *lowering) exprBare(e spl.Expr) value {
	switch e := e.(type) {
	case *spl.FieldRef:
		if e.Dotted {
			return l.dotted(e)
		}
		var v value
		l.accounts(func() { v = wholeAccount(l.lookup(e.Name, e.Span()).value()) })
		if l.filling && v.col != nil && v.col.filled && isText(v.typ) && !v.nonNull && !l.present[v.columnName()] {
			v = value{expr: call("COALESCE", v.expr, str(v.col.fill)), typ: "keyword", array: v.array, nonNull: true}
		}
		return v
	case *spl.StringLit:
		s := e.Value
		return value{expr: str(s), typ: "keyword", nonNull: true, word: &s}
	case *spl.NumberLit:
		n, ok := number(e.Text)
		if !ok {
			s := e.Text
			return value{expr: str(s), typ: "keyword", nonNull: true, word: &s}
		}
		return numberValue(n, e.Text)
	case *spl.BoolLit:
		return value{expr: boolean(e.Value), typ: "boolean", nonNull: true}
	case *spl.Unary:
		switch e.Op {
		case "-":
			v := l.oneNumber(l.expr(e.X), e.Span())
			if v.hole {
				return v
			}
			if v.word != nil {
				text := "-" + *v.word
				if n, ok := number(text); ok {
					return numberValue(n, text)
				}
			}
			v.expr = &esql.Neg{X: v.expr}
			v.col, v.word = nil, nil
			return v
		case "+":
			return l.expr(e.X)
		}
		return l.condValue(e)
	case *spl.Binary:
		switch e.Op {
		case "+", "-", "*", "/", "%":
			return l.arithmetic(e)
		case ".":
			return l.concat(e)
		}
		return l.condValue(e)
	case *spl.InExpr:
		return l.condValue(e)
	case *spl.Call:
		return l.function(e)
	case *spl.ExprMacro:
		l.unknownMacro(e.Macro, e.Span())
		return holeValue
	case *spl.ExprSubsearch:
		l.valueOfSubsearch(e)
		return holeValue
	case *spl.ExprHole:
		l.diag("syntax", e.Span(), "", "this part of the expression could not be read: "+clip(e.Text))
		return holeValue
	}
	return holeValue
}

// dotted is a.b of the eval grammar, which joins a and b unless it stands in single quotes. A name that is a field here is
// taken as the field that its author meant, with a note; otherwise the parts are joined, as in Splunk.
func (l *lowering) dotted(e *spl.FieldRef) value {
	field := &spl.FieldRef{At: e.At, Name: e.Name}
	known := l.env.cols[e.Name] != nil
	if !known && l.env.open && l.src != nil {
		if l.schema.IsIdentity() {
			_, known = l.src.Known(e.Name)
		} else {
			c := l.peek(e.Name, e.Span())
			known = !c.hole && c.constant == nil
		}
	}
	if known {
		l.diag("dotted_name", e.Span(), e.Name, "outside single quotes eval reads the dots of `"+e.Name+"` as joining texts, which gives no value where there are no such fields; the draft takes the field of that name. Put it in single quotes")
		return l.expr(field)
	}
	parts := strings.Split(e.Name, ".")
	var x spl.Expr = &spl.FieldRef{At: e.At, Name: parts[0]}
	for _, p := range parts[1:] {
		x = &spl.Binary{At: e.At, Op: ".", L: x, R: &spl.FieldRef{At: e.At, Name: p}}
	}
	return l.expr(x)
}

func numberValue(n esql.Expr, text string) value {
	typ := "double"
	if i, ok := n.(*esql.Literal).Value.(int64); ok {
		typ = "long"
		if i == int64(int32(i)) {
			typ = "integer"
		}
	}
	return value{expr: n, typ: typ, nonNull: true, word: &text, num: true}
}

// condValue is a condition used as a value.
func (l *lowering) condValue(e spl.Expr) value {
	c := l.condInValue(e, false)
	if c == nil {
		return holeValue
	}
	return value{expr: c, typ: "boolean"}
}

// numeric converts to a number where needed; text that is no number becomes null, as in Splunk.
func (l *lowering) numeric(v value, span spl.Span) value {
	switch {
	case v.hole || v.null:
		return v
	case isNumeric(v.typ):
		return v
	case isText(v.typ):
		if v.word != nil {
			if n, ok := number(*v.word); ok {
				return numberValue(n, *v.word)
			}
			return nullValue()
		}
		return value{expr: l.readNumber(v), typ: "double", array: v.array, nonNull: v.numeral && v.nonNull}
	case isDate(v.typ):
		return epoch(v)
	case v.typ == "boolean":
		return value{expr: call("TO_INTEGER", v.expr), typ: "integer", array: v.array}
	}
	l.diag("type_mismatch", span, "", "a number is needed here, and this is of the type "+v.typ+", which has none; use another field, or convert it before")
	return holeValue
}

// oneNumber is numeric for what is missing where the value is several.
func (l *lowering) oneNumber(v value, span spl.Span) value {
	if v.multi() && isText(v.typ) && v.word == nil {
		v.array = schema.Single
		if v.numeral || l.canonical(v) {
			v.expr = call("CASE", binary("==", call("MV_COUNT", v.expr), integer(1)), v.expr)
		}
	}
	return l.numeric(v, span)
}

// epoch is a date as seconds since 1970 with their fraction.
func epoch(v value) value {
	return value{
		expr: binary("/", call("TO_LONG", v.expr), &esql.Literal{Value: 1000.0}), typ: "double", nonNull: v.nonNull, array: v.array,
	}
}

// text converts to text the way Splunk shows it.
func (l *lowering) text(v value) value {
	switch {
	case v.hole || v.null || isText(v.typ):
		return v
	case v.word != nil:
		s := *v.word
		return value{expr: str(s), typ: "keyword", nonNull: true, word: &s}
	case otherTime(v):
		l.diag("number_text", l.place, v.columnName(), v.columnName()+" is used as text here, which the draft writes as 2026-01-02T03:04:05.678Z; Splunk has the text of the event")
		return timeAsText(v)
	case isDate(v.typ):
		l.diag("number_text", l.place, "_time", "a time is used as text here: the draft writes whole seconds, Splunk also a fraction where the time has one. Format it with strftime")
		return value{expr: call("TO_STRING", binary("/", call("TO_LONG", v.expr), integer(1000))), typ: "keyword", array: v.array, nonNull: v.nonNull}
	}
	if v.lexical() {
		return value{expr: call("MV_SORT", l.numberText(v)), typ: "keyword", array: v.array, nonNull: v.nonNull}
	}
	if l.filling && v.col != nil && v.col.filled {
		return value{expr: call("COALESCE", l.numberText(v), str(v.col.fill)), typ: "keyword", array: v.array, nonNull: true}
	}
	return value{expr: l.numberText(v), typ: "keyword", array: v.array, nonNull: v.nonNull}
}

// lexical says that Splunk has the values in the order of their text, as values() gives them.
func (v value) lexical() bool { return v.col != nil && v.col.lexical && v.multi() }

func (l *lowering) arithmetic(e *spl.Binary) value {
	a, b := l.expr(e.L), l.expr(e.R)
	if a.hole || b.hole {
		return holeValue
	}
	if a.null || b.null {
		return value{expr: null(), typ: "null", null: true}
	}
	if e.Op == "+" && isText(a.typ) && isText(b.typ) && !a.numeral && !b.numeral {
		return l.plus(a, b, e)
	}
	if text := a; e.Op == "+" && isText(a.typ) != isText(b.typ) && !isDate(a.typ) && !isDate(b.typ) {
		if isText(b.typ) {
			text = b
		}
		if !text.numeral && text.word == nil {
			l.diag("function_differs", e.Span(), "+", "+ adds two numbers; where the text is no number, the draft gives nothing, and Splunk may join the two. Use . to join, or tonumber to add")
		}
	}
	nonNull := a.nonNull && b.nonNull && e.Op != "/" && e.Op != "%"
	if isDate(a.typ) && b.num && (e.Op == "+" || e.Op == "-") {
		if d, ok := secondsDuration(*b.word); ok {
			return value{expr: binary(e.Op, a.expr, d), typ: "date", nonNull: nonNull}
		}
	}
	if isDate(a.typ) && isDate(b.typ) && e.Op == "-" {
		return value{
			expr: binary("/", binary("-", call("TO_LONG", a.expr), call("TO_LONG", b.expr)), &esql.Literal{Value: 1000.0}),
			typ:  "double", nonNull: nonNull,
		}
	}
	a, b = l.numeric(a, e.L.Span()), l.numeric(b, e.R.Span())
	if a.hole || b.hole {
		return holeValue
	}
	if v, ok := foldNumbers(e.Op, a, b); ok {
		return v
	}
	if several := anyOf(a, b); several.multi() {
		l.arrayNote(several, e.Span(), e.Op, "arithmetic on several values is null in ES|QL; Splunk uses one of them")
	}
	typ := "long"
	if !isInteger(a.typ) || !isInteger(b.typ) {
		typ = "double"
	}
	if e.Op == "*" && a.typ == "integer" && b.typ == "integer" { // a product of 32 bits is null in ES|QL where it overflows
		a.expr = call("TO_LONG", a.expr)
	}
	if e.Op == "/" {
		typ = "double"
		if isInteger(a.typ) && isInteger(b.typ) { // 100/8 is 12 in ES|QL, 12.5 in Splunk
			if b.num {
				if n, err := strconv.ParseFloat(*b.word, 64); err == nil {
					b.expr = &esql.Literal{Value: n}
				}
			} else {
				a.expr = call("TO_DOUBLE", a.expr)
			}
		}
	}
	return value{expr: binary(e.Op, a.expr, b.expr), typ: typ, nonNull: nonNull}
}

// foldNumbers computes with literals: ES|QL would compute with 32 bits and give null where that overflows.
func foldNumbers(op string, a, b value) (value, bool) {
	if !a.num || !b.num || a.word == nil || b.word == nil {
		return value{}, false
	}
	x, err1 := strconv.ParseFloat(*a.word, 64)
	y, err2 := strconv.ParseFloat(*b.word, 64)
	if err1 != nil || err2 != nil {
		return value{}, false
	}
	var r float64
	switch op {
	case "+":
		r = x + y
	case "-":
		r = x - y
	case "*":
		r = x * y
	case "/":
		if y == 0 {
			return nullValue(), true
		}
		r = x / y
	default:
		return value{}, false
	}
	text := strconv.FormatFloat(r, 'f', -1, 64)
	n, ok := number(text)
	if !ok {
		return value{}, false
	}
	return numberValue(n, text), true
}

func secondsDuration(text string) (esql.Expr, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil, false
	}
	return duration(n), true
}

// duration is n seconds in the largest unit that divides them.
func duration(n int64) esql.Expr {
	for _, u := range []struct {
		seconds int64
		unit    string
	}{{604800, "week"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}} {
		if n%u.seconds == 0 && n != 0 {
			return &esql.Duration{N: n / u.seconds, Unit: u.unit}
		}
	}
	return &esql.Duration{N: n, Unit: "second"}
}

// concat flattens a chain of . operators.
func (l *lowering) concat(e *spl.Binary) value {
	defer l.fill(true)()
	var parts []spl.Expr
	var walk func(x spl.Expr)
	walk = func(x spl.Expr) {
		if b, ok := x.(*spl.Binary); ok && b.Op == "." {
			walk(b.L)
			walk(b.R)
			return
		}
		parts = append(parts, x)
	}
	walk(e)
	var args []esql.Expr
	nonNull := true
	for _, p := range parts {
		v := l.text(l.expr(p))
		if v.hole {
			return holeValue
		}
		if v.null {
			return value{expr: null(), typ: "null", null: true}
		}
		if v.multi() {
			l.arrayNote(v, p.Span(), ".", "joining several values to text is null in ES|QL; Splunk joins the first")
			v.expr = call("MV_FIRST", v.expr)
		}
		nonNull = nonNull && v.nonNull
		args = append(args, v.expr)
	}
	return value{expr: call("CONCAT", args...), typ: "keyword", nonNull: nonNull}
}

func (l *lowering) function(e *spl.Call) value {
	defer l.fill(true)()
	if f, ok := functions[e.Func]; ok {
		if !f.arity(len(e.Args)) {
			l.arity(e)
			return holeValue
		}
		return f.lower(l, e)
	}
	if _, ok := conditions[e.Func]; ok {
		return l.condValue(e)
	}
	why := "has no counterpart in ES|QL " + string(l.opts.Target)
	if r, ok := functionHoles[e.Func]; ok {
		why = r
	} else if near := nearest.Hint(e.Func, functionNames()); near != "" {
		why = "is no function that is known" + near
	}
	l.diag("unsupported_function", e.Span(), e.Func, "`"+e.Func+"` "+why+"; rewrite this part by hand")
	return holeValue
}

// functionNames are the eval functions that Splunk documents, as far as the tables have them.
func functionNames() []string {
	names := slices.Collect(maps.Keys(functions))
	names = slices.AppendSeq(names, maps.Keys(conditions))
	return slices.AppendSeq(names, maps.Keys(functionHoles))
}

// fill sets filling and returns what sets it back.
func (l *lowering) fill(on bool) (restore func()) {
	old := l.filling
	l.filling = on
	return func() { l.filling = old }
}

func (l *lowering) arity(e *spl.Call) {
	l.diag("unsupported_expression", e.Span(), e.Func, "`"+e.Func+"` does not take "+itoa(len(e.Args))+" arguments")
}

// args lowers all arguments; ok is false when one is a hole.
func (l *lowering) args(e *spl.Call) (vs []value, ok bool) {
	ok = true
	for _, a := range e.Args {
		v := l.expr(a)
		vs = append(vs, v)
		ok = ok && !v.hole
	}
	return vs, ok
}

// unify casts values to one type for CASE and COALESCE. These accept a smaller literal behind the first value; strict
// is for functions that do not.
func (l *lowering) unify(vs []value) ([]value, string) { return l.unifyAs(vs, false) }

func (l *lowering) unifyAs(vs []value, strict bool) ([]value, string) {
	typ := ""
	for _, v := range vs {
		if v.null {
			continue
		}
		t := v.typ
		switch {
		case isText(t):
			t = "keyword"
		case t == "long" || t == "unsigned_long":
			t = "long"
		case isInteger(t):
			t = "integer"
		case isNumeric(t):
			t = "double"
		}
		switch {
		case typ == "" || typ == t:
			typ = t
		case isNumeric(typ) && isNumeric(t):
			if typ == "double" || t == "double" {
				typ = "double"
			} else {
				typ = "long"
			}
		default:
			typ = "keyword"
		}
	}
	out := make([]value, len(vs))
	for i, v := range vs {
		switch {
		case v.null:
		case typ == "keyword":
			v = l.text(v)
		case typ == "double" && isInteger(v.typ):
			if v.word != nil {
				if f, err := strconv.ParseFloat(*v.word, 64); err == nil {
					v.expr = &esql.Literal{Value: f}
				}
			} else {
				v.expr = call("TO_DOUBLE", v.expr)
			}
		case typ == "long" && v.typ != "long" && (i == 0 || v.word == nil || strict):
			v.expr = call("TO_LONG", v.expr)
		}
		out[i] = v
	}
	if typ == "" {
		typ = "null"
	}
	return out, typ
}

func anyArray(vs []value) schema.Array {
	most := schema.Single
	for _, v := range vs {
		most = max(most, v.array)
	}
	return most
}

// anyOf is the operand that holds the most values.
func anyOf(a, b value) value {
	if b.array > a.array {
		return b
	}
	return a
}

// arrayNote says that something works on one value only. A field of the identity schema may hold several, but hardly
// does; of others it is known.
func (l *lowering) arrayNote(v value, span spl.Span, subject, message string) {
	if v.array == schema.MaybeArray && l.schema.IsIdentity() {
		l.diag("array_single", span, subject, message+"; the draft takes it that there is one")
		return
	}
	l.diag("array_approximate", span, subject, message)
}

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }
