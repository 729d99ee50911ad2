package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
	"github.com/rulebridge/rulebridge/worker"
	"github.com/rulebridge/rulebridge/workflows"
)

// versionCheckEvery is how often a worker of a deployment without a current version looks again.
const versionCheckEvery = 10 * time.Second

// Worker runs a worker until ctx ends, then finishes what it has begun within the grace; the rest is retried by others.
// ready is called with the queues and the address of the health port, if there is one, when it polls.
func Worker(ctx context.Context, o Options, catalogue *prebuilt.Catalogue, ready func(queues []string, health string)) (err error) {
	h, err := newHealth(o.Config.Worker.HealthAddr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	o.Kind = "worker"
	p, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.checkStore(ctx); err != nil {
		return err
	}
	stopMetrics, err := p.serveMetrics()
	if err != nil {
		return err
	}
	defer stopMetrics()
	h.mux.Handle("GET /metrics", p.metrics.Handler())
	p.searchAttributes(ctx)
	parts, err := app.NewActivities(ctx, o.Config, p.store, catalogue, o.Compilers, p.log)
	if err != nil {
		return err
	}
	defer parts.Close()
	filters, err := app.NewFilters(o.Config, p.store, o.Compilers, p.log)
	if err != nil {
		return err
	}
	defer filters.Close()
	installer, err := app.NewInstaller(o.Config, p.store, filters)
	if err != nil {
		return err
	}
	versioned := o.Config.Worker.Deployment != ""
	w, err := worker.New(worker.Deps{
		Client: p.client, Logger: p.log, Settings: o.Config.Worker, Connectors: o.Config.Connectors,
		Workflows: func(r sdkworker.Registry) {
			if versioned {
				workflows.Register(r, workflows.AutoUpgrade())
				return
			}
			workflows.Register(r)
		},
		Activities: app.WithInstall(installer, p.log, p.assistant.Register(parts.Register)), Grace: o.Config.ShutdownGrace, Meter: p.metrics,
	})
	if err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	h.check("store", p.store.Ready)
	h.check("temporal", p.temporalReady)
	if versioned {
		v := &version{p: p}
		h.check("deployment", v.ready)
		background, stop := context.WithCancel(ctx)
		watched := make(chan struct{})
		go func() { defer close(watched); v.watch(background) }()
		defer func() { stop(); <-watched }()
	}
	serving := h.serve(p.log)
	ready(w.Queues(), h.addr())
	select {
	case <-ctx.Done():
		p.log.Info("draining: what has begun is finished within the grace, the rest is retried by others",
			zap.Duration("grace", o.Config.ShutdownGrace))
		h.drain()
		parts.Drain()
		return nil
	case err := <-w.Fatal():
		return fmt.Errorf("the worker gave up: %w", err)
	case err := <-serving:
		return fmt.Errorf("the health port gave up: %w", err)
	}
}

// version watches whether the worker's deployment has a current version: without one it gets no work.
type version struct {
	p    *Process
	seen atomic.Bool // one was there: it can change, and does not go away
}

func (v *version) ready(ctx context.Context) error {
	if v.seen.Load() {
		return nil
	}
	s := v.p.o.Config.Worker
	build, err := worker.CurrentBuild(ctx, v.p.client, s.Deployment)
	if err != nil {
		return err
	}
	if build == "" {
		return &NoVersionError{Deployment: s.Deployment, BuildID: s.BuildID}
	}
	v.seen.Store(true)
	if build != s.BuildID {
		v.p.log.Info("another build of the deployment is current; this one gets no new work", zap.String("deployment", s.Deployment),
			zap.String("build_id", s.BuildID), zap.String("current", build))
	}
	return nil
}

func (v *version) watch(ctx context.Context) {
	// The server learns of the deployment by the first poll.
	for wait, told := time.Second, false; ; wait = versionCheckEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		err := v.ready(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			v.p.log.Info("the deployment has a current version", zap.String("deployment", v.p.o.Config.Worker.Deployment))
			return
		case !told:
			v.p.log.Warn("this worker gets no work yet", zap.Error(err))
			told = true
		}
	}
}

// NoVersionError says that a deployment has no current version.
type NoVersionError struct{ Deployment, BuildID string }

func (e *NoVersionError) Error() string {
	return fmt.Sprintf("worker deployment %s has no current version; run: rulebridge setup --deployment %s --build-id %s", e.Deployment, e.Deployment, e.BuildID)
}
