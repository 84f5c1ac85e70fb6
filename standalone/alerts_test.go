package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
)

const alertSecret = "alert-secret-of-the-tests"

// alertChannel is an alert channel as the API shows it.
type alertChannel struct {
	ID         string  `json:"id"`
	URL        string  `json:"url"`
	LastSentAt *string `json:"last_sent_at"`
	LastError  *string `json:"last_error"`
}

func (a api) alertBy(url string) alertChannel {
	a.t.Helper()
	var made alertChannel
	a.do(http.MethodPost, "/v1/alert-channels", map[string]any{"name": "On-call team", "type": "slack", "url": url + "/" + alertSecret}, http.StatusCreated, &made)
	return made
}

// However many deliveries are exhausted, people get one message, also if it has to be sent again and again. Where it
// goes to is in no log; that it is in no history either, TestNothingLeaks sees to.
func testPeopleAreAlerted(t *testing.T, serve *program, a api) {
	t.Helper()
	a = a.inAccount("Alerted")
	const attempts, events = 3, 5
	people := newEndpoint(t, func(number int, w http.ResponseWriter) {
		if number < attempts { // the service that people are reached by has its own troubles
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	channel := a.alertBy(people.URL)
	created := a.createWebhook(newEndpoint(t, answering(500)).URL)
	for range events {
		a.publish()
	}
	require.Eventually(t, func() bool {
		a.do(http.MethodGet, "/v1/alert-channels/"+channel.ID, nil, http.StatusOK, &channel)
		return channel.LastSentAt != nil
	}, patience, pollInterval)
	require.Nil(t, channel.LastError)
	got := people.received()
	require.Len(t, got, attempts, "one message, sent until it was taken")
	require.Contains(t, string(got[attempts-1].body), "5 deliveries to Salesforce Sync were not accepted in any attempt")
	require.Contains(t, string(got[attempts-1].body), "https://durahook.example.com/console/deliveries?account="+a.account+`\u0026status=exhausted\u0026webhook_id=`+created.ID)

	var result struct {
		Sent  bool    `json:"sent"`
		Error *string `json:"error"`
	}
	a.do(http.MethodPost, "/v1/alert-channels/"+channel.ID+"/test", nil, http.StatusOK, &result)
	require.True(t, result.Sent)
	require.Contains(t, string(people.received()[attempts].body), "Nothing has happened")
	gone := a.alertBy(newEndpoint(t, answering(404)).URL)
	a.do(http.MethodPost, "/v1/alert-channels/"+gone.ID+"/test", nil, http.StatusOK, &result)
	require.False(t, result.Sent)
	require.Contains(t, *result.Error, "the service answered 404")
	a.do(http.MethodGet, "/v1/alert-channels/"+gone.ID, nil, http.StatusOK, &gone)
	require.Equal(t, result.Error, gone.LastError)

	require.NotContains(t, serve.output.String(), alertSecret)
}

func TestRecordHistoriesOfAlerts(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	for name, codes := range map[string][]int{"alert_sent": {200}, "alert_refused": {404}} {
		channel := a.alertBy(newEndpoint(t, answering(codes...)).URL)
		a.do(http.MethodPost, "/v1/alert-channels/"+channel.ID+"/test", nil, http.StatusOK, nil)
		var id string
		require.Eventually(t, func() bool {
			list, err := w.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
				Query: `WorkflowType = "SendAlert" AND DurahookAccount = "` + a.account + `" AND ExecutionStatus = "` + map[string]string{"alert_sent": "Completed", "alert_refused": "Failed"}[name] + `"`,
			})
			require.NoError(t, err)
			if len(list.GetExecutions()) == 1 {
				id = list.GetExecutions()[0].GetExecution().GetWorkflowId()
			}
			return id != ""
		}, patience, pollInterval)
		w.keepHistory(t, name, id)
	}
}
