package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

const startBody = `{"connectorId":"deterministic"}`

func (b *bench) start(id string, headers ...string) bool {
	b.t.Helper()
	w := b.do("PUT", BasePath+"/"+id+"/start", startBody, headers...)
	b.want(w, 200)
	return field[bool](b.t, w, "started")
}

func (b *bench) stop(id string) bool {
	b.t.Helper()
	w := b.do("PUT", BasePath+"/"+id+"/stop", "")
	b.want(w, 200)
	return field[bool](b.t, w, "stopped")
}

func (b *bench) statsOf(id string) (migration.Stats, string) {
	b.t.Helper()
	w := b.do("GET", BasePath+"/"+id+"/stats", "")
	b.want(w, 200)
	var st migration.Stats
	if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil {
		b.t.Fatal(err)
	}
	return st, w.Header().Get(statsSource)
}

func TestLifeOfAMigration(t *testing.T) {
	b := newBench(t)
	b.want(b.do("GET", BasePath+"/stats", ""), 200, "[]")
	id := b.create(3)
	st, source := b.statsOf(id)
	if st.Status != migration.Ready || st.Rules != (migration.Counts{Total: 3, Pending: 3}) || source != "store" || st.LastUpdated.IsZero() {
		t.Errorf("stats %+v from %s", st, source)
	}
	if b.stop(id) {
		t.Error("stopped before a start")
	}
	if !b.start(id) {
		t.Fatal("not started")
	}
	if b.start(id) {
		t.Error("started twice")
	}
	if st, source = b.statsOf(id); st.Status != migration.Running || st.Rules.Total != 3 || source != "workflow" {
		t.Errorf("stats %+v from %s", st, source)
	}
	b.want(b.do("POST", BasePath+"/"+id, rulesJSON(5, 1)), 409, "running", "stop")
	b.want(b.do("POST", BasePath+"/"+id+"/resources", `[{"type":"macro","name":"m","definition":"x"}]`), 409, "running")
	if !b.stop(id) {
		t.Error("not stopped")
	}
	if b.stop(id) {
		t.Error("stopped twice")
	}
	if st, source = b.statsOf(id); st.Status != migration.Stopped || source != "store" {
		t.Errorf("stats %+v from %s", st, source)
	}
	if !b.start(id) {
		t.Error("not resumed")
	}
	b.flows.finish(t, id)
	b.server.changed(id)
	if st, source = b.statsOf(id); st.Status != migration.Finished || st.Rules != (migration.Counts{Total: 3, Finished: 3}) || source != "store" {
		t.Errorf("stats %+v from %s", st, source)
	}
	signals := len(b.flows.signals)
	if b.start(id) || len(b.flows.signals) != signals {
		t.Error("a finished migration was started")
	}
	w := b.do("GET", BasePath+"/"+id, "")
	b.want(w, 200, `"translation_result":"full"`, `"near_rules":[]`)
	var rules []migration.Rule
	if err := json.Unmarshal(w.Body.Bytes(), &rules); err != nil || len(rules) != 3 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
	w = b.do("DELETE", BasePath+"/"+id, "")
	b.want(w, 200, `{"deleted":true}`)
	b.want(b.do("GET", BasePath+"/"+id, ""), 204)
	b.want(b.do("GET", BasePath+"/stats", ""), 200, "[]")
}

func TestUnknownID(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{"4f0d26f7-6f42-4d4e-8f3f-1fdf0f8b7d11", "x", "stats2", "a%27b", "%20", "a%00b", strings.Repeat("x", 300), "..."} {
		base := BasePath + "/" + id
		for _, r := range [][3]string{
			{"GET", base, ""}, {"GET", base + "/stats", ""}, {"POST", base, rulesJSON(0, 1)}, {"DELETE", base, ""},
			{"POST", base + "/resources", `[{"type":"macro","name":"m","definition":""}]`}, {"PUT", base + "/start", startBody}, {"PUT", base + "/stop", ""},
		} {
			w := b.do(r[0], r[1], r[2])
			if w.Code != 204 || w.Body.Len() != 0 {
				t.Errorf("%s %s: %d %q", r[0], r[1], w.Code, w.Body)
			}
		}
	}
	if len(b.flows.inputs) != 0 || len(b.migrations()) != 0 {
		t.Error("something was created")
	}
}

func TestChunks(t *testing.T) {
	b := newBench(t)
	w := b.do("POST", BasePath+"?seal=false", rulesJSON(0, 2))
	b.want(w, 200)
	id := field[string](t, w, "migration_id")
	if st, _ := b.statsOf(id); st.Status != migration.Creating {
		t.Errorf("state %s", st.Status)
	}
	b.want(b.do("PUT", BasePath+"/"+id+"/start", startBody), 409, "seal")
	added := func(query, body string) float64 {
		t.Helper()
		w := b.do("POST", BasePath+"/"+id+query, body)
		b.want(w, 200, id)
		return field[float64](t, w, "added")
	}
	if n := added("?seal=false", rulesJSON(1, 3)); n != 2 {
		t.Errorf("added %v, want the 2 that are new", n)
	}
	if n := added("?seal=false", rulesJSON(1, 3)); n != 0 {
		t.Errorf("a repeated chunk added %v", n)
	}
	if st, _ := b.statsOf(id); st.Status != migration.Creating || st.Rules.Total != 4 {
		t.Errorf("stats %+v", st)
	}
	if n := added("", rulesJSON(9, 1)); n != 1 {
		t.Errorf("added %v", n)
	}
	if st, _ := b.statsOf(id); st.Status != migration.Ready || st.Rules.Total != 5 {
		t.Errorf("stats %+v", st)
	}
	if !b.start(id) {
		t.Error("not started")
	}
}

func (b *bench) loggedOnce(part string) {
	b.t.Helper()
	n := 0
	for _, e := range b.logs.All() {
		if strings.Contains(fmt.Sprint(e.ContextMap(), e.Message), part) {
			n++
		}
	}
	if n != 1 {
		b.t.Errorf("%q was logged %d times", part, n)
	}
}

func TestResources(t *testing.T) {
	b := newBench(t)
	id := b.create(1)
	body := `[{"type":"macro","name":"foo(1)","definition":"index=$x$","arguments":["x"],"iseval":false,"app":"soc","owner":"ana","description":"ignored"},
		{"type":"lookup","name":"l","kind":"csv","columns":["a","b"],"rows":[{"a":"1","b":null},{"a":2.50,"b":true}],"total_rows":3,
		 "match_type":"WILDCARD(a)","case_sensitive_match":false,"max_matches":1,"default_match":null}]`
	for range 2 {
		b.want(b.do("POST", BasePath+"/"+id+"/resources", body), 200, `{"upserted":2,"concerns":{"total":0,"rule_ids":[]}}`)
	}
	rs, err := b.store.Resources(t.Context(), id)
	if err != nil || len(rs) != 2 {
		t.Fatalf("%+v, %v", rs, err)
	}
	i := slices.IndexFunc(rs, func(r migration.Resource) bool { return r.Type == migration.ResourceLookup })
	l := rs[i]
	if l.Rows[1]["a"] != "2.50" || l.Rows[1]["b"] != "true" || l.Rows[0]["b"] != "" || l.TotalRows != 3 || *l.CaseSensitiveMatch || l.MatchType != "WILDCARD(a)" {
		t.Errorf("lookup %+v", l)
	}
	if m := rs[1-i]; m.App != "soc" || m.Owner != "ana" || m.Name != "foo(1)" || m.Definition != "index=$x$" || !slices.Equal(m.Arguments, []string{"x"}) {
		t.Errorf("macro %+v", m)
	}
}

func TestDelete(t *testing.T) {
	b := newBench(t)
	id := b.create(3)
	b.start(id)
	b.want(b.do("DELETE", BasePath+"/"+id, ""), 200, `{"deleted":true}`)
	if got := strings.Join(b.flows.log, " "); got != "cancel delete" {
		t.Errorf("workflow: %s", got)
	}
	for _, path := range []string{"", "/stats"} {
		b.want(b.do("GET", BasePath+"/"+id+path, ""), 204)
	}
	b.want(b.do("DELETE", BasePath+"/"+id, ""), 204)
	b.want(b.do("PUT", BasePath+"/"+id+"/start", startBody), 204)
}

// TestDeleteGoesOn: a delete that broke off is finished by the next.
func TestDeleteGoesOn(t *testing.T) {
	failing := &failingStore{}
	b := newBench(t, func(d *Deps) { failing.Store, d.Store = d.Store, failing })
	id := b.create(3)
	failing.deletes = 1
	b.want(b.do("DELETE", BasePath+"/"+id, ""), 503, "try again")
	b.want(b.do("GET", BasePath+"/"+id, ""), 204)
	if w := b.do("DELETE", BasePath+"/"+id, ""); w.Code != 200 && w.Code != 204 {
		t.Errorf("status %d", w.Code)
	}
	if left, err := b.store.Tombstoned(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

type failingStore struct {
	Store
	deletes int
	hangs   bool // until the caller gives up
	err     error
}

func (f *failingStore) DeleteMigration(ctx context.Context, id string) error {
	if f.deletes > 0 {
		f.deletes--
		return fmt.Errorf("%w: %w", store.ErrUnavailable, errTest)
	}
	return f.Store.DeleteMigration(ctx, id)
}

func (f *failingStore) Migration(ctx context.Context, id string) (migration.Migration, error) {
	if f.hangs {
		<-ctx.Done()
		return migration.Migration{}, ctx.Err()
	}
	if f.err != nil {
		return migration.Migration{}, f.err
	}
	return f.Store.Migration(ctx, id)
}

func (f *failingStore) Ready(ctx context.Context) error { return f.err }

// TestFailures: what fails inside is told without detail, and logged once with it.
func TestFailures(t *testing.T) {
	failing := &failingStore{}
	b := newBench(t, func(d *Deps) { failing.Store, d.Store = d.Store, failing })
	id := b.create(1)
	failing.err = fmt.Errorf("disk: %w: %w", store.ErrUnavailable, errTest)
	w := b.do("GET", BasePath+"/"+id, "", "X-Request-Id: abc-1")
	b.want(w, 503, "the store", "abc-1")
	if strings.Contains(w.Body.String(), "disk") || w.Header().Get("Retry-After") == "" || w.Header().Get("X-Request-Id") != "abc-1" {
		t.Errorf("answer %s %v", w.Body, w.Header())
	}
	b.loggedOnce("disk")
	failing.err = errTest
	b.want(b.do("GET", BasePath+"/"+id+"/stats", ""), 500, "request id")
	b.want(b.do("GET", "/readyz", ""), 503, `"store":"unavailable"`, `"workflows":"ok"`)
	failing.err = nil
	b.want(b.do("GET", "/readyz", ""), 200, `"status":"ok"`)
	b.want(b.do("GET", "/healthz", ""), 200)
	b.flows.startErr = fmt.Errorf("%w: connection refused", ErrWorkflowsUnavailable)
	b.want(b.do("PUT", BasePath+"/"+id+"/start", startBody), 503, "the workflow service")
	if m, err := b.store.Migration(t.Context(), id); err != nil || m.State != migration.Ready {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestHangingStore: a store that does not answer is told to the caller before the time to write is over.
func TestHangingStore(t *testing.T) {
	failing := &failingStore{}
	b := newBench(t, func(d *Deps) {
		failing.Store, d.Store = d.Store, failing
		d.Settings.HTTP.WriteTimeout = time.Second
	})
	id := b.create(1)
	failing.hangs = true
	for _, call := range []struct{ method, path, body string }{{"PUT", "/start", startBody}, {"PUT", "/stop", ""}, {"GET", "", ""}, {"GET", "/stats", ""}} {
		w := b.do(call.method, BasePath+"/"+id+call.path, call.body)
		b.want(w, 503, "try again")
		if w.Header().Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", call.method, call.path)
		}
	}
}

// TestLogs: bodies, queries and credentials stay out of the log.
func TestLogs(t *testing.T) {
	b := newBench(t)
	b.do("POST", BasePath+"?seal=true", `[{"id":"a","vendor":"splunk","query":"sekret-spl","query_language":"spl","title":"sekret-title"}]`, "Authorization: Basic c2VrcmV0LXBhc3M=")
	b.do("POST", BasePath, `[{"id":"a","vendor":"splunk","query":"sekret-spl","query_language":"x"}]`)
	for _, e := range b.logs.All() {
		if s := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(s, "sekret") || strings.Contains(s, "c2Vrcm") {
			t.Errorf("logged %s", s)
		}
	}
	if n := b.logs.FilterMessage("request").Len(); n != 2 {
		t.Errorf("%d lines for 2 requests", n)
	}
}

func TestFeaturesOff(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Settings.Features.SIEMMigrations = false })
	for _, r := range [][2]string{{"POST", ""}, {"GET", "/stats"}, {"GET", "/x"}, {"PUT", "/x/start"}, {"PUT", "/x/stop"}, {"DELETE", "/x"}, {"GET", "/x/stats"}, {"POST", "/x/resources"}} {
		b.want(b.do(r[0], BasePath+r[1], rulesJSON(0, 1)), 404)
	}
	b.want(b.do("GET", "/healthz", ""), 200)
	if len(b.migrations()) != 0 {
		t.Error("something was created")
	}
}

var pathParameter = regexp.MustCompile(`:(\w+)`)

// TestOpenAPIHasEveryRoute: the description and the routes name the same calls.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	b := newAssistantBench(t, withCodec(t), withInstalls(&fakeInstalls{}), withCompiler(nil), withWorkbench())
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	for _, r := range b.server.engine.Routes() {
		served = append(served, r.Method+" "+pathParameter.ReplaceAllString(r.Path, "{$1}"))
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described %q\nserved    %q", described, served)
	}
	b.want(b.do("GET", "/openapi.yaml", ""), 200, "openapi: 3")
}

// TestServe: a gateway on a listener answers, and ends when told to.
func TestServe(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.server.Serve(ctx, l) }()
	res, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("%v %v", res, err)
	}
	res.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestCurl makes the documented calls with curl itself.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	b := newBench(t)
	srv := httptest.NewServer(b.server)
	defer srv.Close()
	base := "http://elastic:changeme@" + strings.TrimPrefix(srv.URL, "http://") + BasePath
	rules := `[
  {"id": "44ea1a54", "vendor": "splunk", "title": "Linux Auditd Add User Account Type", "description": "d",
   "query": "sourcetype=\"linux:audit\" type=ADD_USER | rename hostname as dest | stats count min(_time) as firstTime max(_time) as lastTime by exe pid dest res UID type | ` + "`security_content_ctime(firstTime)` | `security_content_ctime(lastTime)`" + ` | search *",
   "query_language": "spl", "mitre_attack_ids": ["T1136", "T1136.001"]},
  {"id": "7f14c8a2", "vendor": "splunk", "title": "Linux Auditd Change File Owner To Root", "description": "d",
   "query": "` + "`linux_auditd` `linux_auditd_normalized_proctitle_process`" + `\r\n| rename host as dest \r\n| where LIKE (process_exec, \"%chown %root%\") \r\n| stats count by process_exec dest",
   "query_language": "spl", "mitre_attack_ids": ["T1222.002", "T1222"]}
]`
	call := func(method, path, data string) string {
		t.Helper()
		args := []string{"-sS", "--fail-with-body", "--location", "--request", method, base + path, "--header", "kbn-xsrf;",
			"--header", "x-elastic-internal-origin: security-solution", "--header", "elastic-api-version: 1", "--header", "Content-Type: application/json"}
		if data != "" {
			args = append(args, "--data", data)
		}
		out, err := exec.CommandContext(t.Context(), curl, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, out)
		}
		return string(out)
	}
	var created createAnswer
	if err := json.Unmarshal([]byte(call("POST", "", rules)), &created); err != nil {
		t.Fatal(err)
	}
	id := "/" + created.MigrationID
	if got := call("PUT", id+"/start", `{"connectorId": "azureOpenAiGPT4o"}`); !strings.Contains(got, `"started":true`) {
		t.Error(got)
	}
	if got := call("GET", id+"/stats", ""); !strings.Contains(got, `"total":2`) {
		t.Error(got)
	}
	if got := call("GET", "/stats", ""); !strings.Contains(got, created.MigrationID) {
		t.Error(got)
	}
	if got := call("GET", id, ""); !strings.Contains(got, `proctitle_process`+"`"+`\r\n| rename`) {
		t.Error(got)
	}
	if got := call("PUT", id+"/stop", ""); !strings.Contains(got, `"stopped":true`) {
		t.Error(got)
	}
}
