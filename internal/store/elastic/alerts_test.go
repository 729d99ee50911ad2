package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// nodeAlerts are alerts in an index of the node, mapped as Elastic's alerts are.
type nodeAlerts struct {
	*Alerts
	node  *elasticsearch.Node
	index string
}

func (n nodeAlerts) Index() string { return n.index + "*" }

func (n nodeAlerts) Fill(t *testing.T, alerts []assistant.Alert) {
	t.Helper()
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	for _, a := range alerts {
		if err := encoder.Encode(map[string]any{"index": map[string]any{"_index": n.index, "_id": a.ID}}); err != nil {
			t.Fatal(err)
		}
		if err := encoder.Encode(a.Source); err != nil {
			t.Fatal(err)
		}
	}
	var answer struct{ Errors bool }
	if err := n.node.Do(t.Context(), "POST", "/_bulk?refresh=true", body.Bytes(), &answer); err != nil || answer.Errors {
		t.Fatalf("fill: %v, %v", err, answer)
	}
}

func newNodeAlerts(t *testing.T, node *elasticsearch.Node) storetest.Alerts {
	t.Helper()
	source, err := NewAlerts(Options{URLs: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	n := nodeAlerts{source, node, fmt.Sprintf(".test-alerts-%d", time.Now().UnixNano())}
	keyword := map[string]any{"type": "keyword", "ignore_above": 1024}
	mapping := map[string]any{
		"dynamic_templates": []any{map[string]any{"text": map[string]any{"match_mapping_type": "string", "mapping": keyword}}},
		"properties": map[string]any{
			"@timestamp": map[string]any{"type": "date"}, "message": map[string]any{"type": "text"}, "source.ip": map[string]any{"type": "ip"},
			"kibana.alert.risk_score": map[string]any{"type": "float"},
		},
	}
	if err := node.CreateIndex(t.Context(), n.index, map[string]any{"settings": map[string]any{"number_of_replicas": 0, "index.hidden": true}, "mappings": mapping}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.DeleteIndex(context.Background(), n.index) })
	return n
}

func TestAlerts(t *testing.T) {
	node := elasticsearch.Start(t)
	storetest.RunAlerts(t, func(t *testing.T) storetest.Alerts { return newNodeAlerts(t, node) })
}

func TestAssistantSuite(t *testing.T) {
	node := elasticsearch.Start(t)
	a, err := NewAssistant(Options{URLs: []string{node.URL}, Prefix: prefix(t, node), RefreshInterval: "30s", pageSize: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	for range 2 { // again changes nothing
		if err := a.Setup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.CheckIndices(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.RunAssistant(t, func(t *testing.T) storetest.AssistantStore { return a })
}

// TestManyValues: fields with more values than the first search asks for are asked for again.
func TestManyValues(t *testing.T) {
	source := newNodeAlerts(t, elasticsearch.Start(t))
	n, ok := source.(nodeAlerts)
	if !ok {
		t.Fatal("another source")
	}
	var alerts []assistant.Alert
	for i := range 400 {
		alerts = append(alerts, assistant.Alert{ID: fmt.Sprint(i), Source: map[string]any{"@timestamp": "2026-05-04T11:00:00Z",
			"host.name": fmt.Sprintf("host-%d", i), "user.name": fmt.Sprintf("user-%d", i%7), "message": fmt.Sprintf("text %d", i%5)}})
	}
	n.Fill(t, alerts)
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	scope := assistant.Scope{Index: []string{n.Index()}, From: at.Add(-24 * time.Hour), To: at}
	values := map[string][]string{}
	more, err := n.values(t.Context(), scope, []string{"host.name", "user.name"}, 100, values)
	if err != nil || len(more) != 1 || more[0] != "host.name" || len(values["host.name"]) != 100 || len(values["user.name"]) != 7 {
		t.Errorf("the first hundred: %v have more, %d hosts, %d users, %v", more, len(values["host.name"]), len(values["user.name"]), err)
	}
	all, err := n.Values(t.Context(), scope, []string{"host.name", "user.name", "message", "nothing"}, 1000)
	if err != nil || len(all["host.name"]) != 400 || len(all["user.name"]) != 7 || len(all["message"]) != 5 || len(all) != 3 {
		t.Errorf("all: %d hosts, %d users, %d messages, %v", len(all["host.name"]), len(all["user.name"]), len(all["message"]), err)
	}
}
