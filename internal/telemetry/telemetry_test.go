package telemetry

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestMetrics(t *testing.T) {
	m := NewMetrics("worker", "v1")
	m.Request("/x/:id", "GET", 200, 20*time.Millisecond)
	m.Request("", "BREW", 404, time.Millisecond)
	m.Rule("full")
	m.Rule("full")
	m.Call("sim", "ok", time.Second)
	m.Activity("MatchRule", "ok")
	// One name with different labels, as the SDK does.
	sdk := m.SDK()
	sdk.WithTags(map[string]string{"namespace": "default"}).Counter("temporal_request").Inc(2)
	sdk.WithTags(map[string]string{"namespace": "default"}).WithTags(map[string]string{"operation": "Poll"}).Counter("temporal_request").Inc(1)
	sdk.WithTags(map[string]string{"namespace": "default"}).Counter("temporal_request").Inc(1)
	sdk.Gauge("temporal_num_pollers").Update(3)
	sdk.WithTags(map[string]string{"activity-type": "X"}).Timer("temporal_activity_execution_latency").Record(30 * time.Millisecond)

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	for _, want := range []string{
		`rulebridge_http_requests_total{code="200",method="GET",route="/x/:id"} 1`,
		`rulebridge_http_requests_total{code="404",method="other",route="none"} 1`,
		`rulebridge_http_request_seconds_bucket{method="GET",route="/x/:id",le="0.025"} 1`,
		`rulebridge_rules_total{result="full"} 2`,
		`rulebridge_model_calls_total{connector="sim",outcome="ok"} 1`,
		`rulebridge_activities_total{activity="MatchRule",outcome="ok"} 1`,
		`rulebridge_build_info{process="worker",version="v1"} 1`,
		`temporal_request_total{namespace="default"} 3`,
		`temporal_request_total{namespace="default",operation="Poll"} 1`,
		`temporal_num_pollers 3`,
		`temporal_activity_execution_latency_seconds_bucket{activity_type="X",le="0.05"} 1`,
		`go_goroutines`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("missing: %s", want)
		}
	}
}

func TestTracesAreOffUnlessAskedFor(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, false},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, true},
	} {
		tr, err := StartTraces(context.Background(), "api", "v1", func(k string) string { return tc.env[k] })
		if err != nil {
			t.Fatal(err)
		}
		if tr.Enabled() != tc.want {
			t.Errorf("%v: on %v, want %v", tc.env, tr.Enabled(), tc.want)
		}
		is, err := tr.Interceptors()
		if err != nil || (len(is) > 0) != tc.want {
			t.Errorf("%v: interceptors %v %v", tc.env, is, err)
		}
		if err := tr.Shutdown(context.Background()); err != nil {
			t.Errorf("%v: %v", tc.env, err)
		}
	}
	if _, err := StartTraces(context.Background(), "api", "v1", func(k string) string {
		return map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}[k]
	}); err == nil || !strings.Contains(err.Error(), "http/json") {
		t.Errorf("unknown protocol: %v", err)
	}
}

func TestMiddleware(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tr := newTraces(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(tr.Middleware())
	e.GET("/rules/:id", func(c *gin.Context) { c.Status(http.StatusInternalServerError) })
	e.GET("/healthz", func(c *gin.Context) { c.Status(http.StatusOK) })
	r := httptest.NewRequest(http.MethodGet, "/rules/secret?token=secret", nil)
	r.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	e.ServeHTTP(httptest.NewRecorder(), r)
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/healthz", nil))
	spans := recorder.Ended()
	if len(spans) != 1 {
		t.Fatalf("%d spans, want the request's alone", len(spans))
	}
	s := spans[0]
	if s.Name() != "GET /rules/:id" || s.SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || s.Status().Code.String() != "Error" {
		t.Errorf("span %s of trace %s, status %v", s.Name(), s.SpanContext().TraceID(), s.Status())
	}
	for _, a := range s.Attributes() {
		if strings.Contains(a.Value.String(), "secret") {
			t.Errorf("attribute %s carries the path", a.Key)
		}
	}
}
