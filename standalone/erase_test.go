package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
)

// The data of a delivery that waits are erased: it is not sent again, by no one, and its workflow ends.
func TestErase(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint := newEndpoint(t, answering(500))
	a.createWebhook(endpoint.URL)
	eventID, id := a.publish()
	a.eventually(id, "waiting", 2)

	var erased struct {
		Events     int `json:"events"`
		Discarded  int `json:"discarded"`
		EventsLeft int `json:"events_left"`
	}
	a.do(http.MethodPost, "/v1/erasures", `{"match":"+15551234567"}`, http.StatusOK, &erased)
	require.Equal(t, 1, erased.Events)
	require.Equal(t, 1, erased.Discarded)
	require.Zero(t, erased.EventsLeft)
	d := a.eventually(id, "discarded", 2)
	require.Equal(t, "server_error", d.Attempts[1].Outcome)
	require.Empty(t, d.Attempts[1].ResponseBody)
	require.Eventually(t, func() bool {
		description, err := w.temporal.DescribeWorkflowExecution(t.Context(), id, "")
		require.NoError(t, err)
		return description.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	}, patience, 100*time.Millisecond)
	a.do(http.MethodPost, "/v1/deliveries/"+id+"/retry", nil, http.StatusConflict, nil)
	a.do(http.MethodPost, "/v1/events/"+eventID+"/republish", map[string]string{"webhook_id": a.createWebhook(endpoint.URL).ID}, http.StatusConflict, nil)
	require.Len(t, endpoint.received(), 2)
}
