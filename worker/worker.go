// Package worker assembles what works off task queues: Temporal workers for migrations and for the calls of each model,
// and the Temporal client they and the gateway share.
package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/workflows"
)

// Deps are what a Worker is put together from.
type Deps struct {
	Client client.Client
	Logger *zap.Logger
	// Workflows registers the workflows, Activities the activities, on every worker that needs them.
	Workflows  func(sdkworker.Registry)
	Activities func(sdkworker.Registry)
	Settings   config.Worker
	Connectors []config.Connector
	// Grace is how long Stop waits for activities that run.
	Grace time.Duration
	// Embedded says that server and worker share the process: eager activities then cost nothing in fairness.
	Embedded bool
	// Meter, when set, is told what activities do.
	Meter Meter
}

// Eager reservations when the settings leave it open. In one process nobody else could take the activities; on a
// cluster eager activities stay on the worker that ran the workflow task, so only a few may.
const (
	eagerEmbedded = 50
	eagerCluster  = 3
)

// Worker serves the task queues. Build it with New.
type Worker struct {
	parts []part
	fatal chan error
	log   *zap.Logger
}

type part struct {
	queue  string
	worker sdkworker.Worker
}

// New builds the workers of the queues that the settings name, of all queues when they name none. Workflows kept between
// tasks (worker.sticky_cache) are counted per process, so the last New wins.
func New(d Deps) (*Worker, error) {
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	w := &Worker{fatal: make(chan error, 1), log: d.Logger}
	sdkworker.SetStickyWorkflowCacheSize(d.Settings.StickyCache)
	if d.wants(workflows.TaskQueue) {
		p := sdkworker.New(d.Client, workflows.TaskQueue, w.options(d, nil))
		d.Workflows(p)
		d.Activities(p)
		w.parts = append(w.parts, part{workflows.TaskQueue, p})
	}
	for _, c := range d.Connectors {
		queue := workflows.LLMTaskQueue(c.ID)
		if c.Kind == config.KindDeterministic || !d.wants(queue) {
			continue
		}
		p := sdkworker.New(d.Client, queue, w.options(d, &c))
		d.Activities(p)
		w.parts = append(w.parts, part{queue, p})
	}
	if len(w.parts) == 0 {
		return nil, fmt.Errorf("worker.queues: none of %q is a queue of this configuration; use %s or llm-<connector id>", d.Settings.Queues, workflows.TaskQueue)
	}
	return w, nil
}

func (d Deps) wants(queue string) bool {
	return len(d.Settings.Queues) == 0 || slices.Contains(d.Settings.Queues, queue)
}

// options are those of the migrations queue, or of one connector's.
func (w *Worker) options(d Deps, c *config.Connector) sdkworker.Options {
	o := sdkworker.Options{
		MaxConcurrentActivityExecutionSize: d.Settings.Activities,
		// The SDK's default of two pollers leaves a window of 50 rules waiting for each other.
		MaxConcurrentActivityTaskPollers: 8,
		MaxConcurrentWorkflowTaskPollers: 8,
		WorkerStopTimeout:                d.Grace,
		OnFatalError:                     w.fail,
		// A stop reaches a running activity with its next heartbeat.
		MaxHeartbeatThrottleInterval: time.Second,
	}
	o.Interceptors = []interceptor.WorkerInterceptor{workflows.Interceptor()}
	if d.Meter != nil {
		o.Interceptors = append(o.Interceptors, &activityMeter{meter: d.Meter})
	}
	if d.Settings.Deployment != "" && !d.Embedded {
		o.DeploymentOptions = sdkworker.DeploymentOptions{
			UseVersioning:             true,
			Version:                   sdkworker.WorkerDeploymentVersion{DeploymentName: d.Settings.Deployment, BuildID: d.Settings.BuildID},
			DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
		}
	}
	if c != nil {
		o.DisableWorkflowWorker = true
		o.DisableEagerActivities = true
		// The server enforces the rate over all workers; it comes from the configuration alone.
		o.TaskQueueActivitiesPerSecond = c.Rate
		if c.Concurrency > 0 {
			o.MaxConcurrentActivityExecutionSize = c.Concurrency
		}
		return o
	}
	eager := d.Settings.Eager
	switch {
	case eager < 0 && d.Embedded:
		eager = eagerEmbedded
	case eager < 0:
		eager = eagerCluster
	}
	if eager == 0 {
		o.DisableEagerActivities = true
	} else {
		o.MaxEagerActivityReservationsPerWorkflowTask = &eager
	}
	return o
}

// Queues are the task queues the worker serves.
func (w *Worker) Queues() []string {
	qs := make([]string, len(w.parts))
	for i, p := range w.parts {
		qs[i] = p.queue
	}
	return qs
}

// Start begins to poll. On an error nothing is left running.
func (w *Worker) Start() error {
	for i, p := range w.parts {
		if err := p.worker.Start(); err != nil {
			for _, started := range w.parts[:i] {
				started.worker.Stop()
			}
			return fmt.Errorf("start the worker of queue %s: %w", p.queue, err)
		}
	}
	return nil
}

// Stop ends polling and waits up to the grace for activities that run. What is not finished then is retried elsewhere.
func (w *Worker) Stop() {
	var wg sync.WaitGroup
	for _, p := range w.parts {
		wg.Go(p.worker.Stop)
	}
	wg.Wait()
}

// Fatal gives the error that made a worker give up, if any.
func (w *Worker) Fatal() <-chan error { return w.fatal }

func (w *Worker) fail(err error) {
	select {
	case w.fatal <- err:
	default:
		w.log.Error("a further worker gave up", zap.Error(err))
	}
}

// HasSearchAttributes reports whether the namespace knows the attributes that migrations set. Without them migrations run
// the same, they are only harder to find in the Temporal UI.
func HasSearchAttributes(ctx context.Context, c client.Client, namespace string) (bool, error) {
	resp, err := c.OperatorService().ListSearchAttributes(ctx, listSearchAttributes(namespace))
	if err != nil {
		return false, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, err)
	}
	for _, name := range SearchAttributes() {
		if _, ok := resp.GetCustomAttributes()[name]; !ok {
			return false, nil
		}
	}
	return true, nil
}

// SearchAttributes are the names of the Keyword search attributes that migrations set.
func SearchAttributes() []string {
	return []string{workflows.SearchAttributeState, workflows.SearchAttributeVendor}
}

// ErrNoServer says that no Temporal frontend answered.
var ErrNoServer = errors.New("no Temporal server answered")

// Dial connects to a frontend and checks that it answers.
func Dial(ctx context.Context, o client.Options, logger *zap.Logger) (client.Client, error) {
	if logger != nil {
		logger = logger.Named("temporal") // what the SDK says is not ours
	}
	o.Logger = NewLogger(logger)
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%w on %s (namespace %s): %w; %s", ErrNoServer, o.HostPort, o.Namespace, err, dialAdvice(o, err))
	}
	return c, nil
}

// dialAdvice tells what to look at: an address nobody listens on is mended elsewhere than a key or a certificate. The TLS
// errors reach us as text only, behind gRPC's.
func dialAdvice(o client.Options, err error) string {
	var denied *serviceerror.PermissionDenied
	text := err.Error()
	switch {
	case errors.As(err, &denied) || status.Code(err) == codes.Unauthenticated || strings.Contains(text, "code = Unauthenticated"):
		return "the server refuses the credentials: check TEMPORAL_API_KEY or the client certificate, and that they are for this namespace"
	case strings.Contains(text, "signed by unknown authority"):
		return "check TEMPORAL_TLS_SERVER_CA_CERT_PATH: it must hold the authority that signed the server's certificate"
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"):
		return "the server asks for a client certificate: set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH"
	case strings.Contains(text, "x509:"):
		return "check the server's certificate and TEMPORAL_TLS_SERVER_NAME"
	case strings.Contains(text, "first record does not look like a TLS handshake"):
		return "the server speaks plain text: leave TEMPORAL_TLS and TEMPORAL_API_KEY out, or check the port"
	case o.ConnectionOptions.TLS != nil && strings.Contains(text, "write tcp"), o.ConnectionOptions.TLS != nil && strings.Contains(text, "EOF"):
		// With TLS 1.3 a refused client certificate can show as a connection that breaks after the handshake.
		return "the server ended the TLS connection: if it asks for a client certificate, set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH"
	}
	return "check the address and that the server runs"
}
