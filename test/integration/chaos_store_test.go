package integration

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
	"github.com/rulebridge/rulebridge/workflows"
)

// relay stands between the processes and the node. What fault answers does not reach the node.
type relay struct {
	*httptest.Server
	fault atomic.Pointer[func(w http.ResponseWriter) (answered bool)]
}

func newRelay(t *testing.T, node *elasticsearch.Node) *relay {
	t.Helper()
	to, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	next := httputil.NewSingleHostReverseProxy(to)
	next.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
		// The node is gone: so is the connection.
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	}
	r := &relay{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if fault := r.fault.Load(); fault != nil && (*fault)(w) {
			return
		}
		next.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *relay) set(fault func(w http.ResponseWriter) bool) {
	if fault == nil {
		r.fault.Store(nil)
		return
	}
	r.fault.Store(&fault)
}

// outage is a fault that a test begins and ends.
type outage struct {
	name       string
	lasts      time.Duration
	begin, end func(t *testing.T)
	// meanwhile looks at what the operator sees of the migration; it may be nil.
	meanwhile func(t *testing.T, id string)
}

// stricter adds a gateway whose starts park after three failures in a row, so that a test need not wait for twenty.
func (f *fleet) stricter() *member {
	f.t.Helper()
	env := f.env
	defer func() { f.env = env }()
	f.env = append([]string{"RULEBRIDGE_MIGRATION_OUTAGE_FAILURES=3"}, env...)
	p := f.gateway()
	return &member{process: p.process, kind: "gateway", url: p.url}
}

// rides plays an outage that is shorter than the limits: the migration goes on by itself.
func (f *fleet) rides(t *testing.T, o outage) {
	t.Helper()
	const n = 500
	defer f.in(t)()
	id := f.create(n)
	f.begin(id)
	f.inWork(id)
	if !fullForm(t) {
		o.lasts /= 3
	}
	o.begin(t)
	if o.meanwhile != nil {
		o.meanwhile(t, id)
	}
	before := f.during(o.lasts)
	o.end(t)
	ended := time.Now()
	var c migration.Counts
	f.eventually(5*time.Minute, "a rule is finished after the fault", func() (ok bool) {
		c, ok = f.counts(id)
		return ok && (c.Finished > before(id) || c.Done())
	})
	resumed := time.Since(ended)
	s := f.rests(id, n, migration.Finished, 5*time.Minute)
	if want := (migration.Counts{Total: n, Finished: n}); s.Rules != want {
		t.Errorf("ended with %+v", s.Rules)
	}
	t.Logf("FIGURE fault: %s for %s: the first rule was finished %.1f s after it, by itself; every rule has one result", o.name, o.lasts, resumed.Seconds())
}

// during lets time pass, and returns what was finished then, as far as the store tells at its end.
func (f *fleet) during(d time.Duration) func(id string) int {
	f.t.Helper()
	f.sleep(d)
	last := map[string]int{}
	return func(id string) int {
		n, ok := last[id]
		if c, read := f.counts(id); !ok && read {
			n = c.Finished
			last[id] = n
		}
		return n
	}
}

// parks plays an outage that outlasts the limits: the migration parks with the reason, no rule in work once the store
// can be told, and goes on when it is started again.
func (f *fleet) parks(t *testing.T, strict *member, o outage, reason string) {
	t.Helper()
	const n = 500
	defer f.in(t)()
	id := f.create(n)
	g := &dev{process: strict.process, url: strict.url}
	if !g.begin(id, "sim") {
		t.Error("not started")
	}
	f.inWork(id)
	o.begin(t)
	began := time.Now()
	var asked migration.Stats
	f.eventually(3*time.Minute, "the workflow parks", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		answer, err := f.temporal.QueryWorkflow(ctx, workflows.WorkflowID(id), "", workflows.QueryStats)
		return err == nil && answer.Get(&asked) == nil && asked.Status == migration.Stopped
	})
	parked := time.Since(began)
	if asked.ParkReason != reason {
		t.Errorf("parked with the reason %q, want %q", asked.ParkReason, reason)
	}
	o.end(t)
	ended := time.Now()
	s := f.rests(id, n, migration.Stopped, 3*time.Minute)
	settled := time.Since(ended)
	if s.ParkReason != reason || s.Rules.Failed != 0 || s.Rules.Pending == 0 {
		t.Errorf("parked with %+v", s)
	}
	f.begin(id)
	s = f.rests(id, n, migration.Finished, 5*time.Minute)
	if want := (migration.Counts{Total: n, Finished: n}); s.Rules != want {
		t.Errorf("ended with %+v", s.Rules)
	}
	t.Logf("FIGURE fault: %s, 3 failures allowed: parked (%s) after %.1f s, recorded in the store %.1f s after the fault; a start finished it", o.name, reason, parked.Seconds(), settled.Seconds())
}

// TestChaosElasticsearch breaks the store while migrations run.
func TestChaosElasticsearch(t *testing.T) {
	binary(t)
	elasticsearch.Start(t) // skips or fails where there can be none
	node, err := elasticsearch.NewNode(t.Context(), elasticsearch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	r := newRelay(t, node)
	cfg, prefix := chaosConfig(t, r.URL, "500ms", "heartbeat: 5s, pause: 0s")
	f := newFleet(t, node, cfg, prefix, 2, 2)
	strict := f.stricter()

	block := func(value any) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			body := map[string]any{"index.blocks.read_only_allow_delete": value}
			if err := node.Do(t.Context(), "PUT", "/"+prefix+"-*/_settings", body, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	readOnly := outage{"Elasticsearch: indices read-only (read_only_allow_delete)", 20 * time.Second, block(true), block(nil), nil}
	refuse := func(*testing.T) {
		r.set(func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"error":{"type":"es_rejected_execution_exception","reason":"made by the test"},"status":429}`))
			return true
		})
	}
	pass := func(*testing.T) { r.set(nil) }
	ended := make(chan struct{})
	for _, o := range []outage{
		{"Elasticsearch: killed and started again", 60 * time.Second, func(t *testing.T) {
			if err := node.Kill(); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T) {
			if err := node.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, id string) {
			f.answers(t, "GET", "/"+id, http.StatusServiceUnavailable, "the store is not available")
			f.unready(t, "store")
		}},
		{"Elasticsearch: 429 to every request", 20 * time.Second, refuse, pass, nil},
		{"Elasticsearch: every answer 2 s late", 30 * time.Second, func(*testing.T) {
			r.set(func(http.ResponseWriter) bool { time.Sleep(2 * time.Second); return false })
		}, pass, nil},
		{"Elasticsearch: no answer at all", 45 * time.Second, func(*testing.T) {
			r.set(func(http.ResponseWriter) bool { <-ended; return false }) // the node gets it all late
		}, func(t *testing.T) { pass(t); close(ended) }, nil},
		readOnly,
	} {
		t.Run(o.name, func(t *testing.T) { f.rides(t, o) })
	}
	t.Run("parks: read-only", func(t *testing.T) { f.parks(t, strict, readOnly, workflows.ParkStore) })
	t.Run("parks: 429", func(t *testing.T) {
		f.parks(t, strict, outage{"Elasticsearch: 429 to every request", 0, refuse, pass, nil}, workflows.ParkStore)
	})
	t.Run("parks: mapping conflict", func(t *testing.T) {
		answers := "/" + prefix + "-answers-v1"
		var was map[string]struct{ Mappings map[string]any }
		f.parks(t, strict, outage{"Elasticsearch: a mapping that refuses what is written", 0, func(t *testing.T) {
			// Somebody made the index anew, with another type for a field.
			if err := node.Do(t.Context(), "GET", answers, nil, &was); err != nil {
				t.Fatal(err)
			}
			mappings := was[strings.TrimPrefix(answers, "/")].Mappings
			mappings["properties"].(map[string]any)["calls"] = map[string]any{"type": "long"}
			if err := node.Do(t.Context(), "DELETE", answers, nil, nil); err != nil {
				t.Fatal(err)
			}
			if err := node.Do(t.Context(), "PUT", answers, map[string]any{"mappings": mappings}, nil); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T) {
			if err := node.Do(t.Context(), "DELETE", answers, nil, nil); err != nil {
				t.Fatal(err)
			}
			f.setup()
		}, nil}, workflows.ParkStore)
		if !f.said("run `rulebridge setup`") {
			t.Error("no log says what to do")
		}
	})
	f.sound()
}

// TestChaosDiskFull fills the disk under the SQLite store: a file system of its own, since no limit of a process has the
// same effect (RLIMIT_FSIZE raises a signal that ends Go programs).
func TestChaosDiskFull(t *testing.T) {
	binary(t)
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64m,mode=0700"); err != nil {
		t.Skipf("skipped, needs a small file system, and mounting one is not allowed here (run as root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	f := newFileFleet(t, disk, "500ms", "heartbeat: 5s, pause: 0s")
	strict := f.stricter()
	filler := filepath.Join(disk, "filler")
	full := outage{"SQLite: disk full", 30 * time.Second, func(t *testing.T) { fill(t, filler) }, func(t *testing.T) {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}, nil}
	t.Run("rides", func(t *testing.T) { f.rides(t, full) })
	t.Run("parks", func(t *testing.T) { f.parks(t, strict, full, workflows.ParkStore) })
	if !f.said("database or disk is full") {
		t.Error("no log names the cause")
	}
	f.sound()
}

// fill writes until the file system is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, size := range []int{1 << 20, 4096} {
		for block := make([]byte, size); err == nil; {
			_, err = file.Write(block)
		}
		if size > 4096 {
			err = nil
		}
	}
}

// newFileFleet is a fleet over one SQLite file in the folder; Temporal keeps its data elsewhere.
func newFileFleet(t *testing.T, dir, latency, settings string) *fleet {
	t.Helper()
	cfg := filepath.Join(t.TempDir(), "chaos.yaml")
	text := "connectors:\n  - {id: sim, kind: simulated, latency: " + latency + ", jitter: 50%, seed: 7}\nmigration: {" + settings + "}\nlog: {level: info}\n"
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fleet{cluster: &cluster{t: t, dir: dir, cfg: cfg}, root: t}
	f.assemble(t.TempDir(), 2, 2)
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "rulebridge.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f.store = s
	return f
}
