package spl

import (
	"strings"
	"unicode/utf8"
)

// peek skips white space and returns the next byte of the stage, 0 at its end.
func (p *parser) peek() byte {
	if p.pos < p.end {
		if c := p.buf[p.pos]; c > ' ' && c < utf8.RuneSelf {
			return c // as mostly
		}
	}
	return p.peekBehindSpace()
}

func (p *parser) peekBehindSpace() byte {
	p.pos = skipSpace(p.buf, p.pos, p.end)
	if p.pos >= p.end {
		return 0
	}
	if c := p.buf[p.pos]; c != 0 {
		return c
	}
	return 1 // a NUL byte is a character like any other
}

// accept consumes c if it is next.
func (p *parser) accept(c byte) bool {
	if p.peek() == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) commas() {
	for p.accept(',') {
	}
}

// separators skips commas and, with a problem, unresolved macros.
func (p *parser) separators() {
	for p.separator() {
	}
}

func (p *parser) separator() bool {
	if p.peek() == '`' {
		p.skipMacro()
		return true
	}
	return p.accept(',')
}

// stops are the characters that end a bare word.
type stops [256]bool

func newStops(chars string) *stops {
	var s stops
	for i := range len(chars) {
		s[chars[i]] = true
	}
	return &s
}

// wordEnd is the offset where the bare word at i ends.
func (p *parser) wordEnd(i int, s *stops) int {
	for ; i < p.end; i++ {
		switch c := p.buf[i]; {
		case s[c], c == ' ':
			return i
		case c > ' ' && c < utf8.RuneSelf:
		case spaceAt(p.buf, i) > 0:
			return i
		}
	}
	return i
}

// keyword consumes word if it is next, in any case and as a word of its own.
func (p *parser) keyword(word string) bool {
	if !p.atKeyword(word) {
		return false
	}
	p.pos += len(word)
	return true
}

func (p *parser) atKeyword(word string) bool {
	p.peek()
	e := p.pos + len(word)
	if e > p.end || p.buf[p.pos]|0x20 != word[0]|0x20 || !strings.EqualFold(p.buf[p.pos:e], word) {
		return false
	}
	return e == p.end || nameStops[p.buf[e]] || spaceAt(p.buf, e) > 0
}

// str reads the quoted string at p.pos; pipe as in unescape.
func (p *parser) str(pipe bool) string {
	e := endOfString(p.buf, p.pos, p.end)
	if e < 0 {
		p.fail(p.pos, CodeUnterminatedString, "string is never closed: add the missing quote")
		return ""
	}
	s := unescape(p.buf[p.pos+1:e-1], pipe)
	p.pos = e
	return s
}

// balanced is the offset after the parenthesis that closes the one at i, or -1.
func (p *parser) balanced(i int) int {
	depth := 0
	for ; i < p.end; i++ {
		switch p.buf[i] {
		case '"':
			k := endOfString(p.buf, i, p.end)
			if k < 0 {
				return -1
			}
			i = k - 1
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// skipMacro notes an unresolved macro where no node can stand for it and skips it.
func (p *parser) skipMacro() {
	m, ok := scanMacro(p.buf, p.pos, p.end)
	if !ok {
		p.fail(p.pos, CodeUnterminatedMacro, "backtick is never closed: close the macro call or quote the text")
		return
	}
	p.problem(p.pos, m.end, CodeUnknownMacro, "macro %s has no definition: supply it", m.name)
	p.pos = m.end
}

func (p *parser) skipMacros() {
	for p.peek() == '`' {
		p.skipMacro()
	}
}

// name reads a field name, pattern or word; false when none is next.
func (p *parser) name() (Name, bool) {
	p.skipMacros()
	a := p.pos
	switch p.peek() {
	case 0:
		return Name{}, false
	case '"':
		s := p.str(false)
		return Name{p.at(a, p.pos), s, true}, p.err == nil
	case '\'':
		if e := p.singleQuoted(a); e > 0 {
			p.pos = e
			return Name{p.at(a, e), p.buf[a+1 : e-1], true}, true
		}
	}
	e := p.wordEnd(a, nameStops)
	if e == a {
		return Name{}, false
	}
	p.pos = e
	return Name{p.at(a, e), p.buf[a:e], false}, true
}

// singleQuoted is the end of the quoted name at a, -1 if the quote is an apostrophe.
func (p *parser) singleQuoted(a int) int {
	k := strings.IndexByte(p.buf[a+1:p.end], '\'')
	if k < 0 {
		return -1
	}
	e := a + 1 + k + 1
	if e == p.end || nameStops[p.buf[e]] || p.buf[e] == '!' || spaceAt(p.buf, e) > 0 {
		return e
	}
	return -1
}

// fieldName is name, and takes the parentheses that follow at once with it: sum(bytes) is the name of a field behind stats.
func (p *parser) fieldName() (Name, bool) {
	p.skipMacros()
	a := p.pos
	n, ok := p.name()
	if !ok || n.Quoted || p.pos >= p.end || p.buf[p.pos] != '(' {
		return n, ok
	}
	e := p.balanced(p.pos)
	if e < 0 {
		p.syntax("parenthesis is never closed: add the missing )")
		return Name{}, false
	}
	p.pos = p.wordEnd(e, nameStops)
	return Name{p.at(a, p.pos), p.buf[a:p.pos], false}, true
}

// mustFieldName is fieldName with an error when there is none.
func (p *parser) mustFieldName(what string) Name {
	n, ok := p.fieldName()
	if !ok && p.err == nil {
		p.syntax("%s expected", what)
	}
	return n
}

// asName reads the name after AS, which may end in parentheses: flags(inherited).
func (p *parser) asName() Name {
	a := p.posAfterSpace()
	n := p.mustName("new name")
	if p.err == nil && !n.Quoted && p.pos < p.end && p.buf[p.pos] == '(' {
		if e := p.plainParens(p.pos); e > 0 {
			p.pos = p.wordEnd(e, nameStops)
			n = Name{p.at(a, p.pos), p.buf[a:p.pos], false}
		}
	}
	return n
}

// plainParens is the end of the parenthesis at i when nothing but letters, digits and signs of names and wildcards
// stand in it, else -1.
func (p *parser) plainParens(i int) int {
	for i++; i < p.end; i++ {
		switch c := p.buf[i]; {
		case c == ')':
			return i + 1
		case isLetter(c) || isDigit(c) || c == '_' || c == '*' || c == '.' || c == '-' || c == '\\' || c == '/':
		default:
			return -1
		}
	}
	return -1
}

// mustName is name with an error when there is none.
func (p *parser) mustName(what string) Name {
	n, ok := p.name()
	if !ok {
		p.syntax("%s expected", what)
	}
	return n
}

// atOption says whether NAME= is next, and where the name ends.
func (p *parser) atOption() (int, bool) {
	p.peek()
	e := p.wordEnd(p.pos, nameStops)
	if e == p.pos {
		return e, false
	}
	i := skipSpace(p.buf, e, p.end)
	return e, i < p.end && p.buf[i] == '=' && p.buf[e-1] != '!' && (i+1 >= p.end || p.buf[i+1] != '=')
}

// option reads NAME=VALUE if it is next.
func (p *parser) option() (Option, bool) {
	e, ok := p.atOption()
	if !ok {
		return Option{}, false
	}
	a := p.pos
	o := Option{Name: strings.ToLower(p.buf[a:e])}
	p.pos = skipSpace(p.buf, e, p.end) + 1
	if cond, ok := p.splitCondition(o.Name); ok {
		o.Value, o.Quoted = cond, true
	} else {
		o.Value, o.Quoted = p.optionValue()
	}
	o.At = p.at(a, p.pos)
	return o, p.err == nil
}

// splitCondition reads a condition whose parentheses stand in quotes of their own, as streamstats may have it:
// reset_after="("status=\"closed\"")".
func (p *parser) splitCondition(option string) (string, bool) {
	const open, end = `"("`, `")"`
	p.peek()
	if option != "reset_before" && option != "reset_after" || !strings.HasPrefix(p.buf[p.pos:p.end], open) {
		return "", false
	}
	a := p.pos + len(open)
	n := 0
	for {
		i := strings.Index(p.buf[a+n:p.end], end)
		if i < 0 {
			return "", false
		}
		if n += i; n == 0 || p.buf[a+n-1] != '\\' {
			break
		}
		n++ // the quote is escaped
	}
	p.pos = a + n + len(end)
	return unescape(p.buf[a:a+n], false), true
}

func (p *parser) optionValue() (value string, quoted bool) {
	switch p.peek() {
	case 0:
		p.syntax("value expected after =")
		return "", false
	case '"':
		return p.str(false), true
	case '\'':
		if e := p.singleQuoted(p.pos); e > 0 {
			s := p.buf[p.pos+1 : e-1]
			p.pos = e
			return s, true
		}
	case '`':
		a := p.pos
		p.skipMacro()
		return p.buf[a:p.pos], false
	}
	a, i := p.pos, p.pos
	if p.buf[i] == ',' {
		i++
	}
	for i < p.end {
		i = p.wordEnd(i, valueStops)
		if i < p.end && p.buf[i] == '(' {
			if i = p.balanced(i); i < 0 {
				p.syntax("parenthesis is never closed")
				return "", false
			}
			continue
		}
		if i == a && i < p.end && p.buf[i] == '[' {
			if c := p.closing(i); c >= 0 {
				i = c + 1
				continue
			}
		}
		break
	}
	if i == a {
		p.syntax("value expected after =")
		return "", false
	}
	p.pos = i
	return p.buf[a:i], false
}

// names reads names, with or without commas, until something else comes or stop says so.
func (p *parser) names(stop func() bool) []Name {
	var list []Name
	for {
		p.separators()
		if stop != nil && stop() {
			return list
		}
		n, ok := p.fieldName()
		if !ok {
			return list
		}
		list = append(list, n)
	}
}

var (
	nameStops  = newStops(",|()[]\"`=<>")
	valueStops = newStops(",|()[]\"`")
)
