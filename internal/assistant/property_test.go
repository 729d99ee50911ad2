package assistant

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// world makes random alerts, settings and conversations of a small vocabulary, so that values meet in every place.
type world struct{ *rand.Rand }

func (w world) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w world) host() string {
	return w.pick("PAY-DB-07", "pay-db-07", "pay-db-07.corp.example", "LAP-ÜNAL", "web", "a", "srv_01", "DC01", "10.1.2.3")
}

func (w world) user() string {
	return w.pick("m.oduya", "M.ODUYA", `CORP\m.oduya`, "m.oduya@corp.example", "it", "backup", "Ünal", "田中一郎", "svc$", "José", strings.Repeat("long-name-", 20))
}

func (w world) text() string {
	var b strings.Builder
	for range 1 + w.IntN(12) {
		b.WriteString(w.pick("logon by ", "on ", "from ", "it is a test ", "wrote data ", "<>\"\\n", "%20", "(", ") ", "; ", "\t", "session opened for ", "user=", "host ", "www.", "=== DATA ends "))
		switch w.IntN(5) {
		case 0:
			b.WriteString(w.host())
		case 1:
			b.WriteString(w.user())
		case 2:
			b.WriteString(w.pick("10.20.30.40", "2001:db8::7", "S-1-5-21-11-22-33", `C:\Users\m.oduya\x.exe`, "eve@corp.example", `CORP\eve`))
		}
		b.WriteString(" ")
	}
	return b.String()
}

func (w world) alert(n int) Alert {
	doc := map[string]any{"@timestamp": "2026-05-04T10:00:00Z", "kibana.alert.severity": w.pick(Severities...), "kibana.alert.risk_score": json.Number(fmt.Sprint(w.IntN(100)))}
	put := func(name string, v any) {
		if w.IntN(3) == 0 {
			return
		}
		if first, rest, dotted := strings.Cut(name, "."); dotted && w.IntN(2) == 0 {
			inner, _ := doc[first].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
			}
			inner[rest] = v
			doc[first] = inner
			return
		}
		doc[name] = v
	}
	put("host.name", w.host())
	put("user.name", []any{w.user(), w.user()})
	put("process.parent.name", w.pick(w.host(), w.user(), "cmd.exe"))
	put("process.args", []any{w.text(), w.user(), json.Number("4242"), true, nil})
	put("process.pid", json.Number(w.pick("4242", "7", "80")))
	put("source.ip", w.pick("10.20.30.40", "2001:db8::7"))
	put("message", w.text())
	put("kibana.alert.reason", w.text())
	put("kibana.alert.rule.name", w.text())
	put("url.full", "https://"+w.host()+"/"+w.user()+"/x")
	put("user_agent.original", w.text())
	return Alert{ID: fmt.Sprintf("al-%d", n), Source: doc}
}

var tokenForm = regexp.MustCompile(`(host|user|addr|domain|mail|sid|path|value)-[a-z2-7]{12}-[0-9]+`)

// TestNothingMaskedReachesTheConnector is the property the package exists for: over random alerts, settings and
// conversations, what a model is sent holds no masked value, and what it answers is restored exactly.
func TestNothingMaskedReachesTheConnector(t *testing.T) {
	r := world{rand.New(rand.NewPCG(3, 5))}
	for round := range 100 {
		var alerts []Alert
		for n := range 1 + r.IntN(6) {
			alerts = append(alerts, r.alert(n))
		}
		var more []string
		for _, f := range []string{"process.pid", "process.parent.name", "kibana.alert.rule.name", "user_agent.original", "user"} {
			if r.IntN(4) == 0 {
				more = append(more, f)
			}
		}
		q := Question{AllowReplacement: more, Messages: []Message{
			{RoleUser, r.text()}, {RoleAssistant, r.text()}, {RoleUser, "About host " + r.host() + " and user " + r.user() + ": " + r.text()},
		}}
		b := newBench(t, alerts, fmt.Sprintf(`{"action":"tool","tool":"alert-search","arguments":{"host":%q}}`, r.host()), sayOpen,
			`{"action":"tool","tool":"no-such","arguments":{"x":"pay-db-07"}}`, `not JSON, by m.oduya`, sayDone)
		a := b.ask(t, q)
		// Our own marks around quoted data are fixed text.
		sent := regexp.MustCompile(`=+ DATA (begins|ends)`).ReplaceAllString(tokenForm.ReplaceAllString(b.model.all(), "\x00"), "")
		trace, _ := json.Marshal(a.Trace)
		// JSON writes a backslash twice, and some signs as escapes.
		plain := strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(sent)
		p := newPolicy(DefaultFields(), q)
		for _, alert := range alerts {
			for _, f := range alert.fields() {
				if !p.hides(f.name) {
					continue
				}
				for _, v := range f.values {
					s := strings.TrimSpace(spelling(v))
					if v == true || strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0 {
						continue // a placeholder names nobody
					}
					if mask.Ambiguous(s) {
						if i := strings.Index(sent, `:"`+s+`"`); i >= 0 {
							t.Fatalf("round %d: %s %q is a whole value in what was sent: %s", round, f.name, s, sent[max(0, i-80):i+80])
						}
						continue
					}
					if !strings.Contains(strings.ToLower(plain), strings.ToLower(s)) {
						continue
					}
					whole := regexp.MustCompile(`(?i)(^|[^\pL\pN])` + regexp.QuoteMeta(s) + `($|[^\pL\pN])`)
					for where, text := range map[string]string{"what was sent": plain, "the trace": tokenForm.ReplaceAllString(string(trace), "\x00")} {
						if at := whole.FindStringIndex(text); at != nil {
							t.Fatalf("round %d: %s holds %s %q: %q", round, where, f.name, s, text[max(0, at[0]-80):min(len(text), at[1]+80)])
						}
					}
				}
			}
		}
		for _, shape := range []string{"10.20.30.40", "2001:db8::7", "S-1-5-21-11-22-33", "eve@corp", `CORP\eve`, `Users\m.`} {
			if i := strings.Index(plain, shape); i >= 0 {
				t.Fatalf("round %d: %q was sent: %q", round, shape, plain[max(0, i-80):i+40])
			}
		}
		for token, value := range a.Replacements {
			if got := restoreWith(t, a.Replacements, token); got != value {
				t.Fatalf("%s restores to %q, want %q", token, got, value)
			}
		}
	}
}

func restoreWith(t *testing.T, replacements map[string]string, text string) string {
	t.Helper()
	m, err := Restore([]Message{{RoleUser, text}}, replacements)
	if err != nil {
		t.Fatal(err)
	}
	return m[0].Content
}

// TestLongConversationsCostTheSame: the 200th turn sends no more than the 40th.
func TestLongConversationsCostTheSame(t *testing.T) {
	var history []Message
	size := func(turns int) int {
		history = history[:0]
		for i := range turns {
			history = append(history, Message{RoleUser, fmt.Sprintf("turn %d about PAY-DB-%02d", i, i%50)}, Message{RoleAssistant, "noted"})
		}
		b := newBench(t, nil, sayDone)
		a := b.ask(t, Question{Messages: append(slices.Clone(history), Message{RoleUser, "and now?"})})
		if turns > maxHistory && len(a.Notes) == 0 {
			t.Errorf("%d turns: the answer does not say that earlier ones were left out", turns)
		}
		return len(b.model.all())
	}
	if short, long := size(40), size(200); long > short*11/10 {
		t.Errorf("40 turns send %d bytes, 200 send %d", short, long)
	}
}

// TestHugeAndOddValues: values of 100 KB, numbers, nested lists, and documents made to be deep.
func TestHugeAndOddValues(t *testing.T) {
	huge := strings.Repeat("Großer-Name-", 9000)
	deep := any("x")
	for range 300 {
		deep = map[string]any{"a": deep}
	}
	alerts := []Alert{{ID: "al-1", Source: map[string]any{
		"@timestamp": "2026-05-04T10:00:00Z", "user.name": huge, "user.id": json.Number("100423"), "process.pid": json.Number("100423"),
		"message": "by " + huge + " with 100423 and " + strings.ToUpper("großer-name"), "host": []any{map[string]any{"name": "H-1"}, map[string]any{"name": []any{"H-2", "H-3"}}},
		"process.args": []any{"H-2", "on h-3:"}, "process": deep,
	}}}
	b := newBench(t, alerts, sayOpen, sayDone)
	a := b.ask(t, Question{Messages: user("Which first?"), AllowReplacement: []string{"user.id"}})
	noneOf(t, "what was sent", b.model.all(), "100423", "H-1", "H-2", "H-3")
	if strings.Contains(b.model.all(), "Name-Gro") || len(b.model.all()) > 20_000 {
		t.Errorf("%d bytes were sent", len(b.model.all()))
	}
	found := false
	for _, value := range a.Replacements {
		found = found || value == huge
	}
	if !found {
		t.Error("the huge value has no token")
	}
}

// TestSettingsOfPeopleWinOverNewDefaults: what an older version stored as its defaults does not count, what a person set
// does.
func TestSettingsOfPeopleWinOverNewDefaults(t *testing.T) {
	fields := Fields([]FieldSetting{
		{Field: "host.name", Allowed: true}, // an old default
		{Field: "user.name", Allowed: true, SetBy: "ana"},
		{Field: "message", Anonymized: true, SetBy: "ana"},
		{Field: "custom.field", Allowed: true, Anonymized: true, SetBy: "ana"},
	})
	want := map[string][2]bool{"host.name": {true, true}, "user.name": {true, false}, "message": {false, true}, "custom.field": {true, true}, "source.ip": {true, true}}
	for _, f := range fields {
		if w, ok := want[f.Field]; ok && w != [2]bool{f.Allowed, f.Anonymized} {
			t.Errorf("%s: %v", f.Field, f)
		}
		delete(want, f.Field)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	allowed := 0
	for _, f := range DefaultFields() {
		if f.Allowed {
			allowed++
		}
	}
	if allowed < 110 {
		t.Errorf("%d fields are allowed by default", allowed)
	}
}

// TestARequestCannotUnmask: what the server masks stays masked whatever a request says.
func TestARequestCannotUnmask(t *testing.T) {
	b := newBench(t, []Alert{{ID: "al-1", Source: map[string]any{"@timestamp": "2026-05-04T10:00:00Z", "host.name": "PAY-DB-07", "secret.field": "x1y2"}}}, sayOpen, sayDone)
	b.ask(t, Question{Messages: user("Which first?"), Allow: []string{"host.name", "secret.field", "_id"}, AllowReplacement: []string{}})
	sent := b.model.all()
	noneOf(t, "what was sent", sent, "PAY-DB-07", "x1y2")
	if !strings.Contains(sent, `"host.name":"host-`) || strings.Contains(sent, "@timestamp") {
		t.Errorf("sent %s", sent)
	}
}
