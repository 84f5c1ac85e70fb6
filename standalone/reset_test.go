package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/durahook/durahook/standalone/stack"
	"github.com/durahook/durahook/webhook"
)

// reset does what Reset in the Temporal Web UI does: a new run of the delivery's workflow that goes on before its
// task number n, counted from 0, or from the end when negative.
func (w *world) reset(t *testing.T, deliveryID string, n int) {
	t.Helper()
	_ = w.temporal.GetWorkflow(t.Context(), deliveryID, "").Get(t.Context(), nil) // until it is closed
	var tasks []int64
	for _, event := range w.history(t, deliveryID) {
		if event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			tasks = append(tasks, event.GetEventId())
		}
	}
	if n < 0 {
		n += len(tasks)
	}
	_, err := w.temporal.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: stack.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: deliveryID},
		Reason: "the receiver lost it", WorkflowTaskFinishEventId: tasks[n], RequestId: webhook.NewID("req"),
	})
	require.NoError(t, err)
}

// An operator who resets a run that has ended wants the event sent again, and to see that it was.
func TestReset(t *testing.T) {
	t.Parallel()
	cancel := func(a api, id string) {
		a.eventually(id, "waiting", 2)
		a.do(http.MethodPost, "/v1/deliveries/"+id+"/cancel", nil, http.StatusAccepted, nil)
	}
	terminate := func(a api, id string) {
		w, err := theWorld()
		require.NoError(a.t, err)
		a.eventually(id, "waiting", 2)
		require.NoError(a.t, w.temporal.TerminateWorkflow(a.t.Context(), id, "", "by hand"))
	}
	reenable := func(a api, id string) {
		a.eventually(id, "waiting", 2)
		var list struct{ Data []createdWebhook }
		a.do(http.MethodGet, "/v1/webhooks", nil, http.StatusOK, &list)
		a.do(http.MethodPost, "/v1/webhooks/"+list.Data[0].ID+"/disable", nil, http.StatusOK, nil)
		a.eventually(id, "discarded", 2)
		a.do(http.MethodPost, "/v1/webhooks/"+list.Data[0].ID+"/enable", nil, http.StatusOK, nil)
	}
	for name, story := range map[string]struct {
		codes    []int
		byWorker bool
		drive    func(a api, deliveryID string)
		before   string
		attempts int
		task     int
		after    string
		made     int
	}{
		"delivered, fast lane":              {codes: []int{200}, before: "delivered", attempts: 1, after: "delivered", made: 2},
		"delivered, by the worker":          {codes: []int{200}, byWorker: true, before: "delivered", attempts: 1, after: "delivered", made: 2},
		"delivered, but refused now":        {codes: []int{200, 500}, byWorker: true, before: "delivered", attempts: 1, after: "exhausted", made: 3},
		"exhausted, from the start":         {codes: []int{500, 500, 200}, byWorker: true, before: "exhausted", attempts: 2, after: "delivered", made: 3},
		"exhausted, the last attempt":       {codes: []int{500, 500, 200}, byWorker: true, before: "exhausted", attempts: 2, task: -2, after: "delivered", made: 3},
		"exhausted, after the last attempt": {codes: []int{500}, byWorker: true, before: "exhausted", attempts: 2, task: -1, after: "exhausted", made: 2},
		"cancelled, from the start":         {codes: []int{500, 500, 200}, drive: cancel, before: "cancelled", attempts: 2, after: "delivered", made: 3},
		"cancelled, from where it waited":   {codes: []int{500, 500, 200}, drive: cancel, before: "cancelled", attempts: 2, task: 1, after: "delivered", made: 3},
		"terminated":                        {codes: []int{500, 500, 200}, drive: terminate, before: "waiting", attempts: 2, after: "delivered", made: 3},
		"discarded, its webhook enabled":    {codes: []int{500, 500, 200}, drive: reenable, before: "discarded", attempts: 2, after: "delivered", made: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := newAccount(t)
			if story.byWorker {
				a.url = w.api
			}
			a.createWebhook(newEndpoint(t, answering(story.codes...)).URL)
			_, deliveryID := a.publish()
			if story.drive != nil {
				story.drive(a, deliveryID)
			}
			a.eventually(deliveryID, story.before, story.attempts)
			w.reset(t, deliveryID, story.task)
			_ = w.temporal.GetWorkflow(t.Context(), deliveryID, "").Get(t.Context(), nil)
			d := a.eventually(deliveryID, story.after, story.made)
			require.Nil(t, d.NextAttemptAt)
			for i, attempt := range d.Attempts {
				require.Equal(t, i+1, attempt.Number)
				require.Equal(t, i == story.attempts, attempt.Trigger == "manual", "attempt %d: %s", i+1, attempt.Trigger)
			}
		})
	}
}
