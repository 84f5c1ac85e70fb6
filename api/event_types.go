package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/api/answers"
	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func newEventType(t webhook.EventType) types.EventType {
	answer := types.EventType{
		Name: t.Name, Description: t.Description, Example: t.Example, Deprecated: t.DeprecatedAt != nil,
		DeprecatedAt: answers.UTC(t.DeprecatedAt), BuiltIn: t.BuiltIn, Operational: t.Operational, CreatedAt: answers.UTC(t.CreatedAt), UpdatedAt: answers.UTC(t.UpdatedAt),
	}
	if text := t.Schema.Text(); text != nil {
		answer.Schema = &text
	}
	return answer
}

// maxEventType is the most bytes that the definition of an event type may have: an example and a schema,
// each of the most that it can have, and the rest.
const maxEventType = webhook.MaxEventTypeExample + webhook.MaxSchema + maxDefinition

func pathName(r *http.Request) string { return mux.Vars(r)["name"] }

func (a *API) createEventType(r *http.Request, accountID string) (int, any, error) {
	var definition webhook.EventTypeDefinition
	if err := readJSON(r, maxEventType, &definition); err != nil {
		return 0, nil, err
	}
	t, err := a.service.CreateEventType(r.Context(), accountID, definition)
	return http.StatusCreated, newEventType(t), err
}

func (a *API) getEventType(r *http.Request, accountID string) (int, any, error) {
	t, err := a.service.EventType(r.Context(), accountID, pathName(r))
	return http.StatusOK, newEventType(t), err
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
	return http.StatusOK, newEventType(t), err
}

func (a *API) deleteEventType(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.DeleteEventType(r.Context(), accountID, pathName(r))
}

func (a *API) listEventTypes(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.pageAfter(webhook.IsEventTypeName)
	return answerList(q, page, func(page store.Page) ([]webhook.EventType, error) {
		return a.service.EventTypes(r.Context(), accountID, page)
	}, newEventType, func(t webhook.EventType) string { return t.Name })
}
