package prebuilt

import (
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// TestMatchesOfLessAreNear pairs searches with rules that look much like them and alert on less, each in a way of its own:
// none of them may take a rule's place.
func TestMatchesOfLessAreNear(t *testing.T) {
	const (
		failed  = `sourcetype=WinEventLog:Security EventCode=4625 `
		process = `sourcetype=XmlWinEventLog:Microsoft-Windows-Sysmon/Operational EventCode=1 `
		many    = failed + `| stats count by src | where count>5`
	)
	security, sysmon := []string{"logs-system.security*"}, []string{"logs-windows.sysmon_operational-*"}
	kql := func(index []string, query string) Rule {
		return Rule{Type: "query", Language: "kuery", Index: index, Query: query}
	}
	eql := func(query string) Rule { return Rule{Type: "eql", Language: "eql", Index: sysmon, Query: query} }
	esql := func(query string) Rule {
		return Rule{Type: "esql", Language: "esql", Query: "FROM logs-system.security-* | " + query, From: "now-60m"}
	}
	suppressing := kql(security, `event.code:4625`)
	suppressing.Suppression.By = []string{"source.ip"}
	gaps := kql(security, `event.code:4625`)
	gaps.From, gaps.Interval = "now-1m", "2m"
	distinct := Rule{Type: "threshold", Language: "kuery", Index: security, Query: `event.code:4625`, From: "now-60m",
		Threshold: &Threshold{Field: []string{"source.ip"}, Value: 6}}
	distinct.Threshold.Cardinality = append(distinct.Threshold.Cardinality, struct {
		Field string  `json:"field"`
		Value float64 `json:"value"`
	}{"user.name", 3})
	for name, tc := range map[string]struct {
		spl     string
		elastic Rule
	}{
		"alerts that are suppressed":             {failed + `| table _time`, suppressing},
		"gaps between its runs":                  {failed + `| table _time`, gaps},
		"a field that must be there":             {failed + `| table _time`, kql(security, `event.code:4625 and source.ip:*`)},
		"case of a value in KQL":                 {process + `Image="*\\cmd.exe" | table _time`, kql(sysmon, `event.code:1 and process.name:cmd.exe`)},
		"case of a value in EQL":                 {process + `Image="*\\cmd.exe" | table _time`, eql(`process where process.name == "cmd.exe"`)},
		"case of a list in EQL":                  {process + `Image IN ("*\\cmd.exe", "*\\sh.exe") | table _time`, eql(`process where process.name in ("cmd.exe", "sh.exe")`)},
		"a range":                                {failed + `| table _time`, kql(security, `event.code:4625 and source.port > 1024`)},
		"a number of arguments":                  {process + `Image="*\\cmd.exe" | table _time`, eql(`process where process.name : "cmd.exe" and process.args_count >= 2`)},
		"a length":                               {process + `Image="*\\cmd.exe" | table _time`, eql(`process where process.name : "cmd.exe" and length(process.command_line) > 100`)},
		"one list of two values":                 {process + `Image IN ("*\\a.exe", "*\\b.exe") | table _time`, eql(`process where process.name : "a.exe"`)},
		"a parent":                               {process + `Image="*\\a.exe" | table _time`, eql(`process where process.name : "a.exe" and process.parent.name : "b.exe"`)},
		"the first of several":                   {process + `Image="*\\a.exe" | table _time`, eql(`process where process.name : "a.exe" | head 5`)},
		"several in a row":                       {process + `Image="*\\a.exe" | table _time`, eql(`sequence with maxspan=1m [process where process.name : "a.exe"] [process where process.name : "b.exe"]`)},
		"a sample":                               {process + `Image="*\\a.exe" | table _time`, eql(`sample by host.id [process where process.name : "a.exe"] [process where process.name : "b.exe"]`)},
		"accounts that are left out":             {failed + `| table _time`, kql(security, `event.code:4625 and not user.name:*$`)},
		"networks that are left out":             {failed + `| table _time`, kql(security, `event.code:4625 and not source.ip:10.0.0.0/8`)},
		"distinct values besides":                {many, distinct},
		"a number more":                          {many, esql(`WHERE event.code == "4625" | STATS n = COUNT(*) BY source.ip | WHERE n >= 7`)},
		"buckets of time":                        {many, esql(`WHERE event.code == "4625" | STATS n = COUNT(*) BY source.ip, t = DATE_TRUNC(1 minute, @timestamp) | WHERE n > 5`)},
		"a further number":                       {many, esql(`WHERE event.code == "4625" | STATS n = COUNT(*), u = COUNT_DISTINCT(user.name) BY source.ip | WHERE n > 5 AND u > 3`)},
		"a time of its own":                      {many, esql(`WHERE event.code == "4625" AND @timestamp > NOW() - 5 minutes | STATS n = COUNT(*) BY source.ip | WHERE n > 5`)},
		"counting what has a value":              {many, esql(`WHERE event.code == "4625" | STATS n = COUNT(user.name) BY source.ip | WHERE n > 5`)},
		"counting some":                          {many, esql(`WHERE event.code == "4625" | STATS n = COUNT(*) WHERE event.outcome == "failure" BY source.ip | WHERE n > 5`)},
		"the largest only":                       {many, esql(`WHERE event.code == "4625" | STATS n = COUNT(*) BY source.ip | WHERE n > 5 | SORT n DESC | LIMIT 1`)},
		"an enrichment that must match":          {many, esql(`WHERE event.code == "4625" | ENRICH hosts | WHERE critical == "yes" | STATS n = COUNT(*) BY source.ip | WHERE n > 5`)},
		"a list of indicators":                   {failed + `| table _time`, Rule{Type: "threat_match", Language: "kuery", Index: security, Query: `event.code:4625`}},
		"both where the search has alternatives": {process + `(Image="*\\a.exe" OR CommandLine="*evil*") | table _time`, eql(`process where process.name : "a.exe" and process.command_line : "*evil*"`)},
	} {
		t.Run(name, func(t *testing.T) {
			const title = "Unusual Frobnication Attempts Seen"
			tc.elastic.ID, tc.elastic.Name, tc.elastic.MitreAttackIDs = "1", title, []string{"T1110"}
			rule := migration.OriginalRule{Title: title, Query: tc.spl, MitreAttackIDs: []string{"T1110"}, EarliestTime: "-10m"}
			d := decide(t, New([]Rule{tc.elastic}), rule)
			switch {
			case d.Matched != nil:
				t.Errorf("it took the rule's place: %s\n%s", d.Matched.Why, draftOf(t, rule))
			case len(d.Near) != 1 || d.Near[0].Why == "":
				t.Errorf("near: %v, want the one rule with a reason", d.Near)
			}
		})
	}
}
