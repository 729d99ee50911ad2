package mask

import (
	"strings"
	"unicode/utf8"
)

// Restore puts the values back in place of their tokens. Tokens are taken whole only.
func (t *Table) Restore(text string) string {
	start, end, value := t.next(text, 0)
	if start < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	done := 0
	for start >= 0 {
		b.WriteString(text[done:start])
		b.WriteString(value)
		done = end
		start, end, value = t.next(text, end)
	}
	b.WriteString(text[done:])
	return b.String()
}

// Restorer restores a text that comes in pieces, wherever it is cut: also within a token or a character.
type Restorer struct {
	table *Table
	held  string // what may yet grow into a token
}

// Restorer begins a stream.
func (t *Table) Restorer() *Restorer { return &Restorer{table: t} }

// Next takes a piece and returns what can be given out by now.
func (r *Restorer) Next(piece string) string { return r.advance(piece, false) }

// End returns the rest.
func (r *Restorer) End() string { return r.advance("", true) }

func (r *Restorer) advance(piece string, last bool) string {
	text := r.held + piece
	var b strings.Builder
	i := 0
	for i < len(text) && (last || !undecided(text[i:])) {
		n, value := r.table.known(text, i)
		if n == 0 {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(value)
		i += n
	}
	r.held = text[i:]
	return b.String()
}

// undecided reports whether a text may yet grow into a token, or into a character that decides where a token ends.
func undecided(rest string) bool {
	if len(rest) > maxToken+nextToken+utf8.UTFMax {
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; !letter(c) && !digit(c) && c != '-' {
			// A character beyond ASCII after a possible token decides only when it is whole.
			return i > 0 && c >= utf8.RuneSelf && !utf8.FullRuneInString(rest[i:])
		}
	}
	return true
}

// Tokens are the known tokens in a text, in their order.
func (t *Table) Tokens(text string) []string {
	var found []string
	for start, end, _ := t.next(text, 0); start >= 0; start, end, _ = t.next(text, end) {
		found = append(found, text[start:end])
	}
	return found
}
