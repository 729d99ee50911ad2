package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Each format says where rules were installed, when, and what came of it; the table has at each rule why the newest
// installation in a Kibana did not bring it there.
func TestInstallations(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	list := []Installation{
		{Kibana: "prod", Run: "1", Ended: at, Created: 3, Failed: 2, Failures: []NotInstalled{{RuleID: "a", Code: "refused", Status: 400, Why: "an old reason"}, {RuleID: "b", Code: "refused"}}},
		{Kibana: "test", Run: "2", Ended: at.Add(time.Minute), Code: "unavailable"},
		{Kibana: "prod", Run: "3", Ended: at.Add(time.Hour), Created: 1, Unchanged: 3, Kept: 1, LeftOut: 2, Prebuilt: 4, Failed: 7, Enabled: 5, Lists: 3, Exceptions: 5,
			ExceptionLists: []ExceptionList{{RuleID: "<b>", ListID: "rulebridge-x", Exceptions: 4}},
			Failures:       []NotInstalled{{RuleID: "a", Code: "refused", Status: 400, Why: "<script>alert(1)</script> | no"}}},
	}
	rules := func(each func(migration.Rule) error) error {
		for _, id := range []string{"a", "b"} {
			if err := each(migration.Rule{ID: id, Status: migration.StatusFinished, Result: migration.Full}); err != nil {
				return err
			}
		}
		return nil
	}
	written := map[string]string{}
	for _, format := range Formats() {
		var b bytes.Buffer
		if err := Write(&b, format, migration.Migration{ID: "m"}, at, More{Installations: list}, rules); err != nil {
			t.Fatal(err)
		}
		written[format] = b.String()
	}
	for format, texts := range map[string][]string{
		FormatMarkdown: {"## Installed", "| prod | 2026-01-02 04:04 UTC | 1 | 0 | 4 | 6 (3 there, 1 there and different, 2 left out) | 7 | 5 |", "ended early: `unavailable`", "refused (400): &lt;script>", "- and 6 more",
			"where 5 exclusions of 3 rules are edited", "- `rulebridge-x` of the rule `<b>`: 4", "- and 2 more"},
		FormatHTML: {"<h2>Installed</h2>", "<th>prod</th><td>2026-01-02 04:04 UTC</td>", "ended early: <code>unavailable</code>", "refused (400): &lt;script&gt;", "And 6 more.",
			"5 exclusions of 3 rules", "<code>rulebridge-x</code> of the rule <code>&lt;b&gt;</code>: 4", "And 2 more."},
	} {
		for _, text := range texts {
			if !strings.Contains(written[format], text) {
				t.Errorf("%s lacks %q", format, text)
			}
		}
	}
	var sum Report
	if err := json.Unmarshal([]byte(written[FormatJSON]), &sum); err != nil || len(sum.Installations) != 3 || sum.Installations[2].Failures[0].Status != 400 || !sum.Installations[0].Ended.Equal(at) {
		t.Errorf("%+v, %v", sum.Installations, err)
	}
	table, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(written[FormatCSV], byteOrderMark))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := -1
	for i, name := range table[0] {
		if name == "not installed" {
			column = i
		}
	}
	if column < 0 || table[1][column] != "prod: refused (400): <script>alert(1)</script> | no" || table[2][column] != "" {
		t.Errorf("column %d of %q", column, table)
	}
	var without bytes.Buffer
	if err := Write(&without, FormatHTML, migration.Migration{ID: "m"}, at, More{}, rules); err != nil || strings.Contains(without.String(), "<h2>Installed") {
		t.Errorf("a page of rules that were never installed: %v", err)
	}
}
