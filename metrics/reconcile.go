package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/durahook/durahook/webhook"
)

func newReconciling(factory promauto.Factory) map[webhook.Finding]prometheus.Counter {
	found := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "durahook_reconciler_found_total", Help: "Deliveries whose row and workflow disagreed when the reconciler looked, by what was wrong.",
	}, []string{"finding"})
	counters := make(map[webhook.Finding]prometheus.Counter)
	for _, f := range webhook.Findings() {
		counters[f] = found.WithLabelValues(string(f))
	}
	return counters
}

// Found counts a finding of the reconciler.
func (m *Metrics) Found(f webhook.Finding) {
	if m == nil {
		return
	}
	if counter, ok := m.reconciling[f]; ok {
		counter.Inc()
	}
}
