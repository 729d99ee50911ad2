package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
)

// asked is what a made-up Elasticsearch was asked, and what it answers.
type asked struct {
	path   string
	uri    string // as it was sent
	body   map[string]any
	status int
	answer string
	wait   bool
}

func newQueries(t *testing.T) (queries, *asked) {
	t.Helper()
	a := &asked{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		a.path, a.uri, a.body = r.Method+" "+r.URL.Path, r.RequestURI, nil
		_ = json.Unmarshal(text, &a.body)
		if a.wait {
			<-r.Context().Done()
			return
		}
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.answer)
	}))
	t.Cleanup(srv.Close)
	e, err := elastic.NewQueries(elastic.Options{URLs: []string{srv.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return queries{elastic: e, own: "rulebridge"}, a
}

func fault(kind, reason string) string {
	text, _ := json.Marshal(map[string]any{"error": map[string]any{"type": kind, "reason": reason}})
	return string(text)
}

func TestQueriesRun(t *testing.T) {
	q, a := newQueries(t)
	a.status, a.answer = 200, `{"columns":[{"name":"n","type":"long"},{"name":"h","type":"keyword"}],"values":[[12345678901234567890,"a"],[2,["b",null]],[3,"c"]]}`
	rows, err := q.Run(t.Context(), "FROM logs-* | KEEP n, h // all of them", "now-1h", "", 2)
	if err != nil {
		t.Fatal(err)
	}
	want := api.ClusterRows{Columns: []api.ClusterColumn{{Name: "n", Type: "long"}, {Name: "h", Type: "keyword"}}, Truncated: true,
		Rows: [][]any{{json.Number("12345678901234567890"), "a"}, {json.Number("2"), []any{"b", nil}}}}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("%+v, want %+v", rows, want)
	}
	wantBody := map[string]any{"query": "FROM logs-* | KEEP n, h // all of them\n| LIMIT 3",
		"filter": map[string]any{"range": map[string]any{"@timestamp": map[string]any{"gte": "now-1h"}}}}
	if a.path != "POST /_query" || !reflect.DeepEqual(a.body, wantBody) {
		t.Errorf("asked %s %v", a.path, a.body)
	}
	a.answer = `{"columns":[],"values":[],"is_partial":true}`
	if _, err := q.Run(t.Context(), "FROM logs-*", "", "", 2); err == nil {
		t.Error("an answer that lacks shards passes for a whole one")
	}
	a.status, a.answer = 400, fault("verification_exception", "Found 1 problem\nline 1:1: Unknown index [logs-*]")
	if _, err := q.Run(t.Context(), "FROM logs-*", "", "", 2); err == nil || !strings.Contains(err.Error(), "Unknown index") {
		t.Errorf("%v", err)
	}
	a.wait = true
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := q.Run(ctx, "FROM logs-*", "", "", 2); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("%v", err)
	}
}

func TestQueriesCheck(t *testing.T) {
	q, a := newQueries(t)
	for _, tt := range []struct {
		status int
		answer string
		want   api.ClusterState
	}{
		{200, `{"columns":[],"values":[]}`, api.ClusterPassed},
		{400, fault("verification_exception", "Found 1 problem\nline 1:6: Unknown index [logs-*]"), api.ClusterUnknownIndex},
		{404, fault("index_not_found_exception", "no such index [logs]"), api.ClusterUnknownIndex},
		{400, fault("verification_exception", "Found 1 problem\nline 1:20: Unknown column [x]"), api.ClusterUnknownField},
		{400, fault("verification_exception", "Found 1 problem\nline 1:20: first argument of [==] is of another type"), api.ClusterFailed},
		{403, fault("security_exception", "not authorized"), api.ClusterFailed},
		{429, fault("circuit_breaking_exception", "too much"), api.ClusterUnreachable},
		{503, `{}`, api.ClusterUnreachable},
	} {
		a.status, a.answer = tt.status, tt.answer
		if got, message := q.Check(t.Context(), "FROM logs-*"); got != tt.want || message == "" {
			t.Errorf("%d %s: %s %q, want %s", tt.status, tt.answer, got, message, tt.want)
		}
	}
	if got := a.body["query"]; got != "FROM logs-*\n| LIMIT 0" {
		t.Errorf("asked %q", got)
	}
}

func TestQueriesHas(t *testing.T) {
	q, a := newQueries(t)
	for answer, want := range map[string]bool{`{"indices":[".ds-logs-x-1"],"fields":{}}`: true, `{"indices":[],"fields":{}}`: false} {
		a.status, a.answer = 200, answer
		if got, err := q.Present(t.Context(), "logs-*"); err != nil || got != want {
			t.Errorf("%s: %v, %v", answer, got, err)
		}
	}
	a.status, a.answer = 404, fault("index_not_found_exception", "no such index")
	if got, err := q.Present(t.Context(), "logs-*"); err != nil || got {
		t.Errorf("not found: %v, %v", got, err)
	}
	a.status, a.answer = 403, fault("security_exception", "no")
	if _, err := q.Present(t.Context(), "logs-*"); err == nil {
		t.Error("a refusal is no answer")
	}
}

// TestQueriesHasIsAQuestion: whatever a person wrote as an index pattern, no other call of Elasticsearch comes of it.
func TestQueriesHasIsAQuestion(t *testing.T) {
	q, a := newQueries(t)
	a.status, a.answer = 200, `{"indices":["x"]}`
	for _, pattern := range []string{"_snapshot/backup", "a/_alias", "a/../_all", "x?y=z", "x#y", "<logs-{now/d}>", "a%2fb", "a b", "é", "_all", ""} {
		a.uri = ""
		if _, err := q.Present(t.Context(), pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
		path, _, _ := strings.Cut(a.uri, "?")
		name, ok := strings.CutSuffix(strings.TrimPrefix(path, "/"), "/_field_caps")
		if got, err := url.PathUnescape(name); pattern != "" && (!ok || err != nil || got != pattern || strings.Contains(name, "/")) {
			t.Errorf("%q: asked %s", pattern, a.uri)
		}
		if pattern == "" && a.uri != "" {
			t.Errorf("no pattern: asked %s", a.uri)
		}
	}
}

// never is an Elasticsearch that must not be asked.
type never struct{ t *testing.T }

func (n never) Run(_ context.Context, query, _, _ string) (elastic.QueryResult, error) {
	n.t.Errorf("asked %q", query)
	return elastic.QueryResult{}, errors.New("asked")
}

func (never) Has(context.Context, string) (bool, error) { return false, nil }

// TestQueriesReadNothingElse: the rights of the gateway do not become those of its users.
func TestQueriesReadNothingElse(t *testing.T) {
	q := queries{elastic: never{t}, own: "rulebridge"}
	for _, query := range []string{
		"FROM *", "FROM r*", "FROM rulebridge-*", "FROM rulebridge-conversations", "FROM RULEBRIDGE-rules", `FROM "rulebridge-rules"`, "FROM logs-*,rulebridge-rules",
		"FROM logs-*, rule*", "FROM .security-7", "FROM .alerts-security.alerts-default", "FROM logs-*,-logs-a", "FROM other:rulebridge-rules", "FROM other:*",
		"FROM .security-7::failures", "FROM rulebridge-rules::data", "FROM <logs-{now/d}>", "FROM logs-* | LOOKUP JOIN rulebridge-rules ON id",
		"FROM logs-* | LOOKUP JOIN .hidden ON id", "FROM logs-* | ENRICH policy", "SHOW INFO", "TS rulebridge-rules", "METRICS rulebridge-rules", "",
		"// nothing", "FROM logs-* | FORK (LOOKUP JOIN rulebridge-rules ON id) (LIMIT 1)", `FROM logs-* | COMPLETION "x" WITH {"inference_id": "y"}`,
		"FROM logs-* | WHERE", "FROM logs-*\n| LIMIT 1; FROM rulebridge-rules", "FROM _all", "FROM other:_all", "FROM logs-*,_all", "FROM logs-* | LOOKUP JOIN _all ON id", `FROM """rulebridge-rules"""`,
		"FROM (FROM rulebridge-rules)", "FROM logs-*, (FROM rulebridge-rules)",
	} {
		if state, message := q.Check(t.Context(), query); state != api.ClusterFailed || message == "" {
			t.Errorf("%s: %s %s", query, state, message)
		}
		if _, err := q.Run(t.Context(), query, "", "", 1); err == nil {
			t.Errorf("%s: no error", query)
		}
	}
	for _, query := range []string{"FROM logs-*", "// a remark\nFROM logs-*,metrics-*", "FROM eu:logs-*", "FROM rules-of-the-house | LOOKUP JOIN lookup_hosts ON host.name",
		"ROW a = 1", "FROM logs-* | CHANGE_POINT a ON b", "FROM rulebridges"} {
		if _, err := q.limited(query, 1); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}
