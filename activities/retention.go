package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/exports"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

const (
	// retentionBatch is how many events are looked at together, and retentionMost in one step: the workflow shows how
	// far it has come after each.
	retentionBatch = 250
	retentionMost  = 10_000
	// retentionLongest is after how long a step begins no further batch, and exportLongest how long a batch may take to be
	// exported: both, and the rest after them, fit into the time that the workflow gives a step.
	retentionLongest = 5 * time.Minute
	exportLongest    = 4 * time.Minute
)

// RetentionStore deletes what was kept for long enough.
type RetentionStore interface {
	Expired(ctx context.Context, after string, before time.Time, limit int) (store.Expired, error)
	ExportEvents(ctx context.Context, ids []string, into store.Export) error
	DeleteEvents(ctx context.Context, expired store.Expired) (webhook.Deleted, error)
	DeleteRest(ctx context.Context, before time.Time, limit int) (more bool, err error)
}

// Retention deletes events that were kept for long enough; its method is the activity.
type Retention struct {
	store   RetentionStore
	keep    time.Duration
	bucket  *exports.Bucket // nil for none
	metrics *metrics.Metrics
	log     *slog.Logger
}

// NewRetention returns the activity over a store. Events are kept for the length of keep at least; 0 is for ever. They are
// exported to a bucket before they are deleted; nil for none. What is exported and deleted is counted in m; nil for none.
func NewRetention(s RetentionStore, keep time.Duration, bucket *exports.Bucket, m *metrics.Metrics, log *slog.Logger) *Retention {
	return &Retention{store: s, keep: keep, bucket: bucket, metrics: m, log: log}
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
	if request.Export && r.bucket == nil {
		r.metrics.ExportFailed()
		return report, infrastructure(errNoBucket)
	}
	defer heartbeat(ctx)()
	start := time.Now()
	before := time.Now().Add(-max(keep, r.keep))
	report.After = request.After
	for looked := 0; looked < retentionMost && time.Since(start) < retentionLongest; looked += retentionBatch {
		took, err := r.deleteBatch(ctx, before, &report)
		if err != nil {
			return report, err
		}
		if report.After == "" {
			break
		}
		if stopped := r.rest(ctx, took); stopped { // the next step is another worker's
			return report, ctx.Err()
		}
	}
	if report.After == "" {
		err = r.deleteRest(ctx, before)
	}
	if report.Events > 0 {
		r.log.Info("deleted events that were kept for long enough", "events", report.Events, "deliveries", report.Deliveries,
			"attempts", report.Attempts, "kept", report.Kept, "exported", report.Exported)
	}
	return report, err
}

// errNoBucket keeps what other workers are to export. The activity is tried again, there as well.
var errNoBucket = errors.New("events are to be exported before they are deleted, but this worker was started without --export-url")

// deleteBatch deletes the next batch, once it is exported, and returns how long the database had to do with it.
func (r *Retention) deleteBatch(ctx context.Context, before time.Time, report *webhook.RetentionReport) (took time.Duration, err error) {
	began := time.Now()
	expired, err := r.store.Expired(ctx, report.After, before, retentionBatch)
	if err != nil {
		return 0, r.failed(err)
	}
	took = time.Since(began)
	exported, err := r.export(ctx, expired)
	if err != nil {
		r.metrics.ExportFailed()
		return 0, infrastructure(fmt.Errorf("export events before they are deleted: %w", err))
	}
	began = time.Now()
	deleted, err := r.store.DeleteEvents(ctx, expired)
	if err != nil {
		return 0, r.failed(err)
	}
	took += time.Since(began)
	r.metrics.Deleted(deleted)
	report.Add(webhook.RetentionReport{
		Deleted: deleted, Kept: expired.Kept + len(expired.IDs) - deleted.Events, Exported: exported, After: expired.Last,
	})
	var behind time.Duration
	if expired.Last != "" {
		behind = before.Sub(webhook.IDTime(expired.Last))
	}
	r.metrics.RetentionBehind(behind)
	return took, nil
}

// export writes events to the bucket, if there is one, and returns how many. What changes from now on is not deleted with
// them, and exported once more when it is.
func (r *Retention) export(ctx context.Context, expired store.Expired) (events int, err error) {
	if r.bucket == nil || len(expired.IDs) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, exportLongest)
	defer cancel()
	err = r.bucket.Write(ctx, exports.Name(expired.IDs, expired.Changed), func(lines *exports.Lines) error {
		return r.store.ExportEvents(ctx, expired.IDs, lines)
	})
	if err != nil {
		return 0, err
	}
	r.metrics.Exported(len(expired.IDs))
	return len(expired.IDs), nil
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
