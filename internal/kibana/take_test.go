package kibana_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
)

func reviewed(state migration.ReviewState, actions ...string) func(*migration.Rule) {
	return func(r *migration.Rule) {
		r.Review = &migration.Review{State: state, By: "ann", At: time.Now()}
		for _, a := range actions {
			r.History = append(r.History, migration.HistoryEntry{Action: a})
		}
	}
}

func matchedWith(prebuilt string) func(*migration.Rule) {
	return func(r *migration.Rule) { r.Matched = &migration.Match{RuleID: prebuilt} }
}

func wrote(query string) func(*migration.Rule) {
	return func(r *migration.Rule) {
		r.Elastic.Query, r.Edited = query, &migration.Edited{By: "bob", At: time.Now()}
	}
}

// TestTake: what is exported and what is counted are the same, and every rule that is left out has its reason.
func TestTake(t *testing.T) {
	rules := []migration.Rule{
		full("open"), full("accepted", reviewed(migration.ReviewAccepted)),
		full("partial", reviewed(migration.ReviewAccepted), func(r *migration.Rule) { r.Result = migration.Partial }),
		full("rejected", reviewed(migration.ReviewRejected)),
		full("installed unseen", reviewed(migration.ReviewInstalled, migration.ActionInstalled)),
		full("installed accepted", reviewed(migration.ReviewInstalled, migration.ActionAccepted, migration.ActionInstalled)),
		full("installed reopened", reviewed(migration.ReviewInstalled, migration.ActionAccepted, migration.ActionReopened, migration.ActionInstalled)),
		full("match", matchedWith("p1")), full("match accepted", matchedWith("p2"), reviewed(migration.ReviewAccepted)),
		full("edited", wrote("FROM a | WHERE b == 1")), full("no query of the language", wrote("index=main | stats count")),
		full("half a query", wrote("FROM a | WHERE"), reviewed(migration.ReviewAccepted)),
		full("nothing", func(r *migration.Rule) { r.Result, r.Elastic = migration.Untranslatable, nil }),
	}
	common := migration.Omissions{migration.OmittedRejected: 1, migration.OmittedRefusedQuery: 2, migration.OmittedUntranslatable: 1}
	accepted := maps.Clone(common)
	accepted[migration.OmittedNotAccepted] = 5
	for _, tc := range []struct {
		take            migration.Take
		rules, prebuilt int
		leftOut         migration.Omissions
	}{
		{"", 7, 2, common}, {migration.TakeAll, 7, 2, common}, {migration.TakeAccepted, 3, 1, accepted},
	} {
		dir, sum := exportAs(t, kibana.Options{MigrationID: "m", Take: tc.take}, rules...)
		if sum.Rules != tc.rules || sum.Prebuilt != tc.prebuilt || !maps.Equal(sum.LeftOutBy, tc.leftOut) || sum.Rules+sum.Prebuilt+sum.LeftOut != len(rules) {
			t.Errorf("take %q: %+v", tc.take, sum)
		}
		if text := dir[kibana.LeftOutFile]; !strings.Contains(text, `the query that bob wrote is no ES|QL: `) || !strings.Contains(text, `"code":"refused_query"`) {
			t.Errorf("take %q: left out %s", tc.take, text)
		}
		if text := dir[kibana.RulesFile]; strings.Contains(text, "index=main") || !strings.Contains(text, kibana.RuleID("partial")) {
			t.Errorf("take %q: rules %s", tc.take, text)
		}
	}
	var counts kibana.Counts
	for _, r := range rules {
		counts.Add(r)
	}
	// Edited counts as partial: nobody has compared it with the search.
	if counts.All != 9 || counts.Accepted != 4 || counts.Partial != 2 || counts.AcceptedPartial != 1 || !maps.Equal(counts.LeftOut, common) {
		t.Errorf("counted %+v", counts)
	}
}

// TestLookupNamesStay: a rule that is accepted later gets the name that an export of accepted rules before it left to it.
func TestLookupNamesStay(t *testing.T) {
	joins := func(id, value string, change ...func(*migration.Rule)) migration.Rule {
		r := full(id, change...)
		r.Elastic.Query = "FROM logs-* | LOOKUP JOIN lookup_vips ON user.name"
		r.Elastic.LookupIndices = []migration.LookupIndex{{Name: "lookup_vips", Body: map[string]any{}, Rows: []map[string]any{{"user.name": value}}}}
		return r
	}
	yes := reviewed(migration.ReviewAccepted)
	_, before := exportAs(t, kibana.Options{Take: migration.TakeAccepted}, joins("1", "ann"), joins("2", "bob", yes))
	_, after := exportAs(t, kibana.Options{Take: migration.TakeAccepted}, joins("1", "ann", yes), joins("2", "bob", yes))
	if len(before.Renamed) != 1 || len(after.Renamed) != 1 || before.Renamed[0] != after.Renamed[0] {
		t.Errorf("%+v, then %+v", before.Renamed, after.Renamed)
	}
	if len(before.Lookups) != 1 || before.Lookups[0].Index == "lookup_vips" {
		t.Errorf("written: %+v", before.Lookups)
	}
}
