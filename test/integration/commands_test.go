package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

func writeRules(t *testing.T, n int) string {
	t.Helper()
	data, err := json.Marshal(makeRules(n))
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
	var all []migration.Stats
	d.call("GET", "/stats", nil, &all)
	if len(all) != 1 || all[0].Rules.Finished != 60 {
		t.Errorf("the gateway has %+v", all)
	}
}

// TestMigrateInterrupted stops at Ctrl-C: exit code 130, and nothing is left in work.
func TestMigrateInterrupted(t *testing.T) {
	dir, cfg := t.TempDir(), config(t, "2s")
	p := start(t, "migrate", writeRules(t, 200), "--data-dir", dir, "--config", cfg, "--connector", "sim")
	eventually(t, 60*time.Second, "rules are in work", func() bool {
		return regexp.MustCompile(`, [1-9]\d* being worked on`).MatchString(p.stderr.String())
	})
	p.signal(os.Interrupt)
	if code := p.wait(60 * time.Second); code != 130 {
		t.Fatalf("exit code %d, want 130", code)
	}
	d := startDev(t, dir, "--config", cfg)
	var all []migration.Stats
	d.call("GET", "/stats", nil, &all)
	if len(all) != 1 || all[0].Status != migration.Stopped || all[0].Rules.Processing != 0 || all[0].Rules.Pending == 0 {
		t.Errorf("after Ctrl-C: %+v", all)
	}
}

// TestMigrateParked ends with exit code 1 and the reason.
func TestMigrateParked(t *testing.T) {
	cfg := filepath.Join(t.TempDir(), "c.yaml")
	text := "connectors: [{id: down, kind: simulated, latency: 1ms, error_rate: 1}]\nmigration: {outage_failures: 3}\n"
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "migrate", writeRules(t, 5), "--config", cfg, "--connector", "down")
	if code := p.wait(120 * time.Second); code != 1 {
		t.Fatalf("exit code %d, want 1", code)
	}
	if !strings.Contains(p.stderr.String(), "connector_unavailable") {
		t.Errorf("the reason is missing: %s", p.stderr.String())
	}
}
