package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
)

// Principal is who calls.
type Principal struct {
	Name string
	Role string // reader, operator or admin
}

// Anonymous is everybody where authentication is off.
const Anonymous = "anonymous"

type principalKey struct{}

// PrincipalOf says who makes the request of this context.
func PrincipalOf(ctx context.Context) Principal {
	if p, ok := ctx.Value(principalKey{}).(Principal); ok {
		return p
	}
	return Principal{Name: Anonymous}
}

// guard decides who may pass: the Host a browser was led to, the Origin of writes, and who the caller is.
type guard struct {
	hosts   map[string]bool
	origin  *http.CrossOriginProtection
	proxies proxies
	auth    *auth  // nil where authentication is off
	ui      string // origin of the Temporal UI, which may call the codec
}

// open are the paths that need no login: probes have none.
var open = map[string]bool{"/healthz": true, "/readyz": true}

func newGuard(c Settings, log *zap.Logger, now func() time.Time) (*guard, error) {
	g := &guard{hosts: map[string]bool{"localhost": true}, origin: http.NewCrossOriginProtection(), ui: c.CodecOrigin}
	var err error
	if g.proxies, err = newProxies(c.HTTP.TrustedProxies); err != nil {
		return nil, err
	}
	for _, h := range c.HTTP.Hosts {
		g.hosts[strings.ToLower(strings.TrimSuffix(h, "."))] = true
	}
	// The address that is bound, when it is one address, may be named as well.
	if host, _, err := net.SplitHostPort(c.HTTP.Addr); err == nil {
		if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
			g.hosts[ip.String()] = true
		}
	}
	if !c.Auth.Enabled() {
		if !config.IsLoopback(c.HTTP.Addr) {
			return nil, fmt.Errorf("http.addr %s can be reached from elsewhere: declare auth.users or auth.api_keys, or use a loopback address", c.HTTP.Addr)
		}
		log.Info("authentication is off: whoever uses this machine may use the gateway", zap.String("addr", c.HTTP.Addr))
		return g, nil
	}
	if g.auth, err = newAuth(c.Auth, log, now); err != nil {
		return nil, err
	}
	g.auth.proxies = g.proxies
	return g, nil
}

// knownHost reports whether a Host header names this gateway. Another name may be an attacker's that was pointed here
// (DNS rebinding), through which a foreign page would pass for one of ours.
func (g *guard) knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || g.hosts[ip.String()]
	}
	return g.hosts[host]
}

// admit checks a request and returns it with its principal in the context.
func (g *guard) admit(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	secure(w.Header(), r)
	if !g.knownHost(r.Host) {
		return r, &Error{Status: http.StatusMisdirectedRequest,
			Message: "the Host header names a host this gateway does not serve; use a loopback name, or add yours to http.hosts"}
	}
	if err := g.origin.Check(r); err != nil && !g.fromUI(r) {
		return r, &Error{Status: http.StatusForbidden, Message: "a page of another origin may not write here (Origin or Sec-Fetch-Site header)"}
	}
	if g.auth == nil || open[r.URL.Path] && !isWrite(r.Method) {
		return r, nil
	}
	p, err := g.auth.identify(r)
	if p.Name != "" {
		r = r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
	}
	if err == nil {
		err = allowed(p.Role, r)
	}
	return r, err
}

// secure sets the headers that keep answers from being framed, sniffed or embedded by others. The policy on content is
// that of our own pages; a handler may set another.
func secure(h http.Header, r *http.Request) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// contentPolicy allows what is served from here and nothing else, no inline scripts among it.
const contentPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// audit writes one entry for each writing call, whether it was let through or not.
func (s *Server) audit(r *http.Request, route string, status int, subject ...zap.Field) {
	if !isWrite(r.Method) {
		return
	}
	p := PrincipalOf(r.Context())
	fields := []zap.Field{
		zap.String("by", p.Name), zap.String("role", p.Role), zap.String("remote", s.guard.proxies.client(r)), zap.String("method", r.Method),
		zap.String("route", route), zap.Int("status", status), zap.String("request_id", requestID(r.Context())),
	}
	s.Audit.Info("write", append(fields, subject...)...)
}

// Guard puts a handler behind the gateway's own checks and audit; it serves the Temporal Web UI.
func (s *Server) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = identified(w, r)
		r, err := s.guard.admit(w, r)
		if err != nil {
			e := answerFor(err, requestID(r.Context()))
			s.Log.Info("refused", zap.Int("status", e.Status), zap.String("remote", s.guard.proxies.client(r)), zap.String("error", e.Message),
				zap.String("request_id", requestID(r.Context())))
			s.audit(r, r.URL.Path, e.Status)
			writeError(w, e)
			return
		}
		if isWrite(r.Method) {
			seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
			defer func() { s.audit(r, r.URL.Path, seen.status) }()
			w = seen
		}
		next.ServeHTTP(w, r)
	})
}

// statusWriter remembers the status for the audit entry.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (s *Server) admitted(c *gin.Context) {
	r, err := s.guard.admit(c.Writer, c.Request)
	c.Request = r
	c.Header("Content-Security-Policy", contentPolicy)
	if err != nil {
		s.drain(c, r.Body, drainUnread)
		s.fail(c, err)
	}
}
