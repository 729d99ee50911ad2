package api

import (
	"context"
	"errors"
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
	hosts  map[string]bool
	origin *http.CrossOriginProtection
	log    *zap.Logger
	now    func() time.Time
}

func newGuard(c config.Config, log *zap.Logger, now func() time.Time) (*guard, error) {
	g := &guard{hosts: map[string]bool{"localhost": true}, origin: http.NewCrossOriginProtection(), log: log, now: now}
	for _, h := range c.HTTP.Hosts {
		g.hosts[strings.ToLower(strings.TrimSuffix(h, "."))] = true
	}
	// The address that is bound, when it is one address, may be named as well.
	if host, _, err := net.SplitHostPort(c.HTTP.Addr); err == nil {
		if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
			g.hosts[ip.String()] = true
		}
	}
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
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	if !g.knownHost(r.Host) {
		return r, &Error{Status: http.StatusMisdirectedRequest,
			Message: "the Host header names a host this gateway does not serve; use a loopback name, or add yours to http.hosts"}
	}
	if err := g.origin.Check(r); err != nil {
		return r, &Error{Status: http.StatusForbidden, Message: "a page of another origin may not write here (Origin or Sec-Fetch-Site header)"}
	}
	return r, nil
}

// Guard puts a handler behind the gateway's own checks; it serves the Temporal Web UI.
func (s *Server) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := s.guard.admit(w, r)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				e = answerFor(err, "")
			}
			s.Log.Info("refused", zap.Int("status", e.Status), zap.String("remote", r.RemoteAddr), zap.String("error", e.Message))
			writeError(w, e)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) admitted(c *gin.Context) {
	r, err := s.guard.admit(c.Writer, c.Request)
	c.Request = r
	if err != nil {
		s.drain(c, r.Body)
		s.fail(c, err)
	}
}
