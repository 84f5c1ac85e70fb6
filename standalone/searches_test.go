package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/standalone/stack"
)

// Each search finds what it is there for, and of all that lies beside it nothing.
func TestSearches(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	exhausting := a
	exhausting.url = w.api // two attempts
	endpoint, mend := failing(t)
	created := a.createWebhook(endpoint.URL)
	_, exhausted := exhausting.publish()
	a.eventually(exhausted, "exhausted", 2)
	_, cancelled := a.publish()
	a.eventually(cancelled, "waiting", 2)
	a.do(http.MethodPost, "/v1/deliveries/"+cancelled+"/cancel", nil, http.StatusAccepted, nil)
	_, retried := a.publish()
	a.eventually(retried, "waiting", 2)
	mend()
	a.do(http.MethodPost, "/v1/deliveries/"+retried+"/retry", nil, http.StatusAccepted, nil)
	a.eventually(retried, "delivered", 3)
	_, atOnce := a.publish()
	a.eventually(atOnce, "delivered", 1)
	recovery := a.recover(created.ID, "cancelled").ID
	a.recovered(recovery, "completed")
	a.eventually(cancelled, "delivered", 3)
	a.do(http.MethodPatch, "/v1/webhooks/"+created.ID, map[string]any{"url": newEndpoint(t, answering(502)).URL}, http.StatusOK, nil)
	_, waiting := a.publish()
	a.eventually(waiting, "waiting", 2)
	_, terminated := a.publish()
	a.eventually(terminated, "waiting", 2)
	require.NoError(t, w.temporal.TerminateWorkflow(t.Context(), terminated, "", "by hand"))
	_, other := newAccount(t)
	other.createWebhook(newEndpoint(t, answering(500)).URL)
	_, elsewhere := other.publish()
	other.eventually(elsewhere, "waiting", 2)

	now := time.Now()
	want := map[string][2][]string{ // as of now, and as of so much later that an hour, and then a day, has passed
		"Failed today":                {{exhausted}, {}},
		"Failed in the last hour":     {{exhausted}, {}},
		"Waiting for another attempt": {{waiting}, {waiting}},
		"Open for longer than 1 h":    {{}, {waiting}},
		"Open":                        {{waiting}, {waiting}},
		"Delivered, but not at once":  {{retried}, {retried}},
		"Given up":                    {{cancelled, terminated}, {cancelled, terminated}},
		"Recoveries":                  {{recovery}, {recovery}},
	}
	require.Len(t, service.Searches(), len(want))
	for _, search := range service.Searches() {
		for i, at := range []time.Time{now, now.Add(25 * time.Hour)} {
			expected := want[search.Name][i]
			slices.Sort(expected)
			for _, query := range []string{search.Query(a.account, "", at), search.Query(a.account, created.ID, at)} {
				var found []string
				require.Eventually(t, func() bool {
					found = w.found(t, query)
					return slices.Equal(expected, found)
				}, patience, pollInterval, "%s: %s found %v instead of %v", search.Name, query, &found, expected)
			}
		}
	}
}

// found returns the IDs of the workflows that match, sorted.
func (w *world) found(t *testing.T, query string) []string {
	t.Helper()
	list, err := w.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: stack.Namespace, Query: query})
	require.NoError(t, err, query)
	ids := []string{}
	for _, execution := range list.GetExecutions() {
		ids = append(ids, execution.GetExecution().GetWorkflowId())
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
