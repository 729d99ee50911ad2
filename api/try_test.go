package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// fakeChecker finds what is wrong with queries that hold the word.
type fakeChecker struct{}

func (fakeChecker) Check(_ context.Context, query string) ([]Problem, error) {
	switch {
	case strings.Contains(query, "wrong"):
		return []Problem{{Severity: "error", Message: "m", Start: migration.Position{Line: 1, Column: 2}, End: migration.Position{Line: 1, Column: 3}}}, nil
	case strings.Contains(query, "crash"):
		return nil, fmt.Errorf("%w: exit status 2", ErrCrashed)
	}
	return nil, nil
}

// fakeTrier keeps what it was asked, and answers with what it is told to.
type fakeTrier struct {
	mu    sync.Mutex // several trials run at once
	id    string
	trial Trial
	err   error
	wait  chan struct{}
}

func (f *fakeTrier) Try(_ context.Context, id string, t Trial) (Tried, error) {
	if f.wait != nil {
		<-f.wait
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id, f.trial = id, t
	return Tried{Columns: []string{"n"}, Rows: [][]any{{len(t.Events)}}, Notes: []string{}}, f.err
}

type fakeCluster struct {
	query, from, to string
	most            int
	err             error
}

func (f *fakeCluster) Check(_ context.Context, query string) (ClusterState, string) {
	if strings.Contains(query, "nosuch") {
		return ClusterUnknownField, "Unknown column [nosuch]"
	}
	return ClusterPassed, "fine"
}

func (f *fakeCluster) Run(_ context.Context, query, from, to string, most int) (ClusterRows, error) {
	f.query, f.from, f.to, f.most = query, from, to, most
	return ClusterRows{Columns: []ClusterColumn{{"a", "long"}}, Rows: [][]any{{json.Number("1")}}, Truncated: true}, f.err
}

func (f *fakeCluster) Present(_ context.Context, pattern string) (bool, error) {
	return pattern == "logs-here-*", f.err
}

func TestCheck(t *testing.T) {
	cluster := &fakeCluster{}
	with := newBench(t, withWorkbench(), func(d *Deps) { d.Cluster = cluster })
	without := newBench(t, withWorkbench())
	const path = PagePath + "/check"
	for _, tt := range []struct {
		name, body string
		b          *bench
		code       int
		says       string
	}{
		{"nothing wrong", `{"query":"FROM x"}`, with, 200, `{"problems":[]}`},
		{"a problem", `{"query":"wrong","cluster":false}`, with, 200, `{"problems":[{"severity":"error","message":"m","start":{"line":1,"column":2},"end":{"line":1,"column":3}}]}`},
		{"the cluster agrees", `{"query":"FROM x","cluster":true}`, with, 200, `"cluster":{"state":"passed","message":"fine"}`},
		{"the cluster does not", `{"query":"FROM x | KEEP nosuch","cluster":true}`, with, 200, `"cluster":{"state":"unknown_field","message":"Unknown column [nosuch]"}`},
		{"no cluster", `{"query":"FROM x","cluster":true}`, without, 200, `"cluster":{"state":"not_configured","message":"no Elasticsearch`},
		{"a query that takes long", `{"query":"crash"}`, with, 200, `"severity":"warning","message":"the query could not be checked`},
		{"no query", `{}`, with, 400, "query: is missing"},
		{"unknown member", `{"query":"FROM x","clusters":true}`, with, 400, "clusters: is not known"},
		{"too long", `{"query":"` + strings.Repeat("x", 256<<10+1) + `"}`, with, 400, "limits.query"},
		{"far too long", `{"query":"` + strings.Repeat("x", 1<<20) + `"}`, with, 413, "larger than"},
		{"no object", `["FROM x"]`, with, 400, "an object"},
		{"something after it", `{"query":"FROM x"} {}`, with, 400, "goes on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.b.t = t
			tt.b.want(tt.b.do("POST", path, tt.body), tt.code, tt.says)
		})
	}
	with.t = t
	with.want(with.do("POST", path, `{"query":"FROM x"}`, "-kbn-xsrf: "), 400, "kbn-xsrf")
}

func TestTry(t *testing.T) {
	trier, cluster := &fakeTrier{}, &fakeCluster{}
	b := newBench(t, withWorkbench(), func(d *Deps) { d.Trier, d.Cluster = trier, cluster })
	id := b.create(1)
	const path = PagePath + "/try"
	object := `{"a":1}`
	for _, tt := range []struct {
		name, body string
		code       int
		says       string
		events     []string
	}{
		{"objects", `{"spl":"*","events":[{"a":1},{"b":{"c":[2]}}]}`, 200, `"rows":[[2]]`, []string{`{"a":1}`, `{"b":{"c":[2]}}`}},
		{"objects and lines", `{"spl":"*","events":[{"a":1},"a line"]}`, 200, `"rows":[[2]]`, []string{object, "a line"}},
		{"NDJSON", `{"spl":"*","events":"{\"a\":1}\n{\"b\":2}\n"}`, 200, `"rows":[[2]]`, []string{object, `{"b":2}`}},
		{"laid out", `{"spl":"*","events":"{\n \"a\":1\n}\n{\"b\":2}"}`, 200, `"rows":[[2]]`, []string{"{\n \"a\":1\n}", `{"b":2}`}},
		{"a list as text", `{"spl":"*","events":" [{\"a\":1}, \"line\"] "}`, 200, `"rows":[[2]]`, []string{object, "line"}},
		{"lines", `{"spl":"*","events":"one\r\n\n[two] three\n"}`, 200, `"rows":[[2]]`, []string{"one", "[two] three"}},
		{"an object that ends early", `{"spl":"*","events":"{\"a\":1}\n{\"b\":"}`, 200, `"rows":[[2]]`, []string{object, `{"b":`}},
		{"none", `{"spl":"*"}`, 200, `"rows":[[0]]`, nil},
		{"null", `{"spl":"*","events":null,"migration_id":null}`, 200, `"rows":[[0]]`, nil},
		{"a number", `{"spl":"*","events":[1]}`, 400, "events[0]: must be an object or a text, not a number", nil},
		{"neither", `{"spl":"*","events":{"a":1}}`, 400, "events: must be an array", nil},
		{"too many", `{"spl":"*","events":"` + strings.Repeat(`x\n`, 1001) + `"}`, 400, "more than 1000", nil},
		{"too many objects", `{"spl":"*","events":[` + strings.Repeat(`{},`, 1000) + `{}]}`, 400, "more than 1000", nil},
		{"too large", `{"spl":"*","events":["` + strings.Repeat("x", 600<<10) + `","` + strings.Repeat("x", 600<<10) + `"]}`, 400, "1048576 bytes", nil},
		{"far too large", `{"spl":"*","events":["` + strings.Repeat("x", 5<<20) + `"]}`, 413, "larger than", nil},
		{"nothing to run", `{"events":[{}]}`, 400, "neither spl nor query", nil},
		{"no time", `{"query":"FROM x","from":"yesterday"}`, 400, `yesterday\" is no time`, nil},
		{"no time math", `{"query":"FROM x","to":"now-1h||/d"}`, 400, "to:", nil},
		{"unknown member", `{"spl":"*","range":"x"}`, 400, "range: is not known", nil},
		{"unknown migration", `{"spl":"*","migration_id":"nobody"}`, 204, "", nil},
		{"unknown rule", `{"spl":"*","migration_id":"` + id + `","rule_id":"nobody"}`, 204, "", nil},
		{"a rule of nothing", `{"spl":"*","rule_id":"x"}`, 400, "needs migration_id", nil},
		{"no search", `{"query":"FROM x"}`, 200, `"spl":{"columns":[],"rows":[],"truncated":false,"notes":[],"error":"no search was given"}`, nil},
		{"no query", `{"spl":"*"}`, 200, `"esql":{"state":"failed","columns":[],"rows":[],"truncated":false,"error":"no query was given"}`, nil},
		{"a query", `{"query":"FROM x"}`, 200, `"esql":{"state":"ran","columns":[{"name":"a","type":"long"}],"rows":[[1]],"truncated":true}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.t = t
			trier.trial = Trial{}
			b.want(b.do("POST", path, tt.body), tt.code, tt.says)
			if tt.code == 200 && !reflect.DeepEqual(trier.trial.Events, tt.events) {
				t.Errorf("events %q, want %q", trier.trial.Events, tt.events)
			}
		})
	}
	b.t = t
	b.want(b.do("POST", path, `{"spl":"index=x","migration_id":"`+id+`","query":"FROM y","to":"2026-01-02T03:04:05Z"}`), 200)
	if trier.id != id || trier.trial.SPL != "index=x" || cluster.query != "FROM y" || cluster.from != "now-1h" || cluster.to != "2026-01-02T03:04:05Z" || cluster.most != 100 {
		t.Errorf("%+v, %+v", trier, cluster)
	}
	b.want(b.do("PUT", BasePath+"/"+id+"/start", `{"connectorId": "deterministic"}`), 200)
	token := migration.Token{Epoch: 1, Claim: 1}
	if _, _, err := b.store.Claim(t.Context(), id, token, 10); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Record(t.Context(), id, "rule-00000", token, func(r *migration.Rule) {
		r.Status, r.Result, r.Elastic = migration.StatusFinished, migration.Full, &migration.ElasticRule{Query: "FROM y", From: "now-70m"}
	}); err != nil {
		t.Fatal(err)
	}
	b.want(b.do("POST", path, `{"query":"FROM y","migration_id":"`+id+`","rule_id":"rule-00000"}`), 200)
	if cluster.from != "now-70m" {
		t.Errorf("from %q, want the rule's", cluster.from)
	}

	cluster.err, trier.err = errors.New("Unknown index [y]"), fmt.Errorf("%w: exit status 2", ErrCrashed)
	b.want(b.do("POST", path, `{"spl":"*","query":"FROM y"}`), 200, `"state":"failed"`, "Unknown index [y]", "it takes down the process", "exit status 2")
	trier.err = context.DeadlineExceeded
	b.want(b.do("POST", path, `{"spl":"*"}`), 503, "busy")

	trier.err, trier.wait = nil, make(chan struct{})
	done := make(chan struct{})
	for range maxTrials {
		go func() {
			b.server.ServeHTTP(httptest.NewRecorder(), b.request("POST", path, `{"spl":"*"}`))
			done <- struct{}{}
		}()
	}
	for len(b.server.trying) < maxTrials {
		time.Sleep(time.Millisecond)
	}
	b.want(b.do("POST", path, `{"spl":"*"}`), 429, "4 trials run here already")
	trier.wait <- struct{}{}
	<-done
	close(trier.wait)
	for range maxTrials - 1 {
		<-done
	}
	b.want(b.do("POST", path, `{"spl":"*"}`), 200)
}

// TestReadersTryAndCheck: both are reading, although they are POSTs.
func TestReadersTryAndCheck(t *testing.T) {
	b := newBench(t, withWorkbench(), withAuth(t))
	as := "Authorization: ApiKey key-reader"
	b.want(b.do("POST", PagePath+"/check", `{"query":"FROM x"}`, as), 200)
	b.want(b.do("POST", PagePath+"/try", `{"spl":"*"}`, as), 200)
	b.want(b.do("POST", PagePath+"/check", `{"query":"FROM x"}`), 401)
	b.want(b.do("POST", BasePath, "[]", as), 403)
	b.want(b.do("PUT", PagePath+"/check", `{}`, as), 403)
	b.want(b.do("GET", PagePath+"/session", "", as), 200, `"user":{"name":"key:reader","role":"reader"},"auth":true`)
}
