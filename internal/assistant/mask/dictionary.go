package mask

import (
	"maps"
	"slices"
	"strings"
)

// Dictionary collects the values to mask. The zero value is ready to use.
type Dictionary struct {
	entries map[string]entry // by folded value
	under   []*Set
}

// Set is the values of a dictionary, prepared for search. It does not change any more, so that dictionaries share it.
type Set struct {
	entries map[string]entry
	// heads are the values by their first bytes, which the trie finds; heads[n] has pattern n.
	heads []values
	trie  *trie
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

// values are entries that begin with the same bytes. Only the beginning is in the trie, so that values of any length and
// number fit into memory; longer ones are told by the sum of their bytes.
type values struct {
	entry         // of the beginning, where that is a value
	itself  bool  // it is one
	lengths []int // of longer ones, the longest first
	bySum   map[uint64][]value
}

type value struct {
	entry
	text string // folded
}

// head is how much of a value the trie holds, in bytes.
const head = 32

// New prepares a masker. What is added to the dictionary afterwards is not seen by it.
func (d *Dictionary) New(t *Table) *Masker {
	m := &Masker{table: t, sets: d.under}
	if len(d.entries) > 0 {
		m.sets = append(slices.Clip(m.sets), d.Set())
	}
	for _, s := range m.sets {
		for c, n := range s.trie.root {
			m.begins[c] = m.begins[c] || n != 0
		}
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
			patterns, s.heads = append(patterns, first), append(s.heads, values{})
		}
		vs := &s.heads[len(s.heads)-1]
		if p == first {
			vs.entry, vs.itself = d.entries[p], true
			continue
		}
		if vs.bySum == nil {
			vs.bySum = map[uint64][]value{}
		}
		sum := sumOf(p)
		vs.bySum[sum] = append(vs.bySum[sum], value{d.entries[p], p})
		if !slices.Contains(vs.lengths, len(p)) {
			vs.lengths = append(vs.lengths, len(p))
		}
	}
	for i := range s.heads {
		slices.SortFunc(s.heads[i].lengths, func(a, b int) int { return b - a })
	}
	s.trie = build(patterns)
	return s
}
