// Package telemetry exposes what processes count and time to Prometheus, and sends traces to an OpenTelemetry collector.
package telemetry

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// buckets of times, in seconds: from a lookup in memory to a model that takes minutes.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

// Metrics are those of one process. They have a registry of their own: nothing else of the program gets in.
type Metrics struct {
	registry   *prometheus.Registry
	sdk        *sdkMetrics
	requests   *prometheus.CounterVec
	requestSec *prometheus.HistogramVec
	rules      *prometheus.CounterVec
	calls      *prometheus.CounterVec
	callSec    *prometheus.HistogramVec
	activities *prometheus.CounterVec
}

// NewMetrics makes the metrics of a process: api, worker or dev.
func NewMetrics(process, version string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rulebridge_" + name, Help: help}, labels)
	}
	seconds := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "rulebridge_" + name, Help: help, Buckets: buckets}, labels)
	}
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		sdk:        newSDKMetrics(),
		requests:   counter("http_requests_total", "Requests answered by the gateway.", "route", "method", "code"),
		requestSec: seconds("http_request_seconds", "Time from the first byte read to the last byte written.", "route", "method"),
		rules:      counter("rules_total", "Rules this worker brought to an end, by result: full, partial, untranslatable, error.", "result"),
		calls:      counter("model_calls_total", "Steps that asked a connector, a recorded answer included, by outcome: ok, or the type of the error.", "connector", "outcome"),
		callSec:    seconds("model_call_seconds", "Time of a step that asked a connector.", "connector"),
		activities: counter("activities_total", "Attempts of activities on this worker, by outcome: ok, or the type of the error.", "activity", "outcome"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rulebridge_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"process": process, "version": version},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.requests, m.requestSec, m.rules, m.calls, m.callSec, m.activities, m.sdk, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler serves the metrics as Prometheus reads them.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Serve answers /metrics on the listener until the returned function is called.
func (m *Metrics) Serve(l net.Listener, log *zap.Logger) (stop func()) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, ErrorLog: zap.NewStdLog(log.Named("metrics"))}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", zap.Error(err))
		}
	}()
	log.Info("metrics are served", zap.String("addr", l.Addr().String()))
	return func() { _ = srv.Close(); <-done }
}

// Request counts one answered request. An empty route is a path that no route has.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, knownMethod(method), strconv.Itoa(status)).Inc()
	m.requestSec.WithLabelValues(route, knownMethod(method)).Observe(took.Seconds())
}

// knownMethod keeps what callers make up out of the labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// Rule counts one rule that reached an end.
func (m *Metrics) Rule(result string) { m.rules.WithLabelValues(result).Inc() }

// Call counts one step that asked a connector.
func (m *Metrics) Call(connector, outcome string, took time.Duration) {
	m.calls.WithLabelValues(connector, outcome).Inc()
	m.callSec.WithLabelValues(connector).Observe(took.Seconds())
}

// Activity counts one attempt of an activity.
func (m *Metrics) Activity(name, outcome string) { m.activities.WithLabelValues(name, outcome).Inc() }
