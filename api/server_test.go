package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// fakeWorkflows carries out starts and stops at once, with one workflow a migration.
type fakeWorkflows struct {
	mu        sync.Mutex
	store     *sqlite.Store
	runs      map[string]*fakeRun
	inputs    []workflows.Input
	signals   []workflows.StartSignal
	stops     []workflows.StopSignal
	queries   int
	queryErr  error // of both queries
	startErr  error
	readyErr  error
	queryWait time.Duration
	log       []string
}

type fakeRun struct {
	state   migration.State
	current string
	seen    []string
	epoch   int64
	open    bool
}

func (f *fakeWorkflows) SignalWithStart(ctx context.Context, in workflows.Input, sig workflows.StartSignal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.startErr != nil {
		return f.startErr
	}
	f.inputs, f.signals = append(f.inputs, in), append(f.signals, sig)
	r := f.runs[in.MigrationID]
	if r == nil || !r.open {
		r = &fakeRun{state: migration.Ready, open: true}
		f.runs[in.MigrationID] = r
	}
	if slices.Contains(r.seen, sig.RequestID) {
		return nil
	}
	r.seen = append(r.seen, sig.RequestID)
	if r.state == migration.Running {
		return nil
	}
	m, err := f.store.Migration(ctx, in.MigrationID)
	if err != nil {
		return err
	}
	r.state, r.current, r.epoch = migration.Running, sig.RequestID, m.Epoch+1
	if err := f.set(ctx, in.MigrationID, r); err != nil {
		return err
	}
	_, err = f.store.Requeue(ctx, in.MigrationID, r.epoch, again(sig))
	return err
}

// again is what the workflow asks the store for.
func again(sig workflows.StartSignal) store.Again {
	a := store.Again{Failed: sig.Retry, By: sig.By}
	if sig.Again != nil {
		a.NotFull, a.RuleIDs = sig.Again.NotFull, sig.Again.RuleIDs
	}
	return a
}

func (f *fakeWorkflows) set(ctx context.Context, id string, r *fakeRun) error {
	return f.store.SetState(ctx, id, store.Change{State: r.state, Epoch: r.epoch, By: "test", At: time.Now()})
}

func (f *fakeWorkflows) Stop(ctx context.Context, id string, sig workflows.StopSignal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[id]
	if r == nil || !r.open {
		return ErrNoWorkflow
	}
	f.stops = append(f.stops, sig)
	r.state = migration.Stopped
	return f.set(ctx, id, r)
}

func (f *fakeWorkflows) Stats(ctx context.Context, id string) (migration.Stats, error) {
	f.mu.Lock()
	wait := f.queryWait
	f.mu.Unlock()
	if wait > 0 && !sleep(ctx, wait) {
		return migration.Stats{}, fmt.Errorf("%w: %w", ErrUnanswered, ctx.Err())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries++
	r := f.runs[id]
	if r == nil {
		return migration.Stats{}, ErrNoWorkflow
	}
	if f.queryErr != nil {
		return migration.Stats{}, f.queryErr
	}
	c, err := f.store.Counts(ctx, id)
	return migration.Stats{MigrationID: id, Status: r.state, Rules: c, LastUpdated: time.Now()}, err
}

func (f *fakeWorkflows) StartState(_ context.Context, id string) (workflows.StartState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[id]
	if r == nil {
		return workflows.StartState{}, ErrNoWorkflow
	}
	if f.queryErr != nil {
		return workflows.StartState{}, f.queryErr
	}
	return workflows.StartState{RequestID: r.current, Epoch: r.epoch, State: r.state, Seen: slices.Clone(r.seen)}, nil
}

func (f *fakeWorkflows) Cancel(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, "cancel")
	if r := f.runs[id]; r != nil && r.open {
		r.open = false
		return nil
	}
	return ErrNoWorkflow
}

func (f *fakeWorkflows) Describe(_ context.Context, id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.runs[id]; r != nil {
		return r.open, nil
	}
	return false, ErrNoWorkflow
}

func (f *fakeWorkflows) Delete(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, "delete")
	delete(f.runs, id)
	return nil
}

func (f *fakeWorkflows) Ready(context.Context) error { return f.readyErr }

// finish makes every rule finished and ends the workflow.
func (f *fakeWorkflows) finish(t *testing.T, id string) {
	t.Helper()
	ctx := t.Context()
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[id]
	token := migration.Token{Epoch: r.epoch, Claim: 1}
	ids, _, err := f.store.Claim(ctx, id, token, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range ids {
		err := f.store.Record(ctx, id, rule, token, func(r *migration.Rule) {
			r.Status, r.Result, r.Verification = migration.StatusFinished, migration.Full, migration.VerificationNotRun
			r.Elastic = &migration.ElasticRule{Title: "t", Query: "FROM x", QueryLanguage: "esql", Index: []string{"x"}}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r.state, r.open = migration.Finished, false
	if err := f.set(ctx, id, r); err != nil {
		t.Fatal(err)
	}
}

// bench is a gateway over a store in memory and fake workflows. Every answer it gives is held against openapi.yaml.
type bench struct {
	t      *testing.T
	server *Server
	store  *sqlite.Store
	flows  *fakeWorkflows
	logs   *observer.ObservedLogs
	spec   routers.Router
}

func newBench(t *testing.T, change ...func(*Deps)) *bench {
	t.Helper()
	st, err := sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	cfg, err := config.Load(nil, "", []string{`RULEBRIDGE_CONNECTORS=[{id: azureOpenAiGPT4o, kind: simulated}, {id: gpt, kind: ollama, model: m, url: "http://127.0.0.1:1"}]`})
	if err != nil {
		t.Fatal(err)
	}
	flows := &fakeWorkflows{store: st, runs: map[string]*fakeRun{}}
	core, logs := observer.New(zap.DebugLevel)
	d := Deps{Settings: SettingsOf(cfg), Store: st, Workflows: flows, Log: zap.New(core)}
	for _, f := range change {
		f(&d)
	}
	s, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, server: s, store: st, flows: flows, logs: logs, spec: specRouter(t)}
}

var spec = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI())
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

func specRouter(t *testing.T) routers.Router {
	t.Helper()
	r, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (b *bench) request(method, path, body string, headers ...string) *http.Request {
	b.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, r)
	req.Host = "127.0.0.1:8080"
	if isWrite(method) {
		req.Header.Set("kbn-xsrf", "")
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		switch {
		case k == "-kbn-xsrf":
			req.Header.Del("kbn-xsrf")
		case strings.EqualFold(k, "Host"):
			req.Host = v
		default:
			req.Header.Set(k, v)
		}
	}
	return req
}

// do makes a request and checks the answer against openapi.yaml.
func (b *bench) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.send(b.request(method, path, body, headers...))
}

func (b *bench) send(req *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			b.t.Fatal(err)
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, req)
	b.conforms(req, w)
	if w.Code == http.StatusOK {
		b.described(req, body)
	}
	return w
}

// described holds a request that was carried out against openapi.yaml: what the gateway takes, the description allows.
func (b *bench) described(req *http.Request, body []byte) {
	b.t.Helper()
	route, params, err := b.spec.FindRoute(req)
	if err != nil {
		return // conforms says so
	}
	again := req.Clone(b.t.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: &openapi3filter.Options{
		MultiError: true, SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(b.t.Context(), in); err != nil {
		b.t.Errorf("%s %s was carried out, and openapi.yaml does not allow it: %.800v", req.Method, req.URL.Path, err)
	}
}

func (b *bench) conforms(req *http.Request, w *httptest.ResponseRecorder) {
	b.t.Helper()
	if w.Code >= 400 {
		var e errorBody
		dec := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
		dec.DisallowUnknownFields()
		isHealth := strings.HasSuffix(req.URL.Path, "z")
		if err := dec.Decode(&e); !isHealth && (err != nil || e.StatusCode != w.Code || e.Error == "" || e.Message == "") {
			b.t.Errorf("%s %s: %d %s is no error of the agreed shape (%v)", req.Method, req.URL.Path, w.Code, w.Body, err)
		}
	}
	if w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed {
		return // not a call of the API
	}
	route, params, err := b.spec.FindRoute(req)
	if err != nil {
		if w.Code < 400 {
			b.t.Errorf("%s %s answers %d and is not in openapi.yaml: %v", req.Method, req.URL.Path, w.Code, err)
		}
		return
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Header(),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	in.SetBodyBytes(w.Body.Bytes())
	if err := openapi3filter.ValidateResponse(b.t.Context(), in); err != nil {
		b.t.Errorf("%s %s: the answer %d does not conform to openapi.yaml: %v\n%.500s", req.Method, req.URL.Path, w.Code, err, w.Body)
	}
}

func (b *bench) want(w *httptest.ResponseRecorder, code int, parts ...string) {
	b.t.Helper()
	if w.Code != code {
		b.t.Fatalf("status %d, want %d: %.500s", w.Code, code, w.Body)
	}
	for _, p := range parts {
		if !strings.Contains(w.Body.String(), p) {
			b.t.Errorf("%.500s\nlacks %q", w.Body, p)
		}
	}
}

func (b *bench) create(n int) string {
	b.t.Helper()
	w := b.do("POST", BasePath, rulesJSON(0, n))
	b.want(w, 200)
	return field[string](b.t, w, "migration_id")
}

func field[T any](t *testing.T, w *httptest.ResponseRecorder, name string) T {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	v, ok := m[name].(T)
	if !ok {
		t.Fatalf("%s has no %s of type %T", w.Body, name, v)
	}
	return v
}

func rulesJSON(from, n int) string {
	rules := make([]string, n)
	for i := range rules {
		rules[i] = ruleJSON(fmt.Sprintf("rule-%05d", from+i))
	}
	return "[" + strings.Join(rules, ",") + "]"
}

func ruleJSON(id string) string {
	return fmt.Sprintf(`{"id":%q,"vendor":"splunk","title":"t","description":"d","query":"index=main | stats count","query_language":"spl","mitre_attack_ids":["T1059"]}`, id)
}

func (b *bench) migrations() []migration.Migration {
	b.t.Helper()
	ms, err := b.store.Migrations(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return ms
}

var errTest = errors.New("made up")

type observerEntry = observer.LoggedEntry

// TestFinishDeletions: what a gateway left after the tombstone goes when the next one starts.
func TestFinishDeletions(t *testing.T) {
	b := newBench(t)
	id, kept := b.create(3), b.create(2)
	if err := b.store.MarkDeleted(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.server.FinishDeletions(t.Context())
	if ids, err := b.store.Tombstoned(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("tombstones %v, %v", ids, err)
	}
	b.want(b.do("GET", BasePath+"/"+id, ""), 204)
	b.want(b.do("GET", BasePath+"/"+kept, ""), 200)
}
