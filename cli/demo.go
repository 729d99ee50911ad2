package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
	"github.com/rulebridge/rulebridge/samples"
)

func (p Program) demoCommand() *cobra.Command {
	var exit, open bool
	c := &cobra.Command{
		Use:         "demo",
		Annotations: map[string]string{settles: "yes"},
		Short:       "Migrate the shipped sample rules and look at the result",
		Long: `Run everything in one process, migrate the sample rules that come with Rulebridge, and answer a question about sample
alerts: no key, no account, no network.
On a terminal it then stays up until Ctrl-C, with gateway and Temporal Web UI to look at; without a terminal, or with
--exit, it ends. Ports that are busy are replaced by free ones.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.demo(c, exit, open) },
	}
	config.Flags(c.Flags())
	ownDefault(c.Flags(), "pause", "0s", "pause between batches; none unless it is set")
	ownDefault(c.Flags(), "data-dir", "", "`folder` of the databases (default: rulebridge/demo in the user's data directory)")
	c.Flags().BoolVar(&open, "open", false, openUsage+", and stay up also without a terminal")
	c.Flags().BoolVar(&exit, "exit", false, "end when the result is printed, also on a terminal")
	return c
}

func (p Program) demo(c *cobra.Command, exit, open bool) (err error) {
	if open && exit {
		return usagef("--open and --exit exclude each other: a demo that ends has no page")
	}
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	rules, err := samples.Rules()
	if err != nil {
		return err
	}
	resources, err := samples.Resources()
	if err != nil {
		return err
	}
	catalogue, err := prebuilt.Load(samples.Prebuilt())
	if err != nil {
		return err
	}
	cfg.Auth = config.Auth{} // it listens on loopback only, for the person who started it
	if cfg.Source("http.addr") != "default" && !config.IsLoopback(cfg.HTTP.Addr) {
		return usagef("http.addr: the demo listens on loopback only; use dev for %s", cfg.HTTP.Addr)
	}
	_, tty := terminal(p.Stdout)
	stay := (tty || open) && !exit
	_, _ = fmt.Fprintf(p.Stderr, "Starting Temporal, store, worker and gateway in this process …\n")
	begin := time.Now()
	a, err := p.openDemo(c, cfg, app.Options{Log: p.logger(cfg, logCommand), Embedded: p.Embedded, Prebuilt: catalogue, FreePorts: true, Listen: true, UI: true,
		Version: p.version(), Compilers: p.compilers(cfg, "--sample-prebuilt")})
	if err != nil {
		return startError(err)
	}
	defer func() { err = errors.Join(err, p.shutDown(a, cfg)) }()
	_, _ = fmt.Fprintf(p.Stderr, "Ready after %.1f s. Migrating %d sample rules:\n", time.Since(begin).Seconds(), len(rules))

	r := run{p: p, connector: cfg.Connector}
	if r.gateway, err = newGateway(inProcessURL, inProcess{a.Handler()}); err != nil {
		return err
	}
	r.inherit(cfg)
	r.noPause(cfg)
	stats, err := r.execute(c.Context(), rules, resources)
	if err != nil {
		return err
	}
	if r.out, err = reportFolder(a.DataDir(), r.id); err != nil {
		return err
	}
	t := p.newResultList()
	rep, err := r.report(c.Context(), stats, func(rule migration.Rule) { t.add(rule) })
	if err != nil {
		return err
	}
	if err := t.print(); err != nil {
		return err
	}
	if err := p.printSummary(rep, r.files()); err != nil {
		return err
	}
	if err := p.demoQuestion(c.Context(), a, cfg, r.gateway); err != nil {
		return err
	}
	if !stay {
		if dir := a.DataDir(); dir != "" {
			_, err = fmt.Fprintf(p.Stdout, "\nTo look at this migration again:\n  %s dev --data-dir %s\n", p.Self, quote(dir))
		}
		return err
	}
	_, _ = fmt.Fprintf(p.Stdout, `
Everything stays up until Ctrl-C:
  page             %s#/m/%s
  Temporal Web UI  %s/namespaces/%s/workflows/migration-%s
  HTTP API         %s%s/%s
  report           %s
Next: %s migrate YOUR-RULES.json --out result
`, pageAddress(a.URL()), r.id, a.UIURL(), cfg.Temporal.Namespace, r.id, a.URL(), rulesPath, r.id, r.files()[0], p.Self)
	if open {
		p.openPage(pageAddress(a.URL()) + "#/m/" + r.id)
	}
	return a.Wait(c.Context())
}

// demoQuestion imports the sample alerts and asks one question about them, if the assistant is on and keeps alerts here.
func (p Program) demoQuestion(ctx context.Context, a *app.App, cfg config.Config, g *gateway) error {
	if !cfg.Features.AssistantRAG || cfg.FromElasticsearch() {
		return nil
	}
	text, err := samples.Alerts(time.Now())
	if err != nil {
		return err
	}
	if _, err := a.ImportAlerts(ctx, app.AlertFile{Name: "sample alerts", Reader: bytes.NewReader(text)}); err != nil {
		return err
	}
	const question = "Which alerts should I look at first?"
	answer, err := g.ask(ctx, cfg, askFlags{size: assistant.MinSize}, question)
	if err != nil {
		return fmt.Errorf("ask about the sample alerts: %w", err)
	}
	c := paint(p.colours(p.Stdout))
	_, err = fmt.Fprintf(p.Stdout, "\n%s %d sample alerts were imported. %s\n%s\n", c.in(bold, "Alerts"), samples.AlertCount, c.in(bold, question), indent(answer.Text))
	return err
}

// openDemo keeps the demo's data apart from that of dev. A folder that another demo holds is no reason to fail: this one
// then runs in memory.
func (p Program) openDemo(c *cobra.Command, cfg config.Config, o app.Options) (*app.App, error) {
	own := cfg.Source("data_dir") == "default"
	if own {
		cfg.DataDir = filepath.Join(cfg.DataDir, "demo")
	}
	o.Config = cfg
	a, err := app.Open(c.Context(), o)
	var locked *app.LockedError
	if own && errors.As(err, &locked) {
		_, _ = fmt.Fprintf(p.Stderr, "rulebridge: %v; this demo runs in memory\n", locked)
		o.Config.Ephemeral = true
		return app.Open(c.Context(), o)
	}
	return a, err
}

// reportFolder is where the demo's report goes: beside the data, or to a new folder for temporary files.
func reportFolder(dataDir, id string) (string, error) {
	if dataDir == "" {
		dir, err := os.MkdirTemp("", "rulebridge-demo-")
		if err != nil {
			return "", fmt.Errorf("make a folder for the report: %w", err)
		}
		return dir, nil
	}
	dir := filepath.Join(dataDir, "reports", id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the report: %w", err)
	}
	return dir, nil
}
