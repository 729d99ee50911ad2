package integration

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

func writeRules(t *testing.T, n int) string {
	t.Helper()
	return writeThese(t, makeRules(n))
}

func writeThese(t *testing.T, rules []migration.OriginalRule) string {
	t.Helper()
	data, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rules.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDemo runs the demo without a terminal: it ends by itself, and the line it prints shows the same migration.
func TestDemo(t *testing.T) {
	p := start(t, "demo", "--data-dir", t.TempDir())
	if code := p.wait(120 * time.Second); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	out := p.stdout.String()
	m := regexp.MustCompile(`dev --data-dir (\S+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no line for dev:\n%s", out)
	}
	report := regexp.MustCompile(`\S+/report\.md`).FindString(out)
	if data, err := os.ReadFile(report); err != nil || !strings.Contains(string(data), "| full |") {
		t.Errorf("the report %q: %v", report, err)
	}
	d := startDev(t, m[1])
	var all []migration.Stats
	d.call("GET", "/stats", nil, &all)
	if len(all) != 1 || all[0].Status != migration.Finished || all[0].Rules.Total < 25 || all[0].Rules.Finished != all[0].Rules.Total {
		t.Errorf("dev shows %+v", all)
	}
}

func TestMigrate(t *testing.T) {
	out := filepath.Join(t.TempDir(), "deep", "out")
	p := start(t, "migrate", writeRules(t, 120), "--out", out)
	if code := p.wait(120 * time.Second); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if n := countLines(t, filepath.Join(out, "rules.ndjson")); n != 120 {
		t.Errorf("%d rules written", n)
	}
	var report struct {
		State    string           `json:"state"`
		Statuses migration.Counts `json:"statuses"`
		Results  struct{ Full, Partial, Untranslatable int }
	}
	data, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	r := report.Results
	for name, want := range map[string]string{"report.html": "</html>", "report.md": "# Migration", "rules.csv": "\ufeffid,title"} {
		if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %q: %v", name, want, err)
		}
	}
	if report.State != "finished" || report.Statuses != (migration.Counts{Total: 120, Finished: 120}) || r.Full+r.Partial+r.Untranslatable != 120 {
		t.Errorf("report %+v", report)
	}
	left, err := filepath.Glob(filepath.Join(out, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

func TestMigrateThroughAGateway(t *testing.T) {
	d := startDev(t, t.TempDir(), "--config", config(t, "10ms"))
	out := t.TempDir()
	macros := filepath.Join(t.TempDir(), "macros.jsonl")
	if err := os.WriteFile(macros, []byte(`{"name":"m","definition":"","arguments":[]}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "migrate", writeRules(t, 60), "--macros", macros, "--out", out, "--pause", "0s", "--connector", "sim",
		"--config", config(t, "10ms"), "--url", strings.Replace(d.url, "http://", "http://elastic:changeme@", 1)+rulesPath)
	if code := p.wait(120 * time.Second); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if n := countLines(t, filepath.Join(out, "rules.ndjson")); n != 60 {
		t.Errorf("%d rules written", n)
	}
	page := start(t, "report", "--format", "html", "--url", d.url)
	if code := page.wait(60 * time.Second); code != 0 || strings.Count(page.stdout.String(), `<details class="rule"`) != 60 {
		t.Errorf("the page through the gateway: exit code %d, %d bytes", code, len(page.stdout.String()))
	}
	var all []migration.Stats
	d.call("GET", "/stats", nil, &all)
	if len(all) != 1 || all[0].Rules.Finished != 60 {
		t.Errorf("the gateway has %+v", all)
	}
}

// TestMigrateInterrupted stops at Ctrl-C: exit code 130, and nothing is left in work.
func TestMigrateInterrupted(t *testing.T) {
	dir, cfg := t.TempDir(), config(t, "2s")
	rules, out := writeRules(t, 200), t.TempDir()
	args := []string{"migrate", rules, "--data-dir", dir, "--config", cfg, "--connector", "sim", "--out", out}
	p := start(t, args...)
	eventually(t, 60*time.Second, "rules are in work", func() bool {
		return regexp.MustCompile(`, [1-9]\d* being worked on`).MatchString(p.stderr.String())
	})
	p.signal(os.Interrupt)
	if code := p.wait(60 * time.Second); code != 130 {
		t.Fatalf("exit code %d, want 130", code)
	}
	// What is there is written: every rule, most of them pending.
	if n := countLines(t, filepath.Join(out, "rules.ndjson")); n != 200 {
		t.Errorf("%d rules written after Ctrl-C", n)
	}
	if report, err := os.ReadFile(filepath.Join(out, "report.md")); err != nil || !strings.Contains(string(report), "**stopped**") {
		t.Errorf("the report after Ctrl-C: %.300s %v", report, err)
	}
	d := startDev(t, dir, "--config", cfg)
	var all []migration.Stats
	d.call("GET", "/stats", nil, &all)
	if len(all) != 1 || all[0].Status != migration.Stopped || all[0].Rules.Processing != 0 || all[0].Rules.Pending == 0 {
		t.Errorf("after Ctrl-C: %+v", all)
	}
	d.stop()

	// The same input goes on where it was, and so does the id; neither begins a second migration.
	fast := config(t, "5ms")
	p = start(t, "migrate", rules, "--data-dir", dir, "--config", fast, "--connector", "sim", "--out", out, "--batch", "7")
	eventually(t, 60*time.Second, "some rules are done", func() bool {
		return strings.Contains(p.stderr.String(), "going on with migration "+all[0].MigrationID)
	})
	p.signal(syscall.SIGTERM)
	if code := p.wait(60 * time.Second); code != 130 && code != 0 {
		t.Fatalf("exit code %d, want 130", code)
	}
	p = start(t, "migrate", "--resume", all[0].MigrationID, "--data-dir", dir, "--config", fast, "--out", out)
	if code := p.wait(120 * time.Second); code != 0 {
		t.Fatalf("exit code %d of --resume", code)
	}
	p = start(t, "report", "--data-dir", dir, "--format", "json")
	if code := p.wait(60 * time.Second); code != 0 {
		t.Fatalf("exit code %d of report", code)
	}
	var report struct {
		ID       string           `json:"migration_id"`
		State    string           `json:"state"`
		Statuses migration.Counts `json:"statuses"`
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &report); err != nil || report.ID != all[0].MigrationID || report.State != "finished" || report.Statuses.Finished != 200 {
		t.Errorf("report: %+v, %v", report, err)
	}
	p = start(t, "replay", report.ID, "--data-dir", dir) // the folder's own server, without an address
	if code := p.wait(60 * time.Second); code != 0 || !strings.Contains(p.stdout.String(), "no divergence") {
		t.Errorf("exit code %d of replay: %s", code, p.stdout.String())
	}
}

// TestMigrateKilled: after a kill the same input goes on with the same migration.
func TestMigrateKilled(t *testing.T) {
	dir, rules := t.TempDir(), writeRules(t, 200)
	p := start(t, "migrate", rules, "--data-dir", dir, "--config", config(t, "2s"), "--connector", "sim")
	eventually(t, 60*time.Second, "rules are in work", func() bool {
		return regexp.MustCompile(`, [1-9]\d* being worked on`).MatchString(p.stderr.String())
	})
	p.kill()
	p = start(t, "migrate", rules, "--data-dir", dir, "--config", config(t, "2s"), "--connector", "sim")
	if code := p.wait(180 * time.Second); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	withStore(t, dir, func(ctx context.Context, s *sqlite.Store) {
		all, err := s.Overview(ctx)
		if err != nil || len(all) != 1 || all[0].Counts != (migration.Counts{Total: 200, Finished: 200}) {
			t.Errorf("after a kill and the same again: %+v, %v", all, err)
		}
	})
}

// TestMigrateParked ends with exit code 1 and the reason.
func TestMigrateParked(t *testing.T) {
	cfg := filepath.Join(t.TempDir(), "c.yaml")
	text := "connectors: [{id: down, kind: simulated, latency: 1ms, error_rate: 1}]\nmigration: {outage_failures: 3}\n"
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	p := start(t, "migrate", writeRules(t, 5), "--config", cfg, "--connector", "down", "--out", out)
	if code := p.wait(120 * time.Second); code != 1 {
		t.Fatalf("exit code %d, want 1", code)
	}
	if !strings.Contains(p.stderr.String(), "connector_unavailable") {
		t.Errorf("the reason is missing: %s", p.stderr.String())
	}
	if n := countLines(t, filepath.Join(out, "rules.ndjson")); n != 5 {
		t.Errorf("%d rules written of a parked migration", n)
	}
}
