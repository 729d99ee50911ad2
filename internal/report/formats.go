package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Formats of a report.
const (
	FormatHTML     = "html"
	FormatCSV      = "csv"
	FormatMarkdown = "md"
	FormatJSON     = "json"
)

// Formats are all of them.
func Formats() []string { return []string{FormatHTML, FormatCSV, FormatMarkdown, FormatJSON} }

// More is what a report says of a migration beside its rules: the definitions that it keeps and does not use, and where its
// rules were installed.
type More struct {
	Known         []Known
	Installations []Installation
}

// Write writes the report of a migration in a format, with what is to be said of it besides. The rules are read once, and for
// a page twice; none is held.
func Write(w io.Writer, format string, m migration.Migration, at time.Time, more More, rules Rules) error {
	if format == FormatCSV {
		t, err := NewTable(w, more.Installations)
		if err == nil {
			err = rules(t.Add)
		}
		if err != nil {
			return err
		}
		return t.Finish()
	}
	b := NewBuilder(m, at)
	b.Known(more.Known)
	b.Installed(more.Installations)
	err := rules(func(r migration.Rule) error {
		b.Add(r)
		return nil
	})
	if err != nil {
		return err
	}
	switch r := b.Report(); format {
	case FormatHTML:
		return r.WriteHTML(w, rules)
	case FormatMarkdown:
		return r.WriteMarkdown(w)
	case FormatJSON:
		return r.WriteJSON(w)
	}
	return fmt.Errorf("a report has no format %q", format)
}

// WriteJSON writes the summary for programs.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
