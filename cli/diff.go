package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/changes"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

type diffFlags struct {
	url          string
	full, ndjson bool
}

func (p Program) diffCommand() *cobra.Command {
	var f diffFlags
	c := &cobra.Command{
		Use:   "diff [ID]",
		Short: "Say which rules of a migration this version would translate differently",
		Long: `Compile the rules of a migration again, with the compiler of this program, or with --url of the gateway, and with the
macros and lookups that the migration has now, and say which rules would change and why: the result, what is said of the
rule, its settings and its query. Nothing is overwritten. Rules that wait for their translation are not compared, nor are
those whose draft a model completed. Prebuilt rules are not matched again.

On a terminal it is text; in a pipe, or with --ndjson, a JSON object a line for each rule that would change, and a last line
{"summary": {…}}. Where a rule cannot be compiled again, it says so.

Exit code: 0 no rule would change, 4 rules would change, 1 or 2 for failures.`,
		Example: `  rulebridge diff --data-dir work
  rulebridge diff 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae --url http://127.0.0.1:8080 --full`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := p.load(c)
			if err != nil {
				return err
			}
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			var sum changes.Summary
			err = p.kept(c.Context(), f.url, cfg, id, func(r *run, _ migration.Stats) (err error) {
				sum, err = r.diff(c.Context(), cfg, f)
				return err
			})
			if err == nil && sum.Changed+sum.Faults > 0 {
				return &exitError{ExitChanges, quietError{}}
			}
			return err
		},
	}
	config.Flags(c.Flags())
	for _, name := range []string{"http-port", "temporal-port", "ui-port", "ephemeral", "connector", "batch", "pause"} {
		if c.Flags().Lookup(name) != nil {
			_ = c.Flags().MarkHidden(name)
		}
	}
	c.Flags().StringVar(&f.url, "url", "", "gateway that keeps the migration, http(s)://[user:password@]host:port")
	c.Flags().BoolVar(&f.full, "full", false, "show how each query changes, as a unified diff")
	c.Flags().BoolVar(&f.ndjson, "ndjson", false, "NDJSON also on a terminal")
	return c
}

// diff compares, and writes as it goes.
func (r *run) diff(ctx context.Context, cfg config.Config, f diffFlags) (changes.Summary, error) {
	compare := r.compareHere
	if r.gateway != nil {
		compare = r.compareThere
	}
	if _, tty := terminal(r.p.Stdout); tty && !f.ndjson {
		t := &changesText{p: r.p, c: paint(r.p.colours(r.p.Stdout)), width: r.p.screen()}
		sum, err := compare(ctx, cfg, f, t.add)
		if err != nil {
			return sum, err
		}
		return sum, t.end(sum)
	}
	out := bufio.NewWriter(r.p.Stdout)
	sum, err := changes.WriteNDJSON(out, func(found func(changes.Change) error) (changes.Summary, error) {
		return compare(ctx, cfg, f, found)
	})
	return sum, errors.Join(err, out.Flush())
}

func (r *run) compareHere(ctx context.Context, cfg config.Config, f diffFlags, found func(changes.Change) error) (changes.Summary, error) {
	compiler, err := app.NewRecompiler(cfg, r.resources, r.p.compilers(cfg, "--prebuilt", ""), zap.NewNop())
	if err != nil {
		return changes.Summary{}, err
	}
	defer compiler.Close()
	return changes.Run(ctx, changes.Options{MigrationID: r.id, Compiler: compiler, Version: compiler.Version, Full: f.full},
		func(each func(migration.Rule) error) error {
			return r.each(ctx, func(_ json.RawMessage, rule migration.Rule) error { return each(rule) })
		}, found)
}

// compareThere has the gateway compare.
func (r *run) compareThere(ctx context.Context, _ config.Config, f diffFlags, found func(changes.Change) error) (changes.Summary, error) {
	path := "/" + url.PathEscape(r.id) + "/diff"
	if f.full {
		path += "?full=true"
	}
	resp, err := r.gateway.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return changes.Summary{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	d := json.NewDecoder(resp.Body)
	for {
		var line struct {
			changes.Change
			Summary *changes.Summary `json:"summary"`
		}
		err := d.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return changes.Summary{}, ctx.Err()
		case err != nil:
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return changes.Summary{}, fmt.Errorf("the comparison by the gateway broke off, its log says why: %w", err)
		case line.Summary != nil:
			return *line.Summary, nil
		}
		if err := found(line.Change); err != nil {
			return changes.Summary{}, err
		}
	}
}

// changesText shows changes to a person.
type changesText struct {
	p     Program
	c     paint
	width int
}

// shownReasons is how many causes of a rule are shown in each direction.
const shownReasons = 5

func (t *changesText) add(c changes.Change) error {
	var b strings.Builder
	head := t.c.in(resultColour(c.Before), c.Before)
	switch {
	case c.Fault != "":
		head += " → " + t.c.in(red, "not compiled")
	case c.After != c.Before:
		head += " → " + t.c.in(resultColour(c.After), c.After)
	}
	fmt.Fprintf(&b, "%s  %s %s\n", head, fit(c.Title, t.width-40), t.c.in(dim, printable(c.ID)))
	if c.Fault != "" {
		fmt.Fprintf(&b, "    %s\n", fit(c.Fault, t.width-4))
	}
	t.reasons(&b, "+", c.Appeared)
	t.reasons(&b, "-", c.Vanished)
	if c.Added+c.Removed > 0 {
		fmt.Fprintf(&b, "    query: %d lines added, %d removed\n", c.Added, c.Removed)
	}
	if len(c.Settings) > 0 {
		fmt.Fprintf(&b, "    settings: %s\n", strings.Join(c.Settings, ", "))
	}
	if c.Prebuilt {
		b.WriteString("    a prebuilt rule stands in its place; this concerns the translation beside it\n")
	}
	for line := range strings.Lines(c.Query) {
		colour := ""
		switch line[0] {
		case '+':
			colour = green
		case '-':
			colour = red
		}
		fmt.Fprintf(&b, "    %s\n", t.c.in(colour, printable(strings.TrimRight(line, "\n"))))
	}
	_, err := fmt.Fprint(t.p.Stdout, b.String())
	return err
}

// reasons shows causes first; notes, which change no result, are counted.
func (t *changesText) reasons(b *strings.Builder, sign string, ds []migration.Diagnostic) {
	shown, notes := 0, 0
	for _, d := range ds {
		if !changes.Cause(d) {
			notes++
			continue
		}
		if shown++; shown <= shownReasons {
			fmt.Fprintf(b, "    %s %-13s %s\n", sign, report.Severity(d.Severity), fit(fmt.Sprintf("%d:%d %s", d.Start.Line, d.Start.Column, d.Message), t.width-20))
		}
	}
	if shown > shownReasons {
		fmt.Fprintf(b, "    %s … and %d more\n", sign, shown-shownReasons)
	}
	if notes > 0 {
		fmt.Fprintf(b, "    %s %d notes\n", sign, notes)
	}
}

func (t *changesText) end(s changes.Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d rules would change with the compiler %s", s.Changed, s.Compared, s.Compiler)
	for _, more := range []struct {
		n    int
		what string
	}{{s.Faults, "could not be compiled again"}, {s.Waiting, "are not translated yet"}, {s.Model, "were completed by a model and are not compared"}} {
		if more.n > 0 {
			fmt.Fprintf(&b, "; %d %s", more.n, more.what)
		}
	}
	b.WriteString(". Nothing was overwritten.\n")
	_, err := fmt.Fprint(t.p.Stdout, b.String())
	return err
}
