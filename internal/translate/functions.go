package translate

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// function is one eval function that gives a value; condition one that gives true or false.
type function struct {
	min, max int // arguments; max -1 for any number
	lower    func(l *lowering, e *spl.Call) value
	doc      string
}

type condition struct {
	min, max int
	lower    func(l *lowering, e *spl.Call, neg bool) esql.Expr
	doc      string
}

func (f function) arity(n int) bool  { return n >= f.min && (f.max < 0 || n <= f.max) }
func (f condition) arity(n int) bool { return n >= f.min && (f.max < 0 || n <= f.max) }

// functions and conditions are the one table of eval functions, by their SPL names. It is filled in init because the
// entries refer back to the lowering.
var (
	functions  map[string]function
	conditions map[string]condition
)

// functionHoles says why a known function has no counterpart.
var functionHoles = map[string]string{
	"random":             "gives another value on every call; no rule can depend on it",
	"commands":           "reads SPL text",
	"lookup":             "reads a table inside an expression; use the lookup command",
	"json_extract":       "needs a JSON function, which ES|QL does not have; parse the field at ingest",
	"json_extract_exact": "needs a JSON function, which ES|QL does not have; parse the field at ingest",
	"json":               "needs a JSON function, which ES|QL does not have",
	"json_append":        "needs a JSON function, which ES|QL does not have",
	"json_array":         "needs a JSON function, which ES|QL does not have",
	"json_array_to_mv":   "needs a JSON function, which ES|QL does not have",
	"json_delete":        "needs a JSON function, which ES|QL does not have",
	"json_entries":       "needs a JSON function, which ES|QL does not have",
	"json_extend":        "needs a JSON function, which ES|QL does not have",
	"json_has_key_exact": "needs a JSON function, which ES|QL does not have",
	"json_keys":          "needs a JSON function, which ES|QL does not have",
	"json_object":        "needs a JSON function, which ES|QL does not have",
	"json_set":           "needs a JSON function, which ES|QL does not have",
	"json_set_exact":     "needs a JSON function, which ES|QL does not have",
	"json_valid":         "needs a JSON function, which ES|QL does not have",
	"mv_to_json_array":   "needs a JSON function, which ES|QL does not have",
	"tojson":             "needs a JSON function, which ES|QL does not have",
	"object_to_array":    "needs a JSON function, which ES|QL does not have",
	"spath":              "needs a JSON function, which ES|QL does not have",
	"sigfig":             "rounds to as many digits as its argument has, which ES|QL cannot; use round",
	"bit_or":             "needs bit operators, which ES|QL does not have",
	"bit_xor":            "needs bit operators, which ES|QL does not have",
	"bit_not":            "needs bit operators, which ES|QL does not have",
	"cluster":            "has no counterpart in ES|QL",
	"getfields":          "has no counterpart in ES|QL",
	"toarray":            "needs a JSON function, which ES|QL does not have",
	"toobject":           "needs a JSON function, which ES|QL does not have",
	"isarray":            "asks for a type of JSON, which columns do not have",
	"isobject":           "asks for a type of JSON, which columns do not have",
}

func init() {
	functions = map[string]function{
		// conversion
		"tostring": {1, 2, fnToString, "TO_STRING; `commas` and `duration` of whole numbers are written out, `hex` is a hole"},
		"tonumber": {1, 2, fnToNumber, "TO_DOUBLE; of a literal in any base, of a field in base 10"},
		"tobool":   {1, 1, fnTobool, "TO_BOOLEAN of numbers; the words true, True, false and False, and numerals, of text"},
		"toint":    {1, 2, fnToInt, "TO_LONG"},
		"todouble": {1, 2, fnToNumber, "TO_DOUBLE"},
		"exact":    {1, 1, func(l *lowering, e *spl.Call) value { return l.expr(e.Args[0]) }, "the value"},
		"typeof":   {1, 1, fnTypeof, "by the type; text that is a number is a Number, a missing value Invalid"},
		"ipmask":   {2, 2, fnIPMask, "IP_PREFIX, with a literal mask"},
		"printf":   {1, -1, fnPrintf, "CONCAT for %s, %d and %0Nd; other formats are a hole"},
		// null
		"null":     {0, 0, func(*lowering, *spl.Call) value { return value{expr: null(), typ: "null", null: true} }, "null"},
		"coalesce": {1, -1, fnCoalesce, "COALESCE"},
		"if":       {3, 3, fnIf, "CASE"},
		"case":     {2, -1, fnCase, "CASE"},
		"validate": {2, -1, fnValidate, "CASE of the negated conditions"},
		"nullif":   {2, 2, fnNullif, "CASE"},
		// text
		"len":       {1, 1, textFn("LENGTH", "integer"), "LENGTH"},
		"lower":     {1, 1, fnLower, "TO_LOWER"},
		"upper":     {1, 1, textFn("TO_UPPER", "keyword"), "TO_UPPER"},
		"trim":      {1, 2, trimFn("TRIM", "^", "$"), "TRIM or REPLACE"},
		"ltrim":     {1, 2, trimFn("LTRIM", "^", ""), "LTRIM or REPLACE"},
		"rtrim":     {1, 2, trimFn("RTRIM", "", "$"), "RTRIM or REPLACE"},
		"substr":    {2, 3, fnSubstr, "SUBSTRING"},
		"replace":   {3, 3, fnReplace, "REPLACE"},
		"split":     {2, 2, fnSplit, "SPLIT"},
		"urldecode": {1, 1, fnURLDecode, "URL_DECODE on 9.x; a hole on 8.19"},
		"md5":       {1, 1, textFn("MD5", "keyword"), "MD5"},
		"sha1":      {1, 1, textFn("SHA1", "keyword"), "SHA1"},
		"sha256":    {1, 1, textFn("SHA256", "keyword"), "SHA256"},
		"sha512":    {1, 1, fnSHA512, "HASH"},
		// numbers
		"abs":     {1, 1, numberFn("ABS", ""), "ABS"},
		"ceil":    {1, 1, numberFn("CEIL", ""), "CEIL"},
		"ceiling": {1, 1, numberFn("CEIL", ""), "CEIL"},
		"floor":   {1, 1, numberFn("FLOOR", ""), "FLOOR"},
		"round":   {1, 2, fnRound, "ROUND"},
		"sqrt":    {1, 1, numberFn("SQRT", "double"), "SQRT"},
		"exp":     {1, 1, numberFn("EXP", "double"), "EXP"},
		"ln":      {1, 1, numberFn("LOG", "double"), "LOG"},
		"log":     {1, 2, fnLog, "LOG or LOG10"},
		"pow":     {2, 2, numberFn("POW", "double"), "POW"},
		"pi":      {0, 0, numberFn("PI", "double"), "PI"},
		"sin":     {1, 1, numberFn("SIN", "double"), "SIN"},
		"cos":     {1, 1, numberFn("COS", "double"), "COS"},
		"tan":     {1, 1, numberFn("TAN", "double"), "TAN"},
		"asin":    {1, 1, numberFn("ASIN", "double"), "ASIN"},
		"acos":    {1, 1, numberFn("ACOS", "double"), "ACOS"},
		"atan":    {1, 1, numberFn("ATAN", "double"), "ATAN"},
		"atan2":   {2, 2, numberFn("ATAN2", "double"), "ATAN2"},
		"sinh":    {1, 1, numberFn("SINH", "double"), "SINH"},
		"cosh":    {1, 1, numberFn("COSH", "double"), "COSH"},
		"tanh":    {1, 1, numberFn("TANH", "double"), "TANH"},
		"hypot":   {2, 2, numberFn("HYPOT", "double"), "HYPOT"},
		"asinh":   {1, 1, fnInverse(asinh), "LOG of its formula"},
		"acosh":   {1, 1, fnInverse(acosh), "LOG of its formula"},
		"atanh":   {1, 1, fnInverse(atanh), "LOG of its formula"},
		"sum":     {1, -1, fnSum(false), "the sum without the nulls"},
		"avg":     {1, -1, fnSum(true), "the sum without the nulls, divided by their number"},
		"bit_and": {2, 2, fnBits, "arithmetic, for a literal with one bit; others are a hole"},

		"bit_shift_left":  {2, 2, fnBits, "a product, for a literal number of bits"},
		"bit_shift_right": {2, 2, fnBits, "a quotient, for a literal number of bits"},
		"max":             {1, -1, extremeFn("GREATEST"), "GREATEST without the nulls"},
		"min":             {1, -1, extremeFn("LEAST"), "LEAST without the nulls"},
		// several values
		"mvcount":  {1, 1, fnMvcount, "MV_COUNT"},
		"mvindex":  {2, 3, fnMvindex, "MV_SLICE"},
		"mvjoin":   {2, 2, fnMvjoin, "MV_CONCAT"},
		"mvdedup":  {1, 1, mvFn("MV_DEDUPE"), "MV_DEDUPE"},
		"mvsort":   {1, 1, mvFn("MV_SORT"), "MV_SORT"},
		"mvappend": {1, -1, fnMvappend, "MV_APPEND"},
		"mvzip":    {2, 3, fnMvzip, "MV_ZIP"},
		"mvfind":   {2, 2, fnMvfind, "the place of the first value that matches, by REPLACE and LENGTH"},
		"mvfilter": {1, 1, fnMvfilter, "REPLACE in the joined values; conditions on numbers are a hole"},
		"mvmap":    {2, 2, fnMvmap, "text functions, conditions and joining of each value; others are a hole"},
		"mvrange":  {2, 3, fnMvrange, "the numbers written out; of numbers from the data a hole"},
		// time
		"now":           {0, 0, fnNow, "NOW"},
		"time":          {0, 0, fnNow, "NOW"},
		"strftime":      {2, 2, fnStrftime, "DATE_FORMAT"},
		"strptime":      {2, 2, fnStrptime, "DATE_PARSE"},
		"relative_time": {2, 2, fnRelativeTime, "date arithmetic and DATE_TRUNC"},
	}
	conditions = map[string]condition{
		"true":      {0, 0, func(_ *lowering, _ *spl.Call, neg bool) esql.Expr { return boolean(!neg) }, "true"},
		"false":     {0, 0, func(_ *lowering, _ *spl.Call, neg bool) esql.Expr { return boolean(neg) }, "false"},
		"isnull":    {1, 1, func(l *lowering, e *spl.Call, neg bool) esql.Expr { return l.nullTest(e, !neg) }, "IS NULL"},
		"isnotnull": {1, 1, func(l *lowering, e *spl.Call, neg bool) esql.Expr { return l.nullTest(e, neg) }, "IS NOT NULL"},
		"isnum":     {1, 1, condIsnum, "by the type; text that reads as a number, by RLIKE"},
		"isint":     {1, 1, condIsint, "by the type, or equal to FLOOR, where text reads as a number, too"},
		"isstr":     {1, 1, condIsstr, "text whose TO_DOUBLE IS NULL"},
		"isbool":    {1, 1, condIsbool, "by the type"},
		"like": {2, 2, func(l *lowering, e *spl.Call, neg bool) esql.Expr {
			return l.likeCond(e.Args[0], e.Args[1], e.Span(), neg)
		}, "LIKE"},
		"match":     {2, 2, condMatch, "LIKE, RLIKE, or REPLACE where Lucene's regular expressions cannot say it"},
		"cidrmatch": {2, 2, condCidrmatch, "CIDR_MATCH"},
		"in": {2, -1, func(l *lowering, e *spl.Call, neg bool) esql.Expr {
			return l.evalIn(&spl.InExpr{At: e.At, X: e.Args[0], List: e.Args[1:]}, neg)
		}, "IN"},
		"searchmatch": {1, 1, condSearchmatch, "the search as a condition"},
	}
}

func nullValue() value { return value{expr: null(), typ: "null", null: true} }

// textFn applies a function of one text.
func textFn(fn, typ string) func(*lowering, *spl.Call) value {
	return func(l *lowering, e *spl.Call) value {
		v := l.text(l.expr(e.Args[0]))
		if v.hole {
			return holeValue
		}
		if v.null {
			return nullValue()
		}
		if v.multi() && fn != "TO_UPPER" {
			l.arrayNote(v, e.Span(), e.Func, "`"+e.Func+"` of several values is null in ES|QL")
		}
		return value{expr: call(fn, v.expr), typ: typ, array: v.array, nonNull: v.nonNull}
	}
}

func fnLower(l *lowering, e *spl.Call) value {
	v := l.text(l.expr(e.Args[0]))
	if v.hole {
		return holeValue
	}
	if v.null {
		return nullValue()
	}
	if v.lower {
		return v
	}
	return value{expr: call("TO_LOWER", v.expr), typ: "keyword", array: v.array, nonNull: v.nonNull, lower: true}
}

func numberFn(fn, typ string) func(*lowering, *spl.Call) value {
	return func(l *lowering, e *spl.Call) value {
		var args []esql.Expr
		nonNull, t := true, typ
		for _, a := range e.Args {
			v := l.numeric(l.expr(a), a.Span())
			if v.hole {
				return holeValue
			}
			if v.null {
				return nullValue()
			}
			if t == "" {
				t = v.typ
			}
			nonNull = nonNull && v.nonNull
			args = append(args, v.expr)
		}
		return value{expr: call(fn, args...), typ: t, nonNull: nonNull, whole: t == "double" && (fn == "FLOOR" || fn == "CEIL")}
	}
}

func fnRound(l *lowering, e *spl.Call) value {
	v := l.numeric(l.expr(e.Args[0]), e.Span())
	if v.hole || v.null {
		return v
	}
	if len(e.Args) == 1 {
		if isInteger(v.typ) {
			return v
		}
		return value{expr: call("ROUND", v.expr), typ: v.typ, nonNull: v.nonNull, whole: true}
	}
	n := l.numeric(l.expr(e.Args[1]), e.Span())
	if n.hole || n.null {
		return n
	}
	if isInteger(v.typ) && n.word != nil && !strings.HasPrefix(*n.word, "-") {
		return v
	}
	return value{expr: call("ROUND", v.expr, n.expr), typ: v.typ, nonNull: v.nonNull}
}

func fnLog(l *lowering, e *spl.Call) value {
	v := l.numeric(l.expr(e.Args[0]), e.Span())
	if v.hole || v.null {
		return v
	}
	if len(e.Args) == 1 {
		return value{expr: call("LOG10", v.expr), typ: "double"}
	}
	b := l.numeric(l.expr(e.Args[1]), e.Span())
	if b.hole || b.null {
		return b
	}
	return value{expr: call("LOG", b.expr, v.expr), typ: "double"}
}

func extremeFn(fn string) func(*lowering, *spl.Call) value {
	return func(l *lowering, e *spl.Call) value {
		vs, ok := l.args(e)
		if !ok {
			return holeValue
		}
		var kept []value
		for _, v := range vs {
			if !v.null {
				kept = append(kept, v)
			}
		}
		if len(kept) == 0 {
			return nullValue()
		}
		for _, v := range kept {
			if len(kept) > 1 && v.multi() {
				l.arrayNote(v, e.Span(), e.Func, "`"+e.Func+"` of several values is null in ES|QL")
			}
			if isText(v.typ) && len(kept) > 1 {
				return l.extremeOfKinds(fn, l.comparable(kept))
			}
		}
		kept, typ := l.unify(kept)
		if len(kept) == 1 {
			mv := "MV_MAX"
			if fn == "LEAST" {
				mv = "MV_MIN"
			}
			if kept[0].multi() {
				return value{expr: call(mv, kept[0].expr), typ: typ, nonNull: kept[0].nonNull}
			}
			return kept[0]
		}
		return value{expr: extremeWithoutNulls(fn, kept), typ: typ}
	}
}

func fnToString(l *lowering, e *spl.Call) value {
	if len(e.Args) == 2 {
		f, ok := e.Args[1].(*spl.StringLit)
		v := l.expr(e.Args[0])
		switch {
		case v.hole:
			return holeValue
		case v.null:
			return nullValue()
		case !ok:
			l.diag("unsupported_function", e.Span(), "tostring", "tostring needs a literal format; rewrite this part by hand")
			return holeValue
		}
		return l.formatted(v, f.Value, e)
	}
	v := l.expr(e.Args[0])
	if v.typ == "boolean" && !v.hole {
		return value{expr: call("CASE", v.expr, str("True"), str("False")), typ: "keyword", nonNull: true}
	}
	return l.text(v)
}

func fnToNumber(l *lowering, e *spl.Call) value {
	if len(e.Args) == 2 {
		n, ok := e.Args[1].(*spl.NumberLit)
		if s, isText := e.Args[0].(*spl.StringLit); ok && isText {
			if text, ok := inBase(s.Value, n.Text); ok {
				if x, ok := number(text); ok {
					return numberValue(x, text)
				}
			}
		}
		if !ok || n.Text != "10" {
			l.diag("unsupported_function", e.Span(), "tonumber", "tonumber with a base has no counterpart in ES|QL; compare the text instead")
			return holeValue
		}
	}
	v := l.expr(e.Args[0])
	if v.multi() {
		l.arrayNote(v, e.Span(), e.Func, "`"+e.Func+"` of several values is null")
	}
	return l.oneNumber(v, e.Span())
}

// fnToInt cuts the fraction off.
func fnToInt(l *lowering, e *spl.Call) value {
	v := fnToNumber(l, e)
	if v.hole || v.null || isInteger(v.typ) {
		return v
	}
	return value{expr: call("TO_LONG", call("FLOOR", v.expr)), typ: "long", array: v.array}
}

// fnTypeof is typeof: a field that is missing is Invalid, text that is a number a Number.
func fnTypeof(l *lowering, e *spl.Call) value {
	v := l.expr(e.Args[0])
	if v.hole {
		return holeValue
	}
	if v.null {
		if _, isField := e.Args[0].(*spl.FieldRef); isField {
			return value{expr: str("Invalid"), typ: "keyword", nonNull: true}
		}
		return value{expr: str("Null"), typ: "keyword", nonNull: true}
	}
	var args []esql.Expr
	if !v.nonNull {
		args = append(args, isNull(v.expr), str("Invalid"))
	}
	switch {
	case v.typ == "boolean":
		args = append(args, str("Boolean"))
	case isNumeric(v.typ), isDate(v.typ), v.numeral:
		args = append(args, str("Number"))
	case isText(v.typ) && v.word == nil:
		args = append(args, readsAsNumber(v), str("Number"), str("String"))
	default:
		args = append(args, str("String"))
	}
	if len(args) == 1 {
		return value{expr: args[0], typ: "keyword", nonNull: true}
	}
	return value{expr: call("CASE", args...), typ: "keyword", nonNull: true}
}

func fnCoalesce(l *lowering, e *spl.Call) value {
	var vs []value
	for _, a := range e.Args {
		v := l.expr(a)
		if v.hole {
			return holeValue
		}
		if v.null {
			continue
		}
		if len(vs) > 0 && v.col != nil && sameColumn(vs, v) {
			continue
		}
		vs = append(vs, v)
		if v.nonNull {
			break
		}
	}
	if len(vs) == 0 {
		return nullValue()
	}
	if len(vs) == 1 {
		return vs[0]
	}
	array := anyArray(vs)
	vs, typ := l.unify(vs)
	args := make([]esql.Expr, len(vs))
	for i, v := range vs {
		args[i] = v.expr
	}
	return value{expr: call("COALESCE", args...), typ: typ, nonNull: vs[len(vs)-1].nonNull, array: array}
}

func sameColumn(vs []value, v value) bool {
	for _, o := range vs {
		if o.col != nil && o.col.name == v.col.name && o.col.mapping().Fn == v.col.mapping().Fn {
			return true
		}
	}
	return false
}

func fnIf(l *lowering, e *spl.Call) value {
	return l.cases([]spl.Expr{e.Args[0]}, []spl.Expr{e.Args[1]}, e.Args[2], false)
}

func fnCase(l *lowering, e *spl.Call) value {
	if len(e.Args)%2 != 0 {
		l.arity(e)
		return holeValue
	}
	var conds, vals []spl.Expr
	for i := 0; i < len(e.Args); i += 2 {
		conds, vals = append(conds, e.Args[i]), append(vals, e.Args[i+1])
	}
	return l.cases(conds, vals, nil, false)
}

func fnValidate(l *lowering, e *spl.Call) value {
	if len(e.Args)%2 != 0 {
		l.arity(e)
		return holeValue
	}
	var conds, vals []spl.Expr
	for i := 0; i < len(e.Args); i += 2 {
		conds, vals = append(conds, e.Args[i]), append(vals, e.Args[i+1])
	}
	return l.cases(conds, vals, nil, true)
}

// cases writes CASE(c1, v1, …, otherwise).
func (l *lowering) cases(conds, vals []spl.Expr, otherwise spl.Expr, neg bool) value {
	var cs []esql.Expr
	var vs []value
	for i := range conds {
		c := l.condInValue(conds[i], neg)
		v := l.expr(vals[i])
		if c == nil || v.hole {
			return holeValue
		}
		if isFalse(c) {
			continue
		}
		if isTrue(c) {
			vs = append(vs, v)
			return l.caseValue(cs, vs)
		}
		cs, vs = append(cs, c), append(vs, v)
	}
	if otherwise != nil {
		v := l.expr(otherwise)
		if v.hole {
			return holeValue
		}
		vs = append(vs, v)
	} else {
		vs = append(vs, nullValue())
	}
	return l.caseValue(cs, vs)
}

// caseValue has one more value than conditions.
func (l *lowering) caseValue(cs []esql.Expr, vs []value) value {
	if len(cs) == 0 {
		return vs[0]
	}
	array := anyArray(vs)
	vs, typ := l.unify(vs)
	var args []esql.Expr
	nonNull := true
	for i, v := range vs {
		if i < len(cs) {
			args = append(args, cs[i])
		}
		if i == len(cs) && v.null {
			nonNull = false
			continue
		}
		nonNull = nonNull && v.nonNull
		args = append(args, v.expr)
	}
	return value{expr: call("CASE", args...), typ: typ, nonNull: nonNull, array: array}
}

func fnNullif(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	if vs[0].null || vs[1].null {
		return vs[0]
	}
	c := l.compareValues("==", vs[0], vs[1], e.Span())
	if c == nil {
		return holeValue
	}
	return value{expr: call("CASE", c, null(), vs[0].expr), typ: vs[0].typ, array: vs[0].array}
}

func trimFn(fn, start, end string) func(*lowering, *spl.Call) value {
	return func(l *lowering, e *spl.Call) value {
		v := l.text(l.expr(e.Args[0]))
		if v.hole || v.null {
			return v
		}
		if len(e.Args) == 1 {
			return value{expr: call(fn, v.expr), typ: "keyword", nonNull: v.nonNull}
		}
		chars := l.expr(e.Args[1])
		if chars.hole {
			return holeValue
		}
		if chars.word == nil {
			l.diag("unsupported_expression", e.Span(), e.Func, "the characters to trim are no literal")
			return holeValue
		}
		class := "[" + javaClass(*chars.word) + "]+"
		pattern := start + class + end
		if start != "" && end != "" {
			pattern = start + class + "|" + class + end
		}
		return value{expr: call("REPLACE", v.expr, str(pattern), str("")), typ: "keyword", nonNull: v.nonNull}
	}
}

func javaClass(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`\]^-[&`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func fnSubstr(l *lowering, e *spl.Call) value {
	v := l.text(l.expr(e.Args[0]))
	if v.hole || v.null {
		return v
	}
	args := []esql.Expr{v.expr}
	if n, ok := wholeNumber(e.Args[1]); ok && n == "0" {
		l.diag("function_differs", e.Span(), e.Func, "substr counts characters from 1; from 0 Splunk takes one less than the draft, which begins with the first")
	}
	for _, a := range e.Args[1:] {
		n := l.numeric(l.expr(a), a.Span())
		if n.hole || n.null {
			return n
		}
		if !isInteger(n.typ) {
			n.expr = call("TO_INTEGER", n.expr)
		}
		args = append(args, n.expr)
	}
	if v.multi() {
		l.arrayNote(v, e.Span(), e.Func, "substr of several values is null in ES|QL")
	}
	return value{expr: call("SUBSTRING", args...), typ: "keyword", nonNull: v.nonNull}
}

// groupReference is a reference to a group in the replacement of replace.
var groupReference = regexp.MustCompile(`\\(\d)`)

func fnReplace(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	if vs[1].word != nil && strings.Contains(*vs[1].word, `\\`) {
		vs[0] = l.withDomain(vs[0], e.Span())
	}
	v := l.text(vs[0])
	if v.null {
		return nullValue()
	}
	if vs[1].word == nil || vs[2].word == nil {
		if vs[1].null || vs[2].null {
			return nullValue()
		}
		if vs[1].word == nil {
			l.diag("regex_differs", e.Span(), "replace", "the pattern comes from the data; ES|QL reads it as a Java regular expression, Splunk as PCRE")
		}
		return value{expr: call("REPLACE", v.expr, l.text(vs[1]).expr, l.text(vs[2]).expr), typ: "keyword"}
	}
	pattern, ok := javaRegex(*vs[1].word)
	if !ok {
		l.diag("unsupported_regex", e.Span(), "replace", "this regular expression cannot be written in ES|QL: "+clip(*vs[1].word))
		return holeValue
	}
	if re, err := regexp.Compile(pattern); err == nil {
		for _, m := range groupReference.FindAllStringSubmatch(*vs[2].word, -1) {
			if n, err := strconv.Atoi(m[1]); err == nil && n > re.NumSubexp() {
				l.diag("unsupported_regex", e.Span(), "replace", "the replacement names group "+m[1]+", and the regular expression has "+itoa(re.NumSubexp())+"; ES|QL would refuse every event")
				return holeValue
			}
		}
	}
	if v.multi() {
		l.arrayNote(v, e.Span(), e.Func, "replace in several values is null in ES|QL")
	}
	return value{expr: call("REPLACE", v.expr, str(pattern), str(javaReplacement(*vs[2].word))), typ: "keyword", nonNull: v.nonNull}
}

func fnSplit(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	if vs[1].word != nil && strings.Contains(*vs[1].word, `\`) {
		vs[0] = l.withDomain(vs[0], e.Span())
	}
	v := l.text(vs[0])
	if v.null || vs[1].null {
		return nullValue()
	}
	if vs[1].word == nil || *vs[1].word == "" {
		l.diag("unsupported_expression", e.Span(), "split", "the delimiter of split must be a literal of at least one character")
		return holeValue
	}
	return value{expr: splitBy(v.expr, *vs[1].word), typ: "keyword", array: schema.AlwaysArray, nonNull: v.nonNull}
}

// splitBy splits at a delimiter of any length: SPLIT takes one byte only.
func splitBy(x esql.Expr, delim string) esql.Expr {
	if len(delim) == 1 {
		return call("SPLIT", x, str(delim))
	}
	return call("SPLIT", call("REPLACE", x, str(javaQuote(delim)), str(listMark)), str(listMark))
}

func fnSHA512(l *lowering, e *spl.Call) value {
	v := l.text(l.expr(e.Args[0]))
	if v.hole || v.null {
		return v
	}
	return value{expr: call("HASH", str("sha-512"), v.expr), typ: "keyword", nonNull: v.nonNull}
}

// ---- several values ----

func fnMvcount(l *lowering, e *spl.Call) value {
	v := l.expr(e.Args[0])
	if v.hole || v.null {
		return v
	}
	return value{expr: call("MV_COUNT", v.expr), typ: "integer", nonNull: v.nonNull}
}

func mvFn(fn string) func(*lowering, *spl.Call) value {
	return func(l *lowering, e *spl.Call) value {
		v := l.expr(e.Args[0])
		if v.hole || v.null {
			return v
		}
		return value{expr: call(fn, v.expr), typ: v.typ, array: v.array, nonNull: v.nonNull}
	}
}

func fnMvindex(l *lowering, e *spl.Call) value {
	if v, ok := l.element(e); ok {
		return v
	}
	v := l.expr(e.Args[0])
	if v.hole || v.null {
		return v
	}
	if v.lexical() {
		v = l.text(v)
	}
	l.storedOrder(v, e)
	if n, ok := wholeNumber(e.Args[1]); ok && n != "0" && n != "-1" && len(e.Args) == 2 && !v.multi() && v.stored() {
		l.diag("array_approximate", e.Span(), e.Func, "`mvindex` takes one of several values, but "+v.columnName()+" holds one; the draft takes that: see that it is the one meant")
		return v
	}
	args := []esql.Expr{v.expr}
	for _, a := range e.Args[1:] {
		n := l.numeric(l.expr(a), a.Span())
		if n.hole || n.null {
			return n
		}
		if n.typ != "integer" && n.word == nil {
			n.expr = call("TO_INTEGER", n.expr)
		}
		args = append(args, n.expr)
	}
	array := schema.Single
	if len(e.Args) == 3 {
		array = v.array
	} else if !readsColumn(v.expr) {
		args = append(args, args[1]) // Elasticsearch 8.19 fails when it folds MV_SLICE without an end
	}
	return value{expr: call("MV_SLICE", args...), typ: v.typ, array: array}
}

// wholeNumber is the text of a literal number.
func wholeNumber(e spl.Expr) (string, bool) {
	sign := ""
	if u, ok := e.(*spl.Unary); ok && u.Op == "-" {
		sign, e = "-", u.X
	}
	n, ok := e.(*spl.NumberLit)
	if !ok {
		return "", false
	}
	return sign + n.Text, true
}

// storedOrder says that Elasticsearch does not keep the order of stored values.
func (l *lowering) storedOrder(v value, e *spl.Call) {
	if v.multi() && v.stored() {
		l.arrayNote(v, e.Span(), e.Func, "Elasticsearch gives the values of "+v.columnName()+" sorted and once each, not in the order of the event, so `"+e.Func+"` can take or join others")
	}
}

// readsColumn says that an expression is no constant.
func readsColumn(x esql.Expr) (reads bool) {
	esql.InspectExpr(x, func(n esql.Node) bool {
		if _, ok := n.(*esql.Column); ok {
			reads = true
		}
		return !reads
	})
	return reads
}

func fnMvjoin(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	l.storedOrder(vs[0], e)
	v := l.text(vs[0])
	if v.null || vs[1].null {
		return nullValue()
	}
	return value{expr: call("MV_CONCAT", v.expr, l.text(vs[1]).expr), typ: "keyword", nonNull: v.nonNull}
}

func fnMvappend(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	vs, typ := l.unifyAs(vs, true)
	var x esql.Expr
	nullable := false
	for _, v := range vs {
		if v.null {
			continue
		}
		nullable = nullable || !v.nonNull
		if x == nil {
			x = v.expr
			continue
		}
		x = call("MV_APPEND", x, v.expr)
	}
	if x == nil {
		return nullValue()
	}
	if nullable && len(vs) > 1 {
		// MV_APPEND is null when one side is; Splunk leaves nulls out.
		x = nil
		for _, v := range vs {
			if v.null {
				continue
			}
			if x == nil {
				x = v.expr
				continue
			}
			x = call("COALESCE", call("MV_APPEND", x, v.expr), x, v.expr)
		}
	}
	return value{expr: x, typ: typ, array: schema.AlwaysArray}
}

func fnMvzip(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	l.storedOrder(vs[0], e)
	l.storedOrder(vs[1], e)
	args := []esql.Expr{l.text(vs[0]).expr, l.text(vs[1]).expr}
	if len(vs) == 3 {
		args = append(args, l.text(vs[2]).expr)
	} else {
		args = append(args, str(","))
	}
	for _, v := range vs {
		if v.null {
			return nullValue()
		}
	}
	return value{expr: call("MV_ZIP", args...), typ: "keyword", array: schema.AlwaysArray}
}

// condInValue lowers a condition inside a value, where the full-text operators are refused.
func (l *lowering) condInValue(e spl.Expr, neg bool) esql.Expr {
	old := l.fullText
	l.fullText = false
	c := l.cond(e, neg)
	l.fullText = old
	return c
}

// ---- conditions ----

func (l *lowering) nullTest(e *spl.Call, wantNull bool) esql.Expr {
	v := l.expr(e.Args[0])
	switch {
	case v.hole:
		return nil
	case v.null:
		return boolean(wantNull)
	case v.nonNull && v.expr != nil && (v.col == nil || v.col.computed):
		return boolean(!wantNull)
	case v.col != nil && v.col.filled:
		if f, ok := e.Args[0].(*spl.FieldRef); ok && wantNull {
			l.alwaysPresent(v.col, f.Name, e.Span())
		}
		return boolean(!wantNull) // Splunk has a word in place of a missing value
	}
	if wantNull {
		return isNull(v.expr)
	}
	return notNull(v.expr)
}

func condIsnum(l *lowering, e *spl.Call, neg bool) esql.Expr {
	v := l.expr(e.Args[0])
	if v.hole {
		return nil
	}
	x := l.isNumeral(v)
	if neg && isText(v.typ) && !v.numeral && !v.null {
		return or(append([]esql.Expr{negate(x)}, nulls(v)...)...)
	}
	return orNot(x, neg)
}

// condIsint is isint: a number without a fraction.
func condIsint(l *lowering, e *spl.Call, neg bool) esql.Expr {
	v := l.expr(e.Args[0])
	var x esql.Expr
	switch {
	case v.hole:
		return nil
	case v.null, v.typ == "boolean", v.typ == "ip":
		return boolean(neg)
	case v.word != nil:
		return boolean(isWhole(*v.word) != neg)
	case isInteger(v.typ), v.whole, isDate(v.typ):
		return orNot(l.presence(v), neg)
	case isText(v.typ):
		if v.multi() {
			l.arrayNote(v, e.Span(), e.Func, "`isint` of several values is null in ES|QL")
		}
		if l.namesThings(v) { // its numbers have no exponent and no point
			x = rlike(v.expr, "-?[0-9]+")
			break
		}
		n := numberOf(v)
		x = call("CASE", readsAsNumber(v), binary("==", n, call("FLOOR", n)), boolean(false))
	default:
		x = binary("==", v.expr, call("FLOOR", v.expr))
	}
	if !neg {
		return x
	}
	return or(append([]esql.Expr{negate(x)}, nulls(v)...)...)
}

// isWhole says that a literal reads as a number without a fraction: 1.0 and 1e3 are such, too.
func isWhole(text string) bool {
	if !isNumeral(text) {
		return false
	}
	n, err := strconv.ParseFloat(text, 64)
	return err == nil && n == math.Trunc(n)
}

// condIsstr is isstr: text that is no number.
func condIsstr(l *lowering, e *spl.Call, neg bool) esql.Expr {
	v := l.expr(e.Args[0])
	switch {
	case v.hole:
		return nil
	case v.null, !isText(v.typ) && v.typ != "ip", v.numeral:
		return boolean(neg)
	case v.word != nil, v.typ == "ip":
		return orNot(l.presence(v), neg)
	case neg:
		return or(isNull(v.expr), readsAsNumber(v))
	}
	return and(l.presence(v), not(readsAsNumber(v)))
}

// orNot negates a condition that is never null, where neg says so.
func orNot(x esql.Expr, neg bool) esql.Expr {
	if neg {
		return not(x)
	}
	return x
}

func condIsbool(l *lowering, e *spl.Call, neg bool) esql.Expr {
	v := l.expr(e.Args[0])
	if v.hole {
		return nil
	}
	return boolean((v.typ == "boolean") != neg)
}

func condMatch(l *lowering, e *spl.Call, neg bool) esql.Expr {
	return l.matchCond(e.Args[0], e.Args[1], e.Span(), neg)
}

func condCidrmatch(l *lowering, e *spl.Call, neg bool) esql.Expr {
	prefix, v := l.expr(e.Args[0]), l.expr(e.Args[1])
	if prefix.hole || v.hole {
		return nil
	}
	if prefix.null || v.null {
		return boolean(neg)
	}
	if prefix.word == nil {
		l.diag("unsupported_expression", e.Span(), "cidrmatch", "the block of cidrmatch comes from the data; ES|QL needs a literal")
		return nil
	}
	x := l.cidr(v, *prefix.word, e.Span())
	if !neg {
		return x
	}
	return or(append([]esql.Expr{not(x)}, nulls(v)...)...)
}

func condSearchmatch(l *lowering, e *spl.Call, neg bool) esql.Expr {
	s, ok := e.Args[0].(*spl.StringLit)
	if !ok {
		l.diag("unsupported_expression", e.Span(), "searchmatch", "searchmatch needs a literal")
		return nil
	}
	expr, ok := l.parseSearch(s.Value, e.Span())
	if !ok {
		return nil
	}
	return l.searchCond(expr, neg)
}
