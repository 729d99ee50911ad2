package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// slowModel speaks OpenAI's protocol. While it holds, requests wait; it keeps what it was sent.
type slowModel struct {
	*httptest.Server
	mu     sync.Mutex
	hold   bool
	says   []string
	bodies []string
}

func newSlowModel(t *testing.T) *slowModel {
	m := &slowModel{says: []string{`{"action":"tool","tool":"open-alerts","arguments":{}}`, `{"action":"answer","answer":"Two alerts."}`}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		m.bodies = append(m.bodies, string(body))
		hold, text := m.hold, m.says[0]
		if !hold && len(m.says) > 1 {
			m.says = m.says[1:]
		}
		m.mu.Unlock()
		if hold {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}}}})
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *slowModel) set(hold bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold = hold
}

func (m *slowModel) requests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.bodies)
}

var askMasked = []string{"PAY-DB-07", "pay-db-07", "m.oduya", "10.20.30.40"}

// askAlerts are two alerts of the last hour.
func askAlerts() []assistant.Alert {
	at := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	var alerts []assistant.Alert
	for i := range 2 {
		alerts = append(alerts, assistant.Alert{ID: fmt.Sprintf("al-%d", i), Index: ".alerts-security.alerts-default", Source: map[string]any{
			"@timestamp": at, "kibana.alert.severity": "high", "kibana.alert.risk_score": json.Number("73"), "kibana.alert.workflow_status": "open",
			"host.name": "PAY-DB-07", "user.name": "m.oduya", "message": "logon on pay-db-07 by m.oduya from 10.20.30.40"}})
	}
	return alerts
}

// askFolder is a data folder with two alerts, and a configuration with the model as connector gpt.
func askFolder(t *testing.T, m *slowModel) (dir, cfg string) {
	t.Helper()
	dir = t.TempDir()
	db, err := sqlite.OpenAssistant(t.Context(), filepath.Join(dir, "assistant.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.ImportAlerts(t.Context(), askAlerts()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	cfg = filepath.Join(t.TempDir(), "rulebridge.yaml")
	text := fmt.Sprintf("connectors: [{id: gpt, kind: openai, model: m, url: %q, api_key: none}]\n", m.URL)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, cfg
}

// ask sends a question; cancel it through ctx.
func (d *dev) ask(ctx context.Context, connector, question string) (status int, body string, err error) {
	data, _ := json.Marshal(map[string]any{"message": question, "isEnabledRAGAlerts": true, "alertsIndexPattern": ".alerts-security.alerts-default"})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/internal/elastic_assistant/actions/connector/"+connector+"/_execute", bytes.NewReader(data))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("kbn-xsrf", "")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// openQuestions are those whose contents are still in the store.
func openQuestions(t *testing.T, dir string) []string {
	t.Helper()
	db, err := sqlite.OpenAssistant(t.Context(), filepath.Join(dir, "assistant.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ids, err := db.StaleQuestions(t.Context(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestAskKilledAndCancelled asks over the built program: an answer, a caller that goes away, and kill -9 while the model
// thinks. Afterwards nothing of a question is left, and neither histories nor logs nor what was sent hold a masked value.
func TestAskKilledAndCancelled(t *testing.T) {
	m := newSlowModel(t)
	dir, cfg := askFolder(t, m)
	d := startDev(t, dir, "--config", cfg)
	const question = "What happened on PAY-DB-07, and what did m.oduya do?"

	status, body, err := d.ask(t.Context(), "gpt", question)
	if err != nil || status != 200 || !strings.Contains(body, "Two alerts.") {
		t.Fatalf("%d %v: %s", status, err, body)
	}
	status, body, err = d.ask(t.Context(), "deterministic", "How many alerts are currently open?")
	if err != nil || status != 200 || !strings.Contains(body, "2 alerts open") {
		t.Fatalf("%d %v: %s", status, err, body)
	}
	eventually(t, 20*time.Second, "the contents of the questions are deleted", func() bool { return len(openQuestions(t, dir)) == 0 })

	m.set(true)
	ctx, leave := context.WithCancel(t.Context())
	before := m.requests()
	go func() {
		for m.requests() == before {
			time.Sleep(20 * time.Millisecond)
		}
		leave()
	}()
	if _, _, err := d.ask(ctx, "gpt", question); err == nil {
		t.Fatal("the model holds and the question was answered")
	}
	eventually(t, 30*time.Second, "the question of a caller who went away is deleted", func() bool { return len(openQuestions(t, dir)) == 0 })

	before = m.requests()
	failed := make(chan error, 1)
	go func() {
		_, _, err := d.ask(t.Context(), "gpt", question)
		failed <- err
	}()
	eventually(t, 20*time.Second, "the model is asked", func() bool { return m.requests() > before })
	logs := d.stdout.String() + d.stderr.String()
	d.kill()
	if err := <-failed; err == nil {
		t.Fatal("the program was killed and the question was answered")
	}
	if n := len(openQuestions(t, dir)); n != 1 {
		t.Errorf("%d questions are in the store after the kill, want the one that was under way", n)
	}
	m.set(false)
	before = m.requests()
	d = startDev(t, dir, "--config", cfg)
	eventually(t, time.Minute, "the question goes on after the kill", func() bool { return m.requests() > before })
	// Nobody reads this answer; it is deleted two minutes later.
	eventually(t, 4*time.Minute, "the contents are deleted", func() bool { return len(openQuestions(t, dir)) == 0 })
	d.stop()
	logs += d.stdout.String() + d.stderr.String()

	m.mu.Lock()
	sent := strings.Join(m.bodies, "\n")
	m.mu.Unlock()
	texts := map[string]string{"the logs": logs, "what was sent": sent}
	// The alerts themselves are in assistant.db; everything else in the folder is histories and migrations.
	err = filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() || strings.HasPrefix(f.Name(), "assistant.db") {
			return err
		}
		content, err := os.ReadFile(path)
		texts[f.Name()] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range texts {
		for _, v := range append([]string{"What happened"}, askMasked...) {
			if where == "what was sent" && v == "What happened" {
				continue
			}
			if strings.Contains(text, v) {
				t.Errorf("%s holds %q", where, v)
			}
		}
	}
}
