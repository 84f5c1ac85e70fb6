package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

const (
	// recoveryBatch is how many deliveries an activity retries: a few seconds' worth, after which the progress is
	// shown and a cancellation is heard at the latest.
	recoveryBatch = 100
	// batchesARun is after how many batches a recovery goes on in a new run, to keep its history short.
	batchesARun = 200
)

// RecoveryFailed is the type of the application error that a recovery fails with when it cannot go on.
const RecoveryFailed = "RecoveryFailed"

// RecoverInput starts a recovery. The workflow's ID is the recovery's.
type RecoverInput struct {
	WebhookID string `json:"webhook_id"`
	// Progress is how far the runs before this one have come.
	Progress *webhook.RecoveryProgress `json:"progress,omitempty"`
}

// Recover retries the deliveries that a recovery matches, batch by batch. How far it has come is kept in
// Postgres, together with what it is to retry; the workflow sees to it that it goes on, whatever dies.
func Recover(ctx workflow.Context, input RecoverInput) (webhook.RecoveryProgress, error) {
	r := &recovery{webhookID: input.WebhookID, id: workflow.GetInfo(ctx).WorkflowExecution.ID}
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery,
		func() (webhook.RecoveryProgress, error) { return r.progress, nil },
		workflow.QueryHandlerOptions{Description: "How many of the matching deliveries have been retried."})
	if err != nil {
		return r.progress, fmt.Errorf("set query handler: %w", err)
	}
	return r.run(ctx, input.Progress)
}

// recovery is the state of one workflow run.
type recovery struct {
	id        string
	webhookID string
	progress  webhook.RecoveryProgress
}

func (r *recovery) run(ctx workflow.Context, before *webhook.RecoveryProgress) (webhook.RecoveryProgress, error) {
	if before != nil {
		r.advance(ctx, *before)
	} else if err := r.do(ctx, CountRecoveryActivity, "count what is to be retried", 0); err != nil {
		return r.stopped(ctx, err)
	}
	for range batchesARun {
		if err := r.do(ctx, RecoverBatchActivity, "retry the next deliveries", recoveryBatch); err != nil {
			return r.stopped(ctx, err)
		}
		if r.progress.Status != webhook.RecoveryRunning {
			return r.ended(ctx)
		}
	}
	if err := ctx.Err(); err != nil { // which the next run would not know of
		return r.stopped(ctx, err)
	}
	return r.progress, workflow.NewContinueAsNewError(ctx, Recover, RecoverInput{WebhookID: r.webhookID, Progress: &r.progress})
}

// do runs an activity until it succeeds: it fails only when our own infrastructure does.
func (r *recovery) do(ctx workflow.Context, name, summary string, most int) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           AttemptTaskQueue,
		StartToCloseTimeout: longestActivity,
		HeartbeatTimeout:    HeartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:            temporal.Priority{FairnessKey: r.webhookID},
		Summary:             summary,
	})
	var progress webhook.RecoveryProgress
	request := webhook.RecoveryRequest{RecoveryID: r.id, Most: most}
	if err := workflow.ExecuteActivity(ctx, name, request).Get(ctx, &progress); err != nil {
		return fmt.Errorf("%s of %s: %w", summary, r.id, err)
	}
	r.advance(ctx, progress)
	return nil
}

func (r *recovery) advance(ctx workflow.Context, progress webhook.RecoveryProgress) {
	r.progress = progress
	details := fmt.Sprintf("%s: %d of %d deliveries retried", progress.Status, progress.Retried, progress.Matched)
	if progress.Skipped > 0 {
		details += fmt.Sprintf(", %d skipped: others saw to them", progress.Skipped)
	}
	if progress.Reason != "" {
		details += ". " + progress.Reason
	}
	workflow.SetCurrentDetails(ctx, details)
}

// stopped records that the recovery was cancelled, if that is why it stopped.
func (r *recovery) stopped(ctx workflow.Context, err error) (webhook.RecoveryProgress, error) {
	if ctx.Err() == nil {
		return r.progress, err
	}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := r.do(detached, EndRecoveryActivity, "record the cancellation", 0); err != nil {
		return r.progress, err
	}
	return r.ended(ctx)
}

// ended closes the workflow as the recovery has ended.
func (r *recovery) ended(ctx workflow.Context) (webhook.RecoveryProgress, error) {
	switch r.progress.Status {
	case webhook.RecoveryFailed:
		return r.progress, temporal.NewNonRetryableApplicationError(r.progress.Reason, RecoveryFailed, nil)
	case webhook.RecoveryCancelled:
		return r.progress, ctx.Err() // nil if Temporal could not be told
	default:
		return r.progress, nil
	}
}
