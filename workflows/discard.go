package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

// DiscardID returns the ID of the workflow that ends the waiting deliveries of a webhook.
func DiscardID(webhookID string) string { return "discard-" + webhookID }

// DiscardDeliveries ends the deliveries that wait for a webhook which was disabled or deleted, so that
// nobody sees them wait for hours for an attempt that will not be made.
func DiscardDeliveries(ctx workflow.Context, request webhook.DiscardRequest) (int, error) {
	const longest = 7 * 24 * time.Hour // by then even the last timer has ended
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           AttemptTaskQueue,
		StartToCloseTimeout: longest,
		HeartbeatTimeout:    HeartbeatTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:            temporal.Priority{FairnessKey: request.WebhookID},
		Summary:             "signal every waiting delivery",
	})
	var signalled int
	if err := workflow.ExecuteActivity(ctx, SignalDiscardActivity, request).Get(ctx, &signalled); err != nil {
		return 0, fmt.Errorf("discard the deliveries of %s: %w", request.WebhookID, err)
	}
	return signalled, nil
}

const discardDescription = "End the delivery as discarded, because its webhook was disabled or deleted. Needs no input."

// discarded is, in place of a trigger, that no attempt is to be made.
const discarded webhook.Trigger = "discarded"

// discardRequested takes the discard signals that have come in and reports whether there was one. Workflows
// whose history was made by a version that didn't know the signal go on as they did then.
func (d *delivery) discardRequested(ctx workflow.Context) bool {
	requested := false
	for raw := (converter.RawValue{}); d.discards.ReceiveAsync(&raw); {
		requested = true
	}
	const changeID, resetID, first = "discard-signal", "reset-of-discarded", 1
	switch {
	case !requested || workflow.GetVersion(ctx, changeID, workflow.DefaultVersion, first) != first:
		return false
	case d.reset && d.sequence == 0 && workflow.GetVersion(ctx, resetID, workflow.DefaultVersion, first) == first:
		return false // Temporal has brought the signal over from the run before; the attempt looks at the webhook anew
	default:
		return true
	}
}

// discard writes down that the delivery's schedule is over.
func (d *delivery) discard(ctx workflow.Context) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	request := webhook.EndRequest{DeliveryID: d.id, Status: webhook.StatusDiscarded}
	err := workflow.ExecuteActivity(d.queuedLane(ctx, AttemptTaskQueue, "record that it is discarded"), EndDeliveryActivity, request).Get(ctx, nil)
	if err != nil {
		return fmt.Errorf("record that %s is discarded: %w", d.id, err)
	}
	d.details.discarded(ctx)
	d.setStatus(ctx, webhook.StatusDiscarded)
	return nil
}
