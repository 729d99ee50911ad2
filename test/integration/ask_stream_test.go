package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// streamModel speaks OpenAI's protocol, also in streams. It first asks for a tool, then answers: while held, half of the
// answer, and then nothing; a stream waits after each piece until step is called, when stepped is set.
type streamModel struct {
	*httptest.Server
	answer string

	mu     sync.Mutex
	held   bool
	step   chan struct{} // nil: a stream does not wait
	bodies []string
	last   bool // the last piece of an answer was sent
}

func newStreamModel(t *testing.T, answer string) *streamModel {
	m := &streamModel{answer: answer}
	m.Server = httptest.NewServer(http.HandlerFunc(m.serve))
	t.Cleanup(m.Close)
	return m
}

func (m *streamModel) serve(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body struct {
		Stream   bool `json:"stream"`
		Messages []struct {
			Role string `json:"role"`
		} `json:"messages"`
	}
	_ = json.Unmarshal(raw, &body)
	m.mu.Lock()
	m.bodies = append(m.bodies, string(raw))
	held, step := m.held, m.step
	m.mu.Unlock()
	text := `{"action":"tool","tool":"open-alerts","arguments":{}}`
	final := len(body.Messages) > 2
	if final {
		answer, _ := json.Marshal(map[string]string{"action": "answer", "answer": m.answer})
		text = string(answer)
	}
	if !body.Stream {
		if final && held {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}}}})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(choice map[string]any) {
		event, _ := json.Marshal(map[string]any{"choices": []any{choice}})
		_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
		w.(http.Flusher).Flush()
	}
	const size = 16
	for i := 0; i < len(text); i += size {
		if final && held && i >= len(text)/2 {
			<-r.Context().Done()
			return
		}
		if final && step != nil && i+size >= len(text) {
			select { // the last piece
			case <-step:
			case <-r.Context().Done():
				return
			}
			m.mu.Lock()
			m.last = true
			m.mu.Unlock()
		}
		send(map[string]any{"delta": map[string]any{"content": text[i:min(len(text), i+size)]}})
	}
	send(map[string]any{"delta": map[string]any{}, "finish_reason": "stop"})
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
}

func (m *streamModel) hold(held bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = held
}

func (m *streamModel) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.bodies...)
}

// askStream asks for a stream; seen is called with each event.
func (d *dev) askStream(ctx context.Context, connector, question string, seen func(name, data string)) error {
	body, _ := json.Marshal(map[string]any{"message": question, "isEnabledRAGAlerts": true, "alertsIndexPattern": ".alerts-security.alerts-default"})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/internal/elastic_assistant/actions/connector/"+connector+"/_execute", bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"kbn-xsrf": "", "Content-Type": "application/json", "Accept": "text/event-stream"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 200 {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%d: %s", resp.StatusCode, text)
	}
	name := ""
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = n
		} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			seen(name, data)
		}
	}
	return lines.Err()
}

func pieceOf(t *testing.T, data string) string {
	t.Helper()
	var piece struct{ Payload string }
	if err := json.Unmarshal([]byte(data), &piece); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return piece.Payload
}

// TestAskStreams: the first words of an answer are with the client while the model has not said the last ones.
func TestAskStreams(t *testing.T) {
	m := newStreamModel(t, "2 alerts are open. Look at the first one before the second one, and then at the third.")
	m.step = make(chan struct{})
	dir, cfg := askFolder(t, &slowModel{Server: m.Server})
	d := startDev(t, dir, "--config", cfg)
	given, done, early := "", "", false
	err := d.askStream(t.Context(), "gpt", "What happened on PAY-DB-07?", func(name, data string) {
		switch name {
		case "content":
			if given += pieceOf(t, data); !early {
				m.mu.Lock()
				early = !m.last
				m.mu.Unlock()
				if !early {
					t.Error("the last piece left the model before the first one reached the client")
				}
				close(m.step)
			}
		case "done":
			done = data
		default:
			t.Errorf("event %s: %s", name, data)
		}
	})
	if err != nil || !early || !strings.HasPrefix(given, m.answer) || !strings.Contains(done, m.answer) || strings.Contains(given, "action") {
		t.Errorf("%v, %q, %s", err, given, done)
	}
	eventually(t, 20*time.Second, "the contents of the question are deleted", func() bool { return len(openQuestions(t, dir)) == 0 })
}

// TestAskWorkerKilled kills the only worker while two clients wait, one of them in the middle of a stream. Another worker
// goes on: both get their answer, the stream has no word twice, and no call of a model that was recorded is made again.
func TestAskWorkerKilled(t *testing.T) {
	m := newStreamModel(t, "2 alerts are open. Look at the first one before the second one, and then at the third.")
	m.hold(true)
	dir, cfg := askFolder(t, &slowModel{Server: m.Server})
	c := &cluster{t: t, dir: dir, cfg: cfg}
	_, c.addr = startTemporal(t, c.dir, "0")
	c.setup()
	worker := c.worker()
	gateway := c.gateway()

	type outcome struct {
		text string
		err  error
	}
	whole, streamed := make(chan outcome, 1), make(chan outcome, 1)
	go func() {
		status, body, err := gateway.ask(t.Context(), "gpt", "What happened on PAY-DB-07?")
		if status != 200 && err == nil {
			err = fmt.Errorf("status %d", status)
		}
		whole <- outcome{body, err}
	}()
	var mu sync.Mutex
	given := ""
	go func() {
		var failure error
		err := gateway.askStream(t.Context(), "gpt", "What did m.oduya do?", func(name, data string) {
			mu.Lock()
			defer mu.Unlock()
			switch name {
			case "content":
				given += pieceOf(t, data)
			case "error":
				failure = fmt.Errorf("event error: %s", data)
			}
		})
		if err == nil {
			err = failure
		}
		mu.Lock()
		defer mu.Unlock()
		streamed <- outcome{given, err}
	}()
	eventually(t, time.Minute, "both questions wait for the model, one with half an answer", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return given != "" && len(m.requests()) == 4
	})
	worker.kill()
	m.hold(false)
	c.worker()
	for name, ended := range map[string]chan outcome{"the whole answer": whole, "the stream": streamed} {
		select {
		case o := <-ended:
			if o.err != nil || strings.Count(o.text, "Look at the first one") < 1 || name == "the stream" && strings.Count(o.text, "2 alerts are open") != 1 {
				t.Errorf("%s: %v, %s", name, o.err, o.text)
			}
		case <-time.After(3 * time.Minute):
			t.Fatalf("%s did not come", name)
		}
	}
	// Each question was asked twice before the kill, and only what had no answer again.
	again := map[string]int{}
	for _, body := range m.requests() {
		again[body]++
	}
	repeated := 0
	for body, n := range again {
		if n > 1 {
			repeated++
			if !strings.Contains(body, "Result of open-alerts") || n > 2 {
				t.Errorf("%d times: %.300s", n, body)
			}
		}
	}
	if len(m.requests()) != 6 || repeated != 2 {
		t.Errorf("%d requests, %d repeated", len(m.requests()), repeated)
	}
	eventually(t, 30*time.Second, "the contents of the questions are deleted", func() bool { return len(openQuestions(t, dir)) == 0 })
}
