package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
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

// logUse is what a log is for.
type logUse int

const (
	logCluster logUse = iota // a process of a cluster: stderr is its log
	logDev                   // everything in one process: what Temporal says of its inner life goes to a file
	logCommand               // a command that shows progress: also only warnings, folded, and installations to the file
)

// logger writes to stderr as the settings say. What log.level, when it is set, asks for is shown whatever the use.
func (p Program) logger(cfg config.Config, use logUse) *zap.Logger {
	level, err := zapcore.ParseLevel(cfg.Log.Level)
	if err != nil {
		level = zapcore.InfoLevel
	}
	chosen := cfg.Source("log.level") != "default"
	if use == logCommand && !chosen {
		level = zapcore.WarnLevel
	}
	ec := zap.NewProductionEncoderConfig()
	ec.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	ec.EncodeDuration = zapcore.StringDurationEncoder
	plain := zapcore.NewJSONEncoder(ec)
	_, tty := terminal(p.Stderr)
	encoder := plain.Clone()
	if cfg.Log.Format == "console" || (cfg.Log.Format == "auto" && tty) {
		ec.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		ec.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(ec)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(p.Stderr)), level)
	kept := !cfg.Ephemeral && (use == logDev || cfg.Source("data_dir") != "default")
	switch {
	case chosen || use == logCluster:
	case kept:
		file := &logFile{path: filepath.Join(cfg.DataDir, logName)}
		core = apart{core, zapcore.NewCore(plain, zapcore.Lock(file), level), use, true}
	case use == logCommand: // in memory: nobody would find a file
		core = apart{core, zapcore.NewNopCore(), use, false}
	}
	if use == logCommand {
		core = newFolding(core, time.Now)
	}
	return zap.New(core)
}
