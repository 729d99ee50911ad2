// Command bench measures the running program (schedule, throughput, stats calls, start-up), the compiler, and what its
// queries cost on a real node. It prints a table and writes JSON. Machines differ, so what counts are ratios within one
// run; nothing here is asserted.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// figure is one measured number.
type figure struct {
	Bench string  `json:"bench"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Note  string  `json:"note,omitempty"`
}

// run is one invocation.
type run struct {
	bin     string
	scale   float64       // of the numbers of rules
	classic bool          // measure batches with a pause as well
	eager   int           // activities that a workflow task may start on its own worker, of processes apart
	limit   time.Duration // of the benches large and many
	runs    int           // of each produced query
	window  string        // the one window to measure produced queries behind; all when empty
	figures []figure
}

func (r *run) add(bench, name string, value float64, unit, note string) {
	r.figures = append(r.figures, figure{bench, name, value, unit, note})
	fmt.Fprintf(os.Stderr, "  %s: %s %.3g %s %s\n", bench, name, value, unit, note)
}

// rules scales a number of rules, for a quick look.
func (r *run) rules(n int) int { return max(10, int(float64(n)*r.scale)) }

type bench struct {
	name, what string
	do         func(context.Context, *run) error
}

func benches() []bench {
	return []bench{
		{"compiler", "the compiler alone on one core: rules/s, p50 and p99, allocations, cost against length", compiler},
		{"assistant", "questions about 10,000 alerts without a model: tools, masking, a conversation of 200 turns", questions},
		{"queries", "20 translated rules on a real Elasticsearch with 1,000,000 events, against two plain forms of the same conditions", producedQueries},
		{"startup", "start-to-ready time and memory of dev", startup},
		{"deterministic", "1,000 and 10,000 rules, file SQLite: rules/s, events, memory", deterministic},
		{"import", "an app folder of 10,000 and 50,000 stanzas into a data folder: seconds, peak memory", imports},
		{"stats", "stats calls while a migration runs and after; 4 gateways with 20 pollers each", statsCalls},
		{"schedule", "1,000 rules of 2 s ± 50 %: sliding window against the ideal and against batches with a pause", schedule},
		{"workers", "Elasticsearch, Temporal, gateway and workers apart: 10,000 rules with 1, 2 and 4 workers", scaleWorkers},
		{"places", "the same with few places a worker: whether calls spread over 1, 2 and 4 workers", scalePlaces},
		{"large", "the same with one migration of 100,000 rules: rules/s, events, memory, GET /{id}", scaleLarge},
		{"many", "the same with 1,000 migrations of 20 rules: rules/s, stats of all migrations", scaleMany},
	}
}

func main() {
	bin := flag.String("bin", os.Getenv("RULEBRIDGE_BIN"), "the program; RULEBRIDGE_BIN")
	only := flag.String("only", "", "benches to run, by name, with commas; all when empty")
	out := flag.String("json", "bench/bench.json", "where the figures go as JSON")
	scale := flag.Float64("scale", 1, "share of the rules, for a quick look")
	classic := flag.Bool("classic", true, "measure batches with a 10 s pause beside the sliding window, which takes minutes")
	eager := flag.Int("eager", 3, "worker.eager of processes apart")
	limit := flag.Duration("limit", time.Hour, "longest time for the work of the benches large and many; what is done by then counts")
	runs := flag.Int("runs", 15, "runs of each produced query, of which the median counts")
	window := flag.String("window", "", "measure produced queries behind this window only: 1 hour, 5 minutes or everything")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, *only, *out, &run{bin: *bin, scale: *scale, classic: *classic, eager: *eager, limit: *limit, runs: *runs, window: *window}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, only, out string, r *run) error {
	var names []string
	if only != "" {
		names = strings.Split(only, ",")
	}
	if r.bin == "" && (names == nil || slices.ContainsFunc(names, func(name string) bool { return name != "compiler" && name != "queries" && name != "assistant" })) {
		return fmt.Errorf("no program given: build it and name it with -bin or RULEBRIDGE_BIN; only the benches compiler, assistant and queries need none")
	}
	for _, b := range benches() {
		if names != nil && !slices.Contains(names, b.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", b.name, b.what)
		if err := b.do(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	t := table.NewWriter()
	t.AppendHeader(table.Row{"bench", "figure", "value", "unit", "note"})
	for _, f := range r.figures {
		t.AppendRow(table.Row{f.Bench, f.Name, fmt.Sprintf("%.4g", f.Value), f.Unit, f.Note})
	}
	fmt.Println(t.Render())
	data, err := json.MarshalIndent(map[string]any{
		"at": time.Now().UTC(), "load": load(), "cores": runtime.NumCPU(), "go": runtime.Version(), "scale": r.scale, "figures": r.figures,
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(out, append(data, '\n'), 0o644)
}

// load is the machine's load average when the bench ends, which says how far its figures can be trusted; empty where
// there is none.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
