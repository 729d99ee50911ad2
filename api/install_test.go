package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// fakeInstalls is one Kibana, prod, and its installations.
type fakeInstalls struct {
	plan    install.Plan
	err     error
	inputs  []workflows.InstallInput
	status  workflows.InstallStatus
	running bool
	stops   int
	planned install.Options
}

func (f *fakeInstalls) Names() []string { return []string{"prod"} }

func (f *fakeInstalls) Plan(_ context.Context, _, _ string, o install.Options) (install.Plan, error) {
	f.planned = o
	return f.plan, f.err
}

func (f *fakeInstalls) Why(_ context.Context, _, key string) string {
	return strings.TrimPrefix(key, "key of ")
}

func (f *fakeInstalls) Start(_ context.Context, in workflows.InstallInput) (bool, error) {
	if f.running {
		return false, nil
	}
	f.inputs, f.running = append(f.inputs, in), true
	return true, nil
}

func (f *fakeInstalls) Status(context.Context, string, string) (InstallState, error) {
	s := InstallState{InstallStatus: f.status, Running: f.running, Run: fmt.Sprint("run ", len(f.inputs)), Ended: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if len(f.inputs) == 0 {
		return s, ErrNoWorkflow
	}
	return s, nil
}

func (f *fakeInstalls) Stop(context.Context, string, string) error {
	if !f.running {
		return ErrNoWorkflow
	}
	f.stops++
	f.running = false
	return nil
}

func withInstalls(f *fakeInstalls) func(*Deps) {
	return func(d *Deps) { d.Installs = &Installs{Planner: f, Workflows: f} }
}

func TestInstallRoutes(t *testing.T) {
	f := &fakeInstalls{plan: install.Plan{Kibana: "prod", Lacks: []install.Lack{{Kind: "stream", Name: "logs-*", Rules: 1}},
		Rules: []install.Step{{ID: "a", RuleID: "b", Title: "t", Kind: install.Custom, Outcome: install.Kept,
			Changes: []install.Change{{Setting: "query", There: "x", Here: "y"}, {Setting: "threat", There: nil, Here: []any{"z"}}}}}}}
	b := newBench(t, withInstalls(f))
	id := b.create(1)
	base := BasePath + "/" + id + "/install"
	b.want(b.do("GET", base+"/plan?kibana=prod&overwrite=true", ""), 200, `"outcome":"kept"`)
	b.want(b.do("GET", base+"/plan?kibana=prod&take=accepted", ""), 200, `"outcome":"kept"`)
	if f.planned.Take != migration.TakeAccepted {
		t.Errorf("planned with %+v", f.planned)
	}
	b.want(b.do("GET", base+"/plan?kibana=prod&take=x", ""), 400, "take", "all or accepted")
	b.want(b.do("POST", base, `{"kibana":"prod","take":"x"}`), 400, "take", "all or accepted")
	b.want(b.do("GET", base+"?kibana=prod", ""), 204, "")
	b.want(b.do("DELETE", base+"?kibana=prod", ""), 200, `{"stopped":false}`)
	b.want(b.do("POST", base, `{"kibana":"prod","take":"accepted","overwrite":true,"enable":true,"spread":"90s"}`), 200, `{"started":true}`)
	b.want(b.do("POST", base, `{"kibana":"prod"}`), 200, `{"started":false}`)
	in := f.inputs[0]
	if in.MigrationID != id || in.Kibana != "prod" || !in.Overwrite || !in.Enable || in.Spread != 90*time.Second || in.Take != "accepted" {
		t.Errorf("%+v", in)
	}
	f.status = workflows.InstallStatus{Phase: workflows.InstallPhaseCustom, Code: workflows.InstallCredential,
		Counts: workflows.InstallCounts{Created: 3, Failed: 1}, Failures: []workflows.InstallFailure{{RuleID: "a", Code: "refused", Status: 400, Reason: "key of name: Required"}}}
	b.want(b.do("GET", base+"?kibana=prod", ""), 200, `"running":true`)
	b.want(b.do("GET", base+"?kibana=prod", ""), 200, `"why":"name: Required"`)
	b.want(b.do("DELETE", base+"?kibana=prod", ""), 200, `{"stopped":true}`)
	b.want(b.do("GET", base+"?kibana=prod", ""), 200, `"running":false`)
	if f.stops != 1 {
		t.Errorf("stopped %d times", f.stops)
	}
	// A deleted migration takes its installations along.
	b.do("POST", base, `{"kibana":"prod"}`)
	b.want(b.do("DELETE", BasePath+"/"+id, ""), 200, "true")
	if f.stops != 2 {
		t.Error("the installation of a deleted migration goes on")
	}
	// What an installation came to is listed once it has ended, also when nobody asked for its state.
	other := &fakeInstalls{status: workflows.InstallStatus{Phase: "done", Counts: workflows.InstallCounts{Created: 2, Failed: 1},
		Failures: []workflows.InstallFailure{{RuleID: "x", Code: "refused", Status: 400, Reason: "key of a reason"}}}}
	b = newBench(t, withInstalls(other))
	id = b.create(1)
	base = BasePath + "/" + id
	b.want(b.do("GET", base+"/installations", ""), 200, `[]`)
	b.want(b.do("POST", base+"/install", `{"kibana":"prod"}`), 200, `{"started":true}`)
	b.want(b.do("GET", base+"/installations", ""), 200, `[]`)
	other.running = false
	for range 2 {
		b.want(b.do("GET", base+"/installations", ""), 200,
			`[{"kibana":"prod","run":"run 1","ended":"2026-01-02T03:04:05Z","created":2,"updated":0,"unchanged":0,"kept":0,"prebuilt":0,"left_out":0,"failed":1,"enabled":0,"failures":[{"rule_id":"x","code":"refused","status":400,"why":"a reason"}]}]`)
	}
	b.want(b.do("GET", base+"/report?format=md", ""), 200, "| prod | 2026-01-02 03:04 UTC | 2 |")
}

// allFilters tells nothing apart.
type allFilters struct{}

func (allFilters) Without(context.Context, migration.Rule) (string, []string, error) {
	return "", nil, nil
}
func (allFilters) Emptied(context.Context, migration.Rule) (string, []string, error) {
	return "", nil, nil
}
func (allFilters) Plain([]string, string) bool { return true }

// TestInstallExceptions: exception lists are asked for in the plan and the installation, and named with what they are in Kibana.
func TestInstallExceptions(t *testing.T) {
	f := &fakeInstalls{plan: install.Plan{Kibana: "prod", Lacks: []install.Lack{}, Rules: []install.Step{{ID: "a", RuleID: "b", Title: "t", Kind: install.Custom, Outcome: install.Created,
		Exceptions: &kibana.Exceptions{List: kibana.ExceptionList{ListID: "l"}, Items: []kibana.ExceptionItem{{ItemID: "l-1"}}},
		Kept:       []kibana.Kept{{Rule: "a", Macros: []string{"m_filter"}, Why: "w"}}}}}}
	b := newBench(t, withInstalls(f))
	id := b.create(1)
	base := BasePath + "/" + id + "/install"
	b.want(b.do("POST", base, `{"kibana":"prod","exceptions":true}`), 400, "no compiler")
	b.want(b.do("GET", base+"/plan?kibana=prod&exceptions=true", ""), 400, "no compiler")
	b = newBench(t, withInstalls(f), func(d *Deps) { d.Filters = allFilters{} })
	id = b.create(1)
	base = BasePath + "/" + id + "/install"
	b.want(b.do("GET", base+"/plan?kibana=prod&exceptions=true", ""), 200, `"item_id":"l-1"`)
	if f.planned != (install.Options{Exceptions: true, Take: migration.TakeAll}) {
		t.Errorf("%+v", f.planned)
	}
	b.want(b.do("GET", base+"/plan?kibana=prod&exceptions=x", ""), 400, "exceptions")
	b.want(b.do("POST", base, `{"kibana":"prod","exceptions":1}`), 400, "exceptions")
	b.want(b.do("POST", base, `{"kibana":"prod","exceptions":true}`), 200, `{"started":true}`)
	if len(f.inputs) != 1 || !f.inputs[0].Exceptions {
		t.Errorf("%+v", f.inputs)
	}
	f.status = workflows.InstallStatus{Phase: workflows.InstallPhaseDone, Counts: workflows.InstallCounts{Created: 1, Lists: 1, Exceptions: 2},
		Lists: []workflows.InstallList{{RuleID: "a", Exceptions: 2}}}
	f.running = false
	b.want(b.do("GET", base+"?kibana=prod", ""), 200, `"exception_lists":[{"rule_id":"a","list_id":"`+kibana.ListID("a")+`","exceptions":2}]`)
	b.want(b.do("GET", BasePath+"/"+id+"/installations", ""), 200, `"list_id":"`+kibana.ListID("a")+`"`)
	b.want(b.do("GET", BasePath+"/"+id+"/report?format=md", ""), 200, "where 2 exclusions of 1 rules are edited")
}

func TestInstallBadRequests(t *testing.T) {
	b := newBench(t, withInstalls(&fakeInstalls{}))
	id := b.create(1)
	base := BasePath + "/" + id + "/install"
	for body, want := range map[string]string{
		``:                                   "empty",
		`[]`:                                 "must be an object",
		`{}`:                                 "not configured; use one of: prod",
		`{"kibana":"dev"}`:                   "not configured; use one of: prod",
		`{"kibana":"prod","url":"http://x"}`: "url: is not known",
		`{"kibana":"prod","spread":"-5m"}`:   "spread",
		`{"kibana":"prod","spread":"soon"}`:  "spread",
		`{"kibana":"prod"} {}`:               "goes on",
	} {
		b.want(b.do("POST", base, body), 400, want)
	}
	b.want(b.do("GET", base+"/plan", ""), 400, "not configured")
	b.want(b.do("GET", base+"?kibana=x", ""), 400, "not configured")
	for _, r := range [][2]string{{"POST", ""}, {"GET", "?kibana=prod"}, {"GET", "/plan?kibana=prod"}, {"DELETE", "?kibana=prod"}} {
		w := b.do(r[0], BasePath+"/unknown/install"+r[1], map[bool]string{true: `{"kibana":"prod"}`}[r[0] == "POST"])
		if r[0] != "DELETE" {
			b.want(w, 204)
		}
	}
	if err := b.store.SetState(t.Context(), id, store.Change{State: migration.Running, Epoch: 1, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	b.want(b.do("POST", base, `{"kibana":"prod"}`), 409, "running")
}

// TestInstallPlanFails: what the Kibana did not do is said in words.
func TestInstallPlanFails(t *testing.T) {
	f := &fakeInstalls{}
	b := newBench(t, withInstalls(f))
	id := b.create(1)
	for want, err := range map[string]error{
		"refuses the key (401)": &client.Error{Reason: client.Credential, Status: 401},
		"there is no key for the Kibana prod, nothing was asked of it: K is not set": &client.Error{Reason: client.Credential, Message: "K is not set"},
		"does not answer now: connection refused":                                    &client.Error{Reason: client.Unavailable, Message: "connection refused"},
		"does not answer now (503)":                                                  &client.Error{Reason: client.Unavailable, Status: 503},
		"has no such address (404)":                                                  &client.Error{Reason: client.NotFound, Status: 404},
		"which is not followed: set it":                                              &client.Error{Reason: client.Redirect, Status: 302, Message: "which is not followed: set it"},
	} {
		f.err = err
		b.want(b.do("GET", BasePath+"/"+id+"/install/plan?kibana=prod", ""), 502, want)
	}
	f.err = errors.New("unforeseen")
	b.want(b.do("GET", BasePath+"/"+id+"/install/plan?kibana=prod", ""), 500)
}
