package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/samples"
	"github.com/rulebridge/rulebridge/workflows"
)

// sim is the simulated connector of all benches: 2 s ± 50 %.
var sim = llm.Config{ID: "sim", Kind: llm.KindSimulated, Latency: 2 * time.Second, Jitter: 0.5, Seed: 7}

// window is the number of rules in flight, the default batch.
const window = 50

const mib = 1 << 20

// makeRules repeats the sample rules under new ids.
func makeRules(n int) ([]migration.OriginalRule, error) {
	rules, err := samples.Rules()
	if err != nil {
		return nil, err
	}
	out := make([]migration.OriginalRule, n)
	for i := range out {
		out[i] = rules[i%len(rules)]
		out[i].ID = fmt.Sprintf("rule-%06d", i)
	}
	return out, nil
}

// migrate runs n rules to their end and returns the time from the start call to the finished answer.
func (d gateway) migrate(ctx context.Context, n int, connector, pause string, watch func(migration.Stats)) (id string, took time.Duration, err error) {
	rules, err := makeRules(n)
	if err != nil {
		return "", 0, err
	}
	if id, err = d.create(ctx, rules); err != nil {
		return "", 0, err
	}
	began := time.Now()
	if err = d.begin(ctx, id, connector, pause); err == nil {
		err = d.finish(ctx, id, watch)
	}
	return id, time.Since(began), err
}

// histories gives the number of events of each run of a migration's workflow.
func (d gateway) histories(ctx context.Context, id string) ([]float64, error) {
	c, err := client.DialContext(ctx, client.Options{HostPort: d.temporal, Logger: quiet{}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	found, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: "default", Query: fmt.Sprintf("WorkflowId = %q", workflows.WorkflowID(id)),
	})
	if err != nil {
		return nil, err
	}
	var events []float64
	for _, e := range found.Executions {
		events = append(events, float64(e.HistoryLength))
	}
	return events, nil
}

// quiet drops the SDK's log.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

func startup(ctx context.Context, r *run) error {
	var ready, memory []float64
	for range 5 {
		d, err := startDev(ctx, r.bin)
		if err != nil {
			return err
		}
		time.Sleep(time.Second) // memory after the start's garbage
		ready, memory = append(ready, d.ready.Seconds()), append(memory, d.rss()/mib)
		d.close()
	}
	r.add("startup", "start to ready, median of 5", median(ready), "s", "")
	r.add("startup", "resident memory when idle, median of 5", median(memory), "MiB", "")
	return nil
}

func deterministic(ctx context.Context, r *run) error {
	for _, n := range []int{1_000, 10_000} {
		n = r.rules(n)
		d, err := startDev(ctx, r.bin)
		if err != nil {
			return err
		}
		var first, last float64 // memory near the ends
		id, took, err := d.migrate(ctx, n, "deterministic", "0s", func(s migration.Stats) {
			if done := s.Rules.Finished; first == 0 && done >= min(1_000, n/2) {
				first = d.rss()
			} else if done >= n-1_000 {
				last = max(last, d.rss())
			}
		})
		if err != nil {
			d.close()
			return err
		}
		events, err := d.histories(ctx, id)
		d.close()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%d rules", n)
		r.add("deterministic", name, float64(n)/took.Seconds(), "rules/s", fmt.Sprintf("%.1f s", took.Seconds()))
		if len(events) > 0 {
			r.add("deterministic", name+": events of the largest run", slices.Max(events), "events", fmt.Sprintf("%d runs", len(events)))
		}
		if first > 0 && last > 0 {
			r.add("deterministic", name+": memory at the last thousand ÷ at the first", last/first, "ratio", fmt.Sprintf("%.0f MiB to %.0f MiB", first/mib, last/mib))
		}
	}
	return nil
}

// gateways opens n gateways of this process over the store and the Temporal server of a running dev.
func gateways(ctx context.Context, d *dev, n int) (urls []string, closeAll func(), err error) {
	var closers []func()
	closeAll = func() {
		for _, c := range slices.Backward(closers) {
			c()
		}
	}
	cfg, err := config.Load(nil, "", nil)
	if err != nil {
		return nil, closeAll, err
	}
	for range n {
		s, err := sqlite.Open(ctx, filepath.Join(d.dir, "data", "rulebridge.db"), sqlite.Options{})
		if err != nil {
			return nil, closeAll, err
		}
		closers = append(closers, func() { _ = s.Close() })
		c, err := client.DialContext(ctx, client.Options{HostPort: d.temporal, Logger: quiet{}})
		if err != nil {
			return nil, closeAll, err
		}
		closers = append(closers, c.Close)
		g, err := api.New(api.Deps{Settings: api.SettingsOf(cfg), Store: s, Workflows: api.NewWorkflows(c, "default")})
		if err != nil {
			return nil, closeAll, err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, closeAll, err
		}
		server := &http.Server{Handler: g, ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = server.Serve(l) }()
		closers = append(closers, func() { _ = server.Close() })
		urls = append(urls, "http://"+l.Addr().String())
	}
	return urls, closeAll, nil
}

// poll asks for stats after every pause until stop is closed, and collects the times in milliseconds and the errors.
func poll(ctx context.Context, stop <-chan struct{}, pause time.Duration, url, path string, mu *sync.Mutex, times *[]float64, failed *[]error) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(pause):
		}
		began := time.Now()
		err := call(ctx, url, http.MethodGet, path, nil, nil)
		took := time.Since(began)
		mu.Lock()
		*times = append(*times, float64(took)/float64(time.Millisecond))
		if err != nil {
			*failed = append(*failed, err)
		}
		mu.Unlock()
	}
}

func statsCalls(ctx context.Context, r *run) error {
	d, err := startDev(ctx, r.bin)
	if err != nil {
		return err
	}
	defer d.close()
	rules, err := makeRules(r.rules(600))
	if err != nil {
		return err
	}
	id, err := d.create(ctx, rules)
	if err != nil {
		return err
	}
	urls, closeAll, err := gateways(ctx, d, 4)
	defer closeAll()
	if err != nil {
		return err
	}
	if err := d.begin(ctx, id, sim.ID, "0s"); err != nil {
		return err
	}
	var failed []error
	phase := func(name string, until func() error) error {
		var (
			mu    sync.Mutex
			times []float64
			wg    sync.WaitGroup
			stop  = make(chan struct{})
		)
		for _, url := range urls {
			for range 20 {
				wg.Go(func() { poll(ctx, stop, 50*time.Millisecond, url, "/"+id+"/stats", &mu, &times, &failed) })
			}
		}
		err := until()
		close(stop)
		wg.Wait()
		slices.Sort(times)
		if len(times) > 0 {
			r.add("stats", name+", p50", times[len(times)/2], "ms", fmt.Sprintf("%d calls of 4 gateways with 20 pollers each", len(times)))
			r.add("stats", name+", p99", times[len(times)*99/100], "ms", "")
		}
		return err
	}
	if err := phase("while running", func() error { return d.finish(ctx, id, nil) }); err != nil {
		return err
	}
	if err := phase("after", func() error {
		select {
		case <-time.After(5 * time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}); err != nil {
		return err
	}
	r.add("stats", "errors", float64(len(failed)), "calls", "")
	if len(failed) > 0 {
		return fmt.Errorf("%d stats calls failed: %w", len(failed), errors.Join(failed[0], failed[len(failed)-1]))
	}
	return nil
}

func schedule(ctx context.Context, r *run) error {
	n := r.rules(1_000)
	d, err := startDev(ctx, r.bin)
	if err != nil {
		return err
	}
	defer d.close()
	connector, err := llm.NewSimulated(sim)
	if err != nil {
		return err
	}
	var sum time.Duration
	for i := range n {
		sum += connector.Latency(llm.SimulatedKey(fmt.Sprintf("rule-%06d", i)))
	}
	ideal := sum.Seconds() / window
	_, sliding, err := d.migrate(ctx, n, sim.ID, "0s", nil)
	if err != nil {
		return err
	}
	r.add("schedule", "ideal: drawn latencies ÷ 50", ideal, "s", fmt.Sprintf("%d rules", n))
	r.add("schedule", "ideal ÷ sliding window", ideal/sliding.Seconds(), "ratio", fmt.Sprintf("%.1f s", sliding.Seconds()))
	if !r.classic {
		return nil
	}
	_, classic, err := d.migrate(ctx, n, sim.ID, "10s", nil)
	if err != nil {
		return err
	}
	r.add("schedule", "batches with a 10 s pause ÷ sliding window", classic.Seconds()/sliding.Seconds(), "ratio", fmt.Sprintf("%.1f s", classic.Seconds()))
	return nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
