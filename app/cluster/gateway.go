package cluster

import (
	"context"
	"errors"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
)

// Gateway runs a gateway until ctx ends, then answers what has begun within the grace. ready is called with the address
// when it answers. The catalogue of prebuilt rules, which people look at, may be nil.
func Gateway(ctx context.Context, o Options, catalogue *prebuilt.Catalogue, ready func(addr string)) (err error) {
	// The port first: it is the fault that is found soonest.
	l, err := app.Listen("gateway", o.Config.HTTP.Addr, "--http-port")
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	o.Kind = "api"
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
	c := o.Config
	c.Temporal.Namespace = p.namespace
	flows := api.NewWorkflows(p.client, p.namespace)
	filters, err := app.NewFilters(c, p.store, o.Compilers, p.log)
	if err != nil {
		return err
	}
	defer filters.Close()
	installer, err := app.NewInstaller(o.Config, p.store, filters)
	if err != nil {
		return err
	}
	d := api.Deps{
		Settings: api.SettingsOf(c), Store: p.store, Workflows: flows, Log: p.log.Named("gateway"), SearchAttributes: p.searchAttributes(ctx),
		Observe: p.metrics.Request, Middleware: []gin.HandlerFunc{p.traces.Middleware()},
		Places: []api.Place{{Name: "Temporal", Where: c.Temporal.Addr + ", namespace " + p.namespace}},
	}
	d.Version = o.Version
	if c.Codec.UIOrigin != "" {
		d.TemporalUI = &api.TemporalUI{Address: c.Codec.UIOrigin, Namespace: p.namespace}
	}
	d.Installs = &api.Installs{Planner: installer, Workflows: api.NewInstallFlows(p.client)}
	if p.codec != nil {
		d.Codec = p.codec
	}
	if p.assistant != nil {
		d.Assistant = p.assistant.Gateway(api.NewQuestions(p.client))
	}
	recompiler, err := app.NewRecompiler(c, p.store, o.Compilers, p.log)
	if err != nil {
		return err
	}
	defer recompiler.Close()
	d.Filters = filters
	d.Compiler = &api.Compiler{Compiler: recompiler, Version: recompiler.Version}
	if err := app.Equip(&d, c, recompiler, catalogue); err != nil {
		return err
	}
	gateway, err := api.New(d)
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		gateway.FinishDeletions(background)
	}()
	defer func() { stop(); <-finished }()
	ready(l.Addr().String())
	return gateway.Serve(ctx, l)
}
