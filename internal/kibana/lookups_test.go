package kibana_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// Rules that need different content under one name join with indices of different names.
func TestRulesThatShapeALookupDifferently(t *testing.T) {
	joins := func(id, key string, rows int) migration.Rule {
		return full(id, func(r *migration.Rule) {
			r.Elastic.Query = "FROM logs-*\n| LOOKUP JOIN lookup_vips ON " + key + "\n| WHERE vip == \"lookup_vips\"\n"
			k := migration.LookupIndex{Name: "lookup_vips", Body: map[string]any{"mappings": map[string]any{key: "keyword"}}}
			for range rows {
				k.Rows = append(k.Rows, map[string]any{key: "x", "vip": "lookup_vips"})
			}
			r.Elastic.LookupIndices = []migration.LookupIndex{k}
		})
	}
	rules := []migration.Rule{joins("1", "user.name", 1), joins("2", "host.name", 2), joins("3", "user.name", 1), joins("4", "host.name", 2), joins("5", "host.name", 3)}
	before := rules[1].Elastic.Query
	dir, sum := export(t, rules...)
	if sum.LeftOut != 0 || len(sum.Lookups) != 3 || len(sum.Renamed) != 3 {
		t.Fatalf("%+v\n%s", sum, dir[kibana.LeftOutFile])
	}
	if rules[1].Elastic.Query != before || rules[1].Elastic.LookupIndices[0].Name != "lookup_vips" {
		t.Error("the rule itself was changed")
	}
	if sum.Renamed[0].Rule != "2" || sum.Renamed[0].To != sum.Renamed[1].To || sum.Renamed[0].To == sum.Renamed[2].To {
		t.Errorf("renamed %+v", sum.Renamed)
	}
	used := map[string]int{}
	for line := range strings.Lines(dir[kibana.RulesFile]) {
		var r kibana.Rule
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Query == "" {
			continue // the summary line
		}
		q, err := esql.Parse(r.Query)
		if err != nil {
			t.Fatal(err)
		}
		used[q.Commands[1].(*esql.LookupJoin).Index]++
		if !strings.Contains(r.Query, `vip == "lookup_vips"`) {
			t.Errorf("a text was renamed too: %s", r.Query)
		}
	}
	for _, k := range sum.Lookups {
		if used[k.Index] != k.Rules || !slices.Contains(sum.Files, "lookups/"+k.Index+".bulk.ndjson") {
			t.Errorf("%+v is used by %d queries", k, used[k.Index])
		}
	}
	again, _ := export(t, rules...)
	if again[kibana.RulesFile] != dir[kibana.RulesFile] {
		t.Error("two exports differ")
	}
}
