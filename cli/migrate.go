package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

type migrateFlags struct {
	macros, lookups    []string
	prebuilt, out, url string
}

func (p Program) migrateCommand() *cobra.Command {
	var f migrateFlags
	c := &cobra.Command{
		Use:   "migrate FILE…",
		Short: "Migrate rules from files and write the result to a folder",
		Long: `Migrate rules from JSON arrays or NDJSON files of {"id", "title", "query", …}.

The work runs in this process: in memory, or on --data-dir, where it can be looked at with dev afterwards. With --url a
gateway that runs elsewhere does it. --out gets rules.ndjson (every rule with its translation), report.json and report.md;
without --out only the summary is shown.

Exit codes: 0 finished, 1 failed or parked (the reason is on stderr), 2 bad input or flags, 3 finished but some rules
ended in error (the report names them), 130 after Ctrl-C (rules that were being worked on are pending again).`,
		Example: `  rulebridge migrate rules.json --macros macros.jsonl --lookups lookups.jsonl --out result
  rulebridge migrate rules.jsonl --url http://elastic:changeme@127.0.0.1:8080`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error { return p.migrate(c, f, files) },
	}
	fs := c.Flags()
	config.Flags(fs)
	ownDefault(fs, "pause", "0s", "pause between batches; none unless it is set (with --url: the gateway's own)")
	ownDefault(fs, "data-dir", "", "`folder` of the databases, to look at with dev afterwards (default: none, in memory)")
	fs.StringArrayVar(&f.macros, "macros", nil, "NDJSON file with macros {name, definition, arguments}; may be repeated")
	fs.StringArrayVar(&f.lookups, "lookups", nil, "NDJSON file with lookups {name, columns, rows, …}; may be repeated")
	fs.StringVar(&f.prebuilt, "prebuilt", "", prebuiltUsage)
	fs.StringVar(&f.out, "out", "", "folder for rules.ndjson, report.json and report.md")
	fs.StringVar(&f.url, "url", "", "gateway that does the work, http(s)://[user:password@]host:port")
	return c
}

// ownDefault words the help of a setting whose default this command sets itself.
func ownDefault(fs *pflag.FlagSet, name, value, usage string) {
	f := fs.Lookup(name)
	f.DefValue, f.Usage = value, usage
}

func (p Program) migrate(c *cobra.Command, f migrateFlags, files []string) (err error) {
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	if f.url != "" && f.prebuilt != "" {
		return usagef("--prebuilt and --url exclude each other: the gateway matches against its own prebuilt rules")
	}
	rules, err := readRules(files)
	if err != nil {
		return err
	}
	resources, err := readResources(f.macros, f.lookups)
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return usage(fmt.Errorf("--out: %w", err))
		}
	}
	if f.out == "" && (f.url != "" || cfg.Source("data_dir") != "default") {
		_, _ = fmt.Fprintln(p.Stderr, "rulebridge: without --out no file is written; the rules stay in the store")
	} else if f.out == "" {
		_, _ = fmt.Fprintln(p.Stderr, "rulebridge: without --out and --data-dir the translations are thrown away at the end and only the summary is shown; end with Ctrl-C and give --out FOLDER to keep them")
	}
	run := run{p: p, connector: cfg.Connector, out: f.out}
	if f.url != "" {
		if run.gateway, err = newGateway(f.url, remoteTransport()); err != nil {
			return err
		}
		run.inherit(cfg)
		return run.migrate(c.Context(), rules, resources)
	}

	catalogue, err := openPrebuilt(f.prebuilt)
	if err != nil {
		return err
	}
	a, err := app.Open(c.Context(), app.Options{
		Config: ownProcess(cfg), Log: p.logger(cfg, true), Embedded: p.Embedded, Prebuilt: catalogue, FreePorts: true,
		Compilers: p.compilers(cfg, "--prebuilt", f.prebuilt),
		UI:        cfg.Source("ui.addr") != "default",
	})
	if err != nil {
		return startError(err)
	}
	defer func() { err = errors.Join(err, p.shutDown(a, cfg)) }()
	if run.gateway, err = newGateway(inProcessURL, inProcess{a.Handler()}); err != nil {
		return err
	}
	run.inherit(cfg)
	run.noPause(cfg)
	err = run.migrate(c.Context(), rules, resources)
	var exit *exitError
	if finished := err == nil || errors.As(err, &exit) && exit.code == ExitRules; finished && a.DataDir() != "" {
		_, _ = fmt.Fprintf(p.Stdout, "Look at it with: %s dev --data-dir %s\n", p.Self, quote(a.DataDir()))
	}
	return err
}

// ownProcess are the settings of a process that works for its own command line alone: nothing listens but Temporal on
// loopback, and the data is kept only where the user named a folder.
func ownProcess(cfg config.Config) config.Config {
	if cfg.Source("data_dir") == "default" {
		cfg.Ephemeral = true
	}
	if cfg.Source("temporal.addr") == "default" {
		cfg.Temporal.Addr = "127.0.0.1:0"
	}
	// Requests come from this process, without a network.
	cfg.Auth = config.Auth{}
	return cfg
}

// readRules reads all files; all their faults are reported together.
func readRules(files []string) ([]migration.OriginalRule, error) {
	var rules []migration.OriginalRule
	var faults []error
	seen := map[string]string{}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return nil, usage(err)
		}
		n := len(rules)
		for r, err := range splunk.Rules(path, f) {
			if err != nil {
				faults = append(faults, err)
				continue
			}
			if first, ok := seen[r.ID]; ok {
				faults = append(faults, fmt.Errorf("%s: rule %s stands already in %s; ids must differ", path, r.ID, first))
				continue
			}
			seen[r.ID] = path
			rules = append(rules, r.OriginalRule)
		}
		_ = f.Close()
		if len(rules) == n && len(faults) == 0 {
			return nil, usagef("%s holds no rules", path)
		}
	}
	if err := joinFaults(faults); err != nil {
		return nil, usage(fmt.Errorf("nothing was migrated; put these right first:\n%w", err))
	}
	return rules, nil
}

// run is one migration driven from the command line.
type run struct {
	p         Program
	gateway   *gateway
	connector string
	batch     int            // 0: the gateway's own
	pause     *time.Duration // nil: the gateway's own
	out       string
	id        string
}

// inherit takes over what the user set for this migration.
func (r *run) inherit(cfg config.Config) {
	if cfg.Source("migration.batch") != "default" {
		r.batch = cfg.Migration.Batch
	}
	if cfg.Source("migration.pause") != "default" {
		r.pause = &cfg.Migration.Pause
	}
}

// noPause leaves out the pause that spares a shared connector, unless the user set one.
func (r *run) noPause(cfg config.Config) {
	if r.pause == nil && cfg.Source("migration.pause") == "default" {
		r.pause = new(time.Duration)
	}
}

// migrate carries the migration through and writes what was asked for.
func (r *run) migrate(ctx context.Context, rules []migration.OriginalRule, resources []migration.Resource) error {
	stats, err := r.execute(ctx, rules, resources)
	if err != nil {
		return err
	}
	rep, err := r.report(ctx, stats, nil)
	if err != nil {
		return err
	}
	if err := r.p.printSummary(rep, r.files()); err != nil {
		return err
	}
	if n := rep.Statuses.Failed; n > 0 {
		return &exitError{ExitRules, fmt.Errorf("%d of %d rules ended in error; the report names them", n, rep.Statuses.Total)}
	}
	return nil
}

// execute creates and starts the migration and waits for its end.
func (r *run) execute(ctx context.Context, rules []migration.OriginalRule, resources []migration.Resource) (migration.Stats, error) {
	var err error
	if r.id, err = r.gateway.create(ctx, rules, resources); err != nil {
		return migration.Stats{}, r.badRequest(err)
	}
	if _, err := r.gateway.start(ctx, r.id, r.connector, r.batch, r.pause); err != nil {
		return migration.Stats{}, r.badRequest(err)
	}
	stats, err := r.wait(ctx, len(rules))
	if wasInterrupted(ctx) {
		return stats, r.interrupted()
	}
	if err != nil {
		return stats, err
	}
	if stats.Status != migration.Finished {
		reason := stats.ParkReason
		if reason == "" {
			reason = "somebody stopped it"
		}
		return stats, fmt.Errorf("migration %s is %s: %s; %d of %d rules are done; start it again when the cause is gone", r.id, stats.Status, reason,
			stats.Rules.Finished+stats.Rules.Failed, stats.Rules.Total)
	}
	return stats, nil
}

// badRequest gives refusals of the input the exit code of bad input.
func (r *run) badRequest(err error) error {
	var answer *answerError
	if errors.As(err, &answer) && answer.Status >= 400 && answer.Status < 500 && answer.Status != 409 && answer.Status != 429 {
		return usage(err)
	}
	return err
}

// patience is how long the gateway may not answer while a migration runs.
const patience = 30 * time.Second

// wait polls the migration until it no longer runs, showing how far it is.
func (r *run) wait(ctx context.Context, total int) (migration.Stats, error) {
	progress := r.p.newProgress(total)
	defer progress.stop()
	var failing time.Time
	for {
		stats, err := r.gateway.stats(ctx, r.id)
		switch {
		case ctx.Err() != nil:
			return stats, ctx.Err()
		case errors.Is(err, errUnknown):
			return stats, fmt.Errorf("migration %s was deleted", r.id)
		case err != nil:
			if failing.IsZero() {
				failing = time.Now()
			}
			if time.Since(failing) > patience {
				return stats, err
			}
		default:
			failing = time.Time{}
			progress.update(stats.Rules)
			if stats.Status == migration.Finished || stats.Status == migration.Stopped {
				return stats, nil
			}
		}
		select {
		case <-ctx.Done():
			return stats, ctx.Err()
		case <-time.After(progress.every()):
		}
	}
}

// interrupted stops the migration and waits until nothing is being worked on.
func (r *run) interrupted() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, _ = fmt.Fprintln(r.p.Stderr, "rulebridge: interrupted; stopping the migration")
	if err := r.gateway.stop(ctx, r.id); err != nil {
		return &exitError{ExitInterrupted, fmt.Errorf("stop migration %s: %w", r.id, err)}
	}
	for {
		stats, err := r.gateway.stats(ctx, r.id)
		if err == nil && stats.Status != migration.Running && stats.Rules.Processing == 0 {
			return &exitError{ExitInterrupted, fmt.Errorf("migration %s stopped: %d of %d rules are done, %d pending", r.id,
				stats.Rules.Finished+stats.Rules.Failed, stats.Rules.Total, stats.Rules.Pending)}
		}
		select {
		case <-ctx.Done():
			return &exitError{ExitInterrupted, fmt.Errorf("migration %s did not stop within %s", r.id, patience)}
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// files are the paths that report writes to.
func (r *run) files() []string {
	if r.out == "" {
		return nil
	}
	return []string{filepath.Join(r.out, "report.md"), filepath.Join(r.out, "report.json"), filepath.Join(r.out, "rules.ndjson")}
}

// report reads all rules back, sums them up, and writes the files. each, when set, sees every rule.
func (r *run) report(ctx context.Context, stats migration.Stats, each func(migration.Rule)) (report.Report, error) {
	b := report.NewBuilder(migration.Migration{
		ID: r.id, State: stats.Status, ParkReason: stats.ParkReason, ConnectorID: r.connector,
	}, time.Now())
	var rules *outFile
	if r.out != "" {
		var err error
		if rules, err = createOut(filepath.Join(r.out, "rules.ndjson")); err != nil {
			return report.Report{}, err
		}
		defer rules.abandon()
	}
	err := r.gateway.rules(ctx, r.id, func(raw json.RawMessage, rule migration.Rule) error {
		b.Add(rule)
		if each != nil {
			each(rule)
		}
		if rules == nil {
			return nil
		}
		return rules.line(raw)
	})
	rep := b.Report()
	if err != nil || r.out == "" {
		return rep, err
	}
	if err := rules.finish(); err != nil {
		return rep, err
	}
	return rep, writeReport(r.out, rep)
}
