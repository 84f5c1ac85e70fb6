package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

const (
	// alertPatience is for how long it is tried to send an alert: later, it is none any more.
	alertPatience = 24 * time.Hour
	// alertAttempt bounds one try.
	alertAttempt = 2 * time.Minute
)

// SendAlert sends an alert to people, again and again until it is taken or refused for good, and records how that
// ended. A test of a channel, which somebody waits for, is sent once. It returns whether something was sent: not if
// the channel was deleted meanwhile.
func SendAlert(ctx workflow.Context, request webhook.AlertRequest) (bool, error) {
	retries := temporal.RetryPolicy{InitialInterval: 5 * time.Second, MaximumInterval: 15 * time.Minute}
	if request.AlertID == "" {
		retries.MaximumAttempts = 1
	}
	var sent bool
	failed := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              AttemptTaskQueue,
		StartToCloseTimeout:    alertAttempt,
		ScheduleToCloseTimeout: alertPatience,
		RetryPolicy:            &retries,
		Priority:               temporal.Priority{FairnessKey: request.ChannelID},
		Summary:                "send the alert",
	}), SendAlertActivity, request).Get(ctx, &sent)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case failed == nil && !sent: // and nobody to record it of
		return false, nil
	}
	end := webhook.AlertEnd{AlertRequest: request, Error: whyNotSent(failed)}
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           AttemptTaskQueue,
		StartToCloseTimeout: alertAttempt,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:            temporal.Priority{FairnessKey: request.ChannelID},
		Summary:             "record how that ended",
	}), EndAlertActivity, end).Get(ctx, nil)
	switch {
	case err != nil:
		return sent, fmt.Errorf("record how the alert ended: %w", err)
	case failed != nil:
		return false, temporal.NewApplicationError("The alert did not arrive: "+end.Error+".", webhook.AlertFailed, end.Error)
	default:
		return sent, nil
	}
}

// whyNotSent returns the words of the last try; empty for none.
func whyNotSent(failed error) string {
	var last *temporal.ApplicationError
	switch {
	case failed == nil:
		return ""
	case errors.As(failed, &last):
		return last.Message()
	default:
		return "no worker has sent it in time"
	}
}
