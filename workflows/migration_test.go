package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// play is one migration played through its runs: each continue-as-new becomes a new environment.
type play struct {
	t    *testing.T
	f    *fake
	in   workflows.Input
	runs int
	env  *testsuite.TestWorkflowEnvironment
	// err is how the last run ended; nil when the workflow completed.
	err error
}

func newPlay(t *testing.T, f *fake) *play {
	return &play{t: t, f: f, in: workflows.Input{MigrationID: "m1", Vendor: "splunk", Settings: workflows.Settings{Batch: 10}}}
}

// next plays one run. script is called with the new environment before the run begins.
func (p *play) next(script func(env *testsuite.TestWorkflowEnvironment)) *play {
	p.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(30 * time.Second)
	workflows.Register(env)
	p.f.register(env)
	env.SetWorkflowRunTimeout(1000 * time.Hour)
	p.env = env
	if script != nil {
		script(env)
	}
	p.runs++
	env.ExecuteWorkflow(workflows.MigrationWorkflow, p.in)
	require.True(p.t, env.IsWorkflowCompleted())
	p.err = env.GetWorkflowError()
	var again *workflow.ContinueAsNewError
	if errors.As(p.err, &again) {
		require.Equal(p.t, workflows.MigrationWorkflow, again.WorkflowType.Name)
		var in workflows.Input
		require.NoError(p.t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
		p.in = in
	}
	return p
}

// continued requires that the last run continued as new.
func (p *play) continued() *play {
	p.t.Helper()
	var again *workflow.ContinueAsNewError
	require.ErrorAs(p.t, p.err, &again)
	return p
}

// all plays until the workflow completes.
func (p *play) all(script func(env *testsuite.TestWorkflowEnvironment)) *play {
	p.t.Helper()
	p.next(script)
	for p.err != nil {
		p.continued().next(nil)
	}
	return p
}

func (p *play) stats() migration.Stats {
	p.t.Helper()
	v, err := p.env.QueryWorkflow(workflows.QueryStats)
	require.NoError(p.t, err)
	var s migration.Stats
	require.NoError(p.t, v.Get(&s))
	return s
}

func (p *play) startState() workflows.StartState {
	p.t.Helper()
	v, err := p.env.QueryWorkflow(workflows.QueryStart)
	require.NoError(p.t, err)
	var s workflows.StartState
	require.NoError(p.t, v.Get(&s))
	return s
}

func start(id string) workflows.StartSignal {
	return workflows.StartSignal{RequestID: id, ConnectorID: "deterministic", Mode: workflows.ModeDeterministic, By: "ann"}
}

// at sends a signal after some time of the run.
func at(env *testsuite.TestWorkflowEnvironment, d time.Duration, name string, signal any) {
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(name, signal) }, d)
}

func TestRunFinishes(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules int
		set   workflows.Settings
		most  int // rules processing at once
	}{
		{"one", 1, workflows.Settings{}, 1},
		{"window", 237, workflows.Settings{Batch: 10}, 10},
		{"default batch", 120, workflows.Settings{}, 50},
		{"batches", 35, workflows.Settings{Batch: 10, Pause: 10 * time.Second}, 10},
		{"batch of one", 7, workflows.Settings{Batch: 1}, 1},
		{"several runs", 1234, workflows.Settings{Batch: 20}, 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(tc.rules)
			p := newPlay(t, f)
			p.in.Settings = tc.set
			p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
			want := migration.Counts{Total: tc.rules, Finished: tc.rules}
			require.Equal(t, want, f.counts())
			require.LessOrEqual(t, f.limit, tc.most)
			require.Equal(t, []string{"running 1", "finished 1"}, f.trace)
			require.Equal(t, migration.Finished, p.stats().Status)
			require.Equal(t, want, p.stats().Rules)
			require.Equal(t, "a", p.startState().RequestID)
			require.Equal(t, (tc.rules+499)/500, p.runs)
			require.Equal(t, tc.rules, f.calls[workflows.ActivityTranslate])
			require.Less(t, f.calls[workflows.ActivityClaimBatch], tc.rules+2)
		})
	}
}

func TestStopInMidBatch(t *testing.T) {
	f := newFake(30)
	var p *play
	hit := 0
	f.hook = func(name, rule string) error {
		if name == workflows.ActivityTranslate {
			f.mu.Lock()
			defer f.mu.Unlock()
			if hit++; hit == 15 {
				p.env.SignalWorkflow(workflows.SignalStop, workflows.StopSignal{RequestID: "s", By: "bob"})
			}
		}
		return nil
	}
	p = newPlay(t, f)
	p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
	c := f.counts()
	require.Zero(t, c.Processing)
	require.Positive(t, c.Pending)
	require.Positive(t, c.Finished)
	require.Equal(t, 30, c.Pending+c.Finished)
	require.Equal(t, []string{"running 1", "stopped 1"}, f.trace)
	require.Equal(t, c, p.stats().Rules, "the query agrees with the store")

	// The parked run answers, waits, and resumes.
	p.next(func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			require.Equal(t, migration.Stopped, p.stats().Status)
			require.Equal(t, c, p.stats().Rules)
		}, time.Minute)
		at(env, time.Hour, workflows.SignalStart, start("b"))
	})
	require.NoError(t, p.err)
	require.Equal(t, migration.Counts{Total: 30, Finished: 30}, f.counts())
	require.Equal(t, []string{"running 1", "stopped 1", "running 2", "finished 2"}, f.trace)
	require.Equal(t, workflows.StartState{RequestID: "b", Epoch: 2, State: migration.Finished, Seen: []string{"a", "s", "b"}}, p.startState())
}

func transient(typ string) error { return temporal.NewApplicationError("down", typ) }
