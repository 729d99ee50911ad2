package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// stanzas writes an app with n alerts.
func stanzas(t *testing.T, n int) string {
	t.Helper()
	app := filepath.Join(t.TempDir(), "My App")
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[Rule %d]\nsearch = `src` n=%d NOT `rule_%d_filter`\nalert.track = 1\ndescription = %s\n", i, i, i%3, strings.Repeat("words ", 40))
	}
	files := map[string]string{"savedsearches.conf": b.String(), "macros.conf": "[src]\ndefinition = index=x\n[rule_0_filter]\ndefinition = user=admin\n"}
	for name, text := range files {
		name = filepath.Join(app, "default", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return app
}

func (d *dev) total(id string) int {
	d.t.Helper()
	var s migration.Stats
	d.call(http.MethodGet, "/"+id+"/stats", nil, &s)
	return s.Rules.Total
}

// TestImportKilled kills the gateway in the middle of an import: what is there is no whole migration and cannot be started;
// the same import again, added to it or as a new one, has every rule once.
func TestImportKilled(t *testing.T) {
	const n = 20_000
	app, dir := stanzas(t, n), t.TempDir()
	d := startDev(t, dir)
	p := start(t, "import", app, "--url", d.url)
	half := ""
	eventually(t, time.Minute, "some rules are stored", func() bool {
		var all []migration.Stats
		d.call(http.MethodGet, "/stats", nil, &all)
		if len(all) == 0 || all[0].Rules.Total < 2000 {
			return false
		}
		half = all[0].MigrationID
		return true
	})
	d.kill()
	if code := p.wait(time.Minute); code != 1 {
		t.Errorf("exit code %d of an import whose gateway died", code)
	}
	d = startDev(t, dir)
	there := d.total(half)
	if there == 0 || there >= n {
		t.Fatalf("%d rules were there at the kill", there)
	}
	if status := d.call(http.MethodPut, "/"+half+"/start", map[string]any{"connectorId": "deterministic"}, new(any)); status != http.StatusConflict {
		t.Errorf("half an import is started: %d", status)
	}
	for _, args := range [][]string{{"--into", half}, {"--into", half}, {}} {
		p := start(t, append([]string{"import", app, "--url", d.url}, args...)...)
		if code := p.wait(2 * time.Minute); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		if out := p.stdout.String(); !strings.Contains(out, fmt.Sprintf("holds %d rules", n)) {
			t.Errorf("%v: %s", args, out)
		}
	}
	if got := d.total(half); got != n {
		t.Errorf("%d rules, want %d", got, n)
	}
	d.stop()
}

// TestThroughAGateway: import, export with exceptions and diff against a gateway give what they give on its data folder.
func TestThroughAGateway(t *testing.T) {
	const n = 30
	app, dir := stanzas(t, n), t.TempDir()
	d := startDev(t, dir)
	run := func(want int, args ...string) string {
		t.Helper()
		p := start(t, args...)
		if code := p.wait(2 * time.Minute); code != want {
			t.Fatalf("%v: exit code %d, want %d", args, code, want)
		}
		return p.stdout.String() + p.stderr.String()
	}
	out := run(0, "import", app, "--url", d.url)
	var all []migration.Stats
	d.call(http.MethodGet, "/stats", nil, &all)
	if len(all) != 1 || !strings.Contains(out, "taken: 30 alerts, 2 macros") {
		t.Fatalf("%d migrations\n%s", len(all), out)
	}
	id := all[0].MigrationID
	d.begin(id, "deterministic")
	d.finished(id, n, time.Minute)

	there, here := filepath.Join(t.TempDir(), "there"), filepath.Join(t.TempDir(), "here")
	run(0, "export", id, "--url", d.url, "--exceptions", "--out", there)
	diff := run(0, "diff", id, "--url", d.url)
	if !strings.Contains(diff, `"changed":0`) {
		t.Errorf("diff of what was just made: %s", diff)
	}
	d.stop()
	run(0, "export", id, "--data-dir", dir, "--exceptions", "--out", here)
	if again := run(0, "diff", id, "--data-dir", dir); !strings.Contains(again, `"changed":0`) {
		t.Errorf("diff on the folder: %s", again)
	}
	names, err := os.ReadDir(here)
	if err != nil || len(names) < 3 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, e := range names {
		if e.IsDir() {
			continue
		}
		a, err := os.ReadFile(filepath.Join(here, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(there, e.Name()))
		if err != nil || string(a) != string(b) {
			t.Errorf("%s differs between gateway and folder (%v)", e.Name(), err)
		}
	}
	var sum kibana.Summary
	data, err := os.ReadFile(filepath.Join(there, kibana.SummaryFile))
	if err != nil || json.Unmarshal(data, &sum) != nil || sum.Rules+sum.LeftOut != n {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestBrokenOff: a migration whose storing a kill broke off is named at the next start with what to do, cannot be started,
// and is taken as it is, or goes, with the commands that were named.
func TestBrokenOff(t *testing.T) {
	dir := t.TempDir()
	d := startDev(t, dir)
	var made [2]struct {
		MigrationID string `json:"migration_id"`
	}
	for i := range made {
		if status := d.call("POST", "?seal=false", makeRules(3), &made[i]); status != http.StatusOK {
			t.Fatalf("create: %d", status)
		}
	}
	d.kill()
	d = startDev(t, dir)
	keep, drop := made[0].MigrationID, made[1].MigrationID
	for _, id := range []string{keep, drop} {
		eventually(t, 5*time.Second, "the start names "+id, func() bool {
			said := d.stdout.String()
			return strings.Contains(said, "Migration "+id+" is in the state creating, with 3 rules") &&
				strings.Contains(said, "import --seal --into "+id+" --url "+d.url) && strings.Contains(said, "import --discard --into "+id)
		})
	}
	if status := d.call("PUT", "/"+keep+"/start", map[string]any{"connectorId": "deterministic"}, nil); status != http.StatusConflict {
		t.Errorf("start while creating: %d, want 409", status)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		p := start(t, args...)
		if code := p.wait(time.Minute); code != want {
			t.Fatalf("%v: exit code %d, want %d: %s", args, code, want, p.stderr.String())
		}
		return p.stdout.String() + p.stderr.String()
	}
	if out := run(2, "migrate", "--resume", keep, "--url", d.url); !strings.Contains(out, "import --seal --into "+keep) {
		t.Errorf("--resume says: %s", out)
	}
	run(2, "import", "--seal", "--url", d.url)                         // of nothing
	run(2, "import", "--seal", "--discard", "--into", keep)            // both
	run(2, "import", "--seal", "--into", "no-such-id", "--url", d.url) // unknown
	run(0, "import", "--seal", "--into", keep, "--url", d.url)
	run(2, "import", "--discard", "--into", keep, "--url", d.url) // it is whole now
	d.begin(keep, "deterministic")
	d.finished(keep, 3, time.Minute)
	d.stop()
	run(0, "import", "--discard", "--into", drop, "--data-dir", dir)
	d = startDev(t, dir)
	if status := d.call("GET", "/"+drop+"/stats", nil, nil); status != http.StatusNoContent {
		t.Errorf("the deleted migration: %d", status)
	}
	if strings.Contains(d.stdout.String(), "state creating") {
		t.Errorf("it still names: %s", d.stdout.String())
	}
	d.stop()
}
