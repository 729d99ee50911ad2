package rulelist

import (
	"fmt"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// TestAnotherGatewaySeesChanges: what one gateway writes shows there at once, and at another one within two seconds.
func TestAnotherGatewaySeesChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for an Elasticsearch; left out with -short")
	}
	node := elasticsearch.Start(t)
	ctx := t.Context()
	var stores [2]*elastic.Store
	var lists [2]*Lists
	prefix := fmt.Sprintf("rulelist%d", time.Now().UnixNano())
	for i := range stores {
		s, err := elastic.New(elastic.Options{URLs: []string{node.URL}, Prefix: prefix, RefreshInterval: "30s"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores[i], lists[i] = s, New(s, Options{})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(stores[0].Setup(ctx))
	t.Cleanup(func() { _ = stores[0].DeleteMigration(t.Context(), "m") })
	const n = 300
	rules := make([]migration.OriginalRule, n)
	for i := range rules {
		rules[i] = original(i)
	}
	must(stores[0].CreateMigration(ctx, migration.Migration{ID: "m", State: migration.Ready, CreatedAt: time.Now()}, rules))
	total := func(i int, q Query) int {
		t.Helper()
		ids, err := lists[i].FindIDs(ctx, "m", q)
		must(err)
		return ids.Total
	}
	for i := range lists {
		if got := total(i, Query{}); got != n {
			t.Fatalf("gateway %d has %d rules", i, got)
		}
	}
	amend := func(by string) {
		t.Helper()
		r, err := store.AmendOne(ctx, stores[0], "m", store.Amendment{RuleID: ruleID(7)}, func(r *migration.Rule) error {
			r.Edited = &migration.Edited{By: by, At: time.Now()}
			return nil
		})
		must(err)
		lists[0].Put("m", r)
		if got := total(0, Query{Edited: true, EditedBy: by}); got != 1 {
			t.Errorf("the gateway that wrote it shows %d rules edited by %s", got, by)
		}
		since := time.Now()
		for total(1, Query{Edited: true, EditedBy: by}) != 1 {
			if time.Since(since) > 5*time.Second {
				t.Fatal("the other gateway does not see it")
			}
			time.Sleep(50 * time.Millisecond)
		}
		if took := time.Since(since); took > 2*time.Second {
			t.Errorf("the other gateway saw it after %v", took)
		}
	}
	amend("ann")
	amend("bob")
	must(stores[0].DeleteRule(ctx, "m", ruleID(7)))
	time.Sleep(2 * time.Second)
	if got := total(1, Query{}); got != n-1 {
		t.Errorf("the other gateway has %d rules after a deletion", got)
	}
	_, _, err := stores[0].Claim(ctx, "m", migration.Token{Epoch: 1, Claim: 1}, 3)
	must(err)
	time.Sleep(2 * time.Second)
	if got := total(1, Query{Status: []string{"processing"}}); got != 3 {
		t.Errorf("the other gateway has %d rules that are being translated, want 3", got)
	}
}
