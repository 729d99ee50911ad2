package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// backtracker matches the regular expressions that package regexp cannot: lookaround, back references, possessive and
// atomic groups. It tries alternatives one after the other as PCRE does. Every step counts against the budget of the
// Env, because an expression can need very many.
type backtracker struct {
	root   *reNode
	groups int
	names  []string
}

type reKind uint8

const (
	reEmpty reKind = iota
	reChar
	reClass
	reAny
	reSeq
	reAlt
	reRepeat
	reGroup
	reBack
	reLook
	reAtomic
	reBegin    // ^
	reEnd      // $
	reTextEnd  // \z
	reTextBeg  // \A
	reLineEnd  // \Z
	reBoundary // \b
	reNotBound // \B
	reKeep     // \K
)

type reNode struct {
	kind       reKind
	r          rune
	fold       bool
	multi      bool // ^ and $ at line breaks
	dotAll     bool
	class      func(rune) bool
	negated    bool
	subs       []*reNode
	min, max   int // of repeat; max -1 for no limit
	lazy       bool
	possessive bool
	group      int
	name       string // of a back reference by name
	behind     bool
}

const (
	reMaxDepth  = 200
	reMaxNodes  = 20_000
	reMaxSteps  = 2_000_000
	reMaxFrames = 20_000
)

var errPatternSteps = errors.New("a regular expression needs more than 2,000,000 steps on one text: make it simpler, or the text shorter")

type reParser struct {
	s                     string
	i, depth, nodes       int
	groups                int
	names                 []string
	fold, multi, dot, ext bool
}

func compileBacktracker(expr string) (*backtracker, error) {
	p := &reParser{s: expr}
	root, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.i < len(p.s) {
		return nil, fmt.Errorf("unexpected ) at character %d", p.i+1)
	}
	b := &backtracker{root: root, groups: p.groups, names: p.names}
	return b, b.check(root, 0)
}

// check resolves names of back references.
func (b *backtracker) check(n *reNode, depth int) error {
	if n.kind == reBack {
		for i, name := range b.names {
			if n.name != "" && name == n.name {
				n.group = i + 1
			}
		}
		if n.group < 1 || n.group > b.groups {
			return errors.New("a back reference names a group that is not there")
		}
	}
	for _, s := range n.subs {
		if err := b.check(s, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (p *reParser) node(n reNode) (*reNode, error) {
	if p.nodes++; p.nodes > reMaxNodes {
		return nil, errors.New("too large")
	}
	return &n, nil
}

func (p *reParser) alternatives() (*reNode, error) {
	if p.depth++; p.depth > reMaxDepth {
		return nil, errors.New("nested more than 200 deep")
	}
	defer func() { p.depth-- }()
	fold, multi, dot, ext := p.fold, p.multi, p.dot, p.ext
	defer func() { p.fold, p.multi, p.dot, p.ext = fold, multi, dot, ext }()
	var alts []*reNode
	for {
		seq, err := p.sequence()
		if err != nil {
			return nil, err
		}
		alts = append(alts, seq)
		if p.i >= len(p.s) || p.s[p.i] != '|' {
			break
		}
		p.i++
	}
	if len(alts) == 1 {
		return alts[0], nil
	}
	return p.node(reNode{kind: reAlt, subs: alts})
}

func (p *reParser) sequence() (*reNode, error) {
	var list []*reNode
	for p.i < len(p.s) && p.s[p.i] != '|' && p.s[p.i] != ')' {
		if p.ext && (p.s[p.i] == ' ' || p.s[p.i] == '\t' || p.s[p.i] == '\n' || p.s[p.i] == '\r') {
			p.i++
			continue
		}
		if p.ext && p.s[p.i] == '#' {
			for p.i < len(p.s) && p.s[p.i] != '\n' {
				p.i++
			}
			continue
		}
		n, err := p.atom()
		if err != nil {
			return nil, err
		}
		if n == nil {
			continue
		}
		if n, err = p.quantified(n); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return p.node(reNode{kind: reSeq, subs: list})
}

func (p *reParser) quantified(n *reNode) (*reNode, error) {
	for p.i < len(p.s) {
		low, high := 0, -1
		switch c := p.s[p.i]; {
		case c == '*':
			p.i++
		case c == '+':
			low = 1
			p.i++
		case c == '?':
			high = 1
			p.i++
		case c == '{':
			end := strings.IndexByte(p.s[p.i:], '}')
			if end < 0 {
				return n, nil
			}
			a, b, ranged := strings.Cut(p.s[p.i+1:p.i+end], ",")
			m, err := strconv.Atoi(a)
			if err != nil || m < 0 {
				return n, nil // a brace like any other character
			}
			low, high = m, m
			if ranged {
				high = -1
				if b != "" {
					if high, err = strconv.Atoi(b); err != nil || high < low {
						return nil, fmt.Errorf("bad repetition {%s}", p.s[p.i+1:p.i+end])
					}
				}
			}
			if low > 1000 || high > 1000 {
				return nil, errors.New("repetition of more than 1,000")
			}
			p.i += end + 1
		default:
			return n, nil
		}
		r := reNode{kind: reRepeat, subs: []*reNode{n}, min: low, max: high}
		if p.i < len(p.s) && p.s[p.i] == '?' {
			r.lazy = true
			p.i++
		} else if p.i < len(p.s) && p.s[p.i] == '+' {
			r.possessive = true
			p.i++
		}
		var err error
		if n, err = p.node(r); err != nil {
			return nil, err
		}
		if r.possessive {
			if n, err = p.node(reNode{kind: reAtomic, subs: []*reNode{n}}); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

func (p *reParser) atom() (*reNode, error) {
	c := p.s[p.i]
	switch c {
	case '(':
		return p.parens()
	case '[':
		return p.bracket()
	case '.':
		p.i++
		return p.node(reNode{kind: reAny, dotAll: p.dot})
	case '^':
		p.i++
		return p.node(reNode{kind: reBegin, multi: p.multi})
	case '$':
		p.i++
		return p.node(reNode{kind: reEnd, multi: p.multi})
	case '\\':
		return p.escape()
	case '*', '+', '?':
		return nil, fmt.Errorf("nothing to repeat at character %d", p.i+1)
	}
	r, size := utf8.DecodeRuneInString(p.s[p.i:])
	p.i += size
	return p.node(reNode{kind: reChar, r: r, fold: p.fold})
}

// parens reads a group of any kind; nil for a group that only sets flags.
func (p *reParser) parens() (*reNode, error) {
	p.i++
	n := reNode{kind: reGroup}
	fold, multi, dot, ext := p.fold, p.multi, p.dot, p.ext
	if strings.HasPrefix(p.s[p.i:], "?") {
		rest := p.s[p.i:]
		switch {
		case strings.HasPrefix(rest, "?:"):
			n.kind, p.i = reSeq, p.i+2
		case strings.HasPrefix(rest, "?>"):
			n.kind, p.i = reAtomic, p.i+2
		case strings.HasPrefix(rest, "?="), strings.HasPrefix(rest, "?!"):
			n.kind, n.negated, p.i = reLook, rest[1] == '!', p.i+2
		case strings.HasPrefix(rest, "?<="), strings.HasPrefix(rest, "?<!"):
			n.kind, n.behind, n.negated, p.i = reLook, true, rest[2] == '!', p.i+3
		case strings.HasPrefix(rest, "?#"):
			end := strings.IndexByte(rest, ')')
			if end < 0 {
				return nil, errors.New("a comment is never closed")
			}
			p.i += end + 1
			return nil, nil
		case strings.HasPrefix(rest, "?P="):
			end := strings.IndexByte(rest, ')')
			if end < 0 {
				return nil, errors.New("a group is never closed")
			}
			p.i += end + 1
			return p.node(reNode{kind: reBack, name: rest[3:end], fold: p.fold})
		case strings.HasPrefix(rest, "?P<"), strings.HasPrefix(rest, "?<"), strings.HasPrefix(rest, "?'"):
			open := strings.IndexAny(rest, "<'")
			shut := strings.IndexAny(rest[open+1:], ">'")
			if shut <= 0 {
				return nil, errors.New("the name of a group is never closed")
			}
			name := rest[open+1 : open+1+shut]
			p.i += open + 1 + shut + 1
			p.groups++
			n.group = p.groups
			p.names = append(p.names, name)
		default:
			flags := rest[1:]
			on := true
			k := 0
			for ; k < len(flags) && flags[k] != ')' && flags[k] != ':'; k++ {
				switch flags[k] {
				case '-':
					on = false
				case 'i':
					p.fold = on
				case 'm':
					p.multi = on
				case 's':
					p.dot = on
				case 'x':
					p.ext = on
				default:
					return nil, fmt.Errorf("unknown group (?%s", shorten(flags, 8))
				}
			}
			if k >= len(flags) {
				return nil, errors.New("a group is never closed")
			}
			p.i += 1 + k + 1
			if flags[k] == ')' {
				return nil, nil // holds to the end of the group around it
			}
			n.kind = reSeq
		}
	} else {
		p.groups++
		n.group = p.groups
		p.names = append(p.names, "")
	}
	sub, err := p.alternatives()
	p.fold, p.multi, p.dot, p.ext = fold, multi, dot, ext
	if err != nil {
		return nil, err
	}
	if p.i >= len(p.s) || p.s[p.i] != ')' {
		return nil, errors.New("a parenthesis is never closed")
	}
	p.i++
	n.subs = []*reNode{sub}
	return p.node(n)
}

func (p *reParser) escape() (*reNode, error) {
	p.i++
	if p.i >= len(p.s) {
		return nil, errors.New(`ends in a backslash`)
	}
	c := p.s[p.i]
	p.i++
	switch c {
	case 'b':
		return p.node(reNode{kind: reBoundary})
	case 'B':
		return p.node(reNode{kind: reNotBound})
	case 'A':
		return p.node(reNode{kind: reTextBeg})
	case 'z':
		return p.node(reNode{kind: reTextEnd})
	case 'Z':
		return p.node(reNode{kind: reLineEnd})
	case 'G':
		return p.node(reNode{kind: reEmpty})
	case 'K':
		return p.node(reNode{kind: reKeep})
	case 'Q':
		end := strings.Index(p.s[p.i:], `\E`)
		text, skip := p.s[p.i:], len(p.s)-p.i
		if end >= 0 {
			text, skip = p.s[p.i:p.i+end], end+2
		}
		p.i += skip
		n := reNode{kind: reSeq}
		for _, r := range text {
			n.subs = append(n.subs, &reNode{kind: reChar, r: r, fold: p.fold})
		}
		return p.node(n)
	case 'R':
		return p.node(reNode{kind: reClass, class: func(r rune) bool { return r == '\n' || r == '\r' || r == '\v' || r == '\f' }})
	case 'k':
		if p.i < len(p.s) && strings.IndexByte("<{'", p.s[p.i]) >= 0 {
			end := strings.IndexAny(p.s[p.i+1:], ">}'")
			if end > 0 {
				name := p.s[p.i+1 : p.i+1+end]
				p.i += end + 2
				return p.node(reNode{kind: reBack, name: name, fold: p.fold})
			}
		}
		return nil, errors.New(`bad back reference \k`)
	}
	if c >= '1' && c <= '9' {
		n := int(c - '0')
		for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' && n < 100 {
			n = n*10 + int(p.s[p.i]-'0')
			p.i++
		}
		return p.node(reNode{kind: reBack, group: n, fold: p.fold})
	}
	if f, ok := classEscape(c); ok {
		return p.node(reNode{kind: reClass, class: f})
	}
	p.i--
	r, err := p.literalEscape()
	if err != nil {
		return nil, err
	}
	return p.node(reNode{kind: reChar, r: r, fold: p.fold})
}
