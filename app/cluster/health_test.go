package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/app"
)

func TestHealth(t *testing.T) {
	h, err := newHealth("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}()
	h.serve(zap.NewNop())
	ask := func(path string) (int, string, map[string]string) {
		t.Helper()
		resp, err := http.Get("http://" + h.addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var body struct {
			Status string
			Checks map[string]string
		}
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body.Status, body.Checks
	}
	var broken error
	h.check("store", func(context.Context) error { return broken })
	if code, status, checks := ask("/readyz"); code != 200 || status != "ok" || checks["store"] != "ok" {
		t.Errorf("ready: %d %s %v", code, status, checks)
	}
	broken = &NoVersionError{"d", "b"}
	if code, _, checks := ask("/readyz"); code != 503 || !strings.Contains(checks["store"], "rulebridge setup --deployment d --build-id b") {
		t.Errorf("not ready: %d %v", code, checks)
	}
	broken = nil
	h.drain()
	if code, status, _ := ask("/readyz"); code != 503 || status != "draining" {
		t.Errorf("draining: %d %s", code, status)
	}
	if code, _, _ := ask("/healthz"); code != 200 {
		t.Errorf("alive while draining: %d", code)
	}
	var port *app.PortError
	if _, err := newHealth(h.addr()); !errors.As(err, &port) || port.Flag != "--health-addr" {
		t.Errorf("busy port: %v", err)
	}
}
