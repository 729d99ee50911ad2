package compile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// settled compiles a rule over plain fields and gives what became of its settings.
func settled(t *testing.T, r migration.OriginalRule) compile.Output {
	t.Helper()
	c, err := translate.New(translate.Options{Schema: schema.Identity([]string{"events"}, nil), Index: []string{"events"}})
	require.NoError(t, err)
	return compile.StandardDefaults().FromOutput(r, c.Translate(compile.Request(r)))
}

// codesOf are the codes of the notes about the rule as a whole, except those of its columns and rows.
func codesOf(o compile.Output) string {
	var codes []string
	for _, d := range o.Diagnostics {
		switch d.Code {
		case compile.CodeSchedule, compile.CodeScheduleDefault, compile.CodeScheduleLost, compile.CodeScheduleInvalid, compile.CodeTimeRange,
			compile.CodeWindowEdges, compile.CodeSeverity, compile.CodeUnknownTechnique:
			codes = append(codes, d.Code+"/"+d.Subject)
		}
	}
	return strings.Join(codes, " ")
}

func TestSchedule(t *testing.T) {
	const counts, events = "a=1 | stats count by user | where count>10", "a=1"
	for _, tc := range []struct {
		query, cron, earliest, latest string
		result                        migration.Result
		schedule, codes               string
	}{
		// nothing given: the default, said once
		{counts, "", "", "", "full", "1h now-1h", "schedule_default/cron_schedule"},
		{events, "", "", "", "full", "5m now-10m", "schedule_default/cron_schedule"},
		{"a=1 | bin _time span=5m | stats count by _time user", "", "", "", "full", "5m now-10m", "schedule_default/cron_schedule schedule/suppression"},
		{"a=1 | bin _time span=4h | stats count by _time user", "", "", "", "full", "4h now-8h", "schedule_default/cron_schedule schedule/suppression"},
		{"earliest=-4h a=1 | stats count by user", "", "", "", "full", "4h now-4h", "time_range/earliest schedule_default/cron_schedule"},
		// spans of an hour or a day: each run looks at the whole one before it, and no event counts twice
		{"a=1 | bin _time span=1h | stats count by _time user", "", "", "", "full", "1h now-1h/h now/h", "schedule_default/cron_schedule"},
		{"a=1 | bin _time span=1h | stats count by _time user b c d", "", "", "", "full", "1h now-1h/h now/h", "schedule_default/cron_schedule"},
		{"a=1 | bin _time span=1d | stats count by _time user", "", "", "", "partial", "1d now-1d/d now/d", "window_edges/span schedule_default/cron_schedule"},
		// other spans: alerts are suppressed by at most three keys; with more, runs look at whole hours or days
		{"a=1 | bin _time span=5m | stats count by _time user b c", "", "", "", "full", "1h now-1h/h now/h", "schedule_default/cron_schedule"},
		{"a=1 | bin _time span=4h | stats count by _time user b c", "", "", "", "full", "1d now-1d/d now/d", "schedule_default/cron_schedule"},
		{"a=1 | bin _time span=7m | stats count by _time user b c", "", "", "", "partial", "7m now-7m", "schedule_default/cron_schedule window_edges/span"},
		{"a=1 | bin _time span=5m | stats count by _time user b c", "0 */2 * * *", "", "", "full", "2h now-2h/h now/h", "schedule_default/earliest_time"},
		{"a=1 | bin _time span=5m | stats count by _time user b c", "*/10 * * * *", "", "", "partial", "10m now-10m", "schedule_default/earliest_time window_edges/span"},
		{"a=1 | bin _time span=5m | stats count by _time user", "*/10 * * * *", "", "", "full", "10m now-20m", "schedule_default/earliest_time schedule/suppression"},
		// intervals that are compared with each other: the window holds many, and one row alerts once
		{"a=1 | bin _time span=1h | stats count by _time user | eventstats avg(count) as avg by user | where count>3*avg", "", "", "", "full", "1h now-30h", "schedule_default/cron_schedule schedule/suppression"},
		// what Kibana cannot suppress: runs do not overlap where one run holds a day at most, else the rule is an approximation
		{"a=1 | bin _time span=10m | stats count by _time user host app | eventstats avg(count) as avg by user | where count>3*avg", "", "", "", "full", "5h now-5h", "schedule_default/cron_schedule schedule/suppression"},
		{"a=1 | bin _time span=1h | stats count by _time user host app | eventstats avg(count) as avg by user | where count>3*avg", "", "", "", "partial", "1h now-30h", "schedule_default/cron_schedule schedule_lost/suppression"},
		{"a=1 | bin _time span=10m | stats count by _time user host app | eventstats avg(count) as avg by user | where count>3*avg", "*/10 * * * *", "", "", "partial", "10m now-5h", "schedule_default/earliest_time schedule_lost/suppression"},
		{"a=1 | bin _time span=10m | stats count by _time user | eventstats avg(count) as avg by user | where count>3*avg", "*/10 * * * *", "-24h", "now", "full", "10m now-1d", "schedule/suppression"},
		// a regular schedule and its range
		{counts, "*/5 * * * *", "-5m", "now", "full", "5m now-5m", ""},
		{counts, "*/5 * * * *", "-5m@m", "@m", "full", "5m now-5m", ""},
		{counts, "*/5 * * * *", "-24h@h", "now", "full", "5m now-1d/h", "schedule/suppression"},
		{events, "*/5 * * * *", "-24h@h", "now", "full", "5m now-1d/h", ""},
		{counts, "0 * * * *", "-70m@m", "-10m@m", "full", "1h now-70m now-10m", "time_range/latest_time"},
		{counts, "0 * * * *", "-1h@h", "@h", "full", "1h now-1h/h now/h", "time_range/latest_time"},
		{counts, "*/5 * * * *", "-24h", "-1h", "full", "5m now-1d now-1h", "schedule/suppression time_range/latest_time"},
		{events, "0 0 * * *", "", "", "full", "1d now-1445m", "schedule_default/earliest_time"},
		{counts, "0 0 * * *", "", "", "full", "1d now-1d", "schedule_default/earliest_time"},
		// days: their hour and their time zone
		{counts, "0 6 * * *", "-1d@d", "@d", "partial", "1d now-1d/d now/d", "schedule_lost/earliest_time time_range/latest_time"},
		{events, "0 6 * * *", "-1d@d", "@d", "full", "1d now-1d/d now/d", "schedule/earliest_time time_range/latest_time"},
		{counts, "@daily", "-1d", "", "partial", "1d now-1d", "schedule_lost/cron_schedule"},
		{counts, "0 6 * * *", "-1d@d+9h", "now", "partial", "1d now-1d/d+9h", "schedule_lost/earliest_time schedule_lost/earliest_time"},
		// what an interval cannot say
		{counts, "0 9 * * 1", "-3d@d", "@d", "partial", "7d now-3d/d now/d", "schedule_lost/earliest_time schedule_lost/earliest_time time_range/latest_time"},
		{counts, "0 */4 * * *", "-5m", "now", "partial", "4h now-5m", "schedule_lost/earliest_time"},
		{events, "0 */4 * * *", "-5m", "now", "partial", "4h now-5m", "schedule_lost/earliest_time"},
		{counts, "17 3 1 * *", "-1mon@mon", "@mon", "partial", "31d now-1M/M now/M", "schedule_lost/cron_schedule schedule_lost/earliest_time time_range/latest_time"},
		{events, "0 8-18/2 * * 1-5", "-2h", "now", "partial", "2h now-2h", "schedule_lost/cron_schedule"},
		{events, "0 9 * * 1-5", "-3d", "now", "full", "1d now-3d", "schedule/cron_schedule"},
		{counts, "0 9 * * 1-5", "-3d", "now", "partial", "1d now-3d", "schedule/suppression schedule_lost/cron_schedule"},
		{counts, "*/5 8-18 * * 1-5", "-5m@m", "now", "partial", "5m now-5m", "schedule_lost/cron_schedule"},
		{counts, "*/7 * * * *", "-10m", "now", "partial", "7m now-10m", "schedule/suppression schedule_lost/cron_schedule"},
		{counts, "0 * * * *", "-1w@w1", "now", "partial", "1h now-14d", "schedule_lost/earliest_time schedule/suppression"},
		// ends that a rule cannot keep
		{counts, "*/15 * * * *", "rt-65m@m", "rt-5m@m", "partial", "15m now-65m now-5m", "schedule_lost/earliest_time schedule/suppression time_range/latest_time"},
		{counts, "*/10 * * * *", "0", "now", "partial", "10m now-10m", "schedule_lost/earliest_time"},
		{events, "*/10 * * * *", "0", "now", "full", "10m now-15m", "schedule/earliest_time"},
		{events, "*/10 * * * *", "yesterday", "now", "partial", "10m now-15m", "schedule_lost/earliest_time"},
		// a time that is out of reach
		{events, "*/10 * * * *", "-999999999y", "now", "partial", "10m now-15m", "schedule_lost/earliest_time"},
		{counts, "*/10 * * * *", "-24h", "-999999999d", "partial", "10m now-1d", "schedule_lost/latest_time schedule/suppression"},
		{counts, "*/10 * * * *", "-2000000000s-2000000000s", "", "partial", "10m now-10m", "schedule_lost/earliest_time"},
		{"earliest=-999999999y a=1", "*/10 * * * *", "", "", "partial", "10m now-15m", "window_edges/earliest schedule_default/earliest_time"},
		{events, "*/10 * * * *", "1700000000", "", "partial", "10m now-15m", "schedule_lost/earliest_time"},
		{events, "*/10 * * * *", "-10m", "-20m", "partial", "10m now-15m", "schedule_lost/earliest_time"},
		{counts, "61 * * * *", "-1h", "", "partial", "1h now-1h", "schedule_invalid/cron_schedule"},
		{counts, "hourly", "-1h", "", "partial", "1h now-1h", "schedule_invalid/cron_schedule"},
		// a range that cannot hold the search's own intervals
		{"a=1 | bin _time span=1h | stats count by _time user", "*/5 * * * *", "-5m", "", "partial", "5m now-5m", "window_edges/span"},
	} {
		o := settled(t, migration.OriginalRule{ID: "r", Query: tc.query, Cron: tc.cron, EarliestTime: tc.earliest, LatestTime: tc.latest})
		require.NotNil(t, o.Rule, o.Diagnostics)
		name := tc.query + " | " + tc.cron + " | " + tc.earliest + " | " + tc.latest
		require.Equal(t, tc.result, o.Result, "%s: %v", name, o.Diagnostics)
		require.Equal(t, tc.schedule, strings.TrimSpace(o.Rule.Interval+" "+o.Rule.From+" "+o.Rule.To), name)
		require.Equal(t, tc.codes, codesOf(o), name)
	}
}

// TestOverlap: what two runs of a rule by intervals see is suppressed by the keys of its rows, where Kibana can.
func TestOverlap(t *testing.T) {
	o := settled(t, migration.OriginalRule{ID: "r", Query: "a=1 | bin _time span=5m | stats count by _time user"})
	require.Equal(t, &migration.Suppression{GroupBy: []string{"_time", "user"}, Duration: "10m"}, o.Rule.Suppression)
	o = settled(t, migration.OriginalRule{ID: "r", Query: "a=1 | bin _time span=5m | stats count by _time user b c"})
	require.Nil(t, o.Rule.Suppression, "Kibana suppresses by three fields at most, so the runs do not overlap")
	require.Equal(t, "now-1h/h now/h 1h", o.Rule.From+" "+o.Rule.To+" "+o.Rule.Interval)
	o = settled(t, migration.OriginalRule{ID: "r", Query: "a=1 | stats count by user"})
	require.Nil(t, o.Rule.Suppression, "runs that do not overlap need none")
	o = settled(t, migration.OriginalRule{ID: "r", Query: "a=1 | bin _time span=5m | stats count by _time user | eventstats avg(count) as a by _time | where count>a"})
	require.Equal(t, []string{"_time", "user"}, o.Rule.Suppression.GroupBy, "eventstats keeps the rows, which their own keys tell apart")
	o = settled(t, migration.OriginalRule{ID: "r", Query: "a=1 | bin _time span=5m | stats count by _time user | eventstats avg(count) as a | where count>a"})
	require.Equal(t, []string{"_time", "user"}, o.Rule.Suppression.GroupBy)
	o = settled(t, migration.OriginalRule{ID: "r", Query: "a=1 | bin _time span=5m | eventstats count by _time | where count>3"})
	require.Nil(t, o.Rule.Suppression, "events have no key")
}

func TestSeverity(t *testing.T) {
	risk := func(n int) *int { return &n }
	for _, tc := range []struct {
		given    string
		risk     *int
		severity string
		score    int
		codes    string
	}{
		{"", nil, "medium", 47, ""}, {"1", nil, "low", 21, ""}, {"2", nil, "low", 21, ""}, {"3", nil, "medium", 47, ""},
		{"4", nil, "high", 73, ""}, {"5", nil, "critical", 99, ""}, {"6", nil, "critical", 99, ""},
		{"Informational", nil, "low", 21, ""}, {"warn", nil, "medium", 47, ""}, {" High ", nil, "high", 73, ""}, {"fatal", nil, "critical", 99, ""},
		{"5", risk(38), "critical", 38, ""}, {"", risk(80), "critical", 80, ""}, {"", risk(10), "low", 10, ""}, {"", risk(900), "critical", 100, ""},
		{"7", nil, "medium", 47, "severity_default/7"}, {"urgent!", risk(5), "medium", 5, "severity_default/urgent!"},
	} {
		o := settled(t, migration.OriginalRule{ID: "r", Query: "a=1", Severity: tc.given, RiskScore: tc.risk, Cron: "*/5 * * * *", EarliestTime: "-5m"})
		require.Equal(t, tc.severity, o.Rule.Severity, tc.given)
		require.Equal(t, tc.score, o.Rule.RiskScore, tc.given)
		require.Equal(t, tc.codes, codesOf(o), tc.given)
	}
}

// TestTrigger: a condition on the results that the draft does not ask for is an approximation.
func TestTrigger(t *testing.T) {
	o := settled(t, migration.OriginalRule{ID: "r", Query: "a=1", Cron: "*/5 * * * *", EarliestTime: "-5m", Trigger: "number of events greater than 5"})
	require.Equal(t, migration.Partial, o.Result)
	require.Contains(t, o.Diagnostics[len(o.Diagnostics)-1].Message, "number of events greater than 5")
}

// TestThrottling: the throttling of a saved search suppresses alerts by the same fields.
func TestThrottling(t *testing.T) {
	o := settled(t, migration.OriginalRule{ID: "r", Query: "a=1 | stats count by user", Cron: "*/5 * * * *", EarliestTime: "-5m",
		SuppressFields: []string{"user"}, SuppressPeriod: "24h"})
	require.Equal(t, &migration.Suppression{GroupBy: []string{"user"}, Duration: "1d"}, o.Rule.Suppression)
}

func TestThreats(t *testing.T) {
	o := settled(t, migration.OriginalRule{ID: "r", Query: "a=1", Cron: "*/5 * * * *", EarliestTime: "-5m",
		MitreAttackIDs: []string{"TA0006", "T1110", "t1059.001 ", "T1574.002", "T9999", "<script>", ""}})
	require.Equal(t, "unknown_technique/T1574.002 unknown_technique/T9999 unknown_technique/<script>", codesOf(o))
	var got []string
	for _, threat := range o.Rule.Threat {
		line := threat.Tactic.ID + " " + threat.Tactic.Name + ":"
		for _, technique := range threat.Technique {
			line += " " + technique.ID + " " + technique.Name
			for _, sub := range technique.Subtechnique {
				line += " > " + sub.ID + " " + sub.Name
			}
		}
		got = append(got, line)
	}
	require.Equal(t, []string{
		"TA0002 Execution: T1059 Command and Scripting Interpreter > T1059.001 PowerShell",
		"TA0003 Persistence: T1574 Hijack Execution Flow",
		"TA0004 Privilege Escalation: T1574 Hijack Execution Flow",
		"TA0005 Defense Evasion: T1574 Hijack Execution Flow",
		"TA0006 Credential Access: T1110 Brute Force",
	}, got)
}

// TestDocumentation: docs/schedules.md lists every code of the settings as the code has it.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/schedules.md")
	require.NoError(t, err)
	own := compile.Codes()[len(translate.Codes()):]
	require.NotEmpty(t, own)
	for _, c := range own {
		require.Contains(t, string(page), "| `"+string(c.Code)+"` | "+string(c.Severity)+" | "+c.Meaning+" |")
	}
}
