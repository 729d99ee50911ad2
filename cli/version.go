package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/internal/compile"
)

func (p Program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			embedded := "without the embedded Temporal server"
			if p.Embedded != nil {
				embedded = "with the embedded Temporal server"
				if v := moduleVersion("go.temporal.io/server"); v != "" {
					embedded += " " + v
				}
			}
			compiler, err := app.CompilerVersion("", compile.Settings{})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "rulebridge %s (%s, %s/%s, %s)\ncompiler %s\n", p.version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, embedded, compiler)
			return err
		},
	}
}

// version is the given one, or what the toolchain recorded: the module's version, or the commit.
func (p Program) version() string {
	if p.Version != "" {
		return p.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}
