package translate

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// eval and where compare two values as numbers where both read as numbers: 1, 01 and 1.0 are equal there, whereas stats by,
// dedup, join and the search command tell them apart. A column of text compares exactly, so equality with a numeral needs
// forms of its own, except where the column is known to hold numbers in one spelling only.

// numeralForm matches the texts that Splunk reads as a number. TO_DOUBLE alone would not do: it also reads 1d, 1f and a
// number between blanks.
const numeralForm = `[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?`

// exponentForm is the part of numeralForm that has an exponent.
const exponentForm = `[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+`

// readsAsNumber is true where a text reads as a number, false where it does not, null where there is none.
func readsAsNumber(v value) esql.Expr { return rlike(v.expr, numeralForm) }

// isNumeral says that a literal reads as a number.
func isNumeral(text string) bool {
	_, ok := number(text)
	return ok && text != ""
}

// canonical says that a column of text holds each number in one spelling: codes, ports and identifiers that the source has
// as integers, and words that a table lists. Elastic's integrations write them in decimal, without zeros in front.
func (l *lowering) canonical(v value) bool {
	if !l.namesThings(v) {
		return false
	}
	f := v.col.field
	if len(f.Values) > 0 || strings.HasPrefix(f.Name, "winlog.") {
		return true
	}
	last := f.Name[strings.LastIndexByte(f.Name, '.')+1:]
	return slices.ContainsFunc([]string{"code", "port", "id", "pid", "number"}, func(w string) bool {
		return last == w || strings.HasSuffix(last, "_"+w)
	})
}

// namesThings says that a column is a field of a source that the tables know. Such a field of text names something: of two of its
// values none is the other with zeros in front.
func (l *lowering) namesThings(v value) bool {
	return !l.schema.IsIdentity() && v.stored() && v.col.field != nil && v.col.field.Proof.Kind != schema.Unproven
}

// equalsNumeral compares text with a numeral, == or !=. It is null only where the value is missing.
func (l *lowering) equalsNumeral(op string, v value, text string, span spl.Span) esql.Expr {
	n, _ := number(text)
	pattern, ok := spellings(text)
	switch {
	case v.numeral && !v.multi():
		return binary(op, numberOf(v), n)
	case !ok:
		x := call("COALESCE", binary("==", l.readNumber(v), n), boolean(false))
		if v.multi() {
			l.arrayNote(v, l.place, op, "a comparison of several values with a number compares none in ES|QL, any in Splunk")
		}
		if op == "!=" {
			return and(l.presence(v), not(x))
		}
		return and(l.presence(v), x)
	}
	exponents := !v.multi() && !l.namesThings(v) // no source writes a code or a port as 1e3
	message := "a text that reads as a number is compared as one here, so other spellings of " + text + " (with zeros in front, or behind the point) are found too"
	if !exponents {
		message += ", those with an exponent aside"
		if strings.ContainsAny(text, "eE") { // what stands in the search is found as it stands
			pattern = "(" + pattern + "|" + regexp.QuoteMeta(text) + ")"
		}
	}
	l.diag("numeric_comparison", span, v.columnName(), message)
	switch {
	case v.multi() && op == "==" && v.stored() && isKeyword(v.typ) && l.queryString():
		return call("QSTR", str(esql.EscapeLucene(v.columnName())+":/"+pattern+"/"))
	case v.multi() && op == "!=":
		return not(rlike(call("CONCAT", call("MV_CONCAT", v.expr, str(valueMark)), str(valueMark)), "("+pattern+valueMark+")+"))
	case v.multi():
		return rlike(call("CONCAT", str(valueMark), call("MV_CONCAT", v.expr, str(valueMark)), str(valueMark)), ".*"+valueMark+pattern+valueMark+".*")
	}
	x := rlike(v.expr, pattern)
	if exponents {
		x = or(x, and(rlike(v.expr, exponentForm), binary("==", numberOf(v), n)))
	}
	if op == "!=" {
		return negate(x)
	}
	return x
}

// spellings is a pattern of the texts that are the same number as a numeral, without exponents; false where the numeral has
// too many digits for one.
func spellings(text string) (string, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) >= 1e15 {
		return "", false
	}
	digits := strconv.FormatFloat(math.Abs(f), 'f', -1, 64)
	if len(digits) > 40 {
		return "", false
	}
	if f == 0 {
		return `[-+]?(0+\.?0*|\.0+)`, true
	}
	sign := `\+?`
	if f < 0 {
		sign = "-"
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	switch {
	case fraction == "":
		return sign + "0*" + whole + `(\.0*)?`, true
	case whole == "0":
		whole = ""
	}
	return sign + "0*" + whole + `\.` + fraction + "0*", true
}

// mustReadAsNumbers are the conditions under which two values can be compared as numbers: that each text among them that
// may be none reads as one.
func mustReadAsNumbers(a, b value) []esql.Expr {
	var conditions []esql.Expr
	for _, v := range []value{a, b} {
		if isText(v.typ) && !v.numeral {
			conditions = append(conditions, readsAsNumber(v))
		}
	}
	return conditions
}

// sameNumerals compares two columns, == or !=, of which text is one at least: as numbers where both read as numbers.
// texts is how they compare as texts.
func (l *lowering) sameNumerals(op string, a, b value, texts esql.Expr, span spl.Span) esql.Expr {
	if isText(a.typ) && isText(b.typ) && (l.namesThings(a) || l.namesThings(b) || a.letters || b.letters) {
		return texts
	}
	numbers := binary(op, numberOf(a), numberOf(b))
	both := mustReadAsNumbers(a, b)
	if len(both) == 0 {
		return numbers
	}
	if several := anyOf(a, b); several.multi() {
		l.arrayNote(several, span, op, "of several values none is compared as a number: 1 and 01 differ among them, which are equal in Splunk")
	}
	l.diag("numeric_comparison", span, "", "two texts that read as numbers are compared as numbers here: 1, 01 and 1.0 are equal")
	if isText(a.typ) && isText(b.typ) {
		return call("CASE", and(both...), numbers, texts)
	}
	if op == "!=" { // a text that is no number is none
		return or(numbers, and(l.presence(a), l.presence(b), negate(and(both...))))
	}
	return and(append(both, numbers)...)
}

// fnTobool is tobool: of text the words true, True, false and False, and what reads as a number and is not 0. TO_BOOLEAN
// knows true alone, in any case, and takes every other text for false.
func fnTobool(l *lowering, e *spl.Call) value {
	v := l.expr(e.Args[0])
	switch {
	case v.hole:
		return holeValue
	case v.null, v.typ == "boolean":
		return v
	case !isText(v.typ):
		v = l.numeric(v, e.Span())
		if v.hole {
			return v
		}
		return value{expr: binary("!=", v.expr, integer(0)), typ: "boolean", array: v.array, nonNull: v.nonNull}
	}
	if v.multi() {
		l.arrayNote(v, e.Span(), e.Func, "`tobool` of several values is null in ES|QL")
	}
	return value{expr: call("CASE", in(v.expr, []string{"true", "True"}), boolean(true), in(v.expr, []string{"false", "False"}), boolean(false),
		readsAsNumber(v), binary("!=", numberOf(v), integer(0))), typ: "boolean"}
}
