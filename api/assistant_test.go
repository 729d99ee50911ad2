package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// fakeQuestions takes the steps of a question as its workflow does, in this process.
type fakeQuestions struct {
	core *assistant.Core
	// hold, when set, is waited for before the steps are taken.
	hold chan struct{}
	err  error

	mu        sync.Mutex
	asked     []workflows.AskInput
	delivered []string
	cancelled []string
}

func (f *fakeQuestions) Ask(_ context.Context, in workflows.AskInput) error {
	f.mu.Lock()
	f.asked = append(f.asked, in)
	f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	go func() {
		ctx := context.Background()
		if f.hold != nil {
			<-f.hold
		}
		if code := f.steps(ctx, in.QuestionID); code != "" {
			_ = f.core.Fail(ctx, in.QuestionID, code)
		}
	}()
	return nil
}

func (f *fakeQuestions) steps(ctx context.Context, id string) string {
	err := f.core.Prepare(ctx, id)
	for step := 1; err == nil && step <= 8; step++ {
		var d assistant.Decision
		if d, err = f.core.Decide(ctx, id, step); err != nil || d.Final {
			break
		}
		if d.Tool != "" {
			err = f.core.Act(ctx, id, step)
		}
	}
	if err == nil {
		err = f.core.Conclude(ctx, id)
	}
	var fault *assistant.Fault
	switch {
	case errors.As(err, &fault):
		return fault.Code
	case err != nil:
		return workflows.AskUnavailable
	}
	return ""
}

func (f *fakeQuestions) Delivered(ctx context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delivered = append(f.delivered, id)
	return f.core.Forget(ctx, id)
}

func (f *fakeQuestions) Cancel(ctx context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancelled = append(f.cancelled, id)
	return f.core.Forget(ctx, id)
}

// says is a model that says one thing after another, and keeps what it was sent.
type says struct {
	mu   sync.Mutex
	list []string
	sent []string
}

func (m *says) Generate(_ context.Context, r assistant.ModelRequest) (assistant.ModelReply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range r.Messages {
		m.sent = append(m.sent, x.Content)
	}
	text := m.list[0]
	if len(m.list) > 1 {
		m.list = m.list[1:]
	}
	return assistant.ModelReply{Text: text}, nil
}

type assistantBench struct {
	*bench
	store     *sqlite.Assistant
	questions *fakeQuestions
	model     *says
}

var assistantNow = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func newAssistantBench(t *testing.T, change ...func(*Deps)) *assistantBench {
	t.Helper()
	db, err := sqlite.OpenAssistant(t.Context(), sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	alerts := []assistant.Alert{}
	for i := range 3 {
		alerts = append(alerts, assistant.Alert{ID: fmt.Sprintf("al-%d", i+1), Index: ".alerts-security.alerts-default", Source: map[string]any{
			"@timestamp": "2026-05-04T10:12:00Z", "kibana.alert.workflow_status": "open", "kibana.alert.severity": "high",
			"kibana.alert.risk_score": json.Number("73"), "host": map[string]any{"name": fmt.Sprintf("PAY-DB-0%d", i+1), "os": map[string]any{"type": "windows"}},
			"user.name": "m.oduya", "kibana.alert.rule.name": fmt.Sprintf("Logon by m.oduya on pay-db-0%d", i+1),
		}})
	}
	if _, _, err := db.ImportAlerts(t.Context(), alerts); err != nil {
		t.Fatal(err)
	}
	m := &says{list: []string{`{"action":"answer","answer":"ok"}`}}
	core := assistant.New(assistant.Deps{Alerts: db, FieldSettings: db, Conversations: db, Questions: db,
		Now: func() time.Time { return assistantNow }, Model: func(id string) (assistant.Model, bool) {
			if id == config.DeterministicID {
				return nil, true
			}
			return m, id == "gpt"
		}})
	f := &fakeQuestions{core: core}
	b := newBench(t, append([]func(*Deps){func(d *Deps) {
		d.Assistant = &Assistant{Core: core, Workflows: f, Conversations: db, Fields: db}
		d.Now = func() time.Time { return assistantNow }
	}}, change...)...)
	return &assistantBench{b, db, f, m}
}

const askPath = AssistantPath + "/actions/connector/%s/_execute"

func (b *assistantBench) ask(connector, question, more string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	text, _ := json.Marshal(question)
	body := fmt.Sprintf(`{"params":{"subActionParams":{"messages":[{"role":"user","content":%s}]},"subAction":"invokeAI"},"isEnabledRAGAlerts":true,"alertsIndexPattern":".alerts-security.alerts-default"%s}`, text, more)
	return b.do("POST", fmt.Sprintf(askPath, connector), body, headers...)
}

func decodeAnswer(t *testing.T, w *httptest.ResponseRecorder) executeAnswer {
	t.Helper()
	var a executeAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return a
}

func TestExecuteDeterministic(t *testing.T) {
	b := newAssistantBench(t)
	for question, want := range map[string]string{
		"How many alerts are currently open?":                                        "3 alerts open in the last 24 hours (3 high)",
		"Which alerts should I look at first?":                                       "PAY-DB-01",
		"Did we have any alerts with suspicious activity on Windows machines?":       "3 alerts on Windows in the last 168 hours",
		"Did we have any alerts on PAY-DB-02?":                                       "1 alert on PAY-DB-02",
		"Any alerts for user m.oduya on pay-db-03.corp.example in the last 2 hours?": "1 alert on pay-db-03.corp.example by m.oduya",
		"Who wrote this?": "It can answer",
	} {
		w := b.ask("deterministic", question, "")
		b.want(w, 200)
		if a := decodeAnswer(t, w); !strings.Contains(a.Data, want) || a.Status != "ok" || a.ConnectorID != "deterministic" {
			t.Errorf("%s: %s", question, w.Body)
		}
	}
	if n := len(b.questions.asked); n != 6 || len(b.questions.delivered) != 6 || b.questions.asked[0].Mode != workflows.ModeDeterministic {
		t.Errorf("%d questions, delivered %v", n, b.questions.delivered)
	}
	if left, err := b.store.StaleQuestions(t.Context(), assistantNow.Add(time.Hour)); err != nil || len(left) > 0 {
		t.Errorf("questions left in the store: %v, %v", left, err)
	}
}

func TestExecuteWithAModelAccumulatesReplacements(t *testing.T) {
	b := newAssistantBench(t)
	b.model.list = []string{`{"action":"tool","tool":"open-alerts","arguments":{}}`, `{"action":"answer","answer":"Three."}`}
	first := decodeAnswer(t, b.ask("gpt", "What is on PAY-DB-01?", ""))
	if len(first.Replacements) < 5 {
		t.Fatalf("replacements %v", first.Replacements)
	}
	for _, sent := range b.model.sent {
		if low := strings.ToLower(sent); strings.Contains(low, "pay-db") || strings.Contains(low, "oduya") {
			t.Errorf("sent: %s", sent)
		}
	}
	raw, _ := json.Marshal(first.Replacements)
	second := decodeAnswer(t, b.ask("gpt", "And PAY-DB-02?", `,"replacements":`+string(raw)))
	for token, value := range first.Replacements {
		if second.Replacements[token] != value {
			t.Errorf("%s was %s, is %q", token, value, second.Replacements[token])
		}
	}
}

func TestExecuteStream(t *testing.T) {
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.PlainBodyDecoder)
	b := newAssistantBench(t)
	w := b.ask("deterministic", "Which alerts should I look at first?", "", "Accept: text/event-stream")
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	var text strings.Builder
	var done executeAnswer
	pieces := 0
	for event := range strings.SplitSeq(strings.TrimSpace(w.Body.String()), "\n\n") {
		name, data, _ := strings.Cut(event, "\ndata: ")
		switch name {
		case "event: content":
			var piece struct{ Type, Payload string }
			if err := json.Unmarshal([]byte(data), &piece); err != nil || piece.Type != "content" {
				t.Fatalf("%v: %s", err, event)
			}
			text.WriteString(piece.Payload)
			pieces++
		case "event: done":
			if err := json.Unmarshal([]byte(data), &done); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("event %q", name)
		}
	}
	if text.String() != done.Data || pieces < 3 || !strings.Contains(done.Data, "PAY-DB-01") {
		t.Errorf("%d pieces give %q, want %q", pieces, text.String(), done.Data)
	}
	for token := range done.Replacements {
		if strings.Contains(text.String(), token) {
			t.Errorf("token %s was not restored", token)
		}
	}
}

func TestExecuteRefusesAndNames(t *testing.T) {
	b := newAssistantBench(t)
	for _, tc := range []struct {
		connector, more string
		code            int
		part            string
	}{
		{"nope", "", 400, `"nope\" is not declared`},
		{"gpt", `,"size":9`, 400, "size"},
		{"gpt", `,"size":101`, 400, "size"},
		{"gpt", `,"size":"20"`, 400, "size"},
		{"gpt", `,"isEnabledKnowledgeBase":"yes"`, 400, "isEnabledKnowledgeBase"},
		{"gpt", `,"allow":["a b"]`, 400, "allow[0]"},
		{"gpt", `,"allow":"x"`, 400, "allow"},
		{"gpt", `,"allow":["*"]`, 400, "allow[0]"},
		{"gpt", `,"allowReplacement":["host.*"]`, 400, "not a pattern"},
		{"gpt", `,"allowReplacement":[1]`, 400, "allowReplacement[0]"},
		{"gpt", `,"replacements":{"it":"a"}`, 400, `replacements: \"it\" is no token`},
		{"gpt", `,"replacements":["a"]`, 400, "replacements"},
		{"gpt", `,"conversationId":"../x"`, 400, "conversationId"},
		{"gpt", `,"conversationId":"unknown"`, 400, "conversationId"},
		{"gpt", `,"subAction":"run"`, 400, "subAction"},
		{"gpt", `,"trace":1`, 400, "trace"},
	} {
		w := b.ask(tc.connector, "How many?", tc.more)
		b.want(w, tc.code, tc.part)
	}
	for body, part := range map[string]string{
		``: "empty", `[]`: "object", `{}`: "params", `{"params":{}}`: "messages", `{"params":{"subActionParams":{"messages":[]}}}`: "messages",
		`{"params":{"subActionParams":{"messages":[{"role":"bot","content":"x"}]}}}`:                          "messages[0].role",
		`{"params":{"subActionParams":{"messages":[{"role":"assistant","content":"x"}]}}}`:                    "last message",
		`{"params":{"subActionParams":{"messages":[{"role":"user","content":"x"}],"n":2}}}`:                   "subActionParams.n",
		`{"params":{"subActionParams":{"messages":[{"role":"user","content":"x"}],"temperature":3}}}`:         "temperature",
		`{"params":{"subActionParams":{"messages":[{"role":"user","content":"x"}],"stop":["","","","",""]}}}`: "stop",
		`{"params":{"subActionParams":{"messages":[{"role":"user","content":"x"}],"stop":""}}}`:               "empty text",
		`{"params":{"subActionParams":{"messages":[{"role":"user","content":5}]}}}`:                           "messages[0].content",
	} {
		b.want(b.do("POST", fmt.Sprintf(askPath, "gpt"), body), 400, part)
	}
	for _, pattern := range []string{"*", "logs-*", ".alerts-security.*", "-.alerts-security.alerts-default", "other:.alerts-security.alerts-default",
		"<.alerts-security.alerts-{now/d}>", ".alerts-security.alerts-default,.kibana", ".alerts-security.alerts-../x", ".alerts-security.alerts-%2A", "_all", ".ALERTS-security.alerts-x"} {
		body := fmt.Sprintf(`{"params":{"subActionParams":{"messages":[{"role":"user","content":"x"}]}},"alertsIndexPattern":%q}`, pattern)
		b.want(b.do("POST", fmt.Sprintf(askPath, "gpt"), body), 403, "alertsIndexPattern")
	}
	if n := len(b.questions.asked); n != 1 { // that of the unknown conversation
		t.Errorf("%d questions were asked", n)
	}
	// What Kibana's clients send besides is no fault.
	b.want(b.ask("deterministic", "How many alerts are open?", `,"assistantLangChain":true,"size":null,"conversationId":null,"langSmithProject":"x","actionTypeId":".gen-ai","llmType":"openai"`), 200)
	b.want(b.do("POST", fmt.Sprintf(askPath, "deterministic"), `{"message":"How many alerts are open?","isEnabledRAGAlerts":true,"alertsIndexPattern":".alerts-security.alerts-*"}`), 200, "3 alerts")
}

func TestExecuteSaysWhichToolsWereLeftOut(t *testing.T) {
	b := newAssistantBench(t)
	a := decodeAnswer(t, b.do("POST", fmt.Sprintf(askPath, "gpt"),
		`{"params":{"subActionParams":{"messages":[{"role":"user","content":"x"}]}},"isEnabledRAGAlerts":true,"trace":true}`))
	if a.Trace == nil || len(a.Trace.Offered) != 0 || len(a.Trace.LeftOut) != 4 || !strings.Contains(a.Trace.LeftOut[0].Why, "alertsIndexPattern is missing") {
		t.Errorf("trace %+v", a.Trace)
	}
}

func TestExecuteErrors(t *testing.T) {
	b := newAssistantBench(t)
	b.model.list = []string{"no JSON here"}
	b.want(b.ask("gpt", "How many?", ""), 502, "no answer within 8 steps")
	b.questions.err = fmt.Errorf("starting: %w", ErrWorkflowsUnavailable)
	b.want(b.ask("gpt", "How many?", ""), 503)
	if left, err := b.store.StaleQuestions(t.Context(), assistantNow.Add(time.Hour)); err != nil || len(left) > 0 {
		t.Errorf("questions left in the store: %v, %v", left, err)
	}
	for _, entry := range b.logs.All() {
		line := entry.Message + fmt.Sprint(entry.ContextMap())
		if strings.Contains(line, "How many") || strings.Contains(line, "no JSON") {
			t.Errorf("the log holds content: %s", line)
		}
	}
}

// TestLogsNameNobody: neither the name of a conversation nor what a caller sent stands in the log, also where the caller is
// told what was wrong with it.
func TestLogsNameNobody(t *testing.T) {
	b := newAssistantBench(t)
	path := AssistantPath + "/conversations"
	for _, call := range [][3]string{
		{"POST", path, `{"id":"zorro9@PAY-DB-07","title":"about zorro9"}`}, {"GET", path + "/zorro9@PAY-DB-07", ""}, {"GET", path + "/zorro9", ""}, {"DELETE", path + "/zorro9@PAY-DB-07", ""},
		{"POST", path, `{"id":"zorro9/x"}`}, {"POST", fmt.Sprintf(askPath, "zorro9"), `{"message":"x"}`},
		{"POST", fmt.Sprintf(askPath, "gpt"), `{"message":"x","replacements":{"zorro9":"PAY-DB-07"}}`}, {"POST", fmt.Sprintf(askPath, "gpt"), `{"message":"x","conversationId":"zorro9"}`},
		{"POST", fmt.Sprintf(askPath, "gpt"), `{"message":"x","alertsIndexPattern":"zorro9"}`}, {"POST", fmt.Sprintf(askPath, "gpt"), `{"zorro9":[}`}, {"POST", fmt.Sprintf(askPath, "gpt"), `{"message":"x","allow":["zorro9 x"]}`},
		{"PUT", AssistantPath + "/anonymization_fields", `[{"field":"zorro9 x"}]`}, {"GET", AssistantPath + "/conversation/zorro9", ""}, {"PATCH", path + "/zorro9", ""},
	} {
		b.do(call[0], call[1], call[2])
	}
	connectors := 0
	for _, entry := range b.logs.All() {
		line := entry.Message + fmt.Sprint(entry.ContextMap())
		if strings.Contains(line, "zorro9") || strings.Contains(line, "PAY-DB-07") || strings.Contains(line, "migration_id") {
			t.Errorf("the log says: %s", line)
		}
		if entry.ContextMap()["connector_id"] == "gpt" {
			connectors++
		}
	}
	if connectors == 0 {
		t.Error("the log does not say which connector was asked")
	}
}

func TestExecuteIsCancelledWithItsCaller(t *testing.T) {
	b := newAssistantBench(t)
	b.questions.hold = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	req := b.request("POST", fmt.Sprintf(askPath, "deterministic"), `{"message":"How many alerts are open?"}`).WithContext(ctx)
	time.AfterFunc(100*time.Millisecond, cancel)
	b.server.ServeHTTP(httptest.NewRecorder(), req)
	close(b.questions.hold)
	b.questions.mu.Lock()
	defer b.questions.mu.Unlock()
	if len(b.questions.cancelled) != 1 || len(b.questions.delivered) != 0 {
		t.Errorf("cancelled %v, delivered %v", b.questions.cancelled, b.questions.delivered)
	}
}

func TestConversations(t *testing.T) {
	b := newAssistantBench(t)
	path := AssistantPath + "/conversations"
	b.want(b.do("GET", path, ""), 200, "[]")
	b.want(b.do("POST", path, `{"id":"c1","title":"Monday"}`), 200, `"id":"c1"`)
	b.want(b.do("POST", path, `{"id":"c1"}`), 409, "id")
	b.want(b.do("POST", path, `{"id":"c 1"}`), 400, "id")
	b.want(b.do("POST", path, `{}`), 200, `"id":"`)
	b.model.list = []string{`{"action":"tool","tool":"open-alerts","arguments":{}}`, `{"action":"answer","answer":"Seen."}`}
	first := decodeAnswer(t, b.ask("gpt", "What is on PAY-DB-01?", `,"conversationId":"c1"`))
	b.want(b.do("GET", path+"/c1", ""), 200, "What is on PAY-DB-01?", "Seen.", `"messages":2`)
	b.model.list = []string{`{"action":"answer","answer":"Yes."}`}
	b.model.sent = nil
	second := decodeAnswer(t, b.ask("gpt", "Still?", `,"conversationId":"c1"`))
	if len(second.Replacements) < len(first.Replacements) {
		t.Errorf("replacements %v, then %v", first.Replacements, second.Replacements)
	}
	all := strings.Join(b.model.sent, "\n")
	if !strings.Contains(all, "What is on host-") || strings.Contains(all, "PAY-DB") {
		t.Errorf("sent %s", all)
	}
	b.want(b.do("DELETE", path+"/c1", ""), 200, `"deleted":true`)
	b.want(b.do("GET", path+"/c1", ""), 404)
	b.want(b.do("DELETE", path+"/c1", ""), 404)
	if r, err := b.store.Replacements(t.Context(), "", "c1"); !errors.Is(err, assistant.ErrNotFound) {
		t.Errorf("replacements are left: %v, %v", r, err)
	}
}

func TestAnonymizationFields(t *testing.T) {
	b := newAssistantBench(t)
	path := AssistantPath + "/anonymization_fields"
	b.want(b.do("GET", path, ""), 200, `{"field":"host.name","allowed":true,"anonymized":true}`)
	var many []string
	for i := range 250 {
		many = append(many, fmt.Sprintf(`{"field":"custom.f%d","allowed":true,"anonymized":true}`, i))
	}
	b.want(b.do("PUT", path, "["+strings.Join(many, ",")+"]"), 200, "custom.f249")
	b.want(b.do("PUT", path, `[{"field":"host.name","allowed":false,"anonymized":false}]`), 200, `{"field":"host.name","allowed":false,"anonymized":false,"set_by":"anonymous"`)
	b.want(b.do("PUT", path, `[{"field":"host.name","reset":true}]`), 200, `{"field":"host.name","allowed":true,"anonymized":true}`)
	for body, part := range map[string]string{
		`[]`: "empty", `[{"field":"a b","allowed":true,"anonymized":true}]`: "field", `[{"field":"a"}]`: "allowed",
		`[{"field":"a","allowed":1,"anonymized":true}]`: "allowed", `[{"field":"a","reset":true},{"field":"a","reset":true}]`: "stands already",
	} {
		b.want(b.do("PUT", path, body), 400, part)
	}
}

func TestAssistantRoles(t *testing.T) {
	b := newAssistantBench(t, withAuth(t))
	for _, tc := range []struct{ method, path, role string }{
		{"POST", fmt.Sprintf(askPath, "deterministic"), "reader"}, {"GET", AssistantPath + "/conversations", "reader"},
		{"POST", AssistantPath + "/conversations", "reader"}, {"DELETE", AssistantPath + "/conversations/x", "reader"},
		{"GET", AssistantPath + "/anonymization_fields", "reader"}, {"PUT", AssistantPath + "/anonymization_fields", "admin"},
	} {
		for _, role := range []string{"reader", "operator", "admin"} {
			req := b.request(tc.method, tc.path, "{}")
			req.Header.Set("Authorization", "ApiKey key-"+role)
			w := httptest.NewRecorder()
			b.server.ServeHTTP(w, req)
			if refused := w.Code == http.StatusForbidden; refused != (tc.role == "admin" && role != "admin") {
				t.Errorf("%s %s as %s: %d", tc.method, tc.path, role, w.Code)
			}
		}
	}
}

func TestAssistantOff(t *testing.T) {
	b := newAssistantBench(t, func(d *Deps) { d.Settings.Features.AssistantRAG = false })
	b.want(b.ask("deterministic", "How many?", ""), 404)
}
