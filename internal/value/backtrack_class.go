package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func classEscape(c byte) (func(rune) bool, bool) {
	digit := func(r rune) bool { return r >= '0' && r <= '9' }
	word := func(r rune) bool { return digit(r) || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' }
	space := func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' || r == '\v'
	}
	flat := func(r rune) bool { return r == ' ' || r == '\t' || r == 0xA0 }
	not := func(f func(rune) bool) func(rune) bool { return func(r rune) bool { return !f(r) } }
	switch c {
	case 'd':
		return digit, true
	case 'D':
		return not(digit), true
	case 'w':
		return word, true
	case 'W':
		return not(word), true
	case 's':
		return space, true
	case 'S':
		return not(space), true
	case 'h':
		return flat, true
	case 'H':
		return not(flat), true
	case 'N':
		return func(r rune) bool { return r != '\n' }, true
	}
	return nil, false
}

// literalEscape reads what follows a backslash as one character.
func (p *reParser) literalEscape() (rune, error) {
	c := p.s[p.i]
	p.i++
	switch c {
	case 'n':
		return '\n', nil
	case 't':
		return '\t', nil
	case 'r':
		return '\r', nil
	case 'f':
		return '\f', nil
	case 'v':
		return '\v', nil
	case 'a':
		return '\a', nil
	case 'e':
		return 0x1b, nil
	case '0':
		return 0, nil
	case 'x':
		s := ""
		if p.i < len(p.s) && p.s[p.i] == '{' {
			end := strings.IndexByte(p.s[p.i:], '}')
			if end < 0 {
				return 0, errors.New(`\x{ is never closed`)
			}
			s = p.s[p.i+1 : p.i+end]
			p.i += end + 1
		} else {
			for len(s) < 2 && p.i < len(p.s) && strings.IndexByte("0123456789abcdefABCDEF", p.s[p.i]) >= 0 {
				s += string(p.s[p.i])
				p.i++
			}
		}
		n, err := strconv.ParseUint("0"+s, 16, 21)
		return rune(n), err
	}
	p.i--
	r, size := utf8.DecodeRuneInString(p.s[p.i:])
	p.i += size
	return r, nil
}

func (p *reParser) bracket() (*reNode, error) {
	p.i++
	negated := false
	if p.i < len(p.s) && p.s[p.i] == '^' {
		negated = true
		p.i++
	}
	var tests []func(rune) bool
	fold := p.fold
	for first := true; ; first = false {
		if p.i >= len(p.s) {
			return nil, errors.New("a bracket is never closed")
		}
		if p.s[p.i] == ']' && !first {
			p.i++
			break
		}
		if strings.HasPrefix(p.s[p.i:], "[:") {
			if end := strings.Index(p.s[p.i:], ":]"); end > 0 {
				f, ok := posixClass(p.s[p.i+2 : p.i+end])
				if !ok {
					return nil, fmt.Errorf("unknown class [:%s:]", p.s[p.i+2:p.i+end])
				}
				tests = append(tests, f)
				p.i += end + 2
				continue
			}
		}
		lo, f, err := p.classItem()
		if err != nil {
			return nil, err
		}
		if f != nil {
			tests = append(tests, f)
			continue
		}
		hi := lo
		if p.i+1 < len(p.s) && p.s[p.i] == '-' && p.s[p.i+1] != ']' {
			save := p.i
			p.i++
			h, g, err := p.classItem()
			if err != nil {
				return nil, err
			}
			if g != nil {
				p.i = save
			} else if hi = h; hi < lo {
				return nil, errors.New("a range in brackets runs backwards")
			}
		}
		tests = append(tests, func(r rune) bool {
			if r >= lo && r <= hi {
				return true
			}
			if fold {
				for q := unicode.SimpleFold(r); q != r; q = unicode.SimpleFold(q) {
					if q >= lo && q <= hi {
						return true
					}
				}
			}
			return false
		})
	}
	return p.node(reNode{kind: reClass, class: func(r rune) bool {
		for _, t := range tests {
			if t(r) {
				return !negated
			}
		}
		return negated
	}})
}

func (p *reParser) classItem() (rune, func(rune) bool, error) {
	if p.s[p.i] == '\\' && p.i+1 < len(p.s) {
		if f, ok := classEscape(p.s[p.i+1]); ok {
			p.i += 2
			return 0, f, nil
		}
		p.i++
		if p.s[p.i] == 'b' {
			p.i++
			return '\b', nil, nil
		}
		r, err := p.literalEscape()
		return r, nil, err
	}
	r, size := utf8.DecodeRuneInString(p.s[p.i:])
	p.i += size
	return r, nil, nil
}

func posixClass(name string) (func(rune) bool, bool) {
	ascii := func(f func(rune) bool) func(rune) bool {
		return func(r rune) bool { return r < utf8.RuneSelf && f(r) }
	}
	switch name {
	case "alpha":
		return ascii(unicode.IsLetter), true
	case "digit":
		return ascii(unicode.IsDigit), true
	case "alnum":
		return ascii(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }), true
	case "upper":
		return ascii(unicode.IsUpper), true
	case "lower":
		return ascii(unicode.IsLower), true
	case "space":
		return ascii(unicode.IsSpace), true
	case "punct":
		return ascii(func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }), true
	case "xdigit":
		return func(r rune) bool { return strings.ContainsRune("0123456789abcdefABCDEF", r) }, true
	case "print":
		return ascii(unicode.IsPrint), true
	case "graph":
		return ascii(unicode.IsGraphic), true
	case "cntrl":
		return ascii(unicode.IsControl), true
	case "word":
		f, _ := classEscape('w')
		return f, true
	case "blank":
		return func(r rune) bool { return r == ' ' || r == '\t' }, true
	}
	return nil, false
}
