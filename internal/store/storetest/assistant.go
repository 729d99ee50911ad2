package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// AssistantStore is what keeps conversations, questions and settings.
type AssistantStore interface {
	assistant.Conversations
	assistant.Questions
	assistant.FieldSettings
}

// Alerts is a source of alerts and a way to fill it. Index is a pattern that stands for what Fill stored, and for
// nothing else.
type Alerts interface {
	assistant.AlertSource
	// Fill stores the alerts; those without an index go to one that Index stands for.
	Fill(t *testing.T, alerts []assistant.Alert)
	Index() string
}

// now is the end of the windows of the alert tests.
var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var source map[string]any
	if err := decoder.Decode(&source); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return source
}

// alertDocuments are a few alerts in every form that documents have: flat names, nested objects, lists, absent fields.
var alertDocuments = []struct{ id, doc string }{
	{"a1", `{"@timestamp":"2026-05-04T11:00:00.000Z","kibana.alert.severity":"high","kibana.alert.risk_score":73,"kibana.alert.workflow_status":"open",
		"kibana.alert.rule.name":"Encoded PowerShell","host.name":"WIN-07","user.name":"CORP\\m.oduya","host.os.type":"windows",
		"kibana.alert.rule.threat":[{"framework":"MITRE ATT&CK","technique":[{"id":"T1059","subtechnique":[{"id":"T1059.001"}]}]}]}`},
	{"a2", `{"@timestamp":"2026-05-04T11:30:00.000Z","kibana":{"alert":{"severity":"high","risk_score":73,"workflow_status":"open",
		"rule":{"name":"Rare process"}}},"host":{"name":"lin-1","hostname":"lin-1.corp.example","os":{"family":"ubuntu","platform":"linux"}},"user":{"name":["root","m.oduya"]}}`},
	{"a3", `{"@timestamp":"2026-05-04T11:30:00.000Z","kibana.alert.severity":"high","kibana.alert.risk_score":73.0,"kibana.alert.workflow_status":"open",
		"kibana.alert.rule.name":"100% CPU * on [host]","host.name":["mac-1","win-07"],"host.os.name":"Windows Server 2022"}`},
	{"a4", `{"@timestamp":"2026-05-04T09:00:00.000Z","kibana.alert.severity":"critical","kibana.alert.risk_score":99,"kibana.alert.workflow_status":"acknowledged",
		"kibana.alert.rule.name":"encoded powershell, again","host.name":"WIN-07","threat.technique.id":["T1003"]}`},
	{"a5", `{"@timestamp":"2026-05-04T10:00:00.000Z","kibana.alert.severity":"low","kibana.alert.risk_score":21,"kibana.alert.workflow_status":"closed","host.name":"ÜBER-1"}`},
	{"a6", `{"@timestamp":"2026-05-04T10:30:00.000Z","kibana.alert.severity":"medium","kibana.alert.risk_score":47,"host.name":"no-status"}`},
	{"a7", `{"@timestamp":"2026-05-04T10:31:00.000Z","kibana.alert.workflow_status":"open","host.name":"nothing-said"}`},
	{"a8", `{"@timestamp":"2026-05-04T11:45:00.000Z","kibana.alert.severity":"critical","kibana.alert.risk_score":99,"kibana.alert.workflow_status":"open",
		"kibana.alert.building_block_type":"default","host.name":"WIN-07"}`},
	{"a9", `{"@timestamp":"2026-05-03T11:59:59.999Z","kibana.alert.severity":"critical","kibana.alert.risk_score":99,"kibana.alert.workflow_status":"open","host.name":"yesterday"}`},
	{"a10", `{"@timestamp":"2026-05-03T12:00:00.000Z","kibana.alert.severity":"low","kibana.alert.risk_score":21.5,"kibana.alert.workflow_status":"open","host.name":"first"}`},
	{"a11", `{"@timestamp":"2026-05-04T12:00:00.000Z","kibana.alert.severity":"low","kibana.alert.risk_score":21.5,"kibana.alert.workflow_status":"open","host.name":"last","source.ip":["10.0.0.1","2001:db8::1"]}`},
	{"a12", `{"@timestamp":"2026-05-04T12:00:00.001Z","kibana.alert.severity":"low","kibana.alert.risk_score":21.5,"kibana.alert.workflow_status":"open","host.name":"later"}`},
}

// day is the window of a day, as the tools use.
func day(source Alerts) assistant.Scope {
	return assistant.Scope{Index: []string{source.Index()}, From: now.Add(-24 * time.Hour), To: now}
}

// RunAlerts checks what AlertSource promises. open gives an empty source.
func RunAlerts(t *testing.T, open func(*testing.T) Alerts) {
	source := open(t)
	var alerts []assistant.Alert
	for _, d := range alertDocuments {
		alerts = append(alerts, assistant.Alert{ID: d.id, Source: decode(t, d.doc)})
	}
	source.Fill(t, alerts)
	t.Run("Counts", func(t *testing.T) { testCounts(t, source) })
	t.Run("Open", func(t *testing.T) { testOpen(t, source) })
	t.Run("Search", func(t *testing.T) { testSearch(t, source) })
	t.Run("Values", func(t *testing.T) { testValues(t, source) })
	t.Run("Index", func(t *testing.T) { testIndex(t, source) })
	t.Run("Ties", func(t *testing.T) { testTies(t, open(t)) })
}

func testCounts(t *testing.T, source Alerts) {
	got, err := source.Counts(t.Context(), day(source))
	if err != nil {
		t.Fatal(err)
	}
	count := func(severity, status string, n int) assistant.Count {
		return assistant.Count{Severity: severity, Status: status, Alerts: n}
	}
	want := []assistant.Count{count("critical", "acknowledged", 1), count("high", "open", 3), count("medium", "open", 1),
		count("low", "closed", 1), count("low", "open", 2), count("", "open", 1)}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func ids(p assistant.Page) string {
	var list []string
	for _, a := range p.Alerts {
		list = append(list, a.ID)
	}
	return strings.Join(list, " ")
}

func testOpen(t *testing.T, source Alerts) {
	for _, test := range []struct {
		size int
		want string
	}{
		{100, "a2 a3 a1 a6 a11 a10 a7"}, {3, "a2 a3 a1"}, {2, "a2 a3"}, {1, "a2"}, {0, ""},
	} {
		p, err := source.Open(t.Context(), day(source), test.size)
		if err != nil {
			t.Fatal(err)
		}
		if ids(p) != test.want || p.Total != 7 {
			t.Errorf("size %d: %s of %d, want %s of 7", test.size, ids(p), p.Total, test.want)
		}
	}
	p, err := source.Open(t.Context(), day(source), 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := decode(t, alertDocuments[1].doc); !reflect.DeepEqual(p.Alerts[0].Source, want) {
		t.Errorf("the document is %v, want %v", p.Alerts[0].Source, want)
	}
	if p.Alerts[0].Index == "" {
		t.Error("the alert has no index")
	}
}

func testSearch(t *testing.T, source Alerts) {
	week := day(source)
	week.From = now.Add(-7 * 24 * time.Hour)
	for _, test := range []struct {
		name   string
		filter assistant.Filter
		want   string
	}{
		{"nothing asked", assistant.Filter{}, "a4 a9 a2 a3 a1 a6 a11 a10 a5 a7"},
		{"severity", assistant.Filter{Severity: []string{"CRITICAL", "low"}}, "a4 a9 a11 a10 a5"},
		{"status", assistant.Filter{Status: []string{"closed", "acknowledged"}}, "a4 a5"},
		{"no status is open", assistant.Filter{Status: []string{"open"}, Host: []string{"no-status"}}, "a6"},
		{"host in any case, one of several", assistant.Filter{Host: []string{"win-07"}}, "a4 a3 a1"},
		{"hostname", assistant.Filter{Host: []string{"LIN-1.corp.example"}}, "a2"},
		{"only ASCII letters fold", assistant.Filter{Host: []string{"über-1"}}, ""},
		{"other letters in their case", assistant.Filter{Host: []string{"Über-1"}}, "a5"},
		{"a whole value", assistant.Filter{Host: []string{"win"}}, ""},
		{"no pattern", assistant.Filter{Host: []string{"win*", "*"}}, ""},
		{"user with domain", assistant.Filter{User: []string{`corp\M.Oduya`}}, "a1"},
		{"user, one of several", assistant.Filter{User: []string{"ROOT"}}, "a2"},
		{"part of a rule name", assistant.Filter{Rule: "ENCODED power"}, "a4 a1"},
		{"signs in a rule name", assistant.Filter{Rule: `cpu * ON [`}, "a3"},
		{"a star is a star", assistant.Filter{Rule: "E*d"}, ""},
		{"a question mark is one", assistant.Filter{Rule: "?"}, ""},
		{"a backslash is one", assistant.Filter{Rule: `\`}, ""},
		{"technique", assistant.Filter{Technique: []string{"t1059"}}, "a1"},
		{"subtechnique", assistant.Filter{Technique: []string{"T1059.001", "T9999"}}, "a1"},
		{"technique of the event", assistant.Filter{Technique: []string{"T1003"}}, "a4"},
		{"os", assistant.Filter{OS: "windows"}, "a3 a1"},
		{"os by platform", assistant.Filter{OS: "Linux"}, "a2"},
		{"all conditions", assistant.Filter{Severity: []string{"high"}, Host: []string{"win-07"}, Rule: "cpu", OS: "windows"}, "a3"},
	} {
		p, err := source.Search(t.Context(), week, test.filter, 100)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if ids(p) != test.want || p.Total != len(p.Alerts) {
			t.Errorf("%s: got %q of %d, want %q", test.name, ids(p), p.Total, test.want)
		}
	}
	p, err := source.Search(t.Context(), week, assistant.Filter{}, 2)
	if err != nil || ids(p) != "a4 a9" || p.Total != 10 {
		t.Errorf("the first two: %q of %d, %v", ids(p), p.Total, err)
	}
}

func testValues(t *testing.T, source Alerts) {
	fields := []string{"host.name", "user.name", "source.ip", "no.such.field", "kibana.alert.risk_score"}
	got, err := source.Values(t.Context(), day(source), fields, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range got {
		slices.Sort(list)
	}
	want := map[string][]string{
		"host.name": {"WIN-07", "first", "last", "lin-1", "mac-1", "no-status", "nothing-said", "win-07", "ÜBER-1"},
		"user.name": {`CORP\m.oduya`, "m.oduya", "root"}, "source.ip": {"10.0.0.1", "2001:db8::1"},
		"kibana.alert.risk_score": {"21", "21.5", "47", "73", "99"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	for i := range 800 { // so many fields that each gets a small share of an answer at first
		fields = append(fields, fmt.Sprintf("no.such.field%d", i))
	}
	got, err = source.Values(t.Context(), day(source), fields, 10_000)
	if err != nil || len(got) != len(want) || len(got["host.name"]) != len(want["host.name"]) {
		t.Errorf("many fields: %v, %v", got, err)
	}
	got, err = source.Values(t.Context(), day(source), []string{"host.name"}, 3)
	if err != nil || len(got["host.name"]) != 3 {
		t.Errorf("three values: %v, %v", got, err)
	}
}

func testIndex(t *testing.T, source Alerts) {
	s := day(source)
	s.Index = []string{"no-such-index-*"}
	if counts, err := source.Counts(t.Context(), s); err != nil || len(counts) != 0 {
		t.Errorf("an index that does not exist: %v, %v", counts, err)
	}
	if p, err := source.Open(t.Context(), s, 10); err != nil || p.Total != 0 || len(p.Alerts) != 0 {
		t.Errorf("an index that does not exist: %v, %v", p, err)
	}
	if v, err := source.Values(t.Context(), s, []string{"host.name"}, 10); err != nil || len(v) != 0 {
		t.Errorf("an index that does not exist: %v, %v", v, err)
	}
	for _, pattern := range []string{"", "*", "-x", "other:alerts", "<alerts-{now}>", "a,b"} {
		s.Index = []string{pattern}
		if _, err := source.Counts(t.Context(), s); err == nil {
			t.Errorf("the pattern %q is read", pattern)
		}
		if _, err := source.Search(t.Context(), s, assistant.Filter{}, 10); err == nil {
			t.Errorf("the pattern %q is searched", pattern)
		}
	}
	s.Index = nil
	if _, err := source.Open(t.Context(), s, 10); err == nil {
		t.Error("no pattern at all is read")
	}
}

// testTies has more alerts of one score and time than a page holds: the ids decide which come first.
func testTies(t *testing.T, source Alerts) {
	var alerts []assistant.Alert
	for i := range 300 {
		alerts = append(alerts, assistant.Alert{ID: fmt.Sprintf("t%03d", (i*7)%300), Source: decode(t,
			`{"@timestamp":"2026-05-04T11:00:00.000Z","kibana.alert.severity":"high","kibana.alert.risk_score":73,"kibana.alert.workflow_status":"open"}`)})
	}
	source.Fill(t, alerts)
	p, err := source.Open(t.Context(), day(source), 10)
	if err != nil || p.Total != 300 || ids(p) != "t000 t001 t002 t003 t004 t005 t006 t007 t008 t009" {
		t.Errorf("got %s of %d, %v", ids(p), p.Total, err)
	}
}

// RunAssistant checks what Conversations, Questions and FieldSettings promise; the store may hold what others wrote.
func RunAssistant(t *testing.T, open func(*testing.T) AssistantStore) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, AssistantStore)
	}{
		{"Conversations", testConversations}, {"Exchanges", testExchanges}, {"Questions", testQuestions}, {"Settings", testSettings},
		{"ExchangesAtOnce", testExchangesAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func newConversation(owner string) assistant.Conversation {
	return assistant.Conversation{ID: fmt.Sprintf("c-%d", time.Now().UnixNano()), Owner: owner, Title: "Überblick", ConnectorID: "deterministic",
		CreatedAt: now, UpdatedAt: now}
}

func newOwner() string { return fmt.Sprintf("owner-%d", time.Now().UnixNano()) }

func testConversations(t *testing.T, s AssistantStore) {
	ctx, owner := t.Context(), newOwner()
	first, second := newConversation(owner), newConversation(owner)
	second.UpdatedAt = now.Add(time.Minute)
	for _, c := range []assistant.Conversation{first, second} {
		if err := s.CreateConversation(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	other := first
	other.Owner = "mallory"
	if err := s.CreateConversation(ctx, other); !errors.Is(err, assistant.ErrExists) {
		t.Errorf("an id that is taken: %v", err)
	}
	got, err := s.Conversation(ctx, owner, first.ID)
	if err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v, %v, want %+v", got, err, first)
	}
	list, err := s.Conversations(ctx, owner)
	if err != nil || len(list) != 2 || list[0].ID != second.ID || list[1].ID != first.ID {
		t.Errorf("the list is %+v, %v", list, err)
	}
	if list, err := s.Conversations(ctx, newOwner()); err != nil || len(list) != 0 {
		t.Errorf("somebody else's list is %v, %v", list, err)
	}
	calls := map[string]func(owner, id string) error{
		"Conversation": func(owner, id string) error { _, err := s.Conversation(ctx, owner, id); return err },
		"Messages":     func(owner, id string) error { _, err := s.Messages(ctx, owner, id, 0); return err },
		"Replacements": func(owner, id string) error { _, err := s.Replacements(ctx, owner, id); return err },
		"AppendExchange": func(owner, id string) error {
			return s.AppendExchange(ctx, owner, id, assistant.Exchange{QuestionID: "q", Messages: []assistant.Message{{Role: "user", Content: "x"}}, At: now})
		},
		"DeleteConversation": func(owner, id string) error { return s.DeleteConversation(ctx, owner, id) },
	}
	refused := func(state, owner, id string) {
		t.Helper()
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			if err := calls[name](owner, id); !errors.Is(err, assistant.ErrNotFound) {
				t.Errorf("%s: %s gives %v", state, name, err)
			}
		}
	}
	refused("somebody else's", "mallory", first.ID)
	refused("unknown", owner, "no-such-conversation")
	if err := s.DeleteConversation(ctx, owner, first.ID); err != nil {
		t.Fatal(err)
	}
	refused("deleted", owner, first.ID)
	if list, err := s.Conversations(ctx, owner); err != nil || len(list) != 1 {
		t.Errorf("after the deletion: %v, %v", list, err)
	}
}

func testExchanges(t *testing.T, s AssistantStore) {
	ctx, owner := t.Context(), newOwner()
	c := newConversation(owner)
	if err := s.CreateConversation(ctx, c); err != nil {
		t.Fatal(err)
	}
	first := assistant.Exchange{QuestionID: "q1", Messages: []assistant.Message{{Role: "user", Content: "Was ist los?"}, {Role: "assistant", Content: "Nichts.\x00\u2028"}},
		Replacements: map[string]string{"HOST-k3x9": "WIN-07", "USER.a": `CORP\m.oduya`}, At: now.Add(time.Second)}
	second := assistant.Exchange{QuestionID: "q2", Messages: []assistant.Message{{Role: "user", Content: ""}, {Role: "assistant", Content: strings.Repeat("x", 200_000)}},
		Replacements: map[string]string{"HOST-k3x9": "another", "IP-1": "10.0.0.1"}, At: now.Add(2 * time.Second)}
	for _, e := range []assistant.Exchange{first, second, first, second} { // again is nothing new
		if err := s.AppendExchange(ctx, owner, c.ID, e); err != nil {
			t.Fatal(err)
		}
	}
	want := append(slices.Clone(first.Messages), second.Messages...)
	if got, err := s.Messages(ctx, owner, c.ID, 0); err != nil || !slices.Equal(got, want) {
		t.Errorf("the messages are %.300v, %v", got, err)
	}
	if got, err := s.Messages(ctx, owner, c.ID, 3); err != nil || !slices.Equal(got, want[1:]) {
		t.Errorf("the last three are %.300v, %v", got, err)
	}
	if got, err := s.Messages(ctx, owner, c.ID, 9); err != nil || !slices.Equal(got, want) {
		t.Errorf("the last nine are %.300v, %v", got, err)
	}
	replacements := map[string]string{"HOST-k3x9": "WIN-07", "USER.a": `CORP\m.oduya`, "IP-1": "10.0.0.1"}
	if got, err := s.Replacements(ctx, owner, c.ID); err != nil || !maps.Equal(got, replacements) {
		t.Errorf("the replacements are %v, %v", got, err)
	}
	got, err := s.Conversation(ctx, owner, c.ID)
	if err != nil || got.Messages != 4 || !got.UpdatedAt.Equal(second.At) {
		t.Errorf("the conversation is %+v, %v", got, err)
	}
	// A conversation of the same id that comes later has nothing of this one.
	if err := s.DeleteConversation(ctx, owner, c.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateConversation(ctx, c); err != nil {
		t.Fatal(err)
	}
	if m, err := s.Messages(ctx, owner, c.ID, 0); err != nil || len(m) != 0 {
		t.Errorf("the new conversation has %v, %v", m, err)
	}
	if r, err := s.Replacements(ctx, owner, c.ID); err != nil || len(r) != 0 {
		t.Errorf("the new conversation has %v, %v", r, err)
	}
}

func testExchangesAtOnce(t *testing.T, s AssistantStore) {
	ctx, owner := t.Context(), newOwner()
	c := newConversation(owner)
	if err := s.CreateConversation(ctx, c); err != nil {
		t.Fatal(err)
	}
	const n = 12
	var wg sync.WaitGroup
	failures := make(chan error, 2*n)
	for i := range 2 * n {
		wg.Go(func() {
			e := assistant.Exchange{QuestionID: fmt.Sprintf("q%d", i/2), At: now.Add(time.Duration(i) * time.Second),
				Messages:     []assistant.Message{{Role: "user", Content: fmt.Sprintf("ask %d", i/2)}, {Role: "assistant", Content: fmt.Sprintf("say %d", i/2)}},
				Replacements: map[string]string{fmt.Sprintf("T%d", i/2): "v"}}
			failures <- s.AppendExchange(ctx, owner, c.ID, e)
		})
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	messages, err := s.Messages(ctx, owner, c.ID, 0)
	if err != nil || len(messages) != 2*n {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	for i := 0; i < len(messages); i += 2 { // a question and its answer stay together
		if messages[i].Role != "user" || strings.TrimPrefix(messages[i].Content, "ask") != strings.TrimPrefix(messages[i+1].Content, "say") {
			t.Errorf("messages %d and %d are %v", i, i+1, messages[i:i+2])
		}
	}
	if r, err := s.Replacements(ctx, owner, c.ID); err != nil || len(r) != n {
		t.Errorf("%d replacements, %v", len(r), err)
	}
}

func testQuestions(t *testing.T, s AssistantStore) {
	ctx := t.Context()
	id := fmt.Sprintf("ask-%d", time.Now().UnixNano())
	content := []byte{0, 1, 2, 255, '"'}
	if err := s.CreateQuestion(ctx, id, content, now); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateQuestion(ctx, id, []byte("another"), now); !errors.Is(err, assistant.ErrExists) {
		t.Errorf("a question that is there: %v", err)
	}
	if got, err := s.Question(ctx, id); err != nil || !slices.Equal(got, content) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := s.Step(ctx, id, "tool-1"); !errors.Is(err, assistant.ErrNotFound) {
		t.Errorf("a step that is not recorded: %v", err)
	}
	if steps, err := s.Steps(ctx, id); err != nil || len(steps) != 0 {
		t.Errorf("no steps: %v, %v", steps, err)
	}
	for i, text := range []string{"first", "second"} {
		got, err := s.SaveStep(ctx, id, "tool-1", []byte(text))
		if err != nil || string(got) != "first" {
			t.Errorf("write %d: %s, %v", i, got, err)
		}
	}
	if _, err := s.SaveStep(ctx, id, "model-1", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Step(ctx, id, "tool-1"); err != nil || string(got) != "first" {
		t.Errorf("got %s, %v", got, err)
	}
	if steps, err := s.Steps(ctx, id); err != nil || len(steps) != 2 || string(steps["tool-1"]) != "first" {
		t.Errorf("the steps are %v, %v", steps, err)
	}
	stale := func(before time.Time) bool {
		t.Helper()
		ids, err := s.StaleQuestions(ctx, before)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(ids, id)
	}
	if stale(now) || !stale(now.Add(time.Second)) {
		t.Error("the question is stale from the wrong time on")
	}
	for range 2 {
		if err := s.DeleteQuestion(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	for name, call := range map[string]func(context.Context) error{
		"Question": func(ctx context.Context) error { _, err := s.Question(ctx, id); return err },
		"SaveStep": func(ctx context.Context) error { _, err := s.SaveStep(ctx, id, "late", []byte("x")); return err },
		"Step":     func(ctx context.Context) error { _, err := s.Step(ctx, id, "tool-1"); return err },
		"Steps":    func(ctx context.Context) error { _, err := s.Steps(ctx, id); return err },
	} {
		if err := call(ctx); !errors.Is(err, assistant.ErrNotFound) {
			t.Errorf("%s of a deleted question: %v", name, err)
		}
	}
	if stale(now.Add(time.Hour)) {
		t.Error("the deleted question is stale")
	}
}

func testSettings(t *testing.T, s AssistantStore) {
	ctx := t.Context()
	prefix := fmt.Sprintf("test%d.", time.Now().UnixNano())
	mine := func() map[string]assistant.FieldSetting {
		t.Helper()
		list, err := s.FieldSettings(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(list, func(a, b assistant.FieldSetting) int { return strings.Compare(a.Field, b.Field) }) {
			t.Error("the settings are not in order")
		}
		found := map[string]assistant.FieldSetting{}
		for _, f := range list {
			if strings.HasPrefix(f.Field, prefix) {
				found[f.Field] = f
			}
		}
		return found
	}
	var settings []assistant.FieldSetting
	for i := range 250 {
		settings = append(settings, assistant.FieldSetting{Field: fmt.Sprintf("%sfield%03d", prefix, i), Allowed: true, Anonymized: i%2 == 0, SetBy: "ann", SetAt: now})
	}
	if err := s.SetFieldSettings(ctx, settings); err != nil {
		t.Fatal(err)
	}
	got := mine()
	if len(got) != 250 || got[settings[7].Field] != settings[7] || got[settings[8].Field] != settings[8] {
		t.Errorf("%d settings; %+v", len(got), got[settings[7].Field])
	}
	changed := settings[7]
	changed.Allowed, changed.Anonymized, changed.SetBy, changed.SetAt = false, true, "bob", now.Add(time.Hour)
	if err := s.SetFieldSettings(ctx, []assistant.FieldSetting{changed, {Field: settings[8].Field}, {Field: prefix + "never"}}); err != nil {
		t.Fatal(err)
	}
	got = mine()
	if _, there := got[settings[8].Field]; len(got) != 249 || there || got[changed.Field] != changed {
		t.Errorf("%d settings; %+v", len(got), got[changed.Field])
	}
}
