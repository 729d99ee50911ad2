package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // --time-zone on systems without their own

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/internal/interpret"
	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	interpreter "github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// runFlags are the flags of run.
type runFlags struct {
	events, macros, lookups []string
	now, zone               string
	explain                 bool
	limits                  interpreter.Limits
}

func (p Program) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run SPL",
		Short: "Run a search over events in a file",
		Long: `Run SPL over events in memory and print its rows: NDJSON in a pipe, a table on a terminal.

Events are NDJSON, one flat object a line, or a list of such objects, or a file .csv; _time is in seconds since 1970 or a
time such as 2026-01-02T03:04:05Z. Lists are fields with several values. Without --events the events are read from stdin, unless the search brings its own rows.

Columns stand in the order that a command gives (table, fields, stats, chart and the like), else by name: _time first, and
names that begin with _ last.

Rows are those that Splunk would give, as its documentation describes commands, functions and values. What cannot be run
is an error with its place, and nothing is printed. Nothing is ever written or sent: commands such as outputlookup and
sendemail pass their rows on.`,
		Example: `  rulebridge run 'status=500 | stats count by host' --events events.ndjson
  rulebridge run '| makeresults | eval x=split("a,b",",") | mvexpand x'
  rulebridge run 'earliest=-1h | timechart span=5m count' --events events.ndjson --now 2026-01-02T03:00:00Z
  rulebridge run 'status=500 | stats count by host' --explain`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return p.runSearch(c.Context(), args[0], f) },
	}
	fs := c.Flags()
	fs.StringArrayVar(&f.events, "events", nil, "file with events, NDJSON, a JSON list or .csv; - is stdin; may be repeated")
	fs.StringArrayVar(&f.macros, "macros", nil, "NDJSON file with macros {name, definition, arguments}; may be repeated")
	fs.StringArrayVar(&f.lookups, "lookups", nil, "NDJSON file with lookups {name, columns, rows, …}; may be repeated")
	fs.StringVar(&f.now, "now", "", "time at which the search starts, such as 2026-01-02T03:04:05Z (default: the clock)")
	fs.StringVar(&f.zone, "time-zone", "UTC", "time zone of the user, such as Europe/Berlin: for days, strftime and times without a zone")
	fs.BoolVar(&f.explain, "explain", false, "print what the search does step by step, and run nothing")
	fs.IntVar(&f.limits.Rows, "max-rows", 1_000_000, "rows that the search may hold in one step")
	fs.IntVar(&f.limits.Steps, "max-steps", 1_000_000_000, "steps of work that the search may take")
	return c
}

func (p Program) runSearch(ctx context.Context, query string, f runFlags) error {
	in, err := p.runInput(f)
	if err != nil {
		return err
	}
	q := spl.Parse(query, spl.Options{Macros: in.Macros})
	read := false
	if interpreter.HasValues(query, q) && !f.explain {
		if in.Events, err = p.readEvents(nil, f, in.Zone); err != nil {
			return usage(err)
		}
		read = true
		if query, err = interpreter.Values(ctx, query, in); err != nil {
			return runFault(err)
		}
		q = spl.Parse(query, spl.Options{Macros: in.Macros})
	}
	if len(q.Problems) > 0 {
		var all []error
		for _, e := range q.Problems {
			all = append(all, fmt.Errorf("%s: %s", where(e.Span()), e.Message))
		}
		return usage(joinFaults(all))
	}
	made := lower.Lower(q)
	if f.explain {
		_, err := io.WriteString(p.Stdout, plan.Print(made))
		return err
	}
	if !read {
		if in.Events, err = p.readEvents(made.Root, f, in.Zone); err != nil {
			return usage(err)
		}
	}
	res, err := interpreter.Run(ctx, made, in)
	if err != nil {
		return runFault(err)
	}
	for _, n := range res.Notes {
		_, _ = fmt.Fprintf(p.Stderr, "note: %s: %s\n", where(n.At), n.Text)
	}
	if width, ok := terminal(p.Stdout); ok {
		return p.rowsTable(res, width)
	}
	for _, r := range res.Rows {
		if err := interpreter.WriteRow(p.Stdout, res.Columns, r); err != nil {
			return fmt.Errorf("write the rows: %w", err)
		}
	}
	return nil
}

// runFault tells where in the search an error lies.
func runFault(err error) error {
	var e *interpreter.Error
	var l *interpreter.LimitError
	switch {
	case errors.As(err, &e):
		return usagef("%s: %w", where(e.At), err)
	case errors.As(err, &l):
		return fmt.Errorf("%s: %w (--max-rows, --max-steps)", where(l.At), err)
	}
	return err
}

func where(s spl.Span) string {
	return fmt.Sprintf("line %d, column %d", max(s.Start.Line, 1), max(s.Start.Column, 1))
}

// runInput reads everything but the events.
func (p Program) runInput(f runFlags) (interpreter.Input, error) {
	in := interpreter.Input{Now: time.Now(), Limits: f.limits}
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return in, usagef("--time-zone %q: write it as Europe/Berlin or UTC", f.zone)
	}
	in.Zone = zone
	if f.now != "" {
		if in.Now, err = time.Parse(time.RFC3339, f.now); err != nil {
			return in, usagef("--now %q: write it as 2026-01-02T03:04:05Z", f.now)
		}
	}
	resources, err := readResources(f.macros, f.lookups)
	if err != nil {
		return in, err
	}
	in.Macros, in.Lookups = interpret.Macros(resources), interpret.Lookups(resources)
	return in, nil
}

// readEvents reads the files of events; stdin when none is named and the search reads events, as far as root says.
func (p Program) readEvents(root plan.Node, f runFlags, zone *time.Location) ([]interpreter.Event, error) {
	paths := f.events
	if len(paths) == 0 {
		_, tty := terminal(p.Stdin)
		if root == nil && tty || root != nil && !plan.ReadsEvents(root) {
			return nil, nil
		}
		if tty {
			return nil, errors.New("no events: give --events FILE, or events as NDJSON on stdin")
		}
		paths = []string{"-"}
	}
	var all []interpreter.Event
	for _, path := range paths {
		r, name := p.Stdin, "stdin"
		if path != "-" {
			file, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer func() { _ = file.Close() }()
			r, name = file, path
		}
		events, err := interpreter.ReadEvents(name, r, zone)
		if err != nil {
			return nil, err
		}
		all = append(all, events...)
	}
	return all, nil
}

// rowsTable prints rows as a table as wide as the terminal.
func (p Program) rowsTable(res *interpreter.Result, width int) error {
	if len(res.Rows) == 0 {
		_, err := fmt.Fprintln(p.Stdout, "no rows")
		return err
	}
	t := table.NewWriter()
	t.SetOutputMirror(p.Stdout)
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	var head table.Row
	for _, c := range res.Columns {
		head = append(head, safeText(c))
	}
	t.AppendHeader(head)
	widest := max(8, (width-1)/max(1, len(res.Columns))-3)
	var configs []table.ColumnConfig
	for i := range res.Columns {
		configs = append(configs, table.ColumnConfig{Number: i + 1, WidthMax: widest})
	}
	t.SetColumnConfigs(configs)
	for _, r := range res.Rows {
		var row table.Row
		for _, c := range res.Columns {
			row = append(row, safeText(r.Get(c).Joined()))
		}
		t.AppendRow(row)
	}
	t.Render()
	word := "rows"
	if len(res.Rows) == 1 {
		word = "row"
	}
	_, err := fmt.Fprintf(p.Stdout, "%d %s\n", len(res.Rows), word)
	return err
}

// safeText keeps control characters of events off the terminal.
func safeText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
