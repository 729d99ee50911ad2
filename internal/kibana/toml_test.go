package kibana_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// A rule as TOML says what it says as NDJSON, but for its version, which that repository counts itself.
func TestTOMLSaysTheSame(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	rules := []migration.Rule{
		full("plain"),
		full("more", func(r *migration.Rule) {
			r.Timestamp, r.UpdatedAt = at, at.AddDate(0, 1, 0)
			r.Original.Owner, r.Original.Note, r.Original.References = "ana", "## Triage\n\nLook \"here\".\n", []string{"https://example.org/x"}
			r.Elastic.Suppression = &migration.Suppression{GroupBy: []string{"host.name"}, Duration: "1h"}
			r.Elastic.Query = strings.ReplaceAll(r.Elastic.Query, " | ", "\n| ")
			r.Elastic.Index = []string{"logs-windows.sysmon_operational-*", "logs-system.security-*", "winlogbeat-*"}
		}),
		full("hostile", func(r *migration.Rule) {
			r.Elastic.Title = "\u202e \"quotes\" ''' \"\"\" \\ ü\u2028"
			r.Elastic.Query = "FROM a | WHERE b RLIKE \"a\\\\.b\" AND c == \"\"\"'''\t\u0001\"\"\"\n| LIMIT 1\r\n"
			r.Elastic.Description = "= [rule]\n[[x]]\n#"
		}),
	}
	asTOML, sum := exportAs(t, kibana.Options{MigrationID: "m", Format: kibana.FormatTOML}, rules...)
	if sum.Rules != 3 || len(sum.RuleFiles) != 0 {
		t.Errorf("%+v", sum)
	}
	files := map[string]map[string]any{}
	for name, text := range asTOML {
		if !strings.HasPrefix(name, "rules/") {
			continue
		}
		var file map[string]map[string]any
		if err := toml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		files[file["rule"]["rule_id"].(string)] = file["rule"]
		if file["metadata"]["maturity"] != "development" || file["metadata"]["creation_date"] == nil {
			t.Errorf("%s: metadata %v", name, file["metadata"])
		}
	}
	asJSON, _ := export(t, rules...)
	compared := 0
	for line := range strings.Lines(asJSON[kibana.RulesFile]) {
		var want map[string]any
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		id, ok := want["rule_id"].(string)
		if !ok {
			continue
		}
		delete(want, "version")
		if list := want["references"].([]any); len(list) == 0 {
			delete(want, "references")
		}
		data, err := json.Marshal(files[id])
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "author")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("TOML says\n%v, NDJSON\n%v", got, want)
		}
		compared++
	}
	if compared != 3 {
		t.Errorf("%d rules compared", compared)
	}
	more := asTOML["rules/log_cleared_"+strings.ReplaceAll(kibana.RuleID("more"), "-", "")[:12]+".toml"]
	for _, want := range []string{
		"[metadata]\ncreation_date = '2026/03/04'\nintegration = ['system', 'windows']\nmaturity = 'development'\nupdated_date = '2026/04/04'\n",
		"author = ['ana']\n", "query = \"\"\"\nFROM logs-*", "[[rule.threat]]\nframework = 'MITRE ATT&CK'\n", "[[rule.threat.technique]]\nid = 'T1070'",
		"[[rule.threat.technique.subtechnique]]\nid = 'T1070.001'", "[rule.threat.tactic]\nid = 'TA0005'", "[rule.alert_suppression]\n",
	} {
		if !strings.Contains(more, want) {
			t.Errorf("the file lacks %q:\n%s", want, more)
		}
	}
}
