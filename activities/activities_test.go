package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// compiler gives the same draft for every rule, with a hole for rules whose query says so.
type compiler struct{}

const draft = "FROM logs-* METADATA _id, _index, _version\n| WHERE a == \"1\" AND b == \"2\""

func (*compiler) Compile(_ context.Context, _ string, r migration.OriginalRule) (compile.Output, error) {
	if strings.Contains(r.Query, "panic") {
		panic("index=secret")
	}
	out := compile.Output{Result: migration.Full, Rule: &migration.ElasticRule{Title: r.Title, Query: draft, QueryLanguage: "esql", Index: []string{"logs-*"}}}
	if n := strings.Count(r.Query, "hole"); n > 0 {
		out.Result = migration.Partial
		for i := range n {
			out.Diagnostics = append(out.Diagnostics, migration.Diagnostic{Code: "command_unsupported", Severity: "error", Message: "no counterpart", Start: migration.Position{Line: i + 1, Column: 1}})
		}
	}
	if strings.Contains(r.Query, "nothing") {
		out.Result, out.Rule = migration.Untranslatable, nil
	}
	return out, nil
}

// matcher matches rules whose query says so.
type matcher struct{}

func (matcher) Match(_ context.Context, r migration.OriginalRule, compiled *migration.ElasticRule, _ []migration.Diagnostic) (*migration.Match, []migration.Match, *migration.ElasticRule) {
	near := []migration.Match{{RuleID: "p2", Name: "Other", Score: 1}}
	if !strings.Contains(r.Query, "prebuilt") || compiled == nil {
		return nil, near, nil
	}
	return &migration.Match{RuleID: "p1", Name: "Prebuilt", Score: 2}, near, &migration.ElasticRule{Title: "Prebuilt", Query: "FROM x", PrebuiltRuleID: "p1", Index: []string{"x"}}
}

// model answers from a list and counts.
type model struct {
	mu       sync.Mutex
	answers  []string
	err      error
	requests []llm.Request
}

func (m *model) ID() string   { return "gpt" }
func (m *model) Kind() string { return llm.KindOpenAI }
func (m *model) Generate(_ context.Context, r llm.Request) (llm.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, r)
	if m.err != nil {
		return llm.Response{}, m.err
	}
	text := m.answers[min(len(m.requests), len(m.answers))-1]
	return llm.Response{Text: text, Model: "m", PromptTokens: 5, OutputTokens: 6}, nil
}

type connectors struct {
	gpt    llm.Connector
	budget int
}

func (c connectors) Connector(id string) (llm.Connector, bool) { return c.gpt, id == "gpt" }
func (c connectors) Budget(string) int                         { return c.budget }

// bench is the activities over a real store.
type bench struct {
	t        *testing.T
	env      *testsuite.TestActivityEnvironment
	db       *sqlite.Store
	compiler *compiler
	model    *model
	deps     activities.Deps
}

func newBench(t *testing.T, queries ...string) *bench {
	db, err := sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	var rules []migration.OriginalRule
	for i, q := range queries {
		rules = append(rules, migration.OriginalRule{ID: fmt.Sprint("r", i), Vendor: "splunk", Title: "Rule", Query: q, QueryLanguage: "spl"})
	}
	require.NoError(t, db.CreateMigration(t.Context(), migration.Migration{ID: "m1", State: migration.Ready, Vendor: "splunk"}, rules))
	b := &bench{t: t, db: db, compiler: &compiler{}, model: &model{answers: []string{"{}"}}}
	b.deps = activities.Deps{Migrations: db, Rules: db, Answers: db, Compiler: b.compiler, Matcher: isolate.Local{Matcher: matcher{}}, Known: known{}, Connectors: connectors{gpt: b.model}}
	b.assemble()
	return b
}

func (b *bench) assemble() {
	var suite testsuite.WorkflowTestSuite
	b.env = suite.NewTestActivityEnvironment()
	activities.New(b.deps).Register(registry{b.env})
}

// run executes an activity and decodes its answer.
func run[O any](b *bench, name string, in any) (O, error) {
	var out O
	v, err := b.env.ExecuteActivity(name, in)
	if err == nil && v.HasValue() {
		require.NoError(b.t, v.Get(&out))
	}
	return out, err
}

func must[O any](b *bench, name string, in any) O {
	b.t.Helper()
	out, err := run[O](b, name, in)
	require.NoError(b.t, err)
	return out
}

func typeOf(t *testing.T, err error) string {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	return app.Type()
}

// begin opens a start and claims everything.
func (b *bench) begin(epoch, claim int64) migration.Token {
	b.t.Helper()
	token := migration.Token{Epoch: epoch, Claim: claim}
	out := must[workflows.StateOutput](b, workflows.ActivitySetState, workflows.SetStateInput{MigrationID: "m1", State: migration.Running, Epoch: epoch})
	require.True(b.t, out.Applied)
	must[workflows.StateOutput](b, workflows.ActivityRequeue, workflows.RequeueInput{MigrationID: "m1", Epoch: epoch})
	must[workflows.ClaimOutput](b, workflows.ActivityClaimBatch, workflows.ClaimInput{MigrationID: "m1", Token: token, Limit: 100})
	return token
}

func (b *bench) rule(id string) migration.Rule {
	b.t.Helper()
	r, err := b.db.Rule(b.t.Context(), "m1", id)
	require.NoError(b.t, err)
	return r
}

func on(id string, token migration.Token) workflows.RuleInput {
	return workflows.RuleInput{MigrationID: "m1", RuleID: id, Token: token}
}

// TestTwiceAndLate runs every writing activity twice, which is once, and late, which is not at all.
func TestTwiceAndLate(t *testing.T) {
	filled := answer(draft+" AND c == \"3\"", []int{1}, nil)
	for _, tc := range []struct {
		name  string
		query string
		// prepare runs before the activity under test; in is its input.
		prepare func(b *bench, token migration.Token)
		in      func(b *bench, token migration.Token) any
		status  migration.Status // after it
	}{
		{name: workflows.ActivityMatch, query: "prebuilt", in: func(_ *bench, token migration.Token) any { return on("r0", token) }, status: migration.StatusProcessing},
		{name: workflows.ActivityTranslate, query: "x", in: func(_ *bench, token migration.Token) any {
			return workflows.TranslateInput{RuleInput: on("r0", token)}
		}, status: migration.StatusFinished},
		{name: workflows.ActivityTranslate, query: "hole", in: func(_ *bench, token migration.Token) any {
			return workflows.TranslateInput{RuleInput: on("r0", token), LeaveHoles: true}
		}, status: migration.StatusProcessing},
		{name: workflows.ActivityFail, query: "x", in: func(_ *bench, token migration.Token) any {
			return workflows.FailInput{RuleInput: on("r0", token), Code: "too_deep", Step: workflows.ActivityTranslate}
		}, status: migration.StatusError},
		{name: workflows.ActivityCheckDraft, query: "hole", prepare: func(b *bench, token migration.Token) {
			must[workflows.TranslateOutput](b, workflows.ActivityTranslate, workflows.TranslateInput{RuleInput: on("r0", token), LeaveHoles: true})
			require.NoError(b.t, b.db.SaveAnswer(b.t.Context(), "m1", "k", store.Answer{Text: filled, ConnectorID: "gpt"}))
		}, in: func(_ *bench, token migration.Token) any {
			return workflows.CheckInput{RuleInput: on("r0", token), Key: "k", Round: 1}
		}, status: migration.StatusFinished},
	} {
		t.Run(tc.name+"/"+tc.query, func(t *testing.T) {
			b := newBench(t, tc.query)
			token := b.begin(1, 1)
			if tc.prepare != nil {
				tc.prepare(b, token)
			}
			first := must[map[string]any](b, tc.name, tc.in(b, token))
			once := b.rule("r0")
			require.Equal(t, tc.status, once.Status)
			require.Equal(t, first, must[map[string]any](b, tc.name, tc.in(b, token)), "the same answer")
			require.Equal(t, once, b.rule("r0"), "twice is once")
			require.NotEmpty(t, once.History)

			// The migration was stopped and started again: what the old claim does now changes nothing and says so.
			late := newBench(t, tc.query)
			old := late.begin(1, 1)
			if tc.prepare != nil {
				tc.prepare(late, old)
			}
			must[workflows.StateOutput](late, workflows.ActivityRelease, workflows.ReleaseInput{MigrationID: "m1", Epoch: 1})
			released := late.rule("r0")
			_, err := run[any](late, tc.name, tc.in(late, old))
			require.Equal(t, workflows.ErrorFenced, typeOf(t, err))
			require.Equal(t, released, late.rule("r0"))
			late.begin(2, 1)
			reclaimed := late.rule("r0")
			_, err = run[any](late, tc.name, tc.in(late, old))
			require.Equal(t, workflows.ErrorFenced, typeOf(t, err))
			require.Equal(t, reclaimed, late.rule("r0"))

			// The rule was deleted: it does not come back.
			require.NoError(t, late.db.DeleteRule(t.Context(), "m1", "r0"))
			_, err = run[any](late, tc.name, tc.in(late, old))
			require.Equal(t, workflows.ErrorNotFound, typeOf(t, err))
			_, err = late.db.Rule(t.Context(), "m1", "r0")
			require.ErrorIs(t, err, store.ErrNotFound)
			require.NoError(t, late.db.MarkDeleted(t.Context(), "m1"))
			_, err = run[any](late, tc.name, tc.in(late, old))
			require.Equal(t, workflows.ErrorGone, typeOf(t, err))
		})
	}
}

func TestMigrationActivitiesTwiceAndLate(t *testing.T) {
	b := newBench(t, "x", "x", "x")
	set := func(state migration.State, epoch int64) workflows.StateOutput {
		return must[workflows.StateOutput](b, workflows.ActivitySetState, workflows.SetStateInput{MigrationID: "m1", State: state, Epoch: epoch, ParkReason: "p"})
	}
	require.True(t, set(migration.Running, 1).Applied)
	require.True(t, set(migration.Running, 1).Applied)

	token := migration.Token{Epoch: 1, Claim: 1}
	claim := workflows.ClaimInput{MigrationID: "m1", Token: token, Limit: 2}
	first := must[workflows.ClaimOutput](b, workflows.ActivityClaimBatch, claim)
	require.Equal(t, []string{"r0", "r1"}, first.RuleIDs)
	again := must[workflows.ClaimOutput](b, workflows.ActivityClaimBatch, claim)
	require.Equal(t, first.RuleIDs, again.RuleIDs)
	require.Equal(t, migration.Counts{Total: 3, Pending: 1, Processing: 2}, again.Counts)

	requeue := workflows.RequeueInput{MigrationID: "m1", Epoch: 1}
	require.Equal(t, 2, must[workflows.StateOutput](b, workflows.ActivityRequeue, requeue).Counts.Processing, "its own claims stay")

	release := workflows.ReleaseInput{MigrationID: "m1", Epoch: 1, RuleIDs: []string{"r0"}}
	for range 2 {
		require.Equal(t, migration.Counts{Total: 3, Pending: 2, Processing: 1}, must[workflows.StateOutput](b, workflows.ActivityRelease, release).Counts)
	}
	require.True(t, set(migration.Stopped, 1).Applied)
	out := set(migration.Running, 1)
	require.False(t, out.Applied, "a late repetition of the start does not undo the stop")
	require.Equal(t, migration.Stopped, out.State)

	require.True(t, set(migration.Running, 2).Applied)
	out = set(migration.Stopped, 1)
	require.False(t, out.Applied)
	require.Equal(t, int64(2), out.Epoch)
	require.Equal(t, migration.Running, out.State)
	requeue.Epoch = 2
	require.Equal(t, 3, must[workflows.StateOutput](b, workflows.ActivityRequeue, requeue).Counts.Pending)
	_, err := run[any](b, workflows.ActivityClaimBatch, claim)
	require.Equal(t, workflows.ErrorFenced, typeOf(t, err))

	require.NoError(t, b.db.MarkDeleted(t.Context(), "m1"))
	_, err = run[any](b, workflows.ActivitySetState, workflows.SetStateInput{MigrationID: "m1", State: migration.Finished, Epoch: 2})
	require.Equal(t, workflows.ErrorGone, typeOf(t, err))
}

func TestMatchKeepsTheDraftBeside(t *testing.T) {
	b := newBench(t, "prebuilt hole")
	token := b.begin(1, 1)
	require.Equal(t, workflows.MatchOutput{Matched: true, Near: 1}, must[workflows.MatchOutput](b, workflows.ActivityMatch, on("r0", token)))
	out := must[workflows.TranslateOutput](b, workflows.ActivityTranslate, workflows.TranslateInput{RuleInput: on("r0", token), LeaveHoles: true})
	require.Equal(t, workflows.TranslateOutput{Finished: true, Result: migration.Partial, Holes: 1}, out)
	r := b.rule("r0")
	require.Equal(t, "p1", r.Matched.RuleID)
	require.Equal(t, "p1", r.Elastic.PrebuiltRuleID)
	require.Equal(t, draft, r.Compiled.Query)
	require.Equal(t, migration.Partial, r.Result)
	require.Equal(t, migration.VerificationNotRun, r.Verification)
}

func TestMatchIsForgottenWhenTheCatalogueChanges(t *testing.T) {
	b := newBench(t, "prebuilt")
	token := b.begin(1, 1)
	must[workflows.MatchOutput](b, workflows.ActivityMatch, on("r0", token))
	must[workflows.StateOutput](b, workflows.ActivityRelease, workflows.ReleaseInput{MigrationID: "m1", Epoch: 1})
	require.NotNil(t, b.rule("r0").Matched, "recorded steps stay")
	b.deps.Matcher = isolate.Local{Matcher: noMatch{}}
	b.assemble()
	token = b.begin(2, 1)
	must[workflows.MatchOutput](b, workflows.ActivityMatch, on("r0", token))
	must[workflows.TranslateOutput](b, workflows.ActivityTranslate, workflows.TranslateInput{RuleInput: on("r0", token)})
	r := b.rule("r0")
	require.Nil(t, r.Matched)
	require.Empty(t, r.Near)
	require.Equal(t, draft, r.Elastic.Query)
	require.Nil(t, r.Compiled)
}

type noMatch struct{}

func (noMatch) Match(context.Context, migration.OriginalRule, *migration.ElasticRule, []migration.Diagnostic) (*migration.Match, []migration.Match, *migration.ElasticRule) {
	return nil, nil, nil
}

func TestPanicFailsTheRule(t *testing.T) {
	b := newBench(t, "panic")
	token := b.begin(1, 1)
	_, err := run[any](b, workflows.ActivityTranslate, workflows.TranslateInput{RuleInput: on("r0", token)})
	require.Equal(t, workflows.ErrorRule, typeOf(t, err))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	var code string
	require.NoError(t, app.Details(&code))
	require.Equal(t, workflows.CodeInternal, code)
	require.NotContains(t, err.Error(), "secret", "histories carry no rule text")
}

// TestUnreadableRuleFails: a rule whose document cannot be decoded fails for good, with its code, and can be marked.
func TestUnreadableRuleFails(t *testing.T) {
	b := newBench(t, "x")
	token := b.begin(1, 1)
	b.deps.Rules = unreadableRules{b.db}
	b.assemble()
	_, err := run[any](b, workflows.ActivityTranslate, workflows.TranslateInput{RuleInput: on("r0", token)})
	require.Equal(t, workflows.ErrorRule, typeOf(t, err))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	var code string
	require.NoError(t, app.Details(&code))
	require.Equal(t, workflows.CodeUnreadable, code)
}

type unreadableRules struct{ activities.Rules }

func (unreadableRules) Rule(context.Context, string, string) (migration.Rule, error) {
	return migration.Rule{}, fmt.Errorf("rule r0: %w", store.ErrUnreadable)
}

func TestStoreFailuresAreTransient(t *testing.T) {
	b := newBench(t, "x")
	token := b.begin(1, 1)
	b.deps.Rules = brokenRules{b.db}
	b.assemble()
	_, err := run[any](b, workflows.ActivityTranslate, workflows.TranslateInput{RuleInput: on("r0", token)})
	require.Equal(t, workflows.ErrorStore, typeOf(t, err))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable())
	require.NotContains(t, err.Error(), "index=secret")
}

type brokenRules struct{ activities.Rules }

func (brokenRules) Record(context.Context, string, string, migration.Token, func(*migration.Rule)) error {
	return fmt.Errorf("insert index=secret: %w", store.ErrUnavailable)
}

// answer is a filling in JSON; holes that are neither filled nor open are left out.
func answer(query string, filled, open []int) string {
	type entry map[string]any
	f := map[string]any{"query": query}
	fs, os := []entry{}, []entry{}
	for _, h := range filled {
		fs = append(fs, entry{"hole": h, "how": "by magic."})
	}
	for _, h := range open {
		os = append(os, entry{"hole": h, "why": "unsure"})
	}
	f["filled"], f["open"] = fs, os
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// ask runs the rounds of a rule with holes as the workflow does.
func ask(b *bench, token migration.Token) (check workflows.CheckOutput, keys []string) {
	b.t.Helper()
	in := on("r0", token)
	must[workflows.TranslateOutput](b, workflows.ActivityTranslate, workflows.TranslateInput{RuleInput: in, LeaveHoles: true})
	previous := ""
	for round := 1; round <= 3 && !check.Finished; round++ {
		call := workflows.CallInput{RuleInput: in, ConnectorID: "gpt", Mode: workflows.ModeModel, Round: round, Previous: previous}
		out := must[workflows.CallOutput](b, workflows.ActivityCallModel, call)
		require.Equal(b.t, out.Key, must[workflows.CallOutput](b, workflows.ActivityCallModel, call).Key)
		previous = out.Key
		keys = append(keys, out.Key)
		check = must[workflows.CheckOutput](b, workflows.ActivityCheckDraft, workflows.CheckInput{RuleInput: in, Key: out.Key, Round: round, Last: round == 3})
	}
	return check, keys
}

func TestModelFillsHoles(t *testing.T) {
	b := newBench(t, "hole hole")
	b.model.answers = []string{"I cannot", answer(draft+"\n| WHERE c == \"3\"", []int{1}, []int{2})}
	check, keys := ask(b, b.begin(1, 1))
	require.Equal(t, workflows.CheckOutput{Finished: true, Result: migration.Partial, Holes: 1}, check)
	require.Len(t, keys, 2)
	require.Len(t, b.model.requests, 2, "a recorded answer is never asked for again")
	require.Len(t, b.model.requests[1].Messages, 4, "the second round shows the first answer and what was wrong with it")
	require.NotNil(t, b.model.requests[0].Schema)
	r := b.rule("r0")
	require.Equal(t, migration.StatusFinished, r.Status)
	require.Contains(t, r.Elastic.Query, `c == "3"`)
	require.Equal(t, activities.CodeModelFilled, r.Diagnostics[0].Code)
	require.Equal(t, "approximation", r.Diagnostics[0].Severity)
	require.Contains(t, r.Diagnostics[0].Message, "the model gpt filled this hole: by magic")
	require.Equal(t, "error", r.Diagnostics[1].Severity)
	require.Contains(t, r.Comments[0].Message, "hole 2")
	attempts, answers, err := b.db.CallStats(t.Context(), "m1")
	require.NoError(t, err)
	require.Equal(t, []int{2, 2}, []int{attempts, answers})
	for _, key := range keys {
		require.NotContains(t, key, "hole hole")
	}
}

func TestModelNeverMakesFull(t *testing.T) {
	b := newBench(t, "hole")
	b.model.answers = []string{answer(draft+" AND c == \"3\"", []int{1}, nil)}
	check, _ := ask(b, b.begin(1, 1))
	require.Equal(t, migration.Partial, check.Result)
	require.Zero(t, check.Holes)

	b = newBench(t, "hole nothing")
	b.model.answers = []string{answer("FROM logs-a METADATA _id, _index, _version | WHERE x == 1", []int{1}, nil)}
	check, _ = ask(b, b.begin(1, 1))
	require.Equal(t, migration.Partial, check.Result)
	require.Equal(t, []string{"logs-a"}, b.rule("r0").Elastic.Index)
}

func TestUnusableAnswersLeaveTheDraft(t *testing.T) {
	for name, text := range map[string]string{
		"no json":             "sorry",
		"no esql":             answer("SELECT * FROM x", []int{1}, nil),
		"other data":          answer(strings.Replace(draft, "logs-*", "metrics-*", 1), []int{1}, nil),
		"condition lost":      answer("FROM logs-* METADATA _id, _index, _version | WHERE a == \"1\"", []int{1}, nil),
		"metadata lost":       answer(strings.Replace(draft, " METADATA _id, _index, _version", "", 1), []int{1}, nil),
		"hole twice":          answer(draft, []int{1}, []int{1}),
		"hole missing":        answer(draft, nil, nil),
		"hole unknown":        answer(draft, []int{1, 7}, nil),
		"changed in silence":  answer(draft+" AND c == \"3\"", nil, []int{1}),
		"no such function":    answer(draft+" AND NOSUCH(c) == 1", []int{1}, nil),
		"type error":          answer(draft+" AND LENGTH(5) == 1", []int{1}, nil),
		"not from":            answer("ROW a = 1", []int{1}, nil),
		"condition weakened":  answer(strings.Replace(draft, "AND", "OR", 1), []int{1}, nil),
		"instruction in spl":  `{"query":"hello"}`,
		"empty query":         `{"query":""}`,
		"condition commented": answer("FROM logs-* METADATA _id, _index, _version | WHERE a == \"1\" // AND b == \"2\"", []int{1}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "hole")
			b.model.answers = []string{text}
			check, keys := ask(b, b.begin(1, 1))
			require.Len(t, keys, 3)
			require.True(t, check.Finished)
			require.Positive(t, check.Problems)
			r := b.rule("r0")
			require.Equal(t, draft, r.Elastic.Query)
			require.Equal(t, migration.Partial, r.Result)
			require.Equal(t, activities.CodeModelUnusable, r.Diagnostics[1].Code)
			require.Equal(t, "error", r.Diagnostics[0].Severity)
		})
	}
}

func TestModelLeavesEverythingOpen(t *testing.T) {
	b := newBench(t, "hole")
	b.model.answers = []string{answer(draft, nil, []int{1})}
	check, keys := ask(b, b.begin(1, 1))
	require.Equal(t, workflows.CheckOutput{Finished: true, Result: migration.Partial, Holes: 1}, check)
	require.Len(t, keys, 1)
	require.Equal(t, draft, b.rule("r0").Elastic.Query)
}

func TestAnswerSurvivesAStop(t *testing.T) {
	b := newBench(t, "x")
	token := b.begin(1, 1)
	call := workflows.CallInput{RuleInput: on("r0", token), ConnectorID: "gpt", Mode: workflows.ModeSimulated, Round: 1}
	out := must[workflows.CallOutput](b, workflows.ActivityCallModel, call)
	require.Equal(t, llm.SimulatedKey("r0"), out.Key)
	must[workflows.StateOutput](b, workflows.ActivityRelease, workflows.ReleaseInput{MigrationID: "m1", Epoch: 1})
	_, err := run[any](b, workflows.ActivityCallModel, call)
	require.Equal(t, workflows.ErrorFenced, typeOf(t, err), "a late attempt does not ask")
	call.Token = b.begin(2, 1)
	must[workflows.CallOutput](b, workflows.ActivityCallModel, call)
	require.Len(t, b.model.requests, 1)
}

func TestModelFailures(t *testing.T) {
	for _, tc := range []struct {
		err       error
		connector string
		want      string
		retryable bool
	}{
		{&llm.Error{Reason: llm.Transient}, "gpt", workflows.ErrorConnector, true},
		{&llm.Error{Reason: llm.RateLimited, RetryAfter: 3 * time.Second}, "gpt", workflows.ErrorConnector, true},
		{&llm.Error{Reason: llm.Credential}, "gpt", workflows.ErrorCredential, false},
		{&llm.Error{Reason: llm.Settings}, "gpt", workflows.ErrorSettings, false},
		{&llm.Error{Reason: llm.Quota}, "gpt", workflows.ErrorBudget, false},
		{fmt.Errorf("wrapped: %w", &llm.Error{Reason: llm.Refused}), "gpt", workflows.ErrorRule, false},
		{nil, "other", workflows.ErrorUnknownConnector, false},
		{errors.New("strange"), "gpt", workflows.ErrorStore, true},
	} {
		b := newBench(t, "x")
		b.model.err = tc.err
		token := b.begin(1, 1)
		_, err := run[any](b, workflows.ActivityCallModel, workflows.CallInput{RuleInput: on("r0", token), ConnectorID: tc.connector, Mode: workflows.ModeSimulated, Round: 1})
		require.Equal(t, tc.want, typeOf(t, err))
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, tc.retryable, !app.NonRetryable())
		var model *llm.Error
		if errors.As(tc.err, &model) {
			require.Equal(t, model.RetryAfter, app.NextRetryDelay())
		}
	}
}

func TestBudget(t *testing.T) {
	b := newBench(t, "x", "x", "x")
	b.deps.Connectors = connectors{gpt: b.model, budget: 2}
	b.assemble()
	token := b.begin(1, 1)
	call := func(id string) error {
		_, err := run[any](b, workflows.ActivityCallModel, workflows.CallInput{RuleInput: on(id, token), ConnectorID: "gpt", Mode: workflows.ModeSimulated, Round: 1})
		return err
	}
	require.NoError(t, call("r0"))
	require.NoError(t, call("r1"))
	require.Equal(t, workflows.ErrorBudget, typeOf(t, call("r2")))
	require.NoError(t, call("r0"), "a recorded answer costs nothing")
}
