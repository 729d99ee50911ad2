package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"go.uber.org/zap"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"

	"github.com/rulebridge/rulebridge/config"
)

const (
	// proven is how long a password that was checked is not checked again: bcrypt is slow on purpose, and callers who poll
	// send it with every request.
	proven = 5 * time.Minute
	// maxChecks is how many passwords are checked at once, so that guessing does not take all processors.
	maxChecks = 2
	// addressFactor is how many times more failures an address may have than a name from that address: several people can
	// share one.
	addressFactor = 10
	// nameFactor is how many times more failures a name may have from all addresses together.
	nameFactor = 20
	// maxPassword is bcrypt's own limit, in bytes.
	maxPassword = 72
	// maxTracked bounds the failures and proofs that are remembered.
	maxTracked = 10_000
)

// auth knows who may call. It holds for one gateway: others count failures and requests on their own.
type auth struct {
	users    map[string]user
	keys     map[[sha256.Size]byte]Principal
	limiters map[string]*rate.Limiter // by principal
	failures *lockout
	checks   chan struct{}
	nobody   []byte // a hash that no password fits, checked for unknown names so that they take as long
	secret   []byte // of this process, under which proofs are kept
	proxies  proxies
	log      *zap.Logger
	now      func() time.Time

	mu     sync.Mutex
	proofs map[[sha256.Size]byte]time.Time
}

type user struct {
	hash []byte
	Principal
}

func newAuth(c config.Auth, log *zap.Logger, now func() time.Time) (*auth, error) {
	a := &auth{
		users: map[string]user{}, keys: map[[sha256.Size]byte]Principal{}, limiters: map[string]*rate.Limiter{},
		failures: newLockout(c.Failures, c.Window, now), checks: make(chan struct{}, maxChecks), secret: make([]byte, sha256.Size),
		log: log, now: now, proofs: map[[sha256.Size]byte]time.Time{},
	}
	if _, err := rand.Read(a.secret); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	cost := bcrypt.MinCost
	for _, u := range c.Users {
		hash := []byte(u.PasswordHash.Reveal())
		n, err := bcrypt.Cost(hash)
		if err != nil {
			return nil, fmt.Errorf("auth.users: the password hash of %q is no bcrypt hash: %w", u.Name, err)
		}
		cost = max(cost, n)
		a.users[u.Name] = user{hash, Principal{Name: u.Name, Role: u.Role}}
		a.limit("user "+u.Name, c)
	}
	for _, k := range c.APIKeys {
		sum, err := hex.DecodeString(k.Hash.Reveal())
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("auth.api_keys: the hash of %q is no SHA-256 in hexadecimal", k.Name)
		}
		p := Principal{Name: "key:" + k.Name, Role: k.Role}
		a.keys[[sha256.Size]byte(sum)] = p
		a.limit(p.Name, c)
	}
	if len(a.users) > 0 {
		var err error
		if a.nobody, err = bcrypt.GenerateFromPassword(a.secret[:16], cost); err != nil {
			return nil, fmt.Errorf("making a hash: %w", err)
		}
	}
	return a, nil
}

func (a *auth) limit(name string, c config.Auth) {
	if c.Rate > 0 {
		a.limiters[name] = rate.NewLimiter(rate.Limit(c.Rate), c.Burst)
	}
}

// identify says who sent a request, or refuses it.
func (a *auth) identify(r *http.Request) (Principal, error) {
	header := r.Header.Get("Authorization")
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	address := a.proxies.client(r)
	switch {
	case strings.EqualFold(scheme, "Basic"):
		raw, err := base64.StdEncoding.DecodeString(value)
		name, password, ok := strings.Cut(string(raw), ":")
		if err != nil || !ok {
			return Principal{}, unauthorized("the Authorization header is no valid Basic one")
		}
		return a.password(r.Context(), name, password, address)
	case strings.EqualFold(scheme, "ApiKey"):
		return a.key(value, address)
	case header == "":
		return Principal{}, unauthorized("log in: send Authorization: Basic … or Authorization: ApiKey …")
	}
	return Principal{}, unauthorized("the Authorization header has an unknown scheme; use Basic or ApiKey")
}

func (a *auth) password(ctx context.Context, name, password, address string) (Principal, error) {
	u, known := a.users[name]
	proof := a.proof(name, password)
	if known && a.wasProven(proof) {
		// A lockout holds for the right password too: otherwise guessing would go on behind it until one is right.
		if wait := a.failures.locked("user "+name, address); wait > 0 {
			return Principal{}, lockedOut(wait)
		}
		return u.Principal, a.pace("user " + name)
	}
	// The attempt counts before it is checked, so that many at once are not checked before the first has failed.
	if wait := a.failures.attempt("user "+name, address); wait > 0 {
		return Principal{}, lockedOut(wait)
	}
	select {
	case a.checks <- struct{}{}:
		defer func() { <-a.checks }()
	case <-ctx.Done():
		return Principal{}, ctx.Err()
	}
	hash := a.nobody
	if known {
		hash = u.hash
	}
	if hash == nil || len(password) > maxPassword || bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !known {
		// A name nobody has may be a password in the wrong field: it is not logged.
		who := "unknown"
		if known {
			who = name
		}
		a.log.Warn("login failed", zap.String("user", who), zap.String("remote", address))
		return Principal{}, unauthorized("the name or password is wrong")
	}
	a.failures.succeeded("user "+name, address)
	a.keep(proof)
	return u.Principal, a.pace("user " + name)
}

func (a *auth) key(key, address string) (Principal, error) {
	// Looking up the hash leaks nothing of use: what is compared is not the key.
	if p, ok := a.keys[sha256.Sum256([]byte(key))]; ok {
		return p, a.pace(p.Name)
	}
	if wait := a.failures.attempt("", address); wait > 0 {
		return Principal{}, lockedOut(wait)
	}
	a.log.Warn("login failed", zap.String("user", "unknown API key"), zap.String("remote", address))
	// A challenge for a password would have a browser ask for one over a page that sent a wrong key.
	return Principal{}, &Error{Status: http.StatusUnauthorized, Header: map[string]string{"WWW-Authenticate": `ApiKey realm="Rulebridge"`},
		Message: "the API key is not known; check that it is whole, or have one made for you (auth.api_keys)"}
}

// pace holds a client to its rate.
func (a *auth) pace(name string) error {
	l := a.limiters[name]
	if l == nil || l.AllowN(a.now(), 1) {
		return nil
	}
	return &Error{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "1"},
		Message: fmt.Sprintf("more than %g requests a second; slow down (auth.rate, auth.burst)", float64(l.Limit()))}
}

func (a *auth) proof(name, password string) [sha256.Size]byte {
	m := hmac.New(sha256.New, a.secret)
	fmt.Fprintf(m, "%d:%s%s", len(name), name, password)
	return [sha256.Size]byte(m.Sum(nil))
}

func (a *auth) wasProven(p [sha256.Size]byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, ok := a.proofs[p]
	return ok && a.now().Before(until)
}

func (a *auth) keep(p [sha256.Size]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for k, until := range a.proofs {
		if !now.Before(until) {
			delete(a.proofs, k)
		}
	}
	a.proofs[p] = now.Add(proven)
}

// allowed says whether a role may make a call: readers read, operators write, admins delete. The assistant has its own
// rules, as its questions are POSTs that change nothing; so are checks and trials.
func allowed(role string, r *http.Request) error {
	need, method := config.RoleReader, r.Method
	ours, assistant := assistantRole(r)
	switch {
	case assistant:
		need = ours
	case onlyReads(r):
	case method == http.MethodDelete:
		need = config.RoleAdmin
	case isWrite(method):
		need = config.RoleOperator
	}
	rank := map[string]int{config.RoleReader: 1, config.RoleOperator: 2, config.RoleAdmin: 3}
	if rank[role] >= rank[need] {
		return nil
	}
	return &Error{Status: http.StatusForbidden, Message: fmt.Sprintf("%s needs the role %s; yours is %s", method, need, role)}
}

func unauthorized(message string) *Error {
	return &Error{Status: http.StatusUnauthorized, Message: message,
		Header: map[string]string{"WWW-Authenticate": `Basic realm="Rulebridge", charset="UTF-8"`}}
}

func lockedOut(wait time.Duration) *Error {
	seconds := int(wait/time.Second) + 1
	return &Error{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": strconv.Itoa(seconds)},
		Message: fmt.Sprintf("too many failed logins; try again in %d seconds", seconds)}
}

// lockout counts failed logins. The first failure opens a window; when it holds as many as are allowed, further attempts
// are refused until it closes. It counts by name and address together, by address, and by name from all addresses, which
// holds against guesses from many of them. Since anybody can fail under a name, the last does not concern addresses from
// which that name has logged in before: their owner is not locked out by others.
type lockout struct {
	mu     sync.Mutex
	most   int
	window time.Duration
	now    func() time.Time
	counts map[string]*failureCount
	// homes are names with the addresses they have logged in from.
	homes *expirable.LRU[string, struct{}]
	swept time.Time
}

type failureCount struct {
	n     int
	since time.Time
}

// homeFor is how long an address counts as one that a name logs in from.
const homeFor = 30 * 24 * time.Hour

func newLockout(most int, window time.Duration, now func() time.Time) *lockout {
	return &lockout{most: most, window: window, now: now, counts: map[string]*failureCount{},
		homes: expirable.NewLRU[string, struct{}](maxTracked, nil, homeFor)}
}

func pair(name, address string) string { return name + " from " + address }

// limits are the counts that an attempt concerns, with how many failures each may hold. An empty name concerns the address
// alone.
func (l *lockout) limits(name, address string) map[string]int {
	limits := map[string]int{"address " + address: l.most * addressFactor}
	if name == "" {
		return limits
	}
	limits[pair(name, address)] = l.most
	if !l.homes.Contains(pair(name, address)) {
		limits[name] = l.most * nameFactor
	}
	return limits
}

// locked says how long an attempt has to wait; it counts nothing.
func (l *lockout) locked(name, address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait(l.limits(name, address))
}

func (l *lockout) wait(limits map[string]int) (wait time.Duration) {
	now := l.now()
	for key, most := range limits {
		if c := l.counts[key]; c != nil && now.Sub(c.since) < l.window && c.n >= most {
			wait = max(wait, l.window-now.Sub(c.since))
		}
	}
	return wait
}

// attempt counts an attempt as failed until succeeded says otherwise; it returns how long to wait when it is refused.
func (l *lockout) attempt(name, address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.counts) >= maxTracked && now.Sub(l.swept) >= time.Second {
		l.swept = now
		for k, c := range l.counts {
			if now.Sub(c.since) >= l.window {
				delete(l.counts, k)
			}
		}
	}
	limits := l.limits(name, address)
	if wait := l.wait(limits); wait > 0 {
		return wait
	}
	for key := range limits {
		c := l.counts[key]
		if c == nil || now.Sub(c.since) >= l.window {
			if len(l.counts) >= maxTracked {
				continue // full of live ones: those that are tracked stay so
			}
			c = &failureCount{since: now}
			l.counts[key] = c
		}
		c.n++
	}
	return 0
}

// succeeded takes the attempt back, and forgets the failures of the name from the address.
func (l *lockout) succeeded(name, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.limits(name, address) {
		if c := l.counts[key]; c != nil && c.n > 0 {
			c.n--
		}
	}
	delete(l.counts, pair(name, address))
	l.homes.Add(pair(name, address), struct{}{})
}
