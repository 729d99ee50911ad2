package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
)

type migrateFlags struct {
	macros, lookups    []string
	prebuilt, out, url string
	resume, name       string
	retry              []string
	all                bool
}

func (p Program) migrateCommand() *cobra.Command {
	var f migrateFlags
	c := &cobra.Command{
		Use:         "migrate {PATH… | --resume ID}",
		Annotations: map[string]string{settles: "yes"},
		Short:       "Migrate rules from files and write the result to a folder",
		Long: `Migrate rules and write the result to a folder.

` + inputHelp + `

The work runs in this process: in memory, or on --data-dir, where it can be looked at with dev afterwards. With --url a
gateway that runs elsewhere does it. --out gets report.html, report.md, report.json, rules.csv and rules.ndjson (every rule
with its translation); without --out only the summary is shown. The files are written however the migration ends: what is
not done is pending.

On a data folder that holds an unfinished migration of the same files, connector, macros and lookups, migrate goes on
with that one. --resume goes on with the migration of the id. With --retry it translates rules again that have come to an
end: those in error (failed), those that are partial or untranslatable (not-full), those that use a macro or lookup
(macro:NAME, lookup:NAME), or one rule (rule:ID). What they had come to is kept in their history. Rules that a person has
changed, accepted or rejected are left as they are, unless rule:ID names them.

Exit codes: 0 finished, 1 failed or parked (the reason is on stderr), 2 bad input or flags, 3 finished but some rules
ended in error (the report names them), 130 after Ctrl-C (rules that were being worked on are pending again).`,
		Example: `  rulebridge migrate rules.json --macros macros.jsonl --lookups lookups.jsonl --out result
  rulebridge migrate rules.json --data-dir work --out result
  rulebridge migrate --resume 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae --data-dir work --out result
  rulebridge migrate --resume 0a5ee61f-7a6a-4f30-959e-46d28e85d0ae --data-dir work --retry failed --retry macro:allowed_hosts
  rulebridge migrate rules.jsonl --url http://elastic:changeme@127.0.0.1:8080`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, files []string) error { return p.migrate(c, f, files) },
	}
	fs := c.Flags()
	config.Flags(fs)
	ownDefault(fs, "pause", "0s", "pause between batches; none unless it is set (with --url: the gateway's own)")
	ownDefault(fs, "data-dir", "", "`folder` of the databases, to look at with dev afterwards (default: none, in memory)")
	fs.StringArrayVar(&f.macros, "macros", nil, "NDJSON file with macros {name, definition, arguments}; may be repeated")
	fs.StringArrayVar(&f.lookups, "lookups", nil, "NDJSON file with lookups {name, columns, rows, …}; may be repeated")
	fs.StringVar(&f.prebuilt, "prebuilt", "", prebuiltUsage)
	fs.BoolVar(&f.all, "all", false, "take reports and searches that fill lookups or summaries as well as alerts")
	fs.StringVar(&f.name, "name", "", nameUsage)
	fs.StringVar(&f.out, "out", "", "folder for report.html, report.md, report.json, rules.csv and rules.ndjson")
	fs.StringVar(&f.url, "url", "", "gateway that does the work, http(s)://[user:password@]host:port")
	fs.StringVar(&f.resume, "resume", "", "`id` of a migration to go on with, on --data-dir or --url, instead of files")
	fs.StringArrayVar(&f.retry, "retry", nil, "with --resume: also translate again `failed`, not-full, macro:NAME, lookup:NAME or rule:ID; may be repeated")
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
	if f.name != "" && f.resume != "" {
		return usagef("--name and --resume exclude each other: the migration has its name")
	}
	again, err := retryFilterOf(f)
	if err != nil {
		return err
	}
	rules, resources, err := p.input(cfg, f, files)
	if err != nil {
		return err
	}
	if err := writable(f.out); err != nil {
		return err
	}
	if f.out == "" && (f.url != "" || cfg.Source("data_dir") != "default") {
		_, _ = fmt.Fprintln(p.Stderr, "rulebridge: without --out no file is written; the rules stay in the store")
	} else if f.out == "" {
		_, _ = fmt.Fprintln(p.Stderr, "rulebridge: without --out and --data-dir the translations are thrown away at the end and only the summary is shown; end with Ctrl-C and give --out FOLDER to keep them")
	}
	run := run{p: p, connector: cfg.Connector, out: f.out, again: again, name: cmp.Or(f.name, nameOf(files))}
	if c.Flags().Changed("time-zone") {
		run.zone = cfg.Translation.TimeZone
	}
	if f.url != "" {
		if run.gateway, err = newGateway(f.url, remoteTransport()); err != nil {
			return err
		}
		run.inherit(cfg)
		run.where = "--url " + quote(withoutPassword(f.url))
		if f.resume != "" {
			run.id = f.resume
			err = run.migrate(c.Context(), func(ctx context.Context) (migration.Stats, error) { return run.resume(ctx, nil, nil) })
		} else {
			err = run.migrate(c.Context(), func(ctx context.Context) (migration.Stats, error) { return run.execute(ctx, rules, resources) })
		}
		if finished(err) {
			p.sayInstall(&run)
		}
		return err
	}

	catalogue, err := openPrebuilt(f.prebuilt)
	if err != nil {
		return err
	}
	a, err := app.Open(c.Context(), app.Options{
		Config: ownProcess(cfg), Log: p.logger(cfg, logCommand), Embedded: p.Embedded, Prebuilt: catalogue, FreePorts: true,
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
	if a.DataDir() != "" {
		run.where = "--data-dir " + quote(a.DataDir())
	}
	ctx, cancel := a.UntilFull(c.Context())
	defer cancel()
	err = run.inFolder(ctx, a, f, cfg, rules, resources)
	var full *app.FullError
	if err != nil && !errors.As(err, &full) {
		err = errors.Join(err, a.Full())
	}
	if finished(err) && a.DataDir() != "" {
		_, _ = fmt.Fprintf(p.Stdout, "Look at it with: %s dev --data-dir %s\n", p.Self, quote(a.DataDir()))
		p.sayInstall(&run)
	}
	return err
}

// finished says that a migration came to its end, perhaps with rules in error.
func finished(err error) bool {
	var exit *exitError
	return err == nil || errors.As(err, &exit) && exit.code == ExitRules
}

// sayInstall says how the rules of a migration get into a Kibana, and with it the migration's id.
func (p Program) sayInstall(r *run) {
	_, _ = fmt.Fprintf(p.Stdout, "Install its rules with: %s install %s --kibana NAME %s\n", p.Self, r.id, r.where)
}

// input reads the files; with --resume there are none, since the store has them.
func (p Program) input(cfg config.Config, f migrateFlags, files []string) ([]migration.OriginalRule, []migration.Resource, error) {
	if f.resume != "" {
		switch {
		case len(files)+len(f.macros)+len(f.lookups) > 0:
			return nil, nil, usagef("--resume takes no files: rules, macros and lookups of the migration are stored")
		case f.url == "" && cfg.Source("data_dir") == "default":
			return nil, nil, usagef("--resume needs --data-dir or --url: where the migration is kept")
		}
		return nil, nil, nil
	}
	if len(files) == 0 {
		return nil, nil, usagef("give at least one file or folder with rules, or --resume ID; see rulebridge migrate --help")
	}
	rules, resources, err := p.readInput(files, f.all)
	if err != nil {
		return nil, nil, err
	}
	given, err := readResources(f.macros, f.lookups)
	return rules, append(resources, given...), err // what is given by name comes before what a folder holds
}

// retryFilter says which rules at an end are translated again, as the API takes it.
type retryFilter struct {
	Failed    bool     `json:"failed,omitempty"`
	NotFull   bool     `json:"not_fully_translated,omitempty"`
	IDs       []string `json:"ids,omitempty"`
	Resources []string `json:"resources,omitempty"`
}

// retryFilterOf reads --retry; nil when it is not given.
func retryFilterOf(f migrateFlags) (*retryFilter, error) {
	if len(f.retry) == 0 {
		return nil, nil
	}
	if f.resume == "" {
		return nil, usagef("--retry needs --resume ID: the migration whose rules are translated again")
	}
	again := &retryFilter{}
	for _, which := range f.retry {
		kind, name, named := strings.Cut(which, ":")
		switch {
		case which == "failed":
			again.Failed = true
		case which == "not-full":
			again.NotFull = true
		case kind == "rule" && name != "":
			again.IDs = append(again.IDs, name)
		case (kind == "macro" || kind == "lookup") && named && name != "":
			again.Resources = append(again.Resources, which)
		default:
			return nil, usagef("--retry %s: use failed, not-full, macro:NAME, lookup:NAME or rule:ID", quote(which))
		}
	}
	return again, nil
}

// writable makes the folder of the result and tries whether files can be written there, before any work is done.
func writable(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usage(fmt.Errorf("--out: %w", err))
	}
	o, err := createOut(filepath.Join(dir, "rules.ndjson"))
	if err != nil {
		return usage(fmt.Errorf("--out: %w", err))
	}
	o.abandon()
	return nil
}

// withoutPassword is an address as it may be shown.
func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// fingerprint names an input: rules, macros and lookups, and the connector they are migrated with.
func fingerprint(connector string, rules []migration.OriginalRule, resources []migration.Resource) (string, error) {
	h := sha256.New()
	e := json.NewEncoder(h)
	for _, part := range []any{connector, rules, resources} {
		if err := e.Encode(part); err != nil {
			return "", fmt.Errorf("read the input: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// inFolder migrates in this process. An unfinished migration of the same input goes on instead of a second one beside it.
func (r *run) inFolder(ctx context.Context, a *app.App, f migrateFlags, cfg config.Config, rules []migration.OriginalRule, resources []migration.Resource) error {
	all, err := a.Migrations(ctx)
	if err != nil {
		return err
	}
	own := f.resume
	if own == "" {
		name, err := fingerprint(r.connector, rules, resources)
		if err != nil {
			return err
		}
		m, found, err := a.Unfinished(ctx, name)
		if err != nil {
			return err
		}
		if found {
			own = m.ID
		}
		r.created = func(id string) error { return a.Remember(name, id) }
	}
	for _, m := range all {
		switch {
		case m.ID == own:
			if cfg.Source("connector") == "default" && m.ConnectorID != "" {
				r.connector = m.ConnectorID
			}
		case m.State == migration.Running:
			_, _ = fmt.Fprintf(r.p.Stderr, "rulebridge: migration %s in this folder is unfinished too and goes on beside this one (%d of %d rules are done)\n",
				m.ID, m.Counts.Finished+m.Counts.Failed, m.Counts.Total)
		}
	}
	return r.migrate(ctx, func(ctx context.Context) (migration.Stats, error) {
		if own == "" {
			return r.execute(ctx, rules, resources)
		}
		r.id = own
		return r.resume(ctx, rules, resources)
	})
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
