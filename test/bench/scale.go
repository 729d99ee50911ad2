package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// The scale benches run the production form on this one machine, so its processors are shared by Elasticsearch, Temporal,
// workers, gateways and the bench itself. What counts are ratios, and processor time a rule, which other load hardly
// changes.

// chunkSize is the most rules a call may carry, by default.
const chunkSize = 10_000

// create stores rules in chunks.
func (d gateway) createInChunks(ctx context.Context, n int) (id string, err error) {
	rules, err := makeRules(n)
	if err != nil {
		return "", err
	}
	var answer struct {
		MigrationID string `json:"migration_id"`
	}
	for i := 0; i < n; i += chunkSize {
		path := "?seal=false"
		if id != "" {
			path = "/" + id + path
		}
		if i+chunkSize >= n {
			path = strings.TrimSuffix(path, "?seal=false")
		}
		if err := call(ctx, d.url, http.MethodPost, path, rules[i:min(i+chunkSize, n)], &answer); err != nil {
			return id, err
		}
		id = answer.MigrationID
	}
	return id, nil
}

// inProcessor says how much of the machine was left for what is measured.
func inProcessor(u usage, took time.Duration) string {
	return fmt.Sprintf("%.1f s, %.1f processors in use", took.Seconds(), u.total().Seconds()/took.Seconds())
}

// warmUp is the number of rules that run before anything is measured: the Elasticsearch node compiles its code while it
// runs.
const warmUp = 5_000

func scaleWorkers(ctx context.Context, r *run) error {
	n := r.rules(10_000)
	c, err := startCluster(ctx, r, 1, 1, "")
	if err != nil {
		return err
	}
	defer c.close()
	if _, _, err := c.gateway().migrate(ctx, min(n, warmUp), "deterministic", "0s", nil); err != nil {
		return err
	}
	one := 0.0
	// One worker comes twice: what differs between its two runs is not the workers' doing.
	for _, workers := range []int{1, 2, 4, 1} {
		if err := c.setWorkers(ctx, workers); err != nil {
			return err
		}
		before, err := c.usage(ctx)
		if err != nil {
			return err
		}
		_, took, err := c.gateway().migrate(ctx, n, "deterministic", "0s", nil)
		if err != nil {
			return err
		}
		used, err := c.used(ctx, before)
		if err != nil {
			return err
		}
		rate := float64(n) / took.Seconds()
		label := fmt.Sprintf("%d rules, %d workers", n, workers)
		if one > 0 && workers == 1 {
			label += " again"
		}
		r.add("workers", label, rate, "rules/s", fmt.Sprintf("eager %d; ", r.eager)+inProcessor(used, took))
		used.report(r, "workers", label, n)
		if one == 0 {
			one = rate
			continue
		}
		r.add("workers", label+" ÷ 1 worker", rate/one, "ratio", "")
	}
	return nil
}

// Of the bench with few places: each worker runs placesEach steps at once, and a call takes placesCall. The machine is idle
// meanwhile, so this shows whether work spreads over workers, whatever the processors can do.
const (
	placesEach       = 10
	placesMigrations = 4
	placesRules      = 60 // of each migration
)

func scalePlaces(ctx context.Context, r *run) error {
	n := r.rules(placesRules)
	c, err := startCluster(ctx, r, 1, 1, fmt.Sprintf(", activities: %d", placesEach))
	if err != nil {
		return err
	}
	defer c.close()
	rules, err := makeRules(n)
	if err != nil {
		return err
	}
	one := 0.0
	for _, workers := range []int{1, 2, 4} {
		if err := c.setWorkers(ctx, workers); err != nil {
			return err
		}
		g := c.gateway()
		ids := make([]string, placesMigrations)
		for i := range ids {
			if ids[i], err = g.create(ctx, rules); err != nil {
				return err
			}
		}
		began := time.Now()
		for _, id := range ids {
			if err := g.begin(ctx, id, sim.ID, "0s"); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if err := g.finish(ctx, id, nil); err != nil {
				return err
			}
		}
		rate := float64(n*placesMigrations) / time.Since(began).Seconds()
		label := fmt.Sprintf("%d migrations of %d rules, calls of %s, %d calls at once a worker, %d workers", placesMigrations, n, sim.Latency, placesEach, workers)
		r.add("places", label, rate, "rules/s", "")
		if one == 0 {
			one = rate
			continue
		}
		r.add("places", label+" ÷ 1 worker", rate/one, "ratio", "")
	}
	return nil
}

// memory follows the memory of processes while something runs.
type memory struct {
	stop chan struct{}
	done chan struct{}
	// series holds MiB of each process, every second.
	series [][]float64
	names  []string
}

func watchMemory(processes ...*process) *memory {
	m := &memory{stop: make(chan struct{}), done: make(chan struct{}), series: make([][]float64, len(processes))}
	for _, p := range processes {
		m.names = append(m.names, p.name)
	}
	go func() {
		defer close(m.done)
		for {
			for i, p := range processes {
				m.series[i] = append(m.series[i], rss(p.cmd.Process.Pid)/mib)
			}
			select {
			case <-m.stop:
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return m
}

// add reports the last tenth of each series against its second tenth; in the first a process is still starting up.
func (m *memory) add(r *run, bench, what string) {
	close(m.stop)
	<-m.done
	for i, s := range m.series {
		tenth := max(1, len(s)/10)
		if len(s) < 2*tenth {
			continue
		}
		first, last := median(slices.Clone(s[tenth:2*tenth])), median(slices.Clone(s[len(s)-tenth:]))
		r.add(bench, fmt.Sprintf("%s: memory of the %s %d, last tenth ÷ second tenth", what, m.names[i], i+1), last/first, "ratio",
			fmt.Sprintf("%.0f to %.0f MiB, at most %.0f", first, last, slices.Max(s)))
	}
}

func scaleLarge(ctx context.Context, r *run) error {
	n := r.rules(100_000)
	c, err := startCluster(ctx, r, 1, 2, "")
	if err != nil {
		return err
	}
	defer c.close()
	g := c.gateway()
	what := fmt.Sprintf("%d rules, 2 workers, eager %d", n, r.eager)
	before, err := c.usage(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	id, err := g.createInChunks(ctx, n)
	if err != nil {
		return err
	}
	took := time.Since(began)
	used, err := c.used(ctx, before)
	if err != nil {
		return err
	}
	r.add("large", fmt.Sprintf("%d rules appended in chunks of %d", n, chunkSize), float64(n)/took.Seconds(), "rules/s", inProcessor(used, took))

	m := watchMemory(append(slices.Clone(c.workers), c.gateways...)...)
	if before, err = c.usage(ctx); err != nil {
		return err
	}
	began = time.Now()
	if err := g.begin(ctx, id, "deterministic", "0s"); err != nil {
		return err
	}
	done, tenths, err := g.finishWithin(ctx, id, n, r.limit)
	if err != nil {
		return err
	}
	took = time.Since(began)
	if done < n {
		what += fmt.Sprintf(", stopped at %d", done)
	}
	if used, err = c.used(ctx, before); err != nil {
		return err
	}
	m.add(r, "large", what)
	r.add("large", what, float64(done)/took.Seconds(), "rules/s", inProcessor(used, took))
	used.report(r, "large", what, done)
	if last := len(tenths) - 1; last > 2 {
		r.add("large", what+": time of the second tenth ÷ the last one", (tenths[2]-tenths[1]).Seconds()/(tenths[last]-tenths[last-1]).Seconds(), "ratio",
			"below 1: slows down as it grows")
	}
	events, err := g.histories(ctx, id)
	if err != nil {
		return err
	}
	if len(events) > 0 {
		r.add("large", what+": events of the largest run", slices.Max(events), "events", fmt.Sprintf("%d runs listed", len(events)))
		r.add("large", what+": events of a run, median", median(events), "events", "")
	}
	return streamed(ctx, r, c, id, n)
}

// finishWithin waits for the end of a migration of n rules, or stops it after a while. It gives the number of rules that
// are done, and when each full tenth was.
func (d gateway) finishWithin(ctx context.Context, id string, n int, limit time.Duration) (done int, tenths []time.Duration, err error) {
	began, stopping := time.Now(), false
	tenths = []time.Duration{0}
	for {
		var s migration.Stats
		if err := call(ctx, d.url, http.MethodGet, "/"+id+"/stats", nil, &s); err != nil {
			return 0, nil, err
		}
		done = s.Rules.Finished
		for len(tenths) <= 10 && done*10 >= n*len(tenths) {
			tenths = append(tenths, time.Since(began))
		}
		switch {
		case s.Status == migration.Finished:
			if done != n {
				return 0, nil, fmt.Errorf("migration %s finished with %+v", id, s.Rules)
			}
			return done, tenths, nil
		case stopping && s.Status == migration.Stopped && s.Rules.Processing == 0:
			return done, tenths, nil
		case !stopping && time.Since(began) > limit:
			stopping = true
			if err := call(ctx, d.url, http.MethodPut, "/"+id+"/stop", nil, nil); err != nil {
				return 0, nil, err
			}
		}
		select {
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// streamed reads every document of a migration through a gateway that has done nothing else.
func streamed(ctx context.Context, r *run, c *cluster, id string, n int) error {
	p, m, err := startProcess(ctx, "gateway", c.bin, c.env, c.args("api", "--http-port", "0"), apiReady)
	if err != nil {
		return err
	}
	defer p.close()
	if err := call(ctx, m[1], http.MethodGet, "/"+id+"/stats", nil, nil); err != nil {
		return err
	}
	was := rss(p.cmd.Process.Pid) / mib
	watch := watchMemory(p)
	began := time.Now()
	rules, size, err := countRules(ctx, m[1], id)
	took := time.Since(began)
	close(watch.stop)
	<-watch.done
	if err != nil {
		return err
	}
	if rules != n {
		return fmt.Errorf("GET /%s gave %d rules, want %d", id, rules, n)
	}
	r.add("large", fmt.Sprintf("GET /{id} of %d rules: rate", n), float64(n)/took.Seconds(), "rules/s", fmt.Sprintf("%.1f s, %.0f MiB", took.Seconds(), float64(size)/mib))
	r.add("large", fmt.Sprintf("GET /{id} of %d rules: growth of the gateway's memory", n), slices.Max(watch.series[0])-was, "MiB",
		fmt.Sprintf("from %.0f MiB, while %.0f MiB were sent", was, float64(size)/mib))
	return nil
}

// counter counts what is read through it.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// countRules reads the documents of a migration one by one.
func countRules(ctx context.Context, base, id string) (rules int, size int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+rulesPath+"/"+id, nil)
	if err != nil {
		return 0, 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body := &counter{Reader: resp.Body}
	d := json.NewDecoder(body)
	if _, err := d.Token(); err != nil {
		return 0, 0, fmt.Errorf("%d: %w", resp.StatusCode, err)
	}
	last := ""
	for d.More() {
		var rule struct {
			ID string `json:"id"`
		}
		if err := d.Decode(&rule); err != nil {
			return rules, body.n, err
		}
		if rule.ID <= last {
			return rules, body.n, fmt.Errorf("rule %s comes after %s", rule.ID, last)
		}
		rules, last = rules+1, rule.ID
	}
	_, err = d.Token()
	return rules, body.n, err
}

const (
	manyRules     = 20
	manyDeadline  = 30 * time.Minute
	manyCallers   = 8  // clients that create and start migrations
	manyPollers   = 10 // clients that ask for the stats of all
	manyPollEvery = time.Second
)

func scaleMany(ctx context.Context, r *run) error {
	n := max(10, r.rules(1_000))
	ctx, cancel := context.WithTimeout(ctx, manyDeadline)
	defer cancel()
	c, err := startCluster(ctx, r, 2, 2, "")
	if err != nil {
		return err
	}
	defer c.close()
	ids := make([]string, n)
	what := fmt.Sprintf("%d migrations of %d rules, 2 workers, 2 gateways", n, manyRules)
	rules, err := makeRules(manyRules)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := each(n, func(i int) (err error) {
		ids[i], err = gateway{url: c.urls[i%2]}.create(ctx, rules)
		return err
	}); err != nil {
		return err
	}
	r.add("many", fmt.Sprintf("%d migrations of %d rules created", n, manyRules), float64(n)/time.Since(began).Seconds(), "migrations/s", "")

	var (
		mu     sync.Mutex
		times  []float64
		failed []error
		wg     sync.WaitGroup
		stop   = make(chan struct{})
	)
	m := watchMemory(append(slices.Clone(c.workers), c.gateways...)...)
	for _, url := range c.urls { // the first call of a gateway, with nothing to show yet, is none of many
		if err := call(ctx, url, http.MethodGet, "/stats", nil, nil); err != nil {
			return err
		}
	}
	for i := range manyPollers {
		wg.Go(func() { poll(ctx, stop, manyPollEvery, c.urls[i%2], "/stats", &mu, &times, &failed) })
	}
	before, err := c.usage(ctx)
	if err != nil {
		return err
	}
	began = time.Now()
	started, done := 0, 0
	err = each(n, func(i int) error {
		if time.Since(began) > r.limit {
			return nil
		}
		mu.Lock()
		started++
		mu.Unlock()
		return gateway{url: c.urls[i%2]}.begin(ctx, ids[i], "deterministic", "0s")
	})
	starting := time.Since(began)
	if err == nil {
		done, err = allFinished(ctx, c.urls[0], n, r.limit-time.Since(began))
	}
	took := time.Since(began)
	close(stop)
	wg.Wait()
	if err != nil {
		return err
	}
	if done < n*manyRules {
		what += fmt.Sprintf(", ended at %d rules", done)
	}
	used, err := c.used(ctx, before)
	if err != nil {
		return err
	}
	r.add("many", what, float64(done)/took.Seconds(), "rules/s", inProcessor(used, took))
	used.report(r, "many", what, max(1, done))
	r.add("many", "starts", float64(started)/starting.Seconds(), "migrations/s", fmt.Sprintf("%d of %d", started, n))
	m.add(r, "many", what)
	slices.Sort(times)
	if len(times) > 0 {
		r.add("many", "stats of all while running, p50", times[len(times)/2], "ms", fmt.Sprintf("%d calls of %d pollers, one a second each", len(times), manyPollers))
		r.add("many", "stats of all while running, p99", times[len(times)*99/100], "ms", "")
		r.add("many", "stats of all while running, longest", times[len(times)-1], "ms", "")
	}
	r.add("many", "stats of all while running, errors", float64(len(failed)), "calls", "")
	if len(failed) > 0 {
		return fmt.Errorf("%d stats calls failed: %w", len(failed), errors.Join(failed[0], failed[len(failed)-1]))
	}
	events, err := c.gateway().histories(ctx, ids[0])
	if err != nil {
		return err
	}
	if len(events) > 0 {
		r.add("many", fmt.Sprintf("events of a migration of %d rules", manyRules), slices.Max(events), "events", "")
	}
	return nil
}

// each calls f for 0 to n-1 from several goroutines and gives the first error.
func each(n int, f func(int) error) error {
	var wg sync.WaitGroup
	next := make(chan int)
	errs := make(chan error, manyCallers)
	for range manyCallers {
		wg.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	close(errs)
	return <-errs
}

// allFinished waits, for so long, until n migrations have finished, and gives the number of rules that are done.
func allFinished(ctx context.Context, url string, n int, limit time.Duration) (done int, err error) {
	for began := time.Now(); ; {
		var all []migration.Stats
		if err := call(ctx, url, http.MethodGet, "/stats", nil, &all); err != nil {
			return 0, err
		}
		finished := 0
		done = 0
		for _, s := range all {
			done += s.Rules.Finished
			switch s.Status {
			case migration.Finished:
				finished++
				if s.Rules.Finished != s.Rules.Total {
					return done, fmt.Errorf("migration %s finished with %+v", s.MigrationID, s.Rules)
				}
			case migration.Stopped:
				return done, fmt.Errorf("migration %s stopped: %s", s.MigrationID, s.ParkReason)
			}
		}
		if finished == n || time.Since(began) > limit {
			return done, nil
		}
		select {
		case <-ctx.Done():
			return done, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}
