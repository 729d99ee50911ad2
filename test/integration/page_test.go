package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/rulebridge/rulebridge/samples"
)

const pagePath = "/internal/rulebridge"

// gatewayAt is a gateway beneath a base path, asked as somebody.
type gatewayAt struct {
	t    *testing.T
	url  string // with the base path
	auth string
}

func (g gatewayAt) request(ctx context.Context, method, path string, body any) (*http.Request, []byte) {
	g.t.Helper()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			g.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, g.url+path, bytes.NewReader(sent))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("kbn-xsrf", "page")
	if g.auth != "" {
		req.Header.Set("Authorization", g.auth)
	}
	return req, sent
}

// ask wants a status, checks calls of the API against openapi.yaml, and decodes the answer into to, unless nil.
func (g gatewayAt) ask(method, path string, body any, want int, to any) (http.Header, string) {
	g.t.Helper()
	req, sent := g.request(g.t.Context(), method, path, body)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	if resp.StatusCode != want {
		g.t.Fatalf("%s %s as %q: %d, want %d: %.500s", method, path, g.auth, resp.StatusCode, want, answer)
	}
	if strings.HasPrefix(path, "/internal/") {
		inner := req.Clone(context.Background())
		u, err := url.Parse(path)
		if err != nil {
			g.t.Fatal(err)
		}
		inner.URL.Path, inner.URL.RawQuery = u.Path, u.RawQuery
		conforms(g.t, inner, sent, resp, answer)
	}
	if to != nil {
		if err := json.Unmarshal(answer, to); err != nil {
			g.t.Fatalf("%s %s: %v: %.500s", method, path, err, answer)
		}
	}
	return resp.Header, string(answer)
}

// events reads the event stream until a line contains text.
func (g gatewayAt) events(query, text string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 20*time.Second)
	defer cancel()
	req, _ := g.request(ctx, "GET", rulesPath+"/events"+query, nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		g.t.Fatalf("events: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	g.t.Fatalf("the events have no %s", text)
}

var assetName = regexp.MustCompile(`assets/[A-Za-z0-9._-]+\.(js|css)`)

// page wants the page and its files.
func (g gatewayAt) page(base string) {
	g.t.Helper()
	h, index := g.ask("GET", "/", nil, 200, nil)
	if !strings.Contains(index, `<meta name="rulebridge-base" content="`+base+`">`) || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
		g.t.Errorf("the page: %v\n%.1000s", h, index)
	}
	names := assetName.FindAllString(index, -1)
	if len(names) < 2 {
		g.t.Fatalf("the page names the files %v", names)
	}
	for _, name := range names {
		h, text := g.ask("GET", "/"+name, nil, 200, nil)
		if text == "" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			g.t.Errorf("%s: %d bytes, %v", name, len(text), h)
		}
	}
}

type migrationRow struct {
	ID, Name, State string
	Results         *struct{ Full, Partial, Untranslatable, Matched int }
}

func (g gatewayAt) row(id string) (m migrationRow) {
	g.t.Helper()
	var list []migrationRow
	g.ask("GET", rulesPath+"/migrations", nil, 200, &list)
	for _, m := range list {
		if m.ID == id {
			return m
		}
	}
	return m
}

// TestPageRoutes asks a running program what its web page asks, beneath a base path, with and without logins, and at one of
// two gateways what was done at the other.
func TestPageRoutes(t *testing.T) {
	binary(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("base path", func(t *testing.T) {
		const base = "/soc/rulebridge"
		catalogue, err := io.ReadAll(samples.Prebuilt())
		if err != nil {
			t.Fatal(err)
		}
		cfg := write("base.yaml", "http: {base_path: "+base+"}\nmigration: {pause: 0s}\n")
		d := startDev(t, t.TempDir(), "--config", cfg, "--prebuilt", write("prebuilt.ndjson", string(catalogue)))
		g := gatewayAt{t: t, url: d.url}
		if !strings.HasSuffix(d.url, base) {
			t.Fatalf("the gateway is at %s", d.url)
		}
		g.page(base)
		bare := gatewayAt{t: t, url: strings.TrimSuffix(d.url, base)}
		for _, path := range []string{"/", "/healthz", rulesPath + "/stats", base + "x/"} {
			bare.ask("GET", path, nil, 404, nil)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			g.ask("GET", path, nil, 200, nil)
		}
		if p := start(t, "health", d.url+"/readyz"); p.wait(20*time.Second) != 0 {
			t.Errorf("health: %s", p.stderr.String())
		}
		port := bare.url[strings.LastIndexByte(bare.url, ':'):]
		if p := startWith(t, []string{"RULEBRIDGE_HTTP_ADDR=127.0.0.1" + port}, "health", "--config", cfg); p.wait(20*time.Second) != 0 {
			t.Errorf("health of the settings: %s", p.stderr.String())
		}
		var session struct {
			TemporalUI struct{ Address, Namespace string } `json:"temporal_ui"`
		}
		g.ask("GET", pagePath+"/session", nil, 200, &session)
		if code, _ := get(t, session.TemporalUI.Address+"/namespaces/"+session.TemporalUI.Namespace+"/workflows"); session.TemporalUI.Address != d.ui || code != 200 {
			t.Errorf("Temporal's page: %+v, %d", session.TemporalUI, code)
		}

		var created struct {
			MigrationID string `json:"migration_id"`
		}
		g.ask("POST", rulesPath, makeRules(5), 200, &created)
		at := rulesPath + "/" + created.MigrationID
		g.ask("PUT", at+"/start", map[string]any{"connectorId": "deterministic"}, 200, nil)
		g.events("?migration_id="+created.MigrationID, `"status":"finished"`)
		eventually(t, 5*time.Second, "the list says what the rules came to", func() bool {
			r := g.row(created.MigrationID).Results
			return r != nil && r.Full+r.Partial+r.Untranslatable == 5
		})
		g.ask("PATCH", at, map[string]any{"name": "Linux"}, 200, nil)
		eventually(t, 2*time.Second, "the list has the new name", func() bool { return g.row(created.MigrationID).Name == "Linux" })
		var sources []struct {
			Pattern, Present string
			Rules            int
		}
		g.ask("GET", at+"/sources", nil, 200, &sources)
		if len(sources) == 0 || sources[0].Rules != 5 || sources[0].Present != "unknown" {
			t.Errorf("sources: %+v", sources)
		}
		known := regexp.MustCompile(`"rule_id": ?"([^"]+)"`).FindStringSubmatch(string(catalogue))[1]
		var rule struct {
			ID   string `json:"rule_id"`
			Name string
		}
		g.ask("GET", pagePath+"/prebuilt?rule_id="+known, nil, 200, &rule)
		if rule.ID != known || rule.Name == "" {
			t.Errorf("prebuilt: %+v", rule)
		}
		if _, says := g.ask("GET", pagePath+"/prebuilt?rule_id=nobody", nil, 404, nil); !strings.Contains(says, "not among the prebuilt rules") {
			t.Errorf("unknown prebuilt: %s", says)
		}
		p := start(t, "report", created.MigrationID, "--url", d.url, "--format", "md")
		if p.wait(30*time.Second) != 0 || !strings.Contains(p.stdout.String(), "# ") {
			t.Errorf("report of the gateway: %s", p.stdout.String())
		}
		d.stop()
	})
	t.Run("logins", func(t *testing.T) {
		text := "auth:\n  lockout_failures: 100\n  users:\n"
		for _, role := range []string{"reader", "operator"} {
			hash, err := bcrypt.GenerateFromPassword([]byte("pw-"+role), bcrypt.MinCost)
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintf("    - {name: %s, role: %s, password_hash: '%s'}\n", role, role, hash)
		}
		const key = "an-api-key-of-thirty-two-characters"
		text += fmt.Sprintf("  api_keys: [{name: ci, role: operator, hash: %x}]\n", sha256.Sum256([]byte(key)))
		d := startDev(t, t.TempDir(), "--config", write("auth.yaml", text))
		as := func(auth string) gatewayAt { return gatewayAt{t: t, url: d.url, auth: auth} }
		basic := func(name, password string) gatewayAt {
			r := &http.Request{Header: http.Header{}}
			r.SetBasicAuth(name, password)
			return as(r.Header.Get("Authorization"))
		}
		nobody, reader, operator, ci := as(""), basic("reader", "pw-reader"), basic("operator", "pw-operator"), as("ApiKey "+key)
		_, index := reader.ask("GET", "/", nil, 200, nil)
		for _, path := range []string{"/", "/" + assetName.FindString(index), rulesPath + "/migrations", rulesPath + "/events", pagePath + "/session"} {
			for _, g := range []gatewayAt{nobody, basic("reader", "wrong"), as("ApiKey wrong")} {
				h, says := g.ask("GET", path, nil, 401, nil)
				challenge := "Basic " // which a browser answers by asking for a password: not for a key that the page sent
				if strings.HasPrefix(g.auth, "ApiKey ") {
					challenge = "ApiKey "
				}
				if !strings.HasPrefix(h.Get("WWW-Authenticate"), challenge) || !strings.Contains(says, `"message":`) {
					t.Errorf("%s as %q: %v %s", path, g.auth, h, says)
				}
			}
		}
		var created struct {
			MigrationID string `json:"migration_id"`
		}
		ci.ask("POST", rulesPath, makeRules(2), 200, &created)
		at := rulesPath + "/" + created.MigrationID
		for name, g := range map[string]gatewayAt{"reader": reader, "operator": operator, "ci": ci} {
			g.page("")
			g.events("", created.MigrationID)
			var session struct{ User struct{ Name, Role string } }
			g.ask("GET", pagePath+"/session", nil, 200, &session)
			if !strings.HasSuffix(session.User.Name, name) || (session.User.Role == "reader") != (name == "reader") {
				t.Errorf("session of %s: %+v", name, session)
			}
		}
		if _, says := reader.ask("PATCH", at, map[string]any{"name": "x"}, 403, nil); !strings.Contains(says, "needs the role operator; yours is reader") {
			t.Errorf("a reader renames: %s", says)
		}
		operator.ask("PATCH", at, map[string]any{"name": "Linux"}, 200, nil)
		d.stop()
	})
	t.Run("two gateways", func(t *testing.T) {
		c := newCluster(t, config(t, "10ms"))
		c.setup()
		c.worker()
		a, b := c.gateway(), c.gateway()
		id := a.create(3)
		atA, atB := gatewayAt{t: t, url: a.url}, gatewayAt{t: t, url: b.url}
		b.begin(id, "sim")
		atA.events("?migration_id="+id, `"status":"finished"`)
		atB.ask("PATCH", rulesPath+"/"+id, map[string]any{"name": "from b"}, 200, nil)
		eventually(t, 5*time.Second, "the other gateway shows the name and the results", func() bool {
			m := atA.row(id)
			return m.Name == "from b" && m.Results != nil && m.Results.Full+m.Results.Partial+m.Results.Untranslatable == 3
		})
	})
}
