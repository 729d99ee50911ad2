package elastic

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// prefix is one that no other test uses, with its indices and templates removed afterwards.
func prefix(t testing.TB, node *elasticsearch.Node) string {
	t.Helper()
	p := fmt.Sprintf("t%d", time.Now().UnixNano())
	t.Cleanup(func() {
		kinds, err := embeddedKinds()
		if err != nil {
			t.Error(err)
		}
		for _, k := range kinds {
			name := p + "-" + k.name
			for _, path := range []string{"/" + name + "-v1", "/_index_template/" + name, "/_component_template/" + name + "-mappings"} {
				_ = node.Do(context.Background(), "DELETE", path, nil, nil) // some tests never made it
			}
		}
		_ = node.Do(context.Background(), "DELETE", "/_component_template/"+p+"-settings", nil, nil)
	})
	return p
}

func newStore(t testing.TB, opts Options) *Store {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestSuite runs with a refresh interval of 30 s: nothing may depend on a refresh that comes by itself. Small pages make
// every paged search turn a page.
func TestSuite(t *testing.T) {
	node := elasticsearch.Start(t)
	s := newStore(t, Options{URLs: []string{node.URL}, Prefix: prefix(t, node), RefreshInterval: "30s", pageSize: 100})
	if err := s.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, func(t *testing.T) store.Store { return s })
}
