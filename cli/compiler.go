package cli

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
	"github.com/rulebridge/rulebridge/samples"
)

// compilerName is the command that the program starts itself with to compile rules in processes of their own.
const compilerName = "compile-apart"

// compilerCommand is for the program itself, not for users.
func (p Program) compilerCommand() *cobra.Command {
	var mapping, catalogue string
	var sample bool
	var settings compile.Settings
	c := &cobra.Command{
		Use:    compilerName,
		Short:  "Compile the rules that come in on standard input; started by dev, demo, migrate and worker",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) (err error) {
			var rules *prebuilt.Catalogue
			if sample {
				rules, err = prebuilt.Load(samples.Prebuilt())
			} else {
				rules, err = openPrebuilt(catalogue)
			}
			if err != nil {
				return err
			}
			return app.ServeCompiler(p.Stdin, p.Stdout, mapping, settings, rules, wrapCompiler)
		},
	}
	c.Flags().StringVar(&mapping, "schema", "", "YAML file with overrides of the schema")
	c.Flags().StringVar(&catalogue, "prebuilt", "", prebuiltUsage)
	c.Flags().StringVar(&settings.TimeZone, "time-zone", "", "time zone of the search head")
	c.Flags().DurationVar(&settings.Interval, "interval", 0, "interval of rules without a schedule")
	c.Flags().DurationVar(&settings.Margin, "margin", 0, "how much further back such a rule looks")
	c.Flags().DurationVar(&settings.CombiningInterval, "combining-interval", 0, "interval of such a rule whose rows combine events")
	c.Flags().StringVar(&settings.Target, "target", "", "Elasticsearch version of the drafts")
	c.Flags().BoolVar(&settings.UnmappedFields, "unmapped-fields", false, "let drafts read unmapped fields as null")
	c.Flags().BoolVar(&sample, "sample-prebuilt", false, "match against the sample prebuilt rules")
	return c
}

// compilers start this program again to compile rules in. They are none where the program does not know how it was
// started.
func (p Program) compilers(cfg config.Config, flags ...string) app.Compilers {
	if p.Executable == "" || !cfg.Worker.Isolate {
		return app.Compilers{}
	}
	args := []string{os.Args[0], compilerName}
	if cfg.Schema != "" {
		args = append(args, "--schema", cfg.Schema)
	}
	t := cfg.Translation
	args = append(args, "--interval", t.Interval.String(), "--margin", t.Margin.String(), "--combining-interval", t.CombiningInterval.String())
	if t.TimeZone != "" {
		args = append(args, "--time-zone", t.TimeZone)
	}
	if t.Target != "" {
		args = append(args, "--target", t.Target)
	}
	if t.UnmappedFields {
		args = append(args, "--unmapped-fields")
	}
	return app.Compilers{Path: p.Executable, Args: append(args, flags...)}
}

// executable is the file of the running program. On Linux the kernel's own name for it holds even when the file was
// replaced by an update.
func executable() string {
	if runtime.GOOS == "linux" {
		if _, err := os.Stat("/proc/self/exe"); err == nil {
			return "/proc/self/exe"
		}
	}
	path, err := os.Executable()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "rulebridge: the program's own file is not found, so rules are compiled in this process:", err)
		return ""
	}
	return path
}
