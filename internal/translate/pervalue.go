package translate

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// mvfilter, mvmap and mvfind look at each value of a field by itself, which no function of ES|QL does. The values joined
// to one text, each with a mark behind it, can be worked on by REPLACE: a condition on one value is an assertion at its
// start.

// perValue is a field whose values are looked at one by one.
type perValue struct {
	l    *lowering
	name string
	v    value // as text
}

// eachValue finds the one field that an expression reads; ok is false, with a diagnostic, when there is none.
func (l *lowering) eachValue(e spl.Expr, call *spl.Call) (p *perValue, ok bool) {
	name, several := "", false
	spl.Walk(e, func(n spl.Node) bool {
		if f, isField := n.(*spl.FieldRef); isField {
			several = several || name != "" && name != f.Name
			name = f.Name
		}
		return true
	})
	if name == "" || several {
		l.diag("unsupported_function", call.Span(), call.Func, "`"+call.Func+"` works on the values of one field; this names none or several, rewrite this part by hand")
		return nil, false
	}
	v := l.lookup(name, e.Span()).value()
	if v.hole {
		return nil, false
	}
	v = l.text(v)
	return &perValue{l: l, name: name, v: v}, true
}

// joined is the text of the values, each with the mark behind it.
func (p *perValue) joined() esql.Expr {
	return call("CONCAT", call("MV_CONCAT", p.v.expr, str(listMark)), str(listMark))
}

// split makes values of such a text; null when it is empty.
func (p *perValue) split(x esql.Expr) esql.Expr {
	return call("CASE", binary("!=", x, str("")), call("SPLIT", call("REPLACE", x, str(listMark+`\z`), str("")), str(listMark)))
}

const anyRune = "[^" + listMark + "]"

// isValue is an assertion that a whole value matches a pattern.
func isValue(pattern string) string { return "(?=(?:" + pattern + ")" + listMark + ")" }

// assertion is a condition on one value as a zero-width assertion at its start.
func (p *perValue) assertion(e spl.Expr) (string, bool) {
	switch e := e.(type) {
	case *spl.Unary:
		if a, ok := p.assertion(e.X); ok && e.Op == "NOT" {
			return "(?!" + a + ")", true
		}
	case *spl.Binary:
		switch e.Op {
		case "AND", "OR":
			a, ok1 := p.assertion(e.L)
			b, ok2 := p.assertion(e.R)
			if e.Op == "AND" {
				return a + b, ok1 && ok2
			}
			return "(?:" + a + "|" + b + ")", ok1 && ok2
		case "=", "==", "!=":
			return p.equals(e)
		case "LIKE":
			return p.like(e.L, e.R)
		case "<", "<=", ">", ">=":
			return p.length(e)
		}
	case *spl.InExpr:
		fold, ok := p.reads(e.X)
		var words []string
		for _, x := range e.List {
			w, isWord := literalText(x)
			ok = ok && isWord
			words = append(words, foldedQuote(w, fold))
		}
		return isValue(strings.Join(words, "|")), ok
	case *spl.Call:
		return p.call(e)
	}
	return "", false
}

func (p *perValue) call(e *spl.Call) (string, bool) {
	switch {
	case e.Func == "match" && len(e.Args) == 2:
		fold, ok := p.reads(e.Args[0])
		pattern, isText := e.Args[1].(*spl.StringLit)
		if !ok || !isText {
			return "", false
		}
		return valuePattern(pattern.Value, fold)
	case e.Func == "like" && len(e.Args) == 2:
		return p.like(e.Args[0], e.Args[1])
	case e.Func == "in" && len(e.Args) > 1:
		return p.assertion(&spl.InExpr{At: e.At, X: e.Args[0], List: e.Args[1:]})
	case e.Func == "isnotnull" && len(e.Args) == 1:
		_, ok := p.reads(e.Args[0])
		return "", ok // every value is there
	case e.Func == "isnull" && len(e.Args) == 1:
		_, ok := p.reads(e.Args[0])
		return "(?!)", ok
	case e.Func == "true" && len(e.Args) == 0:
		return "", true
	}
	return "", false
}

// reads says that an expression is the field, or with fold the field in one case.
func (p *perValue) reads(e spl.Expr) (fold, ok bool) {
	switch e := e.(type) {
	case *spl.FieldRef:
		return false, e.Name == p.name
	case *spl.Call:
		if e.Func == "lower" && len(e.Args) == 1 {
			_, ok := p.reads(e.Args[0])
			return true, ok
		}
	}
	return false, false
}

func (p *perValue) equals(e *spl.Binary) (string, bool) {
	l, r := e.L, e.R
	if _, isField := r.(*spl.FieldRef); isField {
		l, r = r, l
	}
	fold, ok1 := p.reads(l)
	w, ok2 := literalText(r)
	if !ok1 || !ok2 || fold && w != strings.ToLower(w) {
		return "", false
	}
	a := isValue(foldedQuote(w, fold))
	if e.Op == "!=" {
		a = "(?!" + a + ")"
	}
	return a, true
}

func (p *perValue) like(x, pattern spl.Expr) (string, bool) {
	fold, ok1 := p.reads(x)
	w, ok2 := literalText(pattern)
	if !ok1 || !ok2 || fold && w != strings.ToLower(w) {
		return "", false
	}
	var b strings.Builder
	for _, r := range w {
		switch r {
		case '%':
			b.WriteString(anyRune + "*")
		case '_':
			b.WriteString(anyRune)
		default:
			b.WriteString(foldedQuote(string(r), fold))
		}
	}
	return isValue(b.String()), true
}

// length is len(f) compared with a number.
func (p *perValue) length(e *spl.Binary) (string, bool) {
	c, ok := e.L.(*spl.Call)
	n, isNumber := e.R.(*spl.NumberLit)
	if !ok || !isNumber || c.Func != "len" || len(c.Args) != 1 {
		return "", false
	}
	k, err := strconv.Atoi(n.Text)
	if fold, reads := p.reads(c.Args[0]); err != nil || !reads || fold || k < 0 || k > 100000 {
		return "", false
	}
	switch e.Op {
	case ">":
		return isValue(anyRune + "{" + itoa(k+1) + ",}"), true
	case ">=":
		return isValue(anyRune + "{" + itoa(k) + ",}"), true
	case "<=":
		return isValue(anyRune + "{0," + itoa(k) + "}"), true
	}
	if k == 0 {
		return "(?!)", true
	}
	return isValue(anyRune + "{0," + itoa(k-1) + "}"), true
}

// valuePattern is an unanchored regular expression within one value.
func valuePattern(pattern string, fold bool) (string, bool) {
	if fold {
		pattern = "(?i)" + pattern
	}
	re, err := parseWritten(pattern)
	if err != nil {
		return "", false
	}
	w := luceneWriter{multi: true}
	p, ok := w.match(re.Simplify())
	if !ok {
		return "", false
	}
	p = strings.TrimSuffix(strings.TrimPrefix(p, ".*"+valueMark), valueMark+".*")
	return isValue(strings.ReplaceAll(p, valueMark, listMark)), true
}

func literalText(e spl.Expr) (string, bool) {
	switch e := e.(type) {
	case *spl.StringLit:
		return e.Value, true
	case *spl.NumberLit:
		return e.Text, true
	}
	return "", false
}

func foldedQuote(w string, fold bool) string {
	if fold {
		return "(?i:" + javaQuote(w) + ")"
	}
	return javaQuote(w)
}

// fnMvfilter keeps the values for which a condition holds.
func fnMvfilter(l *lowering, e *spl.Call) value {
	p, ok := l.eachValue(e.Args[0], e)
	if !ok {
		return holeValue
	}
	a, ok := p.assertion(e.Args[0])
	switch {
	case p.v.null:
		return nullValue()
	case !ok:
		l.diag("unsupported_function", e.Span(), e.Func, "this condition of `mvfilter` cannot be put to each value in ES|QL; rewrite this part by hand")
		return holeValue
	}
	return value{expr: p.keep(a), typ: "keyword", array: p.v.array, lower: p.v.lower}
}

// keep is the values for which an assertion holds.
func (p *perValue) keep(a string) esql.Expr {
	if a == "" {
		return p.v.expr
	}
	return p.split(call("REPLACE", p.joined(), str("(?<!"+anyRune+")(?!"+a+")"+anyRune+"*"+listMark), str("")))
}

// fnMvmap applies an expression to each value: what can be said of each value by itself.
func fnMvmap(l *lowering, e *spl.Call) value {
	f, isField := e.Args[0].(*spl.FieldRef)
	p, ok := l.eachValue(e.Args[0], e)
	if !ok {
		return holeValue
	}
	if p.v.null {
		return nullValue()
	}
	if isField && f.Name == p.name {
		if v, ok := p.mapped(e.Args[1]); ok {
			return v
		}
	}
	l.diag("unsupported_function", e.Span(), e.Func, "this expression of `mvmap` cannot be put to each value in ES|QL; rewrite this part by hand")
	return holeValue
}

func (p *perValue) mapped(e spl.Expr) (value, bool) {
	list := func(x esql.Expr) value { return value{expr: x, typ: "keyword", array: p.v.array} }
	switch e := e.(type) {
	case *spl.FieldRef:
		return p.v, e.Name == p.name
	case *spl.Binary:
		inner, before, after, ok := p.around(e)
		if !ok {
			return value{}, false
		}
		v, ok := p.mapped(inner)
		if !ok {
			return value{}, false
		}
		one := &perValue{l: p.l, name: p.name, v: v}
		repl := javaReplacement(before) + "$1" + javaReplacement(after) + listMark
		return list(p.split(call("REPLACE", one.joined(), str("("+anyRune+"*)"+listMark), str(repl)))), true
	case *spl.Call:
		switch {
		case (e.Func == "lower" || e.Func == "upper") && len(e.Args) == 1:
			v, ok := p.mapped(e.Args[0])
			return value{expr: call("TO_"+strings.ToUpper(e.Func), v.expr), typ: "keyword", array: v.array, lower: e.Func == "lower"}, ok
		case e.Func == "tonumber" && len(e.Args) == 1:
			v, ok := p.mapped(e.Args[0])
			if ok && isText(v.typ) && !v.numeral { // values that are no numbers go, as null does
				one := &perValue{l: p.l, name: p.name, v: v}
				v.expr = one.keep(numeralForm + listMark)
			}
			return value{expr: numberOf(v), typ: "double", array: v.array}, ok
		case e.Func == "tostring" && len(e.Args) == 1:
			return p.mapped(e.Args[0])
		case e.Func == "trim" && len(e.Args) == 1:
			if _, ok := p.reads(e.Args[0]); !ok {
				return value{}, false
			}
			blank := "[ \\t]*"
			return list(p.split(call("REPLACE", p.joined(), str("(?<!"+anyRune+")"+blank+"("+anyRune+"*?)"+blank+listMark), str("$1"+listMark)))), true
		case e.Func == "if" && len(e.Args) == 3:
			// the values for which it holds; null leaves a value out
			n, isNull := e.Args[2].(*spl.Call)
			a, ok := p.assertion(e.Args[0])
			if !ok || !isNull || n.Func != "null" {
				return value{}, false
			}
			kept := &perValue{l: p.l, name: p.name, v: value{expr: p.keep(a), typ: "keyword", array: p.v.array}}
			return kept.mapped(e.Args[1])
		case e.Func == "case" && len(e.Args) == 2:
			null := &spl.Call{At: e.At, Func: "null"}
			return p.mapped(&spl.Call{At: e.At, Func: "if", Args: []spl.Expr{e.Args[0], e.Args[1], null}})
		}
	}
	return value{}, false
}

// around reads "a".f."b": the texts before and after the one part that is no literal.
func (p *perValue) around(e *spl.Binary) (inner spl.Expr, before, after string, ok bool) {
	var walk func(x spl.Expr) bool
	walk = func(x spl.Expr) bool {
		if b, isBinary := x.(*spl.Binary); isBinary {
			return b.Op == "." && walk(b.L) && walk(b.R)
		}
		w, isWord := literalText(x)
		switch {
		case !isWord && inner != nil:
			return false
		case !isWord:
			inner = x
		case inner != nil:
			after += w
		default:
			before += w
		}
		return true
	}
	ok = walk(e) && inner != nil && !strings.Contains(before+after, `\`)
	return inner, before, after, ok
}

// fnMvfind is the place of the first value that matches, from 0.
func fnMvfind(l *lowering, e *spl.Call) value {
	if v, ok := l.nameFound(e); ok {
		return v
	}
	found := l.matchCond(e.Args[0], e.Args[1], e.Span(), false)
	if found == nil {
		return holeValue
	}
	pattern, isText := e.Args[1].(*spl.StringLit)
	v := l.text(l.expr(e.Args[0]))
	if !v.multi() {
		return value{expr: call("CASE", found, integer(0), null()), typ: "integer"}
	}
	if !isText {
		l.diag("array_approximate", e.Span(), "mvfind", "mvfind gives the place of the first value that matches; the draft gives 0 for any place, which differs where the place itself is used")
		return value{expr: call("CASE", found, integer(0), null()), typ: "integer"}
	}
	a, ok := valuePattern(pattern.Value, false)
	if !ok {
		l.diag("array_approximate", e.Span(), "mvfind", "mvfind gives the place of the first value that matches; the draft gives 0 for any place, which differs where the place itself is used")
		return value{expr: call("CASE", found, integer(0), null()), typ: "integer"}
	}
	l.storedOrder(v, e)
	p := &perValue{l: l, v: v}
	before := call("REPLACE", p.joined(), str("^((?:(?!"+a+")"+anyRune+"*"+listMark+")*)[\\s\\S]*$"), str("$1"))
	return value{expr: call("CASE", found, call("LENGTH", call("REPLACE", before, str(anyRune+"+"), str("")))), typ: "integer"}
}

// maxRange is how many numbers mvrange may write out.
const maxRange = 200

// fnMvrange is a list of whole numbers, written out.
func fnMvrange(l *lowering, e *spl.Call) value {
	var ns []int64
	for _, a := range e.Args {
		text, ok := wholeNumber(a)
		n, err := strconv.ParseInt(text, 10, 32)
		if !ok || err != nil {
			l.diag("unsupported_function", e.Span(), e.Func, "`mvrange` over numbers from the data makes a list that ES|QL cannot; rewrite this part by hand")
			return holeValue
		}
		ns = append(ns, n)
	}
	step := int64(1)
	if len(ns) == 3 {
		step = ns[2]
	}
	var items []esql.Expr
	for i := ns[0]; step > 0 && i < ns[1] || step < 0 && i > ns[1]; i += step {
		if len(items) == maxRange {
			l.diag("unsupported_function", e.Span(), e.Func, "`mvrange` makes more than "+itoa(maxRange)+" numbers; rewrite this part by hand")
			return holeValue
		}
		items = append(items, integer(i))
	}
	switch len(items) {
	case 0:
		return nullValue()
	case 1:
		return value{expr: items[0], typ: "integer", nonNull: true}
	}
	return value{expr: &esql.Array{Items: items}, typ: "integer", array: schema.AlwaysArray, nonNull: true}
}
