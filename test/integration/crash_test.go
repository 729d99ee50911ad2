package integration

import (
	"os"
	"path/filepath"
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
