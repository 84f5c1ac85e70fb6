package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	invoicePaid = `{"name":"invoice.paid","description":"An invoice is paid",
		"example":{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{"amount":5}},
		"schema":{"required":["amount"],"properties":{"amount":{"type":"integer"}}}}`
	eventTypes = "/v1/event-types"
)

// publishing returns the answer to publishing an event of this type with these data.
func (f *fixture) publishing(account, name, data string) answer {
	f.t.Helper()
	return f.call(http.MethodPost, "/v1/events", `{"event":"`+name+`","timestamp":"2025-02-02T14:30:00Z","data":`+data+`}`, "X-Account", account)
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	unknown := map[string]string{"/event": "is not a known event type"}
	requireProblem(f.publishing(f.account, "invoice.paid", `{"amount":1}`), 422, "invalid", unknown)
	a := f.call(http.MethodPost, eventTypes, invoicePaid)
	created := decode[map[string]any](a, 201)
	require.NotNil(t, created["created_at"])
	require.Equal(t, created, decode[map[string]any](f.get(eventTypes+"/invoice.paid"), 200))
	delete(created, "created_at")
	delete(created, "updated_at")
	require.Equal(t, map[string]any{
		"name": "invoice.paid", "description": "An invoice is paid", "built_in": false, "operational": false, "deprecated": false, "deprecated_at": nil,
		"example": map[string]any{"event": "invoice.paid", "timestamp": "2025-02-02T14:30:00Z", "data": map[string]any{"amount": 5.0}},
		"schema":  map[string]any{"required": []any{"amount"}, "properties": map[string]any{"amount": map[string]any{"type": "integer"}}},
	}, created)
	requireProblem(f.call(http.MethodPost, eventTypes, invoicePaid), 409, "conflict", map[string]string{"/name": "is taken"})
	requireProblem(f.call(http.MethodPost, eventTypes, `{"name":"call.ended"}`), 409, "conflict", map[string]string{"/name": "is taken"})

	require.Equal(t, 202, f.publishing(f.account, "invoice.paid", `{"amount":1}`).status, "at once")
	refused := f.publishing(f.account, "invoice.paid", `{"amount":"4711"}`)
	requireProblem(refused, 422, "invalid", map[string]string{"/data/amount": "must be of type integer"})
	require.NotContains(t, refused.text, "4711")
	requireProblem(f.publishing(f.account, "invoice.pait", `{}`), 422, "invalid", map[string]string{"/event": `did you mean "invoice.paid"?`})
	requireProblem(f.publishing(f.newAccount(), "invoice.pait", `{}`), 422, "invalid", map[string]string{"/event": "is not a known event type; GET /v1/event-types lists them"})

	changed := decode[map[string]any](f.call(http.MethodPatch, eventTypes+"/invoice.paid", `{"schema":null,"deprecated":true}`), 200)
	require.Nil(t, changed["schema"])
	require.Equal(t, true, changed["deprecated"])
	require.NotNil(t, changed["deprecated_at"])
	require.Equal(t, 202, f.publishing(f.account, "invoice.paid", `{"amount":"4711"}`).status, "the schema is gone at once; deprecated types are published")

	require.Equal(t, 204, f.call(http.MethodDelete, eventTypes+"/invoice.paid", "").status)
	requireProblem(f.publishing(f.account, "invoice.paid", `{"amount":1}`), 422, "invalid", unknown)
	requireProblem(f.get(eventTypes+"/invoice.paid"), 404, "not_found", nil)
	require.Equal(t, 201, f.call(http.MethodPost, eventTypes, invoicePaid).status, "the name is free again")
}

func TestBuiltInEventTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	builtIn := decode[map[string]any](f.get(eventTypes+"/call.ended"), 200)
	require.Equal(t, true, builtIn["built_in"])
	require.Contains(t, builtIn, "created_at")
	require.Nil(t, builtIn["created_at"])
	requireProblem(f.call(http.MethodDelete, eventTypes+"/call.ended", ""), 409, "conflict", nil)

	misfit := requireProblem(f.call(http.MethodPatch, eventTypes+"/call.ended", `{"schema":{"required":["sip"]}}`), 422, "invalid", map[string]string{"/example/data/sip": "is missing"})
	require.NotEmpty(t, misfit.Detail)
	require.Equal(t, 202, f.publishing(f.account, "call.ended", `{}`).status)
	changed := decode[map[string]any](f.call(http.MethodPatch, eventTypes+"/call.ended", `{"schema":{"required":["call_id"]},"description":"Hung up"}`), 200)
	require.Equal(t, "Hung up", changed["description"])
	require.Equal(t, builtIn["example"], changed["example"])
	requireProblem(f.publishing(f.account, "call.ended", `{}`), 422, "invalid", map[string]string{"/data/call_id": "is missing"})
	rival := f.newAccount()
	require.Equal(t, 202, f.publishing(rival, "call.ended", `{}`).status, "of this account only")
	require.Equal(t, builtIn, decode[map[string]any](f.call(http.MethodGet, eventTypes+"/call.ended", "", "X-Account", rival), 200))
}

// What is remembered of one account's types must not be taken for another's.
func TestEventTypesOfTwoAccountsWithTheSameName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.newAccount()
	require.Equal(t, 201, f.call(http.MethodPost, eventTypes, invoicePaid).status)
	require.Equal(t, 201, f.call(http.MethodPost, eventTypes, `{"name":"invoice.paid","schema":{"maxProperties":0}}`, "X-Account", rival).status)
	for range 2 { // read, then remembered
		require.Equal(t, 202, f.publishing(f.account, "invoice.paid", `{"amount":1}`).status)
		require.Equal(t, 422, f.publishing(rival, "invoice.paid", `{"amount":1}`).status)
	}
	require.Equal(t, 204, f.call(http.MethodDelete, eventTypes+"/invoice.paid", "", "X-Account", rival).status)
	require.Equal(t, 422, f.publishing(rival, "invoice.paid", `{}`).status)
	require.Equal(t, 202, f.publishing(f.account, "invoice.paid", `{"amount":1}`).status)
}

func TestEventTypesAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	count := func() (n int) {
		require.NoError(t, f.store.DB().GetContext(t.Context(), &n, `SELECT count(*) FROM event_types`))
		return n
	}
	requireProblem(f.call(http.MethodPost, eventTypes, `[]`), 400, "malformed", nil)
	requireProblem(f.call(http.MethodPost, eventTypes, `{"name":"`+strings.Repeat("x", 200<<10)+`"}`), 413, "too_large", nil)
	requireProblem(f.call(http.MethodPost, eventTypes, `{"name":"X","schema":{"$ref":"http://127.0.0.1/"},"example":7,"id":1}`), 422, "invalid", map[string]string{
		"/name": "lower-case words", "/schema": "only references inside the schema are followed", "/example": "must be an object", "/id": "is not a known field",
	})
	requireProblem(f.call(http.MethodPatch, eventTypes+"/call.ended", `{"name":"call.over"}`), 422, "invalid", map[string]string{"/name": "is not a known field"})
	requireProblem(f.call(http.MethodPatch, eventTypes+"/call.ended", `{`), 400, "malformed", nil)
	for _, name := range []string{"invoice.paid", "1", "%00", "'", "call.*", "*", strings.Repeat("x", 1000), "%2e%2e", "\u00e9"} {
		for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
			requireProblem(f.call(method, eventTypes+"/"+name, `{}`), 404, "not_found", nil)
		}
	}
	require.Zero(t, count(), "nothing is stored")
}

func TestListEventTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, 201, f.call(http.MethodPost, eventTypes, invoicePaid).status)
	all := decode[list](f.get(eventTypes), 200)
	require.Nil(t, all.NextCursor)
	var names, paged []any
	for _, entry := range all.Data {
		names = append(names, entry["name"])
	}
	require.Equal(t, []any{
		"call.answered", "call.ended", "call.failed", "call.started", "campaign.completed", "campaign.started", "contact.created",
		"contact.updated", "delivery.exhausted", "invoice.paid", "webhook.disabled", "webhook.enabled", "webhook.failing",
	}, names)
	for cursor := ""; ; {
		page := decode[list](f.get(eventTypes+"?limit=4"+cursor), 200)
		for _, entry := range page.Data {
			paged = append(paged, entry["name"])
		}
		if page.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *page.NextCursor
	}
	require.Equal(t, names, paged)
	require.Len(t, decode[list](f.call(http.MethodGet, eventTypes, "", "X-Account", f.newAccount()), 200).Data, 12)
	requireProblem(f.get(eventTypes+"?cursor=X&limit=0"), 422, "invalid", map[string]string{"/cursor": "is not a cursor of this list", "/limit": "from 1 to 250"})
}

// A pattern gets events of types that are added later, and doesn't keep them from being deleted; a name does.
func TestSubscribingToEventTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	subscribe := func(status int, events string) answer {
		a := f.call(http.MethodPost, "/v1/webhooks", `{"name":"Sync","url":"`+endpoint+`","events":[`+events+`]}`)
		require.Equal(t, status, a.status, a.text)
		return a
	}
	pattern := decode[webhookAnswer](subscribe(201, `"invoice.*","call.failed"`), 201)
	require.Equal(t, []string{"invoice.*", "call.failed"}, pattern.Events)
	subscribe(201, `"campaign.*"`)
	requireProblem(subscribe(422, `"invoice.paid"`), 422, "invalid", map[string]string{"/events/0": "is not a known event type"})
	require.Equal(t, 201, f.call(http.MethodPost, eventTypes, invoicePaid).status)
	named := decode[webhookAnswer](subscribe(201, `"invoice.paid"`), 201)

	published := decode[eventAnswer](f.publishing(f.account, "invoice.paid", `{"amount":1}`), 202)
	require.Len(t, published.Deliveries, 2)
	require.ElementsMatch(t, []string{pattern.ID, named.ID}, []string{published.Deliveries[0].WebhookID, published.Deliveries[1].WebhookID})

	kept := requireProblem(f.call(http.MethodDelete, eventTypes+"/invoice.paid", ""), 409, "conflict", nil)
	require.Contains(t, kept.Detail, named.ID)
	require.Equal(t, 200, f.call(http.MethodPatch, "/v1/webhooks/"+named.ID, `{"events":["invoice.*"]}`).status)
	require.Equal(t, 204, f.call(http.MethodDelete, eventTypes+"/invoice.paid", "").status)
	requireProblem(f.call(http.MethodPatch, "/v1/webhooks/"+named.ID, `{"events":["call.ended","invoice.paid"]}`), 422, "invalid", map[string]string{"/events/1": "is not a known event type"})
}
