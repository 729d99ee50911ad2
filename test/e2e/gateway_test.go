package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/samples"
	"github.com/rulebridge/rulebridge/test/program"
)

const (
	rulesPath = "/internal/siem_migrations/rules"
	kibanaKey = "a2V5OmtleS1vZi10aGUtYnJvd3Nlci10ZXN0cw=="
)

// gateway is a running dev with a Kibana and a model beside it.
type gateway struct {
	*program.Dev
	t      *testing.T
	dir    string
	config string
	kibana *kibanatest.Server
	model  *model
	key    string // sent with the test's own calls, where it is not empty
}

// start starts dev with the sample alerts, the Kibana "prod", the connectors "gpt" (which the test's model answers) and "slow".
func start(t *testing.T, args ...string) *gateway { return startWith(t, "", args...) }

// startWith is start with further settings, as YAML.
func startWith(t *testing.T, settings string, args ...string) *gateway {
	t.Helper()
	path := program.Path(t)
	g := &gateway{t: t, dir: t.TempDir(), kibana: kibanatest.NewServer(kibanaKey), model: newModel(t)}
	t.Cleanup(g.kibana.Close)
	g.kibana.Indices["logs-system.security-*"] = []string{"@timestamp"}
	key := filepath.Join(g.dir, "key")
	g.config = filepath.Join(g.dir, "rulebridge.yaml")
	config := fmt.Sprintf(`connectors:
  - {id: gpt, kind: openai, model: m, url: %q, api_key: none}
  - {id: slow, kind: simulated, latency: 1s, seed: 7}
kibanas:
  - {name: prod, url: %q, api_key_file: %q}
migration: {pause: 0s}
log: {level: warn}
%s`, g.model.URL, g.kibana.URL, key, settings)
	for name, text := range map[string]string{key: kibanaKey + "\n", g.config: config} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	alerts, err := samples.Alerts(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sample := filepath.Join(g.dir, "alerts.ndjson")
	if err := os.WriteFile(sample, alerts, 0o600); err != nil {
		t.Fatal(err)
	}
	fill := exec.CommandContext(t.Context(), path, "alerts", "import", sample, "--data-dir", filepath.Join(g.dir, "data"))
	fill.Env = program.Environ()
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("import the alerts: %v\n%s", err, out)
	}
	g.run(path, args...)
	return g
}

// run starts the program over the gateway's folder; a test that killed it starts it again.
func (g *gateway) run(path string, args ...string) {
	g.t.Helper()
	dev, err := program.StartDev(path, filepath.Join(g.dir, "data"), append([]string{"--config", g.config}, args...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.Dev = dev
	g.t.Cleanup(func() {
		dev.Kill()
		if g.t.Failed() {
			g.t.Logf("dev says:\n%s", program.Tail(dev.Stderr.String()))
		}
	})
}

// call sends a request to the gateway and decodes its answer.
func (g *gateway) call(method, path string, body, to any) {
	g.t.Helper()
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			g.t.Fatal(err)
		}
		sent = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.URL+path, sent)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("kbn-xsrf", "")
	req.Header.Set("Content-Type", "application/json")
	if g.key != "" {
		req.Header.Set("Authorization", "ApiKey "+g.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		g.t.Fatalf("%s %s: %d %.500s, %v", method, path, resp.StatusCode, data, err)
	}
	if to != nil {
		if err := json.Unmarshal(data, to); err != nil {
			g.t.Fatalf("%s %s gives %.500s: %v", method, path, data, err)
		}
	}
}

// create stores rules as a migration.
func (g *gateway) create(rules any) (id string) {
	g.t.Helper()
	var answer struct {
		MigrationID string `json:"migration_id"`
	}
	g.call("POST", rulesPath, rules, &answer)
	return answer.MigrationID
}

func (g *gateway) begin(id, connector string) {
	g.t.Helper()
	g.call("PUT", rulesPath+"/"+id+"/start", map[string]any{"connectorId": connector, "settings": map[string]any{"pause": "0s"}}, nil)
}

func (g *gateway) stats(id string) (s migration.Stats) {
	g.t.Helper()
	g.call("GET", rulesPath+"/"+id+"/stats", nil, &s)
	return s
}

// finish waits until a migration is finished.
func (g *gateway) finish(id string) {
	g.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); g.stats(id).Status != migration.Finished; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatalf("migration %s does not finish: %+v", id, g.stats(id))
		}
	}
}

// rule reads one rule of a migration.
func (g *gateway) rule(id, rule string) (r migration.Rule) {
	g.t.Helper()
	var all []migration.Rule
	g.call("GET", rulesPath+"/"+id, nil, &all)
	for _, r := range all {
		if r.ID == rule {
			return r
		}
	}
	g.t.Fatalf("there is no rule %s", rule)
	return r
}

// migrated creates the sample rules, "Rules of Acme", with their macros and lookups, and translates them.
func (g *gateway) migrated() (id string) {
	g.t.Helper()
	rules, err := samples.Rules()
	if err != nil {
		g.t.Fatal(err)
	}
	id = g.create(rules)
	resources, err := samples.Resources()
	if err != nil {
		g.t.Fatal(err)
	}
	g.call("POST", rulesPath+"/"+id+"/resources", resources, nil)
	g.call("PATCH", rulesPath+"/"+id, map[string]string{"name": "Rules of Acme"}, nil)
	g.begin(id, "deterministic")
	g.finish(id)
	return id
}

// model speaks OpenAI's protocol: it asks for the open alerts once, then answers with the first host that it was shown.
type model struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

// hostToken is what stands in the place of a host's name.
var hostToken = regexp.MustCompile(`\bhost-[a-z0-9]{4,}-[0-9]+\b`)

func newModel(t *testing.T) *model {
	m := &model{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		m.bodies = append(m.bodies, string(body))
		m.mu.Unlock()
		text := `{"action":"tool","tool":"open-alerts","arguments":{}}`
		// The rules for the model name a token, too; those of alerts come with what a tool gave.
		if hosts := hostToken.FindAllString(string(body), -1); strings.Count(string(body), `"role"`) > 2 && len(hosts) > 0 {
			text = `{"action":"answer","answer":"Look at ` + hosts[len(hosts)-1] + ` first."}`
		}
		if strings.Contains(string(body), `"stream":true`) {
			piece, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"content": text}}}})
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "data: %s\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", piece)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}}}})
	}))
	t.Cleanup(m.Close)
	return m
}

// said is everything that the model was sent.
func (m *model) said() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.bodies, "\n")
}

// house is the test app with every construct, as a folder of the machine's disk: etc with its apps.
func house(t *testing.T) (dir string, files []file) {
	t.Helper()
	archive, err := txtar.ParseFile("../../internal/splunk/testdata/house.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	encodings := map[string]encoding.Encoding{"bom": unicode.UTF8BOM, "latin1": charmap.ISO8859_1, "utf16le": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
		"utf16be": unicode.UTF16(unicode.BigEndian, unicode.UseBOM)}
	for _, f := range archive.Files {
		name, kind, _ := strings.Cut(f.Name, "=")
		data := f.Data
		if e := encodings[kind]; e != nil {
			if data, err = e.NewEncoder().Bytes(data); err != nil {
				t.Fatal(err)
			}
		} else if kind == "crlf" {
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		} else if kind != "" {
			t.Fatalf("%s: unknown encoding", f.Name)
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file{name: name, data: data})
	}
	return dir, files
}
