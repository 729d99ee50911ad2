package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// process is one running command of the program.
type process struct {
	name  string
	cmd   *exec.Cmd
	out   lockedBuffer
	ended chan struct{}
}

// startProcess starts the program and waits until its output matches ready; it returns the match's groups.
func startProcess(ctx context.Context, name, bin string, env, args []string, ready *regexp.Regexp) (*process, []string, error) {
	p := &process{name: name, cmd: exec.CommandContext(ctx, bin, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	for began, over := time.Now(), false; ; {
		if m := ready.FindStringSubmatch(p.out.String()); m != nil {
			return p, m, nil
		}
		if over {
			return nil, nil, fmt.Errorf("%s ended early:\n%s", name, p.out.String())
		}
		select {
		case <-p.ended:
			over = true
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(began) > time.Minute {
			p.close()
			return nil, nil, fmt.Errorf("%s is not ready after a minute:\n%s", name, p.out.String())
		}
	}
}

func (p *process) close() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// rss is the memory of a process in bytes, 0 where it cannot be read.
func rss(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 64)
			return kb * 1024
		}
	}
	return 0
}

// cpu is the processor time a process has used, 0 where it cannot be read. Linux counts it in hundredths of a second.
func cpu(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// cluster is the production form on one machine: an Elasticsearch node, a Temporal server, gateways and workers, each a
// process of its own.
type cluster struct {
	bin, dir string
	env      []string
	node     *elasticsearch.Node
	prefix   string // of the indices
	temporal *process
	server   string // address of the Temporal server
	workers  []*process
	gateways []*process
	urls     []string // of the gateways
}

var (
	temporalReady = regexp.MustCompile(`Temporal is ready on (\S+)`)
	apiReady      = regexp.MustCompile(`rulebridge api is ready on (\S+)`)
	workerReady   = regexp.MustCompile(`rulebridge worker is ready`)
	setupDone     = regexp.MustCompile(`templates and indices are there`)
)

// clusterConfig leaves everything that matters here at its default: batch 50, one shard, refresh 5 s.
const clusterConfig = `connectors: [{id: %s, kind: simulated, latency: %s, jitter: %v, seed: %d}]
migration: {pause: 0s}
store: {kind: elasticsearch}
elasticsearch: {urls: [%q], prefix: %s}
features: {assistantRagOnAlerts: false}
worker: {health_addr: "127.0.0.1:0", eager: %d%s}
auth: {rate: 100000, burst: 100000}
log: {level: warn}
`

// startCluster starts a node (or takes the one that RULEBRIDGE_TEST_ELASTICSEARCH names), Temporal and the given numbers of gateways and workers; settings are added to worker's.
func startCluster(ctx context.Context, r *run, gateways, workers int, settings string) (c *cluster, err error) {
	dir, err := os.MkdirTemp("", "rulebridge-bench-")
	if err != nil {
		return nil, err
	}
	c = &cluster{bin: r.bin, dir: dir}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	c.prefix = fmt.Sprintf("bench%d", time.Now().UnixNano())
	if url := os.Getenv(elasticsearch.EnvURL); url != "" {
		c.node = &elasticsearch.Node{Client: elasticsearch.NewClient(url)}
	} else if c.node, err = elasticsearch.NewNode(ctx, elasticsearch.Options{Heap: "2g", Optimized: true}); err != nil {
		return c, err
	}
	if err := os.WriteFile(c.config(), fmt.Appendf(nil, clusterConfig, sim.ID, sim.Latency, sim.Jitter, sim.Seed, c.node.URL, c.prefix, r.eager, settings), 0o600); err != nil {
		return c, err
	}
	var m []string
	c.temporal, m, err = startProcess(ctx, "temporal", r.bin, nil,
		[]string{"temporal", "--data-dir", dir, "--temporal-port", "0", "--log-level", "error"}, temporalReady)
	if err != nil {
		return c, err
	}
	c.server = m[1]
	c.env = []string{"TEMPORAL_ADDRESS=" + c.server, "TEMPORAL_CONFIG_FILE=" + filepath.Join(dir, "none.toml")}
	set, _, err := startProcess(ctx, "setup", r.bin, c.env, c.args("setup"), setupDone)
	if err != nil {
		return c, err
	}
	set.close()
	for range gateways {
		p, m, err := startProcess(ctx, "gateway", r.bin, c.env, c.args("api", "--http-port", "0"), apiReady)
		if err != nil {
			return c, err
		}
		c.gateways, c.urls = append(c.gateways, p), append(c.urls, m[1])
	}
	return c, c.setWorkers(ctx, workers)
}

func (c *cluster) config() string { return filepath.Join(c.dir, "config.yaml") }

func (c *cluster) args(args ...string) []string { return append(args, "--config", c.config()) }

// setWorkers starts or stops workers until n run.
func (c *cluster) setWorkers(ctx context.Context, n int) error {
	for len(c.workers) > n {
		last := len(c.workers) - 1
		c.workers[last].close()
		c.workers = c.workers[:last]
	}
	for len(c.workers) < n {
		p, _, err := startProcess(ctx, "worker", c.bin, c.env, c.args("worker"), workerReady)
		if err != nil {
			return err
		}
		c.workers = append(c.workers, p)
	}
	return nil
}

func (c *cluster) gateway() gateway { return gateway{url: c.urls[0], temporal: c.server} }

func (c *cluster) close() {
	for _, p := range append(c.workers, c.gateways...) {
		p.close()
	}
	if c.temporal != nil {
		c.temporal.close()
	}
	if c.node != nil {
		c.removeIndices() // the node may be somebody else's
		_ = c.node.Close()
	}
	_ = os.RemoveAll(c.dir)
}

func (c *cluster) removeIndices() {
	ctx := context.Background()
	for _, name := range []string{"migrations", "rules", "claims", "resources", "answers"} {
		_ = c.node.Do(ctx, "DELETE", "/"+c.prefix+"-"+name+"-v1", nil, nil)
		_ = c.node.Do(ctx, "DELETE", "/_index_template/"+c.prefix+"-"+name, nil, nil)
		_ = c.node.Do(ctx, "DELETE", "/_component_template/"+c.prefix+"-"+name+"-mappings", nil, nil)
	}
	_ = c.node.Do(ctx, "DELETE", "/_component_template/"+c.prefix+"-settings", nil, nil)
}

// usage is the processor time that each kind of process has used so far, and what Elasticsearch was asked to do.
type usage struct {
	workers, gateways, temporal, elasticsearch time.Duration

	requests                   int64 // bulk requests, reads by id, searches and refreshes
	written, refreshes, merged int64 // documents written, refreshes of a shard, documents merged
}

func (c *cluster) usage(ctx context.Context) (u usage, err error) {
	for _, p := range c.workers {
		u.workers += cpu(p.cmd.Process.Pid)
	}
	for _, p := range c.gateways {
		u.gateways += cpu(p.cmd.Process.Pid)
	}
	u.temporal = cpu(c.temporal.cmd.Process.Pid)
	var stats struct {
		Nodes map[string]struct {
			Process struct {
				CPU struct {
					Millis int64 `json:"total_in_millis"`
				} `json:"cpu"`
			} `json:"process"`
			HTTP struct {
				Routes map[string]struct {
					Requests struct {
						Count int64 `json:"count"`
					} `json:"requests"`
				} `json:"routes"`
			} `json:"http"`
			Indices struct {
				Indexing struct {
					Total int64 `json:"index_total"`
				} `json:"indexing"`
				Refresh struct {
					Total int64 `json:"total"`
				} `json:"refresh"`
				Merges struct {
					Docs int64 `json:"total_docs"`
				} `json:"merges"`
			} `json:"indices"`
		} `json:"nodes"`
	}
	if err := c.node.Do(ctx, "GET", "/_nodes/stats/process,http,indices", nil, &stats); err != nil {
		return u, err
	}
	for _, n := range stats.Nodes {
		u.elasticsearch += time.Duration(n.Process.CPU.Millis) * time.Millisecond
		u.written += n.Indices.Indexing.Total
		u.refreshes += n.Indices.Refresh.Total
		u.merged += n.Indices.Merges.Docs
		for _, route := range []string{"/_bulk", "/_mget", "/_search", "/{index}/_search", "/{index}/_refresh", "/_pit", "/{index}/_pit"} {
			u.requests += n.HTTP.Routes[route].Requests.Count
		}
	}
	return u, nil
}

// used is what was used since an earlier usage.
func (c *cluster) used(ctx context.Context, since usage) (usage, error) {
	u, err := c.usage(ctx)
	return u.minus(since), err
}

func (u usage) minus(v usage) usage {
	return usage{
		u.workers - v.workers, u.gateways - v.gateways, u.temporal - v.temporal, u.elasticsearch - v.elasticsearch,
		u.requests - v.requests, u.written - v.written, u.refreshes - v.refreshes, u.merged - v.merged,
	}
}

func (u usage) total() time.Duration { return u.workers + u.gateways + u.temporal + u.elasticsearch }

// report adds what was used for n rules.
func (u usage) report(r *run, bench, what string, n int) {
	each := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) / float64(n) }
	r.add(bench, what+": processor time", each(u.total()), "ms a rule", fmt.Sprintf("workers %.1f, gateways %.1f, Temporal %.1f, Elasticsearch %.1f",
		each(u.workers), each(u.gateways), each(u.temporal), each(u.elasticsearch)))
	r.add(bench, what+": requests to Elasticsearch", float64(u.requests)/float64(n), "a rule", fmt.Sprintf("%.1f documents written a rule, %.1f merged; %.0f refreshes in 1,000 rules",
		float64(u.written)/float64(n), float64(u.merged)/float64(n), float64(u.refreshes)/float64(n)*1000))
}
