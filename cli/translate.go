package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/splunk"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// translateFlags are the flags of translate.
type translateFlags struct {
	macros, lookups []string
	schema          string
	index           []string
	target, output  string
	explain         bool
}

func (p Program) translateCommand() *cobra.Command {
	var f translateFlags
	c := &cobra.Command{
		Use:   "translate [QUERY]",
		Short: "Translate one query, or NDJSON rules from stdin",
		Long: `Translate SPL to ES|QL with the compiler alone: no model, no server, no store.

With QUERY, that query is translated. Without, every line of stdin is a rule {"id", "query", "title"?, …}, and every
line of the output is its translation, in the same order. On a terminal the output is text to read: the result, the
ES|QL, then the notes, first those that keep the rule from being full. A hole is a part without a translation, which
the draft (the ES|QL that was made) leaves out; an approximation can differ in the case that it names. A line that cannot be read is reported on stderr with its
number, the others are still translated, and the exit code is 2. Rules that cannot be translated are no error.

--schema identity keeps field names as they are (_time is @timestamp) and reads logs-* unless --index says otherwise; a
line may then carry "field_types": {field: Elasticsearch type} (default keyword).`,
		Example: `  rulebridge translate 'sourcetype=access_combined status=500 | stats count by host'
  rulebridge translate --macros macros.jsonl --lookups lookups.jsonl < rules.jsonl > translations.jsonl
  rulebridge translate --explain '| tstats count from datamodel=Web by Web.src'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := p.newTranslator(c, f)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return t.one(c.Context(), args[0])
			}
			if _, tty := terminal(p.Stdin); tty {
				return usagef("nothing to translate: give a query as argument, or rules as NDJSON on stdin; see %s --help", c.CommandPath())
			}
			defer app.CollectForBatch()()
			return t.stream(c.Context())
		},
	}
	fs := c.Flags()
	fs.String("config", "", "YAML file with settings; its schema key names a file with own field mappings")
	fs.StringArrayVar(&f.macros, "macros", nil, "NDJSON file with macros {name, definition, arguments}; may be repeated")
	fs.StringArrayVar(&f.lookups, "lookups", nil, "NDJSON file with lookups {name, columns, rows, …}; may be repeated")
	fs.StringVar(&f.schema, "schema", "ecs", "ecs maps fields to ECS and Elastic's integrations; identity keeps their names")
	fs.StringSliceVar(&f.index, "index", nil, "index pattern for FROM instead of the one the data source gives; may be repeated")
	fs.StringVar(&f.target, "target", "", "Elasticsearch version: 8.19 or 9.x (default: that of the configuration, which is 8.19)")
	fs.String("time-zone", "", "time zone of Splunk's search head, such as Europe/Berlin (default: UTC, with a note where it matters)")
	fs.StringVar(&f.output, "output", "", "ndjson or text (default: text on a terminal, ndjson into a pipe or file)")
	fs.BoolVar(&f.explain, "explain", false, "print the SPL stage by stage beside the ES|QL it became, with the notes")
	return c
}

// translator translates with one prepared compiler.
type translator struct {
	p        Program
	compiler *translate.Compiler
	defaults compile.Defaults
	flags    translateFlags
	out      *bufio.Writer
	told     bool // a note was printed that is no remark
}

func (p Program) newTranslator(c *cobra.Command, f translateFlags) (*translator, error) {
	switch translate.Target(f.target) {
	case "", translate.Target8, translate.Target9:
	default:
		return nil, usagef("--target %q: use %s or %s", f.target, translate.Target8, translate.Target9)
	}
	switch f.output {
	case "ndjson", "text":
	case "":
		f.output = "ndjson"
		if _, tty := terminal(p.Stdout); tty {
			f.output = "text"
		}
	default:
		return nil, usagef("--output %q: use ndjson or text", f.output)
	}
	cfg, err := p.load(c)
	if err != nil {
		return nil, err
	}
	defaults, err := app.TranslationSettings(cfg.Translation).Defaults()
	if err != nil {
		return nil, usage(err)
	}
	target := translate.Target(cmp.Or(f.target, cfg.Translation.Target))
	if cfg.Translation.UnmappedFields && target != translate.Target9 {
		return nil, usagef("--target %s: the configuration asks for translation.unmapped_fields, which needs %s", target, translate.Target9)
	}
	opts := translate.Options{Target: target, UnmappedNull: cfg.Translation.UnmappedFields, Index: f.index, Zone: defaults.Zone}
	switch f.schema {
	case "ecs":
		opts.Schema, err = app.Schema(cfg.Schema)
		if err != nil {
			return nil, usage(err)
		}
	case "identity":
		if len(f.index) == 0 {
			f.index = []string{"logs-*"}
		}
		opts.Schema = schema.Identity(f.index, nil)
	default:
		return nil, usagef("--schema %q: use ecs or identity", f.schema)
	}
	resources, err := readResources(f.macros, f.lookups)
	if err != nil {
		return nil, err
	}
	compiler, err := translate.New(compile.WithResources(opts, resources))
	if err != nil {
		return nil, usage(fmt.Errorf("the macros and lookups do not fit together: %w", err))
	}
	return &translator{p: p, compiler: compiler, defaults: defaults, flags: f, out: bufio.NewWriterSize(p.Stdout, 64<<10)}, nil
}

// one translates the query given as argument.
func (t *translator) one(ctx context.Context, query string) error {
	if err := t.translate(ctx, splunk.Rule{OriginalRule: migration.OriginalRule{ID: "query", Query: query}}); err != nil {
		return err
	}
	t.legend()
	return t.flush()
}

// stream translates stdin, holding one rule at a time.
func (t *translator) stream(ctx context.Context) error {
	bad := 0
	for rule, err := range splunk.Rules("stdin", &interruptible{ctx: ctx, r: t.p.Stdin}) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			bad++
			_, _ = fmt.Fprintln(t.p.Stderr, "rulebridge: "+err.Error())
			var fault *splunk.Error
			if !errors.As(err, &fault) {
				return &exitError{ExitFailed, quietError{}}
			}
			continue
		}
		if err := t.translate(ctx, rule); err != nil {
			return err
		}
		// Whoever sends one line at a time gets its answer before the next.
		if err := t.flush(); err != nil {
			return err
		}
	}
	if bad > 0 {
		return usage(quietError{})
	}
	return nil
}

func (t *translator) flush() error {
	if err := t.out.Flush(); err != nil {
		return fmt.Errorf("write the translation: %w", err)
	}
	return nil
}

func (t *translator) translate(ctx context.Context, r splunk.Rule) error {
	o := r.OriginalRule
	start := time.Now()
	request := compile.Request(o)
	if t.flags.schema == "identity" {
		request.Types = r.FieldTypes
	}
	beforeCompilation(o)
	out, err := t.compiler.TranslateContext(ctx, request)
	if err != nil {
		return fmt.Errorf("translate %s: %w", o.ID, context.Cause(ctx))
	}
	if len(r.FieldTypes) > 0 && t.flags.schema != "identity" {
		out.Diagnostics = append(out.Diagnostics, translate.Diagnostic{
			Code: "option_ignored", Severity: translate.Info, Subject: "field_types",
			Message: "field_types are for --schema identity; with --schema " + t.flags.schema + " the types come from the schema, so they are not used",
		})
	}
	elapsed := time.Since(start)
	switch {
	case t.flags.explain:
		return t.explain(o, out)
	case t.flags.output == "text":
		return t.text(o, out)
	}
	line := newTranslation(t.defaults, o, out)
	line.ElapsedUS = elapsed.Microseconds()
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(line); err != nil {
		return fmt.Errorf("write the translation of %s: %w", o.ID, err)
	}
	return nil
}

// readResources reads macro and lookup files; all their faults are reported together.
func readResources(macroFiles, lookupFiles []string) ([]migration.Resource, error) {
	var all []migration.Resource
	read := func(path string, parse func(string, io.Reader) iter.Seq2[migration.Resource, error]) error {
		f, err := os.Open(path)
		if err != nil {
			return usage(err)
		}
		defer func() { _ = f.Close() }()
		var faults []error
		for r, err := range parse(path, f) {
			if err != nil {
				faults = append(faults, err)
				continue
			}
			all = append(all, r)
		}
		return usage(joinFaults(faults))
	}
	for _, path := range macroFiles {
		if err := read(path, splunk.Macros); err != nil {
			return nil, err
		}
	}
	for _, path := range lookupFiles {
		if err := read(path, splunk.Lookups); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// maxFaults is how many faults of input files are printed.
const maxFaults = 10

func joinFaults(faults []error) error {
	if n := len(faults); n > maxFaults {
		faults = append(faults[:maxFaults:maxFaults], fmt.Errorf("… and %d more", n-maxFaults))
	}
	return errors.Join(faults...)
}
