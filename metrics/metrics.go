// Package metrics counts what a durahook process does, for Prometheus. It owns the registry, so that nothing is
// global, and every name and label: docs/metrics.md lists them. A label has only values that the code knows
// beforehand: no IDs, no addresses, nothing that a client made up.
//
// A nil *Metrics counts nothing, so that packages and tests need not care. It imports webhook and lanes.
package metrics

import (
	"database/sql"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/durahook/durahook/webhook"
)

// Metrics are the metrics of a process. They are safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	publishing publishing
	attempting attempting
	serving    serving
	alerting   alerting
	retaining  retaining
	sdk        *sdkMetrics

	reconciling map[webhook.Finding]prometheus.Counter
}

// New returns the metrics of a process that runs this version.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	factory := promauto.With(registry)
	factory.NewGaugeVec(prometheus.GaugeOpts{
		Name: "durahook_build_info", Help: "Always 1; the label says which version runs.",
	}, []string{"version"}).WithLabelValues(version).Set(1)
	return &Metrics{
		registry:   registry,
		publishing: newPublishing(factory),
		attempting: newAttempting(factory),
		serving:    newServing(factory),
		alerting:   newAlerting(factory),
		retaining:  newRetaining(factory),
		sdk:        &sdkMetrics{registry: registry},

		reconciling: newReconciling(factory),
	}
}

// Registry returns where the metrics can be gathered from.
func (m *Metrics) Registry() *prometheus.Registry {
	if m == nil {
		return prometheus.NewRegistry()
	}
	return m.registry
}

// Handler serves the metrics in the form that Prometheus reads. Who may read them is for others to check.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	serve := promhttp.HandlerFor(m.Registry(), promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		serve.ServeHTTP(w, r)
	})
}

// WatchPool has the state of the database's connections shown.
func (m *Metrics) WatchPool(db *sql.DB) {
	if m != nil {
		m.registry.MustRegister(collectors.NewDBStatsCollector(db, "durahook"))
	}
}

// Starter is what starts deliveries.
type Starter interface {
	Queued() int   // how many deliveries wait for their start in memory
	Swept() uint64 // how many the sweep has started so far
}

// WatchStarter has what the starter does shown.
func (m *Metrics) WatchStarter(s Starter) {
	if m == nil {
		return
	}
	factory := promauto.With(m.registry)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "durahook_starter_queue_length", Help: "Deliveries that wait in memory for their workflow to be started.",
	}, func() float64 { return float64(s.Queued()) })
	factory.NewCounterFunc(prometheus.CounterOpts{
		Name: "durahook_sweep_started_total", Help: "Deliveries that the sweep saw to, because their workflow was not known to be started.",
	}, func() float64 { return float64(s.Swept()) })
}
