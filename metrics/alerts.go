package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// alerting is what is counted where something needs a person.
type alerting struct {
	disabled prometheus.Counter
}

func newAlerting(factory promauto.Factory) alerting {
	return alerting{
		disabled: factory.NewCounter(prometheus.CounterOpts{
			Name: "durahook_webhooks_disabled_total", Help: "Webhooks that were disabled because no attempt succeeded for too long.",
		}),
	}
}

// WebhookDisabled counts a webhook that was disabled because it failed for too long.
func (m *Metrics) WebhookDisabled() {
	if m != nil {
		m.alerting.disabled.Inc()
	}
}
