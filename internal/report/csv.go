package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// columns of the table of rules, in order.
var columns = []string{
	"id", "title", "app", "status", "outcome", "result", "causes", "first cause", "place", "all causes", "missing", "prebuilt rule",
	"severity", "risk score", "MITRE ATT&CK", "interval", "from", "index", "error", "compiler", "search (SPL)", "query (ES|QL)", "not installed",
	"review", "reviewed by", "reviewed at", "edited by", "data streams",
}

// Table writes one row a rule as CSV for a spreadsheet: UTF-8 with a byte order mark, since Excel takes the file for one
// of the machine's own encoding without, and no cell that a spreadsheet would compute.
type Table struct {
	w            *csv.Writer
	notInstalled map[string]string // by rule
}

// byteOrderMark says that the text is UTF-8.
const byteOrderMark = "\ufeff"

// NewTable writes the head of a table of rules that were installed in these places.
func NewTable(w io.Writer, installed []Installation) (*Table, error) {
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return nil, fmt.Errorf("write the table: %w", err)
	}
	t := &Table{csv.NewWriter(w), notInstalled(installed)}
	t.w.UseCRLF = true
	return t, t.row(columns)
}

// Add writes the row of a rule.
func (t *Table) Add(r migration.Rule) error {
	e := r.Elastic
	if e == nil {
		e = &migration.ElasticRule{}
	}
	causes := Causes(r.Diagnostics)
	if r.Result == migration.Full {
		causes = nil
	}
	var first, place string
	all := make([]string, len(causes))
	for i, d := range causes {
		all[i] = Severity(d.Severity) + " " + d.Code + at(d) + ": " + d.Message
	}
	if len(causes) > 0 {
		first, place = causes[0].Message, strings.TrimSpace(at(causes[0]))
	}
	missing := make([]string, len(r.Missing))
	for i, m := range r.Missing {
		missing[i] = m.Kind + " " + m.Name
	}
	streams := make([]string, len(e.Streams))
	for i, s := range e.Streams {
		streams[i] = s.Says()
	}
	var prebuilt, risk, reviewer, reviewed, editor string
	if r.Review != nil {
		reviewer, reviewed = r.Review.By, r.Review.At.UTC().Format(time.RFC3339)
	}
	if r.Edited != nil {
		editor = r.Edited.By
	}
	if r.Replaced() {
		prebuilt = r.Matched.Name + " (" + r.Matched.RuleID + ")"
	}
	if r.Elastic != nil {
		risk = strconv.Itoa(e.RiskScore)
	}
	return t.row([]string{
		r.ID, r.Original.Title, r.Original.App, string(r.Status), string(ClassOf(r)), string(r.Result), strconv.Itoa(len(causes)), first, place,
		strings.Join(all, "\n"), strings.Join(missing, "\n"), prebuilt, e.Severity, risk, strings.Join(r.Original.MitreAttackIDs, " "),
		e.Interval, e.From, strings.Join(e.Index, " "), r.ErrorCode, r.CompilerVersion, r.Original.Query, e.Query, t.notInstalled[r.ID],
		string(r.ReviewState()), reviewer, reviewed, editor, strings.Join(streams, "\n"),
	})
}

// Finish writes what is held back.
func (t *Table) Finish() error {
	t.w.Flush()
	if err := t.w.Error(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

func (t *Table) row(cells []string) error {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = spreadsheetCell(c)
	}
	if err := t.w.Write(safe); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// at is the place of a diagnostic in the SPL.
func at(d migration.Diagnostic) string {
	if d.Start.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" %d:%d", d.Start.Line, d.Start.Column)
}

const (
	// longestCell is what Excel holds in a cell, in UTF-16 units, less the room for cutSays and an apostrophe.
	longestCell = 32_767 - 80
	cutSays     = "… (cut here: a cell holds no more; rules.ndjson has the whole)"
)

// spreadsheetCell is a text that a spreadsheet shows and never computes. One that begins as a formula gets an apostrophe in
// front, also after blanks, which some programs pass over.
func spreadsheetCell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1 // no file of a spreadsheet can hold it
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD"))
	units := 0
	for i, r := range s {
		if units += max(utf16.RuneLen(r), 1); units > longestCell {
			s = s[:i] + cutSays
			break
		}
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \t\n\u00a0\ufeff"))
	if strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\n") || strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + s
	}
	return s
}
