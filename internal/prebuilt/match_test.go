package prebuilt

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
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

func decide(c *Catalogue, title, query string, mitre ...string) Decision {
	return c.Match(title, query, mitre, spl.Parse(query, spl.Options{}))
}

func TestMatchDecisions(t *testing.T) {
	c := sampleCatalogue(t)
	const shadow = "| tstats count from datamodel=Endpoint.Processes where Processes.process_name IN (\"vssadmin.exe\",\"wmic.exe\") " +
		"Processes.process=\"*delete*\" Processes.process IN (\"*shadows*\",\"*shadowcopy*\") "
	const by = "by Processes.dest Processes.process"
	for _, tc := range []struct {
		name, title, query string
		mitre              []string
		match              string // name of the prebuilt rule, or empty
		near               string // a rule that must be among the near ones
	}{
		{"same data, values and technique", "Shadow Copies Removed", shadow + by, []string{"T1490"}, "Volume Shadow Copy Removal", ""},
		{"another technique is near", "Shadow Copies Removed", shadow + by, []string{"T1003"}, "", "Volume Shadow Copy Removal"},
		{"a threshold on one side is near", "Shadow Copies Removed", shadow + by + " | where count > 10", []string{"T1490"}, "", "Volume Shadow Copy Removal"},
		{"an exclusion on one side is near", "Shadow Copies Removed", shadow + `NOT Processes.user="backup" ` + by, []string{"T1490"}, "", "Volume Shadow Copy Removal"},
		{"other data is near", "Shadow Copies Removed", "`cloudtrail` vssadmin.exe delete shadows shadowcopy wmic.exe", []string{"T1490"}, "", "Volume Shadow Copy Removal"},
		{"nothing alike", "Printer Out of Paper", `index=printers status="empty"`, nil, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := decide(c, tc.title, tc.query, tc.mitre...)
			got := ""
			if d.Matched != nil {
				got = d.Matched.Name
			}
			if got != tc.match {
				t.Errorf("matched %q, want %q; near %v", got, tc.match, d.Near)
			}
			if tc.near != "" {
				found := false
				for _, n := range d.Near {
					found = found || n.Name == tc.near && n.Why != ""
				}
				if !found {
					t.Errorf("near rules %v lack %q", d.Near, tc.near)
				}
			}
			if tc.match == "" && tc.near == "" && len(d.Near) > 0 {
				t.Errorf("near rules for a rule like no other: %v", d.Near)
			}
		})
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

type goldLabel struct {
	ID, Title, Label string
	RuleID           string   `json:"rule_id"`
	AlsoOK           []string `json:"also_ok"`
}

type splunkRule struct {
	ID, Title, Query string
	MitreAttackIDs   []string `json:"mitre_attack_ids"`
}

type macroFile []splunkMacro

type splunkMacro struct {
	Name, Definition string
	Arguments        []string
}

// Macro implements spl.Macros.
func (m macroFile) Macro(name string, nargs int) (spl.MacroDef, bool) {
	for _, d := range m {
		bare, _, _ := strings.Cut(d.Name, "(")
		if bare == name && len(d.Arguments) == nargs {
			return spl.MacroDef{Name: bare, Arguments: d.Arguments, Definition: d.Definition}, true
		}
	}
	return spl.MacroDef{}, false
}

// TestGold measures the decisions against hand-made labels. The floors are what was reached; a replacement that is wrong
// costs a team its detection, so precision counts more than recall.
func TestGold(t *testing.T) {
	dir := dataDir(t)
	f, err := os.Open(filepath.Join(dir, "prebuilt", "rules.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]splunkRule{}
	for _, r := range readLines[splunkRule](t, filepath.Join(dir, "spl", "rules.jsonl")) {
		byID[r.ID] = r
	}
	macros := macroFile(readLines[splunkMacro](t, filepath.Join(dir, "spl", "macros.jsonl")))
	var said, right, wanted, first, five int
	for _, g := range readLines[goldLabel](t, filepath.Join(dir, "match", "gold.jsonl")) {
		r := byID[g.ID]
		d := c.Match(r.Title, r.Query, r.MitreAttackIDs, spl.Parse(r.Query, spl.Options{Macros: macros}))
		ok := map[string]bool{g.RuleID: true}
		for _, id := range g.AlsoOK {
			ok[id] = true
		}
		rank := 0
		var list []string
		if d.Matched != nil {
			list = append(list, d.Matched.RuleID)
			said++
			if g.Label == "match" && ok[d.Matched.RuleID] {
				right++
			} else {
				t.Logf("wrong match: %s (labelled %s) -> %s %.2f", g.Title, g.Label, d.Matched.Name, d.Matched.Score)
			}
		}
		for _, n := range d.Near {
			list = append(list, n.RuleID)
		}
		for i, id := range list {
			if ok[id] {
				rank = i + 1
				break
			}
		}
		if g.Label != "none" {
			wanted++
			if rank == 1 {
				first++
			}
			if rank > 0 {
				five++
			}
		}
		if g.Label == "match" && d.Matched == nil && len(d.Near) > 0 {
			t.Logf("missed match: %s -> %s %.2f: %s", g.Title, d.Near[0].Name, d.Near[0].Score, d.Near[0].Why)
		}
	}
	t.Logf("matches said %d, right %d (precision %.2f); of %d labelled match or near the rule stands first %d times, in the list %d times",
		said, right, ratio(float64(right), float64(said)), wanted, first, five)
	if precision := ratio(float64(right), float64(said)); precision < 0.7 {
		t.Errorf("precision of matches %.2f, want at least 0.70", precision)
	}
	if share := ratio(float64(five), float64(wanted)); share < 0.8 {
		t.Errorf("the labelled rule is listed for %.2f of the rules, want at least 0.80", share)
	}
}

func BenchmarkMatch(b *testing.B) {
	c := sampleCatalogue(b)
	rules, err := samples.Rules()
	if err != nil {
		b.Fatal(err)
	}
	r := rules[0]
	q := spl.Parse(r.Query, spl.Options{})
	b.ReportAllocs()
	for b.Loop() {
		c.Match(r.Title, r.Query, r.MitreAttackIDs, q)
	}
}

func TestMatcherReadsTheDraftOfRulesWithMacros(t *testing.T) {
	m := Matcher{Catalogue: sampleCatalogue(t)}
	rule := migration.OriginalRule{
		Title: "Shadow Copies Removed", MitreAttackIDs: []string{"T1490"},
		Query: "| tstats count from datamodel=Endpoint.Processes where `process_deleters` by Processes.dest Processes.process",
	}
	if matched, _, _ := m.Match(t.Context(), rule, nil); matched != nil {
		t.Errorf("matched %v without knowing the macro's values", matched)
	}
	draft := &migration.ElasticRule{Query: `FROM x | WHERE TO_LOWER(process.name) IN ("vssadmin.exe", "wmic.exe") AND
		TO_LOWER(process.command_line) LIKE "*delete*" AND TO_LOWER(process.command_line) RLIKE ".*(shadows|shadowcopy).*"`}
	matched, _, elastic := m.Match(t.Context(), rule, draft)
	if matched == nil || elastic == nil || elastic.PrebuiltRuleID != matched.RuleID || elastic.Query == "" {
		t.Fatalf("matched %v, rule %v: want the rule with its content", matched, elastic)
	}
}
