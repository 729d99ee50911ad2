package integration

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
	"github.com/rulebridge/rulebridge/workflows"
)

// member is a process of a fleet. Who finds it ended starts it again at the same address, as an orchestrator does.
type member struct {
	*process
	kind    string // temporal, worker or gateway
	args    []string
	clock   time.Duration // ahead of the machine's
	url     string        // of a gateway
	startAt time.Time     // when it is down
	all     []*output     // of every life
}

// fleet is a Temporal server, gateways and workers over one store, each of which may end at any moment.
type fleet struct {
	*cluster
	root     *testing.T  // whose end ends the processes; the cluster's may be a part of it
	store    store.Store // the test's own view
	members  []*member
	temporal client.Client
	clocks   map[string][]time.Duration // by kind: how far ahead each one's clock is; empty: not at all
	gaveUp   int                        // lives that ended by themselves, because something they need was down when they started
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// chaosConfig is the settings of a fleet on a node that is reached at url.
func chaosConfig(t *testing.T, url, latency, migration string) (path, prefix string) {
	t.Helper()
	prefix = fmt.Sprintf("chaos%d", time.Now().UnixNano())
	text := fmt.Sprintf(`connectors:
  - {id: sim, kind: simulated, latency: %s, jitter: 50%%, seed: 7}
migration: {%s}
store: {kind: elasticsearch}
elasticsearch: {urls: [%q], prefix: %s}
log: {level: info}
`, latency, migration, url, prefix)
	path = filepath.Join(t.TempDir(), "chaos.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, prefix
}

// newFleet is a fleet over a node; cfg is of chaosConfig.
func newFleet(t *testing.T, node *elasticsearch.Node, cfg, prefix string, workers, gateways int) *fleet {
	t.Helper()
	f := &fleet{cluster: &cluster{t: t, dir: t.TempDir(), cfg: cfg}, root: t}
	f.over(node, prefix, workers, gateways)
	return f
}

// over starts the processes, whose store is on the node.
func (f *fleet) over(node *elasticsearch.Node, prefix string, workers, gateways int) {
	f.t.Helper()
	f.assemble(f.dir, workers, gateways)
	s, err := elastic.New(elastic.Options{URLs: []string{node.URL}, Prefix: prefix})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = s.Close() })
	f.store = s
}

// assemble starts the processes; Temporal has a folder of its own.
func (f *fleet) assemble(temporalDir string, workers, gateways int) {
	f.t.Helper()
	port := freePort(f.t)
	f.addr = "127.0.0.1:" + port
	f.add("temporal", "temporal", "--data-dir", temporalDir, "--temporal-port", port, "--log-level", "error")
	f.members[0].until(60*time.Second, temporalReady)
	f.setup()
	for range workers {
		f.add("worker", "worker", "--health-addr", "127.0.0.1:0")
	}
	for range gateways {
		port := freePort(f.t)
		m := f.add("gateway", "api", "--http-port", port)
		m.url = "http://127.0.0.1:" + port
	}
	f.ready()
	c, err := client.NewLazyClient(client.Options{HostPort: f.addr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	f.temporal = c
}

func (f *fleet) add(kind string, args ...string) *member {
	f.t.Helper()
	m := &member{kind: kind, args: args}
	if c := f.clocks[kind]; len(c) > 0 {
		m.clock, f.clocks[kind] = c[0], c[1:]
	}
	f.members = append(f.members, m)
	f.revive(m)
	return m
}

func (f *fleet) revive(m *member) {
	f.t.Helper()
	begin := (*exec.Cmd).Start
	if m.clock != 0 {
		begin = startShifted(f.t, m.clock)
	}
	if m.kind == "temporal" {
		m.process = launch(f.root, begin, nil, m.args...)
	} else {
		c := *f.cluster
		c.t = f.root
		m.process = c.launch(begin, m.args...)
	}
	m.startAt = time.Time{}
	m.all = append(m.all, m.stderr)
}

// tend starts what has ended and is due.
func (f *fleet) tend() {
	f.t.Helper()
	for _, m := range f.members {
		switch {
		case m.alive():
		case m.startAt.IsZero():
			// It ended by itself: it needs something that is down. Orchestrators start such a process with a delay.
			f.gaveUp++
			m.startAt = time.Now().Add(time.Second)
		case time.Now().After(m.startAt):
			f.revive(m)
		}
	}
}

// sleep is time in which the fleet is tended.
func (f *fleet) sleep(d time.Duration) {
	f.t.Helper()
	for deadline := time.Now().Add(d); ; {
		f.tend()
		left := time.Until(deadline)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, 50*time.Millisecond))
	}
}

// ready waits until every member has said that it is.
func (f *fleet) ready() {
	f.t.Helper()
	lines := map[string]*regexp.Regexp{"temporal": temporalReady, "worker": workerReady, "gateway": apiReady}
	f.eventually(2*time.Minute, "every process is ready", func() bool {
		return !slices.ContainsFunc(f.members, func(m *member) bool { return !m.alive() || !lines[m.kind].MatchString(m.stdout.String()) })
	})
}

// eventually polls, tending the fleet.
func (f *fleet) eventually(within time.Duration, what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(within); ; f.sleep(100 * time.Millisecond) {
		if f.tend(); ok() {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("after %s still not: %s", within, what)
		}
	}
}

// call asks one gateway after the other until one answers, as a client behind a balancer does.
func (f *fleet) call(method, path string, body, to any) (status int) {
	f.t.Helper()
	first := 0
	f.eventually(2*time.Minute, "a gateway answers "+method+" "+path, func() bool {
		for i := range f.members {
			m := f.members[(first+i)%len(f.members)]
			if m.kind != "gateway" || !m.alive() {
				continue
			}
			var err error
			status, err = (&dev{process: m.process, url: m.url}).try(method, path, body, to)
			if err == nil && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
				return true
			}
		}
		first++
		return false
	})
	return status
}

func (f *fleet) create(n int) (id string) {
	f.t.Helper()
	var answer struct {
		MigrationID string `json:"migration_id"`
	}
	if status := f.call("POST", "", makeRules(n), &answer); status != http.StatusOK || answer.MigrationID == "" {
		f.t.Fatalf("create: %d %+v", status, answer)
	}
	return answer.MigrationID
}

func (f *fleet) begin(id string) {
	f.t.Helper()
	body := map[string]any{"connectorId": "sim", "settings": map[string]any{"pause": "0s"}}
	if status := f.call("PUT", "/"+id+"/start", body, nil); status != http.StatusOK {
		f.t.Fatalf("start: %d", status)
	}
}

// counts are the store's; ok is false while it does not answer.
func (f *fleet) counts(id string) (c migration.Counts, ok bool) {
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	c, err := f.store.Counts(ctx, id)
	return c, err == nil
}

// documents are all of a migration's rules.
func (f *fleet) documents(id string, status migration.Status) []migration.Rule {
	f.t.Helper()
	var all []migration.Rule
	for after := ""; ; {
		page, next, err := f.store.List(f.t.Context(), id, store.RuleQuery{After: after, Size: store.MaxPage, Status: status})
		if err != nil {
			f.t.Fatal(err)
		}
		if all = append(all, page...); next == "" {
			return all
		}
		after = next
	}
}

// rests waits until the migration is finished or parked, whatever must be revived for that, and requires that the store's
// counts, its documents, the workflow's own query and every gateway agree, and that no rule is in work.
func (f *fleet) rests(id string, n int, state migration.State, within time.Duration) migration.Stats {
	f.t.Helper()
	f.eventually(within, fmt.Sprintf("migration %s is %s", id, state), func() bool {
		m, err := f.store.Migration(f.t.Context(), id)
		return err == nil && m.State == state
	})
	f.ready()
	stored, ok := f.counts(id)
	if !ok || stored.Total != n || stored.Processing != 0 {
		f.t.Fatalf("the store has %+v (%v), want %d rules and none in work", stored, ok, n)
	}
	var byDocument migration.Counts
	seen := map[string]bool{}
	for _, r := range f.documents(id, "") {
		if seen[r.ID] {
			f.t.Fatalf("rule %s is there twice", r.ID)
		}
		seen[r.ID] = true
		byDocument.Total++
		switch r.Status {
		case migration.StatusFinished:
			byDocument.Finished++
			if results := results(r); results != 1 || r.Result == "" {
				f.t.Errorf("rule %s has %d results in its history, translation_result %q", r.ID, results, r.Result)
			}
		case migration.StatusPending:
			byDocument.Pending++
		case migration.StatusProcessing:
			byDocument.Processing++
		case migration.StatusError:
			byDocument.Failed++
			if r.ErrorCode == workflows.CodeCrashed {
				f.t.Errorf("rule %s is blamed for a crash: kills from outside blame nobody", r.ID)
			}
		}
	}
	if byDocument != stored {
		f.t.Errorf("the documents are %+v, the store counts %+v", byDocument, stored)
	}
	var s migration.Stats
	for _, m := range f.members {
		if m.kind != "gateway" {
			continue
		}
		g := &dev{process: m.process, url: m.url}
		f.eventually(30*time.Second, "the gateway agrees with the store", func() bool {
			status, err := g.try("GET", "/"+id+"/stats", nil, &s)
			return err == nil && status == http.StatusOK && s.Status == state && s.Rules == stored
		})
		var all []migration.Stats
		f.eventually(30*time.Second, "the stats of all migrations agree", func() bool {
			status, err := g.try("GET", "/stats", nil, &all)
			return err == nil && status == http.StatusOK && slices.ContainsFunc(all, func(s migration.Stats) bool {
				return s.MigrationID == id && s.Status == state && s.Rules == stored
			})
		})
	}
	var asked migration.Stats
	f.eventually(60*time.Second, "the workflow's own query agrees with the store", func() bool {
		ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
		defer cancel()
		answer, err := f.temporal.QueryWorkflow(ctx, workflows.WorkflowID(id), "", workflows.QueryStats)
		return err == nil && answer.Get(&asked) == nil && asked.Status == state && asked.Rules == stored && asked.ParkReason == s.ParkReason
	})
	return s
}

// results counts the results that a rule's history tells of.
func results(r migration.Rule) (n int) {
	for _, h := range r.History {
		if h.Action == "translated" {
			n++
		}
	}
	return n
}

// sound requires that no process has said anything that must never be said.
func (f *fleet) sound() {
	f.t.Helper()
	never := regexp.MustCompile(`(?i)panic|nondeterminis|TMPRL1100|DATA RACE`)
	for _, m := range f.members {
		for life, out := range m.all {
			for line := range strings.SplitSeq(out.String(), "\n") {
				if never.MatchString(line) {
					f.t.Errorf("%s, life %d: %s", m.kind, life+1, tail(line))
				}
			}
		}
	}
}

// in makes a part of the test the one that fails, until the returned function is called.
func (f *fleet) in(t *testing.T) (out func()) {
	was := f.t
	f.t = t
	return func() { f.t = was }
}

func (f *fleet) inWork(id string) {
	f.t.Helper()
	f.eventually(time.Minute, "some rules are done and some in work", func() bool {
		c, ok := f.counts(id)
		return ok && c.Finished > 0 && c.Processing > 0
	})
}

// said reports whether the log of any process holds the text.
func (f *fleet) said(text string) bool {
	for _, m := range f.members {
		for _, out := range m.all {
			if strings.Contains(out.String(), text) {
				return true
			}
		}
	}
	return false
}

// gateways are the fleet's, as clients see them.
func (f *fleet) gateways() (gs []*dev) {
	for _, m := range f.members {
		if m.kind == "gateway" {
			gs = append(gs, &dev{process: m.process, url: m.url})
		}
	}
	return gs
}

// answers requires what the first gateway says to a call.
func (f *fleet) answers(t *testing.T, method, path string, status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.gateways()[0].url+rulesPath+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("kbn-xsrf", "")
	asked := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("FIGURE fault: %s %s is answered with %d after %.1f s", method, regexp.MustCompile(`^/[^/]*`).ReplaceAllString(path, "/{id}"), resp.StatusCode, time.Since(asked).Seconds())
	if resp.StatusCode != status || !strings.Contains(string(body), text) || (resp.Header.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
		t.Errorf("%s %s: %d, Retry-After %q: %s; want %d with %q", method, path, resp.StatusCode, resp.Header.Get("Retry-After"), body, status, text)
	}
}

// unready requires that the first gateway says what it lacks.
func (f *fleet) unready(t *testing.T, what string) {
	t.Helper()
	if status, body := get(t, f.gateways()[0].url+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, strconv.Quote(what)+`:"unavailable"`) {
		t.Errorf("readyz without %s: %d %s", what, status, body)
	}
}
