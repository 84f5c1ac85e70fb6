package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// limit sets the rate limit of a webhook; nil takes it away.
func (a api) limit(webhookID string, perSecond any) {
	a.t.Helper()
	a.do(http.MethodPatch, "/v1/webhooks/"+webhookID, map[string]any{"rate_limit": perSecond}, http.StatusOK, nil)
}

// publishMany publishes call.ended so often at once and returns its deliveries to the only webhook.
func (a api) publishMany(n int) (deliveryIDs []string) {
	a.t.Helper()
	var published struct {
		Data []publishedEvent `json:"data"`
	}
	events := make([]map[string]any, n)
	for i := range events {
		events[i] = map[string]any{"event": "call.ended", "timestamp": "2025-02-02T14:30:00Z", "data": map[string]any{"call_id": fmt.Sprint(i)}}
	}
	a.do(http.MethodPost, "/v1/events/batch", map[string]any{"events": events}, http.StatusAccepted, &published)
	require.Len(a.t, published.Data, n)
	for _, event := range published.Data {
		require.Len(a.t, event.Deliveries, 1)
		deliveryIDs = append(deliveryIDs, event.Deliveries[0].ID)
	}
	return deliveryIDs
}

// times answers like another function and keeps when each request came.
func times(answer func(int, http.ResponseWriter)) (keeping func(int, http.ResponseWriter), all func() []time.Time) {
	var mu sync.Mutex
	var came []time.Time
	keeping = func(number int, w http.ResponseWriter) {
		mu.Lock()
		came = append(came, time.Now())
		mu.Unlock()
		answer(number, w)
	}
	return keeping, func() []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(came)
	}
}

// A burst reaches an endpoint at the rate of its webhook, whichever process starts the deliveries, retries included;
// nothing is dropped, and others don't wait for it.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	const limit, deliveries, failures = 10, 30, 10
	w, a := newAccount(t)
	answer, came := times(answering(append(slices.Repeat([]int{500}, failures), 200)...))
	limited := a.createWebhook(newEndpoint(t, answer).URL)
	a.limit(limited.ID, limit)
	ids := a.publishMany(deliveries / 2)
	a.url = w.api
	ids = append(ids, a.publishMany(deliveries/2)...)
	for _, id := range ids {
		require.Eventually(t, func() bool { return a.delivery(id).Status == "delivered" }, patience, pollInterval, id)
	}
	all := came()
	require.Len(t, all, deliveries+failures)
	took := all[len(all)-1].Sub(all[0])
	require.Greater(t, took, (deliveries+failures-1)*time.Second/limit/2, "they are spread")
	for i := range all {
		within := 0
		for _, at := range all[i:] {
			if at.Sub(all[i]) < time.Second {
				within++
			}
		}
		require.LessOrEqual(t, within, 2*limit, "in the second after request %d", i)
	}
}

// What waits for its turn goes when the limit is taken away, and ends when it is cancelled or its webhook disabled.
func TestRateLimitIsTakenAway(t *testing.T) {
	t.Parallel()
	_, a := newAccount(t)
	endpoint := newEndpoint(t, answering(200))
	limited := a.createWebhook(endpoint.URL)
	a.limit(limited.ID, 1)
	ids := a.publishMany(200) // by the limit, that takes longer than the test waits
	last := ids[len(ids)-1]
	a.do(http.MethodPost, "/v1/deliveries/"+last+"/cancel", nil, http.StatusAccepted, nil)
	a.eventually(last, "cancelled", 0)
	a.limit(limited.ID, nil)
	endpoint.eventually(t, len(ids)-1)

	a.limit(limited.ID, 1)
	ids = a.publishMany(20)
	a.do(http.MethodPost, "/v1/webhooks/"+limited.ID+"/disable", nil, http.StatusOK, nil)
	ended := map[string]int{}
	for _, id := range ids {
		require.Eventually(t, func() bool { return a.delivery(id).Status != "pending" }, patience, pollInterval, id)
		ended[a.delivery(id).Status]++
	}
	require.NotZero(t, ended["discarded"], "%v", ended) // some may have had their turn before
	require.Equal(t, len(ids), ended["discarded"]+ended["delivered"])
}
