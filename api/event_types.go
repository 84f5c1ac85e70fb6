package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/webhook"
)

// eventTypeJSON is an event type as clients see it.
type eventTypeJSON struct {
	Name         string          `json:"name"`
	Description  string          `json:"description"`
	Example      json.RawMessage `json:"example"`
	Schema       json.RawMessage `json:"schema"` // null for none
	Deprecated   bool            `json:"deprecated"`
	DeprecatedAt *time.Time      `json:"deprecated_at"`
	BuiltIn      bool            `json:"built_in"`
	CreatedAt    *time.Time      `json:"created_at"`
	UpdatedAt    *time.Time      `json:"updated_at"`
}

func newEventTypeJSON(t webhook.EventType) eventTypeJSON {
	return eventTypeJSON{
		Name: t.Name, Description: t.Description, Example: t.Example, Schema: t.Schema.Text(), Deprecated: t.DeprecatedAt != nil,
		DeprecatedAt: utc(t.DeprecatedAt), BuiltIn: t.BuiltIn, CreatedAt: utc(t.CreatedAt), UpdatedAt: utc(t.UpdatedAt),
	}
}

// maxEventType is the most bytes that the definition of an event type may have: an example and a schema,
// each of the most that it can have, and the rest.
const maxEventType = webhook.MaxEventTypeExample + webhook.MaxSchema + maxDefinition

func pathName(r *http.Request) string { return mux.Vars(r)["name"] }

func (a *API) createEventType(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, maxEventType)
	if err != nil {
		return 0, nil, err
	}
	var definition webhook.EventTypeDefinition
	if err := webhook.DecodeJSON(body, &definition); err != nil {
		return 0, nil, err
	}
	t, err := a.service.CreateEventType(r.Context(), accountID, definition)
	return http.StatusCreated, newEventTypeJSON(t), err
}

func (a *API) getEventType(r *http.Request, accountID string) (int, any, error) {
	t, err := a.service.EventType(r.Context(), accountID, pathName(r))
	return http.StatusOK, newEventTypeJSON(t), err
}

func (a *API) updateEventType(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, maxEventType)
	if err != nil {
		return 0, nil, err
	}
	patch, err := webhook.ParseEventTypePatch(body)
	if err != nil {
		return 0, nil, err
	}
	t, err := a.service.UpdateEventType(r.Context(), accountID, pathName(r), patch)
	return http.StatusOK, newEventTypeJSON(t), err
}

func (a *API) deleteEventType(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.DeleteEventType(r.Context(), accountID, pathName(r))
}

func (a *API) listEventTypes(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.pageAfter(webhook.IsEventTypeName)
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	limit := page.Limit
	page.Limit++
	types, err := a.service.EventTypes(r.Context(), accountID, page)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, newList(types, limit, newEventTypeJSON, func(t webhook.EventType) string { return t.Name }), nil
}
