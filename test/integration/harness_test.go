// Package integration drives the built program from outside: processes, signals, HTTP and files.
package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/test/program"
)

const rulesPath = "/internal/siem_migrations/rules"

// crashing is the program with rules in it that take their process down, built once for the tests of those.
var crashing = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rulebridge-crashing-")
	if err != nil {
		return "", err
	}
	return program.Build(dir, "-tags", "crashrules")
})

// other is what a test starts in place of the program, while not nil.
var other func() (string, error)

// take makes the test start another program.
func take(t *testing.T, program func() (string, error)) {
	t.Helper()
	other = program
	t.Cleanup(func() { other = nil })
}

func TestMain(m *testing.M) {
	code := m.Run()
	program.Clean()
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	if other == nil {
		return program.Path(t)
	}
	if testing.Short() {
		t.Skip("drives the whole program; left out with -short")
	}
	b, err := other()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type output = program.Output

// process is a running program.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *output
	stderr *output
	done   chan struct{}
	code   int
}

func environ(extra ...string) []string { return program.Environ(extra...) }

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith starts the program with further environment variables.
func startWith(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return launch(t, (*exec.Cmd).Start, env, args...)
}

// launch leaves to begin how the process is started.
func launch(t *testing.T, begin func(*exec.Cmd) error, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary(t), args...), stdout: &output{}, stderr: &output{}, done: make(chan struct{})}
	p.cmd.Env = append(environ("XDG_DATA_HOME="+t.TempDir()), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := begin(p.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), tail(p.stdout.String()), tail(p.stderr.String()))
		}
	})
	return p
}

func tail(s string) string { return program.Tail(s) }

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// wait waits for the end and returns the exit code.
func (p *process) wait(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.code
	case <-time.After(within):
		p.t.Fatalf("the process did not end within %s", within)
		return -1
	}
}

func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait(10 * time.Second)
}

// dev is a running "rulebridge dev".
type dev struct {
	*process
	url, ui, temporal string
}

var readyLine = regexp.MustCompile(`(?m)^  (gateway|Temporal Web UI|Temporal) +(\S+)( \(.*\))?$`)

// startDev starts dev on free ports and waits until it is ready.
func startDev(t *testing.T, dir string, args ...string) *dev {
	t.Helper()
	args = append([]string{"dev", "--data-dir", dir, "--http-port", "0", "--temporal-port", "0", "--ui-port", "0"}, args...)
	d := &dev{process: start(t, args...)}
	eventually(t, 60*time.Second, "dev gets ready", func() bool {
		if !d.alive() {
			t.Fatalf("dev ended with exit code %d: %s", d.code, d.stderr.String())
		}
		return strings.Contains(d.stdout.String(), "  data ")
	})
	for _, m := range readyLine.FindAllStringSubmatch(d.stdout.String(), -1) {
		switch m[1] {
		case "gateway":
			d.url = m[2]
		case "Temporal Web UI":
			d.ui = m[2]
		case "Temporal":
			d.temporal = m[2]
		}
	}
	if d.url == "" || d.ui == "" || d.temporal == "" {
		t.Fatalf("dev does not say where it is:\n%s", d.stdout.String())
	}
	return d
}

// stop ends dev as Ctrl-C does.
func (d *dev) stop() {
	d.t.Helper()
	d.signal(os.Interrupt)
	if code := d.wait(60 * time.Second); code != 0 {
		d.t.Fatalf("dev ended with exit code %d", code)
	}
}

// eventually polls until the condition holds.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", within, what)
		}
	}
}

// call sends a request and decodes the answer into to, unless nil; it returns the status.
func (d *dev) call(method, path string, body any, to any) int {
	d.t.Helper()
	status, err := d.try(method, path, body, to)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status
}

func (d *dev) try(method, path string, body any, to any) (int, error) {
	var r io.Reader
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return 0, err
		}
		r = bytes.NewReader(sent)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, d.url+rulesPath+path, r)
	if err != nil {
		return 0, err
	}
	req.Header.Set("kbn-xsrf", "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err
	}
	conforms(d.t, req, sent, resp, data)
	if to != nil {
		if err := json.Unmarshal(data, to); err != nil {
			return resp.StatusCode, fmt.Errorf("%d %s: %w", resp.StatusCode, data, err)
		}
	}
	return resp.StatusCode, nil
}

// create stores n rules and returns the migration's id.
func (d *dev) create(n int) string {
	d.t.Helper()
	var answer struct {
		MigrationID string `json:"migration_id"`
	}
	if status := d.call("POST", "", makeRules(n), &answer); status != 200 || answer.MigrationID == "" {
		d.t.Fatalf("create: %d %+v", status, answer)
	}
	return answer.MigrationID
}

func (d *dev) begin(id, connector string) bool {
	d.t.Helper()
	var answer struct {
		Started bool `json:"started"`
	}
	body := map[string]any{"connectorId": connector, "settings": map[string]any{"pause": "0s"}}
	if status := d.call("PUT", "/"+id+"/start", body, &answer); status != 200 {
		d.t.Fatalf("start: %d", status)
	}
	return answer.Started
}

func (d *dev) halt(id string) bool {
	d.t.Helper()
	var answer struct {
		Stopped bool `json:"stopped"`
	}
	if status := d.call("PUT", "/"+id+"/stop", nil, &answer); status != 200 {
		d.t.Fatalf("stop: %d", status)
	}
	return answer.Stopped
}

func (d *dev) stats(id string) migration.Stats {
	d.t.Helper()
	var s migration.Stats
	if status := d.call("GET", "/"+id+"/stats", nil, &s); status != 200 {
		d.t.Fatalf("stats: %d", status)
	}
	return s
}

func (d *dev) rules(id string) []migration.Rule {
	d.t.Helper()
	var rs []migration.Rule
	if status := d.call("GET", "/"+id, nil, &rs); status != 200 {
		d.t.Fatalf("list: %d", status)
	}
	return rs
}

// finished waits for the end and checks that no rule was lost.
func (d *dev) finished(id string, n int, within time.Duration) []migration.Rule {
	d.t.Helper()
	var s migration.Stats
	eventually(d.t, within, "migration "+id+" finishes", func() bool {
		s = d.stats(id)
		return s.Status == migration.Finished
	})
	if want := (migration.Counts{Total: n, Finished: n}); s.Rules != want {
		d.t.Fatalf("finished with %+v, want %+v", s.Rules, want)
	}
	rules := d.rules(id)
	seen := map[string]bool{}
	for _, r := range rules {
		if r.Status != migration.StatusFinished || r.Result == "" || seen[r.ID] {
			d.t.Fatalf("rule %s: status %s, result %q, seen before %v", r.ID, r.Status, r.Result, seen[r.ID])
		}
		seen[r.ID] = true
	}
	if len(rules) != n {
		d.t.Fatalf("%d rules, want %d", len(rules), n)
	}
	return rules
}

func makeRules(n int) []migration.OriginalRule {
	rules := make([]migration.OriginalRule, n)
	for i := range rules {
		rules[i] = migration.OriginalRule{
			ID: fmt.Sprintf("rule-%05d", i), Vendor: "splunk", QueryLanguage: "spl", Title: fmt.Sprintf("Rule %d", i),
			Description: "made for a test", MitreAttackIDs: []string{"T1059"},
			Query: fmt.Sprintf(`sourcetype="linux:audit" type=EXECVE pid=%d | stats count by host`, i),
		}
	}
	return rules
}

// config writes a configuration with a simulated connector called "sim".
func config(t *testing.T, latency string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rulebridge.yaml")
	text := fmt.Sprintf(`connectors:
  - {id: sim, kind: simulated, latency: %s, jitter: 50%%, seed: 7}
  - {id: azureOpenAiGPT4o, kind: simulated, latency: 10ms}
migration: {heartbeat: 5s, pause: 0s}
log: {level: info}
`, latency)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// withStore opens the store of a folder that no process uses.
func withStore(t *testing.T, dir string, f func(ctx context.Context, s *sqlite.Store)) {
	t.Helper()
	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "rulebridge.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	f(ctx, s)
}

func countLines(t *testing.T, path string) (n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		if !json.Valid(sc.Bytes()) {
			t.Fatalf("%s:%d is no JSON", path, n+1)
		}
		n++
	}
	return n
}
