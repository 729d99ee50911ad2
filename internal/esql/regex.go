package esql

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// regexOp is the kind of a node of a Lucene regular expression.
type regexOp int

const (
	opEmpty regexOp = iota // the empty string
	opChars                // one character of set
	opAny                  // one character
	opConcat
	opUnion
	opRepeat
	opOther // complement, intersection, intervals: only their syntax is known
)

// regexNode is a regular expression as Lucene reads it.
type regexNode struct {
	op  regexOp
	set []runeRange // of opChars
	sub []*regexNode
	// min and max of opRepeat; max -1 is no limit
	min, max int
}

type runeRange struct{ lo, hi rune }

// fixed reports whether the expression matches one string only; Elasticsearch makes an equality of it.
func (n *regexNode) fixed() bool {
	switch n.op {
	case opEmpty:
		return true
	case opChars:
		return len(n.set) == 1 && n.set[0].lo == n.set[0].hi
	case opConcat:
		return !slices.ContainsFunc(n.sub, func(s *regexNode) bool { return !s.fixed() })
	}
	return false
}

func charNode(r rune) *regexNode { return &regexNode{op: opChars, set: []runeRange{{r, r}}} }

// wildcardNode reads a LIKE pattern.
func wildcardNode(pattern string) (*regexNode, error) {
	n := &regexNode{op: opConcat}
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		switch runes[i] {
		case '\\':
			i++
			if i == len(runes) {
				return nil, errors.New("it ends with an escape character")
			}
			if !strings.ContainsRune(`*?\`, runes[i]) {
				return nil, fmt.Errorf(`only * ? and \ can be escaped, not %c`, runes[i])
			}
			n.sub = append(n.sub, charNode(runes[i]))
		case '*':
			n.sub = append(n.sub, &regexNode{op: opRepeat, max: -1, sub: []*regexNode{{op: opAny}}})
		case '?':
			n.sub = append(n.sub, &regexNode{op: opAny})
		default:
			n.sub = append(n.sub, charNode(runes[i]))
		}
	}
	return n, nil
}

// regexParser reads the syntax of Lucene with all optional operators on.
type regexParser struct {
	src   []rune
	pos   int
	depth int
}

func parseRegex(pattern string) (*regexNode, error) {
	if pattern == "" {
		return &regexNode{op: opEmpty}, nil
	}
	p := &regexParser{src: []rune(pattern)}
	n, err := p.union()
	if err != nil {
		return nil, err
	}
	if p.pos < len(p.src) {
		return nil, fmt.Errorf("unexpected %c at character %d", p.src[p.pos], p.pos+1)
	}
	return n, nil
}

func (p *regexParser) more() bool { return p.pos < len(p.src) }

func (p *regexParser) peek(set string) bool {
	return p.more() && strings.ContainsRune(set, p.src[p.pos])
}

func (p *regexParser) accept(r rune) bool {
	if p.more() && p.src[p.pos] == r {
		p.pos++
		return true
	}
	return false
}

func (p *regexParser) union() (*regexNode, error) {
	p.depth++
	if p.depth > maxDepth {
		return nil, errors.New("it is nested too deeply")
	}
	defer func() { p.depth-- }()
	var list []*regexNode
	for {
		n, err := p.intersection()
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if !p.accept('|') {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return &regexNode{op: opUnion, sub: list}, nil
}

func (p *regexParser) intersection() (*regexNode, error) {
	n, err := p.concat()
	if err != nil {
		return nil, err
	}
	for p.accept('&') {
		if _, err := p.concat(); err != nil {
			return nil, err
		}
		n = &regexNode{op: opOther}
	}
	return n, nil
}

func (p *regexParser) concat() (*regexNode, error) {
	n := &regexNode{op: opConcat}
	for {
		sub, err := p.repeat()
		if err != nil {
			return nil, err
		}
		n.sub = append(n.sub, sub)
		if !p.more() || p.peek(")|&") {
			return n, nil
		}
	}
}

func (p *regexParser) repeat() (*regexNode, error) {
	n, err := p.complement()
	for err == nil && p.peek("?*+{") {
		p.pos++
		r := &regexNode{op: opRepeat, sub: []*regexNode{n}, max: -1}
		switch p.src[p.pos-1] {
		case '?':
			r.max = 1
		case '+':
			r.min = 1
		case '{':
			if r.min, err = p.integer(); err != nil {
				return nil, err
			}
			r.max = r.min
			if p.accept(',') {
				r.max = -1
				if p.peek("0123456789") {
					if r.max, err = p.integer(); err != nil {
						return nil, err
					}
				}
			}
			if !p.accept('}') {
				return nil, fmt.Errorf("expected } at character %d", p.pos+1)
			}
			if r.max >= 0 && r.max < r.min {
				return nil, fmt.Errorf("the range {%d,%d} is upside down", r.min, r.max)
			}
		}
		n = r
	}
	return n, err
}

func (p *regexParser) integer() (int, error) {
	start := p.pos
	for p.peek("0123456789") {
		p.pos++
	}
	n, err := strconv.Atoi(string(p.src[start:p.pos]))
	if err != nil {
		return 0, fmt.Errorf("expected a number at character %d", start+1)
	}
	return n, nil
}

func (p *regexParser) complement() (*regexNode, error) {
	not := false
	for p.accept('~') {
		not = true
	}
	n, err := p.class()
	if err == nil && not {
		n = &regexNode{op: opOther}
	}
	return n, err
}

func (p *regexParser) class() (*regexNode, error) {
	if !p.accept('[') {
		return p.simple()
	}
	negated := p.accept('^')
	var set []runeRange
	for first := true; first || p.more() && !p.peek("]"); first = false {
		if p.peek("\\") && p.pos+1 < len(p.src) && strings.ContainsRune("dDsSwW", p.src[p.pos+1]) {
			p.pos += 2
			set = append(set, predefined(p.src[p.pos-1])...)
			continue
		}
		lo, err := p.char()
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.accept('-') {
			if hi, err = p.char(); err != nil {
				return nil, err
			}
		}
		if hi < lo {
			return nil, fmt.Errorf("the range %c-%c is upside down", lo, hi)
		}
		set = append(set, runeRange{lo, hi})
	}
	if !p.accept(']') {
		return nil, fmt.Errorf("expected ] at character %d", p.pos+1)
	}
	if negated {
		set = negate(set)
	}
	return &regexNode{op: opChars, set: set}, nil
}

func predefined(r rune) []runeRange {
	digit := []runeRange{{'0', '9'}}
	space := []runeRange{{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}}
	word := []runeRange{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	switch r {
	case 'd':
		return digit
	case 'D':
		return negate(digit)
	case 's':
		return space
	case 'S':
		return negate(space)
	case 'w':
		return word
	}
	return negate(word)
}

const lastRune = 0x10FFFF

func negate(set []runeRange) []runeRange {
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b runeRange) int { return int(a.lo) - int(b.lo) })
	var out []runeRange
	next := rune(0)
	for _, r := range set {
		if r.lo > next {
			out = append(out, runeRange{next, r.lo - 1})
		}
		next = max(next, r.hi+1)
	}
	if next <= lastRune {
		out = append(out, runeRange{next, lastRune})
	}
	return out
}

func (p *regexParser) char() (rune, error) {
	escaped := p.accept('\\')
	if !p.more() {
		return 0, errors.New("it ends too early")
	}
	if r := p.src[p.pos]; escaped && r < 128 && isLetter(byte(r)) {
		return 0, fmt.Errorf(`no \%c in Lucene`, r)
	}
	p.pos++
	return p.src[p.pos-1], nil
}

func (p *regexParser) simple() (*regexNode, error) {
	switch {
	case p.accept('.'):
		return &regexNode{op: opAny}, nil
	case p.accept('#'):
		return &regexNode{op: opOther}, nil
	case p.accept('@'):
		return &regexNode{op: opRepeat, max: -1, sub: []*regexNode{{op: opAny}}}, nil
	case p.accept('"'):
		n := &regexNode{op: opConcat}
		for p.more() && !p.peek(`"`) {
			n.sub = append(n.sub, charNode(p.src[p.pos]))
			p.pos++
		}
		if !p.accept('"') {
			return nil, fmt.Errorf(`expected " at character %d`, p.pos+1)
		}
		return n, nil
	case p.accept('('):
		if p.accept(')') {
			return &regexNode{op: opEmpty}, nil
		}
		n, err := p.union()
		if err == nil && !p.accept(')') {
			err = fmt.Errorf("expected ) at character %d", p.pos+1)
		}
		return n, err
	case p.accept('<'):
		start := p.pos
		for p.more() && !p.peek(">") {
			p.pos++
		}
		if !p.more() {
			return nil, fmt.Errorf("expected > at character %d", p.pos+1)
		}
		text := string(p.src[start:p.pos])
		p.pos++
		lo, hi, ok := strings.Cut(text, "-")
		_, err1 := strconv.Atoi(lo)
		_, err2 := strconv.Atoi(hi)
		if !ok || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("<%s> is not an interval such as <1-100>", text)
		}
		return &regexNode{op: opOther}, nil
	case p.peek("\\") && p.pos+1 < len(p.src) && strings.ContainsRune("dDsSwW", p.src[p.pos+1]):
		p.pos += 2
		return &regexNode{op: opChars, set: predefined(p.src[p.pos-1])}, nil
	}
	r, err := p.char()
	return charNode(r), err
}
