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

	failures prometheus.Counter
	behind   prometheus.Gauge

	exported, exportFailures prometheus.Counter
}

func newRetaining(factory promauto.Factory) retaining {
	deleted := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "durahook_retention_deleted_total", Help: "What was deleted because it was kept for long enough.",
	}, []string{"kind"})
	return retaining{
		events: deleted.WithLabelValues("event"), deliveries: deleted.WithLabelValues("delivery"), attempts: deleted.WithLabelValues("attempt"),
		failures: factory.NewCounter(prometheus.CounterOpts{
			Name: "durahook_retention_failures_total", Help: "Batches of events that could not be deleted; each is tried again.",
		}),
		exported: factory.NewCounter(prometheus.CounterOpts{
			Name: "durahook_exported_events_total", Help: "Events that were exported before their deletion.",
		}),
		exportFailures: factory.NewCounter(prometheus.CounterOpts{
			Name: "durahook_export_failures_total", Help: "Batches of events that could not be exported, and were not deleted; each is tried again.",
		}),
		behind: factory.NewGauge(prometheus.GaugeOpts{
			Name: "durahook_retention_behind_seconds", Help: "How long ago the last event that was deleted should have been; 0 when all are.",
		}),
	}
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
func (m *Metrics) RetentionFailed() {
	if m != nil {
		m.retaining.failures.Inc()
	}
}

// Exported counts events that were exported.
func (m *Metrics) Exported(events int) {
	if m != nil {
		m.retaining.exported.Add(float64(events))
	}
}

// ExportFailed counts a batch of events that could not be exported.
func (m *Metrics) ExportFailed() {
	if m != nil {
		m.retaining.exportFailures.Inc()
	}
}

// RetentionBehind notes by how much the deletion is late; 0 when it is not.
func (m *Metrics) RetentionBehind(by time.Duration) {
	if m != nil {
		m.retaining.behind.Set(max(by, 0).Seconds())
	}
}
