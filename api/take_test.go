package api

import (
	"maps"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// TestCountsOfAnExport: what the page asks before an export: an edited query that is none counts as left out.
func TestCountsOfAnExport(t *testing.T) {
	b, id := reviewBench(t, 5)
	rules, _, err := b.store.List(t.Context(), id, store.RuleQuery{})
	if err != nil {
		t.Fatal(err)
	}
	before := ask[kibana.Counts](b, "GET", id+"/export/counts", nil, 200, ann)
	ask[migration.Rule](b, "PUT", id+"/rule", object{"rule_id": rules[1].ID, "revision": rules[1].Revision, "elastic_rule": object{"query": "FROM bob |"}}, 200, bob)
	ask[reviewed](b, "POST", id+"/review", object{"rules": []object{{"rule_id": rules[2].ID, "state": "accepted"}, {"rule_id": rules[3].ID, "state": "rejected"}}}, 200, ann)
	c := ask[kibana.Counts](b, "GET", id+"/export/counts", nil, 200, ann)
	want := migration.Omissions{migration.OmittedRefusedQuery: 1, migration.OmittedRejected: 1}
	if before.All != 5 || before.Accepted != 0 || len(before.LeftOut) != 0 || c.All != 3 || c.Accepted != 1 || !maps.Equal(c.LeftOut, want) {
		t.Errorf("%+v, then %+v", before, c)
	}
}
