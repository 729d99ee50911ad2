package esql

import "strings"

// reserved are the words that the expression lexer of ES|QL takes as keywords; as a part of a name they need backticks.
var reserved = map[string]bool{
	"and": true, "asc": true, "by": true, "desc": true, "false": true, "first": true, "in": true, "is": true,
	"last": true, "like": true, "not": true, "null": true, "nulls": true, "on": true, "or": true, "rlike": true,
	"true": true, "where": true, "with": true, "as": true,
}

// IsReserved reports whether a word needs backticks when it is used as a name or a part of one.
func IsReserved(word string) bool {
	var lower [len("rlike")]byte
	if len(word) > len(lower) {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return reserved[string(lower[:len(word)])]
}

// QuoteName returns a column name as ES|QL text: as it is where that parses, else in backticks.
func QuoteName(name string) string {
	for rest := name; ; {
		part, tail, more := strings.Cut(rest, ".")
		if !isPlainPart(part, false) || IsReserved(part) {
			break
		}
		if !more {
			return name
		}
		rest = tail
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// isPlainPart reports whether a part of a name between dots needs no quotes; pattern allows * as well.
func isPlainPart(part string, pattern bool) bool {
	if part == "" {
		return false
	}
	for i := 0; i < len(part); i++ {
		c := part[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', pattern && c == '*':
		case c == '_', c == '@' && i == 0:
			if i == 0 && len(part) == 1 {
				return false
			}
		case c >= '0' && c <= '9':
			if i == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// quotePattern returns a name of KEEP or DROP as text. Unescaped stars are wildcards.
func quotePattern(name string) string {
	if !strings.ContainsAny(name, `*\`) {
		return QuoteName(name)
	}
	var out, piece strings.Builder
	flush := func() {
		if piece.Len() > 0 {
			out.WriteString("`" + strings.ReplaceAll(piece.String(), "`", "``") + "`")
			piece.Reset()
		}
	}
	plain := true
	for part := range strings.SplitSeq(name, ".") {
		plain = plain && isPlainPart(part, true)
	}
	if plain {
		return name
	}
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '\\' && i+1 < len(name) && (name[i+1] == '*' || name[i+1] == '\\'):
			i++
			piece.WriteByte(name[i])
		case name[i] == '*':
			flush()
			out.WriteByte('*')
		default:
			piece.WriteByte(name[i])
		}
	}
	flush()
	return out.String()
}

// EscapePattern returns a name for Keep or Drop that stands for exactly this column, stars and backslashes included.
func EscapePattern(name string) string {
	return patternEscapes.Replace(name)
}

var patternEscapes = strings.NewReplacer(`\`, `\\`, `*`, `\*`)

// QuoteString returns s as a string literal.
func QuoteString(s string) string { return string(appendQuoted(make([]byte, 0, len(s)+2), s)) }

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0 // of what goes as it is
	for i := 0; i < len(s); i++ {
		var escaped string
		switch s[i] {
		case '"':
			escaped = `\"`
		case '\\':
			escaped = `\\`
		case '\n':
			escaped = `\n`
		case '\r':
			escaped = `\r`
		case '\t':
			escaped = `\t`
		default:
			continue
		}
		b = append(append(b, s[from:i]...), escaped...)
		from = i + 1
	}
	return append(append(b, s[from:]...), '"')
}

// indexName returns an index pattern of FROM as text: as it is where that parses, else as a string.
func indexName(name string) string {
	if name == "" || strings.EqualFold(name, "metadata") || strings.ContainsAny(name, "\"=|,[]/ \t\r\n()`#'") {
		return QuoteString(name)
	}
	return name
}

// EscapeLike returns a LIKE pattern that matches exactly the literal.
func EscapeLike(literal string) string { return escape(literal, `*?\`) }

// EscapeRegex returns an RLIKE pattern that matches exactly the literal.
func EscapeRegex(literal string) string { return escape(literal, regexSpecial) }

// regexSpecial holds what has a meaning in Lucene's regular expressions with all optional operators on.
const regexSpecial = `.?+*|{}[]()"\#@&<>~`

// EscapeLuceneRegex returns a pattern for /…/ in a Lucene query (QSTR) that matches exactly the literal.
func EscapeLuceneRegex(literal string) string { return escape(literal, regexSpecial+"/") }

// EscapeLucene returns a term of a Lucene query (QSTR) that matches exactly the literal, blanks included. Words that
// Lucene takes as operators (AND, OR, NOT) are escaped too.
func EscapeLucene(literal string) string {
	switch literal {
	case "AND", "OR", "NOT":
		return `\` + literal
	}
	return escape(literal, "+-=&|><!(){}[]^\"~*?:\\/ \t\n\r\f\u3000")
}

// LucenePhrase returns a quoted phrase of a Lucene query (QSTR).
func LucenePhrase(literal string) string { return `"` + escape(literal, `"\`) + `"` }

func escape(s, special string) string {
	if !strings.ContainsAny(s, special) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for _, r := range s {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
