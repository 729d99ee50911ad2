package translate

import (
	"cmp"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// The eval and where grammar as a condition. As in predicate.go, cond is true exactly where the SPL condition (negated
// when neg) holds; nil is a hole.

func (l *lowering) cond(e spl.Expr, neg bool) esql.Expr {
	defer l.budget.Enter().Leave()
	defer l.fill(false)()
	defer func(before spl.Span) { l.place = before }(l.place)
	l.place = e.Span()
	switch e := e.(type) {
	case *spl.Unary:
		if e.Op == "NOT" {
			return l.cond(e.X, !neg)
		}
	case *spl.Binary:
		switch e.Op {
		case "AND", "OR":
			var parts []esql.Expr
			for _, x := range operands(e, e.Op) {
				parts = append(parts, l.cond(x, neg))
			}
			if (e.Op == "AND") != neg {
				return l.chained(and(parts...), e.Span())
			}
			return l.chained(or(parts...), e.Span())
		case "XOR":
			a, b := l.cond(e.L, false), l.cond(e.R, false)
			if a == nil || b == nil {
				return l.leaf(nil, e.Span())
			}
			na, nb := l.cond(e.L, true), l.cond(e.R, true)
			if neg {
				return l.leaf(or(and(a, b), and(na, nb)), e.Span())
			}
			return l.leaf(or(and(a, nb), and(na, b)), e.Span())
		case "=", "==", "!=", "<", "<=", ">", ">=":
			return l.leaf(l.evalCompare(e, neg), e.Span())
		case "LIKE":
			return l.leaf(l.likeCond(e.L, e.R, e.Span(), neg), e.Span())
		}
	case *spl.InExpr:
		return l.leaf(l.evalIn(e, neg), e.Span())
	case *spl.BoolLit:
		return l.leaf(boolean(e.Value != neg), e.Span())
	case *spl.Call:
		if f, ok := conditions[e.Func]; ok {
			if !f.arity(len(e.Args)) {
				l.arity(e)
				return nil
			}
			return l.leaf(f.lower(l, e, neg), e.Span())
		}
	case *spl.FieldRef:
		// a bare field as a condition: true where it is true or a number other than 0
		v := l.expr(e)
		switch {
		case v.hole:
			return l.leaf(nil, e.Span())
		case v.typ == "boolean":
			return l.leaf(l.boolValue(v, neg), e.Span())
		}
	case *spl.ExprMacro:
		l.unknownMacro(e.Macro, e.Span())
		l.leaveCondition()
		return nil
	case *spl.ExprSubsearch:
		l.valueOfSubsearch(e)
		return nil
	case *spl.ExprHole:
		l.diag("syntax", e.Span(), "", "this part of the expression could not be read: "+clip(e.Text))
		return nil
	}
	v := l.expr(e)
	if v.hole {
		return l.leaf(nil, e.Span())
	}
	if v.typ == "boolean" {
		return l.leaf(l.boolValue(v, neg), e.Span())
	}
	l.diag("unsupported_expression", e.Span(), "", "this expression is no condition: compare it with something")
	return nil
}

// operands flattens a chain of one operator, so that long ones can be balanced.
func operands(e *spl.Binary, op string) []spl.Expr {
	var out []spl.Expr
	var rest []spl.Expr // operands to the right, innermost last
	var x spl.Expr = e
	for {
		b, ok := x.(*spl.Binary)
		if !ok || b.Op != op {
			break
		}
		rest = append(rest, b.R)
		x = b.L
	}
	out = append(out, x)
	for i := len(rest) - 1; i >= 0; i-- {
		if b, ok := rest[i].(*spl.Binary); ok && b.Op == op {
			out = append(out, operands(b, op)...)
			continue
		}
		out = append(out, rest[i])
	}
	return out
}

func (l *lowering) boolValue(v value, neg bool) esql.Expr {
	if !neg {
		return v.expr
	}
	return l.orNull(v, not(v.expr))
}

// nulls lists IS NULL tests for the operands that may be null.
func nulls(vs ...value) []esql.Expr {
	var out []esql.Expr
	seen := map[string]bool{}
	for _, v := range vs {
		if v.nonNull || v.word != nil || v.expr == nil {
			continue
		}
		if _, ok := v.expr.(*esql.Literal); ok {
			continue
		}
		k := esql.PrintExpr(v.expr)
		if seen[k] {
			continue
		}
		seen[k] = true
		out = append(out, isNull(v.expr))
	}
	return out
}

func (l *lowering) evalCompare(e *spl.Binary, neg bool) esql.Expr {
	op := e.Op
	if op == "=" {
		op = "=="
	}
	a, b := l.expr(e.L), l.expr(e.R)
	if a.hole || b.hole {
		return nil
	}
	for _, v := range []value{a, b} {
		if v.note != nil {
			l.diag("function_differs", e.Span(), v.note.subject, v.note.message)
		}
	}
	if a.null || b.null {
		return boolean(neg)
	}
	if a.word != nil && b.word == nil { // the literal to the right
		a, b = b, a
		op = mirrored(op)
	}
	if b.word != nil {
		if x := l.atLeast(a.col, a.columnName(), op, *b.word, e.Span(), neg); x != nil {
			return x
		}
	}
	x := l.compareValues(op, a, b, e.Span())
	if x == nil {
		return nil
	}
	if a.col != nil && a.col.filled && b.word != nil && (op == "==" || op == "!=") {
		// a missing value is the filling word in Splunk
		same := *b.word == a.col.fill
		equal := (op == "==") != neg // what is asked for
		if neg {
			x = negate(x)
		}
		switch {
		case same == equal:
			return or(x, isNull(a.expr))
		case equal:
			return x
		}
		return l.required(a, x)
	}
	if !neg {
		return x
	}
	if isTrue(x) || isFalse(x) {
		return not(x)
	}
	return or(append([]esql.Expr{negate(x)}, nulls(a, b)...)...)
}

func mirrored(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

// compareValues is a op b of the eval grammar, null where either is; nil is a hole.
func (l *lowering) compareValues(op string, a, b value, span spl.Span) esql.Expr {
	equality := op == "==" || op == "!="
	if b.word != nil {
		if strings.Contains(*b.word, `\`) {
			a = l.withDomain(a, span)
		}
		if a.col != nil && equality {
			l.doubted(a.col, op, *b.word, span)
		}
		return l.compareWord(op, a, b, span)
	}
	if a.multi() || b.multi() {
		if equality && isText(a.typ) && isText(b.typ) && a.multi() != b.multi() {
			return l.sameNumerals(op, a, b, l.anyColumn(op, a, b), span)
		}
		l.arrayNote(anyOf(a, b), span, "", "a comparison with a field that holds several values compares nothing in ES|QL, any value in Splunk")
	}
	switch {
	case !equality && (isText(a.typ) && (isText(b.typ) || isNumeric(b.typ)) || isNumeric(a.typ) && isText(b.typ)):
		return l.ordered(op, a, b)
	case equality && isText(a.typ) && isText(b.typ), equality && isText(a.typ) && isNumeric(b.typ), equality && isNumeric(a.typ) && isText(b.typ):
		return l.sameNumerals(op, a, b, binary(op, a.expr, b.expr), span)
	case isText(a.typ) && isText(b.typ), isNumeric(a.typ) && isNumeric(b.typ), a.typ == b.typ,
		isDate(a.typ) && isDate(b.typ):
		return binary(op, a.expr, b.expr)
	case isDate(a.typ) && isNumeric(b.typ):
		return binary(op, epoch(a).expr, b.expr)
	case isNumeric(a.typ) && isDate(b.typ):
		return binary(op, a.expr, epoch(b).expr)
	case equality && (isText(a.typ) || isText(b.typ)):
		return binary(op, l.asText(a).expr, l.asText(b).expr)
	case isText(a.typ) && isDate(b.typ): // seconds since 1970 as text, such as a lookup has
		return binary(op, l.readNumber(a), epoch(b).expr)
	case isDate(a.typ) && isText(b.typ):
		return binary(op, epoch(a).expr, l.readNumber(b))
	}
	l.diag("type_mismatch", span, "", "ES|QL does not compare the type "+a.typ+" with "+b.typ+"; convert one of them")
	return nil
}

// anyColumn is f == g where one of them holds several values.
func (l *lowering) anyColumn(op string, a, b value) esql.Expr {
	if b.multi() {
		a, b = b, a
	}
	if op == "!=" {
		return or(binary("!=", call("MV_MIN", a.expr), b.expr), binary("!=", call("MV_MAX", a.expr), b.expr))
	}
	joined := call("CONCAT", str(valueMark), call("MV_CONCAT", a.expr, str(valueMark)), str(valueMark))
	return binary(">", call("LOCATE", joined, call("CONCAT", str(valueMark), b.expr, str(valueMark))), integer(0))
}

// compareLiterals compares two literals: as numbers where both are, as texts otherwise.
func compareLiterals(op string, a, b value) esql.Expr {
	c := strings.Compare(*a.word, *b.word)
	if a.num && b.num {
		x, err1 := strconv.ParseFloat(*a.word, 64)
		y, err2 := strconv.ParseFloat(*b.word, 64)
		if err1 == nil && err2 == nil {
			c = cmp.Compare(x, y)
		}
	}
	switch op {
	case "==":
		return boolean(c == 0)
	case "!=":
		return boolean(c != 0)
	case "<":
		return boolean(c < 0)
	case "<=":
		return boolean(c <= 0)
	case ">":
		return boolean(c > 0)
	}
	return boolean(c >= 0)
}

// compareWord compares with a literal.
func (l *lowering) compareWord(op string, a, b value, span spl.Span) esql.Expr {
	text := *b.word
	n, isNum := number(strings.TrimSpace(text))
	if a.word != nil {
		return compareLiterals(op, a, b)
	}
	l.estimatedCount(a, text, span)
	if op == "==" || op == "!=" {
		switch {
		case isText(a.typ) && isNumeral(text) && !(l.canonical(a) && plainNumeral(text)):
			return l.equalsNumeral(op, a, text, span)
		case isText(a.typ):
			if op == "==" {
				return l.evalWords(a, []string{text})
			}
			stored, _ := l.storedWords(a, []string{text})
			if !a.multi() || len(stored) == 0 {
				return negate(l.evalWords(a, []string{text}))
			}
			differs := make([]esql.Expr, len(stored))
			for i, w := range stored {
				differs[i] = l.anyTextDiffers(a, textTest{value: w})
			}
			return and(differs...)
		case isNumeric(a.typ) && isNum:
			if op == "!=" {
				return binary("!=", a.expr, n)
			}
			return l.anyEquals(a, n)
		case isNumeric(a.typ):
			return l.otherKind(op, a)
		case a.typ == "boolean":
			switch strings.ToLower(text) {
			case "true", "1":
				return binary(op, a.expr, boolean(true))
			case "false", "0":
				return binary(op, a.expr, boolean(false))
			}
			return l.otherKind(op, a)
		case a.typ == "ip":
			if _, err := netip.ParseAddr(text); err != nil {
				return l.otherKind(op, a)
			}
			if op == "!=" {
				return binary("!=", a.expr, str(text))
			}
			return l.anyEquals(a, str(text))
		case isDate(a.typ):
			return l.dateCompare(a, op, text, span)
		}
		return binary(op, l.asText(a).expr, str(text))
	}
	return l.compareOrder(a, op, text, span)
}

// plainNumeral says that a literal is written as a whole number is, so that text which is the same number is the same text,
// leading zeros aside.
func plainNumeral(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == text
}

// otherKind compares a value with a word that no value of its type can be: it differs wherever there is one.
func (l *lowering) otherKind(op string, v value) esql.Expr {
	if op == "!=" {
		return l.presence(v)
	}
	return boolean(false)
}

// evalWords is true where the value, or any of several, is one of the words of the eval grammar.
func (l *lowering) evalWords(v value, words []string) esql.Expr {
	stored, absent := l.storedWords(v, words)
	var out []esql.Expr
	switch {
	case len(stored) > 0 && v.multi():
		for _, w := range stored {
			out = append(out, l.anyText(v, textTest{value: w}))
		}
	case len(stored) > 0:
		out = append(out, in(v.expr, stored))
	}
	for _, w := range absent {
		out = append(out, and(notNull(v.expr), negate(l.evalWords(value{expr: v.expr, typ: v.typ, array: v.array}, []string{w}))))
	}
	return or(out...)
}

// storedWords are the words that the integration stores for those of the eval grammar; absent are those that a value must
// not be, where a word stands for the absence of others.
func (l *lowering) storedWords(v value, words []string) (stored, absent []string) {
	if v.col == nil || len(v.col.mapping().Values) == 0 && v.col.mapping().Written[0] == "" {
		return words, nil
	}
	var is, not distinct
	for _, w := range words {
		if also := v.col.mapping().WrittenAlso(w); also != "" {
			is.add(also)
		}
		to, ok := v.col.mapping().Values[strings.ToLower(w)]
		if !ok {
			l.foreign(v.col.mapping(), w, l.at)
			is.add(w)
			continue
		}
		for _, t := range to {
			if t[0] == '!' {
				not.add(t[1:])
			} else {
				is.add(t)
			}
		}
	}
	return is.list, not.list
}

func (l *lowering) evalIn(e *spl.InExpr, neg bool) esql.Expr {
	v := l.expr(e.X)
	if v.hole {
		return nil
	}
	if v.null {
		return boolean(neg)
	}
	var words distinct
	var rest []esql.Expr
	vs := []value{v}
	for _, item := range e.List {
		b := l.expr(item)
		if b.hole {
			return nil
		}
		if b.word != nil && isText(v.typ) && !v.multi() && !strings.Contains(*b.word, `\`) &&
			(!isNumeral(*b.word) || l.canonical(v) && plainNumeral(*b.word)) {
			words.add(*b.word)
			if v.col != nil {
				l.doubted(v.col, "==", *b.word, item.Span())
			}
			continue
		}
		x := l.compareValues("==", v, b, item.Span())
		if x == nil {
			return nil
		}
		rest = append(rest, x)
	}
	var head []esql.Expr
	if len(words.list) > 0 {
		head = append(head, l.evalWords(v, words.list))
	}
	x := or(append(head, rest...)...)
	if !neg || x == nil {
		return x
	}
	return or(append([]esql.Expr{negate(x)}, nulls(vs...)...)...)
}

// likeCond is like(x, pattern) with % and _, which distinguishes case.
func (l *lowering) likeCond(x, pattern spl.Expr, span spl.Span, neg bool) esql.Expr {
	v, p := l.expr(x), l.expr(pattern)
	if v.hole || p.hole {
		return nil
	}
	if v.null || p.null {
		return boolean(neg)
	}
	if p.word == nil {
		l.diag("unsupported_expression", span, "like", "the pattern of like is no literal; ES|QL needs one")
		return nil
	}
	pat := sqlLike(*p.word)
	if strings.Contains(*p.word, `\_`) {
		l.diag("regex_differs", span, "like", `in the pattern of like, \_ is taken as a backslash and any letter; where it was meant as an underscore, write _ or use match`)
	}
	if strings.Contains(*p.word, `\`) {
		v = l.withDomain(v, span)
	}
	if v.col != nil {
		l.doubted(v.col, "==", strings.ReplaceAll(*p.word, "%", "*"), span)
	}
	if v.col != nil && len(v.col.mapping().Values) > 0 {
		l.spelling(v, x.Span(), likeRegex(*p.word))
	}
	if !isText(v.typ) {
		v = l.asText(v)
	}
	var c esql.Expr
	switch {
	case v.multi():
		c = rlike(call("CONCAT", str(valueMark), call("MV_CONCAT", v.expr, str(valueMark)), str(valueMark)),
			".*"+valueMark+sqlRegex(*p.word)+valueMark+".*")
	default:
		c = like(v.expr, pat)
		if v.col != nil {
			if also := v.col.mapping().WrittenAlso(*p.word); also != "" {
				c = or(c, like(v.expr, sqlLike(also)))
			}
		}
	}
	if !neg {
		return c
	}
	return or(append([]esql.Expr{negate(c)}, nulls(v)...)...)
}

// sqlLike turns % and _ into * and ?. A backslash is a letter: rules write paths such as %\Temp\%.
func sqlLike(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			b.WriteByte('*')
		case c == '_':
			b.WriteByte('?')
		case c == '*' || c == '?' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// likeRegex is a pattern of like as a regular expression of Go.
func likeRegex(s string) string {
	return "(?s)^" + strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(s)) + "$"
}

func sqlRegex(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '%':
			b.WriteString("[^" + valueMark + "]*")
		case '_':
			b.WriteString("[^" + valueMark + "]")
		default:
			b.WriteString(esql.EscapeRegex(string(r)))
		}
	}
	return b.String()
}
