package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

// ReconcileID is the ID of the schedule that runs Reconcile, and what the IDs of its workflows begin with.
const ReconcileID = "durahook-reconcile"

// ReconcileEvery is how often Reconcile runs. What it finds is rare: each run leaves a workflow behind, which
// stands between the deliveries that people look for.
const ReconcileEvery = 5 * time.Minute

// Reconcile finds and mends where the rows of deliveries and their workflows disagree. A run looks at so much and
// no more; the next one goes on from there, and begins anew once everything was looked at.
func Reconcile(ctx workflow.Context) (webhook.Reconciliation, error) {
	var total webhook.Reconciliation
	if workflow.HasLastCompletionResult(ctx) {
		var before webhook.Reconciliation
		if err := workflow.GetLastCompletionResult(ctx, &before); err != nil {
			return total, fmt.Errorf("read how far the last run came: %w", err)
		}
		total.Cursor = before.Cursor
	}
	for _, step := range []struct{ activity, summary string }{
		{ReconcileOverdueActivity, "look for deliveries that are overdue"},
		{ReconcileTerminatedActivity, "look for workflows that were terminated"},
		{ReconcileRunningActivity, "look for workflows that should have ended"},
	} {
		var found webhook.Reconciliation
		if err := workflow.ExecuteActivity(reconcileStep(ctx, step.summary), step.activity, total.Cursor).Get(ctx, &found); err != nil {
			return total, fmt.Errorf("%s: %w", step.summary, err)
		}
		total.Add(found)
		workflow.SetCurrentDetails(ctx, tellFound(total))
	}
	return total, nil
}

// reconcileStep runs an activity for about as long as it may take until the next run is due: what fails then is
// tried by that one.
func reconcileStep(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              AttemptTaskQueue,
		StartToCloseTimeout:    ReconcileEvery,
		ScheduleToCloseTimeout: 3 * ReconcileEvery,
		HeartbeatTimeout:       HeartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:               temporal.Priority{FairnessKey: ReconcileID},
		Summary:                summary,
	})
}

// tellFound says in a line what was looked at and found.
func tellFound(r webhook.Reconciliation) string {
	told := []string{fmt.Sprintf("%d deliveries looked at", r.Checked)}
	for _, f := range webhook.Findings() {
		if n := r.Found[f]; n > 0 {
			told = append(told, fmt.Sprintf("**%d %s**", n, f))
		}
	}
	return strings.Join(told, ", ")
}
