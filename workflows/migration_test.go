package workflows_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
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
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{workflows.Interceptor()}})
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

func TestStartTwiceIsOneStart(t *testing.T) {
	f := newFake(25)
	p := newPlay(t, f)
	p.in.Settings.Pause = time.Minute
	p.all(func(env *testsuite.TestWorkflowEnvironment) {
		at(env, 0, workflows.SignalStart, start("a"))
		at(env, 0, workflows.SignalStart, start("b"))
		at(env, 30*time.Second, workflows.SignalStart, start("c"))
		at(env, 40*time.Second, workflows.SignalStart, start("a")) // sent again
		env.RegisterDelayedCallback(func() {
			require.Equal(t, "a", p.startState().RequestID)
			require.Equal(t, []string{"a", "b", "c"}, p.startState().Seen)
			s := p.stats()
			require.Equal(t, migration.Running, s.Status)
			require.Equal(t, migration.Counts{Total: 25, Finished: 10, Pending: 15}, s.Rules)
		}, 50*time.Second)
	})
	require.Equal(t, []string{"running 1", "finished 1"}, f.trace)
	require.Equal(t, 25, f.calls[workflows.ActivityTranslate])
}

func TestStopWhilePaused(t *testing.T) {
	f := newFake(25)
	p := newPlay(t, f)
	p.in.Settings.Pause = time.Hour
	p.next(func(env *testsuite.TestWorkflowEnvironment) {
		at(env, 0, workflows.SignalStart, start("a"))
		at(env, 90*time.Minute, workflows.SignalStop, workflows.StopSignal{RequestID: "s"})
		at(env, 91*time.Minute, workflows.SignalStop, workflows.StopSignal{RequestID: "s2"})
	}).continued()
	require.Equal(t, migration.Counts{Total: 25, Finished: 20, Pending: 5}, f.counts())
	require.Equal(t, []string{"running 1", "stopped 1"}, f.trace)
	require.Equal(t, migration.Stopped, p.in.Carry.State)
	require.Nil(t, p.in.Carry.Start)
	require.Nil(t, p.in.Carry.PendingStart)
	require.False(t, p.in.Carry.PendingStop)
}

func TestStopAndStartInOneBreath(t *testing.T) {
	t.Run("stop before the first step", func(t *testing.T) {
		f := newFake(5)
		p := newPlay(t, f)
		p.next(func(env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(func() {
				env.SignalWorkflowSkippingWorkflowTask(workflows.SignalStart, start("a"))
				env.SignalWorkflow(workflows.SignalStop, workflows.StopSignal{RequestID: "s"})
			}, 0)
		}).continued()
		require.Equal(t, migration.Counts{Total: 5, Pending: 5}, f.counts())
		require.Zero(t, f.calls[workflows.ActivityClaimBatch])
		require.Equal(t, migration.Stopped, f.m.State)
	})
	t.Run("start while stopping", func(t *testing.T) {
		f := newFake(30)
		var p *play
		f.hook = func(name, rule string) error {
			switch {
			case name == workflows.ActivityTranslate && rule == "r0012":
				p.env.SignalWorkflow(workflows.SignalStop, workflows.StopSignal{RequestID: "s"})
			case name == workflows.ActivitySetState && rule == "stopped":
				p.env.SignalWorkflow(workflows.SignalStart, start("b"))
				p.env.SignalWorkflow(workflows.SignalStart, start("c"))
			}
			return nil
		}
		p = newPlay(t, f)
		p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
		require.Equal(t, "b", p.in.Carry.PendingStart.RequestID)
		p.all(nil)
		require.Equal(t, []string{"running 1", "stopped 1", "running 2", "finished 2"}, f.trace)
		require.Equal(t, "b", p.startState().RequestID)
		require.Equal(t, migration.Counts{Total: 30, Finished: 30}, f.counts())
	})
}

// TestStartStateKnowsOfTheNextStart: a gateway that is asked to stop goes by it.
func TestStartStateKnowsOfTheNextStart(t *testing.T) {
	f := newFake(30)
	var p *play
	var during []workflows.StartState
	f.hook = func(name, rule string) error {
		switch {
		case name == workflows.ActivityTranslate && rule == "r0012":
			p.env.SignalWorkflow(workflows.SignalStop, workflows.StopSignal{RequestID: "s"})
		case name == workflows.ActivityRelease:
			p.env.SignalWorkflow(workflows.SignalStart, start("b"))
		case name == workflows.ActivitySetState && rule == "stopped":
			during = append(during, p.startState())
		}
		return nil
	}
	p = newPlay(t, f)
	p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
	require.Len(t, during, 1)
	require.Equal(t, "b", during[0].RequestID)
	require.Equal(t, migration.Running, during[0].State)
}

// TestSignalsOfOneTaskKeepTheirOrder delivers signals together: what came last counts.
func TestSignalsOfOneTaskKeepTheirOrder(t *testing.T) {
	const up, down = workflows.SignalStart, workflows.SignalStop
	for _, tc := range []struct {
		name    string
		signals []string
		runs    bool // in the end
	}{
		{"stop", []string{down}, false},
		{"stop, start", []string{down, up}, true},
		{"start, stop", []string{up, down}, false},
		{"start, stop, start", []string{up, down, up}, true},
		{"stop, start, stop", []string{down, up, down}, false},
		{"stop, stop, start, start", []string{down, down, up, up}, true},
		{"start, stop, start, stop, start", []string{up, down, up, down, up}, true},
	} {
		send := func(env *testsuite.TestWorkflowEnvironment) {
			for i, name := range tc.signals {
				var signal any = start(fmt.Sprint("q", i))
				if name == down {
					signal = workflows.StopSignal{RequestID: fmt.Sprint("q", i)}
				}
				if i < len(tc.signals)-1 {
					env.SignalWorkflowSkippingWorkflowTask(name, signal)
				} else {
					env.SignalWorkflow(name, signal)
				}
			}
		}
		check := func(t *testing.T, f *fake, p *play) {
			t.Helper()
			for p.err != nil && (p.in.Carry.Start != nil || p.in.Carry.PendingStart != nil) {
				p.continued().next(nil)
			}
			c := f.counts()
			require.Zero(t, c.Processing)
			if tc.runs {
				require.NoError(t, p.err)
				require.Equal(t, migration.Finished, f.m.State)
				require.Equal(t, c.Total, c.Finished)
			} else {
				require.Equal(t, migration.Stopped, f.m.State)
				require.Positive(t, c.Pending)
			}
		}
		t.Run("running: "+tc.name, func(t *testing.T) {
			f := newFake(25)
			p := newPlay(t, f)
			p.in.Settings.Pause = time.Hour
			p.next(func(env *testsuite.TestWorkflowEnvironment) {
				at(env, 0, up, start("a"))
				env.RegisterDelayedCallback(func() { send(env) }, 30*time.Minute)
			})
			check(t, f, p)
		})
		t.Run("waiting for a new run: "+tc.name, func(t *testing.T) {
			f := newFake(25)
			f.m.Epoch, f.m.State = 1, migration.Running
			p := newPlay(t, f)
			s := start("a")
			p.in.Carry = &workflows.Carry{Epoch: 1, Claim: 2, State: migration.Running, Start: &s, RequestIDs: []string{"a"}}
			p.in.Settings.Pause = time.Hour
			p.next(func(env *testsuite.TestWorkflowEnvironment) {
				env.RegisterDelayedCallback(func() { send(env) }, 0)
			})
			check(t, f, p)
		})
		t.Run("while stopping: "+tc.name, func(t *testing.T) {
			f := newFake(25)
			var p *play
			f.hook = func(name, state string) error {
				if name == workflows.ActivitySetState && state == "stopped" && f.m.Epoch == 1 {
					send(p.env)
				}
				return nil
			}
			p = newPlay(t, f)
			p.in.Settings.Pause = time.Hour
			p.next(func(env *testsuite.TestWorkflowEnvironment) {
				at(env, 0, up, start("a"))
				at(env, 30*time.Minute, down, workflows.StopSignal{RequestID: "s"})
			})
			check(t, f, p)
		})
	}
}

func TestSignalsDuringContinueAsNew(t *testing.T) {
	t.Run("stop", func(t *testing.T) {
		f := newFake(60)
		var p *play
		f.hook = func(name, rule string) error {
			if name == workflows.ActivityTranslate && rule == "r0019" { // the run's last rule
				p.env.SignalWorkflow(workflows.SignalStop, workflows.StopSignal{RequestID: "s", Reason: workflows.ParkShutdown})
			}
			return nil
		}
		p = newPlay(t, f)
		p.in.Settings.RunRules = 20
		p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
		if p.in.Carry.PendingStop {
			p.next(nil).continued()
		}
		require.Equal(t, migration.Stopped, f.m.State)
		require.Equal(t, workflows.ParkShutdown, f.m.ParkReason)
		require.Equal(t, workflows.ParkShutdown, p.in.Carry.ParkReason)
		require.Zero(t, f.counts().Processing)
	})
	t.Run("carried stop", func(t *testing.T) {
		f := newFake(60)
		f.m.Epoch, f.stateEpoch, f.m.State = 1, 1, migration.Running
		p := newPlay(t, f)
		s := start("a")
		p.in.Carry = &workflows.Carry{Epoch: 1, Claim: 2, State: migration.Running, Start: &s, PendingStop: true, ParkReason: "shutdown", RequestIDs: []string{"a"}}
		p.next(nil).continued()
		require.Equal(t, []string{"stopped 1"}, f.trace)
		require.Equal(t, "shutdown", f.m.ParkReason)
		require.Zero(t, f.calls[workflows.ActivityClaimBatch])
	})
	t.Run("stop and start", func(t *testing.T) {
		f := newFake(60)
		var p *play
		f.hook = func(name, rule string) error {
			if name == workflows.ActivityTranslate && rule == "r0019" { // the run's last rule
				p.env.SignalWorkflow(workflows.SignalStop, workflows.StopSignal{RequestID: "s"})
				p.env.SignalWorkflow(workflows.SignalStart, start("b"))
			}
			return nil
		}
		p = newPlay(t, f)
		p.in.Settings.RunRules = 20
		p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
		require.Equal(t, []string{"running 1", "stopped 1", "running 2", "finished 2"}, f.trace)
		require.Equal(t, "b", p.startState().RequestID)
	})
	t.Run("carried stop and start", func(t *testing.T) {
		f := newFake(60)
		f.m.Epoch, f.stateEpoch, f.m.State = 1, 1, migration.Running
		p := newPlay(t, f)
		a, b := start("a"), start("b")
		p.in.Carry = &workflows.Carry{Epoch: 1, Claim: 2, State: migration.Running, Start: &a, PendingStop: true, Next: &b,
			CurrentRequest: "b", RequestIDs: []string{"a", "s", "b"}}
		p.all(nil)
		require.Equal(t, []string{"stopped 1", "running 2", "finished 2"}, f.trace)
		require.Equal(t, migration.Finished, p.stats().Status)
	})
	t.Run("second start", func(t *testing.T) {
		f := newFake(60)
		var p *play
		f.hook = func(name, rule string) error {
			if name == workflows.ActivityTranslate && rule == "r0019" {
				p.env.SignalWorkflow(workflows.SignalStart, start("b"))
			}
			return nil
		}
		p = newPlay(t, f)
		p.in.Settings.RunRules = 20
		p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
		require.Equal(t, 3, p.runs)
		require.Equal(t, []string{"running 1", "finished 1"}, f.trace)
		require.Equal(t, []string{"a", "b"}, p.startState().Seen)
	})
}

func TestContinueAsNewCarries(t *testing.T) {
	f := newFake(100)
	p := newPlay(t, f)
	p.in.Settings.RunRules = 40
	p.in.Settings.SearchAttributes = true
	p.next(func(env *testsuite.TestWorkflowEnvironment) {
		env.OnUpsertTypedSearchAttributes(mock.Anything).Return(nil)
		for i := range 130 {
			at(env, 0, workflows.SignalStart, start(fmt.Sprint("q", i)))
		}
	}).continued()
	c := p.in.Carry
	require.Equal(t, "q0", c.CurrentRequest)
	require.Equal(t, "q0", c.Start.RequestID)
	require.Len(t, c.RequestIDs, 100)
	require.Equal(t, "q129", c.RequestIDs[99])
	require.Equal(t, int64(1), c.Epoch)
	require.Positive(t, c.Claim)
	require.Equal(t, migration.Running, c.State)
	require.Equal(t, migration.Counts{Total: 100, Finished: 40, Pending: 60}, c.Counts)
	require.True(t, p.in.Settings.SearchAttributes)
	claims := c.Claim
	p.in.Settings.SearchAttributes = false
	p.next(nil).continued()
	require.Greater(t, p.in.Carry.Claim, claims, "claim numbers go on, so no two claims share a token")
	p.all(nil)
	require.Equal(t, []string{"running 1", "finished 1"}, f.trace)
	require.Equal(t, 100, f.calls[workflows.ActivityTranslate])
}

func TestLongHistoryContinuesAsNew(t *testing.T) {
	for name, set := range map[string]func(*testsuite.TestWorkflowEnvironment){
		"events": func(env *testsuite.TestWorkflowEnvironment) { env.SetCurrentHistoryLength(10_000) },
		"bytes":  func(env *testsuite.TestWorkflowEnvironment) { env.SetCurrentHistorySize(8 << 20) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(100)
			var p *play
			f.hook = func(name, rule string) error {
				if rule == "r0030" {
					// Only the environment's own loop may change the environment: activities run beside it.
					p.env.RegisterDelayedCallback(func() { set(p.env) }, 0)
				}
				return nil
			}
			p = newPlay(t, f)
			p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
			require.NotNil(t, p.in.Carry.Start)
			require.Zero(t, f.counts().Processing, "what was in flight has ended")
			require.Positive(t, f.counts().Pending)
			f.hook = nil
			p.all(nil)
			require.Equal(t, migration.Counts{Total: 100, Finished: 100}, f.counts())
		})
	}
}

func TestRuleFailsForGood(t *testing.T) {
	f := newFake(30)
	f.hook = func(name, rule string) error {
		if name == workflows.ActivityTranslate && rule == "r0007" {
			return temporal.NewApplicationErrorWithOptions("x", workflows.ErrorRule, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{"too_deep"}})
		}
		return nil
	}
	p := newPlay(t, f)
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, migration.Counts{Total: 30, Finished: 29, Failed: 1}, f.counts())
	require.Equal(t, "too_deep", f.rule("r0007").code)
	require.Equal(t, f.counts(), p.stats().Rules)
	require.Equal(t, migration.Finished, f.m.State)

	// Retry takes up what failed, in a workflow that begins anew.
	f.hook = nil
	p.in.Carry = nil
	p.all(func(env *testsuite.TestWorkflowEnvironment) {
		retry := start("b")
		retry.Retry = true
		at(env, 0, workflows.SignalStart, retry)
	})
	require.Equal(t, migration.Counts{Total: 30, Finished: 30}, f.counts())
	require.Equal(t, []string{"running 1", "finished 1", "running 2", "finished 2"}, f.trace)
	require.Equal(t, 1, f.calls[workflows.ActivityFail])
}

func TestNothingToRun(t *testing.T) {
	f := newFake(3)
	for _, r := range f.rules {
		r.status = migration.StatusFinished
	}
	f.m.State, f.m.Epoch = migration.Stopped, 4
	p := newPlay(t, f)
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, []string{"finished 4"}, f.trace)
	require.Zero(t, f.calls[workflows.ActivityClaimBatch])
}

func TestNewRulesAfterFinish(t *testing.T) {
	f := newFake(3)
	p := newPlay(t, f)
	run := func(id string) {
		p.in.Carry = nil
		p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start(id)) })
	}
	run("a")
	f.add(4)
	run("b")
	require.Equal(t, migration.Counts{Total: 7, Finished: 7}, f.counts())
	require.Equal(t, []string{"running 1", "finished 1", "running 2", "finished 2"}, f.trace)
}

func TestStartArrivesWhileFinishing(t *testing.T) {
	f := newFake(3)
	var p *play
	once := false
	f.hook = func(name, rule string) error {
		if name == workflows.ActivitySetState && rule == "finished" && !once {
			once = true
			f.mu.Lock()
			f.add(2)
			f.mu.Unlock()
			p.env.SignalWorkflow(workflows.SignalStart, start("b"))
		}
		return nil
	}
	p = newPlay(t, f)
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, migration.Counts{Total: 5, Finished: 5}, f.counts())
	require.Equal(t, "b", p.startState().RequestID)
}

func TestStoreOutageParks(t *testing.T) {
	for _, tc := range []struct{ name, activity string }{
		{"at the start", workflows.ActivityCounts},
		{"at the claim", workflows.ActivityClaimBatch},
		{"in a rule", workflows.ActivityTranslate},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(30)
			down, failures := false, 0
			f.hook = func(name, rule string) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				if name == tc.activity && (rule == "" || rule == "r0012") {
					down = true
				}
				if down {
					failures++
					return transient(workflows.ErrorStore)
				}
				return nil
			}
			p := newPlay(t, f)
			p.in.Settings.RetryInterval = time.Millisecond
			p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
			require.GreaterOrEqual(t, failures, 20)
			require.Equal(t, workflows.ParkStore, p.in.Carry.ParkReason)
			require.True(t, p.in.Carry.Unsettled, "the store could not be told")
			require.Equal(t, migration.Stopped, p.in.Carry.State)

			// The parked run tells the store when it is back, and a start resumes.
			tries := 0
			f.hook = func(string, string) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				if tries++; tries <= 40 {
					return transient(workflows.ErrorStore)
				}
				return nil
			}
			p.all(func(env *testsuite.TestWorkflowEnvironment) {
				env.RegisterDelayedCallback(func() {
					f.mu.Lock()
					defer f.mu.Unlock()
					require.Equal(t, migration.Stopped, f.m.State)
					require.Equal(t, workflows.ParkStore, f.m.ParkReason)
					c := f.tally()
					require.Zero(t, c.Processing)
					require.Zero(t, c.Failed)
					require.Equal(t, 30, c.Pending+c.Finished)
				}, time.Hour)
				at(env, 2*time.Hour, workflows.SignalStart, start("b"))
			})
			require.Equal(t, migration.Counts{Total: 30, Finished: 30}, f.counts())
			require.Equal(t, migration.Finished, f.m.State)
		})
	}
}

// TestNoProgressParks: steps are under way and none succeeds for ten minutes. Retries and steps that are merely slow do
// not hide that, and a window without steps does not count.
func TestNoProgressParks(t *testing.T) {
	simulated := func(id string) workflows.StartSignal {
		s := start(id)
		s.ConnectorID, s.Mode = "sim", workflows.ModeSimulated
		return s
	}
	t.Run("calls that never end", func(t *testing.T) {
		f := newFake(30)
		p := newPlay(t, f)
		p.next(func(env *testsuite.TestWorkflowEnvironment) {
			env.OnActivity(workflows.ActivityCallModel, mock.Anything, mock.Anything).After(time.Hour).Return(workflows.CallOutput{}, nil)
			env.RegisterDelayedCallback(func() { require.Equal(t, migration.Running, p.stats().Status) }, 9*time.Minute)
			env.RegisterDelayedCallback(func() { t.Error("still not parked") }, 11*time.Minute)
			at(env, 0, workflows.SignalStart, simulated("a"))
		}).continued()
		require.Equal(t, migration.Stopped, f.m.State)
		require.Equal(t, workflows.ParkNoProgress, f.m.ParkReason)
		require.Equal(t, migration.Counts{Total: 30, Pending: 30}, f.counts())
		p.all(func(env *testsuite.TestWorkflowEnvironment) {
			at(env, time.Hour, workflows.SignalStart, simulated("b"))
		})
		require.Equal(t, migration.Counts{Total: 30, Finished: 30}, f.counts())
	})
	t.Run("failures", func(t *testing.T) {
		f := newFake(30)
		f.hook = func(name, rule string) error {
			if name == workflows.ActivityCallModel && rule >= "r0015" {
				return transient(workflows.ErrorConnector)
			}
			return nil
		}
		p := newPlay(t, f)
		p.in.Settings.OutageFailures = 1_000_000
		p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, simulated("a")) }).continued()
		require.Equal(t, workflows.ParkNoProgress, f.m.ParkReason)
		c := f.counts()
		require.Zero(t, c.Processing+c.Failed)
		require.Positive(t, c.Finished)
		require.Equal(t, c, p.stats().Rules)
		f.hook = nil
		p.all(func(env *testsuite.TestWorkflowEnvironment) {
			at(env, time.Hour, workflows.SignalStart, simulated("b"))
		})
		require.Equal(t, migration.Counts{Total: 30, Finished: 30}, f.counts())
	})
	t.Run("a limit of its own", func(t *testing.T) {
		f := newFake(30)
		f.hook = func(name, rule string) error {
			if name == workflows.ActivityClaimBatch {
				return transient(workflows.ErrorStore)
			}
			return nil
		}
		p := newPlay(t, f)
		p.in.Settings.OutageFailures, p.in.Settings.OutageAfter = 1_000_000, time.Minute
		p.next(func(env *testsuite.TestWorkflowEnvironment) {
			at(env, 0, workflows.SignalStart, start("a"))
		}).continued()
		require.Equal(t, workflows.ParkNoProgress, p.in.Carry.ParkReason)
	})
	t.Run("pauses are no outage", func(t *testing.T) {
		f := newFake(25)
		p := newPlay(t, f)
		p.in.Settings.Pause = time.Hour
		p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
		require.Equal(t, migration.Finished, f.m.State)
	})
	t.Run("slow but steady", func(t *testing.T) {
		f := newFake(4)
		p := newPlay(t, f)
		p.in.Settings.Batch = 1
		p.all(func(env *testsuite.TestWorkflowEnvironment) {
			env.OnActivity(workflows.ActivityCallModel, mock.Anything, mock.Anything).After(9*time.Minute).Return(workflows.CallOutput{}, nil)
			at(env, 0, workflows.SignalStart, simulated("a"))
		})
		require.Equal(t, migration.Counts{Total: 4, Finished: 4}, f.counts())
		require.Equal(t, []string{"running 1", "finished 1"}, f.trace)
	})
}

func TestStartDuringOutageOvertakesSettling(t *testing.T) {
	f := newFake(10)
	f.m.State, f.m.Epoch = migration.Running, 3
	f.rules[0].status, f.rules[0].token = migration.StatusProcessing, migration.Token{Epoch: 3, Claim: 1}
	release := true
	f.hook = func(name, _ string) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if name == workflows.ActivityRelease && release {
			return transient(workflows.ErrorStore)
		}
		return nil
	}
	p := newPlay(t, f)
	p.in.Carry = &workflows.Carry{Epoch: 3, State: migration.Stopped, Unsettled: true, ParkReason: workflows.ParkStore}
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, time.Hour, workflows.SignalStart, start("b")) })
	require.Equal(t, []string{"running 4", "finished 4"}, f.trace)
	require.Equal(t, migration.Counts{Total: 10, Finished: 10}, f.counts())
}

func TestFinishUnrecordedIsSettled(t *testing.T) {
	f := newFake(5)
	f.hook = func(name, what string) error {
		if name == workflows.ActivitySetState && what == "finished" || name == workflows.ActivityRelease {
			return transient(workflows.ErrorStore)
		}
		return nil
	}
	p := newPlay(t, f)
	p.in.Settings.RetryInterval = time.Millisecond
	p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
	require.True(t, p.in.Carry.Unsettled)
	f.hook = nil
	p.all(nil)
	require.Equal(t, migration.Finished, f.m.State)
	require.Equal(t, "", f.m.ParkReason)
}

// TestRefusedFinish: what the store says holds when it refuses that a migration is finished.
func TestRefusedFinish(t *testing.T) {
	t.Run("rules appended", func(t *testing.T) {
		f := newFake(3)
		answered := false
		f.after = func(name, what string) error {
			if name == workflows.ActivitySetState && what == "finished" && !answered {
				// Recorded, but the answer is lost; then rules are appended, which makes the migration ready again.
				answered = true
				f.mu.Lock()
				f.m.State = migration.Ready
				f.add(2)
				f.mu.Unlock()
				return transient(workflows.ErrorStore)
			}
			return nil
		}
		p := newPlay(t, f)
		p.in.Settings.RetryInterval = time.Millisecond
		p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
		require.Equal(t, migration.Ready, p.stats().Status)
		require.Equal(t, migration.Counts{Total: 5, Pending: 2, Finished: 3}, p.stats().Rules)
	})
	t.Run("a newer start", func(t *testing.T) {
		f := newFake(3)
		f.hook = func(name, what string) error {
			if name == workflows.ActivitySetState && what == "finished" {
				f.mu.Lock()
				if f.m.Epoch < 7 {
					f.m.Epoch, f.stateEpoch, f.m.State = 7, 7, migration.Running
				}
				f.mu.Unlock()
			}
			return nil
		}
		p := newPlay(t, f)
		p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
		// The refusal is not taken for success: the migration is settled under the newer start, and finished with that.
		require.Equal(t, []string{"running 1", "finished 7"}, f.trace)
		require.Equal(t, migration.Finished, p.stats().Status)
	})
}

func TestConnectorParks(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{transient(workflows.ErrorConnector), workflows.ParkConnector},
		{temporal.NewNonRetryableApplicationError("x", workflows.ErrorCredential, nil), workflows.ParkCredential},
		{temporal.NewNonRetryableApplicationError("x", workflows.ErrorBudget, nil), workflows.ParkBudget},
		{temporal.NewNonRetryableApplicationError("x", workflows.ErrorUnknownConnector, nil), workflows.ParkConnectorID},
	} {
		t.Run(tc.want, func(t *testing.T) {
			f := newFake(30)
			f.hook = func(name, rule string) error {
				if name == workflows.ActivityCallModel && rule >= "r0015" {
					return tc.err
				}
				return nil
			}
			p := newPlay(t, f)
			p.in.Settings.RetryInterval = time.Millisecond
			p.next(func(env *testsuite.TestWorkflowEnvironment) {
				s := start("a")
				s.ConnectorID, s.Mode = "sim", workflows.ModeSimulated
				at(env, 0, workflows.SignalStart, s)
			}).continued()
			require.Equal(t, migration.Stopped, f.m.State)
			require.Equal(t, tc.want, f.m.ParkReason)
			require.False(t, p.in.Carry.Unsettled)
			c := f.counts()
			require.Zero(t, c.Failed+c.Processing)
			require.Equal(t, c, p.stats().Rules)

			f.hook = nil
			p.all(func(env *testsuite.TestWorkflowEnvironment) {
				s := start("b")
				s.ConnectorID, s.Mode = "sim", workflows.ModeSimulated
				at(env, time.Hour, workflows.SignalStart, s)
			})
			require.Equal(t, migration.Counts{Total: 30, Finished: 30}, f.counts())
			for _, n := range f.asked {
				require.Equal(t, 1, n)
			}
		})
	}
}

func TestModels(t *testing.T) {
	run := func(f *fake, mode string) {
		p := newPlay(t, f)
		p.all(func(env *testsuite.TestWorkflowEnvironment) {
			s := start("a")
			s.ConnectorID, s.Mode = "gpt", mode
			at(env, 0, workflows.SignalStart, s)
		})
		require.Equal(t, migration.Counts{Total: 20, Finished: 20}, f.counts())
	}
	t.Run("simulated asks once a rule", func(t *testing.T) {
		f := newFake(20)
		f.holes["r0003"] = 2
		run(f, workflows.ModeSimulated)
		require.Len(t, f.asked, 20)
		require.Equal(t, 20, f.calls[workflows.ActivityCallModel])
		require.Zero(t, f.calls[workflows.ActivityCheckDraft])
	})
	t.Run("model asks for holes only, three times at most", func(t *testing.T) {
		f := newFake(20)
		f.holes = map[string]int{"r0003": 1, "r0004": 2, "r0005": 99}
		run(f, workflows.ModeModel)
		require.Equal(t, map[string]int{"r0003": 1, "r0004": 2, "r0005": 3}, f.asked)
		require.Equal(t, 6, f.calls[workflows.ActivityCheckDraft])
	})
	t.Run("deterministic asks never", func(t *testing.T) {
		f := newFake(20)
		f.holes["r0003"] = 1
		run(f, workflows.ModeDeterministic)
		require.Empty(t, f.asked)
	})
}

func TestWorkerDiesAfterClaimWrote(t *testing.T) {
	f := newFake(25)
	died := false
	f.after = func(name, _ string) error {
		if name == workflows.ActivityClaimBatch && !died {
			died = true
			return transient("worker died")
		}
		return nil
	}
	p := newPlay(t, f)
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, migration.Counts{Total: 25, Finished: 25}, f.counts())
	require.Equal(t, 25, f.calls[workflows.ActivityTranslate])
	require.LessOrEqual(t, f.limit, 10)
}

func TestResultWrittenAnswerLost(t *testing.T) {
	f := newFake(5)
	lost := map[string]bool{}
	f.after = func(name, rule string) error {
		if name == workflows.ActivityTranslate && !lost[rule] {
			lost[rule] = true
			return transient("answer lost")
		}
		return nil
	}
	p := newPlay(t, f)
	p.in.Settings.Batch = 1
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, migration.Counts{Total: 5, Finished: 5}, f.counts())
}

func TestRuleDeletedMeanwhile(t *testing.T) {
	f := newFake(12)
	f.hook = func(name, rule string) error {
		if name == workflows.ActivityTranslate && rule == "r0004" {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.rules = slices.DeleteFunc(f.rules, func(r *fakeRule) bool { return r.id == "r0004" })
		}
		return nil
	}
	p := newPlay(t, f)
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, migration.Counts{Total: 11, Finished: 11}, f.counts())
	require.Equal(t, migration.Finished, f.m.State)
	require.Equal(t, f.counts(), p.stats().Rules)
}

func TestMigrationDeletedMeanwhile(t *testing.T) {
	for _, name := range []string{workflows.ActivityCounts, workflows.ActivityClaimBatch, workflows.ActivityTranslate} {
		t.Run(name, func(t *testing.T) {
			f := newFake(12)
			f.hook = func(n, _ string) error {
				if n == name {
					return temporal.NewNonRetryableApplicationError("gone", workflows.ErrorGone, nil)
				}
				return nil
			}
			p := newPlay(t, f)
			p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
			require.NoError(t, p.err)
		})
	}
}

func TestOrphansAreReleased(t *testing.T) {
	f := newFake(12)
	// Held by nobody: an earlier start's, and one of this start that fell out of its rule.
	f.rules[3].status, f.rules[3].token = migration.StatusProcessing, migration.Token{Epoch: 7, Claim: 3}
	f.m.Epoch = 7
	once := false
	f.hook = func(name, rule string) error {
		if name == workflows.ActivityTranslate && rule == "r0005" && !once {
			once = true
			return fenced()
		}
		return nil
	}
	p := newPlay(t, f)
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, migration.Counts{Total: 12, Finished: 12}, f.counts())
	require.Equal(t, []string{"running 8", "finished 8"}, f.trace)
}

func TestInconsistentStoreParks(t *testing.T) {
	f := newFake(12)
	f.hook = func(name, rule string) error {
		if name == workflows.ActivityTranslate && rule == "r0005" {
			return fenced()
		}
		return nil
	}
	p := newPlay(t, f)
	p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
	require.Equal(t, workflows.ParkInconsistent, f.m.ParkReason)
	require.Equal(t, migration.Counts{Total: 12, Finished: 11, Pending: 1}, f.counts())
}

func TestShutdownParkIsLiftedByStop(t *testing.T) {
	f := newFake(12)
	f.m = migration.Migration{ID: "m1", State: migration.Stopped, Epoch: 2, ParkReason: workflows.ParkShutdown}
	p := newPlay(t, f)
	p.in.Carry = &workflows.Carry{Epoch: 2, State: migration.Stopped, ParkReason: workflows.ParkShutdown}
	p.next(func(env *testsuite.TestWorkflowEnvironment) {
		at(env, time.Minute, workflows.SignalStop, workflows.StopSignal{RequestID: "s1", Reason: workflows.ParkShutdown})
		env.RegisterDelayedCallback(func() { require.Equal(t, workflows.ParkShutdown, f.m.ParkReason) }, time.Hour)
		at(env, 2*time.Hour, workflows.SignalStop, workflows.StopSignal{RequestID: "s2"})
		env.RegisterDelayedCallback(func() {
			require.Equal(t, "", f.m.ParkReason)
			require.Equal(t, migration.Stopped, f.m.State)
			env.SetCurrentHistoryLength(30)
			env.SignalWorkflow(workflows.SignalStop, workflows.StopSignal{RequestID: "s3"})
		}, 3*time.Hour)
	}).continued()
	require.Equal(t, migration.Counts{Total: 12, Pending: 12}, f.counts())
}

func TestCancelledWorkflowLetsGo(t *testing.T) {
	f := newFake(25)
	p := newPlay(t, f)
	p.in.Settings.Pause = time.Hour
	p.next(func(env *testsuite.TestWorkflowEnvironment) {
		at(env, 0, workflows.SignalStart, start("a"))
		env.RegisterDelayedCallback(env.CancelWorkflow, 30*time.Minute)
	})
	require.True(t, temporal.IsCanceledError(p.err))
	require.Equal(t, migration.Counts{Total: 25, Finished: 10, Pending: 15}, f.counts())
	require.Equal(t, migration.Stopped, f.m.State)

	p.in.Carry = nil
	p.next(func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	})
	require.True(t, temporal.IsCanceledError(p.err))
}

func TestNotReadyParks(t *testing.T) {
	f := newFake(5)
	f.hook = func(name, _ string) error {
		if name == workflows.ActivitySetState {
			return temporal.NewNonRetryableApplicationError("creating", workflows.ErrorConflict, nil)
		}
		return nil
	}
	p := newPlay(t, f)
	p.next(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) }).continued()
	require.Equal(t, workflows.ParkNotReady, p.in.Carry.ParkReason)
	// The parked run tries once to tell the store, and does not insist.
	p.next(func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	})
	require.LessOrEqual(t, f.calls[workflows.ActivitySetState], 4)
}

func TestEpochNeverFallsBehindTheStore(t *testing.T) {
	f := newFake(5)
	f.m.State, f.m.Epoch = migration.Running, 9
	for i, r := range f.rules {
		r.status, r.token = migration.StatusProcessing, migration.Token{Epoch: 9, Claim: int64(i%2 + 1)}
	}
	p := newPlay(t, f) // a workflow that knows nothing: the server's database was lost
	p.all(func(env *testsuite.TestWorkflowEnvironment) { at(env, 0, workflows.SignalStart, start("a")) })
	require.Equal(t, []string{"running 10", "finished 10"}, f.trace)
	require.Equal(t, migration.Counts{Total: 5, Finished: 5}, f.counts())
}

func TestSettingsOfTheStartReplaceTheRuns(t *testing.T) {
	f := newFake(12)
	p := newPlay(t, f)
	p.all(func(env *testsuite.TestWorkflowEnvironment) {
		s := start("a")
		s.Settings = &workflows.Settings{Batch: 3}
		at(env, 0, workflows.SignalStart, s)
	})
	require.Equal(t, 3, f.limit)
}
