package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// marked is a stretch of a search. Mark says what holds the rule back there: hole, approximation, or nothing.
type marked struct{ Text, Mark, Why string }

// span is a stretch in bytes.
type span struct {
	from, to  int
	mark, why string
}

// mark cuts a search at the places of its causes. Where two overlap, the one that begins first, and of these the shorter
// one, is marked; what is said of the whole search marks nothing.
func mark(query string, causes []migration.Diagnostic) []marked {
	var spans []span
	lines := lineStarts(query)
	for _, d := range causes {
		from, to := offset(query, lines, d.Start), offset(query, lines, d.End)
		if from < 0 || to <= from || from == 0 && to == len(query) {
			continue
		}
		spans = append(spans, span{from, to, Severity(d.Severity), d.Message})
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	var out []marked
	done := 0
	for _, s := range spans {
		if s.from < done {
			continue
		}
		if s.from > done {
			out = append(out, marked{Text: query[done:s.from]})
		}
		out = append(out, marked{query[s.from:s.to], s.mark, s.why})
		done = s.to
	}
	if done < len(query) || len(out) == 0 {
		out = append(out, marked{Text: query[done:]})
	}
	return out
}

func lineStarts(text string) []int {
	starts := []int{0}
	for i := range len(text) {
		if text[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// offset is the byte of a position, -1 where the text has none.
func offset(text string, starts []int, p migration.Position) int {
	if p.Line < 1 || p.Line > len(starts) || p.Column < 1 {
		return -1
	}
	line := text[starts[p.Line-1]:]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	column := 1
	for i := range line {
		if column == p.Column {
			return starts[p.Line-1] + i
		}
		column++
	}
	if column == p.Column {
		return starts[p.Line-1] + len(line)
	}
	return -1
}
