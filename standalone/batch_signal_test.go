package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/batch/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/durahook/durahook/standalone/stack"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// signalAll does what Send Signal on a selection in the Temporal Web UI does, and returns how many were signalled once
// that is over.
func (w *world) signalAll(t *testing.T, query, signal string) int64 {
	t.Helper()
	job, service := webhook.NewID("job"), w.temporal.WorkflowService()
	_, err := service.StartBatchOperation(t.Context(), &workflowservice.StartBatchOperationRequest{
		Namespace: stack.Namespace, JobId: job, Reason: "the receiver is back", VisibilityQuery: query,
		Operation: &workflowservice.StartBatchOperationRequest_SignalOperation{SignalOperation: &batch.BatchOperationSignal{Signal: signal}},
	})
	require.NoError(t, err)
	var done *workflowservice.DescribeBatchOperationResponse
	require.Eventually(t, func() bool {
		done, err = service.DescribeBatchOperation(t.Context(), &workflowservice.DescribeBatchOperationRequest{Namespace: stack.Namespace, JobId: job})
		return err == nil && done.GetState() != enums.BATCH_OPERATION_STATE_RUNNING
	}, patience, pollInterval, "batch operation %s: %v", job, &done)
	require.Equal(t, enums.BATCH_OPERATION_STATE_COMPLETED, done.GetState())
	require.Zero(t, done.GetFailureOperationCount())
	return done.GetCompleteOperationCount()
}

// The receiver is back: all that wait for it are sent once more, none twice, and what waits for others is left alone.
func TestRetryOfAllThatMatchAQuery(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	receiver, mend := failing(t)
	created := a.createWebhook(receiver.URL)
	const waiting = 60
	ids := make([]string, waiting)
	for i := range ids {
		_, ids[i] = a.publish()
	}
	_, other := newAccount(t)
	other.createWebhook(newEndpoint(t, answering(502)).URL)
	_, elsewhere := other.publish()
	other.eventually(elsewhere, "waiting", 2)
	for _, id := range ids {
		a.eventually(id, "waiting", 2)
	}
	query := fmt.Sprintf(`DurahookWebhook = "%s" AND WorkflowType = "Delivery" AND ExecutionStatus = "Running" AND DurahookStatus = "waiting"`, created.ID)
	require.Eventually(t, func() bool { return len(w.found(t, query)) == waiting }, patience, pollInterval)

	mend()
	require.EqualValues(t, waiting, w.signalAll(t, query, workflows.RetrySignal))
	for _, id := range ids {
		d := a.eventually(id, "delivered", 3)
		require.Nil(t, d.NextAttemptAt)
		require.Equal(t, "manual", d.Attempts[2].Trigger)
		require.NoError(t, w.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil)) // nothing more can come
	}
	times := map[string]int{}
	for _, request := range receiver.received() {
		times[request.header.Get("webhook-id")]++
	}
	require.Len(t, times, waiting)
	for event, n := range times {
		require.Equal(t, 3, n, "event %s", event)
	}
	other.eventually(elsewhere, "waiting", 2)
}
