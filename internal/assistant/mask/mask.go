// Package mask replaces values that must not leave by random tokens, and puts them back. Both directions touch whole
// values only, so that what was masked is restored exactly and no word is damaged.
package mask

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Dictionary collects the values to mask. The zero value is ready to use.
type Dictionary struct {
	entries map[string]entry // by folded value
}

type entry struct {
	kind      Kind
	ambiguous bool
}

// Add adds a value with its kind, and the short name of a host or account that is written with its domain. It reports
// whether the value is ambiguous: then it cannot be told from text. Values without a letter or digit are not added.
func (d *Dictionary) Add(value string, kind Kind) (ambiguous bool) {
	value = strings.TrimSpace(value)
	if !named(value) {
		return false
	}
	ambiguous = d.add(value, kind)
	switch kind {
	case Host:
		host, _, dotted := strings.Cut(value, ".")
		if dotted && Address != kindOf(value) && named(host) {
			d.add(host, Host)
		}
	case User, Mail:
		if bare := BareAccount(value); bare != value && named(bare) {
			d.add(bare, User)
		}
	}
	return ambiguous
}

func (d *Dictionary) add(value string, kind Kind) bool {
	if d.entries == nil {
		d.entries = map[string]entry{}
	}
	low := Fold(value)
	if low == "" {
		return false
	}
	was, ok := d.entries[low]
	if ok && (was.kind != Value || kind == Value) {
		return was.ambiguous
	}
	e := entry{kind, Ambiguous(value)}
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
	e, ok := d.entries[Fold(strings.TrimSpace(value))]
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
	entries  []entry
	auto     *automaton
	f        folded
	spans    []span
	reported bool
}

// New prepares a masker. What is added to the dictionary afterwards is not seen by it.
func (d *Dictionary) New(t *Table) *Masker {
	m := &Masker{table: t}
	patterns := make([]string, 0, len(d.entries))
	for p := range d.entries {
		patterns = append(patterns, p)
	}
	slices.Sort(patterns)
	for _, p := range patterns {
		m.entries = append(m.entries, d.entries[p])
	}
	m.auto = build(patterns)
	return m
}

// Text masks a text. clear is false when an ambiguous value occurs in Prose: then the text must not leave at all.
func (m *Masker) Text(text string, style Style) (masked string, clear bool, err error) {
	m.reported = false
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
	if len(m.table.value) > 0 {
		for i := 0; i < len(text); {
			n, _ := m.table.known(text, i)
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
	shapes(text, func(s span) { m.spans = append(m.spans, s) })
	m.values(text, style)
	if len(m.spans) == 0 {
		return text, nil
	}
	slices.SortFunc(m.spans, func(a, b span) int {
		return cmp.Or(a.start-b.start, b.end-a.end)
	})
	var b strings.Builder
	done := 0
	for i := 0; i < len(m.spans); {
		s := m.spans[i]
		i++
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
		token, err := m.table.Token(text[s.start:s.end], s.kind)
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

// values finds the values of the dictionary: at each place the longest that is whole.
func (m *Masker) values(text string, style Style) {
	if len(m.entries) == 0 {
		return
	}
	m.f.fold(text)
	f, a := &m.f, m.auto
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
		out := a.node[at].out
		if out == 0 {
			continue
		}
		if i+1 < len(f.bytes) && f.at != nil && f.at[i+1] == f.at[i] {
			continue // within a rune that folds to several
		}
		// Marks that the folded text leaves out belong to the value.
		end := runeEnd(text, f.offset(i)+1)
		if !wordEnd(text, end) {
			continue
		}
		for ; out != 0; out = a.node[out].suffix {
			start := f.offset(i + 1 - int(a.node[out].length))
			if !wordStart(text, start) {
				continue
			}
			if m.take(text, start, end, m.entries[a.node[out].pattern], style) {
				break
			}
		}
	}
}

// take masks one whole value, or reports it; false leaves the word alone.
func (m *Masker) take(text string, start, end int, e entry, style Style) bool {
	if e.ambiguous {
		switch style {
		case Prose:
			m.reported = true
		case Talk:
			if !givenAway(text, start, end, e.kind) {
				return false
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
	m.spans = append(m.spans, span{start, end, e.kind})
	return true
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
