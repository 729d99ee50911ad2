package translate

import (
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Splunk keeps every value as text and takes a text that is a numeral for a number wherever that makes a difference:
// two numerals compare as numbers, everything else as text. Elasticsearch compares by the type of the column. This file
// holds the forms that give Splunk's result whatever the column's type.

// numeralGroup recognizes the expression of a group that matches numerals only.
var numeralGroup = regexp.MustCompile(`^(?:-\??)?(?:\\d|\[0-9\]|\[\\d\])(?:\+|\{[1-9]\d{0,2}(?:,\d{0,3})?\})?(?:\\\.(?:\\d|\[0-9\])\+)?$`)

// numeralGroups names the groups of a regular expression that match numerals only.
func numeralGroups(pattern string) map[string]bool {
	out := map[string]bool{}
	for _, m := range namedGroup.FindAllStringSubmatchIndex(pattern, -1) {
		name, body := pattern[m[2]:m[3]], pattern[m[1]:]
		depth, class := 0, false
		for i := 0; i < len(body); i++ {
			switch c := body[i]; {
			case c == '\\':
				i++
				continue
			case class:
				class = c != ']'
				continue
			case c == '[':
				class = true
				continue
			case c == '(':
				depth++
				continue
			case c != ')':
				continue
			case depth > 0:
				depth--
				continue
			}
			out[name] = numeralGroup.MatchString(body[:i])
			break
		}
	}
	return out
}

// numberOf reads what is a number, as readsAsNumber says. Of other text it makes a number too where Java does: 1d is 1.
func numberOf(v value) esql.Expr {
	if isNumeric(v.typ) {
		return v.expr
	}
	return call("TO_DOUBLE", v.expr)
}

// readNumber reads text as a number; null where the text is no numeral. Text that is known to hold numbers alone, or each of
// them in one spelling, needs no test. Of several values RLIKE is null, so that the test is for what is no number there.
func (l *lowering) readNumber(v value) esql.Expr {
	if !isText(v.typ) || v.numeral || l.canonical(v) || formatsDigits(v.expr) {
		return numberOf(v)
	}
	v.expr = l.once(v.expr)
	if v.multi() {
		return call("CASE", not(readsAsNumber(v)), null(), numberOf(v))
	}
	return call("CASE", readsAsNumber(v), numberOf(v))
}

// digitsFormat is a format of DATE_FORMAT that writes digits alone.
var digitsFormat = regexp.MustCompile(`^(?:HH?|mm?|ss?|dd?|MM?|yyyy|yy|D{1,3}|S{1,9})+$`)

// formatsDigits says that an expression writes a part of a time in digits.
func formatsDigits(x esql.Expr) bool {
	c, ok := x.(*esql.Call)
	if !ok || c.Func != "DATE_FORMAT" || len(c.Args) != 2 {
		return false
	}
	format, ok := c.Args[0].(*esql.Literal)
	if !ok {
		return false
	}
	text, ok := format.Value.(string)
	return ok && digitsFormat.MatchString(text) && !strings.Contains(text, "MMM")
}

// ordered compares two values by their order: as numbers where both are numerals, as text otherwise. One of them at least
// is text; the other text or a number. Null where either is missing.
func (l *lowering) ordered(op string, a, b value) esql.Expr {
	numbers := binary(op, numberOf(a), numberOf(b))
	both := mustReadAsNumbers(a, b)
	if len(both) == 0 {
		return numbers
	}
	return call("CASE", and(both...), numbers, binary(op, l.asText(a).expr, l.asText(b).expr))
}

// overNumeral compares text with a literal numeral: as numbers where the text is one, too, by its letters otherwise.
func (l *lowering) overNumeral(v value, op string, n esql.Expr, text string) esql.Expr {
	most := func(x esql.Expr) esql.Expr {
		switch {
		case !v.multi():
			return x
		case op[0] == '>':
			return call("MV_MAX", x)
		}
		return call("MV_MIN", x)
	}
	numbers := binary(op, most(numberOf(v)), n)
	switch {
	case v.numeral:
		return numbers
	case !v.multi():
		return call("CASE", readsAsNumber(v), numbers, binary(op, v.expr, str(text)))
	}
	// Of several values RLIKE is null, which CASE passes by: they compare as numbers where one of them is a number.
	return call("CASE", not(readsAsNumber(v)), binary(op, v.expr, str(text)), call("COALESCE", numbers, binary(op, most(v.expr), str(text))))
}

// numberText writes a number as Splunk does: a whole one without a point, whatever its type.
func (l *lowering) numberText(v value) esql.Expr {
	switch {
	case isInteger(v.typ), !isNumeric(v.typ):
		return call("TO_STRING", v.expr)
	case v.whole:
		return call("TO_STRING", call("TO_LONG", v.expr))
	}
	l.diag("number_text", l.place, "", "a number is used as text here. Whole numbers look the same in both; of a number with a fraction Splunk may write other digits, and from 10,000,000 on the draft writes an exponent (1.25E7). Round the number, or compare it as a number")
	v.expr = l.once(v.expr)
	// A whole number of 15 digits is exact in both; a longer one is not whole for certain.
	whole := and(binary("==", v.expr, call("FLOOR", v.expr)), binary("<", call("ABS", v.expr), &esql.Literal{Value: 1e15}))
	return call("CASE", whole, call("TO_STRING", call("TO_LONG", v.expr)), call("TO_STRING", v.expr))
}

// otherTime says that a value is a stored time other than that of the event, which Splunk has as the text of the event.
func otherTime(v value) bool { return isDate(v.typ) && v.stored() && v.columnName() != "@timestamp" }

// timeAsText tells such times apart.
func timeAsText(v value) value {
	return value{expr: call("TO_STRING", v.expr), typ: "keyword", array: v.array, nonNull: v.nonNull}
}

// once computes an expression that is used several times in a column of its own.
func (l *lowering) once(x esql.Expr) esql.Expr {
	switch x.(type) {
	case *esql.Column, *esql.Literal:
		return x
	}
	h := l.helper("number")
	l.assign(l.place, h, x)
	return col(h)
}

// asText is a value as text, for comparing it with text.
func (l *lowering) asText(v value) value {
	if isText(v.typ) {
		return v
	}
	v.expr = l.numberText(v)
	v.typ = "keyword"
	return v
}

// extremeOfKinds is max or min of eval over texts and numbers: numerals are less than any other text.
func (l *lowering) extremeOfKinds(fn string, vs []value) value {
	var numbers, texts []value
	for _, v := range vs {
		n := value{expr: l.readNumber(v), typ: "double", nonNull: v.nonNull && (!isText(v.typ) || v.numeral), word: v.word}
		if isNumeric(v.typ) {
			n.typ = v.typ
		}
		switch {
		case !isText(v.typ), v.numeral:
			numbers = append(numbers, n)
		case v.word != nil:
			if x, ok := number(*v.word); ok {
				numbers = append(numbers, numberValue(x, *v.word))
			} else {
				texts = append(texts, value{expr: v.expr, typ: "keyword", nonNull: true})
			}
		default:
			numbers = append(numbers, n)
			texts = append(texts, value{expr: call("CASE", isNull(n.expr), v.expr), typ: "keyword"})
		}
	}
	numbers, typ := l.unify(numbers)
	var number, text value
	if len(numbers) > 0 {
		number = value{expr: extremeWithoutNulls(fn, numbers), typ: typ}
	}
	if len(texts) > 0 {
		text = value{expr: extremeWithoutNulls(fn, texts), typ: "keyword"}
	}
	switch {
	case number.expr == nil:
		return text
	case text.expr == nil:
		return number
	case fn == "GREATEST":
		return value{expr: call("COALESCE", text.expr, l.numberText(number)), typ: "keyword"}
	}
	return value{expr: call("COALESCE", l.numberText(number), text.expr), typ: "keyword"}
}

// extremeWithoutNulls is GREATEST or LEAST of the values that are not null; ES|QL's are null when one argument is.
func extremeWithoutNulls(fn string, vs []value) esql.Expr {
	if len(vs) == 1 {
		return vs[0].expr
	}
	args := make([]esql.Expr, len(vs))
	for i, v := range vs {
		args[i] = v.expr
		if v.nonNull {
			continue
		}
		others := []esql.Expr{v.expr}
		for j, o := range vs {
			if j != i {
				others = append(others, o.expr)
			}
		}
		args[i] = call("COALESCE", others...)
	}
	return call(fn, args...)
}

// plus is + of two values of which text is one at least: a sum of numerals, a joined text otherwise.
func (l *lowering) plus(a, b value, e *spl.Binary) value {
	nonNull := a.nonNull && b.nonNull
	joined := func() esql.Expr { return call("CONCAT", l.text(a).expr, l.text(b).expr) }
	if noNumeral(a) || noNumeral(b) {
		return value{expr: joined(), typ: "keyword", nonNull: nonNull, letters: a.letters || b.letters || spelled(a) || spelled(b)}
	}
	l.diag("function_differs", e.Span(), "+", "+ adds two numbers and joins two texts; where one value is a number and the other is none, the draft joins them, and Splunk may give nothing. Use . to join, or tonumber to add")
	sum := value{expr: l.once(binary("+", l.readNumber(a), l.readNumber(b))), typ: "double"}
	return value{expr: call("CASE", notNull(sum.expr), l.numberText(sum), joined()), typ: "keyword", nonNull: nonNull}
}

// noNumeral says that a value is text that is no numeral.
func noNumeral(v value) bool {
	if v.word == nil || v.num {
		return v.letters
	}
	_, ok := number(*v.word)
	return !ok
}

// spelled says that a literal has a letter that no numeral has, so that no text around it makes one.
func spelled(v value) bool { return v.word != nil && isHexOrWord(*v.word) }

// isNumeral is true where a value is a number, false where it is another one or missing.
func (l *lowering) isNumeral(v value) esql.Expr {
	switch {
	case v.null, v.typ == "boolean", v.typ == "ip":
		return boolean(false)
	case isText(v.typ) && !v.numeral:
		return readsAsNumber(v)
	}
	return l.presence(v)
}

// presence is IS NOT NULL, or true where that is known.
func (l *lowering) presence(v value) esql.Expr {
	if v.nonNull {
		return boolean(true)
	}
	return notNull(v.expr)
}

// comparable gives dates as seconds and other values that are neither text nor numbers as text.
func (l *lowering) comparable(vs []value) []value {
	out := make([]value, len(vs))
	for i, v := range vs {
		switch {
		case isDate(v.typ):
			v = epoch(v)
		case !isText(v.typ) && !isNumeric(v.typ):
			v = l.text(v)
		}
		out[i] = v
	}
	return out
}
