package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
)

// What Temporal and an installation say of their inner life goes to the file of the data folder; our own words are shown.
// With a level of the log chosen, everything is shown.
func TestInnerLifeGoesToTheLogFile(t *testing.T) {
	for _, tc := range []struct {
		name   string
		args   []string // besides the folder
		shown  int
		stored int
	}{
		{"by itself", nil, 1, 3},
		{"with a level", []string{"--log-level", "warn"}, 4, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
			config.Flags(fs)
			if err := fs.Parse(append([]string{"--data-dir", dir}, tc.args...)); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(fs, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			var shown bytes.Buffer
			log := Program{Stderr: &shown}.logger(cfg, logCommand)
			log.Named("temporal").With(zap.String("queue", "q")).Warn("failed to poll")
			log.Named("install").Warn("the rule is not taken")
			log.Named("gateway").Error("request", zap.Int("status", 502))
			log.Named("activities").Warn("the store is unavailable")
			log.Named("temporal").Info("below the level")
			if n := strings.Count(shown.String(), "\n"); n != tc.shown {
				t.Errorf("%d lines are shown, want %d:\n%s", n, tc.shown, shown.String())
			}
			if !strings.Contains(shown.String(), "the store is unavailable") {
				t.Errorf("our own warning is not shown:\n%s", shown.String())
			}
			stored, err := os.ReadFile(filepath.Join(dir, logName))
			if err != nil && tc.stored > 0 {
				t.Fatal(err)
			}
			if n := strings.Count(string(stored), "\n"); n != tc.stored {
				t.Errorf("%d lines are in the file, want %d:\n%s", n, tc.stored, stored)
			}
		})
	}
}

// The file begins anew when it has grown, and keeps what it had beside it.
func TestLogFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), logName)
	l := &logFile{path: path}
	part := bytes.Repeat([]byte("x"), 1<<20)
	for range 20 {
		if _, err := l.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil || info.Size() > mostLog+int64(len(part)) {
			t.Errorf("%s: %v, %d bytes", name, err, info.Size())
		}
	}
}
