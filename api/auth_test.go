package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/rulebridge/rulebridge/config"
)

func basic(name, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// withAuth declares a user and a key of each role; the password of ana is pw-ana, the key of reader is key-reader.
func withAuth(t *testing.T, change ...func(*config.Auth)) func(*Deps) {
	t.Helper()
	a := config.Default(nil).Auth
	for name, role := range map[string]string{"rita": config.RoleReader, "otto": config.RoleOperator, "ana": config.RoleAdmin} {
		hash, err := bcrypt.GenerateFromPassword([]byte("pw-"+name), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		a.Users = append(a.Users, config.User{Name: name, PasswordHash: config.Secret(hash), Role: role})
		sum := sha256.Sum256([]byte("key-" + role))
		a.APIKeys = append(a.APIKeys, config.APIKey{Name: role, Hash: config.Secret(hex.EncodeToString(sum[:])), Role: role})
	}
	for _, f := range change {
		f(&a)
	}
	return func(d *Deps) { d.Settings.Auth = a }
}

func TestRoles(t *testing.T) {
	b := newBench(t, withAuth(t))
	id := ""
	callers := map[string][]string{
		config.RoleReader:   {basic("rita", "pw-rita"), "Authorization: ApiKey key-reader"},
		config.RoleOperator: {basic("otto", "pw-otto"), "Authorization: apikey key-operator"},
		config.RoleAdmin:    {basic("ana", "pw-ana"), "Authorization: ApiKey key-admin"},
	}
	rank := map[string]int{config.RoleReader: 1, config.RoleOperator: 2, config.RoleAdmin: 3}
	w := b.do("POST", BasePath, rulesJSON(0, 1), basic("otto", "pw-otto"))
	b.want(w, 200)
	id = field[string](t, w, "migration_id")
	if m, err := b.store.Migration(t.Context(), id); err != nil || m.CreatedBy != "otto" {
		t.Errorf("created by %q, %v", m.CreatedBy, err)
	}
	for _, call := range []struct {
		method, path, body string
		need               int
	}{
		{"GET", BasePath + "/stats", "", 1}, {"GET", BasePath + "/" + id, "", 1}, {"GET", BasePath + "/" + id + "/stats", "", 1}, {"GET", "/openapi.yaml", "", 1},
		{"POST", BasePath, rulesJSON(0, 1), 2}, {"POST", BasePath + "/" + id, rulesJSON(0, 1), 2},
		{"POST", BasePath + "/" + id + "/resources", `[{"type":"macro","name":"m","definition":""}]`, 2},
		{"PUT", BasePath + "/" + id + "/start", startBody, 2}, {"PUT", BasePath + "/" + id + "/stop", "", 2}, {"DELETE", BasePath + "/unknown", "", 3},
	} {
		for role, credentials := range callers {
			for _, c := range credentials {
				w := b.do(call.method, call.path, call.body, c)
				if refused := w.Code == 403; refused != (rank[role] < call.need) || w.Code == 401 {
					t.Errorf("%s %s as %s: %d %s", call.method, call.path, role, w.Code, w.Body)
				}
			}
		}
	}
	b.want(b.do("DELETE", BasePath+"/"+id, "", basic("otto", "pw-otto")), 403, "admin", "operator")
}

func TestLogin(t *testing.T) {
	b := newBench(t, withAuth(t))
	for name, h := range map[string]string{
		"nothing":           "X-Other: x",
		"wrong password":    basic("ana", "pw-otto"),
		"unknown name":      basic("elastic", "changeme"),
		"empty":             basic("", ""),
		"no colon":          "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ana")),
		"no base64":         "Authorization: Basic ***",
		"too long":          basic("ana", strings.Repeat("x", 73)),
		"longer than right": basic("ana", "pw-ana\x00"),
		"unknown key":       "Authorization: ApiKey nope",
		"empty key":         "Authorization: ApiKey ",
		"the key's hash":    "Authorization: ApiKey " + fmt.Sprintf("%x", sha256.Sum256([]byte("key-admin"))),
		"unknown scheme":    "Authorization: Bearer key-admin",
		"password as a key": "Authorization: ApiKey pw-ana",
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			w := b.do("GET", BasePath+"/stats", "", h)
			b.want(w, 401)
			if w.Header().Get("WWW-Authenticate") == "" {
				t.Error("WWW-Authenticate is missing")
			}
		})
	}
	b.t = t
	b.want(b.do("POST", BasePath, rulesJSON(0, 1)), 401)
	b.want(b.do("GET", "/nothing", ""), 401)
	b.want(b.do("GET", "/healthz", ""), 200)
	b.want(b.do("GET", "/readyz", ""), 200)
	b.want(b.do("GET", BasePath+"/stats", "", basic("ana", "pw-ana"), "Host: evil.example"), 421)
	if len(b.migrations()) != 0 {
		t.Error("something was stored")
	}
	for _, e := range b.logs.All() {
		if s := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(s, "pw-") || strings.Contains(s, "changeme") || strings.Contains(s, "elastic") || strings.Contains(s, "nope") {
			t.Errorf("logged %s", s)
		}
	}
}

func TestLockout(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBench(t, withAuth(t), func(d *Deps) { d.Now = func() time.Time { return now } })
	stats := func(address string, headers ...string) *httptest.ResponseRecorder {
		req := b.request("GET", BasePath+"/stats", "", headers...)
		req.RemoteAddr = address + ":1234"
		return b.send(req)
	}
	// Otto has shown his password a moment ago, and is known at his address.
	b.want(stats("10.0.0.1", basic("otto", "pw-otto")), 200)
	for _, name := range []string{"ana", "otto"} {
		for range 5 {
			b.want(stats("10.0.0.3", basic(name, "guess")), 401)
		}
		b.want(stats("10.0.0.3", basic(name, "guess")), 429, "too many failed logins")
	}
	// Whoever guesses is locked out, also with the right password, also while that is remembered.
	b.want(stats("10.0.0.3", basic("otto", "pw-otto")), 429)
	w := stats("10.0.0.3", basic("ana", "pw-ana"))
	b.want(w, 429)
	if w.Header().Get("Retry-After") != "901" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	// Nobody else is.
	b.want(stats("10.0.0.1", basic("otto", "pw-otto")), 200)
	b.want(stats("10.0.0.4", basic("ana", "pw-ana")), 200)
	b.want(stats("10.0.0.3", basic("rita", "pw-rita")), 200)
	now = now.Add(16 * time.Minute)
	b.want(stats("10.0.0.3", basic("ana", "pw-ana")), 200)
	// Many names, or keys, from one address.
	for i := range 50 {
		credentials := basic(fmt.Sprintf("name-%d", i), "guess")
		if i%2 == 0 {
			credentials = "Authorization: ApiKey guess"
		}
		b.want(stats("10.0.0.9", credentials), 401)
	}
	b.want(stats("10.0.0.9", "Authorization: ApiKey guess"), 429)
	b.want(stats("10.0.0.9", basic("rita", "pw-rita")), 429)
	b.want(stats("10.0.0.9", "Authorization: ApiKey key-reader"), 200)
	b.want(stats("10.0.0.8", basic("rita", "pw-rita")), 200)
}

// TestGuessesFromManyAddresses: the addresses together may not guess without end, and their guesses do not lock out a user
// at an address of their own.
func TestGuessesFromManyAddresses(t *testing.T) {
	b := newBench(t, withAuth(t))
	stats := func(address string, headers ...string) int {
		req := b.request("GET", BasePath+"/stats", "", headers...)
		req.RemoteAddr = address + ":1234"
		return b.send(req).Code
	}
	if code := stats("10.9.9.9", basic("ana", "pw-ana")); code != 200 {
		t.Fatalf("ana: %d", code)
	}
	guesses := 0
	for ; guesses < 1000 && stats(fmt.Sprintf("10.1.%d.%d", guesses/250, guesses%250), basic("ana", "guess")) == 401; guesses++ {
	}
	if guesses != 5*nameFactor {
		t.Errorf("%d guesses from as many addresses went through, want %d", guesses, 5*nameFactor)
	}
	if code := stats("10.9.9.9", basic("ana", "pw-ana")); code != 200 {
		t.Errorf("ana at an address she has logged in from: %d", code)
	}
}

// TestBehindProxies: behind a proxy that is trusted, each caller counts for itself; what others write in X-Forwarded-For
// is not believed.
func TestBehindProxies(t *testing.T) {
	b := newBench(t, withAuth(t), func(d *Deps) { d.Settings.HTTP.TrustedProxies = []string{"10.0.0.0/24", "192.0.2.1"} })
	for _, tt := range []struct {
		remote, forwarded, want string
	}{
		{"203.0.113.7:1", "", "203.0.113.7"},
		{"203.0.113.7:1", "198.51.100.1", "203.0.113.7"},
		{"10.0.0.5:1", "198.51.100.1", "198.51.100.1"},
		{"[::ffff:10.0.0.5]:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.5:1", "1.1.1.1, 198.51.100.1, 192.0.2.1", "198.51.100.1"},
		{"10.0.0.5:1", "198.51.100.1, unknown", "10.0.0.5"},
		{"10.0.0.5:1", "", "10.0.0.5"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.remote
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := b.server.guard.proxies.client(r); got != tt.want {
			t.Errorf("from %s for %q: %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
	stats := func(client string, headers ...string) int {
		req := b.request("GET", BasePath+"/stats", "", headers...)
		req.RemoteAddr = "10.0.0.5:1234"
		req.Header.Set("X-Forwarded-For", client)
		return b.send(req).Code
	}
	for i := range 60 {
		stats("198.51.100.1", basic(fmt.Sprint("name-", i), "guess"))
	}
	if code := stats("198.51.100.1", basic("rita", "pw-rita")); code != 429 {
		t.Errorf("who guessed: %d", code)
	}
	if code := stats("198.51.100.2", basic("rita", "pw-rita")); code != 200 {
		t.Errorf("another behind the same proxy: %d", code)
	}
	if _, err := newProxies([]string{"proxy.example.org"}); err == nil {
		t.Error("a host name was taken for a network")
	}
}

// TestGuessesAtOnce: many guesses at one moment do not slip past the lockout.
func TestGuessesAtOnce(t *testing.T) {
	b := newBench(t, withAuth(t))
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 60 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			b.server.ServeHTTP(w, b.request("GET", BasePath+"/stats", "", basic("ana", "guess")))
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
		})
	}
	wg.Wait()
	if codes[401] != 5 || codes[429] != 55 {
		t.Errorf("codes %v", codes)
	}
}

func TestLockoutIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLockout(5, time.Minute, func() time.Time { return now })
	for i := range 3 * maxTracked {
		l.attempt(fmt.Sprintf("user %d", i), fmt.Sprint(i))
	}
	if len(l.counts) > maxTracked {
		t.Errorf("%d are tracked", len(l.counts))
	}
	now = now.Add(time.Hour)
	l.attempt("user x", "x")
	if len(l.counts) != 3 {
		t.Errorf("%d are tracked", len(l.counts))
	}
}

func TestRate(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBench(t, withAuth(t, func(a *config.Auth) { a.Rate, a.Burst = 2, 4 }), func(d *Deps) { d.Now = func() time.Time { return now } })
	ok := func(credentials string) (n int) {
		for range 10 {
			w := b.do("GET", BasePath+"/stats", "", credentials)
			switch {
			case w.Code == 200:
				n++
			case w.Code != 429 || w.Header().Get("Retry-After") == "":
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		return n
	}
	for _, c := range []string{basic("rita", "pw-rita"), "Authorization: ApiKey key-reader"} {
		if n := ok(c); n != 4 {
			t.Errorf("%d of 10 went through, burst is 4", n)
		}
	}
	now = now.Add(time.Second)
	if n := ok(basic("rita", "pw-rita")); n != 2 {
		t.Errorf("%d of 10 went through after a second at 2 a second", n)
	}
}

func TestAudit(t *testing.T) {
	b := newBench(t, withAuth(t))
	w := b.do("POST", BasePath, rulesJSON(0, 1), basic("otto", "pw-otto"), "X-Request-Id: r-1")
	id := field[string](t, w, "migration_id")
	b.do("GET", BasePath+"/"+id, "", basic("otto", "pw-otto"))
	b.do("DELETE", BasePath+"/"+id, "", "Authorization: ApiKey key-operator")
	b.do("PUT", BasePath+"/"+id+"/stop", "")
	entries := b.logs.Filter(func(e observerEntry) bool { return e.LoggerName == "audit" }).All()
	want := []string{"otto operator POST " + BasePath + " 200", "key:operator operator DELETE " + BasePath + "/:id 403", "anonymous  PUT " + BasePath + "/:id/stop 401"}
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(entries), len(want))
	}
	for i, e := range entries {
		m := e.ContextMap()
		if got := fmt.Sprint(m["by"], " ", m["role"], " ", m["method"], " ", m["route"], " ", m["status"]); got != want[i] {
			t.Errorf("entry %q, want %q", got, want[i])
		}
		if m["request_id"] == "" || m["remote"] == "" {
			t.Errorf("entry %v", m)
		}
	}
	if entries[0].ContextMap()["request_id"] != "r-1" || entries[1].ContextMap()["migration_id"] != id {
		t.Errorf("entries %v %v", entries[0].ContextMap(), entries[1].ContextMap())
	}
}

// TestGuard: what stands behind the guard is reached by those who may, and knows who they are.
func TestGuard(t *testing.T) {
	b := newBench(t, withAuth(t))
	var by string
	h := b.server.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by = PrincipalOf(r.Context()).Name
		w.WriteHeader(http.StatusTeapot)
	}))
	for _, tt := range []struct {
		method  string
		headers []string
		code    int
		by      string
	}{
		{"GET", []string{basic("rita", "pw-rita")}, 418, "rita"},
		{"POST", []string{basic("rita", "pw-rita")}, 403, ""},
		{"POST", []string{basic("otto", "pw-otto"), "-kbn-xsrf"}, 418, "otto"},
		{"POST", []string{basic("otto", "pw-otto"), "Origin: http://evil.example"}, 403, ""},
		{"GET", nil, 401, ""},
		{"GET", []string{basic("rita", "pw-rita"), "Host: evil.example"}, 421, ""},
	} {
		by = ""
		w := httptest.NewRecorder()
		h.ServeHTTP(w, b.request(tt.method, "/namespaces", "", tt.headers...))
		if w.Code != tt.code || by != tt.by {
			t.Errorf("%s %v: %d by %q", tt.method, tt.headers, w.Code, by)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Error("security headers are missing")
		}
	}
	audit := b.logs.Filter(func(e observerEntry) bool { return e.LoggerName == "audit" }).All()
	if len(audit) != 3 || audit[1].ContextMap()["status"] != int64(418) || audit[1].ContextMap()["by"] != "otto" {
		t.Errorf("audit %v", audit)
	}
	off := newBench(t)
	w := httptest.NewRecorder()
	off.server.Guard(h).ServeHTTP(w, off.request("GET", "/", "", "Host: evil.example"))
	if w.Code != 421 {
		t.Errorf("status %d without auth", w.Code)
	}
}

func TestSecurityHeaders(t *testing.T) {
	b := newBench(t)
	h := b.do("GET", BasePath+"/stats", "").Header()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'self'", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if !strings.HasPrefix(h.Get(name), want) {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
}

// TestOpenBind: an address that others can reach needs authentication; without it loopback is allowed, and said.
func TestOpenBind(t *testing.T) {
	b := newBench(t)
	if b.logs.FilterMessageSnippet("authentication is off").Len() != 1 {
		t.Error("that authentication is off was not said")
	}
	d := b.server.Deps
	d.Settings.HTTP.Addr = "0.0.0.0:8080"
	if _, err := New(d); err == nil || !strings.Contains(err.Error(), "auth.users") {
		t.Errorf("err %v", err)
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := b.server.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "auth.users") {
		t.Errorf("err %v", err)
	}
	withAuth(t)(&d)
	if _, err := New(d); err != nil {
		t.Error(err)
	}
	if len(b.migrations()) != 0 {
		t.Error("something was stored")
	}
}
