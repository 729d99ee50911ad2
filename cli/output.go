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

// shownKinds is how many kinds of causes, and shownMissing how many missing resources, the summary names; the report has all.
const (
	shownKinds   = 10
	shownMissing = 10
)

// screen is the width of the lines on stdout: the terminal's, or a fixed one without.
func (p Program) screen() int {
	width, tty := terminal(p.Stdout)
	if !tty {
		return 120
	}
	return min(max(width, 40), 180)
}

// fit cuts a line to a width.
func fit(s string, width int) string { return text.Snip(printable(s), max(width, 1), "…") }

// about names the first things that a kind is about: ": vips, hosts and 3 more".
func about(k report.CauseKind) string {
	const most = 2
	var names []string
	for _, i := range k.Items {
		if i.Subject != "" {
			names = append(names, i.Subject)
		}
	}
	switch n := len(names); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf(": %s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return ": " + strings.Join(names, ", ")
}

// printSummary prints counts and the largest causes.
func (p Program) printSummary(r report.Report, files []string) error {
	c := paint(p.colours(p.Stdout))
	width := p.screen()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %d rules: %s full, %s partial, %s untranslatable", c.in(bold, "Result"), r.Statuses.Total,
		c.in(green, fmt.Sprint(r.Results.Full)), c.in(yellow, fmt.Sprint(r.Results.Partial)), c.in(red, fmt.Sprint(r.Results.Untranslatable)))
	if r.Statuses.Failed > 0 {
		fmt.Fprintf(&b, ", %s in error", c.in(red, fmt.Sprint(r.Statuses.Failed)))
	}
	fmt.Fprintf(&b, "\n       %d full or with approximations only; %d matched by a prebuilt rule\n", r.FullOrApproximations, r.Matched.Total)
	if len(r.Errors) > 0 {
		b.WriteString("\nRules in error:\n")
		for _, e := range r.Errors {
			fmt.Fprintf(&b, "  %5d  %s\n", e.Rules, fit(e.Name, width-9))
		}
	}
	if len(r.Kinds) > 0 {
		b.WriteString("\nWhat keeps rules from being full, best first. A hole is a part without a translation,\nwhich the draft leaves out; an approximation is translated and can differ.\n")
		b.WriteString("  rules  alone\n")
		for _, k := range r.Kinds[:min(shownKinds, len(r.Kinds))] {
			severity, colour := "hole", red
			if k.Holes == 0 {
				severity, colour = "approximation", yellow
			}
			fmt.Fprintf(&b, "  %5d  %5d  %s %s\n", k.Rules, k.Sole, c.in(colour, fmt.Sprintf("%-13s", severity)), fit(k.Title+about(k), width-30))
		}
		if n := len(r.Kinds) - shownKinds; n > 0 {
			fmt.Fprintf(&b, "                … and %d more\n", n)
		}
	}
	p.writeMissing(&b, r, width)
	if len(files) > 0 {
		b.WriteString("\nWritten (report.html names every rule that is not full, and why):\n")
		for _, f := range files {
			b.WriteString("  " + f + "\n")
		}
	}
	_, err := fmt.Fprint(p.Stdout, b.String())
	return err
}

// writeMissing names missing resources: filter macros apart, because they hold exclusions.
func (p Program) writeMissing(b *strings.Builder, r report.Report, width int) {
	list := func(title string, filter bool) {
		n := 0
		for _, m := range r.Missing {
			if m.IsFilter() != filter {
				continue
			}
			if n == 0 {
				b.WriteString("\n" + title + "\n")
			}
			if n++; n <= shownMissing {
				name := m.Kind + " " + m.Name
				if advice := m.Advice(); advice != "" {
					name += " (" + advice + ")"
				}
				fmt.Fprintf(b, "  %5d  %s\n", m.Rules, fit(name, width-9))
			}
		}
		if n > shownMissing {
			fmt.Fprintf(b, "         … and %d more\n", n-shownMissing)
		}
	}
	list("Missing resources (rules that need them; give them with --macros, --lookups):", false)
	list("Missing filter macros (exclusions of your house, which the drafts do not have):", true)
}

// resultList lists rules with what became of each: a line for the result and the title, and one for what comes first to
// know about it.
type resultList struct {
	p     Program
	width int
	b     strings.Builder
}

func (p Program) newResultList() *resultList { return &resultList{p: p, width: p.screen()} }

// resultWidth is the width of the column of results.
const resultWidth = 14

func (r *resultList) add(rule migration.Rule) {
	c := paint(r.p.colours(r.p.Stdout))
	result, colour, second := string(rule.Result), resultColour(string(rule.Result)), ""
	causes := report.Causes(rule.Diagnostics)
	switch {
	case rule.Status == migration.StatusError:
		result, colour, second = "error", red, rule.ErrorCode
	case rule.Status != migration.StatusFinished:
		result, colour = string(rule.Status), ""
	case rule.Replaced():
		result, colour, second = "matched", cyan, "by the prebuilt rule "+rule.Matched.Name
	case len(causes) > 0 && rule.Result != migration.Full:
		d := causes[0]
		second = fmt.Sprintf("%d:%d %s", d.Start.Line, d.Start.Column, d.Message)
	}
	fmt.Fprintf(&r.b, "%s %s\n", c.in(colour, fmt.Sprintf("%-*s", resultWidth, result)), fit(rule.Original.Title, r.width-resultWidth-1))
	if second == "" {
		return
	}
	more := ""
	if n := len(causes) - 1; n > 0 && !rule.Replaced() && rule.Status == migration.StatusFinished {
		more = fmt.Sprintf(" (+%d)", n)
	}
	indent := strings.Repeat(" ", resultWidth+1)
	r.b.WriteString(indent + c.in(dim, fit(second, r.width-len(indent)-len(more))+more) + "\n")
}

func (r *resultList) print() error {
	_, err := fmt.Fprint(r.p.Stdout, "\n"+r.b.String())
	return err
}
