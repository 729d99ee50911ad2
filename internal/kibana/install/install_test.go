package install_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// rules is a migration in memory.
type rules []migration.Rule

func (r rules) Rule(_ context.Context, _, ruleID string) (migration.Rule, error) {
	if i := slices.IndexFunc(r, func(x migration.Rule) bool { return x.ID == ruleID }); i >= 0 {
		return r[i], nil
	}
	return migration.Rule{}, store.ErrNotFound
}

func (r rules) List(_ context.Context, _ string, q store.RuleQuery) ([]migration.Rule, string, error) {
	var page []migration.Rule
	for _, x := range r {
		if x.ID <= q.After {
			continue
		}
		if len(page) == q.Size {
			return page, page[len(page)-1].ID, nil
		}
		page = append(page, x)
	}
	return page, "", nil
}

func rule(id, query string, change ...func(*migration.Rule)) migration.Rule {
	r := migration.Rule{ID: id, Status: migration.StatusFinished, Result: migration.Full,
		Original: migration.OriginalRule{ID: id, Title: "Rule " + id, Query: "index=x"},
		Elastic: &migration.ElasticRule{Title: "Rule " + id, Severity: "low", RiskScore: 21, Query: query, QueryLanguage: "esql", Index: []string{"logs-a-*"},
			Threat: []migration.Threat{{Framework: "MITRE ATT&CK", Tactic: migration.ThreatRef{ID: "TA1", Name: "n", Reference: "r"}}}}}
	for _, f := range change {
		f(&r)
	}
	return r
}

func matched(prebuilt string) func(*migration.Rule) {
	return func(r *migration.Rule) { r.Matched = &migration.Match{RuleID: prebuilt} }
}

func partial(r *migration.Rule) { r.Result = migration.Partial }

func bench(t *testing.T, list ...migration.Rule) (*install.Installer, *kibanatest.Server) {
	t.Helper()
	k := kibanatest.NewServer("key")
	t.Cleanup(k.Close)
	c, err := client.New(client.Options{URL: k.URL, Key: func() (string, error) { return "key", nil }})
	if err != nil {
		t.Fatal(err)
	}
	return &install.Installer{Rules: rules(list), Targets: map[string]install.Target{"prod": c}}, k
}

func outcome(t *testing.T, i *install.Installer, id string, overwrite bool) install.Result {
	t.Helper()
	r, err := i.Install(t.Context(), "prod", "m", id, "ann", install.Options{Overwrite: overwrite})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestInstallTwice(t *testing.T) {
	i, k := bench(t, rule("a", "FROM logs-a-* METADATA _id"), rule("none", "", func(r *migration.Rule) { r.Result = migration.Untranslatable }))
	for _, want := range []install.Outcome{install.Created, install.Unchanged} {
		if r := outcome(t, i, "a", true); r.Outcome != want {
			t.Errorf("%+v, want %s", r, want)
		}
	}
	if r := outcome(t, i, "none", true); r.Outcome != install.LeftOut || !strings.Contains(r.Why, "untranslatable") {
		t.Errorf("%+v", r)
	}
	if n := len(k.Rules()); n != 1 {
		t.Errorf("%d rules are there", n)
	}
}

// TestInstallOverwrite: a rule that differs is kept, or overwritten without what only that Kibana knows.
func TestInstallOverwrite(t *testing.T) {
	i, k := bench(t, rule("a", "FROM logs-a-* METADATA _id"))
	outcome(t, i, "a", false)
	theirs := k.Rules()[kibana.RuleID("a")]
	theirs["query"], theirs["enabled"], theirs["actions"] = "FROM x", true, []any{"mail"}
	k.Put(theirs)
	if r := outcome(t, i, "a", false); r.Outcome != install.Kept || k.Rules()[kibana.RuleID("a")]["query"] != "FROM x" {
		t.Errorf("%+v", r)
	}
	if r := outcome(t, i, "a", true); r.Outcome != install.Updated {
		t.Errorf("%+v", r)
	}
	now := k.Rules()[kibana.RuleID("a")]
	if now["query"] != "FROM logs-a-* METADATA _id" || now["enabled"] != true || len(now["actions"].([]any)) != 1 {
		t.Errorf("overwritten: %v", now)
	}
}

// TestInstallLostAnswer: an attempt whose answer was lost made the rule; the next one finds it.
func TestInstallLostAnswer(t *testing.T) {
	i, k := bench(t, rule("a", "FROM logs-a-* METADATA _id"))
	outcome(t, i, "a", false)
	first := true
	k.Before(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method == http.MethodGet && first { // it was not there a moment ago
			first = false
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		return false
	})
	if r := outcome(t, i, "a", false); r.Outcome != install.Unchanged {
		t.Errorf("%+v", r)
	}
}

func TestInstallFails(t *testing.T) {
	i, k := bench(t, rule("a", "FROM logs-a-* METADATA _id"))
	status := 0
	k.Before(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
			return true
		}
		return false
	})
	status = 400
	if r := outcome(t, i, "a", false); r.Outcome != install.Failed || r.Code != install.CodeRefused || r.Status != 400 {
		t.Errorf("%+v", r)
	}
	for code, want := range map[int]client.Reason{401: client.Credential, 429: client.Limited, 502: client.Unavailable, 307: client.Redirect} {
		status = code
		if _, err := i.Install(t.Context(), "prod", "m", "a", "ann", install.Options{}); client.ReasonOf(err) != want {
			t.Errorf("%d: %v, want %s", code, err, want)
		}
	}
	if _, err := i.Install(t.Context(), "other", "m", "a", "ann", install.Options{}); err == nil {
		t.Error("an unknown Kibana was found")
	}
}

func TestPrebuilt(t *testing.T) {
	i, k := bench(t, rule("a", "", matched("p1")), rule("b", "", matched("p1")), rule("c", "", matched("p2")), rule("d", "", matched("gone")), rule("e", "FROM x"))
	k.Prebuilt["p1"], k.Fetch["p2"] = 3, 1
	ids := []string{"a", "b", "c", "d", "e"}
	got := map[string]string{}
	results, err := i.Prebuilt(t.Context(), "prod", "m", "ann", ids, "")
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range results {
		got[id] = string(r.Outcome) + r.Code
	}
	want := map[string]string{"a": "created", "b": "created", "c": "created", "d": "failed" + install.CodeUnknownPrebuilt, "e": "left_out"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if results, err = i.Prebuilt(t.Context(), "prod", "m", "ann", ids[:3], ""); err != nil || results["a"].Outcome != install.Unchanged || results["c"].Outcome != install.Unchanged {
		t.Errorf("a second time: %+v, %v", results, err)
	}
	if n := k.Writes("POST " + kibanatest.PerformPath); n != 1 || len(k.Rules()) != 2 {
		t.Errorf("installed %d times, %d rules are there", n, len(k.Rules()))
	}
}

// TestEnable: only full rules that are there as the migration gives them.
func TestEnable(t *testing.T) {
	i, k := bench(t, rule("full", "FROM logs-a-* METADATA _id"), rule("partial", "FROM logs-a-* METADATA _id", partial), rule("changed", "FROM logs-a-* METADATA _id"), rule("absent", "FROM logs-a-* METADATA _id"))
	for _, id := range []string{"full", "partial", "changed"} {
		outcome(t, i, id, false)
	}
	theirs := k.Rules()[kibana.RuleID("changed")]
	theirs["severity"] = "high"
	k.Put(theirs)
	for id, want := range map[string]bool{"full": true, "partial": false, "changed": false, "absent": false} {
		for _, now := range []bool{want, false} { // a second time there is nothing to do
			if enabled, err := i.Enable(t.Context(), "prod", "m", id, install.Options{}); err != nil || enabled != now {
				t.Errorf("%s: enabled %v, %v, want %v", id, enabled, err, now)
			}
		}
	}
	if k.Rules()[kibana.RuleID("full")]["enabled"] != true || k.Rules()[kibana.RuleID("partial")]["enabled"] != false {
		t.Error("the wrong rules are enabled")
	}
}

func TestPlan(t *testing.T) {
	lookup := func(r *migration.Rule) { r.Elastic.LookupIndices = []migration.LookupIndex{{Name: "lookup_allowed"}} }
	i, k := bench(t,
		rule("a", `FROM logs-a-* METADATA _id | WHERE host.name == "x" AND user.name == "y" | EVAL n = LENGTH(process.name) | WHERE n > 3 | KEEP _id`, lookup),
		rule("b", `FROM logs-b.x-* | STATS c = COUNT(*) BY source.ip | WHERE c > 5`, func(r *migration.Rule) { r.Elastic.Index = []string{"logs-b.x-*"} }),
		rule("c", "", matched("p1")),
		rule("d", "", func(r *migration.Rule) { r.Status, r.ErrorCode = migration.StatusError, "crashed" }),
		rule("e", "FROM logs-a-* | WHERE host.name IS NOT NULL", partial, func(r *migration.Rule) {
			r.Diagnostics = []migration.Diagnostic{{Code: "unsupported_command", Severity: "error", Message: "no transaction", Start: migration.Position{Line: 1, Column: 7}}}
		}),
		// What any of the indices that are there has is not lacking.
		rule("f", `FROM logs-a-*, logs-b.x-*, logs-c.y-* | WHERE host.name == "x" AND event.code == "1" AND user.id == "3"`, func(r *migration.Rule) {
			r.Elastic.Index = []string{"logs-a-*", "logs-b.x-*", "logs-c.y-*"}
		}),
	)
	k.Indices["logs-a-*"] = []string{"@timestamp", "host.name", "process.name"}
	k.Indices["logs-c.y-*"] = []string{"event.code"}
	outcome(t, i, "e", false)
	theirs := k.Rules()[kibana.RuleID("e")]
	theirs["severity"] = "high"
	k.Put(theirs)
	plan, err := i.Plan(t.Context(), "prod", "m", install.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantLacks := []install.Lack{
		{Kind: "stream", Name: "logs-b.x-*", Rules: 2, RuleIDs: []string{"b", "f"}, Integration: "b"},
		{Kind: "lookup", Name: "lookup_allowed", Rules: 1, RuleIDs: []string{"a"}},
		{Kind: "field", Name: "logs-a-*, logs-b.x-*, logs-c.y-*: user.id", Rules: 1, RuleIDs: []string{"f"}},
		{Kind: "field", Name: "logs-a-*: user.name", Rules: 1, RuleIDs: []string{"a"}},
	}
	if diff := cmp.Diff(wantLacks, plan.Lacks); diff != "" {
		t.Errorf("lacks (-want +got):\n%s", diff)
	}
	var got []string
	for _, s := range plan.Rules {
		got = append(got, strings.TrimSpace(fmt.Sprint(s.ID, " ", s.Kind, " ", s.Outcome, " ", len(s.Changes), " ", s.Result, " ", strings.Join(s.Unsettled, "; "))))
	}
	want := []string{"a custom created 0 full", "b custom created 0 full", "c prebuilt created 0", "d nothing left_out 0",
		"e custom kept 1 partial Line 1, column 7 of the Splunk search: no transaction", "f custom created 0 full"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if c := plan.Rules[4].Changes[0]; c.Setting != "severity" || c.There != "high" || c.Here != "low" {
		t.Errorf("%+v", c)
	}
	if plan, err = i.Plan(t.Context(), "prod", "m", install.Options{Overwrite: true}); err != nil || plan.Rules[4].Outcome != install.Updated {
		t.Errorf("%v %v", plan.Rules[4], err)
	}
	if n := k.Writes("POST") + k.Writes("PATCH"); n != 1 {
		t.Errorf("%d writes, want the one before the plans", n)
	}
}
