package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// target is a migration and a Kibana in memory, and stands for all activities of installations.
type target struct {
	mu      sync.Mutex
	rules   []string        // ids; those that begin with p are matched by prebuilt rules
	there   map[string]bool // installed
	order   []string        // what was installed, in order
	enabled []time.Time
	now     func() time.Time
	fault   func(activity, rule string) error
	refused map[string]bool
	// asked counts the rules that were installed and enabled with exception lists asked for.
	asked map[string]int
}

func newTarget(n int) *target {
	k := &target{there: map[string]bool{}, refused: map[string]bool{}, asked: map[string]int{}}
	for i := range n {
		k.rules = append(k.rules, fmt.Sprintf("r%04d", i))
	}
	return k
}

func (k *target) step(name, rule string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fault != nil {
		return k.fault(name, rule)
	}
	return nil
}

func (k *target) Check(_ context.Context, in workflows.InstallTarget) error {
	return k.step("check", in.Kibana)
}

func (k *target) Page(_ context.Context, in workflows.InstallPageInput) (out workflows.InstallPageOutput, err error) {
	for _, id := range k.rules {
		switch {
		case id <= in.After:
			continue
		case out.Total == in.Size:
			return out, k.step("page", "")
		case in.Take == string(migration.TakeAccepted) && id > "r0004":
			out.LeftOut++
			out.Omitted = migration.Omissions{migration.OmittedNotAccepted: out.LeftOut}
		case id[0] == 'p':
			out.Prebuilt = append(out.Prebuilt, id)
		case id[0] == 'x':
			out.LeftOut++
		default:
			out.Custom = append(out.Custom, id)
		}
		if out.Total++; out.Total == in.Size && id != k.rules[len(k.rules)-1] {
			out.Next = id
		}
	}
	return out, k.step("page", "")
}

func (k *target) Prebuilt(_ context.Context, in workflows.InstallPrebuiltInput) (out workflows.InstallPrebuiltOutput, err error) {
	for _, id := range in.RuleIDs {
		k.mu.Lock()
		if k.refused[id] {
			out.Failures = append(out.Failures, workflows.InstallFailure{RuleID: id, Code: "unknown_prebuilt"})
		} else {
			out.Installed++
			k.order = append(k.order, id)
		}
		k.mu.Unlock()
	}
	return out, k.step("prebuilt", "")
}

func (k *target) Rule(_ context.Context, in workflows.InstallRuleInput) (workflows.InstallRuleOutput, error) {
	if err := k.step("rule", in.RuleID); err != nil {
		return workflows.InstallRuleOutput{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	exceptions := 0
	if in.Exceptions {
		k.asked["install"]++
		exceptions = int(in.RuleID[len(in.RuleID)-1]-'0') % 3
	}
	switch {
	case k.refused[in.RuleID]:
		return workflows.InstallRuleOutput{Outcome: "failed", Code: "refused", Status: 400}, nil
	case k.there[in.RuleID]:
		return workflows.InstallRuleOutput{Outcome: "unchanged", Exceptions: exceptions}, nil
	}
	k.there[in.RuleID] = true
	k.order = append(k.order, in.RuleID)
	return workflows.InstallRuleOutput{Outcome: "created", Exceptions: exceptions}, nil
}

func (k *target) Enable(_ context.Context, in workflows.InstallRuleInput) (workflows.InstallEnableOutput, error) {
	if err := k.step("enable", in.RuleID); err != nil {
		return workflows.InstallEnableOutput{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if in.Exceptions {
		k.asked["enable"]++
	}
	k.enabled = append(k.enabled, k.now())
	return workflows.InstallEnableOutput{Enabled: true}, nil
}

// install plays the workflow through its runs.
func (k *target) install(t *testing.T, in workflows.InstallInput, script func(*testsuite.TestWorkflowEnvironment)) (workflows.InstallStatus, int, error) {
	t.Helper()
	for runs := 1; ; runs++ {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.SetTestTimeout(30 * time.Second)
		env.SetWorkflowRunTimeout(1000 * time.Hour)
		workflows.Register(env)
		for name, f := range map[string]any{workflows.ActivityInstallCheck: k.Check, workflows.ActivityInstallPage: k.Page,
			workflows.ActivityInstallPrebuilt: k.Prebuilt, workflows.ActivityInstallRule: k.Rule, workflows.ActivityInstallEnable: k.Enable} {
			env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
		}
		k.now = env.Now
		if script != nil {
			script(env)
		}
		env.ExecuteWorkflow(workflows.InstallWorkflow, in)
		require.True(t, env.IsWorkflowCompleted())
		v, err := env.QueryWorkflow(workflows.QueryInstall)
		require.NoError(t, err)
		var status workflows.InstallStatus
		require.NoError(t, v.Get(&status))
		err = env.GetWorkflowError()
		var again *workflow.ContinueAsNewError
		if !errors.As(err, &again) {
			return status, runs, err
		}
		var next workflows.InstallInput
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
		in = next
	}
}

func input() workflows.InstallInput { return workflows.InstallInput{MigrationID: "m1", Kibana: "prod"} }

func TestInstallsAll(t *testing.T) {
	k := newTarget(1000)
	k.rules[10], k.rules[700], k.rules[20] = "p-one", "p-two", "x-none"
	slices.Sort(k.rules)
	k.refused["r0003"], k.refused["p-two"] = true, true
	status, runs, err := k.install(t, input(), nil)
	require.NoError(t, err)
	require.Equal(t, workflows.InstallStatus{Phase: workflows.InstallPhaseDone,
		Counts:   workflows.InstallCounts{Created: 996, Prebuilt: 1, LeftOut: 1, Failed: 2},
		Failures: []workflows.InstallFailure{{RuleID: "p-two", Code: "unknown_prebuilt"}, {RuleID: "r0003", Code: "refused", Status: 400}}}, status)
	require.Equal(t, "p-one", k.order[0], "prebuilt rules come first")
	require.Greater(t, runs, 2, "a long installation continues as new")
	require.Empty(t, k.enabled)
	// A second one finds everything there.
	status, _, err = k.install(t, input(), nil)
	require.NoError(t, err)
	require.Equal(t, 996, status.Counts.Unchanged)
	require.Equal(t, 0, status.Counts.Created)
}

// TestInstallTakesAccepted: every step is told which rules are taken, and the reasons of those that are not add up over runs.
func TestInstallTakesAccepted(t *testing.T) {
	k := newTarget(1000)
	in := input()
	in.Take = string(migration.TakeAccepted)
	status, runs, err := k.install(t, in, nil)
	require.NoError(t, err)
	require.Greater(t, runs, 1)
	require.Equal(t, workflows.InstallCounts{Created: len(k.order), LeftOut: 1000 - len(k.order)}, status.Counts)
	require.Less(t, len(k.order), 6)
	require.Equal(t, migration.Omissions{migration.OmittedNotAccepted: status.Counts.LeftOut}, status.Omitted)
}

// TestInstallPasses: what passes by itself is tried again, and changes nothing.
func TestInstallPasses(t *testing.T) {
	k := newTarget(30)
	failures := map[string]int{}
	k.fault = func(name, rule string) error {
		if failures[name+rule]++; failures[name+rule] <= 2 {
			return temporal.NewApplicationErrorWithOptions("busy", workflows.ErrorTargetBusy, temporal.ApplicationErrorOptions{NextRetryDelay: time.Minute})
		}
		return nil
	}
	status, _, err := k.install(t, input(), nil)
	require.NoError(t, err)
	require.Equal(t, 30, status.Counts.Created)
	require.Empty(t, status.Code)
}

// TestInstallEndsEarly: a Kibana that cannot be used ends the installation with a code; a further one goes on.
func TestInstallEndsEarly(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"credential", temporal.NewNonRetryableApplicationError("x", workflows.ErrorTarget, nil, workflows.InstallCredential), workflows.InstallCredential},
		{"no code", temporal.NewNonRetryableApplicationError("x", workflows.ErrorTarget, nil), workflows.InstallInternal},
		{"down for good", temporal.NewApplicationError("x", workflows.ErrorTargetBusy), workflows.InstallUnavailable},
		{"store", temporal.NewApplicationError("x", workflows.ErrorStore), workflows.InstallStore},
		{"gone", temporal.NewNonRetryableApplicationError("x", workflows.ErrorGone, nil), workflows.InstallGone},
		{"unforeseen", errors.New("x"), workflows.InstallInternal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newTarget(200)
			k.fault = func(name, rule string) error {
				if name == "rule" && rule >= "r0120" {
					return tc.err
				}
				return nil
			}
			status, _, err := k.install(t, input(), nil)
			require.NoError(t, err)
			require.Equal(t, tc.want, status.Code)
			require.Equal(t, 120, status.Counts.Created)
			require.Equal(t, workflows.InstallPhaseCustom, status.Phase)
			k.fault = nil
			status, _, err = k.install(t, input(), nil)
			require.NoError(t, err)
			require.Equal(t, workflows.InstallCounts{Created: 80, Unchanged: 120}, status.Counts)
		})
	}
}

// TestInstallEnables: rules that are enabled begin apart, over the time that was asked for.
func TestInstallEnables(t *testing.T) {
	k := newTarget(800)
	in := input()
	in.Enable, in.Spread = true, 10*time.Minute
	status, _, err := k.install(t, in, nil)
	require.NoError(t, err)
	require.Equal(t, 800, status.Counts.Enabled)
	steps, most, n := 1, 1, 1
	for i := 1; i < len(k.enabled); i++ {
		if n++; k.enabled[i].Sub(k.enabled[i-1]) > time.Second {
			steps, n = steps+1, 1
		}
		most = max(most, n)
	}
	require.LessOrEqual(t, most, 800/120, "so many begin at one moment")
	require.GreaterOrEqual(t, steps, 120, "steps of 5 seconds")
}

// TestInstallExceptions: each rule is asked for its exception list, over several runs; counts have them all, names are bounded.
func TestInstallExceptions(t *testing.T) {
	k := newTarget(1000)
	in := input()
	in.Exceptions, in.Enable, in.Spread = true, true, time.Second
	for _, outcome := range []string{"created", "unchanged"} {
		status, runs, err := k.install(t, in, nil)
		require.NoError(t, err)
		require.Greater(t, runs, 2)
		require.Equal(t, 600, status.Counts.Lists, outcome) // of ten rules those ending in 1, 2, 4, 5, 7, 8
		require.Equal(t, 900, status.Counts.Exceptions, outcome)
		require.Len(t, status.Lists, workflows.InstallKeptLists)
		require.Contains(t, status.Lists, workflows.InstallList{RuleID: "r0001", Exceptions: 1}) // four rules are in flight at once
	}
	require.Equal(t, map[string]int{"install": 2000, "enable": 2000}, k.asked)
	k = newTarget(10)
	status, _, err := k.install(t, input(), nil)
	require.NoError(t, err)
	require.Zero(t, status.Counts.Lists)
	require.Empty(t, k.asked)
}

func TestInstallCancelled(t *testing.T) {
	k := newTarget(100)
	in := input()
	in.Enable = true
	status, _, err := k.install(t, in, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	})
	require.Error(t, err)
	require.Equal(t, workflows.InstallCancelled, status.Code)
	require.Equal(t, 100, status.Counts.Created)
	require.Less(t, status.Counts.Enabled, 100)
}
