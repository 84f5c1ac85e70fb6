package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/durahook/durahook/webhook"
)

// alerting is what is counted where something needs a person.
type alerting struct {
	disabled prometheus.Counter
	alerts   *prometheus.CounterVec
}

// The results of sending an alert.
const (
	alertSent   = "sent"
	alertFailed = "failed"
)

func newAlerting(factory promauto.Factory) alerting {
	a := alerting{
		alerts: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "durahook_alerts_total", Help: "Alerts that were sent to people, or in the end were not, by the type of their channel.",
		}, []string{"type", "result"}),
		disabled: factory.NewCounter(prometheus.CounterOpts{
			Name: "durahook_webhooks_disabled_total", Help: "Webhooks that were disabled because no attempt succeeded for too long.",
		}),
	}
	for _, t := range webhook.AlertTypes() {
		a.alerts.WithLabelValues(string(t), alertSent)
		a.alerts.WithLabelValues(string(t), alertFailed)
	}
	return a
}

// AlertEnded counts an alert that arrived, or in the end did not.
func (m *Metrics) AlertEnded(t webhook.AlertType, sent bool) {
	if m == nil || !slices.Contains(webhook.AlertTypes(), t) {
		return
	}
	result := alertFailed
	if sent {
		result = alertSent
	}
	m.alerting.alerts.WithLabelValues(string(t), result).Inc()
}

// WebhookDisabled counts a webhook that was disabled because it failed for too long.
func (m *Metrics) WebhookDisabled() {
	if m != nil {
		m.alerting.disabled.Inc()
	}
}
