package integration

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// Environment variables of the suite; `make chaos` sets them.
const (
	envKills = "CHAOS_KILLS" // default 5
	envRules = "CHAOS_RULES" // of one migration; default 500
	envSeed  = "CHAOS_SEED"  // default: the time
	envFull  = "CHAOS_FULL"  // 1: faults last as long as the figures say; default 0: a third of it, for every change
)

func fullForm(t *testing.T) bool {
	t.Helper()
	return number(t, envFull, 0) == 1
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: %v", name, text, err)
	}
	return n
}

// seeded gives the random numbers of a test; the log says how to have the same again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := number(t, envSeed, uint64(time.Now().UnixNano()))
	t.Logf("seed: %s=%d", envSeed, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

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

// kill is one kill -9, and what was in work at that moment.
type kill struct {
	kind   string
	at     time.Time
	inWork map[string]bool
	// stopped: a stop and a start followed, which take time of their own.
	stopped bool
}

// resumed says how long after the kill the first rule was finished that was not in work then, and how long after it all
// those were that had been; further kills in between count in.
func (k kill) resumed(rules []migration.Rule) (next, caughtUp time.Duration) {
	for _, r := range rules {
		after := r.UpdatedAt.Sub(k.at)
		switch {
		case k.inWork[r.ID]:
			caughtUp = max(caughtUp, after)
		case after > 0 && (next == 0 || after < next):
			next = after
		}
	}
	return next, caughtUp
}

// TestChaosKills ends a worker, gateway or Temporal with SIGKILL at random moments, with rules in work at each, and starts
// it again up to two seconds later; after every fifth or so somebody stops the migration and starts it again. Migrations
// are started one after the other until there were enough kills.
func TestChaosKills(t *testing.T) {
	binary(t)
	const batch = 50 // of a start that names none
	kills, n := int(number(t, envKills, 5)), int(number(t, envRules, 500))
	random := seeded(t)
	node := elasticsearch.Start(t)
	cfg, prefix := chaosConfig(t, node.URL, "1s", "heartbeat: 5s, pause: 0s")
	f := newFleet(t, node, cfg, prefix, 3, 2)
	times := map[string][][2]time.Duration{}
	began := time.Now()
	migrations, stops, repeated, allowed := 0, 0, 0, 0
	for left := kills; left > 0; migrations++ {
		id := f.create(n)
		f.begin(id)
		var done []kill
		for left > 0 {
			k, ok := f.killOne(random, id)
			if !ok {
				break
			}
			left--
			if k.stopped = random.IntN(5) == 0; k.stopped {
				f.call("PUT", "/"+id+"/stop", nil, nil)
				f.begin(id)
				stops++
			}
			done = append(done, k)
			t.Logf("kill %d of %d: %s with %d rules in work, stopped and started: %v", kills-left, kills, k.kind, len(k.inWork), k.stopped)
			f.sleep(300*time.Millisecond + time.Duration(random.Int64N(int64(5*time.Second))))
		}
		s := f.rests(id, n, migration.Finished, 5*time.Minute)
		if want := (migration.Counts{Total: n, Finished: n}); s.Rules != want {
			t.Fatalf("migration %s ended with %+v", id, s.Rules)
		}
		rules := f.documents(id, "")
		inWork := 0
		for _, k := range done {
			next, caughtUp := k.resumed(rules)
			if next > 0 && !k.stopped { // without a next one, nothing was left but what was in work
				times[k.kind] = append(times[k.kind], [2]time.Duration{next, caughtUp})
			}
			inWork += len(k.inWork)
			if k.stopped {
				inWork += batch // what the stop cancelled
			}
		}
		attempts, answers, err := f.store.CallStats(t.Context(), id)
		if err != nil || answers != n || attempts > n+inWork {
			t.Errorf("%d answers after %d calls (%v); want %d after at most %d", answers, attempts, err, n, n+inWork)
		}
		repeated, allowed = repeated+attempts-n, allowed+inWork
		f.sound()
	}
	t.Logf("FIGURE chaos: %d kills over %d migrations of %d rules in %s: every rule has one result; %d calls were repeated of %d in work at kills and stops; "+
		"%d stops; %d processes gave up because something was down, and were started again",
		kills, migrations, n, time.Since(began).Round(time.Second), repeated, allowed, stops, f.gaveUp)
	for kind, all := range times {
		t.Logf("FIGURE chaos: %s killed, %d times: a further rule is finished after %s; all that was in work after %s", kind, len(all), spread(all, 0), spread(all, 1))
	}
}

// killOne waits until rules are in work and kills a process that runs; ok is false when the migration has ended.
func (f *fleet) killOne(random *rand.Rand, id string) (k kill, ok bool) {
	f.t.Helper()
	ended := false
	f.eventually(3*time.Minute, "rules are in work", func() bool {
		c, ok := f.counts(id)
		ended = ok && c.Done()
		return ok && c.Processing > 0 || ended
	})
	if ended {
		return k, false
	}
	alive := slices.DeleteFunc(slices.Clone(f.members), func(m *member) bool { return !m.alive() })
	m := alive[random.IntN(len(alive))]
	k = kill{kind: m.kind, inWork: map[string]bool{}}
	for _, r := range f.documents(id, migration.StatusProcessing) {
		k.inWork[r.ID] = true
	}
	m.kill()
	k.at = time.Now()
	m.startAt = k.at.Add(time.Duration(random.Int64N(int64(2 * time.Second))))
	return k, true
}

// spread writes median, 95th percentile and maximum.
func spread(all [][2]time.Duration, which int) string {
	ds := make([]time.Duration, len(all))
	for i, d := range all {
		ds[i] = d[which]
	}
	slices.SortFunc(ds, cmp.Compare)
	at := func(q float64) float64 { return ds[int(q*float64(len(ds)-1)+0.5)].Seconds() }
	return fmt.Sprintf("p50 %.1f s, p95 %.1f s, most %.1f s", at(0.5), at(0.95), at(1))
}
