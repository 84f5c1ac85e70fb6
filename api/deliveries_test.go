package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// record writes down an attempt of a delivery that was answered with 503.
func (f *fixture) record(deliveryID string, status webhook.Status, next *time.Time) {
	f.t.Helper()
	code, waited, lane, reason := 503, 810, "queued", "it is a retry"
	ended := time.Date(2025, 2, 2, 14, 30, 1, 0, time.UTC)
	require.NoError(f.t, f.store.RecordAttempt(f.t.Context(), webhook.Attempt{
		DeliveryID: deliveryID, RunID: "run-1", Sequence: 1, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeServerError,
		StatusCode: &code, ResponseTimeMS: 812, ResponseHeaders: map[string][]string{"Server": {"nginx"}},
		RequestHeaders: map[string][]string{"Authorization": {"Bearer ••••"}}, Timing: &webhook.Timing{FirstByteMS: &waited, Reused: true},
		Lane: &lane, LaneReason: &reason,
		ResponseBody: []byte("busy \xff<b>"), StartedAt: ended.Add(-812 * time.Millisecond), EndedAt: ended,
	}, status, next))
}

func TestGetDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	event := f.publish(f.account)
	id := event.Deliveries[0].ID
	fresh := decode[map[string]any](f.get("/v1/deliveries/"+id), 200)
	require.Empty(t, fresh["attempts"])
	require.NotNil(t, fresh["attempts"], "[] and not null")
	require.Contains(t, fresh, "next_attempt_at")
	require.Nil(t, fresh["next_attempt_at"])

	next := time.Date(2025, 2, 2, 14, 31, 1, 0, time.FixedZone("", 3600))
	f.record(id, webhook.StatusWaiting, &next)
	got := decode[map[string]any](f.get("/v1/deliveries/"+id), 200)
	attempt := got["attempts"].([]any)[0].(map[string]any)
	require.NoError(t, webhook.CheckID(webhook.AttemptPrefix, attempt["id"].(string)))
	delete(attempt, "id")
	require.Equal(t, map[string]any{
		"number": 1.0, "trigger": "schedule", "outcome": "server_error", "status_code": 503.0, "response_time_ms": 812.0,
		"error": nil, "response_headers": map[string]any{"Server": []any{"nginx"}}, "response_body": "busy \ufffd<b>",
		"request_headers": map[string]any{"Authorization": []any{"Bearer ••••"}},
		"timing":          map[string]any{"dns_ms": nil, "connect_ms": nil, "tls_ms": nil, "first_byte_ms": 810.0, "connection_reused": true},
		"lane":            "queued", "lane_reason": "it is a retry",
		"started_at": "2025-02-02T14:30:00.188Z", "ended_at": "2025-02-02T14:30:01Z",
	}, attempt)
	for _, name := range []string{"created_at", "updated_at"} {
		require.Regexp(t, `^20\d\d-.*Z$`, got[name])
		delete(got, name)
	}
	delete(got, "attempts")
	require.Equal(t, map[string]any{
		"id": id, "event_id": event.ID, "event": "call.ended", "webhook_id": w.ID, "webhook_name": "Sync", "status": "waiting", "test": false,
		"attempt_count": 1.0, "next_attempt_at": "2025-02-02T13:31:01Z", "outcome": "server_error", "status_code": 503.0,
		"response_time_ms": 812.0, "workflow_url": "http://127.0.0.1:8233/namespaces/default/workflows/" + id,
	}, got)
}

func TestListDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, second := f.newWebhook(f.account), f.newWebhook(f.account)
	other := f.newAccount()
	f.newWebhook(other)
	f.publish(other)
	want := map[any]bool{}
	for range 3 {
		for _, d := range f.publish(f.account).Deliveries {
			want[d.ID] = true
		}
	}
	requirePages(f, "/v1/deliveries", want)

	list0 := decode[list](f.get("/v1/deliveries?webhook_id="+first.ID), 200).Data
	f.record(list0[0]["id"].(string), webhook.StatusExhausted, nil)
	for query, count := range map[string]int{
		"webhook_id=" + first.ID: 3, "webhook_id=" + second.ID: 3, "webhook_id=" + webhook.NewID(webhook.WebhookPrefix): 0,
		"status=pending": 5, "status=exhausted": 1, "status=delivered": 0, "event=call.ended": 6, "event=call.started": 0,
		"webhook_id=" + first.ID + "&status=exhausted&event=call.ended": 1, "limit=250": 6, "limit=6": 6, "webhook_id=": 6,
	} {
		got := decode[list](f.get("/v1/deliveries?"+query), 200)
		require.Len(t, got.Data, count, query)
		require.Nil(t, got.NextCursor, query)
	}
	theirs := decode[list](f.call(http.MethodGet, "/v1/deliveries", "", "X-Account", other), 200)
	require.Len(t, theirs.Data, 1)
}

func TestListsRefuse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	type fields = map[string]string
	for query, want := range map[string]fields{
		"status=done":                {"/status": "must be one of pending, waiting, delivered"},
		"limit=0":                    {"/limit": "must be a number from 1 to 250"},
		"limit=251":                  {"/limit": "must be a number from 1 to 250"},
		"limit=-1":                   {"/limit": "must be a number from 1 to 250"},
		"limit=ten":                  {"/limit": "must be a number from 1 to 250"},
		"limit=99999999999999999999": {"/limit": "must be a number from 1 to 250"},
		"cursor=x":                   {"/cursor": "is not a cursor of this list"},
		"cursor=" + webhook.NewID(webhook.WebhookPrefix): {"/cursor": "use next_cursor of the page before"},
		"stauts=pending":                {"/stauts": "is not a known parameter; known are webhook_id, event_id, event, status, status_code, since, until, q, limit, cursor"},
		"status=pending&status=failed":  {"/status": "is there more than once"},
		"limit=%zz&q=a;b":               {"/limit": "is not encoded", "/q": "is not encoded"},
		"event=ended":                   {"/event": "is not the name of an event type"},
		"event=%00":                     {"/event": "is not text in UTF-8"},
		"webhook_id=%ff":                {"/webhook_id": "is not text in UTF-8"},
		"a=1&limit=x&cursor=y&status=z": {"/a": "not a known", "/limit": "1 to 250", "/cursor": "not a cursor", "/status": "one of"},
	} {
		requireProblem(f.get("/v1/deliveries?"+query), 422, "invalid", want)
	}
	requireProblem(f.get("/v1/webhooks?status=pending&limit=0"), 422, "invalid", fields{"/status": "known are limit, cursor", "/limit": "1 to 250"})
}

func TestDeliveriesThatAreNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	other := f.newAccount()
	f.newWebhook(other)
	theirs := f.publish(other)
	before := f.rows()
	for _, id := range []string{
		webhook.NewID(webhook.DeliveryPrefix), theirs.Deliveries[0].ID, theirs.ID, w.ID, f.account, "1", "%00", strings.Repeat("x", 1000),
	} {
		requireProblem(f.get("/v1/deliveries/"+id), 404, "not_found", nil)
		requireProblem(f.call(http.MethodPost, "/v1/deliveries/"+id+"/retry", ""), 404, "not_found", nil)
		requireProblem(f.call(http.MethodPost, "/v1/deliveries/"+id+"/cancel", ""), 404, "not_found", nil)
	}
	require.Equal(t, before, f.rows())
}

// A retry that Temporal does not take is not promised.
func TestRetryWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	id := f.publish(f.account).Deliveries[0].ID
	f.record(id, webhook.StatusExhausted, nil)
	a := f.call(http.MethodPost, "/v1/deliveries/"+id+"/retry", "")
	p := requireProblem(a, 503, "unavailable", nil)
	require.Equal(t, "Temporal cannot be reached at the moment; try again.", p.Detail)
	require.Equal(t, "5", a.header.Get("Retry-After"))
	require.NotContains(t, a.text, "127.0.0.1")
	require.Equal(t, "exhausted", decode[map[string]any](f.get("/v1/deliveries/"+id), 200)["status"])
}

func TestRetryOfADisabledOrDeletedWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	id := f.publish(f.account).Deliveries[0].ID
	require.NoError(t, f.store.DisableWebhook(t.Context(), w.ID, "The endpoint answered 410 Gone."))
	p := requireProblem(f.call(http.MethodPost, "/v1/deliveries/"+id+"/retry", ""), 409, "conflict", nil)
	require.Equal(t, "The webhook of this delivery is disabled; enable it first. The endpoint answered 410 Gone.", p.Detail)
	f.exec(`UPDATE webhooks SET deleted_at = now()`)
	p = requireProblem(f.call(http.MethodPost, "/v1/deliveries/"+id+"/retry", ""), 409, "conflict", nil)
	require.Contains(t, p.Detail, "was deleted")
}

func TestCancelWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	// Not attempted yet: the row says all, and the attempt looks at the row.
	id := f.publish(f.account).Deliveries[0].ID
	got := decode[map[string]any](f.call(http.MethodPost, "/v1/deliveries/"+id+"/cancel", ""), 202)
	require.Equal(t, "cancelled", got["status"])
	p := requireProblem(f.call(http.MethodPost, "/v1/deliveries/"+id+"/cancel", ""), 409, "conflict", nil)
	require.Equal(t, "This delivery is cancelled; only pending and waiting ones can be cancelled.", p.Detail)
}

func TestCancelOfAWaitingDeliveryWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	id := f.publish(f.account).Deliveries[0].ID
	next := time.Now().Add(time.Hour)
	f.record(id, webhook.StatusWaiting, &next)
	a := f.call(http.MethodPost, "/v1/deliveries/"+id+"/cancel", "")
	requireProblem(a, 503, "unavailable", nil)
	require.Equal(t, "5", a.header.Get("Retry-After"))
	require.Equal(t, "waiting", decode[map[string]any](f.get("/v1/deliveries/"+id), 200)["status"])
}
