package metrics

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// sdkLabelCount is the number of labels that each metric of the Temporal SDK has.
const sdkLabelCount = 10

// sdkLabels are the tags of the SDK that become labels. Prometheus wants the same labels on all series of a
// name, while the SDK hands out tags as they come; so every metric has all of these, and one that is empty counts
// as left out. Tags that are not among them are dropped: then no later version of the SDK brings labels
// without bounds.
func sdkLabels() [sdkLabelCount]string {
	return [...]string{
		"namespace", "worker_type", "workflow_type", "activity_type", "task_queue", "operation", "poller_type",
		"failure_reason", "status_code", "cause",
	}
}

// sdkBuckets go from a quick call to a long poll.
func sdkBuckets() []float64 {
	return []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60}
}

// Temporal returns what the Temporal SDK is to report its metrics to. They are named as Temporal's own
// dashboards expect: counters end in _total, times in _seconds.
func (m *Metrics) Temporal() client.MetricsHandler {
	if m == nil {
		return client.MetricsNopHandler
	}
	return sdkHandler{metrics: m.sdk}
}

// sdkMetrics are the SDK's metrics, which come into being when they are first used.
type sdkMetrics struct {
	registry   *prometheus.Registry
	counters   sync.Map // of *prometheus.CounterVec, by the SDK's name
	gauges     sync.Map // of *prometheus.GaugeVec
	histograms sync.Map // of *prometheus.HistogramVec
}

// sdkHandler is a client.MetricsHandler with the values of its labels.
type sdkHandler struct {
	metrics *sdkMetrics
	values  [sdkLabelCount]string
}

// WithTags returns a handler with further tags.
func (h sdkHandler) WithTags(tags map[string]string) client.MetricsHandler {
	labels := sdkLabels()
	for name, value := range tags {
		if i := slices.Index(labels[:], name); i >= 0 {
			h.values[i] = value
		}
	}
	return h
}

// Counter returns a counter of the SDK.
func (h sdkHandler) Counter(name string) client.MetricsCounter {
	vec := vecOf(h.metrics.registry, &h.metrics.counters, name, func(labels []string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: withSuffix(name, "_total"), Help: sdkHelp(name)}, labels)
	})
	return sdkCounter{vec.WithLabelValues(h.values[:]...)}
}

// Gauge returns a gauge of the SDK.
func (h sdkHandler) Gauge(name string) client.MetricsGauge {
	vec := vecOf(h.metrics.registry, &h.metrics.gauges, name, func(labels []string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: sdkHelp(name)}, labels)
	})
	return sdkGauge{vec.WithLabelValues(h.values[:]...)}
}

// Timer returns a timer of the SDK.
func (h sdkHandler) Timer(name string) client.MetricsTimer {
	vec := vecOf(h.metrics.registry, &h.metrics.histograms, name, func(labels []string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: withSuffix(name, "_seconds"), Help: sdkHelp(name), Buckets: sdkBuckets()}, labels)
	})
	return sdkTimer{vec.WithLabelValues(h.values[:]...)}
}

func withSuffix(name, suffix string) string { return strings.TrimSuffix(name, suffix) + suffix }

func sdkHelp(name string) string { return "The Temporal SDK's " + name + "." }

// vecOf returns the metric of this name, and makes and registers it when it is not known yet.
func vecOf[V prometheus.Collector](registry *prometheus.Registry, known *sync.Map, name string, create func(labels []string) V) V {
	if vec, ok := known.Load(name); ok {
		return vec.(V) //nolint:forcetypeassert // a map holds one kind
	}
	labels := sdkLabels()
	vec := create(labels[:])
	var before prometheus.AlreadyRegisteredError
	if err := registry.Register(vec); errors.As(err, &before) {
		if other, ok := before.ExistingCollector.(V); ok {
			vec = other
		}
	}
	stored, _ := known.LoadOrStore(name, vec)
	return stored.(V) //nolint:forcetypeassert // a map holds one kind
}

type sdkCounter struct{ counter prometheus.Counter }

// Inc adds to the counter.
func (c sdkCounter) Inc(by int64) { c.counter.Add(float64(max(by, 0))) }

type sdkGauge struct{ gauge prometheus.Gauge }

// Update sets the gauge.
func (g sdkGauge) Update(to float64) { g.gauge.Set(to) }

type sdkTimer struct{ observer prometheus.Observer }

// Record notes how long something took.
func (t sdkTimer) Record(took time.Duration) { t.observer.Observe(took.Seconds()) }
