package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
)

func (p Program) devCommand() *cobra.Command {
	var catalogue string
	var open bool
	c := &cobra.Command{
		Use:         "dev",
		Annotations: map[string]string{settles: "yes"},
		Short:       "Run everything in one process: Temporal with its Web UI, store, worker and gateway",
		Long: `Run the embedded Temporal server and its Web UI, the SQLite store, the worker and the gateway in one process until
Ctrl-C. Data stays in a folder (--data-dir), or in memory with --ephemeral. At Ctrl-C or SIGTERM running migrations are
paused; the next start on the folder resumes them (migration.shutdown: stop leaves them stopped). A second Ctrl-C ends
the process at once.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := p.load(c)
			if err != nil {
				return err
			}
			rules, err := openPrebuilt(catalogue)
			if err != nil {
				return err
			}
			begin := time.Now()
			a, err := app.Open(c.Context(), app.Options{
				Config: cfg, Log: p.logger(cfg, logDev), Embedded: p.Embedded, Prebuilt: rules, Listen: true, UI: true,
				Version: p.version(), Compilers: p.compilers(cfg, "--prebuilt", catalogue),
			})
			if err != nil {
				return startError(err)
			}
			p.printReady(a, time.Since(begin))
			if open {
				p.openPage(pageAddress(a.URL()))
			}
			p.printBroken(c.Context(), a)
			err = a.Wait(c.Context())
			if wasInterrupted(c.Context()) {
				_, _ = fmt.Fprintln(p.Stderr, "rulebridge: shutting down; running migrations are being paused (Ctrl-C again ends at once)")
			}
			return errors.Join(err, p.shutDown(a, cfg))
		},
	}
	config.Flags(c.Flags())
	c.Flags().StringVar(&catalogue, "prebuilt", "", prebuiltUsage)
	c.Flags().BoolVar(&open, "open", false, openUsage)
	return c
}

// startError gives errors of the surroundings (a busy port, a folder in use) the exit code of bad flags.
func startError(err error) error {
	var port *app.PortError
	var locked *app.LockedError
	if errors.As(err, &port) || errors.As(err, &locked) || errors.Is(err, app.ErrNoEmbedded) {
		return usage(err)
	}
	return err
}

// closeWithin is how long the parts may take to close beyond the grace.
const closeWithin = 2 * time.Second

// shutDown pauses what runs, then stops the parts in order, all within the grace. Parts that do not stop in time are left
// to the end of the process: what they hold is kept by the databases, and goes on at the next start.
func (p Program) shutDown(a *app.App, cfg config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.ShutdownGrace)
	defer cancel()
	var paused error
	if a.Full() == nil { // on a full disk nothing can be paused; what runs goes on at the next start all the same
		paused = a.Pause(ctx, cfg.Migration.Shutdown == "pause")
	}
	closed := make(chan error, 1)
	go func() { closed <- a.Close() }()
	within, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Until(graceEnd(ctx))+closeWithin)
	defer stop()
	select {
	case err := <-closed:
		return errors.Join(paused, err)
	case <-within.Done():
		return errors.Join(paused, fmt.Errorf("not everything stopped within the grace of %s; it is left as after a kill, and running migrations go on at the next start", cfg.ShutdownGrace))
	}
}

func graceEnd(ctx context.Context) time.Time {
	end, _ := ctx.Deadline()
	return end
}

func (p Program) printReady(a *app.App, took time.Duration) {
	folder := a.DataDir()
	if folder == "" {
		folder = "in memory"
	}
	_, _ = fmt.Fprintf(p.Stdout, `rulebridge is ready (%.1f s)
  page             %s
  gateway          %s
  Temporal Web UI  %s
  Temporal         %s
  data             %s
`, took.Seconds(), pageAddress(a.URL()), a.URL(), a.UIURL(), a.TemporalAddr(), folder)
}

// printBroken names the migrations whose storing broke off before this start: nothing else goes on with them.
func (p Program) printBroken(ctx context.Context, a *app.App) {
	all, err := a.Migrations(ctx)
	if err != nil {
		return // whoever lists them hears of it
	}
	for _, m := range all {
		if m.State == migration.Creating {
			_, _ = fmt.Fprintf(p.Stdout, "Migration %s is in the state creating, with %s: %s\n", m.ID, plural(m.Counts.Total, "rule"),
				brokenAdvice(p.Self, m.ID, "--url "+quote(a.URL())))
		}
	}
}

// prebuiltUsage is the help of --prebuilt.
const prebuiltUsage = "NDJSON `file` with Elastic prebuilt rules, such as your Kibana has, to match against (default: none, nothing is matched)"

// openPrebuilt loads a catalogue of prebuilt rules; nil, which matches nothing, when no file is named.
func openPrebuilt(file string) (*prebuilt.Catalogue, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, usage(err)
	}
	defer func() { _ = f.Close() }()
	c, err := prebuilt.Load(f)
	if err != nil {
		return nil, usage(fmt.Errorf("%s: %w", file, err))
	}
	return c, nil
}
