package replay

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/cli"
)

// replayCommand runs "rulebridge replay FILE" and returns its exit code with everything it says.
func replayCommand(t *testing.T, file string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	p := cli.Program{Args: []string{"replay", file}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Version: "v0.0.0-test"}
	code := p.Run(t.Context())
	return code, out.String()
}

func TestCommandReplaysRecordedHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	for _, file := range files {
		if code, out := replayCommand(t, file); code != cli.ExitOK || !strings.Contains(out, "no divergence") {
			t.Errorf("%s: exit code %d: %s", file, code, out)
		}
	}
}

// TestCommandShowsDivergence changes one decision of a history: the command names what the history has, what the code
// would do, and where.
func TestCommandShowsDivergence(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "0.1", "run.1.json"))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte(`"MatchRule"`), []byte(`"GuessRule"`), 1)
	if bytes.Equal(changed, text) {
		t.Fatal("the history has no step to change")
	}
	file := filepath.Join(t.TempDir(), "changed.json")
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := replayCommand(t, file)
	if code != cli.ExitFailed {
		t.Errorf("exit code %d, want %d", code, cli.ExitFailed)
	}
	for _, want := range []string{"GuessRule", "MatchRule", "▶", "diverges"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}
