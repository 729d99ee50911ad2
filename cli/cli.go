// Package cli is the command line: demo, dev, migrate, export, install, translate, ask, alerts, replay, config, version; api, worker and setup
// for a cluster, temporal to try them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/internal/nearest"
)

// Exit codes.
const (
	ExitOK          = 0
	ExitFailed      = 1   // the work failed or was parked; the reason is on stderr
	ExitUsage       = 2   // bad input, flags or settings
	ExitRules       = 3   // the migration finished, and some of its rules ended in error
	ExitChanges     = 4   // rules would change
	ExitInterrupted = 130 // ended by Ctrl-C or SIGTERM before the work was done
)

// Program is what a command line runs in.
type Program struct {
	// Args are the arguments without the program's name.
	Args   []string
	Env    []string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Embedded starts a Temporal server in this process; nil in a binary built without it.
	Embedded app.StartEmbedded
	// Version of the program; empty takes what the Go toolchain recorded.
	Version string
	// Executable is the file of this program, to start it again with; empty keeps everything in one process.
	Executable string
	// Self is how the user called the program, for the commands it prints.
	Self string
}

// leaveWithin is how long a command that has nothing to settle may take to end after an interrupt.
const leaveWithin = 1500 * time.Millisecond

// settles marks commands that have something to settle at an interrupt: migrations that run, requests that are being
// answered. They take up to the configured grace.
const settles = "settles"

// Main runs the command line with the process's own streams and returns the exit code. The first interrupt asks the
// command to end in order, the second ends the process at once. A command that has nothing to settle, and does not end,
// is ended: the compiler cannot be told to leave a rule.
func Main(embedded app.StartEmbedded, version string) int {
	p := Program{
		Args: os.Args[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Embedded: embedded, Version: version, Self: self(os.Args[0]), Executable: executable(),
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := <-signals
		cancel(interrupted{s})
		var late <-chan time.Time
		if !p.settles() {
			late = time.After(leaveWithin)
		}
		select {
		case <-signals:
			_, _ = fmt.Fprintln(p.Stderr, "interrupted again: ending at once; running migrations resume at the next start on this folder")
		case <-late:
			_, _ = fmt.Fprintln(p.Stderr, "rulebridge: interrupted; what was being worked on did not end and is given up")
		}
		os.Exit(ExitInterrupted)
	}()
	return p.Run(ctx)
}

// settles reports whether the command that runs has something to settle at an interrupt.
func (p Program) settles() bool {
	c, _, err := p.command().Find(p.Args)
	return err == nil && c.Annotations[settles] != ""
}

// interrupted is the cause of a context that a signal cancelled.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string {
	if i.signal == os.Interrupt {
		return "interrupted by Ctrl-C"
	}
	return "interrupted by " + i.signal.String()
}

// Is makes it a cancelled context to those who ask for that only.
func (interrupted) Is(target error) bool { return target == context.Canceled }

func wasInterrupted(ctx context.Context) bool {
	var i interrupted
	return errors.As(context.Cause(ctx), &i)
}

// exitError carries the exit code of an error.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage marks an error of input, flags or settings.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{ExitUsage, err}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// Run runs one command line and returns its exit code.
func (p Program) Run(ctx context.Context) int {
	root := p.command()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	code := ExitFailed
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		code = exit.code
	case wasInterrupted(ctx):
		code = ExitInterrupted
	}
	var quiet quietError
	if !errors.As(err, &quiet) {
		text := err.Error()
		if code == ExitInterrupted && !strings.HasPrefix(text, "interrupted") {
			text = "interrupted: " + text // what follows is what the interrupt broke off, not what went wrong
		}
		_, _ = fmt.Fprintln(p.Stderr, "rulebridge: "+text)
	}
	return code
}

// quietError has been told to the user already; only the exit code is left to give.
type quietError struct{}

func (quietError) Error() string { return "" }

func (p Program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "rulebridge",
		Short: "Move Splunk detection rules to Elastic Security",
		Long: `Rulebridge translates detection rules from Splunk (SPL) to Elastic Security (ES|QL).

  rulebridge demo               migrate the shipped sample rules and look at the result
  rulebridge migrate rules.json migrate your own
  rulebridge translate 'SPL'    translate one query
  rulebridge ask "QUESTION"     ask about open alerts`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w%s; see %s --help", err, flagHint(c, err), c.CommandPath())
	})
	root.AddCommand(
		p.demoCommand(), p.devCommand(), p.importCommand(), p.migrateCommand(), p.reportCommand(), p.diffCommand(), p.exportCommand(), p.installCommand(), p.translateCommand(),
		p.schemaCommand(), p.runCommand(),
		p.askCommand(), p.alertsCommand(), p.replayCommand(), p.configCommand(), p.versionCommand(),
		p.apiCommand(), p.workerCommand(), p.setupCommand(), p.temporalCommand(), p.healthCommand(), p.compilerCommand(),
	)
	for _, c := range root.Commands() {
		checkArgs(c)
		for _, inner := range c.Commands() {
			checkArgs(inner)
		}
	}
	p.wrapHelp(root)
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			var names []string
			for _, c := range root.Commands() {
				if !c.Hidden {
					names = append(names, c.Name())
				}
			}
			return usagef("unknown command %q%s; see rulebridge --help", args[0], nearest.Hint(args[0], names))
		}
		return nil
	}
	return root
}

// flagHint names the flag that an unknown one was probably meant to be.
func flagHint(c *cobra.Command, err error) string {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return ""
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := nearest.Name(name, names); near != "" {
		return " (did you mean --" + near + "?)"
	}
	return ""
}

// checkArgs makes wrong arguments of a command an error of usage.
func checkArgs(c *cobra.Command) {
	check := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(c, args); err != nil {
			return usagef("%w; see %s --help", err, c.CommandPath())
		}
		return nil
	}
}

// terminal reports whether the stream is a terminal, and how wide it is.
func terminal(stream any) (width int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return width, true
}

// env looks up a variable of the program's environment.
func (p Program) env(name string) string {
	for i := len(p.Env) - 1; i >= 0; i-- {
		if k, v, ok := cutEnv(p.Env[i]); ok && k == name {
			return v
		}
	}
	return ""
}

// colours reports whether a stream shall be coloured: on a terminal, unless NO_COLOR says no.
func (p Program) colours(stream any) bool {
	_, ok := terminal(stream)
	return ok && p.env("NO_COLOR") == "" && p.env("TERM") != "dumb"
}
