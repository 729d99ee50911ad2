package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// Traces makes spans of requests, workflows and activities. The zero value makes none.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

const scope = "github.com/rulebridge/rulebridge"

// propagator hands a span on to the next process. Baggage is left out: it could carry anything into a history.
var propagator propagation.TextMapPropagator = propagation.TraceContext{}

// StartTraces sends spans to the collector that OpenTelemetry's own variables name (OTEL_EXPORTER_OTLP_ENDPOINT,
// OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, …). It is off unless one of them asks for it: an
// endpoint, or OTEL_TRACES_EXPORTER=otlp. env looks up a variable.
func StartTraces(ctx context.Context, process, version string, env func(string) string) (*Traces, error) {
	if !wanted(env) {
		return &Traces{}, nil
	}
	exporter, err := newExporter(ctx, env)
	if err != nil {
		return nil, err
	}
	res, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "rulebridge-"+process), attribute.String("service.version", version)),
		resource.WithFromEnv(), resource.WithHost(), resource.WithTelemetrySDK(),
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describe this process for traces (OTEL_RESOURCE_ATTRIBUTES): %w", err)
	}
	return newTraces(sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))), nil
}

func newTraces(p *sdktrace.TracerProvider) *Traces {
	return &Traces{provider: p, tracer: p.Tracer(scope)}
}

func wanted(env func(string) string) bool {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch env("OTEL_TRACES_EXPORTER") {
	case "otlp":
		return true
	case "":
		return env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	}
	return false
}

func newExporter(ctx context.Context, env func(string) string) (sdktrace.SpanExporter, error) {
	protocol := env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = env("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	var exporter sdktrace.SpanExporter
	var err error
	switch protocol {
	case "", "http/protobuf":
		exporter, err = otlptracehttp.New(ctx)
	case "grpc":
		exporter, err = otlptracegrpc.New(ctx)
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %q is not supported; use http/protobuf or grpc", protocol)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare the export of traces (OTEL_EXPORTER_OTLP_… variables): %w", err)
	}
	return exporter, nil
}

// Enabled reports whether spans are made.
func (t *Traces) Enabled() bool { return t.provider != nil }

// Interceptors make spans of starts, signals, workflows and activities, for the options of a Temporal client; none when
// traces are off.
func (t *Traces) Interceptors() ([]interceptor.ClientInterceptor, error) {
	if !t.Enabled() {
		return nil, nil
	}
	i, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: t.tracer, TextMapPropagator: propagator, DisableBaggage: true, DisableQueryTracing: true,
		// A caller of another release may have put something else there.
		AllowInvalidParentSpans: true,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare traces of workflows: %w", err)
	}
	return []interceptor.ClientInterceptor{i}, nil
}

// Middleware makes a span of each request of a gateway. It names routes, not paths and query strings.
func (t *Traces) Middleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		if !t.Enabled() || probes[c.FullPath()] {
			return
		}
		ctx := propagator.Extract(c.Request.Context(), propagation.HeaderCarrier(c.Request.Header))
		route := c.FullPath()
		if route == "" {
			route = "unknown route"
		}
		ctx, span := t.tracer.Start(ctx, knownMethod(c.Request.Method)+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", knownMethod(c.Request.Method)), attribute.String("http.route", route)))
		defer func() {
			status := c.Writer.Status()
			span.SetAttributes(attribute.Int("http.response.status_code", status))
			if status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, http.StatusText(status))
			}
			span.End()
		}()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

var probes = map[string]bool{"/healthz": true, "/readyz": true}

// Shutdown sends what is left.
func (t *Traces) Shutdown(ctx context.Context) error {
	if !t.Enabled() {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}
