package esql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError is a text that is not ES|QL, with the place where that showed.
type SyntaxError struct {
	Pos     Pos
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d:%d: %s", e.Pos.Line, e.Pos.Column, e.Message)
}

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // an unquoted identifier or keyword
	tokenQuoted           // an identifier in backticks
	tokenString
	tokenInt
	tokenDecimal
	tokenSign // an operator or punctuation
)

type token struct {
	kind       tokenKind
	text       string // unquoted and unescaped
	start, end Pos
}

func (t token) isWord(word string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.text, word)
}

func (t token) isSign(sign string) bool { return t.kind == tokenSign && t.text == sign }

func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the query"
	case tokenString:
		return "string " + QuoteString(t.text)
	}
	return "[" + t.text + "]"
}

// lexer cuts ES|QL text into tokens. The rules differ between commands as in the real grammar, so the parser says what
// it wants to read next.
type lexer struct {
	src string
	pos Pos
	// comments that were skipped and not yet taken
	comments []*Comment
}

func (l *lexer) fail(at Pos, format string, args ...any) error {
	return &SyntaxError{Pos: at, Message: fmt.Sprintf(format, args...)}
}

func (l *lexer) rest() string { return l.src[l.pos.Offset:] }

// advance moves over n bytes.
func (l *lexer) advance(n int) {
	text := l.src[l.pos.Offset:][:n]
	l.pos.Offset += int32(n)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		l.pos.Line += int32(strings.Count(text, "\n"))
		l.pos.Column = 1
		text = text[i+1:]
	}
	l.pos.Column += int32(utf8.RuneCountInString(text))
}

// skip moves over blanks and comments.
func (l *lexer) skip() error {
	for {
		rest := l.rest()
		n := 0
		for n < len(rest) && isBlank(rest[n]) {
			n++
		}
		if n > 0 {
			l.advance(n)
			continue
		}
		switch {
		case strings.HasPrefix(rest, "//"):
			n = strings.IndexAny(rest, "\r\n")
			if n < 0 {
				n = len(rest)
			}
			l.comment(rest[2:n], n)
		case strings.HasPrefix(rest, "/*"):
			n = blockComment(rest)
			if n < 0 {
				return l.fail(l.pos, "the comment does not end; close it with */")
			}
			l.comment(rest[2:n-2], n)
		default:
			return nil
		}
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// blockComment returns the length of the comment that text starts with, nested ones included, or -1.
func blockComment(text string) int {
	depth := 0
	for i := 0; i+1 < len(text); {
		switch text[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return -1
}

func (l *lexer) comment(text string, n int) {
	start := l.pos
	l.advance(n)
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		lines = []string{""}
	}
	for _, line := range lines {
		l.comments = append(l.comments, &Comment{At: placed(start, l.pos), Text: strings.Trim(line, " \t")})
	}
}

// token reads the next token of an expression.
func (l *lexer) token() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	rest := l.rest()
	t := token{start: l.pos, end: l.pos}
	if rest == "" {
		return t, nil
	}
	c := rest[0]
	n := 0
	var err error
	switch {
	case isLetter(c), (c == '_' || c == '@') && len(rest) > 1 && isBody(rest[1]):
		for n = 1; n < len(rest) && isBody(rest[n]); {
			n++
		}
		t.kind, t.text = tokenWord, rest[:n]
	case c == '`':
		t.kind = tokenQuoted
		if t.text, n, err = l.quoted(rest); err != nil {
			return t, err
		}
	case c == '"':
		t.kind = tokenString
		if t.text, n, err = l.string(rest); err != nil {
			return t, err
		}
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		t.kind, n = number(rest)
		t.text = rest[:n]
	default:
		n = 1
		if len(rest) > 1 {
			switch rest[:2] {
			case "==", "!=", "<=", ">=", "::":
				n = 2
			}
		}
		t.kind, t.text = tokenSign, rest[:n]
		if n == 1 && !strings.ContainsRune("|,.()[]{}=<>+-*/%:?;", rune(c)) {
			r, _ := utf8.DecodeRuneInString(rest)
			return t, l.fail(l.pos, "unexpected character %q", r)
		}
	}
	l.advance(n)
	t.end = l.pos
	return t, nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isBody(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }

// number returns the kind and length of the number that text starts with.
func number(text string) (tokenKind, int) {
	digits := func(i int) int {
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		return i
	}
	kind, n := tokenInt, digits(0)
	if n < len(text) && text[n] == '.' {
		kind, n = tokenDecimal, digits(n+1)
	}
	if n < len(text) && (text[n] == 'e' || text[n] == 'E') {
		i := n + 1
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if end := digits(i); end > i {
			kind, n = tokenDecimal, end
		}
	}
	return kind, n
}

// quoted reads an identifier in backticks, in which two stand for one.
func (l *lexer) quoted(text string) (name string, n int, err error) {
	for n = 1; n < len(text); n++ {
		if text[n] != '`' {
			continue
		}
		if n+1 < len(text) && text[n+1] == '`' {
			n++
			continue
		}
		if n == 1 {
			return "", 0, l.fail(l.pos, "an empty name in backticks")
		}
		return strings.ReplaceAll(text[1:n], "``", "`"), n + 1, nil
	}
	return "", 0, l.fail(l.pos, "the name in backticks does not end")
}

// string reads a string literal.
func (l *lexer) string(text string) (value string, n int, err error) {
	if strings.HasPrefix(text, `"""`) {
		line := text
		if i := strings.IndexAny(line, "\r\n"); i >= 0 {
			line = line[:i]
		}
		if end := strings.Index(line[3:], `"""`); end >= 0 {
			end += 6
			for range 2 { // up to two quotes may belong to the value
				if end < len(line) && line[end] == '"' {
					end++
				}
			}
			return line[3 : end-3], end, nil
		}
	}
	var b strings.Builder
	for n = 1; n < len(text); n++ {
		switch c := text[n]; c {
		case '"':
			return b.String(), n + 1, nil
		case '\r', '\n':
			return "", 0, l.fail(l.pos, "a string must not contain a line break; write \\n")
		case '\\':
			n++
			if n == len(text) {
				break
			}
			i := strings.IndexByte(`nrt"\`, text[n])
			if i < 0 {
				r, _ := utf8.DecodeRuneInString(text[n:])
				return "", 0, l.fail(l.pos, "unknown escape \\%c in a string; a backslash is written \\\\", r)
			}
			b.WriteByte("\n\r\t\"\\"[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, l.fail(l.pos, "the string does not end; close it with \"")
}

// source reads an index pattern, a policy or a metadata field: the rules for quotes and characters are their own.
func (l *lexer) source() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	rest := l.rest()
	if rest == "" || rest[0] == '"' {
		return l.token()
	}
	t := token{kind: tokenWord, start: l.pos}
	n := 0
	for n < len(rest) && !strings.ContainsRune("\"=|,[]() \t\r\n", rune(rest[n])) {
		if rest[n] == '/' && n+1 < len(rest) && (rest[n+1] == '/' || rest[n+1] == '*') {
			break
		}
		n++
	}
	if n == 0 {
		return l.token()
	}
	t.text = rest[:n]
	l.advance(n)
	t.end = l.pos
	return t, nil
}

// pattern reads a name of KEEP or DROP, stars included. In the result a star of a quoted part is escaped.
func (l *lexer) pattern() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	t := token{kind: tokenWord, start: l.pos, end: l.pos}
	var name strings.Builder
	for {
		rest := l.rest()
		switch {
		case rest == "":
		case rest[0] == '`':
			text, n, err := l.quoted(rest)
			if err != nil {
				return t, err
			}
			name.WriteString(EscapePattern(text))
			l.advance(n)
			continue
		case rest[0] == '*', isLetter(rest[0]), rest[0] == '_' || rest[0] == '@':
			n := 1
			for n < len(rest) && (rest[n] == '*' || isBody(rest[n])) {
				n++
			}
			if n == 1 && (rest[0] == '_' || rest[0] == '@') {
				return t, l.fail(l.pos, "unexpected character %q", rest[0])
			}
			name.WriteString(rest[:n])
			l.advance(n)
			continue
		}
		break
	}
	t.text, t.end = name.String(), l.pos
	if t.text == "" {
		next, err := l.token()
		if err != nil {
			return t, err
		}
		return t, l.fail(t.start, "expected a name, found %s", next)
	}
	return t, nil
}

// raw returns the text up to the next pipe outside of strings, names and brackets, without comments.
func (l *lexer) raw() (string, error) {
	var b strings.Builder
	depth := 0
	for {
		rest := l.rest()
		n := 1
		var err error
		switch {
		case rest == "", rest[0] == '|' && depth <= 0, rest[0] == ')' && depth <= 0:
			return strings.Trim(b.String(), " \t\r\n"), nil
		case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "/*"):
			if err := l.skip(); err != nil {
				return "", err
			}
			b.WriteByte(' ')
			continue
		case rest[0] == '"':
			_, n, err = l.string(rest)
		case rest[0] == '`':
			_, n, err = l.quoted(rest)
		case rest[0] == '(' || rest[0] == '[' || rest[0] == '{':
			depth++
		case rest[0] == ')' || rest[0] == ']' || rest[0] == '}':
			depth--
		}
		if err != nil {
			return "", err
		}
		b.WriteString(rest[:n])
		l.advance(n)
	}
}
