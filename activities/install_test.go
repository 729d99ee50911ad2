package activities_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

const installKey = "c2VjcmV0LWtleQ=="

// installBench is a store with two finished rules, a and b, and a Kibana.
func installBench(t *testing.T) (*testsuite.TestActivityEnvironment, *activities.Install, *kibanatest.Server, *sqlite.Store, *observer.ObservedLogs) {
	t.Helper()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	token := migration.Token{Epoch: 1, Claim: 1}
	rules := []migration.OriginalRule{{ID: "a", Vendor: "splunk", Query: "secret-search"}, {ID: "b", Vendor: "splunk", Query: "secret-search"}}
	if err := db.CreateMigration(ctx, migration.Migration{ID: "m", State: migration.Ready}, rules); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Claim(ctx, "m", token, 2); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		err := db.Record(ctx, "m", id, token, func(r *migration.Rule) {
			r.Status, r.Result = migration.StatusFinished, migration.Full
			r.Elastic = &migration.ElasticRule{Title: id, Severity: "low", Query: "FROM secret-search METADATA _id", QueryLanguage: "esql"}
			if id == "b" {
				r.Matched = &migration.Match{RuleID: "prebuilt"}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	k := kibanatest.NewServer(installKey)
	t.Cleanup(k.Close)
	k.Prebuilt["prebuilt"] = 1
	c, err := client.New(client.Options{URL: k.URL, Key: func() (string, error) { return installKey, nil }})
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.DebugLevel)
	acts := activities.NewInstall(&install.Installer{Rules: db, Targets: map[string]install.Target{"prod": c}}, zap.New(core))
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	acts.Register(env)
	return env, acts, k, db, logs
}

var installA = workflows.InstallRuleInput{MigrationID: "m", Kibana: "prod", RuleID: "a"}

// TestInstallTwiceAndLate: each writing activity may run again, and after the migration was deleted it writes nothing.
func TestInstallTwiceAndLate(t *testing.T) {
	env, acts, k, db, _ := installBench(t)
	for _, want := range []string{"created", "unchanged"} {
		v, err := env.ExecuteActivity(acts.Rule, installA)
		var out workflows.InstallRuleOutput
		if err != nil || v.Get(&out) != nil || out.Outcome != want {
			t.Fatalf("%+v, %v; want %s", out, err, want)
		}
	}
	for _, want := range []bool{true, false} {
		v, err := env.ExecuteActivity(acts.Enable, installA)
		var out workflows.InstallEnableOutput
		if err != nil || v.Get(&out) != nil || out.Enabled != want {
			t.Fatalf("%+v, %v; want %v", out, err, want)
		}
	}
	prebuilt := workflows.InstallPrebuiltInput{MigrationID: "m", Kibana: "prod", RuleIDs: []string{"b"}}
	for range 2 {
		v, err := env.ExecuteActivity(acts.Prebuilt, prebuilt)
		var out workflows.InstallPrebuiltOutput
		if err != nil || v.Get(&out) != nil || out.Installed != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	writes := k.Writes("POST "+kibanatest.RulesPath) + k.Writes("PATCH") + k.Writes("POST "+kibanatest.PerformPath)
	if writes != 3 {
		t.Errorf("%d writes, want one of each: %v", writes, k.Log())
	}
	if err := db.MarkDeleted(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"Rule":     func() error { _, err := env.ExecuteActivity(acts.Rule, installA); return err },
		"Enable":   func() error { _, err := env.ExecuteActivity(acts.Enable, installA); return err },
		"Prebuilt": func() error { _, err := env.ExecuteActivity(acts.Prebuilt, prebuilt); return err },
		"Page": func() error {
			_, err := env.ExecuteActivity(acts.Page, workflows.InstallPageInput{MigrationID: "m", Size: 1})
			return err
		},
	} {
		if typ, final := installErrorOf(call()); typ != workflows.ErrorGone || !final {
			t.Errorf("%s of a deleted migration: %s, final %v", name, typ, final)
		}
	}
}

// TestInstallWithoutFilters: a worker that cannot tell exclusions apart does not install rules as if there were none.
func TestInstallWithoutFilters(t *testing.T) {
	env, acts, k, _, _ := installBench(t)
	in := installA
	in.Exceptions = true
	_, err := env.ExecuteActivity(acts.Rule, in)
	if typ, final := installErrorOf(err); typ != workflows.ErrorTarget || !final || len(k.Rules()) != 0 {
		t.Errorf("%s, final %v, %d rules", typ, final, len(k.Rules()))
	}
}

func installErrorOf(err error) (typ string, final bool) {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Type(), app.NonRetryable()
	}
	return "", false
}

// TestInstallErrors: what a Kibana answers has its type, and neither errors nor logs hold the key or the search.
func TestInstallErrors(t *testing.T) {
	env, acts, k, _, logs := installBench(t)
	for status, want := range map[int]string{400: workflows.ErrorTarget, 401: workflows.ErrorTarget, 302: workflows.ErrorTarget, 404: workflows.ErrorTarget,
		429: workflows.ErrorTargetBusy, 500: workflows.ErrorTargetBusy, 503: workflows.ErrorTargetBusy} {
		k.Before(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"message":"` + r.Header.Get("Authorization") + `"}`))
			return true
		})
		_, err := env.ExecuteActivity(acts.Check, workflows.InstallTarget{Kibana: "prod"})
		if typ, final := installErrorOf(err); typ != want || final != (want == workflows.ErrorTarget) {
			t.Errorf("%d: %s, final %v; want %s", status, typ, final, want)
		}
		var app *temporal.ApplicationError
		if code := ""; status == 400 && (!errors.As(err, &app) || app.Details(&code) != nil || code != workflows.InstallRefused) {
			t.Errorf("400 has the code %q", code)
		}
		if strings.Contains(err.Error(), installKey) {
			t.Errorf("the error holds the key: %v", err)
		}
	}
	if _, err := env.ExecuteActivity(acts.Check, workflows.InstallTarget{Kibana: "other"}); err == nil {
		t.Error("an unknown Kibana was found")
	}
	for _, e := range logs.All() {
		text := e.Message
		for key, v := range e.ContextMap() {
			if s, ok := v.(string); ok {
				text += key + s
			}
		}
		if strings.Contains(text, installKey) || strings.Contains(text, "secret-search") {
			t.Errorf("the log holds the key or a search: %s", text)
		}
	}
}
