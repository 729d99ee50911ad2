package activities_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// outage makes calls of a store fail, and counts how often each call about one subject failed.
type outage struct {
	mu     sync.Mutex
	begins func(call, subject string) bool // nil: the store works
	down   bool
	failed map[string]int
}

func (o *outage) check(call, subject string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.begins == nil || !o.down && !o.begins(call, subject) {
		return nil
	}
	o.down = true
	o.failed[call+" "+subject]++
	return store.ErrUnavailable
}

func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begins, o.down = nil, false
}

// failingStore is a store with outages.
type failingStore struct {
	*sqlite.Store
	o *outage
}

func (s failingStore) SetState(ctx context.Context, id string, c store.Change) error {
	if err := s.o.check("SetState", string(c.State)); err != nil {
		return err
	}
	return s.Store.SetState(ctx, id, c)
}

func (s failingStore) Counts(ctx context.Context, id string) (migration.Counts, error) {
	if err := s.o.check("Counts", ""); err != nil {
		return migration.Counts{}, err
	}
	return s.Store.Counts(ctx, id)
}

func (s failingStore) Requeue(ctx context.Context, id string, epoch int64, again store.Again) (migration.Counts, error) {
	if err := s.o.check("Requeue", ""); err != nil {
		return migration.Counts{}, err
	}
	return s.Store.Requeue(ctx, id, epoch, again)
}

func (s failingStore) Claim(ctx context.Context, id string, t migration.Token, limit int) ([]string, migration.Counts, error) {
	if err := s.o.check("Claim", fmt.Sprint(t.Claim)); err != nil {
		return nil, migration.Counts{}, err
	}
	return s.Store.Claim(ctx, id, t, limit)
}

func (s failingStore) Release(ctx context.Context, id string, epoch int64, ids []string) (migration.Counts, error) {
	if err := s.o.check("Release", ""); err != nil {
		return migration.Counts{}, err
	}
	return s.Store.Release(ctx, id, epoch, ids)
}

func (s failingStore) Rule(ctx context.Context, id, rule string) (migration.Rule, error) {
	if err := s.o.check("Rule", rule); err != nil {
		return migration.Rule{}, err
	}
	return s.Store.Rule(ctx, id, rule)
}

func (s failingStore) Record(ctx context.Context, id, rule string, t migration.Token, change func(*migration.Rule)) error {
	if err := s.o.check("Record", rule); err != nil {
		return err
	}
	return s.Store.Record(ctx, id, rule, t, change)
}

func (s failingStore) BeginCall(ctx context.Context, id, key string, c store.Call) (int, *store.Answer, error) {
	if err := s.o.check("BeginCall", key); err != nil {
		return 0, nil, err
	}
	return s.Store.BeginCall(ctx, id, key, c)
}

func (s failingStore) SaveAnswer(ctx context.Context, id, key string, a store.Answer) error {
	if err := s.o.check("SaveAnswer", key); err != nil {
		return err
	}
	return s.Store.SaveAnswer(ctx, id, key, a)
}

// workflowRegistry lets the workflow environment stand for a worker.
type workflowRegistry struct {
	*testsuite.TestWorkflowEnvironment
}

func (r workflowRegistry) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}

// runMigration plays the workflow with the real activities until it completes or is parked, and returns what its next
// run would get. each is called with every environment before it runs.
func runMigration(t *testing.T, d activities.Deps, in workflows.Input, each func(env *testsuite.TestWorkflowEnvironment)) (workflows.Input, bool) {
	t.Helper()
	acts := activities.New(d)
	for {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.SetTestTimeout(time.Minute)
		env.SetWorkerOptions(sdkworker.Options{Interceptors: []interceptor.WorkerInterceptor{workflows.Interceptor()}})
		workflows.Register(env)
		acts.Register(workflowRegistry{env})
		env.SetWorkflowRunTimeout(1000 * time.Hour)
		if each != nil {
			each(env)
			each = nil
		}
		env.ExecuteWorkflow(workflows.MigrationWorkflow, in)
		require.True(t, env.IsWorkflowCompleted())
		var again *workflow.ContinueAsNewError
		if err := env.GetWorkflowError(); !errors.As(err, &again) {
			require.NoError(t, err)
			return in, true
		}
		in = workflows.Input{}
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
		if in.Carry.Start == nil && in.Carry.PendingStart == nil {
			return in, false
		}
	}
}

// TestStoreOutageParksAndResumes: a store that fails 20 times in a row parks the migration with the reason, whatever step
// meets it; no rule is in error for it; and a start after that goes on where it was.
func TestStoreOutageParksAndResumes(t *testing.T) {
	const rules = 30
	at := func(call, subject string) func(string, string) bool {
		return func(c, s string) bool { return c == call && (subject == "" || s == subject) }
	}
	for name, tc := range map[string]struct {
		begins func(call, subject string) bool
		step   string // that meets the outage
	}{
		"at the start":         {at("Counts", ""), "Counts "},
		"opening the epoch":    {at("SetState", "running"), "SetState running"},
		"at a claim":           {at("Claim", "2"), "Claim 2"},
		"reading a rule":       {at("Rule", "r12"), "Rule r12"},
		"counting a call":      {at("BeginCall", llm.SimulatedKey("r12")), "BeginCall " + llm.SimulatedKey("r12")},
		"recording an answer":  {at("SaveAnswer", llm.SimulatedKey("r12")), "SaveAnswer " + llm.SimulatedKey("r12")},
		"recording a result":   {at("Record", "r12"), "Record r12"},
		"recording the finish": {at("SetState", "finished"), "SetState finished"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, make([]string, rules)...)
			o := &outage{begins: tc.begins, failed: map[string]int{}}
			db := failingStore{b.db, o}
			sim, err := llm.NewSimulated(llm.Config{ID: "gpt", Kind: llm.KindSimulated})
			require.NoError(t, err)
			deps := b.deps
			deps.Migrations, deps.Rules, deps.Answers, deps.Matcher, deps.Connectors = db, db, db, nil, connectors{gpt: sim}
			begin := func(request string) func(env *testsuite.TestWorkflowEnvironment) {
				return func(env *testsuite.TestWorkflowEnvironment) {
					env.RegisterDelayedCallback(func() {
						env.SignalWorkflow(workflows.SignalStart, workflows.StartSignal{RequestID: request, ConnectorID: "gpt", Mode: workflows.ModeSimulated})
					}, 0)
				}
			}
			in, done := runMigration(t, deps, workflows.Input{MigrationID: "m1", Settings: workflows.Settings{Batch: 5}}, begin("a"))
			require.False(t, done)
			require.Equal(t, workflows.ParkStore, in.Carry.ParkReason)
			require.Positive(t, o.failed[tc.step], "the step met the outage")
			total := 0 // a step may fail at one call first and at another when it is tried again
			for _, n := range o.failed {
				total += n
			}
			require.GreaterOrEqual(t, total, 20)
			o.end()
			c, err := b.db.Counts(t.Context(), "m1")
			require.NoError(t, err)
			require.Equal(t, rules, c.Total)
			require.Zero(t, c.Failed)

			// The parked run tells the store as soon as it is back, or the start finds it so.
			_, done = runMigration(t, deps, in, func(env *testsuite.TestWorkflowEnvironment) {
				env.RegisterDelayedCallback(func() {
					m, err := b.db.Migration(t.Context(), "m1")
					require.NoError(t, err)
					c, err := b.db.Counts(t.Context(), "m1")
					require.NoError(t, err)
					require.Equal(t, migration.Stopped, m.State)
					require.Equal(t, workflows.ParkStore, m.ParkReason)
					require.Zero(t, c.Processing+c.Failed)
				}, time.Hour)
				env.RegisterDelayedCallback(func() {
					env.SignalWorkflow(workflows.SignalStart, workflows.StartSignal{RequestID: "b", ConnectorID: "gpt", Mode: workflows.ModeSimulated})
				}, 2*time.Hour)
			})
			require.True(t, done)
			m, err := b.db.Migration(t.Context(), "m1")
			require.NoError(t, err)
			require.Equal(t, migration.Finished, m.State)
			c, err = b.db.Counts(t.Context(), "m1")
			require.NoError(t, err)
			require.Equal(t, migration.Counts{Total: rules, Finished: rules}, c)
			_, answers, err := b.db.CallStats(t.Context(), "m1")
			require.NoError(t, err)
			require.Equal(t, rules, answers)
		})
	}
}
