package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"github.com/durahook/durahook/webhook"
)

type testResult struct {
	DeliveryID   string  `json:"delivery_id"`
	Event        string  `json:"event"`
	PassesFilter bool    `json:"passes_filter"`
	Outcome      string  `json:"outcome"`
	StatusCode   *int    `json:"status_code"`
	ResponseBody string  `json:"response_body"`
	Error        *string `json:"error"`
}

// test has a webhook tested and makes sure that its workflow has ended as the answer says.
func (w *world) test(a api, id, body string) testResult {
	a.t.Helper()
	var result testResult
	a.do(http.MethodPost, "/v1/webhooks/"+id+"/test", body, http.StatusOK, &result)
	description, err := w.temporal.DescribeWorkflowExecution(a.t.Context(), result.DeliveryID, "")
	require.NoError(a.t, err)
	want := enums.WORKFLOW_EXECUTION_STATUS_FAILED
	if result.Outcome == string(webhook.OutcomeSuccess) {
		want = enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	require.Equal(a.t, want, description.GetWorkflowExecutionInfo().GetStatus())
	var summary string
	require.NoError(a.t, converter.GetDefaultDataConverter().FromPayload(description.GetExecutionConfig().GetUserMetadata().GetSummary(), &summary))
	require.Equal(a.t, "test: "+result.Event+" → Salesforce Sync", summary)
	return result
}

func exampleOf(t *testing.T, name string) []byte {
	t.Helper()
	for _, known := range webhook.BuiltInEventTypes() {
		if known.Name == name {
			return known.Example
		}
	}
	t.Fatal("there is no event type " + name)
	return nil
}

// The example goes through the same workflow as everything else, in both lanes, once, whatever comes back.
func TestTestWebhook(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	for _, url := range []string{w.serve, w.api} {
		a.url = url
		endpoint := newEndpoint(t, answering(200, 500, 410, 204))
		created := a.createWebhook(endpoint.URL)
		a.do(http.MethodPatch, "/v1/webhooks/"+created.ID, map[string]any{"filter": "data.duration > 100000"}, http.StatusOK, nil)

		for _, want := range []struct {
			body, event, outcome, status string
			code                         int
		}{
			{"", "call.ended", "success", "delivered", 200},
			{`{"event":"contact.created"}`, "contact.created", "server_error", "exhausted", 500},
			{`{"event":"call.ended"}`, "call.ended", "client_error", "exhausted", 410},
		} {
			result := w.test(a, created.ID, want.body)
			require.Equal(t, want.event, result.Event)
			require.Equal(t, want.outcome, result.Outcome)
			require.Equal(t, want.code, *result.StatusCode)
			require.Contains(t, result.ResponseBody, "answer ")
			require.False(t, result.PassesFilter)
			require.Equal(t, want.status, a.delivery(result.DeliveryID).Status)
			received := endpoint.received()
			last := received[len(received)-1]
			require.Equal(t, exampleOf(t, want.event), last.body, "byte for byte")
			require.Equal(t, want.event, last.header.Get("webhook-event"))
			verify(t, created.SigningSecret, last)
		}
		require.Len(t, endpoint.received(), 3)

		// 410 Gone in a test has no consequences, and a test comes through to a disabled webhook.
		var shown struct{ Enabled bool }
		a.do(http.MethodGet, "/v1/webhooks/"+created.ID, nil, http.StatusOK, &shown)
		require.True(t, shown.Enabled)
		a.do(http.MethodPatch, "/v1/webhooks/"+created.ID, map[string]any{"filter": "data.duration > 0"}, http.StatusOK, nil)
		a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/disable", nil, http.StatusOK, nil)
		result := w.test(a, created.ID, "")
		require.Equal(t, "success", result.Outcome)
		require.True(t, result.PassesFilter)
		require.Len(t, endpoint.received(), 4)
	}
}

// An endpoint that doesn't answer in time, and one that is not there.
func TestTestWebhookWithoutAnswer(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	release := make(chan struct{})
	endpoint := newEndpoint(t, func(int, http.ResponseWriter) { <-release })
	defer close(release)
	result := w.test(a, a.createWebhook(endpoint.URL).ID, "")
	require.Equal(t, "timeout", result.Outcome)
	require.Nil(t, result.StatusCode)
	require.NotEmpty(t, result.Error)

	gone := newEndpoint(t, answering(200))
	gone.Close()
	result = w.test(a, a.createWebhook(gone.URL).ID, "")
	require.Equal(t, "connection_error", result.Outcome)
	require.NotEmpty(t, result.Error)
}

// A test that could not be sent while Temporal was down is not sent when it is back.
func TestTestWebhookWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	endpoint := newEndpoint(t, answering(200))
	_, a := startServe(t, infrastructure, "0s,10m")
	created := a.createWebhook(endpoint.URL)
	require.NoError(t, infrastructure.StopTemporal(t.Context()))
	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/test", nil, http.StatusServiceUnavailable, nil)
	var listed struct {
		Data []struct {
			ID     string
			Status string
			Test   bool
		}
	}
	a.do(http.MethodGet, "/v1/deliveries", nil, http.StatusOK, &listed)
	require.Len(t, listed.Data, 1)
	require.Equal(t, "cancelled", listed.Data[0].Status)
	require.True(t, listed.Data[0].Test)

	require.NoError(t, infrastructure.StartTemporal(t.Context()))
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "delivered", 1)
	require.Equal(t, "cancelled", a.delivery(listed.Data[0].ID).Status)
	require.Len(t, endpoint.received(), 1)
}

// Only what passes a webhook's filter is delivered to it.
func TestFilterDecidesWhatIsDelivered(t *testing.T) {
	t.Parallel()
	_, a := newAccount(t)
	endpoint := newEndpoint(t, answering(200))
	created := a.createWebhook(endpoint.URL)
	a.do(http.MethodPatch, "/v1/webhooks/"+created.ID, map[string]any{"filter": `data.status == "failed"`}, http.StatusOK, nil)
	var event publishedEvent
	a.do(http.MethodPost, "/v1/events", callEnded, http.StatusAccepted, &event)
	require.Empty(t, event.Deliveries)
	a.do(http.MethodPatch, "/v1/webhooks/"+created.ID, map[string]any{"filter": `data.status == "answered"`}, http.StatusOK, nil)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "delivered", 1)
}
