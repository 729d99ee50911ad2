package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/workflows"
)

const kibanaKey = "a2V5OnNlY3JldC1rZXktb2YtdGhlLXRlc3Q="

// kibanaConfig names one Kibana, prod.
func kibanaConfig(t *testing.T, url string) string {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(kibanaKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "rulebridge.yaml")
	text := fmt.Sprintf("kibanas:\n  - {name: prod, url: %q, api_key_file: %q}\nmigration: {heartbeat: 5s, pause: 0s}\n", url, key)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// migrated is a running dev with a finished migration of n rules.
func migrated(t *testing.T, n int, args ...string) (d *dev, id, dir string) {
	t.Helper()
	dir = t.TempDir()
	d = startDev(t, dir, args...)
	id = d.create(n)
	d.begin(id, "deterministic")
	d.finished(id, n, time.Minute)
	return d, id, dir
}

type installation struct {
	Running bool `json:"running"`
	workflows.InstallStatus
}

// installed waits until the installation has ended.
func (d *dev) installed(id string) installation {
	d.t.Helper()
	var s installation
	eventually(d.t, 90*time.Second, "the installation ends", func() bool {
		return d.call("GET", "/"+id+"/install?kibana=prod", nil, &s) == http.StatusOK && !s.Running
	})
	return s
}

// TestInstall installs by command line: first the plan, then the rules, with one that Kibana refuses; a second time nothing
// happens twice, and what was changed there is overwritten only when asked for, with a diff.
func TestInstall(t *testing.T) {
	k := kibanatest.NewServer(kibanaKey)
	defer k.Close()
	k.Indices["logs-auditd_manager.auditd-*"] = []string{"@timestamp"}
	cfg := kibanaConfig(t, k.URL)
	const n = 60
	d, id, dir := migrated(t, n, "--config", cfg)
	bad := kibana.RuleID("rule-00007")
	k.Before(func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if r.Method == http.MethodPost && strings.Contains(string(body), bad) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"statusCode":400,"message":"this one not"}`))
			return true
		}
		return false
	})
	run := func(want int, args ...string) string {
		t.Helper()
		p := start(t, append([]string{"install", id, "--kibana", "prod", "--url", d.url}, args...)...)
		if code := p.wait(2 * time.Minute); code != want {
			t.Fatalf("exit code %d, want %d", code, want)
		}
		out := p.stdout.String() + p.stderr.String()
		if strings.Contains(out, kibanaKey) || strings.Contains(d.stderr.String(), kibanaKey) {
			t.Fatal("the key is printed")
		}
		return out
	}
	contains := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("the output lacks %q:\n%s", text, out)
			}
		}
	}
	contains(run(0, "--dry-run"), "prod lacks what rules need", "60 to create (60 full, 0 partial)", "create    full    rule-00007 (Rule 7)")
	if len(k.Rules()) != 0 {
		t.Fatalf("a dry run installed %d rules", len(k.Rules()))
	}
	contains(run(3), "59 created", "1 failed", "failed    rule-00007: refused (400): this one not")
	rules := k.Rules()
	if len(rules) != n-1 || rules[bad] != nil {
		t.Fatalf("%d rules are there", len(rules))
	}
	for _, r := range rules {
		if r["enabled"] != false {
			t.Fatalf("a rule is enabled: %v", r)
		}
	}
	k.Before(nil)
	contains(run(0), "1 to create", "59 there already", "1 created", "0 failed")
	if posts := k.Writes("POST " + kibanatest.RulesPath + " "); posts != n {
		t.Errorf("%d rules were created, want %d", posts, n)
	}

	// Somebody changes a rule and enables it.
	theirs := kibana.RuleID("rule-00003")
	changed := k.Rules()[theirs]
	changed["query"], changed["enabled"] = "FROM elsewhere", true
	k.Put(changed)
	contains(run(0), "1 there and different", "keep      full    rule-00003", "0 updated")
	if k.Rules()[theirs]["query"] != "FROM elsewhere" {
		t.Fatal("a changed rule was overwritten without leave")
	}
	contains(run(0, "--overwrite"), "update    full    rule-00003", "- FROM elsewhere", "+ FROM logs-", "1 updated")
	if r := k.Rules()[theirs]; r["query"] == "FROM elsewhere" || r["enabled"] != true {
		t.Errorf("overwritten: %v", r)
	}

	// Enabling: all of them, apart.
	contains(run(0, "--enable", "--spread", "5s"), fmt.Sprintf("%d enabled", n-1))
	for _, r := range k.Rules() {
		if r["enabled"] != true {
			t.Fatalf("a rule is not enabled: %v", r)
		}
	}
	d.stop()

	// The report has it all, with nothing running.
	for format, texts := range map[string][]string{
		"md":   {"## Installed", "| prod | ", "Not installed in prod", "`rule-00007` refused (400): this one not"},
		"html": {"<h2>Installed</h2>", "refused (400): this one not"},
		"json": {`"installations": [`, `"why": "this one not"`},
		"csv":  {"not installed"},
	} {
		p := start(t, "report", id, "--data-dir", dir, "--format", format)
		if code := p.wait(time.Minute); code != 0 {
			t.Fatalf("exit code %d of report", code)
		}
		contains(p.stdout.String(), texts...)
	}
}

// TestInstallKilled kills the process in the middle of an installation: started again it goes on by itself, and nothing is
// installed twice. On the way Kibana answers 503, and 429 with a pause.
func TestInstallKilled(t *testing.T) {
	k := kibanatest.NewServer(kibanaKey)
	defer k.Close()
	cfg := kibanaConfig(t, k.URL)
	const n = 120
	d, id, dir := migrated(t, n, "--config", cfg)
	var posts, limited, down atomic.Int32
	half := make(chan struct{})
	k.Before(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method != http.MethodPost || r.URL.Path != kibanatest.RulesPath {
			return false
		}
		switch m := posts.Add(1); {
		case m == 10:
			limited.Add(1)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		case m >= 20 && m < 24:
			down.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		case m == 60:
			close(half)
		case m > 60 && m < 70:
			time.Sleep(50 * time.Millisecond) // some are in flight when the process dies
		}
		return false
	})
	var answer struct{ Started bool }
	if d.call("POST", "/"+id+"/install", map[string]any{"kibana": "prod"}, &answer); !answer.Started {
		t.Fatal("not started")
	}
	if d.call("POST", "/"+id+"/install", map[string]any{"kibana": "prod"}, &answer); answer.Started {
		t.Error("started twice")
	}
	<-half
	d.kill()
	if there := len(k.Rules()); there < 40 || there >= n {
		t.Fatalf("%d rules were there at the kill", there)
	}
	d = startDev(t, dir, "--config", cfg)
	s := d.installed(id)
	c := s.Counts
	if s.Code != "" || c.Failed != 0 || c.Created+c.Unchanged != n || len(k.Rules()) != n {
		t.Fatalf("%+v, %d rules are there", s, len(k.Rules()))
	}
	if limited.Load() != 1 || down.Load() != 4 {
		t.Errorf("limited %d times, down %d times", limited.Load(), down.Load())
	}
	// Each POST that was let in made its rule: none came a second time.
	seen := map[string]bool{}
	for _, line := range k.Log() {
		if strings.HasPrefix(line, "POST "+kibanatest.RulesPath+" ") {
			if seen[line] {
				t.Errorf("sent twice: %s", line)
			}
			seen[line] = true
		}
	}
	d.stop()
}

// TestInstallRefused: what cannot work ends with a clear message, and without the key.
func TestInstallRefused(t *testing.T) {
	k := kibanatest.NewServer("another key")
	defer k.Close()
	elsewhere := kibanatest.NewServer(kibanaKey)
	defer elsewhere.Close()
	d, id, dir := migrated(t, 3)
	d.stop()
	for _, tt := range []struct {
		name, url, want string
		before          func(w http.ResponseWriter, r *http.Request, _ []byte) bool
	}{
		{"wrong key", k.URL, "refuses the key (401)", nil},
		{"redirect", k.URL, "answers with a redirect to " + elsewhere.URL + ", which is not followed", func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}},
		{"echo of the key", k.URL, "[redacted]", func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(map[string]any{"message": "no: " + r.Header.Get("Authorization")})
			return true
		}},
		{"no Kibana", k.URL, "is this the address of a Kibana", func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			_, _ = w.Write([]byte("<html>hello</html>"))
			return true
		}},
		{"down", "http://127.0.0.1:9", "does not answer now", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.Before(tt.before)
			p := start(t, "install", id, "--kibana", "prod", "--data-dir", dir, "--config", kibanaConfig(t, tt.url))
			if code := p.wait(time.Minute); code != 1 {
				t.Fatalf("exit code %d", code)
			}
			if out := p.stdout.String() + p.stderr.String(); !strings.Contains(out, tt.want) || strings.Contains(out, kibanaKey) {
				t.Errorf("want %q and no key:\n%s", tt.want, out)
			}
		})
	}
	if len(elsewhere.Log()) != 0 {
		t.Errorf("a redirect was followed: %v", elsewhere.Log())
	}
}

// TestInstallExceptions: from files in Splunk to rules whose exclusions are edited in Kibana, by command line. The process is
// killed between an exception list and its rule; started again it makes what is missing, and nothing twice.
func TestInstallExceptions(t *testing.T) {
	k := kibanatest.NewServer(kibanaKey)
	defer k.Close()
	cfg, dir, app := kibanaConfig(t, k.URL), t.TempDir(), filepath.Join(t.TempDir(), "soc", "default")
	if err := os.MkdirAll(app, 0o700); err != nil {
		t.Fatal(err)
	}
	var searches, macros strings.Builder
	const n, lists = 8, 4
	for i := range n { // of two rules one is without a filter
		filter := ""
		if i%2 == 0 {
			filter = fmt.Sprintf("| `rule_%d_filter` ", i)
		}
		fmt.Fprintf(&searches, "[Rule %d]\nsearch = index=wineventlog sourcetype=WinEventLog:Security EventCode=4624 %s| stats count by IpAddress\nalert.track = 1\nenableSched = 1\ncron_schedule = */5 * * * *\n", i, filter)
		fmt.Fprintf(&macros, "[rule_%d_filter]\ndefinition = search NOT IpAddress=10.9.9.%d\n", i, i)
	}
	for name, text := range map[string]string{"savedsearches.conf": searches.String(), "macros.conf": macros.String()} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(want int, args ...string) string {
		t.Helper()
		p := start(t, append(args, "--data-dir", dir, "--config", cfg)...)
		if code := p.wait(2 * time.Minute); code != want {
			t.Fatalf("%v: exit code %d", args, code)
		}
		return p.stdout.String() + p.stderr.String()
	}
	contains := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("the output lacks %q:\n%s", text, out)
			}
		}
	}
	id := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindString(run(0, "migrate", filepath.Dir(app)))
	dry := run(0, "install", id, "--kibana", "prod", "--exceptions", "--dry-run")
	contains(dry, "4 exclusions in 4 exception lists; 0 exclusions stay", "exception list rulebridge-", "leaves out source.ip is 10.9.9.4")
	if left, items := k.ExceptionLists(); len(left)+len(items)+len(k.Rules()) != 0 {
		t.Fatal("a dry run made something")
	}

	// The kill comes when a list is there whole and its rule is not.
	d := startDev(t, dir, "--config", cfg)
	reached := make(chan struct{})
	var once sync.Once
	k.Before(func(_ http.ResponseWriter, r *http.Request, body []byte) bool {
		if r.Method == http.MethodPost && r.URL.Path == kibanatest.RulesPath && strings.Contains(string(body), "exceptions_list") {
			once.Do(func() { close(reached) })
			<-r.Context().Done() // hangs until the process is gone
			return true
		}
		return false
	})
	if status := d.call("POST", "/"+id+"/install", map[string]any{"kibana": "prod", "exceptions": true}, nil); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	<-reached
	d.kill()
	if made, _ := k.ExceptionLists(); len(made) == 0 {
		t.Fatal("the rule came before its list")
	}
	k.Before(nil)
	d = startDev(t, dir, "--config", cfg)
	if s := d.installed(id); s.Code != "" || s.Counts.Failed != 0 || s.Counts.Created+s.Counts.Unchanged != n || s.Counts.Lists != lists || s.Counts.Exceptions != lists {
		t.Errorf("%+v", s)
	}
	d.stop()
	contains(run(0, "install", id, "--kibana", "prod", "--exceptions"), "0 to create", "8 there already", "4 exclusions in 4 exception lists of the rules")
	contains(run(0, "report", id, "--format", "md"), "where 4 exclusions of 4 rules are edited", "- `rulebridge-")
	made, items := k.ExceptionLists()
	if len(made) != lists || len(items) != lists || len(k.Rules()) != n || k.Writes("POST "+kibanatest.ListsPath) != 2*lists || k.Writes("POST "+kibanatest.RulesPath+" ") != n {
		t.Errorf("%d lists, %d items, %d rules: %v", len(made), len(items), len(k.Rules()), k.Log())
	}
	with := 0
	for _, r := range k.Rules() {
		if given, _ := r["exceptions_list"].([]any); len(given) == 1 {
			if with++; strings.Contains(r["query"].(string), "10.9.9") {
				t.Errorf("the exclusion stands in the query too: %s", r["query"])
			}
		}
	}
	if with != lists {
		t.Errorf("%d rules go by a list", with)
	}
}
