package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/app"
)

// checkWithin bounds one readiness check.
const checkWithin = 5 * time.Second

// health answers /healthz and /readyz of a process that has no gateway, on a port of its own.
type health struct {
	listener net.Listener // nil: nobody asks
	server   *http.Server
	mux      *http.ServeMux
	draining atomic.Bool

	mu     sync.Mutex
	checks map[string]func(context.Context) error
}

func newHealth(addr string) (*health, error) {
	h := &health{mux: http.NewServeMux(), checks: map[string]func(context.Context) error{}}
	if addr != "" {
		l, err := app.Listen("health port", addr, "--health-addr")
		if err != nil {
			return nil, err
		}
		h.listener = l
	}
	h.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]any{"status": "ok"}) })
	h.mux.HandleFunc("GET /readyz", h.readyz)
	h.server = &http.Server{Handler: h.mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	return h, nil
}

// check adds a readiness check.
func (h *health) check(name string, f func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = f
}

func (h *health) serve(log *zap.Logger) <-chan error {
	failed := make(chan error, 1)
	if h.listener == nil {
		return failed
	}
	h.server.ErrorLog = zap.NewStdLog(log.Named("health"))
	go func() {
		if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return failed
}

// drain makes the process answer that it is not ready, so that nobody waits for it.
func (h *health) drain() { h.draining.Store(true) }

func (h *health) addr() string {
	if h.listener == nil {
		return ""
	}
	return h.listener.Addr().String()
}

func (h *health) close() error {
	err := h.server.Close()
	if h.listener != nil {
		_ = h.listener.Close() // closed already if it was served
	}
	return err
}

// readyz names each check with what is wrong: the port is for operators.
func (h *health) readyz(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	checks := maps.Clone(h.checks)
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), checkWithin)
	defer cancel()
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(checks))
	for name, f := range checks {
		go func() { results <- result{name, f(ctx)} }()
	}
	code, status, states := http.StatusOK, "ok", map[string]string{}
	for range checks {
		r := <-results
		states[r.name] = "ok"
		if r.err != nil {
			code, status, states[r.name] = http.StatusServiceUnavailable, "unavailable", r.err.Error()
		}
	}
	if h.draining.Load() {
		code, status = http.StatusServiceUnavailable, "draining"
	}
	answer(w, code, map[string]any{"status": status, "checks": states})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
