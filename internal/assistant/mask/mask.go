// Package mask replaces values that must not leave by random tokens, and puts them back. Both directions touch whole
// values only, so that what was masked is restored exactly and no word is damaged.
package mask

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Dictionary collects the values to mask. The zero value is ready to use.
type Dictionary struct {
	entries map[string]entry // by folded value
	under   []*Set
}

// Set is the values of a dictionary, prepared for search. It does not change any more, so that dictionaries share it.
type Set struct {
	entries map[string]entry
	// heads are the values by their first bytes, which the automaton finds; heads[n] has pattern n.
	heads []values
	auto  *automaton
}

// Over begins a dictionary that has the values of sets.
func Over(sets ...*Set) Dictionary { return Dictionary{under: sets} }

// Len is how many values were added that no set below has.
func (d *Dictionary) Len() int { return len(d.entries) }

func (d *Dictionary) entry(low string) (entry, bool) {
	if e, ok := d.entries[low]; ok {
		return e, true
	}
	for _, s := range d.under {
		if e, ok := s.entries[low]; ok {
			return e, true
		}
	}
	return entry{}, false
}

type entry struct {
	kind      Kind
	ambiguous bool
	moved     bool // the words of a name in another order
}

func (e entry) order() order {
	if e.moved {
		return moved
	}
	return asGiven
}

// Add adds a value with its kind, and the short name of a host or account that is written with its domain. It reports
// whether the value is ambiguous: then it cannot be told from text. Values without a letter or digit are not added.
func (d *Dictionary) Add(value string, kind Kind) (ambiguous bool) {
	value = strings.TrimSpace(value)
	if !named(value) {
		return false
	}
	ambiguous = d.add(value, kind, false)
	writings(value, kind, func(written string, moved bool) { d.add(written, kind, moved) })
	switch kind {
	case Host:
		host, _, dotted := strings.Cut(value, ".")
		if dotted && Address != kindOf(value) && named(host) {
			d.add(host, Host, false)
		}
	case User, Mail:
		if bare := BareAccount(value); bare != value && named(bare) {
			d.add(bare, User, false)
		}
		// The account of a machine has its name.
		if machine, ok := strings.CutSuffix(BareAccount(value), "$"); ok && named(machine) {
			d.add(machine, Host, false)
		}
	}
	return ambiguous
}

func (d *Dictionary) add(value string, kind Kind, moved bool) bool {
	if d.entries == nil {
		d.entries = map[string]entry{}
	}
	low := Fold(value)
	if low == "" {
		return false
	}
	e, ok := d.entry(low)
	switch {
	case !ok:
		e = entry{kind: kind, ambiguous: Ambiguous(value), moved: moved}
	case e.kind == Value && kind != Value:
		e.kind, e.moved = kind, e.moved && moved
	case e.moved && !moved:
		e.moved = false
	default:
		return e.ambiguous
	}
	d.entries[low] = e
	return e.ambiguous
}

// kindOf is Address for a value that is one.
func kindOf(value string) Kind {
	kind := Value
	shapes(value, func(s span) {
		if s.start == 0 && s.end == len(value) {
			kind = s.kind
		}
	})
	return kind
}

// Has reports whether a whole value, in any spelling, is to be masked, and its kind.
func (d *Dictionary) Has(value string) (Kind, bool) {
	e, ok := d.entry(Fold(strings.TrimSpace(value)))
	return e.kind, ok
}

// Style says how the ambiguous values of a dictionary are dealt with in a text.
type Style int

const (
	// Parts is a value made of parts, such as a path or URL: ambiguous values that are a whole part of it are masked.
	Parts Style = iota
	// Talk is what people and models say: ambiguous values are masked where the words before them give them away, as in
	// "host a" or "user it"; elsewhere the word is a word.
	Talk
	// Prose is free text of an alert: an ambiguous value in it cannot be told from a word, so Text reports it and the
	// text must be left out.
	Prose
)

// Masker masks texts with the values of a dictionary and the tokens of a table. It is not safe for concurrent use.
type Masker struct {
	table    *Table
	sets     []*Set
	found    []match
	f        folded
	sums     sums
	spans    []span
	reported bool
	inner    inner
}

// inner bounds what is done for the texts that stand encoded in a text, and remembers which of them were looked at: the
// same one stands in each reading of the text around it.
type inner struct {
	inflated int // what compressed parts of the text may yet become, in bytes
	left     int // how much of texts may yet be looked at, in bytes
	seen     map[string]bool
}

func newInner(text string) inner {
	return inner{inflated: maxInflated, left: maxInflated + 16*len(text)}
}

// first reports whether a text is looked at for the first time, and what was found before otherwise. known is false when
// too much was looked at.
func (n *inner) first(text string) (isFirst, found, known bool) {
	if found, ok := n.seen[text]; ok {
		return false, found, true
	}
	if n.left -= len(text); n.left < 0 {
		return false, false, false
	}
	n.found(text, false)
	return true, false, true
}

func (n *inner) found(text string, found bool) {
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	n.seen[text] = found
}

// values are entries that begin with the same bytes, by the sum of all their bytes. Only the beginning is in the
// automaton, so that values of any length and number fit into memory.
type values struct {
	lengths []int // the longest first
	bySum   map[uint64][]value
}

type value struct {
	entry
	text string // folded
}

// head is how much of a value the automaton holds, in bytes.
const head = 32

// match is a whole value in a text.
type match struct {
	start, end int
	entry
}

// New prepares a masker. What is added to the dictionary afterwards is not seen by it.
func (d *Dictionary) New(t *Table) *Masker {
	m := &Masker{table: t, sets: d.under}
	if len(d.entries) > 0 {
		m.sets = append(slices.Clip(m.sets), d.Set())
	}
	return m
}

// Set prepares the values that were added and that no set below has.
func (d *Dictionary) Set() *Set {
	s := &Set{entries: maps.Clone(d.entries)}
	texts := slices.Sorted(maps.Keys(d.entries))
	var patterns []string
	for _, p := range texts {
		first := p[:min(len(p), head)]
		if n := len(patterns); n == 0 || patterns[n-1] != first {
			patterns, s.heads = append(patterns, first), append(s.heads, values{bySum: map[uint64][]value{}})
		}
		vs := &s.heads[len(s.heads)-1]
		sum := sumOf(p)
		vs.bySum[sum] = append(vs.bySum[sum], value{d.entries[p], p})
		if !slices.Contains(vs.lengths, len(p)) {
			vs.lengths = append(vs.lengths, len(p))
		}
	}
	for i := range s.heads {
		slices.SortFunc(s.heads[i].lengths, func(a, b int) int { return b - a })
	}
	s.auto = build(patterns)
	return s
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

// Text masks a text. clear is false when an ambiguous value occurs in Prose: then the text must not leave at all.
func (m *Masker) Text(text string, style Style) (masked string, clear bool, err error) {
	m.reported, m.inner = false, newInner(text)
	var b strings.Builder
	changed := false
	// Known tokens stay as they are; what is between them is masked piece by piece.
	from := 0
	piece := func(end int) error {
		part, err := m.piece(text[from:end], style)
		if err != nil {
			return err
		}
		changed = changed || part != text[from:end]
		b.WriteString(part)
		return nil
	}
	if !m.table.empty() {
		for i := 0; i < len(text); {
			n := 0
			if tokenLeads[text[i]] {
				n, _ = m.table.known(text, i)
			}
			if n == 0 {
				i++
				continue
			}
			if err := piece(i); err != nil {
				return "", false, err
			}
			b.WriteString(text[i : i+n])
			i += n
			from = i
		}
	}
	if err := piece(len(text)); err != nil {
		return "", false, err
	}
	if !changed {
		return text, !m.reported, nil
	}
	return b.String(), !m.reported, nil
}

// piece masks a text without tokens.
func (m *Masker) piece(text string, style Style) (string, error) {
	if text == "" {
		return "", nil
	}
	m.spans = m.spans[:0]
	m.read(text, style, 0)
	if len(m.spans) == 0 {
		return text, nil
	}
	slices.SortFunc(m.spans, func(a, b span) int {
		return cmp.Or(a.start-b.start, b.end-a.end)
	})
	m.settle()
	var b strings.Builder
	done := 0
	for i := 0; i < len(m.spans); {
		s := m.spans[i]
		i++
		whole := s.end
		for end := -1; end != s.end; {
			end = s.end
			// Spans that overlap or touch are one, so that no part of a value is left over and no token touches another.
			for ; i < len(m.spans) && m.spans[i].start <= s.end; i++ {
				s.end = max(s.end, m.spans[i].end)
			}
			// A token ends in a digit: a letter or digit right behind it would become part of it.
			for s.end < len(text) {
				r, size := utf8.DecodeRuneInString(text[s.end:])
				if classOf(r) != spaced {
					break
				}
				s.end += size
			}
		}
		reads := s.reads
		if reads == "" || s.end != whole {
			reads = text[s.start:s.end]
		}
		token, err := m.table.spelling(text[s.start:s.end], reads, s.kind)
		if err != nil {
			return "", err
		}
		b.WriteString(text[done:s.start])
		b.WriteString(token)
		done = s.end
	}
	b.WriteString(text[done:])
	return b.String(), nil
}

// settle drops names with their words in another order where a name as it is written overlaps: "Ana Diaz, Ana Diaz" is a
// name twice. Spans are sorted.
func (m *Masker) settle() {
	until := -1 // the end of what stands as it is in a field
	for i := range m.spans {
		s := &m.spans[i]
		switch {
		case s.name == asGiven:
			until = max(until, s.end)
		case s.name == moved && s.start < until:
			s.name = dropped
		}
	}
	from := math.MaxInt
	for i := len(m.spans) - 1; i >= 0; i-- {
		s := &m.spans[i]
		switch {
		case s.name == asGiven:
			from = s.start
		case s.name == moved && s.end > from:
			s.name = dropped
		}
	}
	m.spans = slices.DeleteFunc(m.spans, func(s span) bool { return s.name == dropped })
}

// maxNested is how deep texts within encoded texts are looked at.
const maxNested = 3

// read finds what is to be masked in every reading of a text.
func (m *Masker) read(text string, style Style, depth int) {
	readings(text, func(v view) {
		from := len(m.spans)
		shapes(v.text, func(s span) { m.spans = append(m.spans, s) })
		m.find(v.text, style)
		blobs(v.text, &m.inner.inflated, func(start, end int, inner string, known bool) {
			if !known || m.holds(inner, style, depth+1) {
				m.spans = append(m.spans, span{start: start, end: end, kind: Value})
			}
		})
		if v.at == nil {
			return
		}
		for i := from; i < len(m.spans); i++ {
			s := &m.spans[i]
			if s.kind != Value {
				s.reads = v.text[s.start:s.end]
			}
			s.start, s.end = v.original(s.start, s.end)
		}
	}, func(start, end int) { m.spans = append(m.spans, span{start: start, end: end, kind: Value}) })
}

// holds reports whether anything in a text that stands encoded in another is to be masked.
func (m *Masker) holds(text string, style Style, depth int) bool {
	if depth > maxNested {
		return true
	}
	if first, found, known := m.inner.first(text); !first {
		return found || !known
	}
	from, was := len(m.spans), m.reported
	m.reported = false
	m.read(text, style, depth)
	found := len(m.spans) > from || m.reported
	m.spans, m.reported = m.spans[:from], was
	m.inner.found(text, found)
	return found
}

// find finds the whole values of the dictionary. One that cannot be told from text counts only outside of others.
func (m *Masker) find(text string, style Style) {
	if len(m.sets) == 0 {
		return
	}
	m.f.fold(text)
	m.sums.ready = false
	m.found = m.found[:0]
	for _, s := range m.sets {
		m.search(text, s)
	}
	slices.SortFunc(m.found, func(a, b match) int {
		return cmp.Or(a.start-b.start, b.end-a.end, a.rank()-b.rank())
	})
	until := 0
	for i, f := range m.found {
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

func (m *Masker) search(text string, s *Set) {
	f, a := &m.f, s.auto
	at := int32(0)
	for i := 0; i < len(f.bytes); i++ {
		if at == 0 {
			for i < len(f.bytes) && a.root[f.bytes[i]] == 0 {
				i++
			}
			if i == len(f.bytes) {
				break
			}
		}
		at = a.step(at, f.bytes[i])
		for out := a.node[at].out; out != 0; out = a.node[out].suffix {
			from := i + 1 - int(a.node[out].length)
			if start := f.offset(from); wordStart(text, start) {
				m.whole(text, from, start, &s.heads[a.node[out].pattern])
			}
		}
	}
}

// whole finds the whole values that begin at an offset of the folded text.
func (m *Masker) whole(text string, from, start int, vs *values) {
	f := &m.f
	for _, length := range vs.lengths {
		to := from + length
		if to > len(f.bytes) || to < len(f.bytes) && f.at != nil && f.at[to] == f.at[to-1] {
			continue // longer than the text, or ending within a rune that folds to several
		}
		var sum uint64
		if length > head {
			m.sums.prepare(f.bytes)
			sum = m.sums.part(from, to)
		} else {
			sum = sumOf(string(f.bytes[from:to]))
		}
		same := vs.bySum[sum]
		n := slices.IndexFunc(same, func(v value) bool { return string(f.bytes[from:to]) == v.text })
		if n < 0 {
			continue
		}
		// Marks that the folded text leaves out belong to the value.
		if end := runeEnd(text, f.offset(to-1)+1); wordEnd(text, end) {
			m.found = append(m.found, match{start, end, same[n].entry})
		}
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

var (
	hostWords = map[string]bool{"host": true, "hosts": true, "hostname": true, "machine": true, "server": true, "computer": true, "workstation": true, "device": true, "endpoint": true, "laptop": true}
	userWords = map[string]bool{"user": true, "users": true, "username": true, "account": true, "login": true, "person": true, "logon": true}
	// Prepositions give away only what is long enough not to be one of the commonest words.
	hostBefore = map[string]bool{"on": true, "at": true}
	userBefore = map[string]bool{"by": true, "for": true}
)

// givenAway reports whether the words before an ambiguous value, or quotes around it, say that it is a name.
func givenAway(text string, start, end int, kind Kind) bool {
	if start > 0 && end < len(text) && strings.IndexByte("\"'`", text[start-1]) >= 0 && text[end] == text[start-1] {
		return true
	}
	before := strings.TrimRight(text[max(0, start-40):start], " :=\"'`(")
	if len(before) == len(text[max(0, start-40):start]) {
		return false
	}
	i := len(before)
	for i > 0 && wordByte(before[i-1]) {
		i--
	}
	word := strings.ToLower(before[i:])
	long := end-start > 2
	switch kind {
	case Host:
		return hostWords[word] || long && hostBefore[word]
	case User:
		return userWords[word] || long && userBefore[word]
	}
	return false
}
