package kibana_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// folder keeps finished files in memory.
type folder map[string]string

type file struct {
	bytes.Buffer
	name string
	in   folder
}

func (f *file) Finish() error { f.in[f.name] = f.String(); return nil }
func (f *file) Abandon()      {}

func export(t *testing.T, rules ...migration.Rule) (folder, kibana.Summary) {
	t.Helper()
	return exportAs(t, kibana.Options{MigrationID: "m"}, rules...)
}

func exportAs(t *testing.T, o kibana.Options, rules ...migration.Rule) (folder, kibana.Summary) {
	t.Helper()
	dir := folder{}
	e := kibana.NewExporter(o, func(name string) (kibana.File, error) { return &file{name: name, in: dir}, nil })
	for _, r := range rules {
		if err := e.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for name := range dir {
		if !slices.Contains(sum.Files, name) || !kibana.IsFile(name) {
			t.Errorf("%s is written, and not listed or not known", name)
		}
	}
	if len(dir) != len(sum.Files) {
		t.Errorf("%d files written, %v listed", len(dir), sum.Files)
	}
	return dir, sum
}

// full is a translated rule; change makes another of it.
func full(id string, change ...func(*migration.Rule)) migration.Rule {
	r := migration.Rule{
		ID: id, Status: migration.StatusFinished, Result: migration.Full,
		Original: migration.OriginalRule{ID: id, Title: "Log cleared"},
		Elastic: &migration.ElasticRule{
			Title: "Log cleared", Description: "Somebody clears the log.", Severity: "high", RiskScore: 73, QueryLanguage: "esql",
			Query: "FROM logs-* METADATA _id, _index, _version | WHERE event.code == \"1102\" | KEEP host.name, _id, _index, _version, @timestamp",
			Index: []string{"logs-*"}, Interval: "5m", From: "now-10m", Threshold: &migration.Threshold{Field: []string{"host.name"}, Value: 3},
			Threat: []migration.Threat{{Framework: "MITRE ATT&CK", Tactic: ref("TA0005"), Technique: []migration.Technique{
				{ThreatRef: ref("T1070"), Subtechnique: []migration.ThreatRef{ref("T1070.001")}}}}},
		},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func ref(id string) migration.ThreatRef {
	return migration.ThreatRef{ID: id, Name: "Name of " + id, Reference: "https://attack.mitre.org/" + id}
}

func TestImportTakesTheRules(t *testing.T) {
	aggregated := func(r *migration.Rule) {
		r.Elastic.Query = "FROM logs-* | STATS n = COUNT(*) BY host.name | WHERE n > 3"
	}
	partial := func(r *migration.Rule) {
		r.Result = migration.Partial
		for i := range 7 {
			r.Diagnostics = append(r.Diagnostics, migration.Diagnostic{Code: "window", Severity: "approximation",
				Message: fmt.Sprintf("cause %d\nruns !{osquery{}}", i+1), Start: migration.Position{Line: 1, Column: i + 2}})
		}
		r.Diagnostics = append(r.Diagnostics, migration.Diagnostic{Code: "x", Severity: "info", Message: "of no consequence"})
	}
	suppressed := func(duration string, by ...string) func(*migration.Rule) {
		return func(r *migration.Rule) {
			r.Elastic.Suppression = &migration.Suppression{GroupBy: by, Duration: duration}
		}
	}
	for _, tc := range []struct {
		name string
		rule migration.Rule
		want map[string]string // key: JSON of its value; empty: the key is absent
		note []string          // parts of the note; ! in front: not in it
	}{
		{"a rule of events", full("a"), map[string]string{
			"type": `"esql"`, "language": `"esql"`, "index": "", "threshold": "", "license": "", "filters": "", "enabled": "false", "version": "1",
			"interval": `"5m"`, "from": `"now-10m"`, "to": `"now"`, "timestamp_override": `"event.ingested"`, "max_signals": "1000",
			"tags": `["Source: Splunk","Rulebridge: full"]`, "note": "", "alert_suppression": "", "risk_score": "73", "severity": `"high"`,
			"references": "[]", "name": `"Log cleared"`, "description": `"Somebody clears the log."`}, nil},
		{"a rule of groups", full("a", aggregated), map[string]string{"timestamp_override": ""}, nil},
		{"no description", full("a", func(r *migration.Rule) { r.Elastic.Description = "  " }), map[string]string{"description": `"Log cleared"`}, nil},
		{"no name", full("a", func(r *migration.Rule) { r.Elastic.Title, r.Original.Title, r.Elastic.Description = "", " ", "" }),
			map[string]string{"name": `"a"`, "description": `"a"`}, nil},
		{"no weight, no schedule, no threat", full("a", func(r *migration.Rule) {
			r.Elastic = &migration.ElasticRule{Title: "x", Query: "FROM a", QueryLanguage: "esql"}
		}), map[string]string{"severity": `"low"`, "risk_score": "0", "interval": "", "from": "", "threat": "[]"}, nil},
		{"a model's weight", full("a", func(r *migration.Rule) { r.Elastic.Severity, r.Elastic.RiskScore = "Severe", 140 }),
			map[string]string{"severity": `"critical"`, "risk_score": "100"}, nil},
		{"weeks", full("a", func(r *migration.Rule) { r.Elastic.Interval = "2w" }), map[string]string{"interval": `"14d"`}, nil},
		{"no schedule that Kibana knows", full("a", func(r *migration.Rule) { r.Elastic.Interval = "monthly" }), map[string]string{"interval": ""},
			[]string{`The schedule "monthly" is none that Kibana knows`}},
		{"partial", full("a", partial), map[string]string{"tags": `["Source: Splunk","Rulebridge: partial"]`},
			[]string{"## Before you enable this rule", "- Line 1, column 2 of the Splunk search: cause 1 runs ! {osquery{}}", "cause 5", "names 2 more", "!cause 6", "!no consequence"}},
		{"suppression", full("a", suppressed("1d", "host.name", "user.name")), map[string]string{"alert_suppression": `{"duration":{"unit":"h","value":24},"group_by":["host.name","user.name"],"missing_fields_strategy":"doNotSuppress"}`, "note": ""}, nil},
		{"suppression within a run", full("a", suppressed("", "host.name")), map[string]string{"alert_suppression": `{"group_by":["host.name"],"missing_fields_strategy":"doNotSuppress"}`}, nil},
		{"suppression by four fields", full("a", suppressed("1h", "a", "b", "c", "d")), map[string]string{"alert_suppression": ""},
			[]string{"by 4 fields (a, b, c, d); Kibana suppresses by 3 at most, so every alert is shown"}},
		{"suppression by none", full("a", suppressed("1h")), map[string]string{"alert_suppression": ""}, []string{"throttles this alert as a whole"}},
		{"suppression for no time", full("a", suppressed("soon", "a")), map[string]string{"alert_suppression": ""}, []string{`period "soon" cannot be read`}},
		{"references", full("a", func(r *migration.Rule) {
			r.Original.References = []string{" https://example.org/a ", "https://example.org/a", "javascript:alert(1)", "http://b.example", "a book", ""}
		}), map[string]string{"references": `["https://example.org/a","http://b.example"]`}, []string{"## References\n\n- javascript:alert(1)\n- a book"}},
		{"what a saved search says", full("a", func(r *migration.Rule) {
			r.Original.Note, r.Original.Actions = "## Triage\n\n!{investigate{}} the host", []string{"email: add a connector"}
			r.Original.Trigger, r.Original.SuppressFields, r.Original.SuppressPeriod = "more than 5 results", []string{"dest"}, "4h"
		}), map[string]string{"tags": `["Source: Splunk","Rulebridge: partial"]`, "alert_suppression": ""}, []string{
			"## Triage\n\n! {investigate{}} the host", "## What the alert does in Splunk\n\n- email: add a connector",
			"a condition of its own: more than 5 results", "(fields: dest; period: 4h); the rule does not"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, _ := export(t, tc.rule)
			var k kibanatest.Kibana
			a, err := k.Import(kibana.RulesFile, []byte(dir[kibana.RulesFile]), false)
			if err != nil || !a.Success || a.SuccessCount != 1 || a.RulesCount != 1 {
				t.Fatalf("import: %+v, %v\n%s", a, err, dir[kibana.RulesFile])
			}
			got := k.Rules()[kibana.RuleID("a")]
			for key, want := range tc.want {
				value, there := got[key]
				text, _ := json.Marshal(value)
				if there != (want != "") || there && string(text) != want {
					t.Errorf("%s = %s, want %s", key, text, want)
				}
			}
			note, _ := got["note"].(string)
			for _, part := range tc.note {
				if text, not := strings.CutPrefix(part, "!"); strings.Contains(note, text) == not {
					t.Errorf("note, %q:\n%s", part, note)
				}
			}
		})
	}
}

func TestRulesThatAreNotImported(t *testing.T) {
	lookup := func(rows ...map[string]any) func(*migration.Rule) {
		return func(r *migration.Rule) {
			r.Elastic.LookupIndices = []migration.LookupIndex{{Name: "lookup_vips", Body: map[string]any{"settings": map[string]any{"index.mode": "lookup"}}, Rows: rows}}
		}
	}
	row := map[string]any{"user": "ann", "level": 3}
	dir, sum := export(t,
		full("1", lookup(row, map[string]any{"user": "bob"})),
		full("2", lookup(row, map[string]any{"user": "bob"})),
		full("3", lookup(row)),
		full("4", func(r *migration.Rule) {
			r.Matched = &migration.Match{RuleID: "p-1", Name: "Clearing Logs", Why: "same events"}
		}),
		full("5", func(r *migration.Rule) {
			r.Result, r.Elastic = migration.Untranslatable, nil
			r.Diagnostics = []migration.Diagnostic{{Severity: "error", Code: "unsupported_command", Message: "map runs searches"}}
		}),
		full("6", func(r *migration.Rule) { r.Status, r.ErrorCode = migration.StatusError, "too_large" }),
		full("7", func(r *migration.Rule) { r.Status, r.Result, r.Elastic = migration.StatusPending, "", nil }),
		full("8", func(r *migration.Rule) { r.Elastic.LookupIndices = []migration.LookupIndex{{Name: "../x"}} }),
		full("9", func(r *migration.Rule) {
			r.Elastic.LookupIndices = []migration.LookupIndex{{Name: "lookup_unknown", Body: map[string]any{}}}
		}),
	)
	if sum.Rules != 3 || sum.Partial != 0 || sum.Prebuilt != 1 || sum.LeftOut != 5 {
		t.Errorf("summary %+v", sum)
	}
	if want := []kibana.Lookup{{Index: "lookup_unknown", Rows: 0, Rules: 1}, {Index: "lookup_vips", Rows: 2, Rules: 2}}; !slices.Equal(sum.Lookups, want) {
		t.Errorf("lookups %+v, want %+v", sum.Lookups, want)
	}
	for _, tc := range []struct{ file, want string }{
		{kibana.LeftOutFile, `"id":"3","rule_id":"` + kibana.RuleID("3") + `","title":"Log cleared","why":"it needs other fields or rows in its lookup indices than a rule exported before, and its query cannot be rewritten (it does not join with lookup_vips)`},
		{kibana.LeftOutFile, `"why":"untranslatable: map runs searches"`},
		{kibana.LeftOutFile, `ended in error for this rule: too_large`},
		{kibana.LeftOutFile, `not translated yet`},
		{kibana.LeftOutFile, `cannot be the name of a file`},
		{kibana.PrebuiltFile, `{"rule_id":"p-1","name":"Clearing Logs","replaces":"4","title":"Log cleared","why":"same events"}` + "\n"},
		{kibana.RulesFile, `{"exported_count":3,"exported_rules_count":3,"missing_rules":[{"rule_id":"` + kibana.RuleID("3") + `"},`},
		{kibana.RulesFile, `"missing_rules_count":5}` + "\n"},
		{"lookups/lookup_vips.mapping.json", `"index.mode": "lookup"`},
		{"lookups/lookup_vips.bulk.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{\"level\":3,\"user\":\"ann\"}\n{\"index\":{\"_id\":\"2\"}}\n{\"user\":\"bob\"}\n"},
	} {
		if !strings.Contains(dir[tc.file], tc.want) {
			t.Errorf("%s lacks %s:\n%s", tc.file, tc.want, dir[tc.file])
		}
	}
	if _, there := dir["lookups/lookup_unknown.bulk.ndjson"]; there {
		t.Error("a lookup without rows has a bulk body, which Elasticsearch refuses")
	}
}

// A file has fewer rules and bytes than Kibana refuses; all files together have every rule once.
func TestFilesAreAsLargeAsKibanaTakes(t *testing.T) {
	rules := make([]migration.Rule, 0, 11_000)
	for i := range 11_000 {
		rules = append(rules, full(fmt.Sprint(i), func(r *migration.Rule) {
			if i >= 10_500 {
				r.Elastic.Query += " // " + strings.Repeat("x", 50_000)
			}
		}))
	}
	dir, sum := export(t, rules...)
	if len(sum.RuleFiles) < 4 || sum.RuleFiles[1] != "kibana-rules-2.ndjson" {
		t.Fatalf("files %v", sum.RuleFiles)
	}
	var k kibanatest.Kibana
	for _, name := range sum.RuleFiles {
		if a, err := k.Import(name, []byte(dir[name]), false); err != nil || !a.Success {
			t.Fatalf("%s: %v, %d errors", name, err, len(a.Errors))
		}
	}
	if n := len(k.Rules()); n != len(rules) {
		t.Errorf("%d rules imported of %d", n, len(rules))
	}
}

func TestAgainstASecondImport(t *testing.T) {
	dir, _ := export(t, full("a"))
	data := []byte(dir[kibana.RulesFile])
	var k kibanatest.Kibana
	for i, want := range []struct {
		overwrite bool
		taken     int
	}{{false, 1}, {false, 0}, {true, 1}} {
		if a, err := k.Import("x.ndjson", data, want.overwrite); err != nil || a.SuccessCount != want.taken {
			t.Errorf("import %d: %+v, %v", i+1, a, err)
		}
	}
	again, _ := export(t, full("a"))
	if again[kibana.RulesFile] != dir[kibana.RulesFile] {
		t.Error("two exports of one rule differ")
	}
	if kibana.RuleID("a") != "74a3d601-15b0-5a7f-ae93-56ee30642cb9" {
		t.Errorf("rule_id of a is %s: installed rules would be other rules", kibana.RuleID("a"))
	}
}
