package prebuilt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/samples"
)

type goldLabel struct {
	ID, Title, Label string
	RuleID           string   `json:"rule_id"`
	AlsoOK           []string `json:"also_ok"`
}

type splunkRule struct {
	ID, Title, Query string
	MitreAttackIDs   []string `json:"mitre_attack_ids"`
}

type splunkMacro struct {
	Name, Definition string
	Arguments        []string
}

// TestGold compares the decisions with hand-made labels. The labels call a rule a match when it is about the same thing; a
// match here never alerts on less, which leaves few of them. testdata/reread.jsonl has the others, each read again with
// what the prebuilt rule would miss.
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
	for _, e := range c.entries {
		if e.shape.other == "its EQL could not be read" || e.shape.other == "its ES|QL could not be read" {
			t.Errorf("%s: %s", e.Name, e.shape.other)
		}
	}
	byID := map[string]splunkRule{}
	for _, r := range readLines[splunkRule](t, filepath.Join(dir, "spl", "rules.jsonl")) {
		byID[r.ID] = r
	}
	var o translate.Options
	for _, m := range readLines[splunkMacro](t, filepath.Join(dir, "spl", "macros.jsonl")) {
		name, _, _ := strings.Cut(m.Name, "(")
		o.Macros = append(o.Macros, translate.Macro{Name: name, Arguments: m.Arguments, Definition: m.Definition})
	}
	reread := map[string]string{}
	for _, r := range readLines[struct{ ID, Why string }](t, filepath.Join("testdata", "reread.jsonl")) {
		reread[r.ID] = r.Why
	}
	var wanted, first, five, matches int
	for _, g := range readLines[goldLabel](t, filepath.Join(dir, "match", "gold.jsonl")) {
		r := byID[g.ID]
		d := decideWith(t, c, migration.OriginalRule{ID: r.ID, Title: r.Title, Query: r.Query, MitreAttackIDs: r.MitreAttackIDs}, o)
		right := map[string]bool{g.RuleID: true}
		for _, id := range g.AlsoOK {
			right[id] = true
		}
		list := d.Near
		switch why := reread[g.ID]; {
		case d.Matched != nil && (g.Label != "match" || !right[d.Matched.RuleID] || why != ""):
			t.Errorf("%s (labelled %s; %s) is matched by %s: %s", g.Title, g.Label, why, d.Matched.Name, d.Matched.Why)
		case d.Matched != nil:
			matches++
			list = append([]migration.Match{*d.Matched}, list...)
		case g.Label == "match" && why == "":
			t.Errorf("%s is labelled match; it is near, and testdata/reread.jsonl does not say why: %v", g.Title, d.Near)
		}
		if g.Label == "none" {
			continue
		}
		wanted++
		for i, n := range list {
			if right[n.RuleID] {
				five++
				if i == 0 {
					first++
				}
				break
			}
		}
	}
	t.Logf("%d matches; of %d labelled match or near the rule stands first %d times, in the list %d times", matches, wanted, first, five)
	if share := ratio(float64(five), float64(wanted)); share < 0.8 {
		t.Errorf("the labelled rule is listed for %.2f of the rules, want at least 0.80", share)
	}
}

// TestSampleMatches holds the demo to what it shows: these rules are matched, and nothing else is.
func TestSampleMatches(t *testing.T) {
	c := sampleCatalogue(t)
	rules, err := samples.Rules()
	if err != nil {
		t.Fatal(err)
	}
	resources, err := samples.Resources()
	if err != nil {
		t.Fatal(err)
	}
	var o translate.Options
	for _, r := range resources {
		if r.Type == migration.ResourceMacro {
			name, _, _ := strings.Cut(r.Name, "(")
			o.Macros = append(o.Macros, translate.Macro{Name: name, Arguments: r.Arguments, Definition: r.Definition})
		}
	}
	want := map[string]string{
		"acme-001": "Volume Shadow Copy Removal",
		"acme-012": "Event Log Cleared",
		"acme-019": "Inbox Rule Created or Changed",
	}
	near := 0
	for _, r := range rules {
		d := decideWith(t, c, r, o)
		got := ""
		if d.Matched != nil {
			got = d.Matched.Name
			t.Logf("%s %s: %s: %s", r.ID, r.Title, got, d.Matched.Why)
		}
		if got != want[r.ID] {
			t.Errorf("%s is matched by %q, want %q; near %v", r.ID, got, want[r.ID], d.Near)
		}
		near += len(d.Near)
		for _, n := range d.Near {
			if n.Why == "" {
				t.Errorf("%s: %s is near without a reason", r.ID, n.Name)
			}
		}
	}
	if near < 8 {
		t.Errorf("%d near rules, want some to show", near)
	}
}
