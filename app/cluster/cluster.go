// Package cluster puts together the processes that work with a Temporal cluster: gateways, workers, and the set-up
// beforehand. Any number of each share one Temporal namespace and one store.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/codec"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/internal/telemetry"
	"github.com/rulebridge/rulebridge/worker"
)

// Options say what a process runs with.
type Options struct {
	Config config.Config
	// Env is the process's environment, NAME=value: Temporal's own settings are read from it.
	Env []string
	Log *zap.Logger
	// Compilers start the processes that rules are compiled in: a worker's, and a gateway's for comparisons.
	Compilers app.Compilers
	// Kind of the process (api, worker, setup) and Version of the program, for metrics and traces.
	Kind, Version string
}

// Process is what gateway, worker and set-up share: the connections. Close it.
type Process struct {
	o         Options
	log       *zap.Logger
	store     store.Store
	elastic   *elastic.Store // nil unless the store is one
	folder    *app.SharedFolder
	client    client.Client
	namespace string
	codec     *codec.Codec   // nil: histories are not encrypted
	assistant *app.Assistant // nil when its feature is off, or no store holds what it keeps
	metrics   *telemetry.Metrics
	traces    *telemetry.Traces
}

// Open connects to Temporal and to the store, and says what is wrong with either.
func Open(ctx context.Context, o Options) (_ *Process, err error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Config.Ephemeral {
		return nil, errors.New("ephemeral: processes apart cannot share a store in memory; leave the setting out")
	}
	p := &Process{o: o, log: o.Log, metrics: telemetry.NewMetrics(o.Kind, o.Version), traces: &telemetry.Traces{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	co, err := worker.ClusterOptions(o.Config.Temporal, o.Env)
	if err != nil {
		return nil, err
	}
	p.namespace = co.Namespace
	if p.traces, err = telemetry.StartTraces(ctx, o.Kind, o.Version, worker.Lookup(o.Env)); err != nil {
		p.traces = &telemetry.Traces{}
		return nil, err
	}
	if co.Interceptors, err = p.traces.Interceptors(); err != nil {
		return nil, err
	}
	if p.codec, err = worker.Encrypt(&co, o.Config.Codec); err != nil {
		return nil, err
	}
	co.MetricsHandler = p.metrics.SDK()
	if p.client, err = worker.Dial(ctx, co, o.Log); err != nil {
		return nil, err
	}
	if err := p.openStore(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Process) openStore(ctx context.Context) error {
	c := p.o.Config
	if c.Store.Kind != "elasticsearch" {
		folder, err := app.OpenShared(c.DataDir)
		if err != nil {
			return err
		}
		p.folder = folder
		s, err := sqlite.Open(ctx, folder.StorePath, sqlite.Options{})
		if err != nil {
			return err
		}
		p.store = s
		if c.Features.AssistantRAG {
			p.assistant, err = app.OpenAssistant(ctx, c, c.DataDir, p.codec, p.log)
		}
		return err
	}
	s, err := elastic.New(app.ElasticOptions(c.Elasticsearch))
	if err != nil {
		return err
	}
	p.store, p.elastic = s, s
	if c.Features.AssistantRAG {
		p.log.Warn("the assistant keeps questions and conversations in sqlite only; with store.kind elasticsearch its routes are not there")
	}
	if c.Features.AssistantRAG {
		if p.assistant, err = app.OpenClusterAssistant(c, p.codec, p.log); err != nil {
			return err
		}
	}
	return s.Check(ctx)
}

// checkStore makes sure that the indices are there. A deployment with the feature off has none, and gets none.
func (p *Process) checkStore(ctx context.Context) error {
	if p.elastic == nil {
		return nil
	}
	if p.assistant != nil {
		if err := p.assistant.CheckIndices(ctx); err != nil {
			return err
		}
	}
	if !p.o.Config.Features.SIEMMigrations {
		p.store = withoutIndices{p.store}
		return nil
	}
	return p.elastic.CheckIndices(ctx)
}

// withoutIndices is a store nobody uses; its readiness check, which writes, would make an index.
type withoutIndices struct{ store.Store }

// Ready implements store.Store.
func (withoutIndices) Ready(context.Context) error { return nil }

// searchAttributes reports whether the namespace knows ours. Migrations run without them too.
func (p *Process) searchAttributes(ctx context.Context) bool {
	known, err := worker.HasSearchAttributes(ctx, p.client, p.namespace)
	switch {
	case err != nil:
		p.log.Warn("whether the search attributes are registered cannot be found out; migrations run without them", zap.Error(err))
	case !known:
		p.log.Warn("the search attributes are not registered; migrations run, but cannot be found by state in the Temporal UI: run rulebridge setup",
			zap.Strings("names", worker.SearchAttributes()))
	}
	return known && err == nil
}

// temporalReady checks that the cluster answers.
func (p *Process) temporalReady(ctx context.Context) error {
	if _, err := p.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("Temporal does not answer: %w", err)
	}
	return nil
}

// Close ends the connections.
func (p *Process) Close() error {
	var faults []error
	if p.client != nil {
		p.client.Close()
	}
	if p.store != nil {
		faults = append(faults, p.store.Close())
	}
	flush, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.traces.Shutdown(flush); err != nil {
		p.log.Warn("the last traces are lost", zap.Error(err))
	}
	if p.assistant != nil {
		faults = append(faults, p.assistant.Close())
	}
	if p.folder != nil {
		faults = append(faults, p.folder.Close())
	}
	return errors.Join(faults...)
}

// serveMetrics answers /metrics on metrics.addr, if that is set, until the returned function is called.
func (p *Process) serveMetrics() (stop func(), err error) {
	addr := p.o.Config.Metrics.Addr
	if addr == "" {
		return func() {}, nil
	}
	l, err := app.Listen("metrics port", addr, "RULEBRIDGE_METRICS_ADDR")
	if err != nil {
		return nil, err
	}
	return p.metrics.Serve(l, p.log), nil
}
