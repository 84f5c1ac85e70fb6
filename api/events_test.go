package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// Temporal is down in all these tests: what is published is accepted all the same.
func TestPublish(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	const body = "{ \"timestamp\":\"2025-02-02T16:30:00+02:00\",\r\n\"event\":\"call.ended\",\"data\":{\"a\":1.0}} "
	got := decode[eventAnswer](f.call(http.MethodPost, "/v1/events", body), 202)
	require.NoError(t, webhook.CheckID(webhook.EventPrefix, got.ID))
	require.Equal(t, "call.ended", got.Event)
	require.Equal(t, "2025-02-02T14:30:00Z", got.Timestamp)
	require.Len(t, got.Deliveries, 1)
	require.Equal(t, w.ID, got.Deliveries[0].WebhookID)

	var payload []byte
	require.NoError(t, f.store.DB().GetContext(t.Context(), &payload, `SELECT payload FROM event_payloads WHERE event_id = $1`, got.ID))
	require.True(t, bytes.Equal([]byte(body), payload), "byte for byte")
	delivery := decode[map[string]any](f.get("/v1/deliveries/"+got.Deliveries[0].ID), 200)
	require.Equal(t, "pending", delivery["status"])
	require.Equal(t, got.ID, delivery["event_id"])
}

func TestPublishWithoutSubscribers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.call(http.MethodPost, "/v1/events", event)
	require.Empty(t, decode[eventAnswer](a, 202).Deliveries)
	require.Contains(t, a.text, `"deliveries":[]`)
}

// Nobody but the account's webhooks gets its events.
func TestPublishForAnAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.newAccount()
	f.newWebhook(f.account)
	theirs := f.newWebhook(other)
	got := f.publish(other)
	require.Len(t, got.Deliveries, 1)
	require.Equal(t, theirs.ID, got.Deliveries[0].WebhookID)
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	before := f.rows()
	replace := func(from, to string) string {
		require.Contains(t, event, from)
		return strings.Replace(event, from, to, 1)
	}
	type fields = map[string]string
	for name, scenario := range map[string]struct {
		body   string
		status int
		code   string
		fields fields
		detail string
	}{
		"unknown event type":  {replace("call.ended", "call.exploded"), 422, "invalid", fields{"/event": "GET /v1/event-types lists them"}, "One field is not valid."},
		"no data":             {replace(`,"data":{"phone_number":"+15551234567"}`, ""), 422, "invalid", fields{"/data": "is missing; it must be an object"}, "One field"},
		"data a list":         {replace(`{"phone_number":"+15551234567"}`, "[]"), 422, "invalid", fields{"/data": "must be an object"}, "One field"},
		"data null":           {replace(`{"phone_number":"+15551234567"}`, "null"), 422, "invalid", fields{"/data": "must be an object"}, "One field"},
		"wrong timestamp":     {replace("2025-02-02T14:30:00Z", "02.02.2025"), 422, "invalid", fields{"/timestamp": `use the form "2025-02-02T14:30:00Z"`}, "One field"},
		"no timestamp":        {replace(`"timestamp":"2025-02-02T14:30:00Z",`, ""), 422, "invalid", fields{"/timestamp": "is missing"}, "One field"},
		"number as timestamp": {replace(`"2025-02-02T14:30:00Z"`, "1738506600"), 422, "invalid", fields{"/timestamp": "must be a string, not a number"}, "One field"},
		"year without JSON":   {replace("2025-02-02T14:30:00Z", "9999-12-31T23:59:59-01:00"), 422, "invalid", fields{"/timestamp": "years 1 to 9999"}, "One field"},
		"unknown fields":      {replace(`"event":`, `"id":1,"evnt":2,"event":`), 422, "invalid", fields{"/id": "is not a known field", "/evnt": "known are event, timestamp, data"}, "Some fields"},
		"event twice":         {replace(`"event":`, `"event":"call.started","event":`), 422, "invalid", fields{"/event": "is there twice"}, "One field"},
		"everything":          {`{"event":"x","timestamp":"x"}`, 422, "invalid", fields{"/event": "known event type", "/timestamp": "RFC 3339", "/data": "missing"}, "Some fields"},
		"empty":               {"", 400, "malformed", nil, "The body is empty; a JSON object is needed."},
		"cut off":             {event[:50], 400, "malformed", nil, "The body is not valid JSON at line 1, column 50: unexpected end of JSON input."},
		"malformed":           {"{\n\"event\": call.ended}", 400, "malformed", nil, "at line 2, column 10: invalid character 'c'"},
		"not UTF-8":           {replace("+15551234567", "\xff"), 400, "malformed", nil, "The body is not valid UTF-8."},
		"two objects":         {event + event, 400, "malformed", nil, "after top-level value"},
		"list":                {"[" + event + "]", 400, "malformed", nil, "must be a JSON object, not an array"},
		"null":                {"null", 400, "malformed", nil, "must be a JSON object, not null"},
		"deep nesting":        {`{"data":` + strings.Repeat("[", 100_000), 400, "malformed", nil, "exceeded max depth"},
		"too large":           {replace("+15551234567", strings.Repeat("x", 256<<10)), 413, "too_large", nil, "The body is larger than 256 KiB."},
		"one byte too large":  {event + strings.Repeat(" ", 256<<10+1-len(event)), 413, "too_large", nil, "The body is larger than 256 KiB."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{t: t, store: f.store, server: f.server}
			a := f.call(http.MethodPost, "/v1/events", scenario.body)
			p := requireProblem(a, scenario.status, scenario.code, scenario.fields)
			require.Contains(t, p.Detail, scenario.detail)
			require.Equal(t, "/v1/events", p.Instance)
			require.NotContains(t, a.text, "+15551234567", "what was sent is not repeated")
			require.NotContains(t, a.text, "exploded")
			require.Equal(t, before, f.rows(), "nothing is stored")
		})
	}
}

func TestPublishOfTheLargestEvent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body := event + strings.Repeat(" ", 256<<10-len(event))
	require.Len(t, body, 256<<10)
	decode[eventAnswer](f.call(http.MethodPost, "/v1/events", body), 202)
}

func TestPublishWhilePostgresIsDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.NoError(t, f.store.Close())
	a := f.call(http.MethodPost, "/v1/events", event)
	p := requireProblem(a, 500, "internal", nil)
	require.Equal(t, "Something went wrong on our side; the log says what.", p.Detail)
	require.NotContains(t, a.text, "sql")
}
