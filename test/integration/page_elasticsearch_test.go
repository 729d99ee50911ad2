package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// TestPageElasticsearch: what the page asks the configured cluster is what a real node says.
func TestPageElasticsearch(t *testing.T) {
	binary(t)
	node := elasticsearch.Start(t)
	target, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	var asleep atomic.Bool
	forward := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asleep.Load() {
			_, _ = io.Copy(io.Discard, r.Body) // before the body is read the end of a request is not noticed
			<-r.Context().Done()
			return
		}
		forward.ServeHTTP(w, r)
	}))
	defer front.Close()

	own := fmt.Sprintf("page%d", time.Now().UnixNano())
	index, hidden := "logs-"+own, "."+own
	mapping := map[string]any{"mappings": map[string]any{"properties": map[string]any{
		"@timestamp": map[string]any{"type": "date"}, "host.name": map[string]any{"type": "keyword"}, "n": map[string]any{"type": "long"}}}}
	for _, name := range []string{index, hidden} {
		if err := node.CreateIndex(t.Context(), name, mapping); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = node.DeleteIndex(t.Context(), name) })
		now := time.Now().UTC()
		if err := node.Bulk(t.Context(), name,
			map[string]any{"@timestamp": now.Add(-time.Minute).Format(time.RFC3339), "host.name": "web-1", "n": 1},
			map[string]any{"@timestamp": now.Add(-48 * time.Hour).Format(time.RFC3339), "host.name": "web-2", "n": 2}); err != nil {
			t.Fatal(err)
		}
	}
	cfg := filepath.Join(t.TempDir(), "rulebridge.yaml")
	text := fmt.Sprintf("migration: {pause: 0s}\nelasticsearch: {urls: [%q]}\n", front.URL)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := startDev(t, dir, "--config", cfg)
	g := gatewayAt{t: t, url: d.url}

	type cluster struct{ State, Message string }
	check := func(query string) cluster {
		t.Helper()
		var a struct{ Cluster cluster }
		g.ask("POST", pagePath+"/check", map[string]any{"query": query, "cluster": true}, 200, &a)
		return a.Cluster
	}
	for _, tt := range []struct{ query, state, says string }{
		{"FROM " + index + " | WHERE n > 0 | KEEP host.name // with a comment", "passed", ""},
		{"FROM nothing-" + own + " | KEEP host.name", "unknown_index", "nothing-" + own},
		{"FROM " + index + " | WHERE nowhere == 1", "unknown_field", "nowhere"},
		{"FROM " + index + ` | WHERE n == "a"`, "failed", "n"},
		{"FROM " + hidden, "failed", "hidden indices are not read here"},
		{"FROM *", "failed", "indices of Rulebridge itself"},
		{"SHOW INFO", "failed", ""},
	} {
		if got := check(tt.query); got.State != tt.state || !strings.Contains(got.Message, tt.says) || got.Message == "" {
			t.Errorf("check of %s: %+v, want %s: %s", tt.query, got, tt.state, tt.says)
		}
	}

	type tried struct {
		ESQL struct {
			State, Error string
			Columns      []struct{ Name, Type string }
			Rows         [][]any
			Truncated    bool
		}
	}
	try := func(body map[string]any) (a tried) {
		t.Helper()
		g.ask("POST", pagePath+"/try", body, 200, &a)
		return a
	}
	rows := func(a tried) string {
		text, err := json.Marshal(a.ESQL.Rows)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	query := "FROM " + index + " | KEEP host.name, n | SORT n"
	if a := try(map[string]any{"query": query}); a.ESQL.State != "ran" || rows(a) != `[["web-1",1]]` || len(a.ESQL.Columns) != 2 || a.ESQL.Columns[1].Type != "long" {
		t.Errorf("the last hour: %+v", a.ESQL)
	}
	if a := try(map[string]any{"query": query, "from": "now-7d"}); rows(a) != `[["web-1",1],["web-2",2]]` || a.ESQL.Truncated {
		t.Errorf("a week: %+v", a.ESQL)
	}
	crowd := make([]any, 121)
	for i := range crowd {
		crowd[i] = map[string]any{"@timestamp": time.Now().UTC().Format(time.RFC3339), "host.name": "many", "n": i}
	}
	if err := node.Bulk(t.Context(), index, crowd...); err != nil {
		t.Fatal(err)
	}
	if a := try(map[string]any{"query": "FROM " + index + " | WHERE host.name == \"many\" | KEEP n"}); a.ESQL.State != "ran" || len(a.ESQL.Rows) != 100 || !a.ESQL.Truncated {
		t.Errorf("121 rows: %s, %d rows, truncated %v, %s", a.ESQL.State, len(a.ESQL.Rows), a.ESQL.Truncated, a.ESQL.Error)
	}
	for _, tt := range []struct{ query, says string }{
		{"FROM nothing-" + own, "Unknown index"},
		{"FROM " + index + " | KEEP nowhere", "Unknown column"},
		{"FROM " + hidden, "hidden indices are not read here"},
		{"FROM logs-x," + hidden, "hidden indices are not read here"},
	} {
		if a := try(map[string]any{"query": tt.query}); a.ESQL.State != "failed" || !strings.Contains(a.ESQL.Error, tt.says) || len(a.ESQL.Rows) != 0 {
			t.Errorf("try of %s: %+v", tt.query, a.ESQL)
		}
	}

	// Sources: not there first, there when an index matches and the answer that is kept is older than a minute: another
	// process has none.
	id := d.create(2)
	d.begin(id, "deterministic")
	d.finished(id, 2, time.Minute)
	type source struct{ Pattern, Present string }
	present := func(g gatewayAt) (list []source) {
		t.Helper()
		g.ask("GET", rulesPath+"/"+id+"/sources", nil, 200, &list)
		return list
	}
	before := present(g)
	if len(before) == 0 || before[0].Present != "no" {
		t.Fatalf("sources of an empty cluster: %+v", before)
	}
	there := strings.ReplaceAll(before[0].Pattern, "*", own)
	if err := node.CreateIndex(t.Context(), there, mapping); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.DeleteIndex(t.Context(), there) })
	d.stop()
	d = startDev(t, dir, "--config", cfg)
	g = gatewayAt{t: t, url: d.url}
	if after := present(g); after[0].Present != "yes" {
		t.Errorf("sources with an index: %+v", after)
	}

	asleep.Store(true)
	begun := time.Now()
	a := try(map[string]any{"query": query})
	if took := time.Since(begun); a.ESQL.State != "failed" || a.ESQL.Error == "" || took > 25*time.Second {
		t.Errorf("a cluster that does not answer: %+v after %s", a.ESQL, took)
	}
	asleep.Store(false)
	d.stop()
}
