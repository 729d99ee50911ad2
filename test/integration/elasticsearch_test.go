package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// elasticConfig is config with the store in Elasticsearch, under a prefix of its own.
func elasticConfig(t *testing.T, node *elasticsearch.Node, latency, more string) (path, prefix string) {
	t.Helper()
	data, err := os.ReadFile(config(t, latency))
	if err != nil {
		t.Fatal(err)
	}
	prefix = fmt.Sprintf("it%d", time.Now().UnixNano())
	text := string(data) + fmt.Sprintf("store: {kind: elasticsearch}\nelasticsearch: {urls: [%q], prefix: %s, refresh_interval: 30s}\n%s", node.URL, prefix, more)
	path = filepath.Join(t.TempDir(), "elasticsearch.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dropIndices(node, prefix) })
	return path, prefix
}

// dropIndices removes what was installed under a prefix.
func dropIndices(node *elasticsearch.Node, prefix string) {
	for _, name := range []string{"migrations", "rules", "claims", "resources", "answers", "conversations", "exchanges", "questions", "steps", "fields"} {
		for _, p := range []string{"/" + prefix + "-" + name + "-v1", "/_index_template/" + prefix + "-" + name, "/_component_template/" + prefix + "-" + name + "-mappings"} {
			_ = node.Do(context.Background(), "DELETE", p, nil, nil) // what is not there need not go
		}
	}
	_ = node.Do(context.Background(), "DELETE", "/_component_template/"+prefix+"-settings", nil, nil)
}

// TestElasticsearchStore runs gateways and workers over a real node, without any file of their own: set up first, refused
// before, a worker killed in mid-work.
func TestElasticsearchStore(t *testing.T) {
	node := elasticsearch.Start(t)
	const n = 120
	cfg, _ := elasticConfig(t, node, "1s", "")
	c := newCluster(t, cfg)
	early := c.start("worker", "--health-addr", "127.0.0.1:0")
	if code := early.wait(60 * time.Second); code == 0 || !strings.Contains(early.stderr.String(), "rulebridge setup") {
		t.Errorf("a worker before the set-up: exit code %d: %s", code, early.stderr.String())
	}
	for range 2 {
		if out := c.setup(); !strings.Contains(out, "templates and indices are there") {
			t.Errorf("setup says %s", out)
		}
	}
	first := c.worker()
	c.worker()
	a, b := c.gateway(), c.gateway()
	id := a.create(n)
	if !b.begin(id, "sim") { // at once, on the other gateway, long before the next refresh
		t.Error("not started")
	}
	eventually(t, 60*time.Second, "rules are in work and some are done", func() bool {
		s := b.stats(id)
		return s.Rules.Finished > 0 && s.Rules.Processing > 0
	})
	first.kill()
	a.finished(id, n, 120*time.Second)
	var all []migration.Stats
	if status := b.call("GET", "/stats", nil, &all); status != http.StatusOK || len(all) != 1 || all[0].Rules.Finished != n {
		t.Errorf("stats of all: %d %+v", status, all)
	}
	if status := a.call("DELETE", "/"+id, nil, nil); status != http.StatusOK {
		t.Errorf("delete: %d", status)
	}
	if status := b.call("GET", "/"+id, nil, nil); status != http.StatusNoContent {
		t.Errorf("after the deletion: %d", status)
	}
}

// TestFeatureOffInstallsNothing: neither setup nor a gateway makes an index or template.
func TestFeatureOffInstallsNothing(t *testing.T) {
	node := elasticsearch.Start(t)
	cfg, prefix := elasticConfig(t, node, "10ms", "features: {siemMigrationsEnabled: false, assistantRagOnAlerts: false}\n")
	c := newCluster(t, cfg)
	if out := c.setup(); !strings.Contains(out, "nothing installed") {
		t.Errorf("setup says %s", out)
	}
	c.worker()
	g := c.gateway()
	if code, body := get(t, g.url+"/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	if status := g.call("GET", "/stats", nil, nil); status != http.StatusNotFound {
		t.Errorf("stats: %d", status)
	}
	var indices, templates map[string]any
	if err := node.Do(t.Context(), "GET", "/"+prefix+"-*", nil, &indices); err != nil || len(indices) > 0 {
		t.Errorf("indices: %v %v", indices, err)
	}
	for _, path := range []string{"/_component_template/" + prefix + "-settings", "/_component_template/" + prefix + "-rules-mappings", "/_index_template/" + prefix + "-rules"} {
		if err := node.Do(t.Context(), "GET", path, nil, &templates); err == nil {
			t.Errorf("%s is there: %v", path, templates)
		}
	}
}
