package workflows_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/rulebridge/rulebridge/workflows"
)

// fakeAsk stands for the activities of a question. says is what the model wants at each step.
type fakeAsk struct {
	mu    sync.Mutex
	says  []workflows.AskStepOutput
	hook  func(name string, in workflows.AskStepInput) error
	calls []string
}

func (f *fakeAsk) register(env *testsuite.TestWorkflowEnvironment) {
	plain := func(name string) {
		env.RegisterActivityWithOptions(func(_ context.Context, in workflows.AskStepInput) error { return f.call(name, in) },
			activity.RegisterOptions{Name: name})
	}
	for _, name := range []string{workflows.ActivityAskPrepare, workflows.ActivityAskTool, workflows.ActivityAskConclude, workflows.ActivityAskFail, workflows.ActivityAskForget} {
		plain(name)
	}
	env.RegisterActivityWithOptions(func(_ context.Context, in workflows.AskStepInput) (workflows.AskStepOutput, error) {
		if err := f.call(workflows.ActivityAskModel, in); err != nil {
			return workflows.AskStepOutput{}, err
		}
		return f.says[min(in.Step, len(f.says))-1], nil
	}, activity.RegisterOptions{Name: workflows.ActivityAskModel})
}

func (f *fakeAsk) call(name string, in workflows.AskStepInput) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	call := name
	if in.Code != "" {
		call += " " + in.Code
	}
	f.calls = append(f.calls, call)
	if f.hook != nil {
		return f.hook(name, in)
	}
	return nil
}

func (f *fakeAsk) count(call string) int {
	n := 0
	for _, c := range f.calls {
		if c == call {
			n++
		}
	}
	return n
}

func playAsk(t *testing.T, f *fakeAsk, in workflows.AskInput, script func(*testsuite.TestWorkflowEnvironment)) (workflows.AskOutput, error, *testsuite.TestWorkflowEnvironment) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	workflows.Register(env)
	f.register(env)
	in.QuestionID, in.ConnectorID = "q1", "gpt"
	if in.Mode == "" {
		in.Mode = workflows.ModeModel
	}
	if script != nil {
		script(env)
	}
	env.ExecuteWorkflow(workflows.AskWorkflow, in)
	require.True(t, env.IsWorkflowCompleted())
	var out workflows.AskOutput
	err := env.GetWorkflowError()
	if err == nil {
		require.NoError(t, env.GetWorkflowResult(&out))
	}
	return out, err, env
}

var (
	final   = workflows.AskStepOutput{Final: true}
	tool    = workflows.AskStepOutput{Tool: "open-alerts"}
	useless = workflows.AskStepOutput{}
)

func TestAskAnswers(t *testing.T) {
	f := &fakeAsk{says: []workflows.AskStepOutput{tool, useless, final}}
	out, err, _ := playAsk(t, f, workflows.AskInput{}, func(env *testsuite.TestWorkflowEnvironment) {
		at(env, 5*time.Second, workflows.SignalDelivered, nil)
	})
	require.NoError(t, err)
	require.Equal(t, workflows.AskOutput{Steps: 3}, out)
	require.Equal(t, []string{"AskPrepare", "AskModel", "AskTool", "AskModel", "AskModel", "AskConclude", "AskForget"}, f.calls)
}

func TestAskForgetsAnAnswerThatNobodyReads(t *testing.T) {
	f := &fakeAsk{says: []workflows.AskStepOutput{final}}
	var begun time.Time
	_, err, env := playAsk(t, f, workflows.AskInput{Kept: time.Hour}, func(env *testsuite.TestWorkflowEnvironment) { begun = env.Now() })
	require.NoError(t, err)
	require.Equal(t, 1, f.count("AskForget"))
	require.GreaterOrEqual(t, env.Now().Sub(begun), time.Hour)
}

func TestAskEndsAfterEightSteps(t *testing.T) {
	f := &fakeAsk{says: []workflows.AskStepOutput{tool}}
	f.hook = func(name string, in workflows.AskStepInput) error {
		if name == workflows.ActivityAskConclude {
			return temporal.NewApplicationErrorWithOptions("x", workflows.ErrorAsk, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{workflows.AskNoAnswer}})
		}
		return nil
	}
	out, err, _ := playAsk(t, f, workflows.AskInput{}, nil)
	require.NoError(t, err)
	require.Equal(t, workflows.AskOutput{Code: workflows.AskNoAnswer, Steps: 8}, out)
	require.Equal(t, 8, f.count("AskModel"))
	require.Equal(t, 1, f.count("AskFail no_answer"))
	require.Equal(t, 1, f.count("AskForget"))
}

func TestAskFailures(t *testing.T) {
	typed := func(typ string, details ...any) error {
		return temporal.NewApplicationErrorWithOptions("x", typ, temporal.ApplicationErrorOptions{NonRetryable: typ == workflows.ErrorAsk, Details: details})
	}
	for _, tc := range []struct {
		name, at string
		err      error
		code     string
	}{
		{"store", workflows.ActivityAskPrepare, typed(workflows.ErrorStore), workflows.AskUnavailable},
		{"connector", workflows.ActivityAskModel, typed(workflows.ErrorConnector), workflows.AskUnavailable},
		{"credential", workflows.ActivityAskModel, typed(workflows.ErrorAsk, workflows.AskCredential), workflows.AskCredential},
		{"no details", workflows.ActivityAskModel, typed(workflows.ErrorAsk), workflows.AskInternal},
		{"unforeseen", workflows.ActivityAskTool, errors.New("boom"), workflows.AskInternal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fakeAsk{says: []workflows.AskStepOutput{tool, final}, hook: func(name string, _ workflows.AskStepInput) error {
				if name == tc.at {
					return tc.err
				}
				return nil
			}}
			out, err, _ := playAsk(t, f, workflows.AskInput{}, nil)
			require.NoError(t, err)
			require.Equal(t, tc.code, out.Code)
			require.Equal(t, 1, f.count("AskFail "+tc.code))
			require.Equal(t, "AskForget", f.calls[len(f.calls)-1])
		})
	}
}

func TestAskPassingFailuresAreTriedAgain(t *testing.T) {
	failures := 0
	f := &fakeAsk{says: []workflows.AskStepOutput{final}}
	f.hook = func(name string, _ workflows.AskStepInput) error {
		if name == workflows.ActivityAskModel && failures < 3 {
			failures++
			return temporal.NewApplicationErrorWithOptions("x", workflows.ErrorConnector, temporal.ApplicationErrorOptions{})
		}
		return nil
	}
	out, err, _ := playAsk(t, f, workflows.AskInput{}, nil)
	require.NoError(t, err)
	require.Empty(t, out.Code)
	require.Equal(t, 4, f.count("AskModel"))
}

func TestAskTimeLimit(t *testing.T) {
	f := &fakeAsk{says: []workflows.AskStepOutput{final}}
	f.hook = func(name string, _ workflows.AskStepInput) error {
		if name == workflows.ActivityAskModel {
			return temporal.NewApplicationErrorWithOptions("x", workflows.ErrorConnector, temporal.ApplicationErrorOptions{NextRetryDelay: 10 * time.Second})
		}
		return nil
	}
	out, err, _ := playAsk(t, f, workflows.AskInput{Limit: 15 * time.Second}, nil)
	require.NoError(t, err)
	require.Equal(t, workflows.AskTimeLimit, out.Code)
	require.Equal(t, "AskForget", f.calls[len(f.calls)-1])
}

func TestAskCancelled(t *testing.T) {
	f := &fakeAsk{says: []workflows.AskStepOutput{final}}
	_, err, _ := playAsk(t, f, workflows.AskInput{}, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Second)
	})
	require.Error(t, err)
	require.True(t, temporal.IsCanceledError(err))
	require.Equal(t, 1, f.count("AskForget"))
	require.False(t, slices.ContainsFunc(f.calls, func(c string) bool { return c == "AskFail internal" }))
}
