package kibana_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// filters are queries without filter macros, by rule; fields with a name in it can hold several values.
type filters struct {
	without map[string]string
	emptied map[string]string
	several string
}

func (f filters) Without(_ context.Context, r migration.Rule) (string, []string, error) {
	query, ok := f.without[r.ID]
	switch {
	case !ok:
		return "", nil, nil
	case query == "":
		return "", []string{"m_filter"}, errors.New("too complex")
	}
	return query, []string{"m_filter"}, nil
}

func (f filters) Emptied(_ context.Context, r migration.Rule) (string, []string, error) {
	query, ok := f.emptied[r.ID]
	if !ok {
		return "", nil, nil
	}
	return query, []string{"allowed.csv"}, nil
}

func (f filters) Plain(_ []string, field string) bool { return field != f.several }

// What a filter macro leaves out becomes exception items where those say exactly the same, and stays in the query, with
// the reason, where they do not.
func TestExclusions(t *testing.T) {
	for _, tc := range []struct {
		name, before, without string
		after                 string // empty: as before
		entries               string // of the items; empty: none
		kept                  string // of the reason; empty: none is kept
	}{
		{"a value", `FROM a | WHERE x == "1" AND (h != "b" OR h IS NULL)`, `FROM a | WHERE x == "1"`, `FROM a | WHERE x == "1"`,
			`[{"field":"h","operator":"included","type":"match","value":"b"}]`, ""},
		{"a number", `FROM a | WHERE n != 7 OR n IS NULL`, `FROM a`, `FROM a`, `[{"field":"n","operator":"included","type":"match","value":"7"}]`, ""},
		{"several values", `FROM a | WHERE h NOT IN ("b", "c") OR h IS NULL`, `FROM a`, `FROM a`,
			`[{"field":"h","operator":"included","type":"match_any","value":["b","c"]}]`, ""},
		{"several values, one after the other", `FROM a | WHERE (h != "b" AND h != "c") OR h IS NULL`, `FROM a`, `FROM a`,
			`[{"field":"h","operator":"included","type":"match_any","value":["b","c"]}]`, ""},
		{"two fields", `FROM a | WHERE h != "b" OR h IS NULL OR u != "c" OR u IS NULL`, `FROM a`, `FROM a`,
			`[{"field":"h","operator":"included","type":"match","value":"b"},{"field":"u","operator":"included","type":"match","value":"c"}]`, ""},
		{"two exclusions", `FROM a | WHERE (h != "b" OR h IS NULL) AND (u != "c" OR u IS NULL)`, `FROM a`, `FROM a`,
			`[{"field":"h","operator":"included","type":"match","value":"b"}][{"field":"u","operator":"included","type":"match","value":"c"}]`, ""},
		{"a key of groups", `FROM a | STATS n = COUNT(*) BY h, u | WHERE h != "b" OR h IS NULL`, `FROM a | STATS n = COUNT(*) BY h, u`, `FROM a | STATS n = COUNT(*) BY h, u`,
			`[{"field":"h","operator":"included","type":"match","value":"b"}]`, ""},
		{"some stay", `FROM a | WHERE (h != "b" OR h IS NULL) AND (TO_LOWER(u) != "c" OR u IS NULL)`, `FROM a`, `FROM a | WHERE TO_LOWER(u) != "c" OR u IS NULL`,
			`[{"field":"h","operator":"included","type":"match","value":"b"}]`, "without case"},
		{"without case", `FROM a | WHERE TO_LOWER(h) != "b" OR h IS NULL`, `FROM a`, "", "", "without case"},
		{"a pattern", `FROM a | WHERE NOT h LIKE "b*" OR h IS NULL`, `FROM a`, "", "", "whole values only"},
		{"a range", `FROM a | WHERE n > 7`, `FROM a`, "", "", "whole values only"},
		{"events without the field", `FROM a | WHERE h != "b"`, `FROM a`, "", "", "without h"},
		{"several values in the field", `FROM a | WHERE s != "b" OR s IS NULL`, `FROM a`, "", "", "s can hold several values"},
		{"an aggregate", `FROM a | STATS n = COUNT(*) BY u | WHERE n != 3 OR n IS NULL`, `FROM a | STATS n = COUNT(*) BY u`, "", "", "aggregates"},
		{"a key that is gone", `FROM a | STATS n = COUNT(*) BY h | STATS h = MAX(n) BY n | WHERE h != 3 OR h IS NULL`, `FROM a | STATS n = COUNT(*) BY h | STATS h = MAX(n) BY n`, "", "", "aggregates"},
		{"a renamed key", `FROM a | STATS n = COUNT(*) BY h = u | WHERE h != "b" OR h IS NULL`, `FROM a | STATS n = COUNT(*) BY h = u`, "", "", "aggregates"},
		{"a computed field", `FROM a | EVAL h = u | WHERE h != "b" OR h IS NULL`, `FROM a | EVAL h = u`, "", "", "computed"},
		{"a renamed field", `FROM a | RENAME u AS h | WHERE h != "b" OR h IS NULL`, `FROM a | RENAME u AS h`, "", "", "renamed"},
		{"behind a limit", `FROM a | LIMIT 10 | WHERE h != "b" OR h IS NULL`, `FROM a | LIMIT 10`, "", "", "behind LIMIT"},
		{"behind a lookup", `FROM a | LOOKUP JOIN k ON u | WHERE h != "b" OR h IS NULL`, `FROM a | LOOKUP JOIN k ON u`, "", "", "behind LOOKUP JOIN"},
		{"an empty value", `FROM a | WHERE h != "" OR h IS NULL`, `FROM a`, "", "", "empty"},
		{"more than a filter", `FROM a | EVAL x = 1 | WHERE h != "b" OR h IS NULL`, `FROM a`, "", "", "more with the filter macro"},
		{"no compilation", `FROM a | WHERE h != "b"`, "", "", "", "too complex"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rule := full("a", func(r *migration.Rule) { r.Elastic.Query, r.CompilerVersion = tc.before, "c1" })
			o := kibana.Options{MigrationID: "m", Context: t.Context(), Filters: filters{without: map[string]string{"a": tc.without}, several: "s"}}
			dir, sum := exportAs(t, o, rule)
			var got kibana.Rule
			line, _, _ := strings.Cut(dir[kibana.RulesFile], "\n")
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			want := tc.after
			if want == "" {
				want = tc.before
			}
			if flat := strings.Join(strings.Fields(got.Query), " "); flat != want {
				t.Errorf("query %s, want %s", flat, want)
			}
			entries := ""
			for line := range strings.Lines(dir[kibana.ExceptionsFile]) {
				var item kibana.ExceptionItem
				if err := json.Unmarshal([]byte(line), &item); err != nil {
					t.Fatal(err)
				}
				if item.ItemID != "" {
					text, _ := json.Marshal(item.Entries)
					entries += string(text)
				}
			}
			if entries != tc.entries {
				t.Errorf("entries %s, want %s", entries, tc.entries)
			}
			why := ""
			for _, k := range sum.Kept {
				why += k.Why
			}
			if (why == "") != (tc.kept == "") || !strings.Contains(why, tc.kept) {
				t.Errorf("kept because of %q, want %q", why, tc.kept)
			}
			if sum.Compilers["c1"] != 1 {
				t.Errorf("compilers %v", sum.Compilers)
			}
			// Kibana takes the lists, and then the rule that goes by them.
			var k kibanatest.Kibana
			if errs := k.ImportExceptions([]byte(dir[kibana.ExceptionsFile])); len(errs) > 0 {
				t.Errorf("Kibana refuses the exceptions: %q", errs)
			}
			if a, err := k.Import(kibana.RulesFile, []byte(dir[kibana.RulesFile]), false); err != nil || !a.Success {
				t.Errorf("Kibana refuses the rule: %+v, %v", a, err)
			}
			if (len(got.Exceptions) == 1) != (tc.entries != "") {
				t.Errorf("the rule goes by %+v", got.Exceptions)
			}
		})
	}
}
