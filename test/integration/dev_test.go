package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// TestCurl sends the calls of the API's users as they send them, only the port changed.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is missing")
		}
		t.Skip("curl is missing")
	}
	d := startDev(t, t.TempDir(), "--config", config(t, "10ms"))
	base := strings.Replace(d.url, "http://", "http://elastic:changeme@", 1) + rulesPath
	headers := []string{
		"--header", "kbn-xsrf;", "--header", "x-elastic-internal-origin: security-solution", "--header", "elastic-api-version: 1",
	}
	run := func(to any, args ...string) {
		t.Helper()
		args = append(append([]string{"--silent", "--show-error", "--fail-with-body", "--location"}, args...), headers...)
		out, err := exec.Command(curl, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %q: %v\n%s", args, err, out)
		}
		if err := json.Unmarshal(out, to); err != nil {
			t.Fatalf("curl %q: %v\n%s", args, err, out)
		}
	}
	body, err := json.Marshal([]map[string]any{
		{
			"id": "a", "vendor": "splunk", "title": "Linux Auditd Add User Account Type", "description": "An account is added.",
			"query":          "sourcetype=\"linux:audit\" type=ADD_USER \n| rename hostname as dest \n| stats count min(_time) as firstTime max(_time) as lastTime by exe pid dest res UID type \n| `security_content_ctime(firstTime)` \n| `security_content_ctime(lastTime)`\n| search *",
			"query_language": "spl", "mitre_attack_ids": []string{"T1136"},
		},
		{
			"id": "b", "vendor": "splunk", "title": "Linux Auditd Change File Owner To Root", "description": "The owner of a file becomes root.",
			"query":          "`linux_auditd` `linux_auditd_normalized_proctitle_process`\r\n| rename host as dest \r\n| where LIKE (process_exec, \"%chown %root%\") \r\n| stats count min(_time) as firstTime max(_time) as lastTime by process_exec proctitle dest \r\n| `security_content_ctime(firstTime)` \r\n| `security_content_ctime(lastTime)`\r\n| `linux_auditd_change_file_owner_to_root_filter`",
			"query_language": "spl", "mitre_attack_ids": []string{"T1222.002", "T1222"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, connector := range []string{"azureOpenAiGPT4o", "deterministic"} {
		t.Run(connector, func(t *testing.T) {
			var created struct {
				MigrationID string `json:"migration_id"`
			}
			run(&created, base, "--header", "Content-Type: application/json", "--data", string(body))
			id := created.MigrationID
			var started struct {
				Started *bool `json:"started"`
			}
			run(&started, "--request", "PUT", base+"/"+id+"/start", "--header", "Content-Type: application/json", "--data", `{"connectorId": "`+connector+`"}`)
			if started.Started == nil || !*started.Started {
				t.Fatalf("started: %+v", started)
			}
			var stats migration.Stats
			eventually(t, 30*time.Second, "both rules are done", func() bool {
				run(&stats, base+"/"+id+"/stats")
				return stats.Status == migration.Finished
			})
			if want := (migration.Counts{Total: 2, Finished: 2}); stats.Rules != want {
				t.Errorf("stats %+v, want %+v", stats.Rules, want)
			}
			var rules []migration.Rule
			run(&rules, base+"/"+id)
			if len(rules) != 2 {
				t.Fatalf("%d rules", len(rules))
			}
			// The second rule refers to macros of its site, which nobody gave: a hole and an approximation with names, the rest is translated.
			for i, want := range []migration.Result{migration.Full, migration.Partial} {
				if r := rules[i]; r.Result != want || r.Elastic == nil || !strings.HasPrefix(r.Elastic.Query, "FROM logs-auditd") {
					t.Errorf("rule %s: %s, want %s: %+v %+v", r.ID, r.Result, want, r.Elastic, r.Diagnostics)
				}
			}
			if m := rules[1].Missing; len(m) != 2 || m[0].Name != "linux_auditd_normalized_proctitle_process" || m[1].Name != "linux_auditd_change_file_owner_to_root_filter" {
				t.Errorf("missing: %+v", m)
			}
			var stopped struct {
				Stopped *bool `json:"stopped"`
			}
			run(&stopped, "--request", "PUT", base+"/"+id+"/stop")
			if stopped.Stopped == nil || *stopped.Stopped {
				t.Errorf("a finished migration was stopped: %+v", stopped)
			}
		})
	}
	var all []migration.Stats
	run(&all, base+"/stats")
	if len(all) != 2 {
		t.Errorf("stats of all: %+v", all)
	}
}

func TestStopAndStart(t *testing.T) {
	const n = 80
	d := startDev(t, t.TempDir(), "--config", config(t, "1s"))
	id := d.create(n)
	if d.halt(id) {
		t.Error("stopped before it was started")
	}
	if !d.begin(id, "sim") {
		t.Fatal("not started")
	}
	if d.begin(id, "sim") {
		t.Error("started twice")
	}
	eventually(t, 30*time.Second, "some rules are done and some in work", func() bool {
		s := d.stats(id)
		return s.Rules.Finished > 0 && s.Rules.Processing > 0
	})
	if !d.halt(id) {
		t.Error("not stopped")
	}
	var s migration.Stats
	eventually(t, 30*time.Second, "nothing is in work", func() bool {
		s = d.stats(id)
		return s.Status == migration.Stopped && s.Rules.Processing == 0
	})
	if d.halt(id) {
		t.Error("stopped twice")
	}
	if s.Rules.Total != n || s.Rules.Finished+s.Rules.Pending != n || s.Rules.Finished == 0 {
		t.Errorf("after the stop: %+v", s.Rules)
	}
	if !d.begin(id, "sim") {
		t.Fatal("not started again")
	}
	d.finished(id, n, 60*time.Second)
	if d.begin(id, "sim") {
		t.Error("started after the end")
	}
	if status := d.call("GET", "/no-such-id/stats", nil, nil); status != http.StatusNoContent {
		t.Errorf("unknown id: %d", status)
	}
}

// TestTerminateAndResume ends dev in mid-work: no stored rule is left processing, and the next start goes on by itself.
func TestTerminateAndResume(t *testing.T) {
	const n = 120
	dir, cfg := t.TempDir(), config(t, "1s")
	d := startDev(t, dir, "--config", cfg)
	id := d.create(n)
	d.begin(id, "sim")
	eventually(t, 30*time.Second, "rules are in work", func() bool {
		s := d.stats(id)
		return s.Rules.Finished > 0 && s.Rules.Processing > 0
	})
	d.signal(syscall.SIGTERM)
	if code := d.wait(60 * time.Second); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	done := 0
	withStore(t, dir, func(ctx context.Context, s *sqlite.Store) {
		m, err := s.Migration(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Counts(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if m.State != migration.Stopped || m.ParkReason != workflows.ParkShutdown || c.Processing != 0 || c.Total != n {
			t.Errorf("after SIGTERM: state %s (%s), %+v", m.State, m.ParkReason, c)
		}
		done = c.Finished
	})
	d = startDev(t, dir, "--config", cfg)
	d.finished(id, n, 60*time.Second)
	d.stop()
	withStore(t, dir, func(ctx context.Context, s *sqlite.Store) {
		attempts, answers, err := s.CallStats(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		// What was recorded is not asked for again; what was in flight may be.
		if answers != n || attempts < n || attempts > n+50 {
			t.Errorf("%d answers after %d calls for %d rules, %d of them done before the end", answers, attempts, n, done)
		}
	})
}

// TestTerminateWithStop is the other setting: what ran stays stopped.
func TestTerminateWithStop(t *testing.T) {
	const n = 120
	dir, cfg := t.TempDir(), config(t, "1s")
	d := startDev(t, dir, "--config", stopping(t, cfg))
	id := d.create(n)
	d.begin(id, "sim")
	eventually(t, 30*time.Second, "rules are in work", func() bool { return d.stats(id).Rules.Processing > 0 })
	d.stop()
	d = startDev(t, dir, "--config", cfg)
	s := d.stats(id)
	if s.Status != migration.Stopped || s.ParkReason != "" || s.Rules.Processing != 0 {
		t.Errorf("after the restart: %+v", s)
	}
	if !d.begin(id, "sim") {
		t.Error("cannot be started again")
	}
	d.finished(id, n, 60*time.Second)
}

// TestSecondInterrupt ends at once, whatever is still going on.
func TestSecondInterrupt(t *testing.T) {
	const n = 60
	dir, cfg := t.TempDir(), config(t, "30s")
	d := startDev(t, dir, "--config", cfg)
	id := d.create(n)
	d.begin(id, "sim")
	eventually(t, 30*time.Second, "rules are in work", func() bool { return d.stats(id).Rules.Processing > 0 })
	d.signal(os.Interrupt)
	eventually(t, 10*time.Second, "the first interrupt is heard", func() bool { return strings.Contains(d.stderr.String(), "shutting down") })
	d.signal(os.Interrupt)
	if code := d.wait(5 * time.Second); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	d = startDev(t, dir, "--config", config(t, "10ms"))
	d.finished(id, n, 90*time.Second)
}

func stopping(t *testing.T, cfg string) string {
	t.Helper()
	data, err := os.ReadFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "stop.yaml")
	text := strings.Replace(string(data), "migration: {", "migration: {shutdown: stop, ", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTemporalSetAside gives the folder a temporal.db of another version: it is kept, and what was unfinished starts anew
// from the store, with the settings it was started with.
func TestTemporalSetAside(t *testing.T) {
	const n, batch = 120, 30
	dir, cfg := t.TempDir(), config(t, "1s")
	d := startDev(t, dir, "--config", cfg)
	id, done := d.create(n), d.create(3)
	d.begin(done, "deterministic")
	d.finished(done, 3, 30*time.Second)
	body := map[string]any{"connectorId": "sim", "settings": map[string]any{"batch": batch, "pause": "0s"}}
	if status := d.call("PUT", "/"+id+"/start", body, nil); status != http.StatusOK {
		t.Fatalf("start: %d", status)
	}
	eventually(t, 30*time.Second, "rules are in work", func() bool {
		s := d.stats(id)
		return s.Rules.Finished > 0 && s.Rules.Processing > 0
	})
	d.kill()
	before := 0
	withStore(t, dir, func(ctx context.Context, s *sqlite.Store) {
		c, err := s.Counts(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		before = c.Finished
	})
	if err := os.WriteFile(filepath.Join(dir, "temporal.db.version"), []byte(`{"server_version":"1.0.0","schema":"0.1","cluster_id":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d = startDev(t, dir, "--config", cfg)
	kept, err := filepath.Glob(filepath.Join(dir, "temporal-1.0.0-*.db"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept: %q %v", kept, err)
	}
	most := 0
	eventually(t, 60*time.Second, "it goes on", func() bool {
		s := d.stats(id)
		most = max(most, s.Rules.Processing)
		return s.Rules.Finished > before
	})
	if most == 0 || most > batch {
		t.Errorf("%d rules were in work after the restart; the start asked for batches of %d", most, batch)
	}
	d.finished(id, n, 60*time.Second)
	if s := d.stats(done); s.Status != migration.Finished {
		t.Errorf("the finished migration: %+v", s)
	}
}

func TestSecondProcessOnAFolder(t *testing.T) {
	dir := t.TempDir()
	d := startDev(t, dir)
	for _, command := range [][]string{
		{"dev", "--data-dir", dir, "--http-port", "0", "--temporal-port", "0", "--ui-port", "0"},
		{"demo", "--data-dir", dir},
	} {
		p := start(t, command...)
		if code := p.wait(30 * time.Second); code != 2 {
			t.Errorf("%s: exit code %d, want 2", command[0], code)
		}
		for _, want := range []string{dir, fmt.Sprintf("pid %d", d.cmd.Process.Pid), "--data-dir"} {
			if !strings.Contains(p.stderr.String(), want) {
				t.Errorf("%s: the message lacks %q: %s", command[0], want, p.stderr.String())
			}
		}
	}
	if !d.alive() {
		t.Fatal("the first process ended")
	}
	d.finishedQuickly(t)
}

// finishedQuickly shows that dev still works.
func (d *dev) finishedQuickly(t *testing.T) {
	t.Helper()
	id := d.create(2)
	d.begin(id, "deterministic")
	d.finished(id, 2, 30*time.Second)
}

func TestBusyPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	flags := []string{"--http-port", "--temporal-port", "--ui-port"}
	for _, busy := range flags {
		t.Run(busy, func(t *testing.T) {
			args := []string{"dev", "--data-dir", t.TempDir()}
			for _, f := range flags {
				if f == busy {
					args = append(args, f, port)
				} else {
					args = append(args, f, "0")
				}
			}
			p := start(t, args...)
			if code := p.wait(30 * time.Second); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			if msg := p.stderr.String(); !strings.Contains(msg, port) || !strings.Contains(msg, busy) {
				t.Errorf("the message does not name port and flag: %s", msg)
			}
		})
	}
}

// TestTemporalUI checks that the UI is served, behind the gateway's check of the Host header.
func TestTemporalUI(t *testing.T) {
	d := startDev(t, t.TempDir())
	get := func(host, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, d.ui+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(data)
	}
	if status, page := get("", "/"); status != 200 || !strings.Contains(page, "<html") {
		t.Errorf("the page: %d %s", status, page)
	}
	if status, text := get("localhost", "/api/v1/namespaces/default/search-attributes"); status != 200 || !strings.Contains(text, "RulebridgeState") {
		t.Errorf("search attributes: %d %s", status, text)
	}
	for _, path := range []string{"/", "/api/v1/namespaces/default/workflows"} {
		if status, _ := get("rebound.example.org", path); status != http.StatusMisdirectedRequest {
			t.Errorf("a foreign host gets %s: %d", path, status)
		}
	}
}

// TestReadsWellInTemporal looks at a finished migration as the Temporal UI shows it.
func TestReadsWellInTemporal(t *testing.T) {
	d := startDev(t, t.TempDir())
	id := d.create(2)
	d.begin(id, "deterministic")
	d.finished(id, 2, 30*time.Second)
	var found struct {
		Executions []struct {
			Execution struct {
				WorkflowID string `json:"workflowId"`
			} `json:"execution"`
			SearchAttributes struct {
				IndexedFields map[string]any `json:"indexedFields"`
			} `json:"searchAttributes"`
		} `json:"executions"`
	}
	eventually(t, 30*time.Second, "the workflow is found by its state", func() bool {
		resp, err := http.Get(d.ui + `/api/v1/namespaces/default/workflows?query=RulebridgeState%3D%22finished%22`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if err := json.NewDecoder(resp.Body).Decode(&found); err != nil {
			t.Fatal(err)
		}
		return len(found.Executions) > 0
	})
	e := found.Executions[0]
	if e.Execution.WorkflowID != "migration-"+id || e.SearchAttributes.IndexedFields["RulebridgeVendor"] == nil {
		t.Errorf("found %+v", e)
	}

	// The history replays with the code that made it.
	b := binary(t)
	out, err := exec.Command(b, "replay", id, "--temporal-port", d.temporal[strings.LastIndex(d.temporal, ":")+1:]).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "no divergence") {
		t.Errorf("replay: %v\n%s", err, out)
	}
}

// TestDatabaseModes: the databases are their owner's alone.
func TestDatabaseModes(t *testing.T) {
	dir := t.TempDir()
	startDev(t, dir).stop()
	files, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("the data folder holds %q, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s, %v; want 0600", file, info.Mode(), err)
		}
	}
}

// TestTemporalOfANewerVersion: a temporal.db that a newer version wrote is refused in plain words and left as it is.
func TestTemporalOfANewerVersion(t *testing.T) {
	dir := t.TempDir()
	d := startDev(t, dir)
	d.stop()
	stamp := filepath.Join(dir, "temporal.db.version")
	text, err := os.ReadFile(stamp)
	if err != nil {
		t.Fatal(err)
	}
	newer := regexp.MustCompile(`"server_version":\s*"[^"]+"`).ReplaceAll(text, []byte(`"server_version": "99.1.0"`))
	if err := os.WriteFile(stamp, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"dev", "--http-port", "0", "--temporal-port", "0", "--ui-port", "0"}, {"migrate", writeRules(t, 1)}} {
		p := start(t, append(args, "--data-dir", dir)...)
		if code := p.wait(time.Minute); code != 1 {
			t.Errorf("%s: exit code %d", args[0], code)
		}
		said := p.stderr.String()
		for _, want := range []string{filepath.Join(dir, "temporal.db"), "newer version of Rulebridge", "99.1.0", "move the file away", "--data-dir"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not say %q:\n%s", args[0], want, said)
			}
		}
	}
	after, err := os.ReadDir(dir)
	if err != nil || len(after) != len(before) {
		t.Errorf("the folder has %v, it had %v: %v", after, before, err)
	}
	if err := os.WriteFile(stamp, text, 0o600); err != nil {
		t.Fatal(err)
	}
	startDev(t, dir).stop()
}
