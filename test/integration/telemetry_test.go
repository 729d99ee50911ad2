package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

var metricName = regexp.MustCompile(`\b(?:rulebridge|temporal|process|go)_[a-z_]+\b`)

// dashboardMetrics are the names that the dashboard's queries use.
func dashboardMetrics(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("../../deploy/grafana/rulebridge.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range board.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			found := metricName.FindAllString(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("panel %q: no metric in %s", p.Title, target.Expr)
			}
			names = append(names, found...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// spans is an OpenTelemetry collector that keeps what it gets: services and span names of each trace.
type spans struct {
	mu     sync.Mutex
	traces map[string]map[string]bool
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var in collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range in.GetResourceSpans() {
		service := ""
		for _, a := range rs.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, span := range ss.GetSpans() {
				id := string(span.GetTraceId())
				if s.traces[id] == nil {
					s.traces[id] = map[string]bool{}
				}
				s.traces[id][service+" "+span.GetName()] = true
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// has reports whether one trace holds all the spans.
func (s *spans) has(want ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, trace := range s.traces {
		if !slices.ContainsFunc(want, func(name string) bool { return !trace[name] }) {
			return true
		}
	}
	return false
}

// TestTelemetry: every metric of the dashboard is exposed by a gateway or a worker after a migration, and one trace goes
// from the request over the workflow to its activities.
func TestTelemetry(t *testing.T) {
	got := &spans{traces: map[string]map[string]bool{}}
	otlp := httptest.NewServer(got)
	defer otlp.Close()
	c := newCluster(t, config(t, "10ms"), "OTEL_EXPORTER_OTLP_ENDPOINT="+otlp.URL, "OTEL_BSP_SCHEDULE_DELAY=200",
		"RULEBRIDGE_METRICS_ADDR=127.0.0.1:0", "TEMPORAL_NAMESPACE=default")
	w, g := c.worker(), c.gateway()
	id := g.create(10)
	g.begin(id, "sim")
	g.finished(id, 10, 30*time.Second)

	eventually(t, 15*time.Second, "one trace from gateway to activity", func() bool {
		return got.has("rulebridge-api PUT "+rulesPath+"/:id/start", "rulebridge-worker RunWorkflow:Migration",
			"rulebridge-worker RunActivity:ClaimBatch", "rulebridge-worker RunActivity:TranslateRule", "rulebridge-worker RunActivity:CallModel")
	})

	code, exposed := get(t, w.health+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("metrics of the worker: %d", code)
	}
	m := regexp.MustCompile(`"msg":"metrics are served".*"addr":"([^"]+)"`).FindStringSubmatch(g.stderr.String())
	if m == nil {
		t.Fatal("the gateway does not say where its metrics are")
	}
	code, more := get(t, "http://"+m[1]+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("metrics of the gateway: %d", code)
	}
	names := metricName.FindAllString(exposed+more, -1)
	for _, name := range dashboardMetrics(t) {
		if !slices.Contains(names, name) {
			t.Errorf("the dashboard asks for %s, which nobody exposes", name)
		}
	}
	if !regexp.MustCompile(`rulebridge_model_calls_total\{connector="sim",outcome="ok"\} 10`).MatchString(exposed) {
		t.Error("the worker does not count 10 model calls")
	}
}
