package translate

import (
	"strings"
	"unicode"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

// valueMark stands between and around the values of a multi-valued field where they are compared as one text. It is a
// visible character that no log contains.
const valueMark = "␞"

// textTest is a comparison of text with a literal or with a pattern whose * stand for any text.
type textTest struct {
	value string
	wild  bool // * in value is a wildcard
	fold  bool // ignore case
}

func (t textTest) hasStar() bool { return t.wild && strings.Contains(t.value, "*") }

// letters says whether case matters for the value, and whether letters beyond ASCII take part.
func letters(s string) (cased, beyondASCII bool) {
	for _, r := range s {
		if r < unicode.MaxASCII {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				cased = true
			}
			continue
		}
		if unicode.ToLower(r) != r || unicode.ToUpper(r) != r {
			cased, beyondASCII = true, true
		}
	}
	return cased, beyondASCII
}

// likePattern turns a text with * wildcards into a LIKE pattern.
func likePattern(s string) string {
	parts := strings.Split(s, "*")
	for i, p := range parts {
		parts[i] = esql.EscapeLike(p)
	}
	return strings.Join(parts, "*")
}

// textEquals writes t over a column in the form that is fastest for its class. It is null where the column is null.
func (l *lowering) textEquals(v value, t textTest) esql.Expr {
	l.noteLength(v, t)
	if v.multi() {
		return l.anyText(v, t)
	}
	if p, ok := l.headed(v, t); ok {
		return rlike(v.expr, p)
	}
	return singleText(v, t)
}

// headLength is the number of characters before the first * from which a pattern is looked up in the dictionary of the
// field: only the values that begin so are read, instead of one value an event.
const headLength = 6

// headed is a Lucene expression, in both cases of each letter, for a pattern that begins with text and asks for few
// events. Everything else is evaluated on the events that other conditions leave over, which is more often the cheaper.
func (l *lowering) headed(v value, t textTest) (string, bool) {
	head := strings.IndexByte(t.value, '*')
	cased, beyond := letters(t.value)
	if !t.hasStar() || !t.fold || !cased || beyond || v.lower || head < headLength || len(t.value) > 200 {
		return "", false
	}
	if l.scanned || !v.stored() || !isKeyword(v.typ) || !l.queryString() {
		return "", false
	}
	parts := strings.Split(strings.ToLower(t.value), "*")
	for i, p := range parts {
		parts[i] = caseClasses(p, esql.EscapeRegex)
	}
	return strings.Join(parts, ".*"), true
}

// noteLength says where a search inside long content can miss it: a keyword longer than ignore_above is null.
func (l *lowering) noteLength(v value, t textTest) {
	if !t.hasStar() || !v.stored() || v.col.mapping().IgnoreAbove == 0 || v.col.mapping().IgnoreAbove > 8191 {
		return
	}
	name := v.col.name
	for _, long := range []string{"command_line", "script", "url.", "Payload", "payload", "body", "query", "message", "CommandLine", "Message"} {
		if strings.Contains(name, long) {
			l.diag("ignore_above", l.at, name, "values of "+name+" longer than "+itoa(v.col.mapping().IgnoreAbove)+" characters are null to ES|QL (ignore_above), so content hidden in longer ones is not found; raise the limit in the index template if that matters")
			return
		}
	}
}

func singleText(v value, t textTest) esql.Expr {
	x := v.expr
	cased, beyond := letters(t.value)
	lower := t.value
	if t.fold && cased {
		lower = strings.ToLower(t.value)
		if !v.lower {
			x = call("TO_LOWER", x)
		}
	} else {
		beyond = false
	}
	if t.hasStar() {
		return like(x, likePattern(lower))
	}
	if beyond {
		// TO_LOWER(f) == "x" is rewritten to a term query that folds ASCII only; behind CONCAT it is evaluated as written.
		x = call("CONCAT", x, str(""))
	}
	return binary("==", x, str(lower))
}

// anyText is textEquals for a column of several values: true when any of them passes.
func (l *lowering) anyText(v value, t textTest) esql.Expr {
	cased, beyond := letters(t.value)
	fold := t.fold && cased && !v.lower
	lower := t.value
	if t.fold {
		lower = strings.ToLower(lower)
	}
	stored := l.fullText && v.stored() && isKeyword(v.typ)
	if stored && !t.hasStar() {
		if !fold {
			return binary(":", v.expr, str(lower))
		}
		if !beyond && len(lower) <= 200 && l.queryString() {
			return call("QSTR", str(esql.EscapeLucene(v.columnName())+":/"+caseClasses(lower, esql.EscapeLuceneRegex)+"/"))
		}
	}
	if _, ok := l.headed(v, t); ok && len(lower) <= 200 {
		parts := strings.Split(lower, "*")
		for i, p := range parts {
			parts[i] = caseClasses(p, esql.EscapeLuceneRegex)
		}
		return call("QSTR", str(esql.EscapeLucene(v.columnName())+":/"+strings.Join(parts, ".*")+"/"))
	}
	x := v.expr
	if fold {
		x = call("TO_LOWER", x)
	}
	joined := call("MV_CONCAT", x, str(valueMark))
	if !t.hasStar() {
		return like(call("CONCAT", str(valueMark), joined, str(valueMark)), "*"+valueMark+esql.EscapeLike(lower)+valueMark+"*")
	}
	parts := strings.Split(lower, "*")
	if len(parts) == 3 && parts[0] == "" && parts[2] == "" {
		return like(joined, "*"+esql.EscapeLike(parts[1])+"*")
	}
	return markedPattern(call("CONCAT", str(valueMark), joined, str(valueMark)), lower)
}

// queryString reports whether QSTR is allowed here: behind FROM and filters only.
func (l *lowering) queryString() bool {
	if !l.fullText {
		return false
	}
	for _, c := range l.cmds {
		if _, ok := c.(*esql.Where); !ok {
			return false
		}
	}
	return true
}

// markedPattern matches a pattern with * wildcards against any of the values that wrapped holds between marks.
func markedPattern(wrapped esql.Expr, pattern string) esql.Expr {
	parts := strings.Split(pattern, "*")
	switch {
	case len(parts) == 1:
		return like(wrapped, "*"+valueMark+esql.EscapeLike(pattern)+valueMark+"*")
	case len(parts) == 3 && parts[0] == "" && parts[2] == "":
		return like(wrapped, "*"+esql.EscapeLike(parts[1])+"*")
	case len(parts) == 2 && parts[1] == "":
		return like(wrapped, "*"+valueMark+esql.EscapeLike(parts[0])+"*")
	case len(parts) == 2 && parts[0] == "":
		return like(wrapped, "*"+esql.EscapeLike(parts[1])+valueMark+"*")
	}
	return rlike(wrapped, ".*"+valueMark+starRegex(pattern)+valueMark+".*")
}

// anyTextDiffers is true when the column has a value that does not pass t.
func (l *lowering) anyTextDiffers(v value, t textTest) esql.Expr {
	cased, _ := letters(t.value)
	x, lower := v.expr, t.value
	if t.fold {
		lower = strings.ToLower(lower)
		if cased && !v.lower {
			x = call("TO_LOWER", x)
		}
	}
	if !t.hasStar() {
		return or(binary("!=", call("MV_MIN", x), str(lower)), binary("!=", call("MV_MAX", x), str(lower)))
	}
	return not(rlike(call("CONCAT", call("MV_CONCAT", x, str(valueMark)), str(valueMark)), "("+starRegex(lower)+valueMark+")+"))
}

// starRegex is the Lucene regex of one value that matches a pattern with * wildcards.
func starRegex(s string) string {
	parts := strings.Split(s, "*")
	for i, p := range parts {
		parts[i] = esql.EscapeRegex(p)
	}
	return strings.Join(parts, "[^"+valueMark+"]*")
}

// caseClasses is a Lucene regex that matches s in any case of its ASCII letters; escape protects what is special.
func caseClasses(s string, escape func(string) string) string {
	var b strings.Builder
	for _, r := range s {
		lo, up := unicode.ToLower(r), unicode.ToUpper(r)
		if r < unicode.MaxASCII && lo != up {
			b.WriteByte('[')
			b.WriteRune(lo)
			b.WriteRune(up)
			b.WriteByte(']')
			continue
		}
		b.WriteString(escape(string(r)))
	}
	return b.String()
}

// ---- types ----

func isKeyword(t string) bool {
	switch t {
	case "keyword", "wildcard", "constant_keyword", "flattened", "version":
		return true
	}
	return false
}

func isText(t string) bool {
	return isKeyword(t) || t == "text" || t == "match_only_text" || t == "pattern_text" || t == ""
}

func isInteger(t string) bool {
	switch t {
	case "long", "integer", "short", "byte", "unsigned_long":
		return true
	}
	return false
}

func isNumeric(t string) bool {
	switch t {
	case "double", "float", "half_float", "scaled_float":
		return true
	}
	return isInteger(t)
}

func isDate(t string) bool { return t == "date" || t == "date_nanos" }

// value is an ES|QL expression with what is known of it.
type value struct {
	expr    esql.Expr
	typ     string
	array   schema.Array
	nonNull bool
	lower   bool // holds lower-case text only
	hole    bool
	col     *column
	null    bool // always null
	// word is the SPL literal where the value is one.
	word *string
	num  bool // the literal was a number
	// numeral says that the value is text and always a number; whole that it is a floating-point number without a fraction.
	numeral, whole bool
	// domain is the column of the domain that belongs in front of the value, of an account.
	domain string
	// distinct says that the value is a count of distinct values.
	distinct bool
	// letters says that the value is text with a letter that no number has.
	letters bool
	// note is what has to be said once the value decides something.
	note *mappingNote
}

func (v value) multi() bool { return v.array != schema.Single }

// stored says that the value is a plain stored field, on which full-text operators work.
func (v value) stored() bool {
	if v.col == nil || v.col.computed {
		return false
	}
	_, ok := v.expr.(*esql.Column)
	return ok
}

func (v value) columnName() string {
	if c, ok := v.expr.(*esql.Column); ok {
		return c.Name
	}
	return ""
}

// value reads a column.
func (c *column) value() value {
	if c.hole {
		return value{hole: true, col: c}
	}
	if c.constant != nil {
		v := value{expr: c.constant, typ: c.typ, null: c.constant.Value == nil, nonNull: c.constant.Value != nil}
		return v
	}
	v := value{expr: col(c.name), typ: c.typ, array: c.array, nonNull: c.nonNull, col: c, numeral: c.numeral, whole: c.whole, distinct: c.distinct, domain: c.domain}
	if c.computed || c.field == nil {
		return v
	}
	f := c.field
	v.lower = f.LowerCase
	if len(f.Also) > 0 {
		fields := []esql.Expr{v.expr}
		for _, n := range f.Also {
			fields = append(fields, col(n))
		}
		if f.AsText {
			for i, x := range fields {
				fields[i] = call("TO_STRING", x)
			}
		}
		v.expr = call("COALESCE", fields...)
	}
	if f.Fn != "" {
		v.expr = call(f.Fn, v.expr)
		v.typ = resultType(f.Fn, c.typ)
		v.array = schema.Single
	}
	return v
}

// resultType is the type of a one-argument function that a schema mapping applies.
func resultType(fn, arg string) string {
	switch fn {
	case "LENGTH", "MV_COUNT", "TO_LONG", "TO_INTEGER", "BYTE_LENGTH":
		return "long"
	case "TO_DOUBLE":
		return "double"
	case "TO_STRING", "TO_LOWER", "TO_UPPER", "TRIM", "SUBSTRING", "MV_CONCAT":
		return "keyword"
	case "TO_IP":
		return "ip"
	case "TO_DATETIME":
		return "date"
	case "TO_BOOLEAN":
		return "boolean"
	}
	return arg
}
