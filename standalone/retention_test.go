package main

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/standalone/stack"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// longAgo writes down an event of 40 days ago with one delivery to a webhook, and returns both IDs.
func (w *world) longAgo(t *testing.T, a api, webhookID, status string) (eventID, deliveryID string) {
	t.Helper()
	at := time.Now().Add(-40 * 24 * time.Hour)
	const millisecond = len("evt_") + 10
	rest := webhook.NewID(webhook.EventPrefix)[millisecond:]
	eventID = webhook.FirstID(webhook.EventPrefix, at)[:millisecond] + rest
	deliveryID = webhook.FirstID(webhook.DeliveryPrefix, at)[:millisecond] + rest
	_, err := w.db.ExecContext(t.Context(), `
		WITH event AS (
			INSERT INTO events (id, account_id, event, timestamp, created_at) VALUES ($1, $2, 'call.ended', $5, $5)
		), payload AS (
			INSERT INTO event_payloads (event_id, payload) VALUES ($1, '{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}}')
		), delivery AS (
			INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, next_attempt_at, sweep_at, attempt_count, created_at, updated_at)
			VALUES ($3, $2, $1, $4, 'call.ended', $6, CASE WHEN $6 = 'waiting' THEN now() + interval '1 hour' END, NULL, 1, $5, $5)
		)
		INSERT INTO attempts (id, delivery_id, webhook_id, run_id, sequence, number, trigger, outcome, response_time_ms, started_at, ended_at)
		VALUES ('att_' || $3, $3, $4, 'run', 1, 1, 'schedule', 'success', 1, $5, $5)`,
		eventID, a.account, deliveryID, webhookID, at, status)
	require.NoError(t, err)
	return eventID, deliveryID
}

// exportedEvent returns the line of an event in a directory of exports, as the API would show it with its deliveries.
func exportedEvent(t *testing.T, directory, id string) (line map[string]any) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*", "*.jsonl.gz"))
	require.NoError(t, err)
	for _, path := range paths {
		file, err := os.Open(path)
		require.NoError(t, err)
		unzipped, err := gzip.NewReader(file)
		require.NoError(t, err)
		decoder := json.NewDecoder(unzipped)
		for decoder.More() {
			var one map[string]any
			require.NoError(t, decoder.Decode(&one))
			if one["id"] == id {
				line = one
			}
		}
		require.NoError(t, file.Close())
	}
	require.NotNil(t, line, "%s is in none of %d exports", id, len(paths))
	return line
}

// What was kept for 30 days leaves, by a schedule that is seen in the Web UI, once it is exported as the API has shown it;
// what is open stays, and so does what is younger.
func TestRetention(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	created := a.createWebhook(newEndpoint(t, answering(200)).URL)
	old, oldDelivery := w.longAgo(t, a, created.ID, "delivered")
	open, openDelivery := w.longAgo(t, a, created.ID, "waiting")
	var event, delivery map[string]any
	a.do(http.MethodGet, "/v1/events/"+old, nil, http.StatusOK, &event)
	a.do(http.MethodGet, "/v1/deliveries/"+oldDelivery, nil, http.StatusOK, &delivery)
	delete(delivery, "workflow_url")
	event["deliveries"], event["account_id"] = []any{delivery}, a.account
	young, youngDelivery := a.publish()
	a.eventually(youngDelivery, "delivered", 1)

	schedule := w.temporal.ScheduleClient().GetHandle(t.Context(), workflows.RetentionID)
	require.Eventually(t, func() bool {
		_ = schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}) // the worker makes it when it starts
		status, _ := a.try(http.MethodGet, "/v1/events/"+old, nil)
		return status == http.StatusNotFound
	}, patience, time.Second)
	require.Equal(t, event, exportedEvent(t, w.exports, old))
	a.do(http.MethodGet, "/v1/deliveries/"+oldDelivery, nil, http.StatusNotFound, nil)
	a.do(http.MethodPost, "/v1/deliveries/"+oldDelivery+"/retry", nil, http.StatusNotFound, nil)
	a.do(http.MethodPost, "/v1/events/"+old+"/republish", map[string]string{"webhook_id": created.ID}, http.StatusNotFound, nil)
	for _, id := range []string{open, young} {
		a.do(http.MethodGet, "/v1/events/"+id, nil, http.StatusOK, nil)
	}
	require.Len(t, a.delivery(openDelivery).Attempts, 1)
	w.keepHistory(t, "retained", w.completed(t, "Retention"))
}

// completed returns the ID of a workflow of this type that has completed.
func (w *world) completed(t *testing.T, workflowType string) (id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		list, err := w.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: `WorkflowType = "` + workflowType + `"`})
		require.NoError(t, err)
		for _, execution := range list.GetExecutions() {
			if execution.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
				id = execution.GetExecution().GetWorkflowId()
			}
		}
		return id != ""
	}, patience, pollInterval)
	return id
}

// scheduleRetention makes the schedule as a process would that was told to keep events for a time.
func scheduleRetention(t *testing.T, infrastructure *stack.Infrastructure) client.ScheduleHandle {
	t.Helper()
	temporal, err := client.Dial(client.Options{HostPort: infrastructure.TemporalAddress()})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	handle, err := temporal.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: workflows.RetentionID, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
		Action: &client.ScheduleWorkflowAction{Workflow: "Retention", TaskQueue: workflows.DeliveryTaskQueue},
	})
	require.NoError(t, err)
	return handle
}

// Who keeps events for ever has no schedule that deletes them, not even that of a process before.
func requireNoRetention(t *testing.T, schedule client.ScheduleHandle) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := schedule.Describe(t.Context())
		var missing *serviceerror.NotFound
		if err != nil {
			require.ErrorAs(t, err, &missing)
		}
		return err != nil
	}, patience, pollInterval)
}
