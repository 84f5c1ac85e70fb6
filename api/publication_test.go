package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

type batchAnswer struct{ Data []eventAnswer }

// batch returns the body of a batch of these events.
func batch(events ...string) string { return `{"events":[` + strings.Join(events, ",\n") + `]}` }

func TestPublishBatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	started := strings.Replace(event, "call.ended", "call.started", 1)
	got := decode[batchAnswer](f.call(http.MethodPost, "/v1/events/batch", batch(event, started, event)), 202)
	require.Len(t, got.Data, 3)
	for i, want := range []string{"call.ended", "call.started", "call.ended"} {
		require.Equal(t, want, got.Data[i].Event)
		sent := strings.Replace(event, "call.ended", want, 1)
		require.Equal(t, 1, f.count(`SELECT count(*) FROM event_payloads WHERE event_id = $1 AND payload = $2`, got.Data[i].ID, []byte(sent)))
	}
	require.Len(t, got.Data[0].Deliveries, 1)
	require.Equal(t, w.ID, got.Data[0].Deliveries[0].WebhookID)
	require.Empty(t, got.Data[1].Deliveries)
	require.Equal(t, got.Data[2].ID, decode[map[string]any](f.get("/v1/deliveries/"+got.Data[2].Deliveries[0].ID), 200)["event_id"])

	thousand := make([]string, webhook.MaxBatch)
	for i := range thousand {
		thousand[i] = event
	}
	require.Len(t, decode[batchAnswer](f.call(http.MethodPost, "/v1/events/batch", batch(thousand...)), 202).Data, webhook.MaxBatch)
}

func TestPublishBatchRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	before := f.rows()
	type fields = map[string]string
	for name, scenario := range map[string]struct {
		body   string
		status int
		code   string
		fields fields
	}{
		"two of three are wrong": {
			batch(event, `{"event":"call.exploded","timestamp":7}`, strings.Replace(event, "2025", "", 1)), 422, "invalid",
			fields{"/events/1/event": "known event type", "/events/1/timestamp": "must be a string", "/events/1/data": "missing", "/events/2/timestamp": "RFC 3339"},
		},
		"no events":       {`{}`, 422, "invalid", fields{"/events": "is missing"}},
		"none":            {batch(), 422, "invalid", fields{"/events": "is missing"}},
		"not an array":    {`{"events":{}}`, 422, "invalid", fields{"/events": "must be an array"}},
		"not of events":   {batch(`7`, `null`), 422, "invalid", fields{"/events/0": "must be a JSON object, not a number", "/events/1": "not null"}},
		"an event itself": {event, 422, "invalid", fields{"/event": "not a known field", "/timestamp": "not a known", "/data": "not a known", "/events": "missing"}},
		"one too many":    {batch(strings.Split(strings.Repeat(event+"\n", webhook.MaxBatch)+event, "\n")...), 422, "invalid", fields{"/events": "has more than 1000 entries"}},
		"an event too large": {
			batch(event, strings.Replace(event, "+1", strings.Repeat("x", 256<<10), 1)), 422, "invalid", fields{"/events/1": "larger than 256 KiB"},
		},
		"too large": {batch(event) + strings.Repeat(" ", 8<<20), 413, "too_large", nil},
		"malformed": {`{"events":[`, 400, "malformed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{t: t, store: f.store, server: f.server}
			requireProblem(f.call(http.MethodPost, "/v1/events/batch", scenario.body), scenario.status, scenario.code, scenario.fields)
			require.Equal(t, before, f.rows(), "nothing is stored")
		})
	}
}

// Twenty of the same requests at the same moment publish once, and all get the same answer.
func TestIdempotencyKeyAtTheSameMoment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	answers := make([]answer, 20)
	var same sync.WaitGroup
	for i := range answers {
		same.Go(func() {
			answers[i] = f.call(http.MethodPost, "/v1/events", event, "Idempotency-Key", "call_abc123")
		})
	}
	same.Wait()
	fresh := 0
	for _, a := range answers {
		if a.header.Get("Idempotency-Replayed") == "" {
			fresh++
		}
		assert.Equal(t, 202, a.status)
		assert.JSONEq(t, answers[0].text, a.text)
	}
	require.Equal(t, 1, fresh)
	require.Len(t, decode[eventAnswer](answers[0], 202).Deliveries, 1)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM events`))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries`))
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	publish := func(path, body, key string) answer {
		return f.call(http.MethodPost, path, body, "Idempotency-Key", key)
	}
	first := publish("/v1/events", event, "key one")
	require.Equal(t, 202, first.status)
	again := publish("/v1/events", event, "key one")
	require.Equal(t, first.text, again.text)
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.NotEqual(t, first.text, publish("/v1/events", event, "key two").text)

	// The first answer comes again whatever has changed since.
	f.exec(`UPDATE webhooks SET enabled = false`)
	require.Equal(t, first.text, publish("/v1/events", event, "key one").text)

	before := f.rows()
	requireProblem(publish("/v1/events", event+" ", "key one"), 422, "idempotency_key_reused", nil)
	requireProblem(publish("/v1/events/batch", batch(event), "key one"), 422, "idempotency_key_reused", nil)
	for _, wrong := range []string{"", strings.Repeat("k", 256), "schlüssel", "a\tb"} {
		requireProblem(publish("/v1/events", event, wrong), 422, "invalid", map[string]string{"/Idempotency-Key": "printable ASCII"})
	}
	require.Equal(t, before, f.rows())

	// What is refused does not use the key up.
	requireProblem(publish("/v1/events", `{}`, "key three"), 422, "invalid", map[string]string{"/event": "", "/timestamp": "", "/data": ""})
	require.Equal(t, 202, publish("/v1/events", event, "key three").status)

	many := publish("/v1/events/batch", batch(event, event), "key of a batch")
	require.Len(t, decode[batchAnswer](many, 202).Data, 2)
	require.Equal(t, many.text, publish("/v1/events/batch", batch(event, event), "key of a batch").text)

	other := f.newAccount()
	theirs := f.call(http.MethodPost, "/v1/events", event, "Idempotency-Key", "key one", "X-Account", other)
	require.Empty(t, theirs.header.Get("Idempotency-Replayed"))
	require.NotEqual(t, decode[eventAnswer](first, 202).ID, decode[eventAnswer](theirs, 202).ID)
}

func TestPublishOfADeprecatedType(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Empty(t, f.call(http.MethodPost, "/v1/events", event).header.Get("Deprecation"))
	deprecated := decode[struct {
		At time.Time `json:"deprecated_at"`
	}](f.call(http.MethodPatch, "/v1/event-types/call.ended", `{"deprecated":true}`), 200)
	want := fmt.Sprintf("@%d", deprecated.At.Unix())
	started := strings.Replace(event, "call.ended", "call.started", 1)
	for range 2 { // also when it is answered again
		a := f.call(http.MethodPost, "/v1/events", event, "Idempotency-Key", "one")
		require.Equal(t, 202, a.status, "it is published all the same")
		require.Equal(t, want, a.header.Get("Deprecation"))
		a = f.call(http.MethodPost, "/v1/events/batch", batch(started, event), "Idempotency-Key", "two")
		require.Equal(t, want, a.header.Get("Deprecation"))
	}
	require.Empty(t, f.call(http.MethodPost, "/v1/events", started).header.Get("Deprecation"))
}

func TestEventWithItsDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, second := f.newWebhook(f.account), f.newWebhook(f.account)
	published := f.publish(f.account)
	got := decode[struct {
		ID, Event, Timestamp string
		Payload              json.RawMessage
		Deliveries           []map[string]any
	}](f.get("/v1/events/"+published.ID), 200)
	require.Equal(t, published.ID, got.ID)
	require.Equal(t, "call.ended", got.Event)
	require.JSONEq(t, event, string(got.Payload))
	require.Len(t, got.Deliveries, 2)
	require.ElementsMatch(t, []any{first.ID, second.ID}, []any{got.Deliveries[0]["webhook_id"], got.Deliveries[1]["webhook_id"]})

	unknown := webhook.NewID(webhook.EventPrefix)
	for _, id := range []string{unknown, "evt_1", published.Deliveries[0].ID} {
		require.Contains(t, requireProblem(f.get("/v1/events/"+id), 404, "not_found", nil).Detail, "no event "+id)
	}
	requireProblem(f.call(http.MethodGet, "/v1/events/"+published.ID, "", "X-Account", f.newAccount()), 404, "not_found", nil)
}

func TestRepublish(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	published := f.publish(f.account)
	w := decode[webhookAnswer](f.call(http.MethodPost, "/v1/webhooks", `{"name":"Late","url":"`+endpoint+`","events":["contact.created"]}`), 201)
	path := "/v1/events/" + published.ID + "/republish"
	body := fmt.Sprintf(`{"webhook_id":%q}`, w.ID)
	got := decode[map[string]any](f.call(http.MethodPost, path, body), 202)
	require.Equal(t, w.ID, got["webhook_id"])
	require.Equal(t, published.ID, got["event_id"])
	require.Equal(t, "pending", got["status"])
	require.Equal(t, "pending", decode[map[string]any](f.get("/v1/deliveries/"+got["id"].(string)), 200)["status"])
	again := decode[map[string]any](f.call(http.MethodPost, path, body), 202)
	require.NotEqual(t, got["id"], again["id"], "each time is a delivery of its own")

	before := f.rows()
	other := f.newAccount()
	theirs := f.newWebhook(other)
	before += 2
	for wrong, words := range map[string]string{
		`{}`: "is missing", `{"webhook_id":7}`: "must be a string", `{"webhook_id":"` + published.ID + `"}`: "not the ID of a webhook",
		`{"webhook_id":"` + theirs.ID + `"}`:                            "not a webhook of this account",
		`{"webhook_id":"` + webhook.NewID(webhook.WebhookPrefix) + `"}`: "not a webhook of this account",
	} {
		requireProblem(f.call(http.MethodPost, path, wrong), 422, "invalid", map[string]string{"/webhook_id": words})
	}
	requireProblem(f.call(http.MethodPost, path, body, "X-Account", other), 404, "not_found", nil)
	f.exec(`UPDATE events SET test = true`)
	require.Contains(t, requireProblem(f.call(http.MethodPost, path, body), 409, "conflict", nil).Detail, "an example that a test sent")
	f.exec(`UPDATE events SET test = false`)
	f.exec(`UPDATE webhooks SET enabled = false, disabled_reason = 'Test.'`)
	require.Contains(t, requireProblem(f.call(http.MethodPost, path, body), 409, "conflict", nil).Detail, "enable it first. Test.")
	require.Equal(t, before, f.rows())
}
