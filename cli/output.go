package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

// remoteTransport is the transport for a gateway elsewhere.
func remoteTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 2 * time.Minute
	return t
}

// outFile is written beside its final name and takes it when it is complete.
type outFile struct {
	path string
	f    *os.File
	w    *bufio.Writer
}

func createOut(path string) (*outFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return &outFile{path: path, f: f, w: bufio.NewWriterSize(f, 256<<10)}, nil
}

// line writes a JSON value on one line.
func (o *outFile) line(raw json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	b.WriteByte('\n')
	if _, err := o.w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	return nil
}

func (o *outFile) finish() error {
	err := o.w.Flush()
	if err == nil {
		err = o.f.Chmod(0o644)
	}
	if cerr := o.f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(o.f.Name(), o.path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	return nil
}

// abandon removes what was not finished.
func (o *outFile) abandon() {
	_ = o.f.Close()
	_ = os.Remove(o.f.Name())
}

func writeReport(dir string, rep report.Report) error {
	data, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	var md strings.Builder
	if err := rep.WriteMarkdown(&md); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.md"), []byte(md.String()), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// bar shows how far a migration is: a bar on a terminal, a line now and then otherwise.
type bar struct {
	p       Program
	writer  progress.Writer // nil without a terminal
	tracker *progress.Tracker
	done    sync.WaitGroup
	last    time.Time
	told    migration.Counts
}

// plainEvery is how often progress is told without a terminal.
const plainEvery = 5 * time.Second

func (p Program) newProgress(total int) *bar {
	b := &bar{p: p}
	width, tty := terminal(p.Stderr)
	if !tty {
		return b
	}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(p.Stderr)
	b.writer.SetAutoStop(false)
	b.writer.SetTrackerLength(min(40, max(10, width-60)))
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	style := progress.StyleBlocks
	if p.colours(p.Stderr) {
		style.Colors = progress.StyleColorsExample
	}
	style.Visibility.ETA, style.Visibility.Speed = true, true
	b.writer.SetStyle(style)
	b.tracker = &progress.Tracker{Message: "migrating", Total: int64(total), Units: progress.UnitsDefault}
	b.writer.AppendTracker(b.tracker)
	b.done.Go(b.writer.Render)
	return b
}

func (b *bar) every() time.Duration {
	if b.writer != nil {
		return 250 * time.Millisecond
	}
	return 500 * time.Millisecond
}

func (b *bar) update(c migration.Counts) {
	done := c.Finished + c.Failed
	if b.writer != nil {
		b.tracker.SetValue(int64(done))
		return
	}
	if c.Total == 0 || c == b.told || (time.Since(b.last) < plainEvery && done < c.Total) {
		return
	}
	b.last, b.told = time.Now(), c
	_, _ = fmt.Fprintf(b.p.Stderr, "%d of %d rules done, %d being worked on\n", done, c.Total, c.Processing)
}

func (b *bar) stop() {
	if b.writer == nil {
		return
	}
	if b.tracker.Value() >= b.tracker.Total {
		b.tracker.MarkAsDone()
	}
	time.Sleep(150 * time.Millisecond) // one more frame
	b.writer.Stop()
	b.done.Wait()
}

// printSummary prints counts and the largest causes.
func (p Program) printSummary(r report.Report, files []string) error {
	c := paint(p.colours(p.Stdout))
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %d rules: %s full, %s partial, %s untranslatable", c.in(bold, "Result"), r.Statuses.Total,
		c.in(green, fmt.Sprint(r.Results.Full)), c.in(yellow, fmt.Sprint(r.Results.Partial)), c.in(red, fmt.Sprint(r.Results.Untranslatable)))
	if r.Statuses.Failed > 0 {
		fmt.Fprintf(&b, ", %s in error", c.in(red, fmt.Sprint(r.Statuses.Failed)))
	}
	fmt.Fprintf(&b, "\n       %d full or with approximations only; %d replaced by a prebuilt rule\n", r.FullOrApproximations, r.Matched.Total)
	if len(r.Causes) > 0 {
		b.WriteString("\nWhat kept rules from being full:\n")
		for _, x := range r.Causes[:min(10, len(r.Causes))] {
			about := x.Code
			if x.Command != "" {
				about += " in " + x.Command
			}
			if x.Subject != "" {
				about += ": " + x.Subject
			}
			fmt.Fprintf(&b, "  %5d  %s %s\n", x.Rules, c.in(severityColour(x.Severity), fmt.Sprintf("%-13s", x.Severity)), printable(about))
		}
	}
	if len(r.Missing) > 0 {
		b.WriteString("\nMissing resources:\n")
		for _, m := range r.Missing[:min(10, len(r.Missing))] {
			fmt.Fprintf(&b, "  %5d  %s %s\n", m.Rules, m.Kind, printable(m.Name))
		}
		if n := len(r.Missing) - 10; n > 0 {
			fmt.Fprintf(&b, "         … and %d more\n", n)
		}
	}
	if len(files) > 0 {
		b.WriteString("\nWritten:\n")
		for _, f := range files {
			b.WriteString("  " + f + "\n")
		}
	}
	_, err := fmt.Fprint(p.Stdout, b.String())
	return err
}

// resultTable lists rules with what became of each.
type resultTable struct {
	p     Program
	width int
	t     table.Writer
}

func (p Program) newResultTable() *resultTable {
	width, tty := terminal(p.Stdout)
	if !tty {
		width = 140
	}
	width = min(max(width, 80), 180)
	t := table.NewWriter()
	style := table.StyleLight
	style.Options.SeparateRows = true
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.AppendHeader(table.Row{"Rule", "Result", "Prebuilt rule or ES|QL", "Holes and approximations"})
	rest := width - 13 - 14 // borders, result
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, WidthMax: rest * 20 / 100, WidthMaxEnforcer: wrapLines},
		{Number: 2, WidthMax: 14},
		{Number: 3, WidthMax: rest * 50 / 100, WidthMaxEnforcer: cutLines},
		{Number: 4, WidthMax: rest * 30 / 100, WidthMaxEnforcer: wrapLines},
	})
	return &resultTable{p: p, width: width, t: t}
}

// wrapLines breaks each line of a cell at spaces.
func wrapLines(s string, width int) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(text.WrapSoft(lines[i], width), " \n")
	}
	return strings.Join(lines, "\n")
}

// cutLines keeps the beginning of each line of a cell.
func cutLines(s string, width int) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = text.Snip(lines[i], width, "…")
	}
	return strings.Join(lines, "\n")
}

// shownLines is how many lines of a query, and shownNotes how many notes, the table shows.
const (
	shownLines = 4
	shownNotes = 3
)

func (r *resultTable) add(rule migration.Rule) {
	c := paint(r.p.colours(r.p.Stdout))
	result, what := string(rule.Result), ""
	switch {
	case rule.Status != migration.StatusFinished:
		result = string(rule.Status)
		if rule.ErrorCode != "" {
			result += " (" + rule.ErrorCode + ")"
		}
	case rule.Matched != nil:
		what = c.in(cyan, "prebuilt: "+rule.Matched.Name)
	case rule.Elastic != nil:
		lines := strings.Split(rule.Elastic.Query, "\n")
		if n := len(lines); n > shownLines {
			lines = append(lines[:shownLines:shownLines], fmt.Sprintf("… %d more lines", n-shownLines))
		}
		for i := range lines {
			lines[i] = printable(lines[i])
		}
		what = strings.Join(lines, "\n")
	}
	var notes []string
	more := 0
	for _, d := range rule.Diagnostics {
		if d.Severity != "error" && d.Severity != "approximation" {
			continue
		}
		if len(notes) == shownNotes {
			more++
			continue
		}
		notes = append(notes, fmt.Sprintf("%d:%d %s", d.Start.Line, d.Start.Column, printable(d.Message)))
	}
	if more > 0 {
		notes = append(notes, fmt.Sprintf("… %d more", more))
	}
	r.t.AppendRow(table.Row{printable(rule.Original.Title), c.in(resultColour(result), result), what, strings.Join(notes, "\n")})
}

func (r *resultTable) print() error {
	_, err := fmt.Fprintln(r.p.Stdout, r.t.Render())
	return err
}
