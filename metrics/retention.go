package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/durahook/durahook/webhook"
)

// retaining is what is counted where events are deleted that were kept for long enough.
type retaining struct {
	events, deliveries, attempts prometheus.Counter

	failures map[RetentionStep]prometheus.Counter
	behind   prometheus.Gauge
}

// RetentionStep is a step on the way to the deletion of events.
type RetentionStep string

// The steps.
const (
	RetentionExport RetentionStep = "export"
	RetentionDelete RetentionStep = "delete"
)

func newRetaining(factory promauto.Factory) retaining {
	deleted := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "durahook_retention_deleted_total", Help: "What was deleted because it was kept for long enough.",
	}, []string{"kind"})
	failures := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "durahook_retention_failures_total", Help: "Batches of events that could not be deleted, by the step that failed; each is tried again.",
	}, []string{"step"})
	r := retaining{
		events: deleted.WithLabelValues("event"), deliveries: deleted.WithLabelValues("delivery"), attempts: deleted.WithLabelValues("attempt"),
		failures: make(map[RetentionStep]prometheus.Counter),
		behind: factory.NewGauge(prometheus.GaugeOpts{
			Name: "durahook_retention_behind_seconds", Help: "How long ago the last event that was deleted should have been; 0 when all are.",
		}),
	}
	for _, step := range []RetentionStep{RetentionExport, RetentionDelete} {
		r.failures[step] = failures.WithLabelValues(string(step))
	}
	return r
}

// Deleted counts what was deleted because it was kept for long enough.
func (m *Metrics) Deleted(d webhook.Deleted) {
	if m == nil {
		return
	}
	m.retaining.events.Add(float64(d.Events))
	m.retaining.deliveries.Add(float64(d.Deliveries))
	m.retaining.attempts.Add(float64(d.Attempts))
}

// RetentionFailed counts a batch of events that could not be deleted.
func (m *Metrics) RetentionFailed(step RetentionStep) {
	if m == nil {
		return
	}
	if counter, ok := m.retaining.failures[step]; ok {
		counter.Inc()
	}
}

// RetentionBehind notes by how much the deletion is late; 0 when it is not.
func (m *Metrics) RetentionBehind(by time.Duration) {
	if m != nil {
		m.retaining.behind.Set(max(by, 0).Seconds())
	}
}
