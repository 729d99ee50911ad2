package mask

import (
	"cmp"
	"slices"
)

// match is a whole value in a text.
type match struct {
	start, end int
	entry
}

// find finds the whole values of the dictionary. One that cannot be told from text counts only outside of others.
func (m *Masker) find(text string, style Style) {
	if len(m.sets) == 0 {
		return
	}
	m.f.fold(text)
	m.sums.ready = false
	m.found = m.found[:0]
	m.search(text)
	until := 0
	for i := range m.found {
		f := &m.found[i]
		if i > 0 && f.start == m.found[i-1].start && f.end == m.found[i-1].end {
			continue
		}
		if !f.ambiguous {
			until = max(until, f.end)
		} else if f.end <= until {
			continue
		}
		m.take(text, f.start, f.end, f.entry, style)
	}
}

// rank orders what two sets say of one value: the lower one says more.
func (e entry) rank() int {
	rank := 0
	if e.kind == Value {
		rank += 2
	}
	if e.moved {
		rank++
	}
	return rank
}

func compareMatches(a, b match) int {
	return cmp.Or(a.start-b.start, b.end-a.end, a.rank()-b.rank())
}

// search finds the values of every set, sorted by where they begin; the longest first.
func (m *Masker) search(text string) {
	f := &m.f
	for i := 0; i < len(f.bytes); i++ {
		c := f.bytes[i]
		if !m.begins[c] {
			continue
		}
		start := i
		if f.at != nil {
			start = int(f.at[i])
			if !wordStart(text, start) {
				continue
			}
		} else if i > 0 && asciiWord[c] && asciiWord[f.bytes[i-1]] {
			continue
		}
		before := len(m.found)
		for _, s := range m.sets {
			m.searchAt(text, s, i, start)
		}
		if len(m.found) > before+1 {
			slices.SortFunc(m.found[before:], compareMatches)
		}
	}
	// A rune that folds to several bytes is several places of the folded text, and one of the text.
	if f.at != nil && !slices.IsSortedFunc(m.found, compareMatches) {
		slices.SortFunc(m.found, compareMatches)
	}
}

// searchAt finds the values of a set that begin at an offset of the folded text.
func (m *Masker) searchAt(text string, s *Set, from, start int) {
	b := m.f.bytes
	n := s.trie.root[b[from]]
	for i := from + 1; n != 0; i++ {
		if p := s.trie.node[n].pattern; p >= 0 {
			m.whole(text, from, i, start, &s.heads[p])
		}
		if i == len(b) {
			return
		}
		n = s.trie.step(n, b[i])
	}
}

// whole finds the whole values that begin with the bytes between two offsets of the folded text.
func (m *Masker) whole(text string, from, to, start int, vs *values) {
	if vs.itself {
		m.match(text, start, to, vs.entry)
	}
	for _, length := range vs.lengths {
		if e, ok := m.longer(from, length, vs); ok {
			m.match(text, start, from+length, e)
		}
	}
}

// within reports whether a value stands anywhere in what can be read in bytes that are no text. In there nothing need be
// between two values, and those that can be told from text are too long to come about by chance.
func (m *Masker) within(scraps string) bool {
	m.f.fold(scraps)
	m.sums.ready = false
	b := m.f.bytes
	for from, c := range b {
		if !m.begins[c] {
			continue
		}
		for _, s := range m.sets {
			n := s.trie.root[c]
			for i := from + 1; n != 0; i++ {
				if p := s.trie.node[n].pattern; p >= 0 && m.begin(from, i, &s.heads[p]) {
					return true
				}
				if i == len(b) {
					break
				}
				n = s.trie.step(n, b[i])
			}
		}
	}
	return false
}

// begin reports whether a value that can be told from text begins with the bytes between two offsets of the folded text.
func (m *Masker) begin(from, to int, vs *values) bool {
	if vs.itself && !vs.ambiguous && to-from >= leastScrap {
		return true
	}
	for _, length := range vs.lengths {
		if e, ok := m.longer(from, length, vs); ok && !e.ambiguous {
			return true
		}
	}
	return false
}

// longer is the value of a length that is longer than its head.
func (m *Masker) longer(from, length int, vs *values) (entry, bool) {
	to := from + length
	if to > len(m.f.bytes) {
		return entry{}, false
	}
	m.sums.prepare(m.f.bytes)
	for _, v := range vs.bySum[m.sums.part(from, to)] {
		if string(m.f.bytes[from:to]) == v.text {
			return v.entry, true
		}
	}
	return entry{}, false
}

// match notes a value that ends at an offset of the folded text, if it is a whole one.
func (m *Masker) match(text string, start, to int, e entry) {
	f := &m.f
	if f.at == nil {
		if to < len(text) && asciiWord[text[to]] && asciiWord[text[to-1]] {
			return
		}
		m.found = append(m.found, match{start, to, e})
		return
	}
	if to < len(f.bytes) && f.at[to] == f.at[to-1] {
		return // within a rune that folds to several
	}
	// Marks that the folded text leaves out belong to the value.
	if end := runeEnd(text, f.offset(to-1)+1); wordEnd(text, end) {
		m.found = append(m.found, match{start, end, e})
	}
}

// take masks one whole value, or reports it; a word that nothing gives away stays.
func (m *Masker) take(text string, start, end int, e entry, style Style) {
	if e.ambiguous {
		switch style {
		case Prose:
			m.reported = true
		case Talk:
			if !givenAway(text, start, end, e.kind) {
				return
			}
		}
	}
	switch e.kind {
	case Host:
		if !e.ambiguous || style != Talk {
			end = domainEnd(text, end)
		}
	case Domain:
		start = domainStart(text, start)
	}
	m.spans = append(m.spans, span{start: start, end: end, kind: e.kind, name: e.order()})
}

// sums are the sums of all beginnings of a text, from which that of any part follows (Rabin and Karp, 1987).
type sums struct {
	of    []uint64
	power []uint64
	ready bool
}

const base = 0x9e3779b97f4a7c15

func sumOf(text string) uint64 {
	sum := uint64(0)
	for i := range len(text) {
		sum = sum*base + uint64(text[i]) + 1
	}
	return sum
}

func (s *sums) prepare(text []byte) {
	if s.ready {
		return
	}
	s.ready = true
	s.of = append(s.of[:0], 0)
	for i, b := range text {
		s.of = append(s.of, s.of[i]*base+uint64(b)+1)
	}
	if len(s.power) == 0 {
		s.power = append(s.power, 1)
	}
	for len(s.power) < len(s.of) {
		s.power = append(s.power, s.power[len(s.power)-1]*base)
	}
}

func (s *sums) part(from, to int) uint64 { return s.of[to] - s.of[from]*s.power[to-from] }
