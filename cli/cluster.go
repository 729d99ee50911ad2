package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app/cluster"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
	"github.com/rulebridge/rulebridge/worker"
)

func (p Program) apiCommand() *cobra.Command {
	var catalogue string
	c := &cobra.Command{
		Use:         "api",
		Annotations: map[string]string{settles: "yes"},
		Short:       "Run a gateway for a Temporal cluster",
		Long: `Run a gateway: the HTTP API over the store (store.kind) and the Temporal cluster that TEMPORAL_ADDRESS,
TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS… or a profile of TEMPORAL_CONFIG_FILE name, as for every Temporal
program. Any number of gateways and workers may share a store: Elasticsearch, or on one machine an SQLite file
(--data-dir). At SIGTERM it finishes what it has begun within shutdown_grace.`,
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
			o := p.clusterOptions(cfg)
			o.Compilers = p.compilers(cfg, "--prebuilt", "")
			return clusterError(cluster.Gateway(c.Context(), o, rules, func(addr string) {
				_, _ = fmt.Fprintf(p.Stdout, "rulebridge api is ready on http://%s%s\n", addr, cfg.HTTP.BasePath)
			}))
		},
	}
	config.Flags(c.Flags())
	hideEmbedded(c)
	c.Flags().StringVar(&catalogue, "prebuilt", "", "NDJSON `file` with Elastic prebuilt rules, the same as the workers', so that the page can show those that come near")
	return c
}

func (p Program) workerCommand() *cobra.Command {
	var catalogue string
	c := &cobra.Command{
		Use:         "worker",
		Annotations: map[string]string{settles: "yes"},
		Short:       "Run a worker for a Temporal cluster",
		Long: `Run a worker of the task queues given with --queues: migrations, and llm-<connector> for the calls of one model; all
without. The Temporal cluster is found as the api command finds it, the store is the same. At SIGTERM it finishes what
it has begun within shutdown_grace; the rest is retried by other workers.
It answers /healthz, /readyz and /metrics on worker.health_addr.`,
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
			o := p.clusterOptions(cfg)
			o.Compilers = p.compilers(cfg, "--prebuilt", catalogue)
			return clusterError(cluster.Worker(c.Context(), o, rules, func(queues []string, health string) {
				if health == "" {
					health = "no health port"
				} else {
					health = "health on http://" + health
				}
				_, _ = fmt.Fprintf(p.Stdout, "rulebridge worker is ready: queues %s; %s\n", strings.Join(queues, ", "), health)
			}))
		},
	}
	config.Flags(c.Flags())
	config.WorkerFlags(c.Flags())
	hideEmbedded(c)
	c.Flags().StringVar(&catalogue, "prebuilt", "", prebuiltUsage)
	return c
}

func (p Program) setupCommand() *cobra.Command {
	var deployment, build string
	var wait time.Duration
	c := &cobra.Command{
		Use:   "setup",
		Short: "Prepare a Temporal cluster and the store",
		Long: `Register the search attributes with the Temporal namespace and install templates and indices of the store. It may be
run again at any time. With --deployment and --build-id it makes that build of the workers the current one: open
migrations go on with it, new ones start on it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if (deployment == "") != (build == "") {
				return usagef("--deployment and --build-id go together: set both or none")
			}
			cfg, err := p.load(c)
			if err != nil {
				return err
			}
			return clusterError(cluster.Setup{
				Options: p.clusterOptions(cfg), Deployment: deployment, BuildID: build, Wait: wait, Out: p.Stdout,
			}.Run(c.Context()))
		},
	}
	config.Flags(c.Flags())
	hideEmbedded(c)
	c.Flags().StringVar(&deployment, "deployment", "", "worker deployment whose current build is set")
	c.Flags().StringVar(&build, "build-id", "", "build that becomes current in --deployment")
	c.Flags().DurationVar(&wait, "wait", time.Minute, "how long a worker of the build is waited for")
	return c
}

func (p Program) clusterOptions(cfg config.Config) cluster.Options {
	return cluster.Options{Config: cfg, Env: p.Env, Log: p.logger(cfg, logCluster), Version: p.version()}
}

// hideEmbedded hides the flags that only matter where the Temporal server runs in this process.
func hideEmbedded(c *cobra.Command) {
	for _, name := range []string{"ui-port", "ephemeral", "connector"} {
		_ = c.Flags().MarkHidden(name)
	}
}

// clusterError gives faults of the surroundings the exit code of bad settings.
func clusterError(err error) error {
	var check *elastic.CheckError
	if errors.As(err, &check) && check.Problem != "unreachable" && check.Problem != "unavailable" {
		return usage(err)
	}
	if errors.Is(err, worker.ErrNoServer) {
		return err
	}
	return startError(err)
}
