package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"

	"github.com/rulebridge/rulebridge/config"
)

func (p Program) configCommand() *cobra.Command {
	var output string
	var sources bool
	c := &cobra.Command{
		Use:   "config",
		Short: "Print the effective settings, secrets redacted",
		Long: `Print the settings that the other commands would run with: flags over environment (RULEBRIDGE_<KEY>, dots as _)
over the file given with --config over the defaults. Secrets are redacted.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := p.load(c)
			if err != nil {
				return err
			}
			if sources {
				for _, k := range config.Keys() {
					if _, err := fmt.Fprintf(c.OutOrStdout(), "%-32s %s\n", k.Name, cfg.Source(k.Name)); err != nil {
						return err
					}
				}
				return nil
			}
			switch output {
			case "yaml":
				e := yaml.NewEncoder(c.OutOrStdout())
				e.SetIndent(2)
				if err := e.Encode(cfg.Map()); err != nil {
					return err
				}
				return e.Close()
			case "json":
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(cfg.Map())
			}
			return usagef("--output %q: use yaml or json", output)
		},
	}
	config.Flags(c.Flags())
	c.Flags().StringVar(&output, "output", "yaml", "yaml or json")
	c.Flags().BoolVar(&sources, "sources", false, "print where each setting comes from instead of its value")
	return c
}

// load reads the settings; remarks on them go to stderr.
func (p Program) load(c *cobra.Command) (config.Config, error) {
	cfg, err := config.Load(c.Flags(), "", p.Env)
	if err != nil {
		return cfg, usage(fmt.Errorf("the settings are not right:\n%w", err))
	}
	for _, w := range cfg.Warnings {
		_, _ = fmt.Fprintln(p.Stderr, "rulebridge: "+w)
	}
	return cfg, nil
}

// logger writes to stderr as the settings say. With quiet, which is for commands that show
// progress, what the user did not ask for by log.level is left out below warn, and repeated entries are folded.
func (p Program) logger(cfg config.Config, quiet bool) *zap.Logger {
	level, err := zapcore.ParseLevel(cfg.Log.Level)
	if err != nil {
		level = zapcore.InfoLevel
	}
	if quiet && cfg.Source("log.level") == "default" {
		level = zapcore.WarnLevel
	}
	ec := zap.NewProductionEncoderConfig()
	ec.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	ec.EncodeDuration = zapcore.StringDurationEncoder
	_, tty := terminal(p.Stderr)
	encoder := zapcore.NewJSONEncoder(ec)
	if cfg.Log.Format == "console" || (cfg.Log.Format == "auto" && tty) {
		ec.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		ec.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(ec)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(p.Stderr)), level)
	if quiet {
		core = newFolding(core, time.Now)
	}
	return zap.New(core)
}
