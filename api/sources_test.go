package api

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

type fakePrebuilt struct{}

func (fakePrebuilt) Rule(id string) (PrebuiltRule, bool) {
	return PrebuiltRule{ID: id, Name: "n", Query: "q", Language: "eql", Severity: "high", Version: 3}, id == "known"
}

func TestPrebuilt(t *testing.T) {
	b := newBench(t, withWorkbench())
	const path = PagePath + "/prebuilt"
	want := PrebuiltRule{ID: "known", Name: "n", Query: "q", Language: "eql", Severity: "high", Version: 3, Index: []string{}, Threat: []migration.Threat{}}
	if got := read[PrebuiltRule](t, b, path+"?rule_id=known"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	b.want(b.do("GET", path+"?rule_id=other", ""), 404, "not among the prebuilt rules")
	b.want(b.do("GET", path, ""), 400, "rule_id")
	b.want(newBench(t).do("GET", path+"?rule_id=known", ""), 404)
}

// presentCluster says which patterns are there, and counts how often it is asked.
type presentCluster struct {
	fakeCluster
	asked atomic.Int64
}

func (p *presentCluster) Present(_ context.Context, pattern string) (bool, error) {
	p.asked.Add(1)
	if pattern == "logs-c-*" {
		return false, errors.New("made up")
	}
	return pattern == "logs-a-*", nil
}

func TestSources(t *testing.T) {
	cluster := &presentCluster{}
	for _, with := range []bool{true, false} {
		b := newBench(t, func(d *Deps) {
			if with {
				d.Cluster = cluster
			}
		})
		id := b.create(6)
		path := BasePath + "/" + id + "/sources"
		if got := read[[]sourceAnswer](t, b, path); len(got) != 0 {
			t.Errorf("before the start: %+v", got)
		}
		b.want(b.do("PUT", BasePath+"/"+id+"/start", `{"connectorId": "deterministic"}`), 200)
		token := migration.Token{Epoch: 1, Claim: 1}
		ids, _, err := b.store.Claim(t.Context(), id, token, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, rule := range ids {
			pattern := []string{"logs-a-*", "logs-a-*", "logs-a-*", "logs-b-*", "logs-b-*", "logs-c-*"}[i]
			err := b.store.Record(t.Context(), id, rule, token, func(r *migration.Rule) {
				r.Status, r.Result = migration.StatusFinished, migration.Full
				r.Elastic = &migration.ElasticRule{Query: "FROM " + pattern, QueryLanguage: "esql", Index: []string{pattern}}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		b.server.lists.Stale(id)
		want := []sourceAnswer{{"logs-a-*", 3, presentYes}, {"logs-b-*", 2, presentNo}, {"logs-c-*", 1, presentUnknown}}
		if !with {
			want = []sourceAnswer{{"logs-a-*", 3, presentUnknown}, {"logs-b-*", 2, presentUnknown}, {"logs-c-*", 1, presentUnknown}}
		}
		for range 3 {
			if got := read[[]sourceAnswer](t, b, path); !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		b.want(b.do("GET", BasePath+"/nobody/sources", ""), 204)
	}
	if n := cluster.asked.Load(); n != 3 {
		t.Errorf("the cluster was asked %d times, want once a pattern", n)
	}
}

func TestRename(t *testing.T) {
	b := newBench(t, withAuth(t))
	as := "Authorization: ApiKey key-operator"
	w := b.do("POST", BasePath, rulesJSON(0, 1), as)
	b.want(w, 200)
	id := field[string](t, w, "migration_id")
	path := BasePath + "/" + id
	for _, tt := range []struct {
		body string
		code int
		says string
	}{
		{`{"name":" Windows – “first” "}`, 200, `"name":"Windows – “first”"`},
		{`{"name":"` + strings.Repeat("x", 1024) + `"}`, 200, "xxx"},
		{`{"name":"` + strings.Repeat("x", 1025) + `"}`, 400, "limits.title"},
		{`{"name":"  "}`, 400, "name: is empty"},
		{`{"name":"a\u0007b"}`, 400, "control character"},
		{`{"name":7}`, 400, "name: must be a text"},
		{`{"name":"a","state":"running"}`, 400, "state: is not known"},
		{`{}`, 400, "name: is missing"},
		{`[]`, 400, "an object"},
	} {
		b.want(b.do("PATCH", path, tt.body, as), tt.code, tt.says)
	}
	b.want(b.do("PATCH", path, `{"name":"last"}`, as), 200)
	b.want(b.do("PATCH", path, `{"name":"x"}`, "Authorization: ApiKey key-reader"), 403)
	b.want(b.do("PATCH", path, `{"name":"x"}`, as, "-kbn-xsrf: "), 400, "kbn-xsrf")
	b.want(b.do("PATCH", BasePath+"/nobody", `{"name":"x"}`, as), 204)
	b.want(b.do("GET", BasePath+"/migrations", "", as), 200, `"name":"last"`)
	if m, err := b.store.Migration(t.Context(), id); err != nil || m.Name != "last" || m.LastUpdateBy != "key:operator" {
		t.Errorf("%+v, %v", m, err)
	}
}
