package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// askModel says one thing after another, or fails.
type askModel struct {
	says  []string
	err   error
	panic any
	calls int
}

func (m *askModel) Generate(context.Context, assistant.ModelRequest) (assistant.ModelReply, error) {
	m.calls++
	if m.panic != nil {
		panic(m.panic)
	}
	return assistant.ModelReply{Text: m.says[min(m.calls, len(m.says))-1]}, m.err
}

type askBench struct {
	t     *testing.T
	env   *testsuite.TestActivityEnvironment
	store *sqlite.Assistant
	core  *assistant.Core
	model *askModel
	logs  *observer.ObservedLogs
}

const askID = "q-1"

func newAskBench(t *testing.T, m *askModel) *askBench {
	t.Helper()
	db, err := sqlite.OpenAssistant(t.Context(), sqlite.Memory, sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	_, _, err = db.ImportAlerts(t.Context(), []assistant.Alert{{ID: "al-1", Index: ".alerts-security.alerts-default", Source: map[string]any{
		"@timestamp": "2026-05-04T10:00:00Z", "kibana.alert.severity": "high", "kibana.alert.risk_score": json.Number("73"), "host.name": "PAY-DB-07",
	}}})
	require.NoError(t, err)
	require.NoError(t, db.CreateConversation(t.Context(), assistant.Conversation{ID: "c1", Owner: "ana", CreatedAt: now, UpdatedAt: now}))
	b := &askBench{t: t, store: db, model: m}
	b.core = assistant.New(assistant.Deps{Alerts: db, Questions: db, Conversations: db, Now: func() time.Time { return now },
		Model: func(string) (assistant.Model, bool) { return m, true }})
	var suite testsuite.WorkflowTestSuite
	b.env = suite.NewTestActivityEnvironment()
	core, logs := observer.New(zap.DebugLevel)
	b.logs = logs
	activities.NewAsk(b.core, zap.New(core)).Register(registry{b.env})
	require.NoError(t, b.core.Create(t.Context(), assistant.Question{ID: askID, Owner: "ana", ConnectorID: "gpt", ConversationID: "c1", Alerts: true, Size: 20,
		Index: []string{".alerts-security.alerts-default"}, Messages: []assistant.Message{{Role: "user", Content: "What is on PAY-DB-07?"}}}))
	return b
}

func (b *askBench) run(name string, in workflows.AskStepInput) (workflows.AskStepOutput, error) {
	b.t.Helper()
	in.QuestionID = askID
	var out workflows.AskStepOutput
	v, err := b.env.ExecuteActivity(name, in)
	if err == nil && v.HasValue() {
		require.NoError(b.t, v.Get(&out))
	}
	return out, err
}

func TestAskActivitiesTwiceAndLate(t *testing.T) {
	b := newAskBench(t, &askModel{says: []string{`{"action":"tool","tool":"open-alerts"}`, `{"action":"answer","answer":"One."}`, "never said"}})
	for _, s := range []struct {
		name string
		in   workflows.AskStepInput
		want workflows.AskStepOutput
	}{
		{workflows.ActivityAskPrepare, workflows.AskStepInput{}, workflows.AskStepOutput{}},
		{workflows.ActivityAskModel, workflows.AskStepInput{Step: 1}, workflows.AskStepOutput{Tool: "open-alerts"}},
		{workflows.ActivityAskTool, workflows.AskStepInput{Step: 1}, workflows.AskStepOutput{}},
		{workflows.ActivityAskModel, workflows.AskStepInput{Step: 2}, workflows.AskStepOutput{Final: true}},
		{workflows.ActivityAskConclude, workflows.AskStepInput{}, workflows.AskStepOutput{}},
	} {
		for range 2 {
			out, err := b.run(s.name, s.in)
			require.NoError(t, err, s.name)
			require.Equal(t, s.want, out, s.name)
		}
	}
	require.Equal(t, 2, b.model.calls, "a recorded answer is never asked for again")
	first, err := b.core.Answer(t.Context(), askID)
	require.NoError(t, err)
	require.Equal(t, "One.", first.Text)
	messages, err := b.store.Messages(t.Context(), "ana", "c1", 0)
	require.NoError(t, err)
	require.Len(t, messages, 2, "an exchange is saved once")
	require.NotContains(t, messages[0].Content, "PAY-DB-07", "what is saved has tokens")

	// A late failure does not replace the answer.
	_, err = b.run(workflows.ActivityAskFail, workflows.AskStepInput{Code: workflows.AskTimeLimit})
	require.NoError(t, err)
	again, err := b.core.Answer(t.Context(), askID)
	require.NoError(t, err)
	require.Equal(t, first, again)

	for range 2 {
		_, err = b.run(workflows.ActivityAskForget, workflows.AskStepInput{})
		require.NoError(t, err)
	}
	// What comes after the end writes nothing.
	for _, name := range []string{workflows.ActivityAskPrepare, workflows.ActivityAskModel, workflows.ActivityAskTool, workflows.ActivityAskConclude} {
		_, err = b.run(name, workflows.AskStepInput{Step: 1})
		require.Error(t, err, name)
	}
	_, err = b.run(workflows.ActivityAskFail, workflows.AskStepInput{Code: workflows.AskTimeLimit})
	require.NoError(t, err)
	_, err = b.core.Answer(t.Context(), askID)
	require.ErrorIs(t, err, assistant.ErrNotFound)
}

func TestAskActivityErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		model *askModel
		typ   string
		code  string
		retry bool
	}{
		"transient":  {&askModel{says: []string{""}, err: &llm.Error{Reason: llm.Transient}}, workflows.ErrorConnector, "", true},
		"long pause": {&askModel{says: []string{""}, err: &llm.Error{Reason: llm.RateLimited, RetryAfter: time.Hour}}, workflows.ErrorAsk, workflows.AskRateLimited, false},
		"credential": {&askModel{says: []string{""}, err: &llm.Error{Reason: llm.Credential}}, workflows.ErrorAsk, workflows.AskCredential, false},
		"settings":   {&askModel{says: []string{""}, err: &llm.Error{Reason: llm.Settings}}, workflows.ErrorAsk, workflows.AskCredential, false},
		"quota":      {&askModel{says: []string{""}, err: &llm.Error{Reason: llm.Quota}}, workflows.ErrorAsk, workflows.AskQuota, false},
		"refused":    {&askModel{says: []string{""}, err: &llm.Error{Reason: llm.Refused}}, workflows.ErrorAsk, workflows.AskRefused, false},
		"panic":      {&askModel{panic: "PAY-DB-07"}, workflows.ErrorAsk, workflows.AskInternal, false},
		"other":      {&askModel{says: []string{""}, err: errors.New("the store is gone")}, workflows.ErrorStore, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newAskBench(t, tc.model)
			_, err := b.run(workflows.ActivityAskPrepare, workflows.AskStepInput{})
			require.NoError(t, err)
			_, err = b.run(workflows.ActivityAskModel, workflows.AskStepInput{Step: 1})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, tc.typ, app.Type())
			require.Equal(t, !tc.retry, app.NonRetryable())
			if tc.code != "" {
				var code string
				require.NoError(t, app.Details(&code))
				require.Equal(t, tc.code, code)
			}
			for _, entry := range b.logs.All() {
				if line := entry.Message + fmt.Sprint(entry.ContextMap()); strings.Contains(line, "PAY-DB-07") {
					t.Errorf("the log holds content: %s", line)
				}
			}
			require.NotContains(t, err.Error(), "PAY-DB-07")
		})
	}
}
