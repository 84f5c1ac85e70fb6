package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

// RetentionID is the ID of the Temporal Schedule that runs Retention, and what the IDs of its workflows begin with.
const RetentionID = "durahook-retention"

// mostRetentionSteps is how many steps a run takes. What is left is the next run's.
const mostRetentionSteps = 500

// Retention deletes events that were kept for long enough, with their deliveries and attempts, step by step until there
// are no more.
func Retention(ctx workflow.Context, request webhook.RetentionRequest) (webhook.RetentionReport, error) {
	const longest = 15 * time.Minute // of a step
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              AttemptTaskQueue,
		StartToCloseTimeout:    longest,
		ScheduleToCloseTimeout: 4 * longest,
		HeartbeatTimeout:       HeartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:               temporal.Priority{FairnessKey: RetentionID},
		Summary:                "delete events that were kept for " + request.Keep,
	})
	var total webhook.RetentionReport
	for range mostRetentionSteps {
		var step webhook.RetentionReport
		request.After = total.After
		if err := workflow.ExecuteActivity(ctx, DeleteExpiredActivity, request).Get(ctx, &step); err != nil {
			return total, fmt.Errorf("delete events that were kept for %s: %w", request.Keep, err)
		}
		total.Add(step)
		workflow.SetCurrentDetails(ctx, tellDeleted(total))
		if total.After == "" {
			break
		}
	}
	return total, nil
}

func tellDeleted(r webhook.RetentionReport) string {
	told := fmt.Sprintf("**%d events** deleted with %d deliveries and %d attempts; %d events kept for a delivery that is open or has just ended",
		r.Events, r.Deliveries, r.Attempts, r.Kept)
	if r.Exported > 0 {
		told += fmt.Sprintf("; %d events exported before", r.Exported)
	}
	return told
}
