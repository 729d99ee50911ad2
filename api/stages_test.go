package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// fakeExplainer explains what it is told to.
type fakeExplainer struct {
	made Explained
	err  error
}

func (f *fakeExplainer) Explain(_ context.Context, _ string, rule migration.OriginalRule) (Explained, error) {
	if rule.Query != "index=main | stats count" {
		return Explained{}, fmt.Errorf("another rule: %q", rule.Query)
	}
	return f.made, f.err
}

// withWorkbench gives the gateway everything that people need who work at one rule.
func withWorkbench() func(*Deps) {
	return func(d *Deps) {
		d.Prebuilt = fakePrebuilt{}
		d.Explainer, d.Checker, d.Trier = &fakeExplainer{}, fakeChecker{}, &fakeTrier{}
	}
}

func TestStages(t *testing.T) {
	at := func(line, column int) migration.Position { return migration.Position{Line: line, Column: column} }
	note := func(code string) migration.Diagnostic {
		return migration.Diagnostic{Code: code, Severity: "info", Message: "m"}
	}
	f := &fakeExplainer{made: Explained{Compiler: "c1", Query: "FROM x", Diagnostics: []migration.Diagnostic{note("new"), note("b"), note("a")},
		Stages: []Stage{{Command: "search", SPL: Part{at(1, 1), at(1, 11), "index=main"}, ESQL: []Part{{at(1, 1), at(1, 7), "FROM x"}}, Notes: []int{0, 1, 2}}}}}
	b := newBench(t, func(d *Deps) { d.Explainer = f })
	id := b.create(1)
	path := BasePath + "/" + id + "/rule/stages?rule_id=rule-00000"
	b.want(b.do("PUT", BasePath+"/"+id+"/start", `{"connectorId": "deterministic"}`), 200)
	token := migration.Token{Epoch: 1, Claim: 1}
	if _, _, err := b.store.Claim(t.Context(), id, token, 10); err != nil {
		t.Fatal(err)
	}
	err := b.store.Record(t.Context(), id, "rule-00000", token, func(r *migration.Rule) {
		r.Status, r.Result, r.Diagnostics = migration.StatusFinished, migration.Full, []migration.Diagnostic{note("a"), note("b")}
		r.Elastic = &migration.ElasticRule{Title: "t", Query: "FROM x", QueryLanguage: "esql", Index: []string{"x"}}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := stagesAnswer{CompilerVersion: "c1", Current: true, Query: "FROM x", Stages: []Stage{f.made.Stages[0]}}
	want.Stages[0].Notes = []int{1, 0}
	if got := read[stagesAnswer](t, b, path); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	f.made.Stages[0].Notes = nil
	f.made.Query = "FROM y"
	if got := read[stagesAnswer](t, b, path); got.Current || got.Query != "FROM y" {
		t.Errorf("another query: %+v", got)
	}
	f.made = Explained{Compiler: "c1"}
	w := b.do("GET", path, "")
	b.want(w, 200, `"stages":[]`, `"current":false`)
	for _, tt := range []struct {
		err  error
		code int
		says string
	}{
		{fmt.Errorf("%w: exit status 2", ErrCrashed), 422, "exit status 2"},
		{context.DeadlineExceeded, 503, "busy"},
		{errors.New("made up"), 500, "the log"},
	} {
		f.err = tt.err
		b.want(b.do("GET", path, ""), tt.code, tt.says)
	}
	b.want(b.do("GET", BasePath+"/"+id+"/rule/stages", ""), 400, "rule_id")
	b.want(b.do("GET", BasePath+"/"+id+"/rule/stages?rule_id=nobody", ""), 204)
	b.want(b.do("GET", BasePath+"/nobody/rule/stages?rule_id=x", ""), 204)
	if !json.Valid(w.Body.Bytes()) {
		t.Error("no JSON")
	}
}
