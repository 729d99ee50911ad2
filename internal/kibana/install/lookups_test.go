package install_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// joins is a rule that joins with lookup_vips by a key, with so many rows.
func joins(id, key string, rows int) migration.Rule {
	return rule(id, "FROM logs-a-* METADATA _id\n| LOOKUP JOIN lookup_vips ON "+key+"\n", func(r *migration.Rule) {
		k := migration.LookupIndex{Name: "lookup_vips", Body: map[string]any{
			"settings": map[string]any{"index": map[string]any{"mode": "lookup"}},
			"mappings": map[string]any{"properties": map[string]any{key: map[string]any{"type": "keyword"}}}}}
		for range rows {
			k.Rows = append(k.Rows, map[string]any{key: "x"})
		}
		r.Elastic.LookupIndices = []migration.LookupIndex{k}
	})
}

// withElasticsearch is bench with an Elasticsearch of that Kibana.
func withElasticsearch(t *testing.T, list ...migration.Rule) (*install.Installer, *kibanatest.Server, *kibanatest.Elasticsearch) {
	t.Helper()
	i, k := bench(t, list...)
	es := kibanatest.NewElasticsearch("key")
	t.Cleanup(es.Close)
	c, err := client.New(client.Options{URL: k.URL, Elasticsearch: es.URL, Key: func() (string, error) { return "key", nil }})
	if err != nil {
		t.Fatal(err)
	}
	i.Targets["prod"] = c
	return i, k, es
}

// TestLookupsFirst: lookup indices are there before the rules that join with them, once each; rules that shape one
// differently get two, whichever is installed first.
func TestLookupsFirst(t *testing.T) {
	i, k, es := withElasticsearch(t, joins("a", "user.name", 1), joins("b", "host.name", 2), joins("c", "user.name", 1))
	plan, err := i.Plan(t.Context(), "prod", "m", install.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lookups := 0
	for _, l := range plan.Lacks {
		if l.Kind == install.LackLookup {
			lookups++
			if !l.Creates || l.Rows == 0 {
				t.Errorf("%+v", l)
			}
		}
	}
	if lookups != 2 {
		t.Errorf("%d lookup indices are lacking, want 2: %+v", lookups, plan.Lacks)
	}
	for _, id := range []string{"b", "a", "c", "b"} {
		outcome(t, i, id, false)
	}
	second := ""
	for id, rows := range map[string]int{"a": 1, "b": 2, "c": 1} {
		query := k.Rules()[kibana.RuleID(id)]["query"].(string)
		name := strings.Fields(query[strings.Index(query, "LOOKUP JOIN"):])[2]
		if (id == "b") == (name == "lookup_vips") || len(es.Rows(name)) != rows {
			t.Errorf("%s joins with %s, which has %d rows", id, name, len(es.Rows(name)))
		}
		if id == "b" {
			second = name
		}
	}
	if es.Created() != 2 || !strings.HasPrefix(second, "lookup_vips_") {
		t.Errorf("%d indices were created", es.Created())
	}
	for _, s := range []string{"a", "b", "c"} {
		if r := outcome(t, i, s, true); r.Outcome != install.Unchanged {
			t.Errorf("%s: %+v", s, r)
		}
	}
}

// TestLookupBrokenOff: an index whose rows did not arrive gets them from the next attempt; one that somebody else made, or
// edited, stays as it is.
func TestLookupBrokenOff(t *testing.T) {
	i, k, es := withElasticsearch(t, joins("a", "user.name", 3))
	es.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/_bulk") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	if _, err := i.Install(t.Context(), "prod", "m", "a", "ann", install.Options{}); client.ReasonOf(err) != client.Unavailable {
		t.Fatalf("%v", err)
	}
	if len(k.Rules()) != 0 || len(es.Rows("lookup_vips")) != 0 {
		t.Error("a rule is there before its rows")
	}
	es.Before(nil)
	if r := outcome(t, i, "a", false); r.Outcome != install.Created || len(es.Rows("lookup_vips")) != 3 || es.Created() != 1 {
		t.Errorf("%+v, %d rows", r, len(es.Rows("lookup_vips")))
	}
	delete(es.Rows("lookup_vips"), "2")
	if r := outcome(t, i, "a", false); r.Outcome != install.Unchanged || len(es.Rows("lookup_vips")) != 2 {
		t.Errorf("%+v: rows that an analyst took out are back", r)
	}
}

// TestLookupRefused: a rule whose lookup index cannot be made fails with the reason, and keeps no other.
func TestLookupRefused(t *testing.T) {
	broken := joins("a", "user.name", 1)
	broken.Elastic.LookupIndices[0].Body = map[string]any{}
	i, k, _ := withElasticsearch(t, broken, rule("b", "FROM logs-a-* METADATA _id"))
	if r := outcome(t, i, "a", false); r.Outcome != install.Failed || r.Code != install.CodeLookup || !strings.Contains(r.Why, "not in lookup mode") {
		t.Errorf("%+v", r)
	}
	if r := outcome(t, i, "b", false); r.Outcome != install.Created || len(k.Rules()) != 1 {
		t.Errorf("%+v", r)
	}
}

// TestEnableWaitsForLookups: without an Elasticsearch nobody makes the index, and a rule that would fail is not enabled.
func TestEnableWaitsForLookups(t *testing.T) {
	i, k := bench(t, joins("a", "user.name", 1))
	outcome(t, i, "a", false)
	if on, err := i.Enable(t.Context(), "prod", "m", "a", install.Options{}); on || err != nil {
		t.Errorf("enabled %v, %v", on, err)
	}
	k.Indices["lookup_vips"] = []string{"user.name"}
	if on, err := i.Enable(t.Context(), "prod", "m", "a", install.Options{}); !on || err != nil {
		t.Errorf("enabled %v, %v", on, err)
	}
}
