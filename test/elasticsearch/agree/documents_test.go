package agree

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant/esqldocs"
)

// absentHere says why the node cannot run the examples that are marked so, by a part of the query.
var absentHere = map[string]string{
	"ENRICH":                     "there are no enrich policies",
	"CHANGE_POINT":               "the command never returns there",
	"CATEGORIZE":                 "the function never returns there",
	"ST_EXTENT_AGG":              "the licence is basic",
	"TO_AGGREGATE_METRIC_DOUBLE": "the release fails on constants",
}

func examples(t *testing.T, want func(esqldocs.Example) bool) []Query {
	t.Helper()
	pages, err := esqldocs.Pages()
	if err != nil {
		t.Fatal(err)
	}
	var list []Query
	for _, p := range pages {
		for _, e := range p.Examples {
			if want(e) {
				list = append(list, Query{Name: p.Name, Text: e.Query})
			}
		}
	}
	return list
}

// TestDocuments runs the examples of the ES|QL knowledge base: the checker and the node accept each of them, and agree
// on the columns.
func TestDocuments(t *testing.T) {
	for _, q := range examples(t, func(e esqldocs.Example) bool { return e.Absent }) {
		known := false
		for part := range absentHere {
			known = known || strings.Contains(q.Text, part)
		}
		if !known {
			t.Errorf("%s: no reason why the node cannot run %s", q.Name, q.Text)
		}
	}
	w, ctx := newWorld(t)
	createExamples(ctx, t, w)
	r, err := Run(ctx, w, examples(t, func(e esqldocs.Example) bool { return !e.Later && !e.Absent }))
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
	if r.BothAccept < 170 {
		t.Errorf("only %d examples were accepted", r.BothAccept)
	}
	for _, v := range r.Refused {
		t.Errorf("refused by both: %v", v)
	}
}

func createExamples(ctx context.Context, t *testing.T, w *World) {
	t.Helper()
	create := func(name, mode string, columns map[string]string, doc map[string]any) {
		t.Helper()
		properties := map[string]any{}
		for field, typ := range columns {
			properties[field] = map[string]any{"type": typ}
		}
		settings := map[string]any{"number_of_replicas": 0}
		if mode != "" {
			settings = map[string]any{"index.mode": mode}
		}
		if err := w.Client.DeleteIndex(ctx, name); err != nil {
			t.Fatal(err)
		}
		if err := w.Client.CreateIndex(ctx, name, map[string]any{"settings": settings, "mappings": map[string]any{"properties": properties}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Client.Bulk(ctx, name, doc); err != nil {
			t.Fatal(err)
		}
	}
	fields := esqldocs.ExampleFields()
	create("logs-example", "", fields, map[string]any{
		"@timestamp": time.Now().UTC().Format(time.RFC3339), "host.name": "web-1", "source.ip": "192.0.2.7", "destination.ip": "10.0.0.5",
		"user.name": "alice", "process.name": "powershell.exe", "process.command_line": "powershell.exe -enc SQBFAFgA",
		"process.pid": 4711, "process.args": []string{"powershell.exe", "-enc"}, "event.action": "logon",
		"event.category": []string{"authentication", "process"}, "event.code": "4625", "event.outcome": "failure", "file.size": 2048,
		"network.bytes": 120, "message": "access denied", "risk": 73.5, "agent.version": "8.19.1", "source.geo.location": "POINT(8.5 47.4)",
	})
	owners := map[string]string{"host.name": "keyword", "owner": "keyword"}
	create("owners-example", "lookup", owners, map[string]any{"host.name": "web-1", "owner": "ops"})
	w.Indices["logs-example"], w.Lookups["owners-example"] = fields, owners
}

// EnvLater names the program that answers for the front end of a 9.x release: one JSON object a line with id, query and
// index_mappings on its standard input, one with id, analyzed and error on its output.
const EnvLater = "RULEBRIDGE_ESQL9"

// TestDocumentsLater asks a 9.x front end about every example, those of 8.19 too.
func TestDocumentsLater(t *testing.T) {
	program := os.Getenv(EnvLater)
	if program == "" {
		t.Skipf("%s names no 9.x front end: `make documents-later` sets it", EnvLater)
	}
	later := map[string]map[string]string{
		"logs-example": esqldocs.ExampleFields(), "owners-example": {"host.name": "keyword", "owner": "keyword"},
		"vectors-example": {"@timestamp": "date", "embedding": "dense_vector"}, "flat-example": {"labels": "flattened"},
		"metrics-example":    {"@timestamp": "date", "host": "dimension", "cpu": "double", "requests": "counter_long", "plain": "long"},
		"histograms-example": {"latency": "histogram"},
	}
	var input bytes.Buffer
	encoder := json.NewEncoder(&input)
	list := examples(t, func(esqldocs.Example) bool { return true })
	for _, q := range list {
		if err := encoder.Encode(map[string]any{
			"id": q.Name, "query": q.Text, "index_mappings": later, "lookup": []string{"owners-example"}, "time_series": []string{"metrics-example"},
			"enrich":    map[string]any{"owners": map[string]any{"match_field": "host.name", "type": "match", "fields": map[string]string{"owner": "keyword"}}},
			"inference": map[string]string{"model-example": "completion", "rerank-example": "rerank", "embedding-example": "text_embedding", "multimodal-example": "embedding"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program)
	command.Stdin = &input
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for _, q := range list {
		var answer struct {
			ID       string
			Analyzed bool
			Error    struct{ Reason string }
		}
		if err := decoder.Decode(&answer); err != nil {
			t.Fatalf("%s: %v", q.Name, err)
		}
		if answer.ID != q.Name {
			t.Fatalf("an answer about %q where %q was asked", answer.ID, q.Name)
		}
		if answer.Analyzed || strings.Contains(answer.Error.Reason, "current license is non-compliant") ||
			strings.Contains(answer.Error.Reason, "requires the IP location service") { // parts of a cluster, not of the language
			continue
		}
		t.Errorf("%s: %s\n%s", q.Name, q.Text, answer.Error.Reason)
	}
}
