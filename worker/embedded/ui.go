package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
	"go.uber.org/zap"
)

// uiServer serves the Temporal Web UI. ui-server's own Server hides its handler and ends the process when the port is
// busy, so its public parts are put together here, behind our guard and on our listener.
type uiServer struct {
	http *http.Server
	url  string
	done chan error
}

func startUI(l net.Listener, o Options, frontend string) (*uiServer, error) {
	handler, err := uiHandler(o, frontend)
	if err != nil {
		return nil, fmt.Errorf("build the Temporal Web UI: %w", err)
	}
	if o.Guard != nil {
		handler = o.Guard(handler)
	}
	s := &uiServer{
		http: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: zap.NewStdLog(o.Logger.Named("temporal-ui"))},
		url:  "http://" + l.Addr().String(),
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

func (s *uiServer) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	// Long polls of open pages do not end by themselves.
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the Temporal Web UI: %w", err)
	}
	return nil
}

func uiHandler(o Options, frontend string) (http.Handler, error) {
	cfg := &config.Config{
		TemporalGRPCAddress: frontend,
		EnableUI:            true,
		DefaultNamespace:    o.Namespace,
		DisableNewsFetch:    true,
		HideLogs:            true,
		// Plain http on loopback: a Secure cookie would not come back from every browser.
		CORS: config.CORS{CookieInsecure: true},
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	provider, err := config.NewConfigProviderWithRefresh(cfg)
	if err != nil {
		return nil, err
	}
	all, err := ui.Assets()
	if err != nil {
		return nil, err
	}
	assets, err := fs.Sub(all, "local")
	if err != nil {
		return nil, err
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(zap.NewStdLog(o.Logger.Named("temporal-ui")).Writer())
	e.Use(middleware.Recover(), middleware.Gzip(), middleware.Secure())
	// The cookie comes first: it hands out the token that the check behind it compares.
	e.Use(csrf.EnsureTokenCookie(false), middleware.CSRFWithConfig(csrf.MiddlewareConfig(provider, false)))
	e.Pre(route.PublicPath(cfg.PublicPath))
	route.SetHealthRoute(e)
	forward := headers.WithForwardHeaders([]string{"Caller-Type"})
	if err := route.SetAPIRoutes(e, provider, []api.Middleware{forward}); err != nil {
		return nil, err
	}
	if err := route.SetUIRoutes(e, cfg.PublicPath, assets, provider); err != nil {
		return nil, err
	}
	route.SetRenderRoute(e, "/")
	return e, nil
}
