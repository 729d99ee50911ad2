package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
)

func (p Program) temporalCommand() *cobra.Command {
	c := &cobra.Command{
		Use:         "temporal",
		Annotations: map[string]string{settles: "yes"},
		Short:       "Run the embedded Temporal server alone, to try api and worker on one machine",
		Long: `Run the embedded Temporal server and nothing else, on loopback: with it api, worker and setup can be tried on one
machine as they run on a cluster. Like a cluster it begins without our search attributes; setup registers them. Its data
is in the folder temporal of --data-dir; it has no Web UI and is not for production.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return startError(p.temporal(c)) },
	}
	config.Flags(c.Flags())
	for _, name := range []string{"http-port", "ui-port", "batch", "pause", "connector"} {
		_ = c.Flags().MarkHidden(name)
	}
	return c
}

func (p Program) temporal(c *cobra.Command) (err error) {
	cfg, err := p.load(c)
	if err != nil {
		return err
	}
	if p.Embedded == nil {
		return app.ErrNoEmbedded
	}
	if err := cfg.ValidateEmbedded(); err != nil {
		return usage(err)
	}
	o := app.EmbeddedOptions{FrontendAddr: cfg.Temporal.Addr, Namespace: cfg.Temporal.Namespace, Logger: p.logger(cfg, logCluster)}
	if !cfg.Ephemeral {
		dir, release, lockErr := app.OpenAlone(filepath.Join(cfg.DataDir, "temporal"))
		if lockErr != nil {
			return lockErr
		}
		defer func() { err = errors.Join(err, release()) }()
		o.DataDir = dir
	}
	s, err := p.Embedded(c.Context(), o)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.Stdout, "Temporal is ready on %s (TEMPORAL_ADDRESS=%s)\n", s.FrontendAddr(), s.FrontendAddr())
	<-c.Context().Done()
	return s.Stop()
}
