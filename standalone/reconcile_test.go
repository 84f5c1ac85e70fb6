package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/standalone/stack"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/worker"
	"github.com/durahook/durahook/workflows"
)

// reconciled has the reconciler run until a delivery has this status and so many attempts.
func (w *world) reconciled(t *testing.T, a api, id, status string, attempts int) {
	t.Helper()
	schedule := w.temporal.ScheduleClient().GetHandle(t.Context(), workflows.ReconcileID)
	var d deliveryDetails
	require.Eventually(t, func() bool {
		require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
		d = a.delivery(id)
		return d.Status == status && d.AttemptCount == attempts
	}, patience, time.Second, "delivery %s should be %s after %d attempts; last seen: %+v", id, status, attempts, &d)
}

// waiting returns a delivery that waits ten minutes for its third attempt, which will succeed.
func waiting(t *testing.T, a api) string {
	t.Helper()
	a.createWebhook(newEndpoint(t, answering(500, 500, 200)).URL)
	_, id := a.publish()
	a.eventually(id, "waiting", 2)
	return id
}

func TestReconcilerIsScheduled(t *testing.T) {
	t.Parallel()
	w, _ := newAccount(t)
	schedule := w.temporal.ScheduleClient().GetHandle(t.Context(), workflows.ReconcileID)
	require.Eventually(t, func() bool {
		description, err := schedule.Describe(t.Context())
		return err == nil && slices.Equal(description.Schedule.Spec.Intervals, []client.ScheduleIntervalSpec{{Every: workflows.ReconcileEvery}})
	}, patience, pollInterval)
}

// Temporal has lost a workflow, as when its database was restored from a backup: the delivery goes on where its
// schedule stands.
func TestReconcileLostWorkflow(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	id := waiting(t, a)
	executions := worker.NewExecutions(w.temporal, stack.Namespace)
	require.NoError(t, executions.Delete(t.Context(), id, ""))
	require.Eventually(t, func() bool {
		run, err := executions.LastRun(t.Context(), id)
		require.NoError(t, err)
		return run.State == webhook.WorkflowMissing
	}, patience, pollInterval)
	_, err := w.db.Exec(`UPDATE deliveries SET next_attempt_at = now() - interval '1 h' WHERE id = $1`, id)
	require.NoError(t, err)

	w.reconciled(t, a, id, "delivered", 3)
	input := w.history(t, id)[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0]
	require.Contains(t, string(input.GetData()), `"step":2`)
	w.keepHistory(t, "delivered_after_loss", id)
}

// A task that no worker takes is told from a workflow that waits for its timer, and from a backlog.
func TestATaskThatNobodyTakes(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	executions := worker.NewExecutions(w.temporal, stack.Namespace)
	waits := waiting(t, a)
	require.Eventually(t, func() bool {
		run, err := executions.LastRun(t.Context(), waits)
		require.NoError(t, err)
		return run.State == webhook.WorkflowOpen && run.TaskSince.IsZero()
	}, patience, pollInterval)

	id := webhook.NewID(webhook.DeliveryPrefix)
	_, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "nobody-polls"}, workflows.Delivery, workflows.DeliveryInput{})
	require.NoError(t, err)
	run, err := executions.LastRun(t.Context(), id)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), run.TaskSince, time.Minute)
	const second = time.Second
	require.Eventually(t, func() bool {
		oldest, err := executions.OldestTask(t.Context(), run.TaskQueue)
		require.NoError(t, err)
		return oldest > second && oldest < time.Minute
	}, patience, pollInterval, "the task is in the backlog")
	oldest, err := executions.OldestTask(t.Context(), workflows.DeliveryTaskQueue)
	require.NoError(t, err)
	require.Less(t, oldest, time.Minute)
	require.NoError(t, executions.Delete(t.Context(), id, run.RunID))
}

// An operator terminates a workflow in the Web UI, hours before its next attempt.
func TestReconcileTerminatedWorkflow(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	id := waiting(t, a)
	require.NoError(t, w.temporal.TerminateWorkflow(t.Context(), id, "", "enough"))
	w.reconciled(t, a, id, "cancelled", 2)
	a.do("POST", "/v1/deliveries/"+id+"/retry", nil, 202, nil)
	a.eventually(id, "delivered", 3)
}

// The row missed that the workflow ended.
func TestReconcileEndedWorkflow(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	a.createWebhook(newEndpoint(t, answering(200)).URL)
	_, id := a.publish()
	a.eventually(id, "delivered", 1)
	require.NoError(t, w.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	_, err := w.db.Exec(`UPDATE deliveries SET status = 'pending', sweep_at = NULL, updated_at = now() - interval '1 h' WHERE id = $1`, id)
	require.NoError(t, err)
	w.reconciled(t, a, id, "delivered", 1)
}

// A delivery whose workflow is gone can be cancelled all the same.
func TestCancelWithoutWorkflow(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	id := waiting(t, a)
	require.NoError(t, w.temporal.TerminateWorkflow(t.Context(), id, "", "enough"))
	a.do("POST", "/v1/deliveries/"+id+"/cancel", nil, 202, nil)
	a.eventually(id, "cancelled", 2)
}

// Workflows that should have ended are found and end in the way that fits.
func TestReconcileRunningWorkflows(t *testing.T) {
	t.Parallel()
	w, _ := newAccount(t)
	executions := worker.NewExecutions(w.temporal, stack.Namespace)
	for status, want := range map[webhook.Status]webhook.WorkflowRun{
		webhook.StatusDelivered: {State: webhook.WorkflowTerminated},
		webhook.StatusCancelled: {State: webhook.WorkflowClosed, Status: webhook.StatusCancelled},
		webhook.StatusDiscarded: {State: webhook.WorkflowClosed, Status: webhook.StatusDiscarded},
		"":                      {State: webhook.WorkflowTerminated},
	} {
		_, a := newAccount(t)
		id := waiting(t, a)
		run, err := executions.LastRun(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, webhook.WorkflowOpen, run.State)
		require.Eventually(t, func() bool {
			var all []activities.RunningWorkflow
			for page := []byte(nil); ; {
				running, next, err := executions.Running(t.Context(), time.Now().Add(time.Hour), page, 2)
				require.NoError(t, err)
				if all, page = append(all, running...), next; len(page) == 0 {
					break
				}
			}
			return slices.ContainsFunc(all, func(w activities.RunningWorkflow) bool { return w.DeliveryID == id })
		}, patience, pollInterval)
		require.NoError(t, executions.End(t.Context(), id, run.RunID, status))
		want.RunID, want.TaskQueue = run.RunID, run.TaskQueue
		require.Eventually(t, func() bool {
			run, err := executions.LastRun(t.Context(), id)
			require.NoError(t, err)
			return run == want
		}, patience, pollInterval, "%s: %+v", status, want)
	}
}
