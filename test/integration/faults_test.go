package integration

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// faults is a gateway and a worker apart, with the server and the store behind them open to the test.
type faults struct {
	*dev
	cluster  *cluster
	worker   *workerProcess
	temporal client.Client
}

func newFaults(t *testing.T) *faults {
	t.Helper()
	cfg := filepath.Join(t.TempDir(), "rulebridge.yaml")
	text := `connectors:
  - {id: sim, kind: simulated, latency: 1s, jitter: 50%, seed: 7}
  - {id: down, kind: simulated, latency: 1ms, error_rate: 1}
migration: {heartbeat: 5s, pause: 0s, outage_failures: 3}
log: {level: info}
`
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &faults{cluster: newCluster(t, cfg)}
	c, err := client.Dial(client.Options{HostPort: f.cluster.addr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	f.temporal = c
	f.worker = f.cluster.worker()
	f.dev = f.cluster.gateway()
	return f
}

// latest is the newest run of a migration's workflow; ok is false when there is none.
func (f *faults) latest(t *testing.T, id string) (info *workflowservice.DescribeWorkflowExecutionResponse, ok bool) {
	t.Helper()
	info, err := f.temporal.DescribeWorkflowExecution(t.Context(), workflows.WorkflowID(id), "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return info, true
}

func (f *faults) runID(t *testing.T, id string) string {
	t.Helper()
	info, ok := f.latest(t, id)
	if !ok {
		t.Fatalf("migration %s has no workflow", id)
	}
	return info.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// counts are the store's.
func (f *faults) counts(t *testing.T, id string) (c migration.Counts) {
	t.Helper()
	withStore(t, f.cluster.dir, func(ctx context.Context, s *sqlite.Store) {
		var err error
		if c, err = s.Counts(ctx, id); err != nil {
			t.Fatal(err)
		}
	})
	return c
}

// calls are the attempts that were made of the connector, and the answers recorded.
func (f *faults) calls(t *testing.T, id string) (attempts, answers int) {
	t.Helper()
	withStore(t, f.cluster.dir, func(ctx context.Context, s *sqlite.Store) {
		var err error
		if attempts, answers, err = s.CallStats(ctx, id); err != nil {
			t.Fatal(err)
		}
	})
	return attempts, answers
}

// agree waits until the migration rests in a state, and requires that the store, the gateway and the workflow's own query
// come to the same counts; the gateway may answer from up to a second and a half before.
func (f *faults) agree(t *testing.T, id string, state migration.State) (stats migration.Stats) {
	t.Helper()
	var stored migration.Counts
	var asked migration.Stats
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		stats, stored = f.stats(id), f.counts(t, id)
		answer, err := f.temporal.QueryWorkflow(t.Context(), workflows.WorkflowID(id), "", workflows.QueryStats)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Get(&asked); err != nil {
			t.Fatal(err)
		}
		if stats.Status == state && asked.Status == state && stats.Rules == stored && asked.Rules == stored &&
			stored.Processing == 0 && asked.ParkReason == stats.ParkReason {
			return stats
		}
		if time.Now().After(deadline) {
			t.Fatalf("want all %s: the store has %+v, the gateway says %+v, the query %+v", state, stored, stats, asked)
		}
	}
}

// parked requires that the run that waits for a start is small.
func (f *faults) parked(t *testing.T, id string) {
	t.Helper()
	info, ok := f.latest(t, id)
	if !ok {
		t.Fatal("a parked migration has no workflow")
	}
	i := info.GetWorkflowExecutionInfo()
	if i.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || i.GetHistoryLength() >= 30 {
		t.Errorf("parked: %s with %d events, want a running one with fewer than 30", i.GetStatus(), i.GetHistoryLength())
	}
}

func (f *faults) inWork(t *testing.T, id string) {
	t.Helper()
	eventually(t, 30*time.Second, "some rules are done and some in work", func() bool {
		s := f.stats(id)
		return s.Rules.Finished > 0 && s.Rules.Processing > 0
	})
}

// TestFaults plays what goes wrong in ordinary use on a real server, with gateway and worker in processes of their own.
func TestFaults(t *testing.T) {
	f := newFaults(t)
	t.Run("unknown id", f.unknown)
	t.Run("stop before start", f.stopBeforeStart)
	t.Run("start while creating", f.creating)
	t.Run("stop in mid-batch", f.stopInMidBatch)
	t.Run("stop and start at once", f.stopAndStartAtOnce)
	t.Run("rule deleted meanwhile", f.ruleDeleted)
	t.Run("parked by an outage", f.outage)
	t.Run("worker down", f.workerDown)
	t.Run("flags off", f.flagsOff)
}

func (f *faults) unknown(t *testing.T) {
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"GET", "", nil}, {"GET", "/stats", nil}, {"PUT", "/start", map[string]any{"connectorId": "sim"}}, {"PUT", "/stop", nil},
		{"POST", "", makeRules(1)}, {"POST", "/resources", []map[string]any{{"type": "macro", "name": "m", "definition": "x"}}}, {"DELETE", "", nil},
	} {
		if status := f.call(call.method, "/nobody"+call.path, call.body, nil); status != http.StatusNoContent {
			t.Errorf("%s %s of an unknown id: %d, want 204", call.method, call.path, status)
		}
	}
	if _, ok := f.latest(t, "nobody"); ok {
		t.Error("a workflow was made for an unknown id")
	}
}

func (f *faults) stopBeforeStart(t *testing.T) {
	id := f.create(3)
	for range 2 {
		if f.halt(id) {
			t.Error("stopped before it was started")
		}
	}
	if _, ok := f.latest(t, id); ok {
		t.Error("a workflow was made for a stop")
	}
	if s := f.stats(id); s.Status != migration.Ready || s.Rules.Pending != 3 {
		t.Errorf("after the stop: %+v", s)
	}
	if !f.begin(id, "deterministic") {
		t.Error("a stop before keeps it from being started")
	}
	f.agree(t, id, migration.Finished)
}

func (f *faults) creating(t *testing.T) {
	var made struct {
		MigrationID string `json:"migration_id"`
		Added       int    `json:"added"`
	}
	rules := makeRules(5)
	if status := f.call("POST", "?seal=false", rules[:3], &made); status != http.StatusOK {
		t.Fatalf("create: %d", status)
	}
	id := made.MigrationID
	start := map[string]any{"connectorId": "deterministic"}
	if status := f.call("PUT", "/"+id+"/start", start, nil); status != http.StatusConflict {
		t.Errorf("start while creating: %d, want 409", status)
	}
	if _, ok := f.latest(t, id); ok {
		t.Error("a workflow was made for a migration that is being created")
	}
	for i, want := range []int{0, 1, 0} { // the same chunk, one new rule in it, and once more
		chunk := rules[:3+min(i, 1)]
		if status := f.call("POST", "/"+id+"?seal=false", chunk, &made); status != http.StatusOK || made.Added != want {
			t.Errorf("chunk %d: %d, added %d, want %d", i, status, made.Added, want)
		}
	}
	if status := f.call("POST", "/"+id, rules, &made); status != http.StatusOK || made.Added != 1 {
		t.Errorf("last chunk: %d, added %d, want 1", status, made.Added)
	}
	f.begin(id, "deterministic")
	if s := f.agree(t, id, migration.Finished); s.Rules.Total != 5 {
		t.Errorf("finished with %+v", s.Rules)
	}
}

func (f *faults) stopInMidBatch(t *testing.T) {
	const n = 90
	id := f.create(n)
	if !f.begin(id, "sim") || f.begin(id, "sim") {
		t.Error("of two starts the first should be one, the second none")
	}
	f.inWork(t, id)
	if !f.halt(id) {
		t.Error("not stopped")
	}
	s := f.agree(t, id, migration.Stopped)
	if s.Rules.Pending == 0 || s.Rules.Finished == 0 || s.Rules.Pending+s.Rules.Finished != n || s.ParkReason != "" {
		t.Errorf("after the stop: %+v", s)
	}
	if f.halt(id) {
		t.Error("stopped twice")
	}
	f.parked(t, id)
	attempts, answers := f.calls(t, id)
	if !f.begin(id, "sim") {
		t.Fatal("not started again")
	}
	f.finished(id, n, 60*time.Second)
	f.agree(t, id, migration.Finished)
	all, recorded := f.calls(t, id)
	if recorded != n || all > n+attempts-answers {
		t.Errorf("%d answers after %d calls; %d of %d were in flight at the stop, and only those may be repeated", recorded, all, attempts-answers, attempts)
	}
	run := f.runID(t, id)
	if f.begin(id, "sim") {
		t.Error("started after the end")
	}
	if f.halt(id) {
		t.Error("stopped after the end")
	}
	if f.runID(t, id) != run {
		t.Error("a start after the end made a workflow")
	}
}

// stopAndStartAtOnce holds the worker, so that stop and start reach the workflow with one task: the start counts.
func (f *faults) stopAndStartAtOnce(t *testing.T) {
	const n = 90
	id := f.create(n)
	f.begin(id, "sim")
	f.inWork(t, id)
	f.worker.signal(syscall.SIGSTOP)
	send := func(name string, signal any) {
		t.Helper()
		if err := f.temporal.SignalWorkflow(t.Context(), workflows.WorkflowID(id), "", name, signal); err != nil {
			t.Fatal(err)
		}
	}
	start := func(request string) workflows.StartSignal {
		return workflows.StartSignal{RequestID: request, ConnectorID: "sim", Mode: workflows.ModeSimulated}
	}
	send(workflows.SignalStart, start("one"))
	send(workflows.SignalStop, workflows.StopSignal{RequestID: "two"})
	send(workflows.SignalStart, start("three"))
	f.worker.signal(syscall.SIGCONT)
	f.finished(id, n, 60*time.Second)
	f.agree(t, id, migration.Finished)
}

func (f *faults) ruleDeleted(t *testing.T) {
	const n = 70
	id := f.create(n)
	f.begin(id, "sim")
	f.inWork(t, id)
	var deleted []string
	withStore(t, f.cluster.dir, func(ctx context.Context, s *sqlite.Store) {
		for _, status := range []migration.Status{migration.StatusProcessing, migration.StatusFinished} {
			rules, _, err := s.List(ctx, id, store.RuleQuery{Size: 1000, Status: status})
			if err != nil || len(rules) == 0 {
				t.Fatalf("no rule is %s: %v", status, err)
			}
			last := rules[len(rules)-1].ID
			if err := s.DeleteRule(ctx, id, last); err != nil {
				t.Fatal(err)
			}
			deleted = append(deleted, last)
		}
	})
	left := n - len(deleted)
	for _, r := range f.finished(id, left, 60*time.Second) {
		if r.ID == deleted[0] || r.ID == deleted[1] {
			t.Errorf("rule %s, which was deleted, came back", r.ID)
		}
	}
	if s := f.agree(t, id, migration.Finished); s.Rules.Total != left {
		t.Errorf("finished with %+v, want %d rules", s.Rules, left)
	}
}

func (f *faults) outage(t *testing.T) {
	const n = 20
	id := f.create(n)
	f.begin(id, "down")
	s := f.agree(t, id, migration.Stopped)
	if want := (migration.Counts{Total: n, Pending: n}); s.Rules != want || s.ParkReason != workflows.ParkConnector {
		t.Errorf("parked with %+v, reason %q", s.Rules, s.ParkReason)
	}
	f.parked(t, id)
	if !f.begin(id, "deterministic") {
		t.Error("cannot be started again")
	}
	f.finished(id, n, 60*time.Second)
	f.agree(t, id, migration.Finished)
}

func (f *faults) workerDown(t *testing.T) {
	const n = 60
	id := f.create(n)
	f.begin(id, "sim")
	f.inWork(t, id)
	f.worker.signal(syscall.SIGSTOP)
	source := ""
	eventually(t, 20*time.Second, "stats come from the store", func() bool {
		resp, err := http.Get(f.url + rulesPath + "/" + id + "/stats")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("stats without a worker: %d", resp.StatusCode)
		}
		source = resp.Header.Get("X-Stats-Source")
		return source == "store"
	})
	// The gateway answers from what it read of the store a moment ago.
	eventually(t, 20*time.Second, "stats without a worker are what the store has", func() bool {
		s := f.stats(id)
		return s.Status == migration.Running && s.Rules == f.counts(t, id)
	})
	f.worker.signal(syscall.SIGCONT)
	f.finished(id, n, 60*time.Second)
	f.agree(t, id, migration.Finished)
}

func (f *faults) flagsOff(t *testing.T) {
	var before []migration.Stats
	f.call("GET", "/stats", nil, &before)
	env := f.cluster.env
	f.cluster.env = append([]string{"RULEBRIDGE_FEATURES_SIEMMIGRATIONSENABLED=false"}, env...)
	off := f.cluster.gateway()
	f.cluster.env = env
	for _, call := range []struct {
		method, path string
		body         any
	}{{"POST", "", makeRules(2)}, {"GET", "/stats", nil}, {"GET", "/x", nil}, {"PUT", "/x/start", map[string]any{"connectorId": "sim"}}, {"DELETE", "/x", nil}} {
		if status := off.call(call.method, call.path, call.body, nil); status != http.StatusNotFound {
			t.Errorf("%s %s with the flag off: %d, want 404", call.method, call.path, status)
		}
	}
	var after []migration.Stats
	f.call("GET", "/stats", nil, &after)
	if len(after) != len(before) {
		t.Errorf("%d migrations, %d before the calls", len(after), len(before))
	}
}
