// Package app puts the parts together in one process: embedded Temporal server and Web UI, SQLite store, worker and
// gateway. dev, demo and migrate run it; tests drive it through the built program.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/codec"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/internal/telemetry"
	"github.com/rulebridge/rulebridge/worker"
	"github.com/rulebridge/rulebridge/workflows"
)

// Options say what runs.
type Options struct {
	Config   config.Config
	Log      *zap.Logger
	Embedded StartEmbedded
	// Prebuilt are the prebuilt rules to match against; nil matches nothing.
	Prebuilt *prebuilt.Catalogue
	// Compilers start the processes that rules are compiled in.
	Compilers Compilers
	// FreePorts replaces busy ports by free ones, instead of failing.
	FreePorts bool
	// Version of the program, for metrics.
	Version string
	// Listen opens the gateway's port; without it requests go to Handler only. UI serves the Temporal Web UI.
	Listen, UI bool
}

// App is everything, running. Close it.
type App struct {
	o      Options
	log    *zap.Logger
	folder *folder
	store  store.Store
	// assistant is nil when its feature is off.
	assistant *Assistant
	installer *install.Installer
	embedded  EmbeddedServer
	client    client.Client
	codec     *codec.Codec       // nil: histories are not encrypted
	metrics   *telemetry.Metrics // nil unless metrics.addr is set
	parts     *Activities
	// recompiler compiles for comparisons.
	recompiler *Recompiler
	filters    *Filters
	worker     *worker.Worker
	gateway    atomic.Pointer[api.Server]
	url        string
	http       *http.Server
	serving    chan error // the gateway's end
	drain      atomic.Bool
	// searchAttributes says whether the namespace knows ours.
	searchAttributes bool
	tasks            errgroup.Group // background work of this process
	stopTasks        context.CancelFunc
	full             context.Context // ends when the disk stays full
	tellFull         context.CancelCauseFunc
	stopMetrics      func()
}

// ErrNoEmbedded says that the program was built without the embedded server.
var ErrNoEmbedded = errors.New("this binary was built without the embedded Temporal server; use the full build, or the commands for a cluster")

// Open starts everything and returns when it answers. Migrations that ran when the folder was last used are resumed.
func Open(ctx context.Context, o Options) (_ *App, err error) {
	if o.Embedded == nil {
		return nil, ErrNoEmbedded
	}
	if err := o.Config.ValidateEmbedded(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	a := &App{o: o, log: o.Log, stopMetrics: func() {}}
	var background context.Context
	background, a.stopTasks = context.WithCancel(context.Background())
	a.full, a.tellFull = context.WithCancelCause(background)
	defer func() {
		if err != nil {
			var port *PortError
			if full := a.Full(); full != nil && !errors.As(err, &port) {
				a.log.Info("the start failed", zap.Error(err)) // in the words of whatever came to the full disk first
				err = full
			}
			err = errors.Join(err, a.Close())
		}
	}()
	if !o.Config.Ephemeral {
		if a.folder, err = openFolder(o.Config.DataDir); err != nil {
			return nil, err
		}
		a.tasks.Go(func() error { return a.watchDisk(background) })
	}
	var l net.Listener
	if o.Listen {
		if l, err = listen("gateway", o.Config.HTTP.Addr, "--http-port", o.FreePorts); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				_ = l.Close()
			}
		}()
	}
	stopMetrics, err := a.serveMetrics()
	if err != nil {
		return nil, err
	}
	a.stopMetrics = stopMetrics
	if err := a.startServices(ctx); err != nil {
		return nil, err
	}
	if err := a.startWorker(ctx); err != nil {
		return nil, err
	}
	d := api.Deps{
		Settings: api.SettingsOf(o.Config), Store: a.store, Workflows: api.NewWorkflows(a.client, o.Config.Temporal.Namespace),
		Log: a.log.Named("gateway"), SearchAttributes: a.searchAttributes,
	}
	if a.codec != nil {
		d.Codec = a.codec
	}
	if a.installer != nil {
		d.Installs = &api.Installs{Planner: a.installer, Workflows: api.NewInstallFlows(a.client)}
	}
	d.Places, d.Version = a.places(), o.Version
	if ui := a.UIURL(); ui != "" {
		d.TemporalUI = &api.TemporalUI{Address: ui, Namespace: o.Config.Temporal.Namespace}
	}
	if a.recompiler, err = NewRecompiler(o.Config, a.store, o.Compilers, a.log); err != nil {
		return nil, err
	}
	d.Filters = a.filters
	d.Compiler = &api.Compiler{Compiler: a.recompiler, Version: a.recompiler.Version}
	if err := Equip(&d, o.Config, a.recompiler, o.Prebuilt); err != nil {
		return nil, err
	}
	if a.assistant != nil {
		d.Assistant = a.assistant.Gateway(api.NewQuestions(a.client))
	}
	if a.metrics != nil {
		d.Observe = a.metrics.Request
	}
	gateway, err := api.New(d)
	if err != nil {
		return nil, err
	}
	a.gateway.Store(gateway)
	if err := a.resume(ctx, background); err != nil {
		return nil, err
	}
	if l != nil {
		a.serve(l)
	}
	gateway.FinishDeletions(ctx)
	return a, nil
}

// startServices opens the store and starts the Temporal server beside it, then connects.
func (a *App) startServices(ctx context.Context) error {
	c := a.o.Config
	var g errgroup.Group
	g.Go(func() (err error) {
		path := sqlite.Memory
		if a.folder != nil {
			path = filepath.Join(a.folder.dir, storeFile)
		}
		s, err := sqlite.Open(ctx, path, sqlite.Options{})
		if err != nil {
			return err
		}
		a.store = s
		return nil
	})
	g.Go(func() (err error) {
		eo := EmbeddedOptions{
			Namespace: c.Temporal.Namespace, SearchAttributes: worker.SearchAttributes(), Logger: a.log, Guard: a.guardUI,
		}
		if a.folder != nil {
			eo.DataDir = a.folder.dir
		}
		if eo.FrontendAddr, err = claimAddr("Temporal frontend", c.Temporal.Addr, "--temporal-port", a.o.FreePorts); err != nil {
			return err
		}
		if a.o.UI {
			if eo.UIAddr, err = claimAddr("Temporal Web UI", c.UI.Addr, "--ui-port", a.o.FreePorts); err != nil {
				return err
			}
		}
		a.embedded, err = a.o.Embedded(ctx, eo)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	co := client.Options{HostPort: a.embedded.FrontendAddr(), Namespace: c.Temporal.Namespace}
	if a.metrics != nil {
		co.MetricsHandler = a.metrics.SDK()
	}
	var err error
	if a.codec, err = worker.Encrypt(&co, c.Codec); err != nil {
		return err
	}
	if a.client, err = worker.Dial(ctx, co, a.log); err != nil {
		return err
	}
	if c.Features.AssistantRAG {
		dir := ""
		if a.folder != nil {
			dir = a.folder.dir
		}
		if a.assistant, err = OpenAssistant(ctx, c, dir, a.codec, a.log); err != nil {
			return err
		}
	}
	a.searchAttributes, err = worker.HasSearchAttributes(ctx, a.client, c.Temporal.Namespace)
	if err != nil {
		return err
	}
	if !a.searchAttributes {
		a.log.Warn("the search attributes are not registered; migrations run, but cannot be found by state in the Temporal UI",
			zap.Strings("names", worker.SearchAttributes()))
	}
	return nil
}

func (a *App) startWorker(ctx context.Context) (err error) {
	if a.parts, err = NewActivities(ctx, a.o.Config, a.store, a.o.Prebuilt, a.o.Compilers, a.log); err != nil {
		return err
	}
	if a.filters, err = NewFilters(a.o.Config, a.store, a.o.Compilers, a.log); err != nil {
		return err
	}
	if a.installer, err = NewInstaller(a.o.Config, a.store, a.filters); err != nil {
		return err
	}
	// An interrupt ends a rule that hangs at once, before what runs is paused.
	context.AfterFunc(ctx, a.parts.Drain)
	d := worker.Deps{
		Client: a.client, Logger: a.log, Settings: a.o.Config.Worker, Connectors: a.o.Config.Connectors,
		Workflows:  func(r sdkworker.Registry) { workflows.Register(r) },
		Activities: WithInstall(a.installer, a.log, a.assistant.Register(a.parts.Register)), Grace: a.o.Config.ShutdownGrace, Embedded: true,
	}
	if a.metrics != nil {
		d.Meter = a.metrics
	}
	w, err := worker.New(d)
	if err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return err
	}
	a.worker = w
	return nil
}

// serveMetrics answers /metrics if metrics.addr is set.
func (a *App) serveMetrics() (stop func(), err error) {
	addr := a.o.Config.Metrics.Addr
	if addr == "" {
		return func() {}, nil
	}
	l, err := listen("metrics port", addr, "RULEBRIDGE_METRICS_ADDR", a.o.FreePorts)
	if err != nil {
		return nil, err
	}
	a.metrics = telemetry.NewMetrics("dev", a.o.Version)
	return a.metrics.Serve(l, a.log), nil
}

// guardUI stands in front of the Temporal UI. The gateway, whose check it is, starts a moment after the UI.
func (a *App) guardUI(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway := a.gateway.Load()
		if gateway == nil {
			http.Error(w, "rulebridge is starting; try again in a moment", http.StatusServiceUnavailable)
			return
		}
		gateway.Guard(next).ServeHTTP(w, r)
	})
}

// serve runs the gateway on the listener.
func (a *App) serve(l net.Listener) {
	h := a.o.Config.HTTP
	a.http = &http.Server{
		Handler: api.Beneath(h.BasePath, a.Handler()), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: h.ReadTimeout, WriteTimeout: h.WriteTimeout,
		IdleTimeout: h.IdleTimeout, MaxHeaderBytes: 64 << 10, ErrorLog: zap.NewStdLog(a.log.Named("http")),
	}
	a.http.RegisterOnShutdown(a.gateway.Load().EndStreams)
	a.serving = make(chan error, 1)
	a.url = "http://" + l.Addr().String() + h.BasePath
	go func() { a.serving <- a.http.Serve(l) }()
}

// stopServing lets the gateway finish what it has begun, within the grace.
func (a *App) stopServing() error {
	if a.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.o.Config.ShutdownGrace)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("the gateway was still answering when the grace ended: %w", err), a.http.Close())
	}
	return nil
}

// URL is where the gateway listens, with its base path; empty when it does not.
func (a *App) URL() string { return a.url }

// places are the other parts of this process, for the page at /.
func (a *App) places() []api.Place {
	list := []api.Place{{Name: "Temporal frontend", Where: a.TemporalAddr()}}
	if ui := a.UIURL(); ui != "" {
		list = append(list, api.Place{Name: "Temporal Web UI", Where: ui})
	}
	data := "in memory, gone when the process ends"
	if dir := a.DataDir(); dir != "" {
		data = dir
	}
	return append(list, api.Place{Name: "Worker", Where: "in this process"}, api.Place{Name: "Data", Where: data})
}

// UIURL is where the Temporal Web UI is; empty without.
func (a *App) UIURL() string { return a.embedded.UIURL() }

// TemporalAddr is the Temporal frontend's address.
func (a *App) TemporalAddr() string { return a.embedded.FrontendAddr() }

// DataDir is the data folder; empty in memory.
func (a *App) DataDir() string {
	if a.folder == nil {
		return ""
	}
	return a.folder.dir
}

// Handler is the gateway. While the app pauses, it refuses writes: a migration started then would not be paused.
func (a *App) Handler() http.Handler {
	gateway := a.gateway.Load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.drain.Load() && r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"statusCode":503,"error":"Service Unavailable","message":"rulebridge is shutting down; try again when it is back"}`+"\n")
			return
		}
		gateway.ServeHTTP(w, r)
	})
}

// Wait returns when ctx ends (nil), or when a part gave up.
func (a *App) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.worker.Fatal():
		return fmt.Errorf("the worker gave up: %w", err)
	case err := <-a.serving:
		return fmt.Errorf("the gateway gave up: %w", err)
	}
}

// Close stops worker, gateway, Temporal server and store, in this order, and gives the folder back. It leaves running
// migrations to the next start; Pause them first so that no rule stays in processing. A Temporal server in memory goes on
// until the process ends, which would otherwise wait a second for nothing.
func (a *App) Close() error {
	var faults []error
	a.stopTasks()
	if err := a.tasks.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		faults = append(faults, err)
	}
	a.parts.Drain()
	if a.worker != nil {
		a.worker.Stop()
	}
	a.parts.Close()
	if a.recompiler != nil {
		a.recompiler.Close()
	}
	if a.filters != nil {
		a.filters.Close()
	}
	faults = append(faults, a.stopServing())
	if a.client != nil {
		a.client.Close()
	}
	if a.embedded != nil && a.folder != nil { // one in memory has nothing to write; the process takes it along
		faults = append(faults, a.embedded.Stop())
	}
	if a.assistant != nil {
		faults = append(faults, a.assistant.Close())
	}
	if a.store != nil {
		faults = append(faults, a.store.Close())
	}
	a.stopMetrics()
	faults = append(faults, a.folder.close())
	return errors.Join(faults...)
}

// pollEvery is how often the store is asked while something is waited for.
const pollEvery = 100 * time.Millisecond
