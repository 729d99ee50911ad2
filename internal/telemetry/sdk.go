package telemetry

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// SDK hands the metrics of the Temporal SDK on: counters get the ending _total, timers _seconds.
func (m *Metrics) SDK() client.MetricsHandler { return &sdkHandler{metrics: m.sdk} }

// sdkMetrics collects them without describing them first, since the SDK gives one name different labels.
type sdkMetrics struct {
	mu      sync.RWMutex
	metrics map[string]prometheus.Metric
}

func newSDKMetrics() *sdkMetrics { return &sdkMetrics{metrics: map[string]prometheus.Metric{}} }

// Describe implements prometheus.Collector.
func (*sdkMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *sdkMetrics) Collect(ch chan<- prometheus.Metric) {
	s.mu.RLock()
	all := slices.Collect(maps.Values(s.metrics))
	s.mu.RUnlock()
	for _, m := range all {
		ch <- m
	}
}

// find returns the metric of that name and labels, made by create the first time.
func find[M prometheus.Metric](s *sdkMetrics, name, labels string, create func() M) M {
	key := name + labels
	s.mu.RLock()
	m, ok := s.metrics[key].(M)
	s.mu.RUnlock()
	if ok {
		return m
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.metrics[key].(M); ok {
		return m
	}
	m = create()
	s.metrics[key] = m
	return m
}

// sdkHandler is a view of the metrics with some labels.
type sdkHandler struct {
	metrics *sdkMetrics
	labels  prometheus.Labels
	key     string // of the labels
}

// WithTags implements client.MetricsHandler.
func (h *sdkHandler) WithTags(tags map[string]string) client.MetricsHandler {
	labels := maps.Clone(h.labels)
	if labels == nil {
		labels = prometheus.Labels{}
	}
	for name, value := range tags {
		labels[strings.NewReplacer("-", "_", ".", "_").Replace(name)] = value
	}
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		key.WriteString("\x00" + name + "\x01" + labels[name])
	}
	return &sdkHandler{metrics: h.metrics, labels: labels, key: key.String()}
}

const sdkHelp = "Of the Temporal SDK; see https://docs.temporal.io/references/sdk-metrics."

// Counter implements client.MetricsHandler.
func (h *sdkHandler) Counter(name string) client.MetricsCounter {
	name += "_total"
	return counter{find(h.metrics, name, h.key, func() prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: sdkHelp, ConstLabels: h.labels})
	})}
}

// Gauge implements client.MetricsHandler.
func (h *sdkHandler) Gauge(name string) client.MetricsGauge {
	return gauge{find(h.metrics, name, h.key, func() prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: sdkHelp, ConstLabels: h.labels})
	})}
}

// Timer implements client.MetricsHandler.
func (h *sdkHandler) Timer(name string) client.MetricsTimer {
	name += "_seconds"
	return timer{find(h.metrics, name, h.key, func() prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: sdkHelp, ConstLabels: h.labels, Buckets: buckets})
	})}
}

type counter struct{ prometheus.Counter }

// Inc implements client.MetricsCounter. Counters never go down.
func (c counter) Inc(n int64) { c.Add(float64(max(n, 0))) }

type gauge struct{ prometheus.Gauge }

// Update implements client.MetricsGauge.
func (g gauge) Update(v float64) { g.Set(v) }

type timer struct{ prometheus.Histogram }

// Record implements client.MetricsTimer.
func (t timer) Record(d time.Duration) { t.Observe(d.Seconds()) }
