package elastic

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// cluster is a stub that answers as a secured Elasticsearch does.
type cluster struct {
	version    string
	flavor     string
	denied     []string // privileges the user lacks
	authorized func(r *http.Request) bool
	secured    bool
	requests   atomic.Int64
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if c.authorized != nil && !c.authorized(r) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"type":"security_exception","reason":"unable to authenticate"},"status":401}`)
		return
	}
	switch r.URL.Path {
	case "/":
		fmt.Fprintf(w, `{"version":{"number":%q,"build_flavor":%q},"tagline":"You Know, for Search"}`, c.version, c.flavor)
	case "/_security/user/_has_privileges":
		if !c.secured {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"no handler found for uri [/_security/user/_has_privileges] and method [POST]"}`)
			return
		}
		var asked struct {
			Cluster []string `json:"cluster"`
			Index   []struct {
				Names      []string `json:"names"`
				Privileges []string `json:"privileges"`
			} `json:"index"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		all := true
		has := func(privileges []string) map[string]bool {
			m := map[string]bool{}
			for _, p := range privileges {
				m[p] = !slices.Contains(c.denied, p)
				all = all && m[p]
			}
			return m
		}
		index := map[string]any{}
		for _, i := range asked.Index {
			for _, name := range i.Names {
				index[name] = has(i.Privileges)
			}
		}
		cluster := has(asked.Cluster)
		_ = json.NewEncoder(w).Encode(map[string]any{"username": "mover", "has_all_requested": all, "cluster": cluster, "index": index})
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":"no such path"}`)
	}
}

func status(code int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	})
}

func TestCheck(t *testing.T) {
	good := func(change func(*cluster)) http.Handler {
		c := &cluster{version: "8.19.21", secured: true}
		change(c)
		return c
	}
	for name, tt := range map[string]struct {
		handler http.Handler
		problem string
		message string // parts, separated by |
	}{
		"good":               {good(func(*cluster) {}), "", ""},
		"newer":              {good(func(c *cluster) { c.version = "9.2.0-SNAPSHOT" }), "", ""},
		"serverless":         {good(func(c *cluster) { c.version, c.flavor = "8.11.0", "serverless" }), "", ""},
		"security off":       {good(func(c *cluster) { c.secured = false }), "", ""},
		"old minor":          {good(func(c *cluster) { c.version = "8.18.9" }), "version", "version 8.18.9|needs 8.19.0|upgrade"},
		"old major":          {good(func(c *cluster) { c.version = "7.17.0" }), "version", "version 7.17.0"},
		"nonsense version":   {good(func(c *cluster) { c.version = "new" }), "version", "version new"},
		"no credentials":     {good(func(c *cluster) { c.authorized = func(*http.Request) bool { return false } }), "credentials", "api_key|username"},
		"not for setup":      {good(func(c *cluster) { c.denied = []string{"manage_index_templates", "manage", "create_index"} }), "", ""},
		"one privilege":      {good(func(c *cluster) { c.denied = []string{"monitor"} }), "privileges", "user mover|cluster privilege monitor|API key"},
		"several privileges": {good(func(c *cluster) { c.denied = []string{"write", "maintenance"} }), "privileges", "index privilege maintenance on rulebridge-*|index privilege write on rulebridge-*"},
		"web page":           {status(200, "text/html", "<html>Kibana</html>"), "not_elasticsearch", "not Elasticsearch|elasticsearch.urls"},
		"other JSON":         {status(200, "application/json", `{"name":"x"}`), "not_elasticsearch", "5601"},
		"not found":          {status(404, "text/plain", "404 page not found"), "not_elasticsearch", "not Elasticsearch"},
		"forbidden":          {status(403, "application/json", `{"error":{"type":"security_exception","reason":"no"}}`), "privileges", "monitor"},
		"unavailable":        {status(503, "text/plain", "starting"), "unavailable", "answers 503"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			s := newStore(t, Options{URLs: []string{server.URL}, MaxRetries: 1, retryPause: time.Millisecond})
			wantProblem(t, s.Check(t.Context()), tt.problem, tt.message, server.URL)
		})
	}
}

func wantProblem(t *testing.T, err error, problem, parts, where string) {
	t.Helper()
	if problem == "" {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var ce *CheckError
	if !errors.As(err, &ce) || ce.Problem != problem {
		t.Fatalf("error is %v, want the problem %s", err, problem)
	}
	for _, part := range append(strings.Split(parts, "|"), where) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message %q does not say %q", err, part)
		}
	}
}

func TestCheckConnection(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	plain := httptest.NewServer(&cluster{version: "8.19.21"})
	defer plain.Close()
	secure := httptest.NewUnstartedServer(&cluster{version: "8.19.21"})
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes here fail on purpose
	secure.StartTLS()
	defer secure.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, err := net.SplitHostPort(secure.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ca := writePEM(t, secure)
	for name, tt := range map[string]struct {
		url, ca          string
		problem, message string
	}{
		"refused":           {gone.URL, "", "unreachable", "nothing listens"},
		"unknown host":      {"http://no-such-host.invalid:9200", "", "unreachable", "no-such-host.invalid|spelling"},
		"silent":            {"http://" + silent.Addr().String(), "", "unreachable", "does not answer within"},
		"https to http":     {"https" + strings.TrimPrefix(plain.URL, "http"), "", "tls", "http://"},
		"http to https":     {"http" + strings.TrimPrefix(secure.URL, "https"), "", "not_elasticsearch", "elasticsearch.urls"},
		"unknown authority": {secure.URL, "", "tls", "ca_file"},
		"other name":        {"https://localhost.localdomain:" + port, ca, "tls", "another name"},
		"known authority":   {secure.URL, ca, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			opts := Options{URLs: []string{tt.url}, CAFile: tt.ca, MaxRetries: -1, Timeout: 20 * time.Second}
			if name == "silent" {
				opts.Timeout = 300 * time.Millisecond // the others answer, on a busy machine later than that
			}
			s := newStore(t, opts)
			if name == "other name" {
				dialTo(t, s, secure.Listener.Addr().String(), ca)
			}
			wantProblem(t, s.Check(t.Context()), tt.problem, tt.message, "")
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newStore(t, Options{URLs: []string{plain.URL}}).Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled check: %v", err)
	}
}

// dialTo makes the store's connections go to one address, whatever the host is called.
func dialTo(t *testing.T, s *Store, addr, ca string) {
	t.Helper()
	pool, err := readCA(ca)
	if err != nil {
		t.Fatal(err)
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		t.Fatal("the default transport was replaced")
	}
	transport = transport.Clone()
	transport.TLSClientConfig.RootCAs = pool
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	opts := s.opts
	opts.Transport = transport
	if s.client, err = newClient(opts); err != nil {
		t.Fatal(err)
	}
}

func writePEM(t *testing.T, server *httptest.Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The test node keeps GET / to itself; its version is found all the same.
func TestCheckRealNode(t *testing.T) {
	node := elasticsearch.Start(t)
	if err := newStore(t, Options{URLs: []string{node.URL}}).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCredentials(t *testing.T) {
	for name, tt := range map[string]struct {
		opts Options
		want string
	}{
		"api key": {Options{APIKey: "aWQ6a2V5"}, "ApiKey aWQ6a2V5"},
		"basic":   {Options{Username: "mover", Password: "p:w"}, "Basic bW92ZXI6cDp3"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(&cluster{version: "8.19.21", secured: true, authorized: func(r *http.Request) bool {
				return strings.EqualFold(r.Header.Get("Authorization"), tt.want)
			}})
			defer server.Close()
			tt.opts.URLs = []string{server.URL}
			if err := newStore(t, tt.opts).Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			tt.opts.APIKey, tt.opts.Password = strings.Repeat("x", len(tt.opts.APIKey)), "other"
			err := newStore(t, tt.opts).Check(t.Context())
			wantProblem(t, err, "credentials", "refuses the credentials", server.URL)
			if strings.Contains(err.Error(), "xxx") || strings.Contains(err.Error(), "other") {
				t.Errorf("the message %q shows the secret", err)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	node := []string{"http://localhost:9200"}
	for want, opts := range map[string]Options{
		"at least one node":   {},
		"is not an address":   {URLs: []string{"localhost:9200"}},
		"api_key or username": {URLs: node, APIKey: "k", Username: "u"},
		"no PEM certificate":  {URLs: node, CAFile: notPEM},
		"ca_file":             {URLs: node, CAFile: notPEM + "x"},
		"prefix":              {URLs: node, Prefix: "Upper"},
	} {
		if _, err := New(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error is %v, want one that says %q", opts, err, want)
		}
	}
}

// Work goes on through the second host when the first is gone, over TLS, with an API key.
func TestSeveralHostsOverTLS(t *testing.T) {
	node := elasticsearch.Start(t)
	target, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int64
	reverse := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Header.Get("Authorization"), "ApiKey a2V5") {
			refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		reverse.ServeHTTP(w, r)
	}))
	defer server.Close()
	gone := httptest.NewTLSServer(nil)
	gone.Close()
	for _, compress := range []bool{false, true} {
		opts := Options{URLs: []string{gone.URL, server.URL}, APIKey: "a2V5", CAFile: writePEM(t, server), Prefix: prefix(t, node),
			Compress: compress, retryPause: time.Millisecond}
		s := newStore(t, opts)
		if err := s.Setup(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateMigration(t.Context(), migration.Migration{ID: "m"}, someRules(30)); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, s, "m", 30, 0, 0)
	}
	if refused.Load() != 0 {
		t.Errorf("%d requests came without the API key", refused.Load())
	}
	wrong := newStore(t, Options{URLs: []string{server.URL}, APIKey: "b2xk", CAFile: writePEM(t, server), MaxRetries: -1})
	if _, err := wrong.Migration(t.Context(), "m"); err == nil || !strings.Contains(err.Error(), "elasticsearch.api_key") {
		t.Errorf("with another key: %v", err)
	}
}

func TestCheckSetup(t *testing.T) {
	c := &cluster{version: "8.19.21", secured: true, denied: []string{"manage_index_templates", "manage"}}
	server := httptest.NewServer(c)
	defer server.Close()
	s := newStore(t, Options{URLs: []string{server.URL}})
	wantProblem(t, s.CheckSetup(t.Context()), "privileges", "cluster privilege manage_index_templates, index privilege manage on rulebridge-*", server.URL)
	c.denied = nil
	if err := s.CheckSetup(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRoles(t *testing.T) {
	work, setup := newStore(t, Options{URLs: []string{"http://localhost:9200"}, Prefix: "mine"}).Roles()
	for _, tt := range []struct {
		role map[string]any
		want string
	}{
		{work, `{"cluster":["monitor"],"indices":[{"names":["mine-*"],"privileges":["read","write","maintenance","view_index_metadata"]}]}`},
		{setup, `{"cluster":["manage_index_templates","monitor"],"indices":[{"names":["mine-*"],"privileges":["create_index","manage","read","write","maintenance","view_index_metadata"]}]}`},
	} {
		if text, err := json.Marshal(tt.role); err != nil || string(text) != tt.want {
			t.Errorf("%s, %v; want %s", text, err, tt.want)
		}
	}
}
