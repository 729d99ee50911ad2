package integration

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// crashRules are n rules; one overflows the stack and one hangs, in the program that crashing builds.
func crashRules(n int) []migration.OriginalRule {
	rules := makeRules(n)
	rules[1].Title = "test: overflow the stack"
	rules[2].Title = "test: hang"
	return rules
}

// wantCrashed: the two are marked, and their neighbours are done.
func wantCrashed(t *testing.T, d *dev, id string, n int) {
	t.Helper()
	eventually(t, 150*time.Second, "the migration finishes", func() bool { return d.stats(id).Status == migration.Finished })
	if s := d.stats(id); s.Rules != (migration.Counts{Total: n, Finished: n - 2, Failed: 2}) || s.Errors["crashed"] != 2 {
		t.Errorf("stats: %+v", s)
	}
	for _, r := range d.rules(id) {
		if bad := strings.HasPrefix(r.Original.Title, "test: "); bad != (r.ErrorCode == "crashed") || bad != (r.Status == migration.StatusError) {
			t.Errorf("rule %s (%s) is %s with code %q", r.ID, r.Original.Title, r.Status, r.ErrorCode)
		}
	}
}

func startCrashRules(t *testing.T, d *dev, n int) (id string) {
	t.Helper()
	var created struct {
		MigrationID string `json:"migration_id"`
	}
	if code := d.call("POST", "", crashRules(n), &created); code != 200 {
		t.Fatalf("create: %d", code)
	}
	if !d.begin(created.MigrationID, "deterministic") {
		t.Fatal("not started")
	}
	return created.MigrationID
}

// TestCrashingRules: a rule that overflows the stack and one that hangs take nothing down but the process they run in.
// They are named with their code, whether everything runs in one process or the workers apart, and the rules beside them
// are finished. A compiler that hangs does not hold up the end of the program.
func TestCrashingRules(t *testing.T) {
	take(t, crashing)
	t.Run("dev", func(t *testing.T) {
		d := startDev(t, t.TempDir())
		wantCrashed(t, d, startCrashRules(t, d, 30), 30)
		if !d.alive() {
			t.Error("dev ended")
		}
		// Interrupted while a rule hangs.
		id := startCrashRules(t, d, 5)
		eventually(t, 60*time.Second, "all but the hung rule are done", func() bool { return d.stats(id).Rules.Processing == 1 })
		d.signal(os.Interrupt)
		if code := d.wait(15 * time.Second); code != 0 {
			t.Errorf("dev with a rule that hangs ended with exit code %d", code)
		}
	})
	t.Run("worker apart", func(t *testing.T) {
		c := newCluster(t, config(t, "10ms"))
		c.setup()
		d := c.gateway()
		w := c.worker()
		wantCrashed(t, d, startCrashRules(t, d, 30), 30)
		if !w.alive() {
			t.Error("the worker ended")
		}
	})
	t.Run("migrate in memory", func(t *testing.T) {
		rules, out := writeThese(t, crashRules(10)), t.TempDir()
		p := start(t, "migrate", rules, "--out", out)
		if code := p.wait(150 * time.Second); code != 3 {
			t.Errorf("exit code %d, want 3", code)
		}
		report, err := os.ReadFile(filepath.Join(out, "report.md"))
		if err != nil || !strings.Contains(string(report), "| crashed | 2 |") || !strings.Contains(string(report), "test: overflow the stack") {
			t.Errorf("the report: %v\n%.600s", err, report)
		}
	})
}

// TestInterruptWhileARuleHangs: an interrupt ends translate and migrate soon, also while a rule hangs that cannot be told to
// stop. It takes less than two seconds where the machine is not busy; the test bounds it more generously.
func TestInterruptWhileARuleHangs(t *testing.T) {
	take(t, crashing)
	hung := makeRules(3)
	hung[1].Title = "test: hang"
	lines := filepath.Join(t.TempDir(), "rules.ndjson")
	text := `{"id":"a","query":"index=x a=1"}` + "\n" + `{"id":"b","query":"test: hang"}` + "\n"
	if err := os.WriteFile(lines, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const soon = 8 * time.Second
	interrupted := func(t *testing.T, p *process) {
		t.Helper()
		p.signal(os.Interrupt)
		if code := p.wait(soon); code != 130 {
			t.Errorf("exit code %d, want 130", code)
		}
	}
	t.Run("translate an argument", func(t *testing.T) {
		p := start(t, "translate", "test: hang")
		p.busy()
		interrupted(t, p)
	})
	t.Run("translate a file", func(t *testing.T) {
		stdin, err := os.Open(lines)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stdin.Close() }()
		p := launch(t, func(c *exec.Cmd) error {
			c.Stdin = stdin
			return c.Start()
		}, nil, "translate", "--output", "ndjson")
		eventually(t, 30*time.Second, "the first rule is translated", func() bool { return strings.Contains(p.stdout.String(), "\n") })
		p.busy()
		interrupted(t, p)
		if n := strings.Count(p.stdout.String(), "\n"); n != 1 {
			t.Errorf("%d rules were written, want the one before the hung rule", n)
		}
	})
	for name, args := range map[string][]string{"migrate in memory": nil, "migrate in a folder": {"--data-dir", t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			p := start(t, append([]string{"migrate", writeThese(t, hung), "--out", out}, args...)...)
			eventually(t, 60*time.Second, "only the hung rule is left", func() bool { return strings.Contains(p.stderr.String(), "2 of 3 rules done, 1 being worked on") })
			interrupted(t, p)
			if n := countLines(t, filepath.Join(out, "rules.ndjson")); n != 3 {
				t.Errorf("%d rules were written, want all 3, the hung one pending", n)
			}
		})
	}
}

// busy waits until the process has used the processor for a second: it is in the loop, and has long heard of signals.
func (p *process) busy() {
	p.t.Helper()
	eventually(p.t, 60*time.Second, "the process works on the rule", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
		if errors.Is(err, fs.ErrNotExist) {
			return true // not Linux; the signal then may come early, which ends the process too
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		ticks, err := strconv.Atoi(fields[11])
		return err == nil && ticks >= 100
	})
}
