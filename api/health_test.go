package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestEnablingSaysWhatWasMissed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	exhausted, discarded := f.publish(f.account).Deliveries[0].ID, f.publish(f.account).Deliveries[0].ID
	require.NotContains(t, f.get("/v1/webhooks/"+w.ID).text, "failing_since")
	f.exec(`UPDATE webhooks SET failing_since = now() - interval '1 hour'`)
	failing := decode[map[string]any](f.get("/v1/webhooks/"+w.ID), 200)
	since, err := time.Parse(time.RFC3339, failing["failing_since"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(-time.Hour), since, time.Minute)
	f.record(exhausted, webhook.StatusExhausted, nil)
	require.NoError(t, f.store.DisableWebhook(t.Context(), w.ID, "The endpoint answered 410 Gone."))
	require.NoError(t, f.store.DiscardOpen(t.Context(), discarded))

	enabled := decode[map[string]any](f.call(http.MethodPost, "/v1/webhooks/"+w.ID+"/enable", ""), 200)
	missed, ok := enabled["missed"].(map[string]any)
	require.True(t, ok, enabled)
	require.InDelta(t, 2, missed["deliveries"], 0)
	require.NotContains(t, enabled, "failing_since")
	require.NotContains(t, f.get("/v1/webhooks/"+w.ID).text, "missed")

	recovery := f.call(http.MethodPost, "/v1/webhooks/"+w.ID+"/recover", encode(map[string]any{"since": missed["since"], "status": missed["status"]}))
	require.Equal(t, 202, recovery.status, recovery.text)
	other := f.newWebhook(f.account)
	f.call(http.MethodPost, "/v1/webhooks/"+other.ID+"/disable", "")
	require.NotContains(t, f.call(http.MethodPost, "/v1/webhooks/"+other.ID+"/enable", "").text, "missed", "there is nothing")
}

// Operational events are in the catalogue, but not clients' to publish or to change.
func TestOperationalEventTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, false, decode[map[string]any](f.get(eventTypes+"/call.ended"), 200)["operational"])
	for _, name := range webhook.OperationalEvents() {
		known := decode[map[string]any](f.get(eventTypes+"/"+name), 200)
		require.Equal(t, true, known["operational"])
		require.Equal(t, true, known["built_in"])
		requireProblem(f.publishing(f.account, name, `{}`), 422, "invalid", map[string]string{"/event": "which only durahook itself publishes"})
		requireProblem(f.call(http.MethodPatch, eventTypes+"/"+name, `{"description":"Mine"}`), 409, "conflict", nil)
		requireProblem(f.call(http.MethodDelete, eventTypes+"/"+name, ""), 409, "conflict", nil)
		requireProblem(f.call(http.MethodPost, eventTypes, `{"name":"`+name+`"}`), 409, "conflict", map[string]string{"/name": "is taken; choose another"})
	}
	created := f.call(http.MethodPost, "/v1/webhooks", `{"name":"Watch","url":"`+endpoint+`","events":["webhook.disabled","delivery.exhausted"]}`)
	require.Equal(t, 201, created.status, created.text)
}
