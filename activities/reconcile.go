package activities

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

const (
	// reconcileBatch is how many deliveries or workflows are read at a time, and reconcileMost how many a step looks
	// into: what is left is the next run's.
	reconcileBatch = 200
	reconcileMost  = 5_000
	// reconcilePace is how long it takes from one look at a workflow to the next at least.
	reconcilePace = 5 * time.Millisecond
	// terminatedOverlap is by how much a look at terminated workflows goes back behind the last one: Temporal shows
	// them in its list a moment later than they are terminated.
	terminatedOverlap = 5 * time.Minute
	// runningAfter is how old a workflow is before it is held against its delivery: a retry of one that has ended
	// starts the workflow first.
	runningAfter = 2 * time.Minute
	// stalledAfter is how long a workflow's task waits before it counts as lost, while no other waits for longer than
	// stalledBehind: else there is a backlog, and it is in there.
	stalledAfter, stalledBehind = 10 * time.Minute, time.Minute
)

// ReconcileStore knows the rows of deliveries.
type ReconcileStore interface {
	Overdue(ctx context.Context, after time.Time, afterID string, limit int) ([]store.Overdue, error)
	DeliveriesByID(ctx context.Context, ids []string) (all []webhook.Delivery, quiet map[string]bool, err error)
	StartAgain(ctx context.Context, d webhook.Delivery) (bool, error)
	EndOpen(ctx context.Context, d webhook.Delivery, status webhook.Status) (bool, error)
}

// Executions knows the workflows of deliveries.
type Executions interface {
	// LastRun returns where the workflow of a delivery stands.
	LastRun(ctx context.Context, deliveryID string) (webhook.WorkflowRun, error)
	// Terminated returns a page of the IDs of deliveries whose workflow was terminated since a time; next is empty
	// after the last page.
	Terminated(ctx context.Context, since time.Time, page []byte, limit int) (ids []string, next []byte, err error)
	// Running returns a page of the open workflows that were started before a time, the newest first; a zero time is
	// now.
	Running(ctx context.Context, before time.Time, page []byte, limit int) (running []RunningWorkflow, next []byte, err error)
	// OldestTask returns how long the first of a queue's workflow tasks has waited for a worker.
	OldestTask(ctx context.Context, queue string) (time.Duration, error)
	// Delete deletes a run of a delivery's workflow.
	Delete(ctx context.Context, deliveryID, runID string) error
	// End ends the open workflow of a delivery that has this status, or none when it isn't known.
	End(ctx context.Context, deliveryID, runID string, status webhook.Status) error
}

// RunningWorkflow is an open workflow of a delivery.
type RunningWorkflow struct {
	DeliveryID string
	StartedAt  time.Time
}

// Reconciler mends where the rows of deliveries and their workflows disagree; its methods are the activities.
// Whatever it does is done once, however many run at the same time: it changes a row only as it was read.
type Reconciler struct {
	store      ReconcileStore
	executions Executions
	metrics    *metrics.Metrics
	log        *slog.Logger
	most       int
}

// NewReconciler returns the activities over a store and the workflows. What is found is counted in m; nil for none.
func NewReconciler(s ReconcileStore, e Executions, m *metrics.Metrics, log *slog.Logger) *Reconciler {
	return &Reconciler{store: s, executions: e, metrics: m, log: log, most: reconcileMost}
}

// ReconcileOverdue looks for open deliveries whose next attempt is long due.
func (r *Reconciler) ReconcileOverdue(ctx context.Context, cursor webhook.ReconcileCursor) (webhook.Reconciliation, error) {
	defer heartbeat(ctx)()
	step := webhook.Reconciliation{Cursor: cursor}
	for step.Checked < r.most {
		overdue, err := r.store.Overdue(ctx, step.Cursor.OverdueSince, step.Cursor.OverdueID, reconcileBatch)
		if err != nil {
			return step, infrastructure(err)
		}
		for _, d := range overdue {
			if err := r.settle(ctx, d.Delivery, webhook.FindingLate, &step); err != nil {
				return step, err
			}
			step.Cursor.OverdueSince, step.Cursor.OverdueID = d.Since, d.ID
		}
		if len(overdue) < reconcileBatch { // the next run begins anew
			step.Cursor.OverdueSince, step.Cursor.OverdueID = time.Time{}, ""
			break
		}
	}
	return step, nil
}

// ReconcileTerminated looks for open deliveries whose workflow was terminated, which may be due in many hours only.
func (r *Reconciler) ReconcileTerminated(ctx context.Context, cursor webhook.ReconcileCursor) (webhook.Reconciliation, error) {
	defer heartbeat(ctx)()
	step := webhook.Reconciliation{Cursor: cursor}
	now := time.Now().UTC()
	since := cursor.TerminatedSince
	if since.IsZero() {
		since = now.Add(-24 * time.Hour)
	}
	for page := []byte(nil); step.Checked < r.most; {
		ids, next, err := r.executions.Terminated(ctx, since.Add(-terminatedOverlap), page, reconcileBatch)
		if err != nil {
			return step, fmt.Errorf("list terminated workflows: %w", err)
		}
		deliveries, _, err := r.store.DeliveriesByID(ctx, ids)
		if err != nil {
			return step, infrastructure(err)
		}
		for _, d := range deliveries {
			if !d.Status.Open() {
				continue
			}
			if err := r.settle(ctx, d, "", &step); err != nil { // it may have been retried since
				return step, err
			}
		}
		if page = next; len(page) == 0 {
			step.Cursor.TerminatedSince = now
			break
		}
	}
	return step, nil
}

// settle looks at the workflow of an open delivery and mends what is wrong. An open workflow is a finding that the
// caller names.
func (r *Reconciler) settle(ctx context.Context, d webhook.Delivery, open webhook.Finding, step *webhook.Reconciliation) error {
	if err := r.pause(ctx); err != nil {
		return err
	}
	step.Checked++
	run, err := r.executions.LastRun(ctx, d.ID)
	if err != nil {
		return fmt.Errorf("look at workflow %s: %w", d.ID, err)
	}
	var finding webhook.Finding
	mended := true
	switch run.State {
	case webhook.WorkflowMissing:
		finding = webhook.FindingMissing
		mended, err = r.store.StartAgain(ctx, d)
	case webhook.WorkflowTerminated:
		finding = webhook.FindingTerminated
		mended, err = r.end(ctx, d, webhook.StatusCancelled)
	case webhook.WorkflowClosed:
		finding = webhook.FindingClosed
		mended, err = r.end(ctx, d, run.Status)
	default:
		finding, err = r.heldUp(ctx, d, run, open)
	}
	if err != nil || !mended { // it has changed meanwhile
		return infrastructure(err)
	}
	r.found(step, finding, d)
	return nil
}

// heldUp looks at an open workflow of an open delivery. Of one that is late and waits for a task that Temporal has lost,
// nothing is to be expected any more: neither does it listen to signals. It is deleted, and started again once it is gone.
func (r *Reconciler) heldUp(ctx context.Context, d webhook.Delivery, run webhook.WorkflowRun, open webhook.Finding) (webhook.Finding, error) {
	if open != webhook.FindingLate || run.TaskSince.IsZero() || time.Since(run.TaskSince) < stalledAfter {
		return open, nil
	}
	oldest, err := r.executions.OldestTask(ctx, run.TaskQueue)
	if err != nil || oldest > stalledBehind {
		return open, err
	}
	if err := r.executions.Delete(ctx, d.ID, run.RunID); err != nil {
		return open, fmt.Errorf("delete workflow %s, whose task is lost: %w", d.ID, err)
	}
	return webhook.FindingStalled, nil
}

func (r *Reconciler) end(ctx context.Context, d webhook.Delivery, status webhook.Status) (bool, error) {
	ended, err := r.store.EndOpen(ctx, d, status)
	if ended {
		r.metrics.DeliveryEnded(status)
	}
	return ended, err
}

// ReconcileRunning looks for open workflows whose delivery has ended or isn't known.
func (r *Reconciler) ReconcileRunning(ctx context.Context, cursor webhook.ReconcileCursor) (webhook.Reconciliation, error) {
	defer heartbeat(ctx)()
	step := webhook.Reconciliation{Cursor: cursor}
	for page := []byte(nil); step.Checked < r.most; {
		running, next, err := r.executions.Running(ctx, cursor.RunningBefore, page, reconcileBatch)
		if err != nil {
			return step, fmt.Errorf("list open workflows: %w", err)
		}
		if err := r.compare(ctx, running, &step); err != nil {
			return step, err
		}
		if page = next; len(page) == 0 { // the next run begins anew
			step.Cursor.RunningBefore = time.Time{}
			break
		}
		step.Cursor.RunningBefore = running[len(running)-1].StartedAt
	}
	return step, nil
}

// compare holds open workflows against the rows of their deliveries.
func (r *Reconciler) compare(ctx context.Context, running []RunningWorkflow, step *webhook.Reconciliation) error {
	ids := make([]string, len(running))
	for i, w := range running {
		ids[i] = w.DeliveryID
	}
	deliveries, quiet, err := r.store.DeliveriesByID(ctx, ids)
	if err != nil {
		return infrastructure(err)
	}
	rows := make(map[string]webhook.Delivery)
	for _, d := range deliveries {
		rows[d.ID] = d
	}
	if len(rows) == 0 && len(running) > 1 {
		r.log.Error("the database knows none of the deliveries whose workflows run: is it the right one? Nothing is ended",
			"workflows", len(running))
	}
	for _, w := range running {
		step.Checked++
		d, known := rows[w.DeliveryID]
		switch {
		case time.Since(w.StartedAt) < runningAfter:
		case known && !d.Status.Open() && quiet[d.ID]:
			err = r.endRunning(ctx, d, webhook.FindingRunning, step)
		case !known && len(rows) > 0:
			err = r.endRunning(ctx, webhook.Delivery{ID: w.DeliveryID}, webhook.FindingUnknown, step)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endRunning ends a workflow that is still open once the row has been read: then nothing will change it.
func (r *Reconciler) endRunning(ctx context.Context, d webhook.Delivery, finding webhook.Finding, step *webhook.Reconciliation) error {
	if err := r.pause(ctx); err != nil {
		return err
	}
	run, err := r.executions.LastRun(ctx, d.ID)
	if err != nil || run.State != webhook.WorkflowOpen {
		return err
	}
	if err := r.executions.End(ctx, d.ID, run.RunID, d.Status); err != nil {
		return fmt.Errorf("end workflow %s: %w", d.ID, err)
	}
	r.found(step, finding, d)
	return nil
}

func (r *Reconciler) found(step *webhook.Reconciliation, finding webhook.Finding, d webhook.Delivery) {
	step.Find(finding)
	r.metrics.Found(finding)
	if finding == "" || finding == webhook.FindingLate { // the latter are as many as an outage makes them
		return
	}
	r.log.Warn("row and workflow of a delivery disagree", "delivery", d.ID, "finding", finding, "status", d.Status)
}

// pause spreads the looks at workflows, so that deliveries don't wait for them.
func (r *Reconciler) pause(ctx context.Context) error {
	select {
	case <-time.After(reconcilePace):
		return nil
	case <-activity.GetWorkerStopChannel(ctx):
		return errWorkerStops
	case <-ctx.Done():
		return ctx.Err()
	}
}
