package kibana_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/splunk"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/samples"
)

// Whatever the compiler makes of rules, Kibana takes; every rule is exported or left out with a reason.
func TestImportTakesWhatTheCompilerMakes(t *testing.T) {
	rules, err := samples.Rules()
	if err != nil {
		t.Fatal(err)
	}
	resources, err := samples.Resources()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("samples", func(t *testing.T) { compiled(t, rules, resources) })
	t.Run("real rules", func(t *testing.T) {
		dir := os.Getenv("RULEBRIDGE_DATA")
		if dir == "" {
			dir = filepath.Join("..", "..", "..", "shared", "data")
		}
		if _, err := os.Stat(filepath.Join(dir, "spl")); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("no real rules: %v", err)
		}
		var found []migration.OriginalRule
		for line := range lines(t, filepath.Join(dir, "spl", "rules.jsonl")) {
			var r struct {
				migration.OriginalRule
				RiskScore float64 `json:"risk_score"`
			}
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatal(err)
			}
			risk := int(r.RiskScore)
			r.OriginalRule.RiskScore = &risk
			found = append(found, r.OriginalRule)
		}
		var defined []migration.Resource
		for kind, name := range map[migration.ResourceType]string{migration.ResourceMacro: "macros.jsonl", migration.ResourceLookup: "lookups.jsonl"} {
			for line := range lines(t, filepath.Join(dir, "spl", name)) {
				var r struct {
					migration.Resource
					CaseSensitiveMatch any `json:"case_sensitive_match"` // text in this file
					MaxMatches         any `json:"max_matches"`
					MinMatches         any `json:"min_matches"`
				}
				if err := json.Unmarshal(line, &r); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				r.Resource.Type = kind
				defined = append(defined, r.Resource)
			}
		}
		compiled(t, found, defined)
	})
}

// Every alert of a published app, as it is imported, becomes a rule that Kibana takes.
func TestImportTakesARealApp(t *testing.T) {
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	app := filepath.Join(dir, "splunk_app", "cyences_app_for_splunk")
	if _, err := os.Stat(app); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no real app: %v", err)
	}
	k := &imported{Tally: splunk.NewTally(100)}
	if err := splunk.Stream([]string{app}, splunk.Options{}, k); err != nil {
		t.Fatal(err)
	}
	if len(k.rules) != 192 {
		t.Fatalf("%d alerts", len(k.rules))
	}
	compiled(t, k.rules, k.resources)
}

type imported struct {
	*splunk.Tally
	rules     []migration.OriginalRule
	resources []migration.Resource
}

func (k *imported) Rules(list []migration.OriginalRule) error {
	k.rules = append(k.rules, list...)
	return nil
}

func (k *imported) Resources(list []migration.Resource) error {
	k.resources = append(k.resources, list...)
	return nil
}

// lines are those of a file.
func lines(t *testing.T, path string) iter.Seq[[]byte] {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Lines(data)
}

func compiled(t *testing.T, originals []migration.OriginalRule, resources []migration.Resource) {
	c := compile.NewCache(kept(resources), translate.Options{Schema: schema.Default()}, compile.StandardDefaults())
	var rules []migration.Rule
	for _, o := range originals {
		out, err := c.Compile(context.Background(), "m", o)
		if err != nil {
			t.Fatalf("%s: %v", o.ID, err)
		}
		r := migration.Rule{ID: o.ID, Original: o, Status: migration.StatusFinished}
		out.Apply(&r)
		rules = append(rules, r)
	}
	dir, sum := export(t, rules...)
	if sum.Rules == 0 || sum.Rules+sum.LeftOut != len(rules) {
		t.Errorf("%d rules: %+v", len(rules), sum)
	}
	left := bytes.Count([]byte(dir[kibana.LeftOutFile]), []byte("\n"))
	if left != sum.LeftOut {
		t.Errorf("%d lines of rules that are left out, %d counted", left, sum.LeftOut)
	}
	for _, line := range strings.Split(dir[kibana.LeftOutFile], "\n") {
		if line != "" && !strings.Contains(line, `"why":"untranslatable`) {
			t.Errorf("left out, and not untranslatable: %s", line)
		}
	}
	ids := map[string]bool{}
	for _, name := range sum.RuleFiles {
		for line := range strings.Lines(dir[name]) {
			if !strings.Contains(line, `"exported_count"`) {
				strict(t, line, ids)
			}
		}
	}
	if len(ids) != sum.Rules {
		t.Errorf("%d rule_ids of %d rules", len(ids), sum.Rules)
	}
	t.Logf("%d rules: %d exported, %d of them partial, %d left out, %d lookup indices", len(rules), sum.Rules, sum.Partial, sum.LeftOut, len(sum.Lookups))
	var k kibanatest.Kibana
	for _, name := range sum.RuleFiles {
		a, err := k.Import(name, []byte(dir[name]), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range a.Errors {
			t.Errorf("Kibana refuses %s: %s", e.RuleID, e.Error.Message)
		}
	}
}

// kept are the resources of each migration.
type kept []migration.Resource

func (k kept) Resources(context.Context, string) ([]migration.Resource, error) { return k, nil }

func (k kept) ResourcesVersion(context.Context, string) (int64, error) { return 1, nil }
