package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

type reportFlags struct{ out, url, format string }

func (p Program) reportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report [ID]",
		Short: "Write the report of a migration that is kept on a data folder or by a gateway",
		Long: `Write the report of a migration, finished or not, from --data-dir (which no other process may be using) or from a
gateway with --url. With --out it is written to files as migrate writes them; without, it goes to standard output in the given format:

  html  one page for people that needs no other file: charts, and every rule with both queries (up to ` + strconv.Itoa(report.MostInFull) + ` rules)
  csv   a row a rule, for a spreadsheet
  md    the summary with the rules to look at, as Markdown
  json  the summary for programs

Without an id, the only migration there is is taken.`,
		Example: `  rulebridge report --data-dir work --format html > report.html
  rulebridge report 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae --url http://127.0.0.1:8080 --out result`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(report.Formats(), f.format) {
				return usagef("--format %q: use %s", f.format, strings.Join(report.Formats(), ", "))
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
				r.out = f.out
				return r.show(c.Context(), f, stats)
			})
		},
	}
	config.Flags(c.Flags())
	for _, name := range []string{"http-port", "temporal-port", "ui-port", "ephemeral", "connector", "batch", "pause"} {
		if c.Flags().Lookup(name) != nil {
			_ = c.Flags().MarkHidden(name)
		}
	}
	c.Flags().StringVar(&f.out, "out", "", "folder for report.html, report.md, report.json, rules.csv and rules.ndjson")
	c.Flags().StringVar(&f.url, "url", "", "gateway that keeps the migration, http(s)://[user:password@]host:port")
	c.Flags().StringVar(&f.format, "format", "md", "html, csv, md or json, of the report on standard output")
	return c
}

// kept calls use with a migration that a gateway keeps or, without an address, the data folder; without an id, with the only
// migration there is.
func (p Program) kept(ctx context.Context, address string, cfg config.Config, id string, use func(*run, migration.Stats) error) error {
	if address != "" {
		return p.keptByGateway(ctx, address, id, use)
	}
	return p.keptInFolder(ctx, cfg, id, use)
}

func (p Program) keptByGateway(ctx context.Context, address, id string, use func(*run, migration.Stats) error) error {
	g, err := newGateway(address, remoteTransport())
	if err != nil {
		return err
	}
	if id == "" {
		all, err := g.all(ctx)
		if err != nil {
			return err
		}
		if id, err = onlyOne(all); err != nil {
			return err
		}
	}
	stats, err := g.stats(ctx, id)
	if errors.Is(err, errUnknown) {
		return usagef("the gateway knows no migration %s", id)
	}
	if err != nil {
		return err
	}
	return use(&run{p: p, gateway: g, id: id, rules: g.rules}, stats)
}

func (p Program) keptInFolder(ctx context.Context, cfg config.Config, id string, use func(*run, migration.Stats) error) (err error) {
	records, err := app.OpenRecords(ctx, cfg.DataDir)
	if err != nil {
		var locked *app.LockedError
		if errors.As(err, &locked) {
			return usagef("%s is in use by another rulebridge process (pid %d): ask that one with --url, or end it first", locked.Dir, locked.PID)
		}
		if errors.Is(err, app.ErrNoData) {
			return usage(err)
		}
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	standings, err := records.Migrations(ctx)
	if err != nil {
		return err
	}
	all := make([]migration.Stats, len(standings))
	connectors := map[string]string{}
	for i, m := range standings {
		all[i] = migration.Stats{MigrationID: m.ID, Status: m.State, Rules: m.Counts, LastUpdated: m.LastUpdated, ParkReason: m.ParkReason}
		connectors[m.ID] = m.ConnectorID
	}
	if id == "" {
		if id, err = onlyOne(all); err != nil {
			return err
		}
	}
	for _, stats := range all {
		if stats.MigrationID != id {
			continue
		}
		r := run{p: p, id: id, connector: connectors[id], resources: records.Resources(), installed: records.Installations}
		r.rules = func(ctx context.Context, id string, each func(json.RawMessage, migration.Rule) error) error {
			return records.Rules(ctx, id, func(rule migration.Rule) error {
				raw, err := json.Marshal(rule)
				if err != nil {
					return fmt.Errorf("encode rule %s: %w", rule.ID, err)
				}
				return each(raw, rule)
			})
		}
		return use(&r, stats)
	}
	return usagef("%s holds no migration %s; it holds:\n%s", cfg.DataDir, id, listed(all))
}

// onlyOne is the id of the only migration there is.
func onlyOne(all []migration.Stats) (string, error) {
	switch len(all) {
	case 0:
		return "", usagef("there is no migration here")
	case 1:
		return all[0].MigrationID, nil
	}
	return "", usagef("there are %d migrations here; name one:\n%s", len(all), listed(all))
}

func listed(all []migration.Stats) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "  %s  %s, %d of %d rules done, last changed %s\n", s.MigrationID, s.Status, s.Rules.Finished+s.Rules.Failed, s.Rules.Total,
			s.LastUpdated.Local().Format("2006-01-02 15:04"))
		if s.Status == migration.Creating {
			b.WriteString("    its rules were not all stored; see rulebridge import --help\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// show writes the files and the summary, or without a folder the report itself.
func (r *run) show(ctx context.Context, f reportFlags, stats migration.Stats) error {
	if r.out == "" {
		more, err := r.more(ctx)
		if err != nil {
			return err
		}
		return report.Write(r.p.Stdout, f.format, r.about(stats), time.Now(), more, func(each func(migration.Rule) error) error {
			return r.each(ctx, func(_ json.RawMessage, rule migration.Rule) error { return each(rule) })
		})
	}
	rep, err := r.report(ctx, stats, nil)
	if err != nil {
		return err
	}
	return r.p.printSummary(rep, r.files())
}
