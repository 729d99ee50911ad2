package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant/alertfile"
	"github.com/rulebridge/rulebridge/samples"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// run runs the program to its end.
func run(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary(t), args...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		t.Fatalf("rulebridge %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// openAlerts is how many of the sample alerts are open and of the last day.
func openAlerts(t *testing.T, text []byte, now time.Time) int {
	t.Helper()
	n := 0
	for alert, err := range alertfile.Read("samples", bytes.NewReader(text), nil) {
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, alert.Source["@timestamp"].(string))
		if err != nil {
			t.Fatal(err)
		}
		kibana := alert.Source["kibana"].(map[string]any)["alert"].(map[string]any)
		if at.After(now.Add(-24*time.Hour)) && kibana["workflow_status"] == "open" && kibana["building_block_type"] == nil {
			n++
		}
	}
	return n
}

// TestAskOnElasticsearch: a gateway and a worker without a file of their own answer from alerts in the cluster, keep the
// conversation there, and write nothing into the alerts.
func TestAskOnElasticsearch(t *testing.T) {
	node := elasticsearch.Start(t)
	index := fmt.Sprintf(".alerts-test-%d", time.Now().UnixNano())
	cfg, prefix := elasticConfig(t, node, "1s", fmt.Sprintf("assistant: {index_patterns: [%q]}\n", index+"*"))
	keyword := map[string]any{"match_mapping_type": "string", "mapping": map[string]any{"type": "keyword", "ignore_above": 1024}}
	if err := node.CreateIndex(t.Context(), index, map[string]any{"settings": map[string]any{"index.hidden": true}, "mappings": map[string]any{
		"dynamic_templates": []any{map[string]any{"text": keyword}}, "properties": map[string]any{"@timestamp": map[string]any{"type": "date"}}}}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	text, err := samples.Alerts(now)
	if err != nil {
		t.Fatal(err)
	}
	var bulk bytes.Buffer
	for alert, err := range alertfile.Read("samples", bytes.NewReader(text), nil) {
		if err != nil {
			t.Fatal(err)
		}
		source, err := json.Marshal(alert.Source)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q,\"_id\":%q}}\n%s\n", index, alert.ID, source)
	}
	var answer struct{ Errors bool }
	if err := node.Do(t.Context(), "POST", "/_bulk?refresh=true", bulk.Bytes(), &answer); err != nil || answer.Errors {
		t.Fatalf("fill: %v, %v", err, answer)
	}
	c := newCluster(t, cfg)
	if out := c.setup(); !strings.Contains(out, "templates and indices are there") || !strings.Contains(out, index) {
		t.Errorf("setup says %s", out)
	}
	c.worker()
	g := c.gateway()
	base := []string{"ask", "--url", g.url, "--config", cfg, "--connector", "deterministic", "--conversation", "shift"}
	got := run(t, append(base, "How many alerts are currently open?")...)
	if want := fmt.Sprintf("%d alerts open in the last 24 hours", openAlerts(t, text, now)); !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	got = run(t, append(base, "Which alerts should I look at first?")...)
	if !strings.Contains(got, "1. critical (99) Memory of LSASS read by an unknown program, host HBR-") {
		t.Errorf("which first: %s", got)
	}
	var conversation struct {
		Messages int
		Turns    []struct{ Role, Content string }
	}
	read(t, g.url+"/internal/elastic_assistant/conversations/shift", &conversation)
	if conversation.Messages != 4 || len(conversation.Turns) != 4 || conversation.Turns[0].Content != "How many alerts are currently open?" {
		t.Errorf("the conversation is %+v", conversation)
	}
	var count struct{ Count int }
	eventually(t, 20*time.Second, "nothing of the questions is left", func() bool {
		for _, name := range []string{"questions", "steps"} {
			if err := node.Do(t.Context(), "POST", "/"+prefix+"-"+name+"/_refresh", nil, nil); err != nil {
				t.Fatal(err)
			}
			if err := node.Do(t.Context(), "GET", "/"+prefix+"-"+name+"/_count", nil, &count); err != nil || count.Count > 0 {
				return false
			}
		}
		return true
	})
	if err := node.Do(t.Context(), "GET", "/"+index+"/_count", nil, &count); err != nil || count.Count != samples.AlertCount {
		t.Errorf("%d alerts are in the index, %v", count.Count, err)
	}
	if err := node.DeleteIndex(t.Context(), index); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, url string, into any) {
	t.Helper()
	status, body := get(t, url)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", url, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatal(err)
	}
}

// TestAskAsTheReadmeSays: the lines of the README for questions, and the same data folder under dev while it runs.
func TestAskAsTheReadmeSays(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "alerts.ndjson")
	sample := run(t, "alerts", "sample")
	if err := os.WriteFile(file, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d alerts open in the last 24 hours", openAlerts(t, []byte(sample), time.Now()))
	if got := run(t, "ask", "How many alerts are currently open?", "--alerts", file); !strings.HasPrefix(got, want) {
		t.Errorf("from a file: %s, want %s", got, want)
	}
	data := filepath.Join(dir, "data")
	d := startDev(t, data)
	if got := run(t, "ask", "How many alerts are currently open?", "--url", d.url); !strings.HasPrefix(got, "0 alerts") && !strings.HasPrefix(got, "No alerts") {
		t.Errorf("dev without alerts: %s", got)
	}
	run(t, "alerts", "import", file, "--data-dir", data)
	if got := run(t, "ask", "How many alerts are currently open?", "--url", d.url); !strings.HasPrefix(got, want) {
		t.Errorf("dev: %s, want %s", got, want)
	}
	if got := run(t, "ask", "How many alerts are currently open?", "--data-dir", data); !strings.HasPrefix(got, want) {
		t.Errorf("beside dev, without its gateway: %s, want %s", got, want)
	}
}
