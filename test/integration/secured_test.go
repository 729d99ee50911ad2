package integration

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

const testKey = "cnVsZWJyaWRnZTpzZWNyZXQta2V5"

// secured is a TLS proxy before the real node. It knows the API key and answers what the node lacks, who it is and what
// the key may do, as Elasticsearch does. While faulty, it refuses some requests as an overloaded cluster does.
type secured struct {
	*httptest.Server
	node    *httputil.ReverseProxy
	faulty  atomic.Bool
	served  atomic.Int64
	refused atomic.Int64 // with 429, 502, 503 or 504
	foreign atomic.Int64 // came without the key

	mu      sync.Mutex
	version string
	denied  []string // privileges that the key lacks
}

func newSecured(t *testing.T, node *elasticsearch.Node) *secured {
	t.Helper()
	target, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := &secured{node: httputil.NewSingleHostReverseProxy(target), version: elasticsearch.Version}
	s.node.ErrorLog = log.New(io.Discard, "", 0)
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // some handshakes here fail on purpose
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *secured) set(version string, denied ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version, s.denied = version, denied
}

func (s *secured) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, typ string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"type":%q,"reason":"made by the test"},"status":%d}`, typ, status)
	}
	if !strings.EqualFold(r.Header.Get("Authorization"), "ApiKey "+testKey) {
		s.foreign.Add(1)
		fail(http.StatusUnauthorized, "security_exception")
		return
	}
	s.mu.Lock()
	version, denied := s.version, s.denied
	s.mu.Unlock()
	switch {
	case r.URL.Path == "/":
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		fmt.Fprintf(w, `{"version":{"number":%q,"build_flavor":"default"},"tagline":"You Know, for Search"}`, version)
	case r.URL.Path == "/_security/user/_has_privileges":
		hasPrivileges(w, r, denied)
	case s.faulty.Load() && s.served.Add(1)%9 == 0:
		statuses := []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
		fail(statuses[s.refused.Add(1)%4], "es_rejected_execution_exception")
	default:
		s.node.ServeHTTP(w, r)
	}
}

// hasPrivileges answers as Elasticsearch's API of that name.
func hasPrivileges(w http.ResponseWriter, r *http.Request, denied []string) {
	var asked struct {
		Cluster []string `json:"cluster"`
		Index   []struct {
			Names      []string `json:"names"`
			Privileges []string `json:"privileges"`
		} `json:"index"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all := true
	has := func(privileges []string) map[string]bool {
		m := map[string]bool{}
		for _, p := range privileges {
			m[p] = !slices.Contains(denied, p)
			all = all && m[p]
		}
		return m
	}
	cluster, index := has(asked.Cluster), map[string]any{}
	for _, i := range asked.Index {
		for _, name := range i.Names {
			index[name] = has(i.Privileges)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"username": "mover", "has_all_requested": all, "cluster": cluster, "index": index})
}

// TestSecuredElasticsearch runs the program over TLS, with an API key, two addresses of which one is dead, and a cluster
// that refuses every ninth request. What is wrong with the connection is named at the start, without the key.
func TestSecuredElasticsearch(t *testing.T) {
	node := elasticsearch.Start(t)
	cfg, _ := elasticConfig(t, node, "10ms", "")
	s := newSecured(t, node)
	gone := httptest.NewTLSServer(nil)
	gone.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	setting := func(name, value string) string { return "RULEBRIDGE_ELASTICSEARCH_" + name + "=" + value }
	right := []string{setting("URLS", gone.URL+","+s.URL), setting("API_KEY", testKey), setting("CA_FILE", ca)}
	c := newCluster(t, cfg, right...)

	// The keys of gateways and workers need not be those of the set-up.
	s.set(elasticsearch.Version, "manage_index_templates", "create_index", "manage")
	p := c.start("setup")
	if code := p.wait(60 * time.Second); code == 0 || !strings.Contains(p.stderr.String(), "cluster privilege manage_index_templates") ||
		!strings.Contains(p.stdout.String(), "POST /_security/api_key") {
		t.Errorf("setup with a worker's key: exit code %d: %s%s", code, p.stdout.String(), p.stderr.String())
	}
	s.set(elasticsearch.Version)
	c.setup()
	s.set(elasticsearch.Version, "manage_index_templates", "create_index", "manage")

	s.faulty.Store(true)
	c.worker()
	g := c.gateway()
	const n = 100
	id := g.create(n)
	if !g.begin(id, "deterministic") {
		t.Error("not started")
	}
	g.finished(id, n, 120*time.Second)
	s.faulty.Store(false)
	if s.refused.Load() == 0 || s.foreign.Load() != 0 {
		t.Errorf("%d requests were refused for load, want some; %d came without the API key", s.refused.Load(), s.foreign.Load())
	}

	for name, tt := range map[string]struct {
		env     []string
		version string
		denied  []string
		code    int
		want    string
	}{
		"another key":   {env: []string{setting("API_KEY", "b3RoZXI6c2VjcmV0LWtleQ==")}, code: 2, want: "refuses the credentials"},
		"no key":        {env: []string{setting("API_KEY", "")}, code: 2, want: "refuses the credentials"},
		"no authority":  {env: []string{setting("CA_FILE", "")}, code: 2, want: "elasticsearch.ca_file"},
		"plain http":    {env: []string{setting("URLS", "http"+strings.TrimPrefix(s.URL, "https"))}, code: 2, want: "elasticsearch.urls"},
		"dead":          {env: []string{setting("URLS", gone.URL), setting("MAX_RETRIES", "0")}, code: 1, want: "nothing listens"},
		"old version":   {version: "8.18.4", code: 2, want: "version 8.18.4, rulebridge needs 8.19.0"},
		"one privilege": {denied: []string{"maintenance"}, code: 2, want: "index privilege maintenance on"},
	} {
		version := tt.version
		if version == "" {
			version = elasticsearch.Version
		}
		s.set(version, tt.denied...)
		c.env = append(slices.Clone(right), tt.env...)
		p := c.start("worker", "--health-addr", "")
		code := p.wait(60 * time.Second)
		said := p.stderr.String() + p.stdout.String()
		if code != tt.code || !strings.Contains(said, tt.want) {
			t.Errorf("%s: exit code %d, want %d and a message that says %q: %s", name, code, tt.code, tt.want, said)
		}
		if strings.Contains(said, testKey) || strings.Contains(said, "b3RoZXI6") {
			t.Errorf("%s: the message shows the key: %s", name, said)
		}
	}
}
