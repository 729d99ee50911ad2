package elastic

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if url := os.Getenv(elasticsearch.EnvURL); url != "" { // somebody's node stays; ours goes with the process
		remove(&elasticsearch.Node{Client: elasticsearch.NewClient(url)}, sharedPrefix)
	}
	os.Exit(code)
}

// prefix is one that no other test uses, with its indices and templates removed afterwards.
func prefix(t testing.TB, node *elasticsearch.Node) string {
	t.Helper()
	p := fmt.Sprintf("t%d", time.Now().UnixNano())
	t.Cleanup(func() { remove(node, p) })
	return p
}

// remove removes what a setup installs; some tests never made it.
func remove(node *elasticsearch.Node, p string) {
	kinds, _ := embeddedKinds() // tests would have failed
	more, _ := readKinds(assistantIndices)
	for _, k := range append(kinds, more...) {
		name := p + "-" + k.name
		for _, path := range []string{"/" + name + "-v1", "/_index_template/" + name, "/_component_template/" + name + "-mappings"} {
			_ = node.Do(context.Background(), "DELETE", path, nil, nil)
		}
	}
	_ = node.Do(context.Background(), "DELETE", "/_component_template/"+p+"-settings", nil, nil)
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
	storetest.Run(t, func(t *testing.T) store.Store { return s }, spoil)
}

// spoil writes a number where a rule has a text. Elasticsearch takes it.
func spoil(ctx context.Context, st store.Store, id, ruleID string) error {
	s := st.(*Store)
	return again(ctx, func() error {
		docs, err := s.get(ctx, []ref{s.ruleRef(id, ruleID)})
		if err != nil {
			return err
		}
		o, err := s.writes.do(ctx, write{action: "update", ref: s.ruleRef(id, ruleID), on: &docs[0].version, doc: map[string]any{"created_by": 5}})
		if err == nil && !o.ok() {
			err = errConflict
		}
		return err
	})
}
