package api

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBeneath: every route is beneath the base path and nowhere else, and nothing is let through that was not before.
func TestBeneath(t *testing.T) {
	b := newBench(t, withAuth(t), withWorkbench(), func(d *Deps) { d.Settings.HTTP.BasePath = "/soc/bridge" })
	h := Beneath("/soc/bridge", b.server)
	reader := "Authorization: ApiKey key-reader"
	for _, tt := range []struct {
		method, path, body string
		headers            []string
		code               int
	}{
		{"GET", "/soc/bridge/healthz", "", nil, 200},
		{"GET", "/soc/bridge/readyz", "", nil, 200},
		{"GET", "/soc/bridge/openapi.yaml", "", nil, 401},
		{"GET", "/soc/bridge/openapi.yaml", "", []string{reader}, 200},
		{"GET", "/soc/bridge", "", []string{reader}, 200},
		{"GET", "/soc/bridge/", "", []string{reader}, 200},
		{"GET", "/soc/bridge" + BasePath + "/stats", "", []string{reader}, 200},
		{"GET", "/soc/bridge" + BasePath + "/none%2Fhere", "", []string{reader}, 404},
		{"POST", "/soc/bridge" + PagePath + "/check", `{"query":"FROM x"}`, []string{reader}, 200},
		{"POST", "/soc/bridge" + BasePath, rulesJSON(0, 1), []string{reader}, 403},
		{"POST", "/soc/bridge" + BasePath, rulesJSON(0, 1), []string{"Authorization: ApiKey key-operator"}, 200},
		{"GET", "/soc/bridge/healthz", "", []string{"Host: evil.example"}, 421},
		{"GET", "/healthz", "", nil, 401},
		{"GET", "/healthz", "", []string{reader}, 404},
		{"GET", "/soc/bridgehealthz", "", []string{reader}, 404},
		{"GET", "/soc/bridge/soc/bridge/healthz", "", []string{reader}, 404},
		{"GET", "/", "", []string{reader}, 404},
		{"GET", BasePath + "/stats", "", []string{reader}, 404},
		{"GET", "/soc/bridge/../../healthz", "", []string{reader}, 404},
		{"GET", "/soc", "", []string{"Host: evil.example"}, 421},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, b.request(tt.method, tt.path, tt.body, tt.headers...))
		if w.Code != tt.code {
			t.Errorf("%s %s %v: %d %.200s, want %d", tt.method, tt.path, tt.headers, w.Code, w.Body, tt.code)
		}
		if strings.HasSuffix(tt.path, "bridge/") && !strings.Contains(w.Body.String(), `content="/soc/bridge"`) {
			t.Errorf("the page does not know its base: %.300s", w.Body)
		}
	}
	if Beneath("", b.server) != http.Handler(b.server) {
		t.Error("without a base path nothing stands in front")
	}
}

// TestServeBeneath: a gateway on a listener stands beneath its base path.
func TestServeBeneath(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Settings.HTTP.BasePath = "/x" })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- b.server.Serve(ctx, l) }()
	for path, code := range map[string]int{"/x/healthz": 200, "/healthz": 404} {
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != code {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, code)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
