package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
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

// matcher is one attempt to match.
type matcher struct {
	e     *Env
	s     string
	caps  []int
	steps int
	depth int
	dead  bool
	start int
}

func (b *backtracker) find(e *Env, s string, from int) []int {
	m := &matcher{e: e, s: s}
	for at := from; at <= len(s); at++ {
		if at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
			continue
		}
		m.caps = make([]int, 2*(b.groups+1))
		for i := range m.caps {
			m.caps[i] = -1
		}
		m.start = at
		end := -1
		if m.match(b.root, at, func(i int) bool { end = i; return true }) {
			m.caps[0], m.caps[1] = min(m.start, end), end
			return m.caps
		}
		if m.dead {
			return nil
		}
	}
	return nil
}

// match tries n at i and calls then with every place where it can end, until then answers true.
func (m *matcher) match(n *reNode, i int, then func(int) bool) bool {
	m.steps++
	if m.dead || m.steps > reMaxSteps || m.depth > reMaxFrames || m.steps%1024 == 0 && !m.e.spend(1024) {
		if !m.dead {
			m.dead = true
			m.e.fail(errPatternSteps)
		}
		return false
	}
	m.depth++
	defer func() { m.depth-- }()
	switch n.kind {
	case reEmpty:
		return then(i)
	case reChar, reClass, reAny:
		r, size := utf8.DecodeRuneInString(m.s[i:])
		return size > 0 && n.accepts(r) && then(i+size)
	case reSeq:
		return m.sequence(n.subs, i, then)
	case reAlt:
		for _, s := range n.subs {
			if m.match(s, i, then) {
				return true
			}
		}
		return false
	case reGroup:
		a, b := m.caps[2*n.group], m.caps[2*n.group+1]
		if m.match(n.subs[0], i, func(j int) bool {
			p, q := m.caps[2*n.group], m.caps[2*n.group+1]
			m.caps[2*n.group], m.caps[2*n.group+1] = i, j
			if then(j) {
				return true
			}
			m.caps[2*n.group], m.caps[2*n.group+1] = p, q
			return false
		}) {
			return true
		}
		m.caps[2*n.group], m.caps[2*n.group+1] = a, b
		return false
	case reBack:
		a, b := m.caps[2*n.group], m.caps[2*n.group+1]
		if a < 0 {
			return false
		}
		w := m.s[a:b]
		if len(m.s)-i < len(w) || m.s[i:i+len(w)] != w && !(n.fold && strings.EqualFold(m.s[i:i+len(w)], w)) {
			return false
		}
		return then(i + len(w))
	case reAtomic:
		end := -1
		if !m.match(n.subs[0], i, func(j int) bool { end = j; return true }) {
			return false
		}
		return then(end)
	case reLook:
		if m.look(n, i) == n.negated {
			return false
		}
		return then(i)
	case reRepeat:
		if s := n.subs[0]; s.kind == reChar || s.kind == reClass || s.kind == reAny {
			return m.repeatSimple(n, i, then)
		}
		return m.repeat(n, i, 0, then)
	case reKeep:
		save := m.start
		m.start = i
		if then(i) {
			return true
		}
		m.start = save
		return false
	}
	return m.at(n, i) && then(i)
}

func (n *reNode) accepts(r rune) bool {
	switch n.kind {
	case reAny:
		return n.dotAll || r != '\n'
	case reClass:
		return n.class(r)
	}
	if r == n.r {
		return true
	}
	if n.fold {
		for q := unicode.SimpleFold(r); q != r; q = unicode.SimpleFold(q) {
			if q == n.r {
				return true
			}
		}
	}
	return false
}

func (m *matcher) sequence(list []*reNode, i int, then func(int) bool) bool {
	if len(list) == 0 {
		return then(i)
	}
	if len(list) == 1 {
		return m.match(list[0], i, then)
	}
	return m.match(list[0], i, func(j int) bool { return m.sequence(list[1:], j, then) })
}

// repeatSimple repeats one character: greedy or lazy without a frame for each.
func (m *matcher) repeatSimple(n *reNode, i int, then func(int) bool) bool {
	ends := []int{i}
	for n.max < 0 || len(ends)-1 < n.max {
		if n.lazy && len(ends)-1 >= n.min {
			break
		}
		r, size := utf8.DecodeRuneInString(m.s[ends[len(ends)-1]:])
		if size == 0 || !n.subs[0].accepts(r) {
			break
		}
		m.steps++
		ends = append(ends, ends[len(ends)-1]+size)
	}
	if len(ends)-1 < n.min {
		return false
	}
	if !n.lazy {
		for k := len(ends) - 1; k >= n.min; k-- {
			if m.dead {
				return false
			}
			if then(ends[k]) {
				return true
			}
		}
		return false
	}
	at, count := ends[len(ends)-1], len(ends)-1
	for {
		if m.dead {
			return false
		}
		if then(at) {
			return true
		}
		if n.max >= 0 && count >= n.max {
			return false
		}
		r, size := utf8.DecodeRuneInString(m.s[at:])
		if size == 0 || !n.subs[0].accepts(r) {
			return false
		}
		m.steps++
		at, count = at+size, count+1
	}
}

func (m *matcher) repeat(n *reNode, i, count int, then func(int) bool) bool {
	more := func() bool {
		if n.max >= 0 && count >= n.max {
			return false
		}
		return m.match(n.subs[0], i, func(j int) bool {
			if j == i && count >= n.min {
				return false // nothing was consumed: no end otherwise
			}
			return m.repeat(n, j, count+1, then)
		})
	}
	if count < n.min {
		return more()
	}
	if n.lazy {
		return then(i) || more()
	}
	return more() || then(i)
}

// look says whether the group of a lookaround matches at i.
func (m *matcher) look(n *reNode, i int) bool {
	if !n.behind {
		return m.match(n.subs[0], i, func(int) bool { return true })
	}
	for a := i; a >= 0 && i-a <= 256; a-- {
		if a < len(m.s) && !utf8.RuneStart(m.s[a]) {
			continue
		}
		if m.match(n.subs[0], a, func(j int) bool { return j == i }) {
			return true
		}
		if m.dead {
			return false
		}
	}
	return false
}

// at checks the anchors.
func (m *matcher) at(n *reNode, i int) bool {
	switch n.kind {
	case reBegin:
		return i == 0 || n.multi && m.s[i-1] == '\n'
	case reTextBeg:
		return i == 0
	case reEnd:
		return i == len(m.s) || n.multi && m.s[i] == '\n' || i == len(m.s)-1 && m.s[i] == '\n'
	case reLineEnd:
		return i == len(m.s) || i == len(m.s)-1 && m.s[i] == '\n'
	case reTextEnd:
		return i == len(m.s)
	}
	word, _ := classEscape('w')
	before := i > 0 && word(rune(m.s[i-1]))
	after := i < len(m.s) && word(rune(m.s[i]))
	return (before != after) == (n.kind == reBoundary)
}
