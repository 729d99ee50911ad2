package install_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// filters are the queries of rules without their filter macro.
type filters map[string]string

func (f filters) Without(_ context.Context, r migration.Rule) (string, []string, error) {
	if query, ok := f[r.ID]; ok {
		return query, []string{"m_filter"}, nil
	}
	return "", nil, nil
}

func (f filters) Emptied(context.Context, migration.Rule) (string, []string, error) {
	return "", nil, nil
}

func (f filters) Plain([]string, string) bool { return true }

const (
	bare     = "FROM logs-a-* METADATA _id, _index, _version"
	filtered = bare + ` | WHERE (host.name != "b" OR host.name IS NULL) AND (user.name NOT IN ("x", "y") OR user.name IS NULL)`
	kept     = bare + ` | WHERE TO_LOWER(host.name) != "b" OR host.name IS NULL`
)

func exceptionsBench(t *testing.T, list ...migration.Rule) (*install.Installer, *kibanatest.Server) {
	t.Helper()
	i, k := bench(t, list...)
	i.Filters = filters{"a": bare, "kept": bare}
	return i, k
}

func withLists(t *testing.T, i *install.Installer, id string, overwrite bool) install.Result {
	t.Helper()
	r, err := i.Install(t.Context(), "prod", "m", id, "ann", install.Options{Overwrite: overwrite, Exceptions: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func idsOf(rule map[string]any) (ids []string) {
	given, _ := rule["exceptions_list"].([]any)
	for _, one := range given {
		ids = append(ids, one.(map[string]any)["list_id"].(string)+"="+one.(map[string]any)["id"].(string))
	}
	return ids
}

// TestExceptionsInstalled: a rule goes by a list of its own, whose items say what its query no longer does; nothing is made
// twice, and what no list says stays in the query.
func TestExceptionsInstalled(t *testing.T) {
	i, k := exceptionsBench(t, rule("a", filtered), rule("kept", kept), rule("plain", bare))
	for _, want := range []install.Outcome{install.Created, install.Unchanged} {
		if r := withLists(t, i, "a", true); r.Outcome != want || r.Exceptions != 2 {
			t.Errorf("%+v, want %s with 2 exceptions", r, want)
		}
		for _, id := range []string{"kept", "plain"} {
			if r := withLists(t, i, id, true); r.Outcome != want || r.Exceptions != 0 {
				t.Errorf("%s: %+v, want %s without exceptions", id, r, want)
			}
		}
	}
	listID := "rulebridge-" + kibana.RuleID("a")
	rules := k.Rules()
	if r := rules[kibana.RuleID("a")]; r["query"] != bare || !slices.Equal(idsOf(r), []string{listID + "=so-" + listID}) {
		t.Errorf("the rule: %v, lists %v", r["query"], idsOf(r))
	}
	for id, query := range map[string]string{"kept": kept, "plain": bare} {
		if r := rules[kibana.RuleID(id)]; r["query"] != query || idsOf(r) != nil {
			t.Errorf("%s: %v, lists %v", id, r["query"], idsOf(r))
		}
	}
	lists, items := k.ExceptionLists()
	if len(lists) != 1 || len(items) != 2 || lists[listID] == nil || items[listID+"-1"] == nil || items[listID+"-2"] == nil {
		t.Errorf("lists %v, items %v", lists, items)
	}
	if n := k.Writes("POST " + kibanatest.ListsPath); n != 3 {
		t.Errorf("%d lists and items were made, want 3: %v", n, k.Log())
	}
	if n := k.Writes("PUT"); n != 0 {
		t.Errorf("%d items were changed", n)
	}
	enabled, err := i.Enable(t.Context(), "prod", "m", "a", install.Options{Exceptions: true})
	if err != nil || !enabled {
		t.Errorf("enabled %v, %v", enabled, err)
	}
}

// TestExceptionsResumed: wherever an attempt breaks off, the next ones make what is missing and nothing twice, and the rule is
// not there before its list is whole.
func TestExceptionsResumed(t *testing.T) {
	for _, lost := range []bool{false, true} { // the request does not arrive, or its answer is lost
		for n := 1; n <= 4; n++ {
			i, k := exceptionsBench(t, rule("a", filtered))
			posts := 0
			k.Before(func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				if r.Method != http.MethodPost {
					return false
				}
				if posts++; posts != n {
					return false
				}
				if lost {
					k.Before(nil)
					r.Body = io.NopCloser(bytes.NewReader(body))
					k.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
				}
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			})
			_, err := i.Install(t.Context(), "prod", "m", "a", "ann", install.Options{Exceptions: true})
			if client.ReasonOf(err) != client.Unavailable {
				t.Fatalf("post %d: %v", n, err)
			}
			if !lost && len(k.Rules()) != 0 {
				t.Errorf("post %d: the rule is there before its list is whole", n)
			}
			r := withLists(t, i, "a", false)
			_, items := k.ExceptionLists()
			if r.Exceptions != 2 || len(items) != 2 || len(k.Rules()) != 1 || k.Writes("POST") != 4 {
				t.Errorf("post %d, lost %v: %+v, %d items, log %v", n, lost, r, len(items), k.Log())
			}
		}
	}
}

// TestExceptionsOfPeople: what analysts changed, added or removed in a list stays, unless overwriting is asked for; then what
// the migration gives comes back, with comments and with what people added.
func TestExceptionsOfPeople(t *testing.T) {
	list := []migration.Rule{rule("a", filtered)}
	i, k := exceptionsBench(t, list...)
	withLists(t, i, "a", false)
	listID := "rulebridge-" + kibana.RuleID("a")
	_, items := k.ExceptionLists()
	edited := items[listID+"-1"]
	edited["entries"] = []any{map[string]any{"field": "host.name", "operator": "included", "type": "match", "value": "other"}}
	edited["comments"] = []any{map[string]any{"id": "c", "comment": "since Tuesday", "created_by": "bob"}}
	k.PutItem(edited)
	k.RemoveItem(listID + "-2")
	old := map[string]any{"item_id": listID + "-3", "list_id": listID, "name": "n", "type": "simple", "entries": []any{}}
	theirs := map[string]any{"item_id": "theirs", "list_id": listID, "name": "n", "type": "simple", "entries": []any{}}
	k.PutItem(old)
	k.PutItem(theirs)
	if r := withLists(t, i, "a", false); r.Outcome != install.Kept {
		t.Errorf("%+v", r)
	}
	if enabled, err := i.Enable(t.Context(), "prod", "m", "a", install.Options{Exceptions: true}); enabled || err != nil {
		t.Errorf("a rule with other exceptions was enabled: %v", err)
	}
	plan, err := i.Plan(t.Context(), "prod", "m", install.Options{Exceptions: true})
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	for _, c := range plan.Rules[0].Changes {
		changed = append(changed, strings.TrimPrefix(c.Setting, "exceptions: "+listID))
	}
	if !slices.Equal(changed, []string{"-1", "-2", "-3"}) || plan.Rules[0].Outcome != install.Kept {
		t.Errorf("%v, %s", changed, plan.Rules[0].Outcome)
	}
	if r := withLists(t, i, "a", true); r.Outcome != install.Updated {
		t.Errorf("%+v", r)
	}
	_, items = k.ExceptionLists()
	now := items[listID+"-1"]
	if value := now["entries"].([]any)[0].(map[string]any)["value"]; value != "b" || len(now["comments"].([]any)) != 1 {
		t.Errorf("overwritten: %v", now)
	}
	if len(items) != 3 || items["theirs"] == nil || items[listID+"-3"] != nil {
		t.Errorf("items: %v", items)
	}
	if r := withLists(t, i, "a", true); r.Outcome != install.Unchanged {
		t.Errorf("%+v", r)
	}
}

// TestExceptionsLater: a rule that was installed with its exclusions in the query is left alone, and gets its list when
// overwriting, beside a list that people gave it.
func TestExceptionsLater(t *testing.T) {
	i, k := exceptionsBench(t, rule("a", filtered))
	outcome(t, i, "a", false)
	if r := withLists(t, i, "a", false); r.Outcome != install.Kept {
		t.Errorf("%+v", r)
	}
	if lists, _ := k.ExceptionLists(); len(lists) != 0 {
		t.Errorf("a list was made for a rule that stays as it is: %v", lists)
	}
	if errs := k.ImportExceptions([]byte(`{"list_id":"t","name":"n","description":"d","type":"detection","namespace_type":"single","id":"so-t"}`)); len(errs) > 0 {
		t.Fatal(errs)
	}
	there := k.Rules()[kibana.RuleID("a")]
	there["exceptions_list"] = []any{map[string]any{"id": "so-t", "list_id": "t", "type": "detection", "namespace_type": "single"}}
	k.Put(there)
	if r := withLists(t, i, "a", true); r.Outcome != install.Updated || r.Exceptions != 2 {
		t.Errorf("%+v", r)
	}
	listID := "rulebridge-" + kibana.RuleID("a")
	if r := k.Rules()[kibana.RuleID("a")]; r["query"] != bare || !slices.Equal(idsOf(r), []string{"t=so-t", listID + "=so-" + listID}) {
		t.Errorf("the rule: %v, lists %v", r["query"], idsOf(r))
	}
	if r := withLists(t, i, "a", true); r.Outcome != install.Unchanged {
		t.Errorf("%+v", r)
	}
}

// TestExceptionsRefused: a list that Kibana does not take fails its rule alone.
func TestExceptionsRefused(t *testing.T) {
	i, k := exceptionsBench(t, rule("a", filtered), rule("plain", bare))
	k.Before(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method == http.MethodPost && r.URL.Path == kibanatest.ItemsPath {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"message":"not this entry"}`))
			return true
		}
		return false
	})
	if r := withLists(t, i, "a", false); r.Outcome != install.Failed || r.Code != install.CodeExceptions || !strings.Contains(r.Why, "not this entry") {
		t.Errorf("%+v", r)
	}
	if len(k.Rules()) != 0 {
		t.Error("the rule is there without its exclusions")
	}
	if r := withLists(t, i, "plain", false); r.Outcome != install.Created {
		t.Errorf("%+v", r)
	}
	i.Filters = nil
	if _, err := i.Install(t.Context(), "prod", "m", "a", "ann", install.Options{Exceptions: true}); err == nil {
		t.Error("lists were promised where nothing tells exclusions apart")
	}
}

// TestExceptionsPlanned: a plan lists the lists and what stays in the queries, and makes nothing.
func TestExceptionsPlanned(t *testing.T) {
	i, k := exceptionsBench(t, rule("a", filtered), rule("kept", kept))
	plan, err := i.Plan(t.Context(), "prod", "m", install.Options{Exceptions: true})
	if err != nil {
		t.Fatal(err)
	}
	if x := plan.Rules[0].Exceptions; x == nil || len(x.Items) != 2 || x.List.Name != "Exclusions: Rule a" || plan.Rules[0].Kept != nil {
		t.Errorf("%+v", plan.Rules[0])
	}
	if s := plan.Rules[1]; s.Exceptions != nil || len(s.Kept) != 1 || !strings.Contains(s.Kept[0].Why, "without case") {
		t.Errorf("%+v", s)
	}
	if n := k.Writes("POST") + k.Writes("PUT") + k.Writes("PATCH"); n != 0 {
		t.Errorf("%d writes", n)
	}
}
