package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// register lists every route of the gateway. Features that are off have none.
func (s *Server) register(e *gin.Engine) {
	e.GET("/", s.home)
	e.GET("/assets/:name", s.asset)
	e.GET("/healthz", s.healthz)
	e.GET("/readyz", s.readyz)
	e.GET("/openapi.yaml", serveOpenAPI)
	if s.Codec != nil {
		e.POST(codecPath+"/:direction", s.transform)
	}
	s.registerPage(e)
	if s.Settings.Features.SIEMMigrations {
		rules := e.Group(BasePath, s.kibanaHeaders)
		rules.POST("", handle(s, s.create))
		rules.GET("/stats", handle(s, s.allStats))
		rules.GET("/migrations", handle(s, s.summaries))
		rules.GET("/events", s.watch)
		rules.POST("/import", handle(s, s.importNew))
		rules.POST("/:id", handle(s, s.appendRules))
		rules.POST("/:id/import", handle(s, s.importInto))
		rules.GET("/:id", handle(s, s.list))
		rules.DELETE("/:id", handle(s, s.remove))
		rules.PATCH("/:id", handle(s, s.rename))
		rules.GET("/:id/sources", handle(s, s.sources))
		rules.POST("/:id/resources", handle(s, s.upsertResources))
		rules.GET("/:id/resources", handle(s, s.listResources))
		rules.PUT("/:id/start", handle(s, s.start))
		rules.GET("/:id/stats", handle(s, s.oneStats))
		rules.PUT("/:id/stop", handle(s, s.stop))
		s.registerInstall(rules)
		s.registerRules(rules)
		s.registerReview(rules)
		rules.GET("/:id/report", handle(s, s.report))
		rules.GET("/:id/export", handle(s, s.export))
		rules.GET("/:id/export/counts", handle(s, s.exportCounts))
		if s.Compiler != nil {
			rules.GET("/:id/diff", handle(s, s.diff))
		}
		if s.Explainer != nil {
			rules.GET("/:id/rule/stages", handle(s, s.stages))
		}
	}
	if s.Settings.Features.AssistantRAG && s.Assistant != nil {
		s.registerAssistant(e)
	}
}

// binder reads a request into its typed form.
type binder interface {
	bind(s *Server, c *gin.Context) error
}

// Answers may set headers, or write themselves.
type (
	headered interface{ header(h http.Header) }
	streamer interface {
		stream(ctx context.Context, w http.ResponseWriter) error
	}
)

// handle turns a typed handler into a route: bind, call, write.
func handle[Req any, P interface {
	*Req
	binder
}, Res any](s *Server, h func(context.Context, P) (Res, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		raw := c.Request.Body
		req := P(new(Req))
		if err := s.bind(c, req); err != nil {
			s.drain(c, raw, int64(s.Settings.Limits.Body)+(16<<20))
			s.fail(c, err)
			return
		}
		// The time to write starts when the request has been read: a long upload does not eat it up.
		extendWrite(c.Writer, s.Settings.HTTP.WriteTimeout)
		// A store that does not answer at all must leave time to say so.
		ctx, cancel := c.Request.Context(), func() {}
		if d := s.Settings.HTTP.WriteTimeout; d > 0 {
			ctx, cancel = context.WithTimeout(ctx, d-d/10)
		}
		res, err := h(ctx, req)
		cancel()
		if err != nil {
			s.fail(c, err)
			return
		}
		s.write(c, res)
	}
}

func (s *Server) bind(c *gin.Context, req binder) error {
	r, limit := c.Request, int64(s.Settings.Limits.Body)
	if l, ok := req.(interface{ bodyLimit(s *Server) int64 }); ok {
		limit = l.bodyLimit(s)
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return &Error{Status: http.StatusUnsupportedMediaType, Message: "Content-Encoding " + clip(enc, 32) + " is not supported; send the body as it is"}
	}
	if r.ContentLength > limit {
		err := &http.MaxBytesError{Limit: limit}
		if _, upload := req.(interface{ bodyLimit(s *Server) int64 }); upload {
			return readError(err)
		}
		return err
	}
	r.Body = http.MaxBytesReader(c.Writer, r.Body, limit)
	return req.bind(s, c)
}

// drain reads what is left of a refused body, up to most bytes, so that a caller who is still sending gets the answer
// instead of a broken connection. A caller who waits for leave to send is answered at once.
func (s *Server) drain(c *gin.Context, body io.Reader, most int64) {
	if body == nil || c.Request.Header.Get("Expect") != "" && c.Request.ContentLength > int64(s.Settings.Limits.Body) {
		return
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(s.Now().Add(5 * time.Second))
	_, _ = io.CopyN(io.Discard, body, most)
}

// drainUnread is how much is read of a body that was refused for its headers.
const drainUnread = 1 << 20

func extendWrite(w http.ResponseWriter, d time.Duration) {
	if d > 0 {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
	}
}

func (s *Server) write(c *gin.Context, res any) {
	c.Header("Cache-Control", "no-store")
	if h, ok := res.(headered); ok {
		h.header(c.Writer.Header())
	}
	if st, ok := res.(streamer); ok {
		if err := st.stream(c.Request.Context(), c.Writer); err != nil {
			begun := c.Writer.Written()
			s.fail(c, err)
			// Half an array must not pass for a whole one.
			if begun && !errors.Is(err, errClientGone) && c.Request.Context().Err() == nil {
				panic(http.ErrAbortHandler)
			}
		}
		return
	}
	body, err := json.Marshal(res)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", append(body, '\n'))
}

// kibanaHeaders are the rules Kibana has for internal APIs. Values of kbn-xsrf do not matter, its presence does: a
// foreign page cannot set it. x-elastic-internal-origin is accepted and not needed.
func (s *Server) kibanaHeaders(c *gin.Context) {
	h := c.Request.Header
	for _, v := range h.Values("elastic-api-version") {
		if v != "1" {
			s.drain(c, c.Request.Body, drainUnread)
			s.fail(c, badRequest("elastic-api-version: version %q is not known; send 1 or leave the header out", clip(v, 32)))
			return
		}
	}
	if _, ok := h["Kbn-Xsrf"]; !ok && isWrite(c.Request.Method) {
		s.drain(c, c.Request.Body, drainUnread)
		s.fail(c, badRequest("the header kbn-xsrf is missing; send it with any value, for example --header 'kbn-xsrf: true'"))
	}
}

func isWrite(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// healthz says that the process answers.
func (s *Server) healthz(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// readyz says whether store, workflow service and the rest can be used. The causes stand in the log.
func (s *Server) readyz(c *gin.Context) {
	checks := map[string]func(context.Context) error{"store": s.Store.Ready, "workflows": s.Workflows.Ready}
	for name, f := range s.Deps.Ready {
		checks[name] = f
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), 5*time.Second)
	defer cancel()
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(checks))
	for name, f := range checks {
		go func() { results <- result{name, f(ctx)} }()
	}
	status, code, states := "ok", http.StatusOK, map[string]string{}
	for range checks {
		r := <-results
		states[r.name] = "ok"
		if r.err != nil {
			status, code, states[r.name] = "unavailable", http.StatusServiceUnavailable, "unavailable"
			_ = c.Error(errors.New(r.name + ": " + r.err.Error()))
		}
	}
	c.JSON(code, gin.H{"status": status, "checks": states})
}
