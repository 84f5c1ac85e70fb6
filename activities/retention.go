package activities

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

const (
	// retentionBatch is how many events are looked at together, and retentionMost in one step: the workflow shows how
	// far it has come after each.
	retentionBatch = 250
	retentionMost  = 10_000
)

// RetentionStore deletes what was kept for long enough.
type RetentionStore interface {
	Expired(ctx context.Context, after string, before time.Time, limit int) (store.Expired, error)
	DeleteEvents(ctx context.Context, expired store.Expired) (webhook.Deleted, error)
	DeleteRest(ctx context.Context, before time.Time, limit int) (more bool, err error)
}

// Retention deletes events that were kept for long enough; its method is the activity.
type Retention struct {
	store   RetentionStore
	keep    time.Duration
	metrics *metrics.Metrics
	log     *slog.Logger
}

// NewRetention returns the activity over a store. Events are kept for the length of keep at least; 0 is for ever. What
// is deleted is counted in m; nil for none.
func NewRetention(s RetentionStore, keep time.Duration, m *metrics.Metrics, log *slog.Logger) *Retention {
	return &Retention{store: s, keep: keep, metrics: m, log: log}
}

// DeleteExpired deletes the next events that were kept for long enough, with their deliveries and attempts, and after
// the last of them what else was. This process has a say: who raised its --retention and started it again has nothing
// deleted by a run that began before.
func (r *Retention) DeleteExpired(ctx context.Context, request webhook.RetentionRequest) (report webhook.RetentionReport, err error) {
	keep, err := time.ParseDuration(request.Keep)
	if err != nil {
		return report, temporal.NewNonRetryableApplicationError("how long events are kept: "+err.Error(), "InvalidInput", nil)
	}
	if r.keep == 0 || keep <= 0 {
		return report, nil
	}
	defer heartbeat(ctx)()
	before := time.Now().Add(-max(keep, r.keep))
	report.After = request.After
	for looked := 0; looked < retentionMost; looked += retentionBatch {
		began := time.Now()
		if err := r.deleteBatch(ctx, before, &report); err != nil {
			return report, err
		}
		if report.After == "" {
			break
		}
		if stopped := r.rest(ctx, time.Since(began)); stopped { // the next step is another worker's
			return report, ctx.Err()
		}
	}
	if report.After == "" {
		err = r.deleteRest(ctx, before)
	}
	if report.Events > 0 {
		r.log.Info("deleted events that were kept for long enough", "events", report.Events, "deliveries", report.Deliveries,
			"attempts", report.Attempts, "kept", report.Kept)
	}
	return report, err
}

func (r *Retention) deleteBatch(ctx context.Context, before time.Time, report *webhook.RetentionReport) error {
	expired, err := r.store.Expired(ctx, report.After, before, retentionBatch)
	if err != nil {
		return r.failed(err)
	}
	deleted, err := r.store.DeleteEvents(ctx, expired)
	if err != nil {
		return r.failed(err)
	}
	r.metrics.Deleted(deleted)
	report.Add(webhook.RetentionReport{Deleted: deleted, Kept: expired.Kept + len(expired.IDs) - deleted.Events, After: expired.Last})
	var behind time.Duration
	if expired.Last != "" {
		behind = before.Sub(webhook.IDTime(expired.Last))
	}
	r.metrics.RetentionBehind(behind)
	return nil
}

func (r *Retention) deleteRest(ctx context.Context, before time.Time) error {
	for {
		more, err := r.store.DeleteRest(ctx, before, retentionBatch)
		if err != nil {
			return r.failed(err)
		}
		if !more {
			return nil
		}
	}
}

func (r *Retention) failed(err error) error {
	r.metrics.RetentionFailed()
	return infrastructure(fmt.Errorf("delete events that were kept for long enough: %w", err))
}

// rest leaves the database to others for as long as a batch took, and reports whether the worker stops meanwhile.
func (r *Retention) rest(ctx context.Context, took time.Duration) (stopped bool) {
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	case <-ctx.Done():
		return true
	}
}
