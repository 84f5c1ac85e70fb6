package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// longestActivity bounds one run of an activity; attempts limit themselves to far less.
const longestActivity = 10 * time.Minute

// fastLane runs an activity inside the workflow task, once.
func fastLane(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: longestActivity,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             summary,
	})
}

// queuedLane runs an activity on a task queue for attempts. It is retried without end, since it fails
// only when our own infrastructure does: what an endpoint answered is a result, not an error.
func (d *delivery) queuedLane(ctx workflow.Context, taskQueue, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           taskQueue,
		StartToCloseTimeout: longestActivity,
		HeartbeatTimeout:    heartbeatTimeout(taskQueue),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second,
			MaximumInterval: time.Minute,
		},
		Priority: temporal.Priority{FairnessKey: d.input.WebhookID},
		Summary:  summary,
	})
}

const (
	// HeartbeatTimeout is how soon the death of a worker in the middle of an activity is noticed.
	HeartbeatTimeout = 10 * time.Second
	// SlowHeartbeatTimeout is the same for attempts to slow endpoints. Each heartbeat costs Temporal as much as a step
	// of the workflow, and an endpoint that never answers would have four of them and as many timers for every attempt.
	SlowHeartbeatTimeout = 25 * time.Second
)

func heartbeatTimeout(taskQueue string) time.Duration {
	if taskQueue == SlowAttemptTaskQueue {
		return SlowHeartbeatTimeout
	}
	return HeartbeatTimeout
}
