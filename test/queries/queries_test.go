package queries

import (
	"context"
	"reflect"
	"testing"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// sameRowsEvents is how many events the forms are compared on.
const sameRowsEvents = 50_000

// TestSameRows runs every rule in every form, behind every window, and wants the same rows.
func TestSameRows(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped in short mode: needs a real Elasticsearch with 50,000 events")
	}
	node, ctx := elasticsearch.Start(t), t.Context()
	t.Cleanup(func() {
		if err := node.DeleteIndex(context.WithoutCancel(ctx), IndexName); err != nil {
			t.Error(err)
		}
	})
	if err := Load(ctx, node.Client, sameRowsEvents, nil); err != nil {
		t.Fatal(err)
	}
	compiler, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	rules := Rules()
	if len(rules) < 20 {
		t.Errorf("%d rules", len(rules))
	}
	for i, rule := range rules {
		t.Run(rule.Name, func(t *testing.T) {
			found := 0
			// Literals are drawn: a rule that is rarely right gets more runs until one finds something.
			const runs, most = 4, 60
			for run := 0; run < runs || found == 0 && run < most; run++ {
				queries, err := compiler.Queries(rule, NewLiterals(i, run))
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range Windows() {
					if w != 0 && run > 0 {
						continue
					}
					_, rows, err := Run(ctx, node.Client, queries, w, run)
					if err != nil {
						t.Fatal(err)
					}
					found += rows
				}
			}
			if found == 0 {
				t.Error("no run finds anything, so that the rows are the same says nothing")
			}
		})
	}
}

func TestEventsAreTheSameEachTime(t *testing.T) {
	for _, i := range []int{0, 1, 49_999} {
		if a, b := Event(i, 50_000), Event(i, 50_000); !reflect.DeepEqual(a, b) {
			t.Errorf("event %d: %v and %v", i, a, b)
		}
	}
}
