// Package api is the gateway: the HTTP API of rule migrations over the store and the migration workflow.
package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/expirable"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/api/page"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/rulelist"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// BasePath is where the rule migration API is.
const BasePath = "/internal/siem_migrations/rules"

// Store is what the gateway needs of a store.
type Store interface {
	CreateMigration(ctx context.Context, m migration.Migration, rules []migration.OriginalRule) error
	AppendRules(ctx context.Context, id string, rules []migration.OriginalRule, seal bool, by string) (added int, err error)
	Migration(ctx context.Context, id string) (migration.Migration, error)
	Overview(ctx context.Context) ([]store.Standing, error)
	SetState(ctx context.Context, id string, c store.Change) error
	Rename(ctx context.Context, id, name, by string) error
	MarkDeleted(ctx context.Context, id string) error
	DeleteMigration(ctx context.Context, id string) error
	Counts(ctx context.Context, id string) (migration.Counts, error)
	ErrorCodes(ctx context.Context, id string) (map[string]int, error)
	Rule(ctx context.Context, id, ruleID string) (migration.Rule, error)
	List(ctx context.Context, id string, q store.RuleQuery) (rules []migration.Rule, next string, err error)
	Changes(ctx context.Context, id string, mark int64) (store.Changes, error)
	Amend(ctx context.Context, id string, rules []store.Amendment, change func(*migration.Rule) error, each func(store.AmendResult)) error
	Release(ctx context.Context, id string, epoch int64, ruleIDs []string) (migration.Counts, error)
	UpsertResources(ctx context.Context, id string, rs []migration.Resource) (upserted int, err error)
	Resources(ctx context.Context, id string) ([]migration.Resource, error)
	Ready(ctx context.Context) error
	SaveAnswer(ctx context.Context, id, key string, a store.Answer) error
	Answer(ctx context.Context, id, key string) (store.Answer, error)
}

// Workflows is what the gateway needs of the workflow service; NewWorkflows makes one of a Temporal client. Errors are, or
// wrap, ErrNoWorkflow and ErrUnanswered where they say so.
type Workflows interface {
	// SignalWithStart starts the migration's workflow unless it runs, and hands it the signal.
	SignalWithStart(ctx context.Context, in workflows.Input, sig workflows.StartSignal) error
	// Stop signals a stop; ErrNoWorkflow when none runs.
	Stop(ctx context.Context, migrationID string, sig workflows.StopSignal) error
	// Stats and StartState ask the workflow; ErrNoWorkflow, or ErrUnanswered when nobody can answer now.
	Stats(ctx context.Context, migrationID string) (migration.Stats, error)
	StartState(ctx context.Context, migrationID string) (workflows.StartState, error)
	// Cancel asks the workflow to end; ErrNoWorkflow when none runs.
	Cancel(ctx context.Context, migrationID string) error
	// Describe reports whether the workflow runs; ErrNoWorkflow when there never was one.
	Describe(ctx context.Context, migrationID string) (running bool, err error)
	// Delete removes all executions of the workflow, running ones too.
	Delete(ctx context.Context, migrationID string) error
	// Ready checks that the service answers.
	Ready(ctx context.Context) error
}

// Deps are what the gateway is made of. Settings, Store and Workflows are required.
type Deps struct {
	Settings  Settings
	Store     Store
	Workflows Workflows
	Log       *zap.Logger // default: none
	Audit     *zap.Logger // one entry for each writing call; default: Log, named audit
	// Assistant answers questions about alerts; without it, or with its feature off, there are no such routes.
	Assistant *Assistant
	// Installs installs rules in a Kibana; without it there are no such routes.
	Installs *Installs
	// SearchAttributes says whether they are registered with Temporal.
	SearchAttributes bool
	// Ready are further checks of /readyz, by name.
	Ready map[string]func(context.Context) error
	// Compiler compiles rules again for comparisons; without one there is no such route.
	Compiler *Compiler
	// Explainer says what became of each command of a rule; without one there is no such route.
	Explainer Explainer
	// Checker checks queries, Trier runs searches over pasted events; without one there is no such route.
	Checker Checker
	Trier   Trier
	// Prebuilt are the prebuilt rules that rules are matched with; without them there is no such route.
	Prebuilt PrebuiltRules
	// Cluster is the configured Elasticsearch, nil without one.
	Cluster Cluster
	// Filters tell exclusions apart for exports; without them exports have no exception lists.
	Filters kibana.Filters
	// Codec, when set, is served under /codec for the Temporal UI.
	Codec Codec
	// Middleware runs around everything else, checks included.
	Middleware []gin.HandlerFunc
	// Observe, when set, is called after each request: the route pattern (empty when none matched), method, status.
	Observe func(route, method string, status int, took time.Duration)
	// Places are named on the page at /, beside the gateway itself.
	Places []Place
	// Version of the program, for the page.
	Version string
	// TemporalUI, when set, is where the page leads for a migration's workflow.
	TemporalUI *TemporalUI
	// Routes, when set, adds further routes; they stand behind the same checks.
	Routes func(gin.IRouter)
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Server is the gateway. It is an http.Handler; Serve runs it on a listener.
type Server struct {
	Deps
	engine *gin.Engine
	page   *page.Page
	guard  *guard
	stats  *pollCache[statsAnswer]
	all    *pollCache[overview]
	recent *recent
	asked  *marks // migrations started or stopped here a moment ago
	looked *marks // running migrations whose workflow was looked for a moment ago
	// comparing is taken by the comparison that runs.
	comparing chan struct{}
	// lists answer what is asked of many rules at once.
	lists  *rulelist.Lists
	silent *marks // migrations whose workflow did not answer a moment ago
	live   *live
	// trying is taken by the trials that run.
	trying  chan struct{}
	present *expirable.LRU[string, presence] // what the cluster said of index patterns
}

// New assembles the gateway.
func New(d Deps) (*Server, error) {
	if d.Store == nil || d.Workflows == nil {
		return nil, errors.New("api: a store and workflows are needed")
	}
	if d.Log == nil {
		d.Log = zap.NewNop()
	}
	if d.Audit == nil {
		d.Audit = d.Log.Named("audit")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	g, err := newGuard(d.Settings, d.Log, d.Now)
	if err != nil {
		return nil, err
	}
	built, err := page.New(d.Settings.HTTP.BasePath)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Deps: d, guard: g, page: built,
		stats: newPollCache[statsAnswer](statsEvery, statsStale, d.Now), all: newPollCache[overview](statsEvery, overviewStale, d.Now),
		lists: rulelist.New(d.Store, rulelist.Options{Now: d.Now}), recent: &recent{now: d.Now}, comparing: make(chan struct{}, 1),
		asked: newMarks(recently, d.Now), silent: newMarks(silence, d.Now), looked: newMarks(lookEvery, d.Now),
	}
	s.live, s.trying = newLive(s), make(chan struct{}, maxTrials)
	s.present = expirable.NewLRU[string, presence](maxPresent, nil, presentFor)
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.HandleMethodNotAllowed = true
	e.Use(d.Middleware...)
	e.Use(s.access, s.recovered, s.crossOrigin, s.admitted)
	e.NoRoute(func(c *gin.Context) {
		s.fail(c, &Error{Status: http.StatusNotFound, Message: "there is nothing at this path; see /openapi.yaml"})
	})
	e.NoMethod(func(c *gin.Context) {
		s.fail(c, &Error{Status: http.StatusMethodNotAllowed, Message: "the path does not take " + c.Request.Method + "; see /openapi.yaml"})
	})
	s.engine = e
	s.register(e)
	if d.Routes != nil {
		d.Routes(e)
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.engine.ServeHTTP(w, identified(w, r))
}

// identified gives a request its id: the caller's own, if it is one, or a new one.
func identified(w http.ResponseWriter, r *http.Request) *http.Request {
	id := r.Header.Get("X-Request-Id")
	if !requestIDForm.MatchString(id) {
		id = uuid.NewString()
	}
	w.Header().Set("X-Request-Id", id)
	return r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
}

// Serve answers on the listener until ctx ends, then finishes what has begun within the configured grace.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := s.Settings.HTTP
	if s.guard.auth == nil && !config.IsLoopback(l.Addr().String()) {
		return fmt.Errorf("%s can be reached from elsewhere: declare auth.users or auth.api_keys, or use a loopback address", l.Addr())
	}
	srv := &http.Server{
		Handler: Beneath(h.BasePath, s), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: h.ReadTimeout, WriteTimeout: h.WriteTimeout,
		IdleTimeout: h.IdleTimeout, MaxHeaderBytes: 64 << 10, ErrorLog: zap.NewStdLog(s.Log.Named("http")),
	}
	srv.RegisterOnShutdown(s.EndStreams)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving http on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Settings.ShutdownGrace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		_ = srv.Close()
		return fmt.Errorf("requests were still being answered when the grace of %s ended: %w", s.Settings.ShutdownGrace, err)
	}
	return nil
}

type requestIDKey struct{}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// access writes one line a request, without bodies and query strings.
func (s *Server) access(c *gin.Context) {
	begin := s.Now()
	defer s.record(c, begin) // also for an answer that is broken off
	c.Next()
}

func (s *Server) record(c *gin.Context, begin time.Time) {
	took := s.Now().Sub(begin)
	status := c.Writer.Status()
	if s.Observe != nil {
		s.Observe(c.FullPath(), c.Request.Method, status, took)
	}
	fields := []zap.Field{
		zap.String("method", c.Request.Method), zap.String("route", c.FullPath()), zap.Int("status", status),
		zap.Duration("took", took), zap.Int("bytes", max(c.Writer.Size(), 0)), zap.String("request_id", requestID(c.Request.Context())),
		zap.String("remote", s.guard.proxies.client(c.Request)), zap.String("by", PrincipalOf(c.Request.Context()).Name),
	}
	subject := s.subject(c)
	fields = append(fields, subject...)
	// What is wrong with a call of the assistant may repeat a name that it masks; the caller is told.
	if len(c.Errors) > 0 && (status >= 500 || !ofAssistant(c.FullPath())) {
		fields = append(fields, zap.String("error", c.Errors.Last().Error()))
	}
	level := zap.InfoLevel
	switch {
	case status >= 500:
		level = zap.ErrorLevel
	case slices.Contains([]string{"/healthz", "/readyz"}, c.FullPath()) && status < 400:
		level = zap.DebugLevel
	}
	s.Log.Log(level, "request", fields...)
	s.audit(c.Request, c.FullPath(), status, subject...)
}

// subject is what the id of a path names: a migration, or a connector that is declared. People name conversations, and
// after other people too, so that those stand in no log.
func (s *Server) subject(c *gin.Context) []zap.Field {
	id := c.Param("id")
	switch {
	case id == "":
		return nil
	case !ofAssistant(c.FullPath()):
		return append([]zap.Field{zap.String("migration_id", clip(id, 64))}, ruleSubject(c)...)
	}
	if _, ok := s.Settings.ConnectorByID(id); ok && c.FullPath() == AssistantPath+executeRoute {
		return []zap.Field{zap.String("connector_id", id)}
	}
	return nil
}

func ofAssistant(route string) bool { return strings.HasPrefix(route, AssistantPath+"/") }

func (s *Server) recovered(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p) // an answer broken off on purpose
		}
		s.fail(c, fmt.Errorf("panic: %v", p))
		s.Log.Error("panic", zap.String("request_id", requestID(c.Request.Context())), zap.Stack("stack"))
	}()
	c.Next()
}

// clip is a text of at most n bytes, with a mark when more of it is left out; no character is cut in two.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
