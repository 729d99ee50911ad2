package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	workflow "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
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

// TestAskWorkerKilled over the file of a data folder.
func TestAskWorkerKilled(t *testing.T) {
	m := newStreamModel(t, killedAnswer)
	dir, cfg := askFolder(t, &slowModel{Server: m.Server})
	c := &cluster{t: t, dir: dir, cfg: cfg}
	_, c.addr = startTemporal(t, c.dir, "0")
	askWorkerKilled(t, c, m, func() int { return len(openQuestions(t, dir)) })
}

// TestAskWorkerKilledOnElasticsearch over a real node, which holds the questions and the alerts.
func TestAskWorkerKilledOnElasticsearch(t *testing.T) {
	node := elasticsearch.Start(t)
	m := newStreamModel(t, killedAnswer)
	prefix := fmt.Sprintf("ask%d", time.Now().UnixNano())
	t.Cleanup(func() { dropIndices(node, prefix) })
	cfg := filepath.Join(t.TempDir(), "rulebridge.yaml")
	text := fmt.Sprintf("connectors: [{id: gpt, kind: openai, model: m, url: %q, api_key: none}]\nlog: {level: debug}\n"+
		"store: {kind: elasticsearch}\nelasticsearch: {urls: [%q], prefix: %s, refresh_interval: 30s}\n", m.URL, node.URL, prefix)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const index = ".alerts-security.alerts-default"
	if err := node.CreateIndex(t.Context(), index, map[string]any{"settings": map[string]any{"index.hidden": true}, "mappings": map[string]any{
		"properties":        map[string]any{"@timestamp": map[string]any{"type": "date"}, "message": map[string]any{"type": "text"}},
		"dynamic_templates": []any{map[string]any{"text": map[string]any{"match_mapping_type": "string", "mapping": map[string]any{"type": "keyword"}}}}}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.DeleteIndex(context.Background(), index) })
	var bulk bytes.Buffer
	for _, alert := range askAlerts() {
		source, err := json.Marshal(alert.Source)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q,\"_id\":%q}}\n%s\n", index, alert.ID, source)
	}
	var filled struct{ Errors bool }
	if err := node.Do(t.Context(), "POST", "/_bulk?refresh=true", bulk.Bytes(), &filled); err != nil || filled.Errors {
		t.Fatalf("fill: %v, %v", err, filled)
	}
	c := newCluster(t, cfg)
	askWorkerKilled(t, c, m, func() int {
		open := 0
		for _, name := range []string{"questions", "steps"} {
			var count struct{ Count int }
			if err := node.Do(t.Context(), "POST", "/"+prefix+"-"+name+"/_refresh", nil, nil); err != nil {
				t.Fatal(err)
			}
			if err := node.Do(t.Context(), "GET", "/"+prefix+"-"+name+"/_count", nil, &count); err != nil {
				t.Fatal(err)
			}
			open += count.Count
		}
		return open
	})
}

// killedAnswer is long enough to be cut in two.
const killedAnswer = "2 alerts are open. Look at the first one before the second one, and then at the third."

// askWorkerKilled kills the only worker while two clients wait, one of them in the middle of a stream. Another worker goes
// on: both get their answer, the stream has no word twice, and no call of a model that was recorded is made again. Then a
// client goes away: its workflow is cancelled. open is how much of questions is in the store.
func askWorkerKilled(t *testing.T, c *cluster, m *streamModel, open func() int) {
	m.hold(true)
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
	if open() == 0 {
		t.Error("nothing of the questions is in the store while they are under way")
	}
	worker.kill()
	m.hold(false)
	second := c.worker()
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
	eventually(t, 30*time.Second, "the contents of the questions are deleted", func() bool { return open() == 0 })

	m.hold(true)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		for len(m.requests()) < 8 { // six above, and two of this question
			time.Sleep(20 * time.Millisecond)
		}
		leave()
	}()
	if status, body, err := gateway.ask(ctx, "gpt", "Who is M.ODUYA@corp.example?"); err == nil {
		t.Errorf("the model holds and the question was answered: %d %s", status, body)
	}
	eventually(t, 30*time.Second, "the question of a client that went away is deleted", func() bool { return open() == 0 })
	temporal, err := client.Dial(client.Options{HostPort: c.addr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	defer temporal.Close()
	var executions []*workflow.WorkflowExecutionInfo
	eventually(t, 30*time.Second, "its workflow is cancelled, and the two others are completed", func() bool {
		list, err := temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		executions = list.Executions
		ended := map[enums.WorkflowExecutionStatus]int{}
		for _, e := range executions {
			if strings.HasPrefix(e.Execution.WorkflowId, "ask-") {
				ended[e.Status]++
			}
		}
		return ended[enums.WORKFLOW_EXECUTION_STATUS_CANCELED] == 1 && ended[enums.WORKFLOW_EXECUTION_STATUS_COMPLETED] == 2
	})
	texts := map[string]string{"the gateway's log": gateway.stdout.String() + gateway.stderr.String(), "the first worker's log": worker.stdout.String() + worker.stderr.String(),
		"the second worker's log": second.stdout.String() + second.stderr.String(), "what was sent": strings.Join(m.requests(), "\n")}
	for _, e := range executions {
		texts[e.Execution.WorkflowId] = e.String() // with memo and search attributes
		for events := temporal.GetWorkflowHistory(t.Context(), e.Execution.WorkflowId, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			event, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			raw, err := protojson.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			texts[e.Execution.WorkflowId] += string(raw) + payloads(raw)
		}
	}
	for where, text := range texts {
		text = strings.ToLower(text)
		for _, v := range append([]string{"what happened"}, askMasked...) {
			if strings.Contains(text, strings.ToLower(v)) && (where != "what was sent" || v != "what happened") {
				t.Errorf("%s holds %q", where, v)
			}
		}
	}
}

var payloadForm = regexp.MustCompile(`"data": ?"([A-Za-z0-9+/=]+)"`)

// payloads are what payloads of an event hold, which protojson writes in Base64.
func payloads(event []byte) string {
	var b strings.Builder
	for _, m := range payloadForm.FindAllSubmatch(event, -1) {
		if text, err := base64.StdEncoding.DecodeString(string(m[1])); err == nil {
			b.Write(text)
			b.WriteByte('\n')
		}
	}
	return b.String()
}
