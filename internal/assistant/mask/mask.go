// Package mask replaces values that must not leave by random tokens, and puts them back. Both directions touch whole
// values only, so that what was masked is restored exactly and no word is damaged.
package mask

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

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
	begins   [256]bool // the first bytes of their values
	found    []match
	f        folded
	sums     sums
	spans    []span
	sorter   spanSorter
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

// Text masks a text. clear is false when an ambiguous value occurs in Prose: then the text must not leave at all.
func (m *Masker) Text(text string, style Style) (masked string, clear bool, err error) {
	m.reported, m.inner = false, newInner(text)
	start, end, _ := m.table.next(text, 0)
	if start < 0 {
		masked, err = m.piece(text, style)
		return masked, err == nil && !m.reported, err
	}
	// Known tokens stay as they are; what is between them is masked piece by piece.
	var b strings.Builder
	b.Grow(len(text) + len(text)/4)
	done := 0
	for start >= 0 {
		part, err := m.piece(text[done:start], style)
		if err != nil {
			return "", false, err
		}
		b.WriteString(part)
		b.WriteString(text[start:end])
		done = end
		start, end, _ = m.table.next(text, end)
	}
	part, err := m.piece(text[done:], style)
	if err != nil {
		return "", false, err
	}
	b.WriteString(part)
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
	m.spans = m.sorter.sort(m.spans)
	m.settle()
	var b strings.Builder
	b.Grow(len(text) + len(text)/4)
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
		blobs(v.text, &m.inner.inflated, func(start, end int, inner string, is content) {
			if is == unknown || is == scraps && m.within(inner) || is == aText && m.holds(inner, style, depth+1) {
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
