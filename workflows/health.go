package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

// HealthID is the ID of the Temporal Schedule that runs WebhookHealth, and what the IDs of its workflows begin with.
const HealthID = "webhook-health"

// WebhookHealth looks at all webhooks: of one that has failed for half of the time that it may, its account is warned,
// and one that has failed for all of it is disabled.
func WebhookHealth(ctx workflow.Context, request webhook.HealthRequest) (webhook.HealthReport, error) {
	const longest = time.Hour // the schedule doesn't begin another one before that
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              AttemptTaskQueue,
		ScheduleToCloseTimeout: longest,
		HeartbeatTimeout:       HeartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:               temporal.Priority{FairnessKey: HealthID},
		Summary:                "look at all webhooks",
	})
	var report webhook.HealthReport
	if err := workflow.ExecuteActivity(ctx, CheckHealthActivity, request).Get(ctx, &report); err != nil {
		return report, fmt.Errorf("look at the health of webhooks: %w", err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d failing, %d warned of, %d disabled", report.Failing, report.Warned, report.Disabled))
	return report, nil
}
