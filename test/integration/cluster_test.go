package integration

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
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
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// cluster is a Temporal server of its own, and what processes over one SQLite file need to find it.
type cluster struct {
	t    *testing.T
	dir  string
	addr string
	cfg  string
	env  []string // of every process
}

var temporalReady = regexp.MustCompile(`Temporal is ready on (\S+)`)

// startTemporal runs the server alone on an address; 127.0.0.1:0 takes a free port.
func startTemporal(t *testing.T, dir, port string) (p *process, addr string) {
	t.Helper()
	p = start(t, "temporal", "--data-dir", dir, "--temporal-port", port, "--log-level", "error")
	p.until(60*time.Second, temporalReady)
	return p, temporalReady.FindStringSubmatch(p.stdout.String())[1]
}

func newCluster(t *testing.T, cfg string, env ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), cfg: cfg, env: env}
	_, c.addr = startTemporal(t, c.dir, "0")
	return c
}

// until waits for what a process says on its standard output.
func (p *process) until(within time.Duration, line *regexp.Regexp) {
	p.t.Helper()
	eventually(p.t, within, "the process says "+line.String(), func() bool {
		if !p.alive() {
			p.t.Fatalf("it ended with exit code %d: %s", p.code, p.stderr.String())
		}
		return line.MatchString(p.stdout.String())
	})
}

func (c *cluster) start(args ...string) *process {
	c.t.Helper()
	return c.launch((*exec.Cmd).Start, args...)
}

func (c *cluster) launch(begin func(*exec.Cmd) error, args ...string) *process {
	c.t.Helper()
	env := append([]string{"TEMPORAL_ADDRESS=" + c.addr, "TEMPORAL_CONFIG_FILE=" + filepath.Join(c.dir, "none.toml")}, c.env...)
	return launch(c.t, begin, env, append(args, "--data-dir", c.dir, "--config", c.cfg)...)
}

var (
	apiReady    = regexp.MustCompile(`rulebridge api is ready on (\S+)`)
	workerReady = regexp.MustCompile(`rulebridge worker is ready: queues (.+); health on (\S+)`)
)

func (c *cluster) gateway(args ...string) *dev {
	c.t.Helper()
	p := c.start(append([]string{"api", "--http-port", "0"}, args...)...)
	p.until(60*time.Second, apiReady)
	return &dev{process: p, url: apiReady.FindStringSubmatch(p.stdout.String())[1]}
}

type workerProcess struct {
	*process
	queues, health string
}

func (c *cluster) worker(args ...string) *workerProcess {
	c.t.Helper()
	p := c.start(append([]string{"worker", "--health-addr", "127.0.0.1:0"}, args...)...)
	p.until(60*time.Second, workerReady)
	m := workerReady.FindStringSubmatch(p.stdout.String())
	return &workerProcess{process: p, queues: m[1], health: m[2]}
}

func (c *cluster) setup(args ...string) string {
	c.t.Helper()
	p := c.start(append([]string{"setup"}, args...)...)
	if code := p.wait(90 * time.Second); code != 0 {
		c.t.Fatalf("setup ended with exit code %d: %s", code, p.stderr.String())
	}
	return p.stdout.String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestProcessesApart runs two gateways and two workers over one store and one Temporal server. Of two starts at once
// exactly one is told that it started; the worker that is killed leaves no trace in the result.
func TestProcessesApart(t *testing.T) {
	const n = 150
	c := newCluster(t, config(t, "1s"))
	if out := c.setup(); !strings.Contains(out, "registered RulebridgeState, RulebridgeVendor") ||
		!strings.Contains(out, "temporal operator search-attribute create --namespace default --name RulebridgeState --type Keyword") {
		t.Errorf("setup says %s", out)
	}
	if out := c.setup(); !strings.Contains(out, "all there") {
		t.Errorf("setup again says %s", out)
	}
	first, second := c.worker(), c.worker()
	a, b := c.gateway(), c.gateway()
	id := a.create(n)

	var wg sync.WaitGroup
	var started [2]bool
	for i, g := range []*dev{a, b} {
		wg.Go(func() {
			var answer struct{ Started bool }
			status, err := g.try("PUT", "/"+id+"/start", map[string]any{"connectorId": "sim", "settings": map[string]any{"pause": "0s"}}, &answer)
			if err != nil || status != http.StatusOK {
				t.Errorf("start: %d %v", status, err)
			}
			started[i] = answer.Started
		})
	}
	wg.Wait()
	if started[0] == started[1] {
		t.Errorf("two starts at once were told %v; want exactly one true", started)
	}
	inFlight := 0
	eventually(t, 30*time.Second, "rules are in work and some are done", func() bool {
		s := b.stats(id)
		inFlight = s.Rules.Processing
		return s.Rules.Finished > 0 && s.Rules.Processing > 0
	})
	first.kill()
	a.finished(id, n, 90*time.Second)
	if ra, rb := a.stats(id).Rules, b.stats(id).Rules; ra != rb {
		t.Errorf("the gateways disagree: %+v, %+v", ra, rb)
	}
	if code, body := get(t, second.health+"/readyz"); code != http.StatusOK {
		t.Errorf("the worker that is left: %d %s", code, body)
	}
	// Nobody loses anything at SIGTERM: a migration in mid-work goes on with the next worker.
	next := b.create(n)
	b.begin(next, "sim")
	eventually(t, 30*time.Second, "rules are in work", func() bool { return b.stats(next).Rules.Processing > 0 })
	second.signal(syscall.SIGTERM)
	if code := second.wait(60 * time.Second); code != 0 {
		t.Errorf("the worker ended with exit code %d", code)
	}
	c.worker()
	b.finished(next, n, 90*time.Second)
	for _, g := range []*dev{a, b} {
		g.signal(syscall.SIGTERM)
		if code := g.wait(30 * time.Second); code != 0 {
			t.Errorf("a gateway ended with exit code %d", code)
		}
	}
	withStore(t, c.dir, func(ctx context.Context, s *sqlite.Store) {
		attempts, answers, err := s.CallStats(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		// inFlight was read a moment before the kill, so up to a window may have been in the air.
		if answers != n || attempts > n+50 {
			t.Errorf("%d answers after %d calls for %d rules (%d in flight before the kill)", answers, attempts, n, inFlight)
		}
	})
}

// TestWithoutSearchAttributes: the worker warns and goes on.
func TestWithoutSearchAttributes(t *testing.T) {
	c := newCluster(t, config(t, "10ms"))
	w, g := c.worker("--queues", "migrations"), c.gateway()
	if w.queues != "migrations" {
		t.Errorf("queues %s", w.queues)
	}
	if !strings.Contains(w.stderr.String(), "rulebridge setup") {
		t.Errorf("no warning: %s", w.stderr.String())
	}
	id := g.create(5)
	g.begin(id, "deterministic")
	g.finished(id, 5, 30*time.Second)
	// The calls of a model wait for a worker of its queue.
	id = g.create(5)
	g.begin(id, "sim")
	eventually(t, 30*time.Second, "rules are in work", func() bool { return g.stats(id).Rules.Processing > 0 })
	c.worker("--queues", "llm-sim")
	g.finished(id, 5, 30*time.Second)
}

// TestWorkerVersions: without a current version a worker says so; a migration parked by the build before starts on the
// next one.
func TestWorkerVersions(t *testing.T) {
	const n = 80
	c := newCluster(t, config(t, "500ms"))
	old := c.worker("--deployment", "rules", "--build-id", "v1")
	eventually(t, 30*time.Second, "the log says that there is no current version", func() bool {
		return strings.Contains(old.stderr.String(), "has no current version")
	})
	if code, body := get(t, old.health+"/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "setup --deployment rules --build-id v1") {
		t.Errorf("readyz without a current version: %d %s", code, body)
	}
	if out := c.setup("--deployment", "rules", "--build-id", "v1"); !strings.Contains(out, "build v1 is current now") {
		t.Errorf("setup says %s", out)
	}
	if out := c.setup("--deployment", "rules", "--build-id", "v1"); !strings.Contains(out, "build v1 is current already") {
		t.Errorf("setup again says %s", out)
	}
	eventually(t, 30*time.Second, "the worker is ready", func() bool {
		code, _ := get(t, old.health+"/readyz")
		return code == http.StatusOK
	})
	g := c.gateway()
	parked, running := g.create(n), g.create(n)
	g.begin(parked, "sim")
	eventually(t, 30*time.Second, "some rules are done", func() bool { return g.stats(parked).Rules.Finished > 0 })
	if !g.halt(parked) {
		t.Error("not stopped")
	}
	eventually(t, 30*time.Second, "it is parked", func() bool {
		s := g.stats(parked)
		return s.Status == migration.Stopped && s.Rules.Processing == 0
	})
	g.begin(running, "sim")
	eventually(t, 30*time.Second, "rules are in work", func() bool { return g.stats(running).Rules.Processing > 0 })
	few := c.worker("--deployment", "rules", "--build-id", "v2", "--queues", "migrations")
	refused := c.start("setup", "--deployment", "rules", "--build-id", "v2", "--wait", "2s")
	if code := refused.wait(60 * time.Second); code != 1 || !strings.Contains(refused.stderr.String(), "start workers of the build for every queue") {
		t.Errorf("setup of a build without workers on every queue: exit code %d, %s", code, refused.stderr.String())
	}
	few.kill()
	fresh := c.worker("--deployment", "rules", "--build-id", "v2")
	c.setup("--deployment", "rules", "--build-id", "v2")
	old.signal(syscall.SIGTERM)
	if code := old.wait(60 * time.Second); code != 0 {
		t.Errorf("the old worker ended with exit code %d", code)
	}
	if !g.begin(parked, "sim") {
		t.Error("the parked migration does not start on the new build")
	}
	g.finished(parked, n, 90*time.Second)
	g.finished(running, n, 90*time.Second)
	if !fresh.alive() {
		t.Error("the new worker is gone")
	}
}

// codecConfig writes settings with keys; the first active one encrypts.
func codecConfig(t *testing.T, active string, keys ...string) string {
	t.Helper()
	data, err := os.ReadFile(config(t, "1s"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "migration: {", "migration: {outage_failures: 3, ", 1) +
		"codec:\n  active: " + active + "\n  ui_origin: https://temporal.example.org\n  keys:\n"
	for _, id := range keys {
		key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(id, 32)[:32]))
		text += "    - {id: " + id + ", key: " + key + "}\n"
	}
	path := filepath.Join(t.TempDir(), "codec.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEncryptedHistories: nothing of a rule can be read in a history, its search attributes or summaries; keys rotate
// while a migration is parked; a worker without the key parks it with the reason.
func TestEncryptedHistories(t *testing.T) {
	const n = 80
	c := newCluster(t, codecConfig(t, "k1", "k1"))
	c.setup()
	w, g := c.worker(), c.gateway()
	id := g.create(n)
	g.begin(id, "sim")
	eventually(t, 30*time.Second, "some rules are done", func() bool { return g.stats(id).Rules.Finished > 0 })
	g.halt(id)
	eventually(t, 30*time.Second, "it is parked", func() bool {
		s := g.stats(id)
		return s.Status == migration.Stopped && s.Rules.Processing == 0
	})

	// Rotation: the new key encrypts, the old one still decrypts.
	w.signal(syscall.SIGTERM)
	w.wait(60 * time.Second)
	g.signal(syscall.SIGTERM)
	g.wait(60 * time.Second)
	c.cfg = codecConfig(t, "k2", "k1", "k2")
	w = c.worker("--queues", "migrations")
	g = c.gateway()
	// The model's worker was forgotten.
	both := c.cfg
	c.cfg = codecConfig(t, "k1", "k1")
	forgotten := c.worker("--queues", "llm-sim")
	if !g.begin(id, "sim") {
		t.Error("not started after the rotation")
	}
	var s migration.Stats
	// Right after the start the stop of before may still be told: only a park has a reason.
	eventually(t, 60*time.Second, "it parks", func() bool {
		s = g.stats(id)
		return s.Status == migration.Stopped && s.Rules.Processing == 0 && s.ParkReason != ""
	})
	if s.ParkReason != workflows.ParkKey || s.Rules.Failed != 0 {
		t.Errorf("parked with %q, %+v", s.ParkReason, s.Rules)
	}
	forgotten.kill()
	c.cfg = both
	c.worker("--queues", "llm-sim")
	g.begin(id, "sim")
	g.finished(id, n, 60*time.Second)
	// Workflow code that cannot read its input waits for a worker that can.
	w.kill()
	c.cfg = codecConfig(t, "k3", "k3")
	blind := c.worker("--queues", "migrations")
	later := g.create(n)
	g.begin(later, "sim")
	eventually(t, 30*time.Second, "the worker says which key is missing", func() bool {
		return strings.Contains(blind.stderr.String(), "a payload is encrypted with key \\\"k2\\\"")
	})
	blind.kill()
	c.cfg = both
	c.worker("--queues", "migrations")
	g.finished(later, n, 90*time.Second)

	file := filepath.Join(t.TempDir(), "history.json")
	r := c.start("replay", id, "--save", file)
	if code := r.wait(60 * time.Second); code != 0 {
		t.Errorf("replay with the keys: exit code %d", code)
	}
	c.cfg = codecConfig(t, "k3", "k3")
	if r = c.start("replay", file); r.wait(60*time.Second) == 0 || !strings.Contains(r.stdout.String()+r.stderr.String(), "codec.keys") {
		t.Errorf("replay without the keys: exit code %d, %s", r.code, r.stdout.String())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	payloads := checkSealed(t, data)

	// The endpoint for the Temporal UI reads them.
	body, err := json.Marshal(map[string]any{"payloads": payloads[:1]})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(g.url+"/codec/decode", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var plain struct{ Payloads []payload }
	if err := json.NewDecoder(resp.Body).Decode(&plain); err != nil || resp.StatusCode != http.StatusOK || len(plain.Payloads) != 1 {
		t.Fatalf("decode: %d %+v %v", resp.StatusCode, plain, err)
	}
	if text, err := base64.StdEncoding.DecodeString(plain.Payloads[0].Data); err != nil || !json.Valid(text) {
		t.Errorf("decoded to %q, %v", text, err)
	}
}

type payload struct {
	Metadata map[string]string `json:"metadata"`
	Data     string            `json:"data"`
}

// checkSealed looks at every payload of a history: all are encrypted but the search attributes, which hold states and
// vendors alone. It returns the encrypted ones.
func checkSealed(t *testing.T, history []byte) (sealed []payload) {
	t.Helper()
	var tree any
	if err := json.Unmarshal(history, &tree); err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{"creating": true, "ready": true, "running": true, "stopped": true, "finished": true, "splunk": true}
	attributes := 0
	var walk func(node any, inAttributes bool)
	walk = func(node any, inAttributes bool) {
		switch x := node.(type) {
		case []any:
			for _, e := range x {
				walk(e, inAttributes)
			}
		case map[string]any:
			meta, isPayload := x["metadata"].(map[string]any)
			if encoding, _ := meta["encoding"].(string); isPayload && encoding != "" {
				kind, _ := base64.StdEncoding.DecodeString(encoding)
				data, _ := x["data"].(string)
				switch {
				case inAttributes:
					attributes++
					text, _ := base64.StdEncoding.DecodeString(data)
					var value string
					if err := json.Unmarshal(text, &value); err != nil || !allowed[value] {
						t.Errorf("a search attribute holds %s", text)
					}
				case string(kind) != "binary/encrypted":
					text, _ := base64.StdEncoding.DecodeString(data)
					t.Errorf("not encrypted (%s): %s", kind, text)
				default:
					p := payload{Metadata: map[string]string{}, Data: data}
					for k, v := range meta {
						p.Metadata[k], _ = v.(string)
					}
					sealed = append(sealed, p)
				}
				return
			}
			for k, v := range x {
				walk(v, inAttributes || strings.EqualFold(k, "searchAttributes") || strings.EqualFold(k, "indexedFields"))
			}
		}
	}
	walk(tree, false)
	if len(sealed) < 10 || attributes == 0 {
		t.Errorf("only %d encrypted payloads and %d search attributes were found", len(sealed), attributes)
	}
	return sealed
}

// TestDelete deletes a migration in mid-work: documents and executions go, and what finishes later changes nothing.
func TestDelete(t *testing.T) {
	const n = 60
	c := newCluster(t, config(t, "2s"))
	c.worker()
	g := c.gateway()
	id, kept := g.create(n), g.create(3)
	g.begin(id, "sim")
	eventually(t, 30*time.Second, "rules are in work", func() bool { return g.stats(id).Rules.Processing > 0 })
	var deleted struct{ Deleted bool }
	begin := time.Now()
	if status := g.call("DELETE", "/"+id, nil, &deleted); status != http.StatusOK || !deleted.Deleted {
		t.Errorf("delete: %d %+v", status, deleted)
	}
	t.Logf("the deletion took %s", time.Since(begin).Round(time.Millisecond))
	for _, path := range []string{"", "/stats"} {
		if status := g.call("GET", "/"+id+path, nil, nil); status != http.StatusNoContent {
			t.Errorf("GET %s after the deletion: %d", path, status)
		}
	}
	if status := g.call("DELETE", "/"+id, nil, nil); status != http.StatusNoContent {
		t.Errorf("delete again: %d", status)
	}
	time.Sleep(4 * time.Second) // longer than any call that was on its way
	gone := func() {
		t.Helper()
		withStore(t, c.dir, func(ctx context.Context, s *sqlite.Store) {
			if rules, _, err := s.List(ctx, id, store.RuleQuery{Size: 10}); !errors.Is(err, store.ErrNotFound) || len(rules) > 0 {
				t.Errorf("%d rules are there, %v", len(rules), err)
			}
			if attempts, answers, err := s.CallStats(ctx, id); attempts+answers > 0 || err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%d calls and %d answers are there, %v", attempts, answers, err)
			}
			if ids, err := s.Tombstoned(ctx); err != nil || len(ids) > 0 {
				t.Errorf("tombstones %v, %v", ids, err)
			}
		})
	}
	gone()
	// Temporal deletes in the background, half a minute later.
	eventually(t, 90*time.Second, "the execution is gone", func() bool {
		r := c.start("replay", workflows.WorkflowID(id))
		r.wait(30 * time.Second)
		return strings.Contains(r.stderr.String(), "not found")
	})
	gone()
	g.begin(kept, "deterministic")
	g.finished(kept, 3, 30*time.Second)

	// A deletion that broke off after the tombstone is finished by the next gateway that starts.
	withStore(t, c.dir, func(ctx context.Context, s *sqlite.Store) {
		if err := s.MarkDeleted(ctx, kept); err != nil {
			t.Fatal(err)
		}
	})
	c.gateway()
	eventually(t, 30*time.Second, "the deletion is finished", func() (done bool) {
		withStore(t, c.dir, func(ctx context.Context, s *sqlite.Store) {
			ids, err := s.Tombstoned(ctx)
			done = err == nil && len(ids) == 0
		})
		return done
	})
}

// TestPastRetention: when Temporal has forgotten a finished migration, here because its data is lost, the store answers.
func TestPastRetention(t *testing.T) {
	c := newCluster(t, config(t, "10ms"))
	c.worker()
	g := c.gateway()
	done, left := g.create(20), g.create(10)
	g.begin(done, "deterministic")
	g.finished(done, 20, 30*time.Second)
	g.signal(syscall.SIGTERM)
	g.wait(30 * time.Second)

	empty := &cluster{t: t, dir: c.dir, cfg: c.cfg}
	_, empty.addr = startTemporal(t, t.TempDir(), "0")
	empty.worker()
	g = empty.gateway()
	resp, err := http.Get(g.url + rulesPath + "/" + done + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var s migration.Stats
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	if s.Status != migration.Finished || s.Rules != (migration.Counts{Total: 20, Finished: 20}) || resp.Header.Get("X-Stats-Source") != "store" {
		t.Errorf("stats %+v from %s", s, resp.Header.Get("X-Stats-Source"))
	}
	if g.begin(done, "deterministic") {
		t.Error("a finished migration was started")
	}
	if !g.begin(left, "deterministic") {
		t.Error("the one that was not finished does not start")
	}
	g.finished(left, 10, 30*time.Second)
}

// TestSecondInterruptApart: worker, gateway and migrate take their time to settle at the first interrupt; the second ends
// them at once.
func TestSecondInterruptApart(t *testing.T) {
	cfg := config(t, "60s")
	c := newCluster(t, cfg)
	w, g := c.worker(), c.gateway()
	id := g.create(5)
	g.begin(id, "sim")
	eventually(t, 30*time.Second, "the model is asked", func() bool { return g.stats(id).Rules.Processing == 5 })
	// A request whose body does not come holds the gateway.
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	host := strings.TrimPrefix(g.url, "http://")
	if _, err := io.WriteString(conn, "POST "+rulesPath+" HTTP/1.1\r\nHost: "+host+"\r\nkbn-xsrf: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n["); err != nil {
		t.Fatal(err)
	}
	m := start(t, "migrate", writeRules(t, 20), "--config", cfg, "--connector", "sim")
	eventually(t, 60*time.Second, "the migration works", func() bool { return strings.Contains(m.stderr.String(), "20 being worked on") })
	for name, p := range map[string]*process{"worker": w.process, "api": g.process, "migrate": m} {
		p.signal(os.Interrupt)
		p.signal(syscall.SIGTERM)
		if code := p.wait(8 * time.Second); code != 130 {
			t.Errorf("%s ended with exit code %d, want 130", name, code)
		}
		if !strings.Contains(p.stderr.String(), "interrupted again") {
			t.Errorf("%s does not say that it was interrupted again: %s", name, tail(p.stderr.String()))
		}
	}
}
