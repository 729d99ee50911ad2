package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rulebridge/rulebridge/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// Without the embedded server, which would take minutes to link.
		"rulebridge": func() { os.Exit(cli.Main(nil, "v0.0.0-test")) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"exitcode": exitCode,
	}})
}

// exitCode runs rulebridge and checks its exit code: exitcode 2 ARGS….
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: exitcode CODE ARGS…")
	}
	err = ts.Exec("rulebridge", args[1:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		if exit.ExitCode() != want {
			ts.Fatalf("exit code %d, want %d", exit.ExitCode(), want)
		}
	case err != nil:
		ts.Fatalf("%v", err)
	case want != 0:
		ts.Fatalf("exit code 0, want %d", want)
	}
}
