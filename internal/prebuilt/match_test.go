package prebuilt

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/samples"
)

func sampleCatalogue(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Load(samples.Prebuilt())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// decide compiles the search with no macros but the built-in ones and decides.
func decide(t testing.TB, c *Catalogue, rule migration.OriginalRule) Decision {
	t.Helper()
	return decideWith(t, c, rule, translate.Options{})
}

func decideWith(t testing.TB, c *Catalogue, rule migration.OriginalRule, o translate.Options) Decision {
	t.Helper()
	compiler, err := translate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	out := compile.StandardDefaults().FromOutput(rule, compiler.Translate(compile.Request(rule)))
	matched, near, elastic := Matcher{Catalogue: c}.Match(t.Context(), rule, out.Rule, out.Diagnostics)
	if matched != nil && (elastic == nil || elastic.PrebuiltRuleID != matched.RuleID || elastic.Query == "") {
		t.Fatalf("matched %v, rule %v: want the rule with its content", matched, elastic)
	}
	return Decision{Matched: matched, Near: near}
}

// TestMatchNeverAlertsOnLess pairs searches with prebuilt rules, one difference at a time.
func TestMatchNeverAlertsOnLess(t *testing.T) {
	const (
		failed  = `sourcetype=WinEventLog:Security EventCode=4625 `
		process = `sourcetype=XmlWinEventLog:Microsoft-Windows-Sysmon/Operational EventCode=1 `
		by      = ` | stats count by src`
	)
	security := []string{"logs-system.security*", "winlogbeat-*"}
	sysmon := []string{"logs-windows.sysmon_operational-*"}
	kql := func(index []string, query string) Rule {
		return Rule{Type: "query", Language: "kuery", Index: index, Query: query}
	}
	eql := func(index []string, query string) Rule {
		return Rule{Type: "eql", Language: "eql", Index: index, Query: query}
	}
	threshold := func(from string, value float64, fields ...string) Rule {
		return Rule{Type: "threshold", Language: "kuery", Index: security, Query: `event.code:4625`, From: from, Threshold: &Threshold{Field: fields, Value: value}}
	}
	esql := func(query string) Rule { return Rule{Type: "esql", Language: "esql", Query: query, From: "now-30m"} }
	for _, tc := range []struct {
		name    string
		spl     string
		elastic Rule
		match   bool
		why     string // part of what is said
	}{
		// values and clauses
		{"the same", failed + by, kql(security, `event.code:4625`), true, "the same events"},
		{"the same by what the source gives", failed + by, kql(security, `host.os.type:windows and data_stream.dataset:system.security and event.code:"4625"`), true, "the same events"},
		{"the same by the event's class", failed + by, eql(security, `authentication where event.action == "logon-failed"`), true, ""},
		{"another value", failed + by, kql(security, `event.code:4624`), false, "it asks for event.code"},
		{"one value of two", `sourcetype=WinEventLog:Security EventCode IN (4625, 4771)` + by, kql(security, `event.code:4625`), false, "event.code"},
		{"two values of one", failed + by, kql(security, `event.code:(4625 or 4771)`), true, `it does not ask for event.code is "4625"`},
		{"any host, where the rule names some", failed + `Computer=dc*` + by, kql(security, `event.code:4625`), false, `it does not look at all at host.name is "dc*"`},
		{"any parent, where the rule names one", process + `Image="*\\a.exe" ParentImage="*\\b.exe" | table _time`, eql(sysmon, `process where process.name : "a.exe"`), false, "process.parent.executable"},
		{"more hosts than the rule names", failed + `Computer=dc1` + by, kql(security, `event.code:4625 and host.name:dc*`), false, "it asks for host.name"},
		{"more programs than the rule names", process + `Image="*\\a.exe" | table _time`, eql(sysmon, `process where process.name : ("a.exe", "b.exe")`), true, "process.executable"},
		{"some hosts, where the rule names none", failed + by, kql(security, `event.code:4625 and host.name:dc*`), false, "it also asks that host.name"},
		{"a further clause", failed + by, kql(security, `event.code:4625 and event.outcome:failure`), false, "event.outcome"},
		{"a wider pattern", process + `CommandLine="*mimikatz.exe*" | table _time`, eql(sysmon, `process where process.command_line : "*mimikatz*"`), true, "does not ask for"},
		{"a narrower pattern", process + `CommandLine="*mimikatz*" | table _time`, eql(sysmon, `process where process.command_line : "*mimikatz.exe*"`), false, "process.command_line"},
		{"a pattern that minds case", process + `CommandLine="*mimikatz*" | table _time`, eql(sysmon, `process where process.command_line like "*mimikatz*"`), false, "process.command_line"},
		{"a whole argument, where the rule has a part of the line", process + `CommandLine="*delete*" | table _time`, eql(sysmon, `process where process.args : "delete"`), false, "process.args"},
		{"a whole argument, where the rule has a whole word", process + `CommandLine="* delete *" | table _time`, eql(sysmon, `process where process.args : "delete"`), true, ""},
		{"alternatives of two fields", process + `(Image="*\\a.exe" OR ParentImage="*\\b.exe") | table _time`, eql(sysmon, `process where process.name : "a.exe" or process.parent.name : "b.exe"`), true, ""},
		{"one of two alternatives", process + `(Image="*\\a.exe" OR ParentImage="*\\b.exe") | table _time`, eql(sysmon, `process where process.name : "a.exe"`), false, "process.name"},
		{"both where the rule has either", process + `(Image="*\\a.exe" OR ParentImage="*\\b.exe") | table _time`, eql(sysmon, `process where process.name : "a.exe" and process.parent.name : "b.exe"`), false, "process"},

		// exclusions
		{"the same exclusion", failed + `NOT user="backup"` + by, kql(security, `event.code:4625 and not winlog.event_data.TargetUserName:backup`), true, `is not "backup"`},
		{"another exclusion", process + `NOT User="backup" | table _time`, eql(sysmon, `process where not process.name : "x.exe"`), false, "it excludes more: process.name"},
		{"an exclusion less", process + `Image="*\\a.exe" NOT CommandLine="*backup*" | table _time`, eql(sysmon, `process where process.name : "a.exe"`), true, `process.command_line is not "*backup*"`},
		{"three exclusions for one", process + `Image="*\\a.exe" NOT CommandLine="*backup*" | table _time`, eql(sysmon, `process where process.name : "a.exe" and not process.command_line : ("*backup*", "*restore*", "*copy*")`), false, "excludes more"},
		{"three exclusions for none", process + `Image="*\\a.exe" | table _time`, eql(sysmon, `process where process.name : "a.exe" and not process.command_line : ("*backup*", "*restore*", "*copy*")`), false, "excludes more"},
		{"an exclusion that cannot apply", process + `Image="*\\a.exe" | table _time`, eql(sysmon, `process where process.name : "a.exe" and not process.name : "b.exe"`), true, `it does not ask for event.code is "1"; process.executable`},

		// source and class
		{"other indices", failed + by, kql([]string{"logs-windows.forwarded*"}, `event.code:4625`), false, "it does not read logs-system.security-*"},
		{"one index of two", `(sourcetype=WinEventLog:Security EventCode=1102) OR (sourcetype=WinEventLog:System EventCode=104)` + ` | stats count by Computer`, kql(security, `event.code:(1102 or 104)`), false, "it does not read logs-system.system-*"},
		{"another class of events", process + `| table _time`, eql(sysmon, `file where true`), false, "event.category"},
		{"another operating system", process + `| table _time`, eql(sysmon, `process where host.os.type == "linux"`), false, "host.os.type"},

		// thresholds
		{"the same threshold", failed + by + ` | where count>5`, threshold("now-30m", 6, "source.ip"), true, "within"},
		{"a higher threshold", failed + by + ` | where count>5`, threshold("now-30m", 5001, "source.ip"), false, "it waits for 5001 events, the rule for 6 events"},
		{"a lower threshold", failed + by + ` | where count>5`, threshold("now-30m", 3, "source.ip"), true, "it waits for 3 events, the rule for 6 events"},
		{"a shorter window", failed + `earliest=-60m` + by + ` | where count>5`, threshold("now-30m", 6, "source.ip"), false, "it counts within 30 min"},
		{"finer groups", failed + by + ` | where count>5`, threshold("now-30m", 6, "source.ip", "user.name"), false, "it counts by source.ip, user.name"},
		{"coarser groups", failed + `| stats count by src Computer | where count>5`, threshold("now-30m", 6, "source.ip"), true, "it counts by source.ip, the rule by"},
		{"a threshold where the rule has none", failed + by, threshold("now-30m", 6, "source.ip"), false, "it waits for 6 events"},
		{"no threshold where the rule has one", failed + by + ` | where count>5`, kql(security, `event.code:4625`), false, "it alerts on each event"},
		{"ES|QL with a higher number", failed + by + ` | where count>5`, esql(`FROM logs-system.security-* | WHERE event.code == "4625" | STATS n = COUNT(*) BY source.ip | WHERE n > 5000`), false, "5001 events"},
		{"ES|QL with the same number", failed + by + ` | where count>5`, esql(`FROM logs-system.security-* | WHERE event.code == "4625" | STATS n = COUNT(*) BY source.ip | WHERE n > 5`), true, ""},
		{"distinct values of another field", failed + `| stats dc(Logon_Type) as n by src | where n>5`, esql(`FROM logs-system.security-* | WHERE event.code == "4625" | STATS n = COUNT_DISTINCT(host.name) BY source.ip | WHERE n > 5`), false, "different values of host.name"},
		{"ES|QL with a limit", failed + by, esql(`FROM logs-system.security-* | WHERE event.code == "4625" | LIMIT 10`), false, "LIMIT"},
		{"ES|QL on a column that it makes", failed + by, esql(`FROM logs-system.security-* | EVAL x = event.code | WHERE x == "4625"`), false, "computed"},
		{"ES|QL that writes over a field", failed + by, esql(`FROM logs-system.security-* | EVAL event.code = "1" | WHERE event.code == "4625"`), false, "computed"},
		{"another number decides", failed + by + ` | where count<3`, kql(security, `event.code:4625`), false, "cannot be compared"},
		{"a rule that never alerts", failed + by + ` | where count=0`, kql(security, `event.code:4625`), false, ""},

		// kinds of rules
		{"building block", failed + by, Rule{Type: "query", Language: "kuery", Index: security, Query: `event.code:4625`, BuildingBlock: true}, false, "building block"},
		{"first seen", failed + by, Rule{Type: "new_terms", Language: "kuery", Index: security, Query: `event.code:4625`}, false, "first time"},
		{"sequence", failed + by, eql(security, `sequence by host.id [any where event.code == "4625"] [any where event.code == "4624"]`), false, "several events"},
		{"threshold without its number", failed + by, Rule{Type: "threshold", Language: "kuery", Index: security, Query: `event.code:4625`}, false, "does not say how many"},
		{"unreadable", failed + by, eql(security, `any where event.code == `), false, "could not be read"},
		{"another language", failed + by, Rule{Type: "query", Language: "lucene", Index: security, Query: `event.code:4625`}, false, "lucene"},

		// the original
		{"a translation that is not exact", failed + `"some words"` + by, kql(security, `event.code:4625`), false, "not exact"},
		{"no translation", `| rest /services/x | search EventCode=4625`, kql(security, `event.code:4625`), false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const title = "Unusual Frobnication Attempts Seen"
			tc.elastic.ID, tc.elastic.Name, tc.elastic.MitreAttackIDs = "1", title, []string{"T1110"}
			rule := migration.OriginalRule{Title: title, Query: tc.spl, MitreAttackIDs: []string{"T1110"}, EarliestTime: "-10m"}
			if strings.Contains(tc.spl, "earliest=") {
				rule.EarliestTime = ""
			}
			d := decide(t, New([]Rule{tc.elastic}), rule)
			var said string
			if d.Matched != nil {
				said = d.Matched.Why
			} else if len(d.Near) > 0 {
				said = d.Near[0].Why
			} else if tc.why != "" {
				t.Fatal("it is not even near")
			}
			if (d.Matched != nil) != tc.match || !strings.Contains(said, tc.why) {
				t.Errorf("match %v, want %v: %s (want %s)\n%s", d.Matched != nil, tc.match, said, tc.why, draftOf(t, rule))
			}
		})
	}
}

func draftOf(t testing.TB, rule migration.OriginalRule) string {
	t.Helper()
	compiler, err := translate.New(translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return compiler.Translate(compile.Request(rule)).Query
}

// TestComparisonIsBounded compares conditions with far more alternatives than any rule has.
func TestComparisonIsBounded(t *testing.T) {
	var premises []clause
	var goal some
	for i := range 40 {
		field := "f" + strconv.Itoa(i)
		wide := test{field: field}
		for j := range 250 {
			wide.any = append(wide.any, newGlob("*"+strconv.Itoa(j)+"*x*", true))
		}
		premises = append(premises, wide)
		goal = append(goal, both(wide, exists("g"+strconv.Itoa(i))))
	}
	p := &prover{}
	if ok, _ := p.follows(premises, goal); ok {
		t.Error("a condition on fields that nobody asks for follows")
	}
	if p.steps > 2*maxSteps {
		t.Errorf("%d steps, want a bound of about %d", p.steps, maxSteps)
	}
}

func TestMatchNamesAnotherTechnique(t *testing.T) {
	elastic := Rule{ID: "1", Name: "Failed Sign-Ins", Type: "query", Language: "kuery", Index: []string{"logs-system.security*"}, Query: `event.code:4625`, MitreAttackIDs: []string{"T1003"}}
	d := decide(t, New([]Rule{elastic}), migration.OriginalRule{Title: "Failed Sign-Ins", Query: `sourcetype=WinEventLog:Security EventCode=4625 | stats count by src`, MitreAttackIDs: []string{"T1110"}})
	if d.Matched != nil || len(d.Near) != 1 || !strings.Contains(d.Near[0].Why, "technique") {
		t.Errorf("%+v", d)
	}
}

func TestLoadNamesTheLine(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"{\"rule_id\":\"a\",\"name\":\"A\"}\n{", "line 2"},
		{"\n\n{\"name\":\"A\"}", "line 3"},
	} {
		if _, err := Load(strings.NewReader(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Load(%q) = %v, want an error with %q", tc.in, err, tc.want)
		}
	}
}

// dataDir finds the test data that is not part of the repository: it is skipped on a user's machine, required in CI.
func dataDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the test data is missing at %s: set RULEBRIDGE_DATA", dir)
		}
		t.Skipf("no test data at %s: set RULEBRIDGE_DATA to run this", dir)
	}
	return dir
}

func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		var v T
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func BenchmarkMatch(b *testing.B) {
	c := sampleCatalogue(b)
	rules, err := samples.Rules()
	if err != nil {
		b.Fatal(err)
	}
	r := rules[0]
	o := Original{Title: r.Title, Query: r.Query, Techniques: r.MitreAttackIDs, Draft: draftOf(b, r)}
	b.ReportAllocs()
	for b.Loop() {
		c.Match(o)
	}
}
