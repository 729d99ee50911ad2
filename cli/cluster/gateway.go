package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/cli/app"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Gateway runs a gateway until ctx ends, then answers what has begun within the grace. ready is called with the address
// when it answers.
func Gateway(ctx context.Context, o Options, ready func(addr string)) (err error) {
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
	d := api.Deps{
		Config: c, Store: p.store, Workflows: flows, Log: p.log.Named("gateway"), SearchAttributes: p.searchAttributes(ctx),
		Observe: p.metrics.Request, Middleware: []gin.HandlerFunc{p.traces.Middleware()},
	}
	if p.codec != nil {
		d.Codec = p.codec
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
		p.finishDeletions(background, flows)
	}()
	defer func() { stop(); <-finished }()
	ready(l.Addr().String())
	return gateway.Serve(ctx, l)
}

// finishDeletions carries on with deletions that a gateway began and did not finish. Doing it twice does no harm.
func (p *Process) finishDeletions(ctx context.Context, flows api.Workflows) {
	tombstones, ok := p.store.(store.Tombstones)
	if !ok {
		return
	}
	ids, err := tombstones.Tombstoned(ctx)
	if err != nil {
		p.log.Warn("deletions that were begun cannot be looked for", zap.Error(err))
		return
	}
	for _, id := range ids {
		err := p.finishDeletion(ctx, flows, id)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.log.Warn("a deletion that was begun could not be finished; repeat it", zap.String("migration_id", id), zap.Error(err))
			continue
		}
		p.log.Info("a deletion that was begun is finished", zap.String("migration_id", id))
	}
}

func (p *Process) finishDeletion(ctx context.Context, flows api.Workflows, id string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := flows.Cancel(ctx, id); err != nil && !errors.Is(err, api.ErrNoWorkflow) {
		return err
	}
	if err := p.store.DeleteMigration(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := flows.Delete(ctx, id); err != nil && !errors.Is(err, api.ErrNoWorkflow) {
		return err
	}
	return nil
}
