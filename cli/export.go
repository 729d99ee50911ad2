package cli

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
)

type exportFlags struct {
	out, url, format, take string
	exceptions             bool
}

func (p Program) exportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export [ID]",
		Short: "Write the rules of a migration as Kibana imports them",
		Long: `Write what a migration gives to files in the folder --out:

  kibana-rules.ndjson    rules for Kibana's import, disabled; beyond 9,999 rules or 8 MiB also kibana-rules-2.ndjson, …
  prebuilt-rules.ndjson  rules of yours that a prebuilt rule replaces: install those from Kibana
  left-out.ndjson        rules that are not exported, each with the reason
  lookups/               INDEX.mapping.json and INDEX.bulk.ndjson of the lookup indices that the queries join with
  exceptions.ndjson      with --exceptions: exception lists for Kibana's import
  export.json            what was written, and which lookup indices got another name because two rules need different content

With --exceptions, what filter macros of Splunk (NAME_filter) and lookups of what is allowed (NOT [| inputlookup NAME], or
lookup NAME … | where isnull(COLUMN)) leave out is written as exception lists, where analysts edit it in Kibana, and leaves
the queries: only where an exception list says exactly the same; export.json names the others, which stay in the queries. Import exceptions.ndjson before the rules.

With --format toml the rules are files rules/NAME.toml in the layout of Elastic's detection-rules repository instead.

Taken is every rule with a query that nobody rejected, partial ones too; with --take accepted only those that somebody accepted.

A rule keeps its rule_id from export to export, so that a further import updates it where overwriting is allowed. Partial
rules carry the tag "` + kibana.TagPartial + `" and say in their investigation guide what to settle.

The migration is read from --data-dir (which no other process may be using) or from a gateway with --url. Without an id, the
only migration there is is taken.`,
		Example: `  rulebridge export --data-dir work --out kibana
  rulebridge export 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae --url http://127.0.0.1:8080 --out kibana`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if f.out == "" {
				return usagef("name the folder for the files with --out")
			}
			if !slices.Contains(kibana.Formats(), f.format) {
				return usagef("--format %q: use %s", f.format, strings.Join(kibana.Formats(), " or "))
			}
			if err := knownTake(f.take); err != nil {
				return err
			}
			cfg, err := p.load(c)
			if err != nil {
				return err
			}
			if err := writable(f.out); err != nil {
				return err
			}
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			return p.kept(c.Context(), f.url, cfg, id, func(r *run, stats migration.Stats) error {
				return r.export(c.Context(), cfg, f, stats)
			})
		},
	}
	config.Flags(c.Flags())
	for _, name := range []string{"http-port", "temporal-port", "ui-port", "ephemeral", "connector", "batch", "pause"} {
		if c.Flags().Lookup(name) != nil {
			_ = c.Flags().MarkHidden(name)
		}
	}
	c.Flags().StringVar(&f.out, "out", "", "folder for the files")
	c.Flags().StringVar(&f.format, "format", kibana.FormatNDJSON, "ndjson for Kibana's import, or toml")
	takeFlag(c.Flags(), &f.take)
	c.Flags().BoolVar(&f.exceptions, "exceptions", false, "write exclusions (filter macros, lookups of what is allowed) as exception lists")
	c.Flags().StringVar(&f.url, "url", "", "gateway that keeps the migration, http(s)://[user:password@]host:port")
	return c
}

// takeFlag is --take of the commands that bring rules elsewhere.
func takeFlag(fs *pflag.FlagSet, take *string) {
	fs.StringVar(take, "take", string(migration.TakeAll), "`which` rules: all that have a query and are not rejected, or accepted ones only")
}

func knownTake(take string) error {
	if !slices.Contains(migration.Takes(), migration.Take(take)) {
		return usagef("--take %s: use all or accepted", quote(take))
	}
	return nil
}

// export writes the files and says what they hold.
func (r *run) export(ctx context.Context, cfg config.Config, f exportFlags, stats migration.Stats) error {
	earlier, err := exported(f.out)
	if err != nil {
		return err
	}
	create := func(name string) (kibana.File, error) { return createExported(f.out, name) }
	if f.exceptions && r.gateway != nil {
		sum, err := r.exportThere(ctx, f, create)
		if err != nil {
			return err
		}
		if err := removeEarlier(f.out, earlier.Files, sum.Files); err != nil {
			return err
		}
		return r.p.printExport(f.out, sum, stats)
	}
	o := kibana.Options{MigrationID: r.id, Format: f.format, Take: migration.Take(f.take), Context: ctx}
	if f.exceptions {
		filters, err := app.NewFilters(cfg, r.resources, r.p.compilers(cfg, "--prebuilt", ""), zap.NewNop())
		if err != nil {
			return err
		}
		defer filters.Close()
		o.Filters = filters
	}
	e := kibana.NewExporter(o, create)
	defer e.Abandon()
	err = r.rules(ctx, r.id, func(_ json.RawMessage, rule migration.Rule) error { return e.Add(rule) })
	if err != nil {
		return err
	}
	sum, err := e.Finish()
	if err != nil {
		return err
	}
	if err := removeEarlier(f.out, earlier.Files, sum.Files); err != nil {
		return err
	}
	return r.p.printExport(f.out, sum, stats)
}

// createExported makes a file in the folder of an export.
func createExported(out, name string) (kibana.File, error) {
	path := filepath.Join(out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	o, err := createOut(path)
	if err != nil {
		return nil, err
	}
	return exportFile{o}, nil
}

// exportThere has the gateway export, which has the macros, and unpacks its archive.
func (r *run) exportThere(ctx context.Context, f exportFlags, create func(name string) (kibana.File, error)) (sum kibana.Summary, err error) {
	resp, err := r.gateway.call(ctx, http.MethodGet, "/"+url.PathEscape(r.id)+"/export?"+url.Values{"format": {f.format}, "exceptions": {"true"}, "take": {f.take}}.Encode(), nil)
	if err != nil {
		return sum, err
	}
	defer func() { _ = resp.Body.Close() }()
	held, err := os.CreateTemp("", "rulebridge-export-*.zip")
	if err != nil {
		return sum, fmt.Errorf("hold the export of the gateway: %w", err)
	}
	defer func() {
		_ = held.Close()
		_ = os.Remove(held.Name())
	}()
	size, err := io.Copy(held, resp.Body)
	if err != nil {
		return sum, fmt.Errorf("read the export of the gateway: %w", err)
	}
	archive, err := zip.NewReader(held, size)
	if err != nil {
		return sum, fmt.Errorf("the export of the gateway broke off, its log says why: %w", err)
	}
	for _, z := range archive.File {
		if !kibana.IsFile(z.Name) {
			return sum, fmt.Errorf("the export of the gateway holds %q, which is no file of an export", z.Name)
		}
		if err := unpack(z, create); err != nil {
			return sum, err
		}
	}
	return exported(f.out)
}

func unpack(z *zip.File, create func(name string) (kibana.File, error)) error {
	from, err := z.Open()
	if err != nil {
		return fmt.Errorf("unpack %s: %w", z.Name, err)
	}
	defer func() { _ = from.Close() }()
	to, err := create(z.Name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil { //nolint:gosec // the archive is our gateway's
		to.Abandon()
		return fmt.Errorf("unpack %s: %w", z.Name, err)
	}
	return to.Finish()
}

// exportFile is a file of an export.
type exportFile struct{ *outFile }

func (f exportFile) Write(b []byte) (int, error) { return f.w.Write(b) }
func (f exportFile) Finish() error               { return f.finish() }
func (f exportFile) Abandon()                    { f.abandon() }

// exported is what an earlier export wrote to the folder; empty when there was none.
func exported(out string) (sum kibana.Summary, err error) {
	path := filepath.Join(out, kibana.SummaryFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return sum, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &sum)
	}
	if err != nil {
		return sum, usagef("%s was not written by an export (%w); name another folder with --out", path, err)
	}
	return sum, nil
}

// removeEarlier removes the files of an earlier export that the new one does not have, so that nobody imports them.
func removeEarlier(out string, earlier, now []string) error {
	keep := map[string]bool{}
	for _, name := range now {
		keep[name] = true
	}
	for _, name := range earlier {
		local := filepath.FromSlash(name)
		if keep[name] || !kibana.IsFile(name) || !filepath.IsLocal(local) {
			continue
		}
		if err := os.Remove(filepath.Join(out, local)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what an earlier export wrote: %w", err)
		}
	}
	return nil
}

// because is why rules are left out, in brackets.
func because(o migration.Omissions) string {
	if why := o.String(); why != "" {
		return " (" + why + ")"
	}
	return ""
}

func (p Program) printExport(out string, sum kibana.Summary, stats migration.Stats) error {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("%d rules written, %d of them partial", sum.Rules, sum.Partial)
	say("%d rules that prebuilt rules replace, %d left out%s", sum.Prebuilt, sum.LeftOut, because(sum.LeftOutBy))
	if sum.LeftOut > 0 && sum.Rules > 0 {
		say("left-out.ndjson names those and says why")
	}
	if sum.Take == migration.TakeAll && sum.Partial > 0 {
		say("with --take accepted only rules that somebody accepted are written")
	}
	for _, k := range sum.Lookups {
		if k.Rows == 0 {
			say("lookup index %s: add its rows, the migration does not have them", k.Index)
		}
	}
	for _, k := range sum.Renamed {
		say("lookup index %s is %s for rule %s, which needs other rows or fields in it", k.From, k.To, printable(k.Rule))
	}
	if sum.Exceptions > 0 {
		say("%s written as exceptions", plural(sum.Exceptions, "exclusion"))
	}
	if n := len(sum.Kept); n > 0 {
		say("%s in the queries: an exception list does not say the same (export.json names them)", plural(n, "exclusion stays", "exclusions stay"))
	}
	if stats.Status != migration.Finished {
		say("the migration is %s: export again when it is finished", stats.Status)
	}
	if sum.Rules == 0 {
		what := "left-out.ndjson says why each rule is left out"
		if sum.Prebuilt > 0 {
			what = "install the rules that prebuilt-rules.ndjson names from Kibana's prebuilt rules, or with rulebridge install; " + what
		}
		say("\nThe files are in %s; there is no rule to import: %s", out, what)
		_, err := fmt.Fprint(p.Stdout, b.String())
		return err
	}
	say("\nThe files are in %s. What to do with them:", out)
	if len(sum.Lookups) > 0 {
		say("  for m in %s; do i=$(basename \"$m\" .mapping.json); b=\"${m%%.mapping.json}.bulk.ndjson\"", filepath.Join(out, "lookups", "*.mapping.json"))
		say("    curl -X PUT \"$ES/$i\" -H 'Content-Type: application/json' --data-binary \"@$m\"")
		say("    [ ! -f \"$b\" ] || curl -X POST \"$ES/$i/_bulk\" -H 'Content-Type: application/x-ndjson' --data-binary \"@$b\"; done")
	}
	if sum.Exceptions > 0 {
		say("  curl -X POST \"$KIBANA/api/exception_lists/_import\" -H 'kbn-xsrf: true' --form file=@%s", filepath.Join(out, kibana.ExceptionsFile))
	}
	if len(sum.RuleFiles) == 0 {
		say("  copy %s into your detection-rules repository, and look the rules through there", filepath.Join(out, "rules"))
	}
	for _, name := range sum.RuleFiles {
		say("  curl -X POST \"$KIBANA/api/detection_engine/rules/_import\" -H 'kbn-xsrf: true' --form file=@%s", filepath.Join(out, name))
	}
	if sum.Prebuilt > 0 {
		say("  install the rules that %s names from Kibana's prebuilt rules, or with %s install", filepath.Join(out, kibana.PrebuiltFile), p.Self)
	}
	_, err := fmt.Fprint(p.Stdout, b.String())
	return err
}
