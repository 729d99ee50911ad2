package value

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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
