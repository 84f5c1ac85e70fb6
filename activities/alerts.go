package activities

import (
	"context"
	"errors"
	"log/slog"

	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/alerts"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/webhook"
)

// AlertStore knows what alerts tell, and to whom.
type AlertStore interface {
	Alert(ctx context.Context, id string) (alert webhook.Alert, found bool, err error)
	AlertChannelByID(ctx context.Context, id string) (webhook.AlertChannel, error)
	EndAlert(ctx context.Context, end webhook.AlertEnd) (webhook.AlertType, error)
}

// Alerts sends alerts to people; its methods are the activities. Workflows know IDs only: who is told what is looked
// up when it is sent.
type Alerts struct {
	store   AlertStore
	sender  *alerts.Sender
	console string // where the console is, for links to it; empty for nowhere
	metrics *metrics.Metrics
	log     *slog.Logger
}

// NewAlerts returns the activities over a store and a sender. Console is the address of the console, for links; empty
// for none. Alerts are counted in m; nil for none.
func NewAlerts(store AlertStore, sender *alerts.Sender, console string, m *metrics.Metrics, log *slog.Logger) *Alerts {
	return &Alerts{store: store, sender: sender, console: console, metrics: m, log: log}
}

// SendAlert sends an alert, or a test of its channel. It reports whether there was something to send: not if the alert
// was sent before, or its channel was deleted.
func (a *Alerts) SendAlert(ctx context.Context, request webhook.AlertRequest) (sent bool, err error) {
	channel, message, found, err := a.compose(ctx, request)
	if err != nil || !found {
		return false, infrastructure(err)
	}
	err = a.sender.Send(ctx, channel, message)
	if err == nil {
		a.log.Info("alert sent", "alert", request.AlertID, "alert_channel", channel.ID, "account", channel.AccountID, "type", channel.Type)
		return true, nil
	}
	_, words := explain(ctx, err, alerts.Timeout)
	options := temporal.ApplicationErrorOptions{}
	var refused *alerts.Refused
	if errors.As(err, &refused) {
		words = refused.Error()
		options.NonRetryable, options.NextRetryDelay = refused.Permanent, refused.RetryAfter
	}
	a.log.Warn("alert not sent", "alert", request.AlertID, "alert_channel", channel.ID, "account", channel.AccountID, "type", channel.Type,
		"error", words, "permanent", options.NonRetryable)
	return false, temporal.NewApplicationErrorWithOptions(words, webhook.AlertFailed, options)
}

// compose looks up what is to be told, and to whom.
func (a *Alerts) compose(ctx context.Context, request webhook.AlertRequest) (c webhook.AlertChannel, m alerts.Message, found bool, err error) {
	if request.AlertID == "" {
		c, err = a.store.AlertChannelByID(ctx, request.ChannelID)
		return c, alerts.ComposeTest(c, a.console), err == nil, err
	}
	alert, found, err := a.store.Alert(ctx, request.AlertID)
	if err != nil || !found {
		return c, m, false, err
	}
	m, err = alerts.Compose(alert, a.console)
	return alert.Channel, m, true, err
}

// EndAlert records how an alert, or a test of a channel, ended. Tests are not counted: whoever makes one sees the answer.
func (a *Alerts) EndAlert(ctx context.Context, end webhook.AlertEnd) error {
	t, err := a.store.EndAlert(ctx, end)
	if err == nil && end.AlertID != "" {
		a.metrics.AlertEnded(t, end.Error == "")
	}
	return infrastructure(err)
}
