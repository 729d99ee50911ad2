package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/config"
)

func TestReadyURL(t *testing.T) {
	for _, tt := range []struct{ addr, base, want string }{
		{"127.0.0.1:8080", "", "http://127.0.0.1:8080/readyz"},
		{"0.0.0.0:80", "/soc/rulebridge", "http://127.0.0.1:80/soc/rulebridge/readyz"},
		{":81", "", "http://127.0.0.1:81/readyz"},
		{"[::]:81", "", "http://[::1]:81/readyz"},
		{"10.1.2.3:81", "/a", "http://10.1.2.3:81/a/readyz"},
		{"127.0.0.1:0", "", ""},
		{"", "", ""},
	} {
		cfg := config.Config{HTTP: config.HTTP{Addr: tt.addr, BasePath: tt.base}}
		if got, err := readyURL(cfg, false); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q %q: %q, %v, want %q", tt.addr, tt.base, got, err, tt.want)
		}
		cfg = config.Config{HTTP: config.HTTP{BasePath: tt.base}, Worker: config.Worker{HealthAddr: tt.addr}}
		want := strings.Replace(tt.want, tt.base+"/readyz", "/readyz", 1)
		if got, err := readyURL(cfg, true); got != want || (err == nil) != (want != "") {
			t.Errorf("worker %q: %q, %v, want %q", tt.addr, got, err, want)
		}
	}
}

// TestHealthCommand: the address and the base path are those of the settings, unless a URL is given.
func TestHealthCommand(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/soc/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "asked "+r.Host+r.URL.Path)
	}))
	defer srv.Close()
	addr := strings.TrimPrefix(srv.URL, "http://")
	file := filepath.Join(t.TempDir(), "rulebridge.yaml")
	if err := os.WriteFile(file, []byte("http: {base_path: /soc}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"RULEBRIDGE_HTTP_ADDR=" + addr, "RULEBRIDGE_WORKER_HEALTH_ADDR=" + addr}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--config", file}, 0, "asked localhost/soc/readyz"},
		{nil, 1, "asked localhost/readyz"},
		{[]string{"--config", file, "--worker"}, 1, "asked localhost/readyz"},
		{[]string{srv.URL + "/soc/readyz"}, 0, "asked " + addr + "/soc/readyz"},
		{[]string{"--worker", srv.URL}, 2, "leave out the URL"},
	} {
		var out bytes.Buffer
		p := Program{Args: append([]string{"health"}, tt.args...), Env: env, Stdout: &out, Stderr: &out}
		if code := p.Run(t.Context()); code != tt.code || !strings.Contains(out.String(), tt.says) {
			t.Errorf("health %v: exit code %d, want %d: %s", tt.args, code, tt.code, out.String())
		}
	}
}
