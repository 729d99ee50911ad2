package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// SGR sequences.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// paint colours text when colours are on; control characters of the text itself are taken out, so that a rule cannot
// write to the terminal.
type paint bool

func (p paint) in(colour, s string) string {
	s = printable(s)
	if !p || s == "" || colour == "" {
		return s
	}
	return colour + s + reset
}

// printable replaces control characters, tabs included, since columns count on a character being one place wide, and those
// that turn the direction of the text, which would show a name as another.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r):
			return '�'
		}
		return r
	}, s)
}

func severityColour(s string) string {
	switch s {
	case string(translate.Error):
		return red
	case string(translate.Approximation):
		return yellow
	}
	return cyan
}

func resultColour(r string) string {
	switch migration.Result(r) {
	case migration.Full:
		return green
	case migration.Partial:
		return yellow
	}
	return red
}

// text prints the translation for reading: the query, then the notes, causes first.
func (t *translator) text(o migration.OriginalRule, out translate.Output) error {
	c := paint(t.p.colours(t.p.Stdout))
	width := t.p.screen()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", c.in(bold, o.ID+":"), c.in(resultColour(string(out.Result)), string(out.Result)))
	query := out.Query
	if _, tty := terminal(t.p.Stdout); tty && out.ESQL != nil {
		query = esql.PrintWidth(out.ESQL, min(width, 120))
	}
	for line := range strings.SplitSeq(query, "\n") {
		b.WriteString(c.in("", line) + "\n")
	}
	for _, d := range causesFirst(out.Diagnostics) {
		t.note(&b, c, d, "", width)
	}
	for _, m := range out.Missing {
		fmt.Fprintf(&b, "%s %s %s\n", c.in(red, "missing"), m.Kind, c.in(bold, m.Name))
	}
	b.WriteByte('\n')
	_, err := t.out.WriteString(b.String())
	return err
}

// legend explains the words of the notes that were printed, once.
func (t *translator) legend() {
	if !t.told {
		return
	}
	const words = "A hole is a part of the search without a translation: the draft, which is the ES|QL above, goes on without it. " +
		"An approximation is translated, and its alerts can differ in the case that it names."
	for _, line := range wrap(words, t.p.screen()) {
		_, _ = t.out.WriteString(paint(t.p.colours(t.p.Stdout)).in(dim, line) + "\n")
	}
}

// causesFirst orders notes by what a reader has to settle: holes, approximations, what follows from holes, remarks.
func causesFirst(ds []translate.Diagnostic) []translate.Diagnostic {
	rank := func(d translate.Diagnostic) int {
		switch {
		case (migration.Diagnostic{Code: d.Code}).Consequence():
			return 2
		case d.Severity == translate.Error:
			return 0
		case d.Severity == translate.Approximation:
			return 1
		}
		return 3
	}
	out := slices.Clone(ds)
	slices.SortStableFunc(out, func(a, b translate.Diagnostic) int { return rank(a) - rank(b) })
	return out
}

// note prints a note, broken at the width.
func (t *translator) note(b *strings.Builder, c paint, d translate.Diagnostic, indent string, width int) {
	at := fmt.Sprintf("%d:%d", d.Span.Start.Line, d.Span.Start.Column)
	severity := report.Severity(string(d.Severity))
	t.told = t.told || d.Severity != translate.Info
	lines := wrap(fmt.Sprintf("%s %s %s (%s)", severity, at, printable(d.Message), d.Code), width-len(indent))
	for i, line := range lines {
		if i == 0 {
			line = c.in(severityColour(string(d.Severity)), severity) + " " + c.in(dim, at) + strings.TrimPrefix(line, severity+" "+at)
		}
		b.WriteString(indent + line + "\n")
	}
}

// Widths of the two columns of explain.
const (
	narrow    = 100 // below it, SPL and ES|QL stand one above the other
	wide      = 160
	columnGap = "  │ "
)

// explain prints each stage of the SPL beside the ES|QL it became, with the notes that belong to it below.
func (t *translator) explain(o migration.OriginalRule, out translate.Output) error {
	width, tty := terminal(t.p.Stdout)
	if !tty {
		width = narrow
	}
	c := paint(t.p.colours(t.p.Stdout))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n", c.in(bold, o.ID+":"), c.in(resultColour(string(out.Result)), string(out.Result)))
	shown := map[int]bool{}
	for _, s := range out.Stages {
		source := ""
		if from, to := int(s.SPL.Start.Offset), int(s.SPL.End.Offset); 0 <= from && from <= to && to <= len(o.Query) {
			source = strings.TrimSpace(o.Query[from:to])
		}
		target := s.ESQL
		if len(target) == 0 {
			target = []string{"—"}
		}
		writeStage(&b, c, source, target, min(width, wide))
		for _, n := range s.Notes {
			if n >= 0 && n < len(out.Diagnostics) && !shown[n] {
				shown[n] = true
				t.note(&b, c, out.Diagnostics[n], "    ", width)
			}
		}
	}
	rest := false
	for i, d := range out.Diagnostics {
		if shown[i] {
			continue
		}
		if !rest {
			b.WriteByte('\n')
			rest = true
		}
		t.note(&b, c, d, "", width)
	}
	writeStreams(&b, c, out.Streams)
	if out.Query != "" {
		b.WriteString("\n" + c.in(bold, "ES|QL") + "\n")
		for line := range strings.SplitSeq(out.Query, "\n") {
			b.WriteString(c.in(green, line) + "\n")
		}
	}
	b.WriteByte('\n')
	_, err := t.out.WriteString(b.String())
	return err
}

// writeStreams prints what each data stream has of the fields that the draft needs.
func writeStreams(b *strings.Builder, c paint, streams []translate.StreamFields) {
	if len(streams) < 2 {
		return
	}
	b.WriteString("\n" + c.in(bold, "Data streams") + "\n")
	for _, s := range streams {
		what := "has every field"
		if len(s.Lacks) > 0 {
			what = "lacks " + strings.Join(s.Lacks, ", ")
		}
		if s.Left {
			what += "; not read"
		}
		b.WriteString(s.Index + ": " + what + "\n")
	}
}

func writeStage(b *strings.Builder, c paint, source string, target []string, width int) {
	var left, right []string
	column := (width - utf8.RuneCountInString(columnGap)) / 2
	if width < narrow {
		column = width - 2
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(source, "\r\n", "\n"), "\n") {
		left = append(left, wrap(line, column)...)
	}
	for _, part := range target {
		for line := range strings.SplitSeq(part, "\n") {
			right = append(right, wrap(line, column)...)
		}
	}
	if width < narrow {
		for _, l := range left {
			b.WriteString(c.in(blue, l) + "\n")
		}
		for _, r := range right {
			b.WriteString("  " + c.in(green, r) + "\n")
		}
		return
	}
	for i := range max(len(left), len(right)) {
		l, r := "", ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		pad := strings.Repeat(" ", max(0, column-utf8.RuneCountInString(l)))
		b.WriteString(strings.TrimRight(c.in(blue, l)+pad+c.in(dim, columnGap)+c.in(green, r), " ") + "\n")
	}
}

// wrap breaks a line at spaces to at most n characters; a longer word is cut. Continuations are indented.
func wrap(line string, n int) []string {
	const indent = "  "
	rs := []rune(strings.TrimRight(line, " \t"))
	if n < 10 || len(rs) <= n {
		return []string{string(rs)}
	}
	var out []string
	for prefix := ""; len(rs) > 0; prefix = indent {
		room := n - len(prefix)
		if len(rs) <= room {
			out = append(out, prefix+string(rs))
			break
		}
		cut := room
		for i := room; i > room/2; i-- {
			if rs[i] == ' ' {
				cut = i
				break
			}
		}
		out = append(out, prefix+strings.TrimRight(string(rs[:cut]), " "))
		rs = rs[cut:]
		for len(rs) > 0 && rs[0] == ' ' {
			rs = rs[1:]
		}
	}
	return out
}
