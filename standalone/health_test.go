package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/standalone/stack"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// told is an operational event as a webhook gets it.
type told struct {
	Event     string         `json:"event"`
	Timestamp time.Time      `json:"timestamp"`
	Data      map[string]any `json:"data"`
}

// subscribe creates a webhook for these events.
func (a api) subscribe(url string, events ...string) createdWebhook {
	a.t.Helper()
	var w createdWebhook
	a.do(http.MethodPost, "/v1/webhooks", map[string]any{"name": "Watcher", "url": url, "events": events}, http.StatusCreated, &w)
	return w
}

// eventsOf waits until the endpoint has received every one of these events and returns them by their names.
func (e *endpoint) eventsOf(t *testing.T, names ...string) map[string]told {
	t.Helper()
	got := map[string]told{}
	require.Eventually(t, func() bool {
		for _, request := range e.received() {
			var one told
			require.NoError(t, json.Unmarshal(request.body, &one))
			got[one.Event] = one
		}
		for _, name := range names {
			if _, ok := got[name]; !ok {
				return false
			}
		}
		return true
	}, patience, pollInterval, "got %v", &got)
	return got
}

// TestTelling runs a process in which webhooks that fail for some seconds are disabled.
func TestTelling(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	retention := scheduleRetention(t, infrastructure)
	serve, a := startServe(t, infrastructure, "0s,1s,1s", "--disable-after", "15s", "--retention", "forever",
		"--alert-window", "5s", "--alert-quiet", "1h", "--public-url", "https://durahook.example.com")
	requireNoRetention(t, retention)
	t.Run("webhook that fails for too long", func(t *testing.T) {
		t.Parallel()
		a.t = t
		testWebhookThatFailsForTooLong(t, infrastructure, a)
	})
	t.Run("exhausted delivery", func(t *testing.T) {
		t.Parallel()
		a.t = t
		testExhaustedDeliveryIsTold(t, a)
	})
	t.Run("alerts", func(t *testing.T) {
		t.Parallel()
		a.t = t
		testPeopleAreAlerted(t, serve, a)
	})
}

// inAccount returns a client for a new account.
func (a api) inAccount(name string) api {
	a.t.Helper()
	var account struct {
		ID string `json:"id"`
	}
	a.do(http.MethodPost, "/v1/accounts", map[string]any{"name": name}, http.StatusCreated, &account)
	a.account = account.ID
	return a
}

// A webhook that fails for too long is disabled, and who wants to know is told at each step. Enabled again, it gets
// what it missed.
func testWebhookThatFailsForTooLong(t *testing.T, infrastructure *stack.Infrastructure, a api) {
	t.Helper()
	a = a.inAccount("Failing")
	endpoint, mend := failing(t)
	watcher := newEndpoint(t, answering(200))
	created := a.createWebhook(endpoint.URL)
	watching := a.subscribe(watcher.URL, webhook.OperationalEvents()...)

	var w struct {
		Enabled        bool       `json:"enabled"`
		DisabledReason string     `json:"disabled_reason"`
		FailingSince   *time.Time `json:"failing_since"`
		Missed         *struct {
			Deliveries int       `json:"deliveries"`
			Since      time.Time `json:"since"`
			Status     []string  `json:"status"`
		} `json:"missed"`
	}
	published := 0
	require.Eventually(t, func() bool {
		a.do(http.MethodGet, "/v1/webhooks/"+created.ID, nil, http.StatusOK, &w)
		if w.Enabled {
			a.do(http.MethodPost, "/v1/events", callEnded, http.StatusAccepted, nil)
			published++
		}
		return !w.Enabled
	}, patience, 500*time.Millisecond)
	require.Regexp(t, `^No attempt has succeeded since .* UTC, for \d+ seconds; the last one ended as server_error, 502\.$`, w.DisabledReason)

	events := watcher.eventsOf(t, webhook.EventWebhookFailing, webhook.EventWebhookDisabled)
	verify(t, watching.SigningSecret, watcher.received()[0])
	for _, event := range []string{webhook.EventWebhookFailing, webhook.EventWebhookDisabled} {
		require.Equal(t, created.ID, events[event].Data["webhook_id"])
		require.Equal(t, "Salesforce Sync", events[event].Data["webhook_name"])
	}
	require.Equal(t, "failing", events[webhook.EventWebhookDisabled].Data["cause"])
	require.Equal(t, w.DisabledReason, events[webhook.EventWebhookDisabled].Data["reason"])
	for _, request := range watcher.received() {
		require.NotContains(t, string(request.body), "+15551234567", "no payload in it")
	}

	mend()
	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/enable", nil, http.StatusOK, &w)
	watcher.eventsOf(t, webhook.EventWebhookEnabled)
	require.True(t, w.Enabled)
	require.NotNil(t, w.Missed)
	var r recovery
	require.Eventually(t, func() bool { // what waited is discarded within seconds
		a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/enable", nil, http.StatusOK, &w)
		return w.Missed != nil && w.Missed.Deliveries == published
	}, patience, pollInterval, "%d were published, missed: %+v", published, &w)
	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/recover", map[string]any{"since": w.Missed.Since, "status": w.Missed.Status}, http.StatusAccepted, &r)
	require.Equal(t, published, a.recovered(r.ID, "completed").Retried)

	temporal, err := client.Dial(client.Options{HostPort: infrastructure.TemporalAddress()})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	schedule, err := temporal.ScheduleClient().GetHandle(t.Context(), workflows.HealthID).Describe(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, schedule.Info.RecentActions)
}

// Of a delivery that nobody accepted, who subscribes is told; that the telling was not accepted is told to nobody.
func testExhaustedDeliveryIsTold(t *testing.T, a api) {
	t.Helper()
	a = a.inAccount("Exhausted")
	const attempts = 3
	watcher, deaf := newEndpoint(t, answering(200)), newEndpoint(t, answering(500))
	created := a.createWebhook(newEndpoint(t, answering(503)).URL)
	a.subscribe(watcher.URL, webhook.EventDeliveryExhausted, webhook.EventWebhookDisabled)
	toDeaf := a.subscribe(deaf.URL, webhook.EventDeliveryExhausted)
	other := newEndpoint(t, answering(200))
	a.subscribe(other.URL, "delivery.*", "webhook.*")
	eventID, deliveryID := a.publish()
	a.eventually(deliveryID, "exhausted", attempts)
	got := watcher.eventsOf(t, webhook.EventDeliveryExhausted)[webhook.EventDeliveryExhausted]
	require.Equal(t, map[string]any{
		"delivery_id": deliveryID, "webhook_id": created.ID, "webhook_name": "Salesforce Sync", "event_id": eventID, "event": "call.ended",
		"attempts": float64(attempts), "outcome": "server_error", "status_code": 503., "error": nil,
	}, got.Data)

	var deliveries, events struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	a.do(http.MethodGet, "/v1/deliveries?webhook_id="+toDeaf.ID, nil, http.StatusOK, &deliveries)
	require.Len(t, deliveries.Data, 1)
	a.eventually(deliveries.Data[0].ID, "exhausted", attempts)
	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/disable", nil, http.StatusOK, nil)
	disabled := watcher.eventsOf(t, webhook.EventWebhookDisabled)[webhook.EventWebhookDisabled] // told after all before it
	require.Equal(t, "owner", disabled.Data["cause"])
	a.do(http.MethodGet, "/v1/events", nil, http.StatusOK, &events)
	require.Len(t, events.Data, 3, "call.ended, delivery.exhausted and webhook.disabled")
	require.Empty(t, other.received())
}

func TestRecordHistoriesOfHealth(t *testing.T) {
	t.Parallel()
	w, _ := newAccount(t)
	schedule := w.temporal.ScheduleClient().GetHandle(t.Context(), workflows.HealthID)
	require.Eventually(t, func() bool { // the worker makes it when it starts
		return schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}) == nil
	}, patience, pollInterval)
	w.keepHistory(t, "webhook_health", w.completed(t, "WebhookHealth"))
}
