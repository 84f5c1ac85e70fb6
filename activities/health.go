package activities

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/webhook"
)

// HealthStore knows which webhooks fail, and since when.
type HealthStore interface {
	NoteHealth(ctx context.Context, after string, ago time.Duration) (last string, err error)
	CountFailing(ctx context.Context) (int, error)
	Failing(ctx context.Context, atLeast time.Duration) ([]webhook.Failing, error)
	WarnFailing(ctx context.Context, f webhook.Failing, disableAt time.Time) (bool, error)
	DisableFailing(ctx context.Context, f webhook.Failing) (bool, error)
}

// Health looks after webhooks that fail; its method is the activity.
type Health struct {
	store   HealthStore
	metrics *metrics.Metrics
	log     *slog.Logger
}

// NewHealth returns the activity over a store. Webhooks that are disabled are counted in m; nil for none.
func NewHealth(store HealthStore, m *metrics.Metrics, log *slog.Logger) *Health {
	return &Health{store: store, metrics: m, log: log}
}

// lookBack is how far a look at the webhooks goes back. The next one comes long before.
const lookBack = time.Hour

// CheckHealth notes since when each webhook fails, disables those that have failed for as long as the request says,
// and warns of those that have for half of it. Webhooks that are disabled already don't count as failing.
func (h *Health) CheckHealth(ctx context.Context, request webhook.HealthRequest) (report webhook.HealthReport, err error) {
	after, err := time.ParseDuration(request.DisableAfter)
	if err != nil {
		return report, temporal.NewNonRetryableApplicationError("how long webhooks may fail: "+err.Error(), "InvalidInput", nil)
	}
	defer heartbeat(ctx)()
	for last := ""; ; {
		if last, err = h.store.NoteHealth(ctx, last, lookBack); err != nil {
			return report, infrastructure(err)
		}
		if last == "" {
			break
		}
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			return report, errWorkerStops
		default:
		}
	}
	if after > 0 {
		if err := h.act(ctx, after, &report); err != nil {
			return report, err
		}
	}
	report.Failing, err = h.store.CountFailing(ctx)
	return report, infrastructure(err)
}

func (h *Health) act(ctx context.Context, after time.Duration, report *webhook.HealthReport) error {
	const halfway = 2
	failing, err := h.store.Failing(ctx, after/halfway)
	if err != nil {
		return infrastructure(err)
	}
	for _, f := range failing {
		switch f.Due(after) {
		case webhook.DueDisabling:
			done, err := h.store.DisableFailing(ctx, f)
			if err != nil {
				return infrastructure(fmt.Errorf("disable %s: %w", f.Webhook.ID, err))
			}
			if done {
				report.Disabled++
				h.metrics.WebhookDisabled()
				h.log.Warn("disabled a webhook that fails", "webhook", f.Webhook.ID, "account", f.Webhook.AccountID, "failing_since", f.Since)
			}
		case webhook.DueWarning:
			done, err := h.store.WarnFailing(ctx, f, f.Since.Add(after))
			if err != nil {
				return infrastructure(fmt.Errorf("warn of %s: %w", f.Webhook.ID, err))
			}
			if done {
				report.Warned++
				h.log.Warn("a webhook fails and is going to be disabled", "webhook", f.Webhook.ID, "account", f.Webhook.AccountID, "failing_since", f.Since)
			}
		case webhook.DueNothing:
		}
	}
	return nil
}
