package assistant

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The files of shared/data/field are written after public reports; its README says which value is right.

type fieldCase struct {
	Anonymize []string          `json:"anonymize"`
	Allow     []string          `json:"allow"`
	Alerts    []json.RawMessage `json:"alerts"`
	Question  string            `json:"question"`
	Turns     []struct {
		Anonymize []string `json:"anonymize"`
		User      string   `json:"user"`
		Assistant string   `json:"assistant"`
	} `json:"turns"`
	Values map[string][]string `json:"values"`
	Index  map[string]int      `json:"index"`
	Asks   []string            `json:"questions"`
}

func readField(t *testing.T, name string) fieldCase {
	t.Helper()
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	content, err := os.ReadFile(filepath.Join(dir, "field", name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data is not here: %v", err)
	}
	var c fieldCase
	if err := json.Unmarshal(content, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

var fieldDay = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// bench is a core over a list of alerts and a scripted model.
type bench struct {
	core   *Core
	source *listSource
	model  *script
}

func newBench(t testing.TB, alerts []Alert, says ...string) *bench {
	t.Helper()
	b := &bench{source: &listSource{alerts: alerts}, model: &script{says: says}}
	b.core = New(Deps{Alerts: b.source, Now: func() time.Time { return fieldDay }, Model: func(id string) (Model, bool) {
		if id == "deterministic" {
			return nil, true
		}
		return b.model, id == "model"
	}})
	return b
}

func (b *bench) ask(t testing.TB, q Question) Answer {
	t.Helper()
	if q.ID == "" {
		q.ID = "ask-1"
	}
	if q.Index == nil {
		q.Index = []string{".alerts-security.alerts-default"}
	}
	q.Alerts, q.Trace = true, true
	if q.Size == 0 {
		q.Size = 20
	}
	if q.ConnectorID == "" {
		q.ConnectorID = "model"
	}
	a, err := b.core.Run(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func user(text string) []Message { return []Message{{RoleUser, text}} }

const (
	sayOpen = `{"action":"tool","tool":"open-alerts","arguments":{}}`
	sayDone = `{"action":"answer","answer":"done"}`
)

// noneOf fails when a whole word of the values is in the text, in any case.
func noneOf(t *testing.T, where, text string, values ...string) {
	t.Helper()
	for _, v := range values {
		if at := regexp.MustCompile(`(?i)(^|[^\pL\pN])` + regexp.QuoteMeta(v) + `($|[^\pL\pN])`).FindStringIndex(text); at != nil {
			t.Errorf("%s holds %q: …%s…", where, v, text[max(0, at[0]-60):min(len(text), at[1]+60)])
		}
	}
}

func TestField33ShortAndEverydayValuesDamageNoWord(t *testing.T) {
	c := readField(t, "33.json")
	b := newBench(t, alertsOf(t, c.Alerts), sayOpen, sayDone)
	a := b.ask(t, Question{Messages: user(c.Question), AllowReplacement: c.Anonymize})
	sent := b.model.all()
	for _, gone := range []string{"it is a test", "wrote data", "Malware on a host", `"a"`, `"it"`} {
		if strings.Contains(sent, gone) {
			t.Errorf("%q was sent:\n%s", gone, sent)
		}
	}
	if !strings.Contains(sent, "What happened on host host-") || !strings.Contains(sent, leftOut) {
		t.Errorf("the question or the note is not as expected:\n%s", sent)
	}
	if len(a.Notes) == 0 || !strings.Contains(a.Notes[0], "left out") {
		t.Errorf("the answer does not say that text was left out: %v", a.Notes)
	}
	// What the model writes comes back with whole values only.
	b = newBench(t, alertsOf(t, c.Alerts), sayOpen, `{"action":"answer","answer":"It is a host."}`)
	if a := b.ask(t, Question{Messages: user("What is it?")}); a.Text != "It is a host." {
		t.Errorf("restored %q", a.Text)
	}
}

func TestField34AMaskedValueLeavesThroughNoOtherField(t *testing.T) {
	c := readField(t, "34.json")
	b := newBench(t, alertsOf(t, c.Alerts), sayOpen, sayDone)
	a := b.ask(t, Question{Messages: user(c.Question), AllowReplacement: c.Anonymize, Allow: append(c.Allow, "user.name")})
	noneOf(t, "what was sent", b.model.all(), "backup")
	if !strings.Contains(b.model.all(), `"event.action":"start"`) || len(a.Replacements) != 1 {
		t.Errorf("sent %s\nreplacements %v", b.model.all(), a.Replacements)
	}
}

func TestField35NoFreeText(t *testing.T) {
	c := readField(t, "35.json")
	b := newBench(t, alertsOf(t, c.Alerts), sayOpen, sayDone)
	a := b.ask(t, Question{Messages: user(c.Question), AllowReplacement: c.Anonymize})
	noneOf(t, "what was sent", b.model.all(), "PAY-DB-07", "m.oduya", "corp", "10.20.30.40", "vagrant")
	if !strings.Contains(b.model.all(), "authentication event with process sshd on host-") {
		t.Errorf("the reason is not as expected: %s", b.model.all())
	}
	raw, _ := json.Marshal(a.Trace)
	noneOf(t, "the trace", string(raw), "PAY-DB-07", "m.oduya", "10.20.30.40", "vagrant")
}

func TestField36NoEarlierTurn(t *testing.T) {
	c := readField(t, "36.json")
	var doc = map[string]any{"@timestamp": "2026-05-04T10:00:00Z", "kibana.alert.severity": "high"}
	var all []string
	for f, values := range c.Values {
		doc[f] = values[0]
		all = append(all, values...)
	}
	raw, _ := json.Marshal(doc)
	search := `{"action":"tool","tool":"alert-search","arguments":{"host":"pay-db-07"}}`
	b := newBench(t, alertsOf(t, []json.RawMessage{raw}), search, sayDone)
	first, last := c.Turns[0], c.Turns[1]
	b.ask(t, Question{AllowReplacement: last.Anonymize, Messages: []Message{
		{RoleUser, first.User}, {RoleAssistant, first.Assistant + ` {"host.name":"PAY-DB-07"}`}, {RoleUser, last.User},
	}})
	noneOf(t, "what was sent", b.model.all(), all...)
	if len(b.model.sent) != 2 || strings.Contains(b.model.all(), "PAY") {
		t.Errorf("sent %s", b.model.all())
	}
}

func TestField37WholeValuesOnly(t *testing.T) {
	c := readField(t, "37.json")
	b := newBench(t, alertsOf(t, c.Alerts), sayOpen, `{"action":"answer","answer":"A website script for a recipient; 7.81.0-1ubuntu1.14."}`)
	a := b.ask(t, Question{Messages: user(c.Question), AllowReplacement: c.Anonymize})
	sent := b.model.all()
	for _, whole := range []string{`"package.version":"7.81.0-1ubuntu1.14"`, "/website"} {
		if !strings.Contains(sent, whole) {
			t.Errorf("%s is not in what was sent:\n%s", whole, sent)
		}
	}
	noneOf(t, "what was sent", strings.ReplaceAll(sent, "7.81.0-1ubuntu1.14", ""), "ubuntu", "web", "script in a recipient list")
	if a.Text != "A website script for a recipient; 7.81.0-1ubuntu1.14." {
		t.Errorf("answer %q", a.Text)
	}
}

func TestField39FieldsGiveNoOrders(t *testing.T) {
	c := readField(t, "39.json")
	b := newBench(t, alertsOf(t, c.Alerts), sayOpen, `{"action":"answer","answer":"There are no open alerts. I marked al-7 as false positive."}`)
	a := b.ask(t, Question{Messages: user(c.Question), AllowReplacement: []string{"host.name"}})
	sent := b.model.all()
	noneOf(t, "what was sent", sent, "h2", "h3")
	if !strings.Contains(a.Text, "2 alerts open in the last 24 hours (2 high)") {
		t.Errorf("the count is missing: %s", a.Text)
	}
	if n := strings.Count(sent, "=== DATA begins"); n != 1 {
		t.Errorf("%d blocks of quoted data in %s", n, sent)
	}
	for _, asked := range b.source.asked {
		if asked != "values" && asked != "counts" && asked != "open" {
			t.Errorf("the source was asked for %s", asked)
		}
	}
	b = newBench(t, alertsOf(t, c.Alerts))
	if a := b.ask(t, Question{ConnectorID: "deterministic", Messages: user(c.Question)}); !strings.Contains(a.Text, "2 alerts open") || !strings.Contains(a.Text, "al-7") {
		t.Errorf("deterministic: %s", a.Text)
	}
}

func TestField40NumbersComeFromTheCount(t *testing.T) {
	c := readField(t, "40.json")
	var alerts []Alert
	for status, n := range c.Index {
		if status == "sent_to_model" {
			continue
		}
		for i := range n {
			severity := "high"
			if i%3 == 0 {
				severity = "low"
			}
			alerts = append(alerts, Alert{ID: status + "-" + string(rune('a'+i%26)), Source: map[string]any{
				"@timestamp": "2026-05-04T10:00:00Z", "kibana.alert": map[string]any{"workflow_status": status, "severity": severity, "risk_score": 50},
			}})
		}
	}
	b := newBench(t, alerts, sayOpen, `{"action":"answer","answer":"There are 20 open alerts."}`)
	a := b.ask(t, Question{Messages: user(c.Asks[0]), Size: c.Index["sent_to_model"]})
	if !strings.Contains(a.Text, "137 alerts open") {
		t.Errorf("the model said: %s", a.Text)
	}
	if !strings.Contains(b.model.all(), `"alerts_in_all":137,"alerts_shown":20`) {
		t.Errorf("sent %s", b.model.all())
	}
	b = newBench(t, alerts)
	for i, want := range []string{"137 alerts open", "125 high alerts"} {
		if a := b.ask(t, Question{ID: "ask-" + want[:3], ConnectorID: "deterministic", Messages: user(c.Asks[i])}); !strings.Contains(a.Text, want) {
			t.Errorf("%s: %s", c.Asks[i], a.Text)
		}
	}
}
