package api

import (
	"net/http"

	"github.com/durahook/durahook/api/answers"
	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// newAlertChannel returns an alert channel as clients see it: without what opens another service.
func newAlertChannel(c webhook.AlertChannel) types.AlertChannel {
	address := c.Address.Masked()
	answer := types.AlertChannel{
		ID: c.ID, Name: c.Name, Type: types.AlertType(c.Type), To: address.To, URL: optional(address.URL),
		RoutingKey: optional(address.RoutingKey), Region: optional(types.AlertChannelRegion(address.Region)),
		LastSentAt: answers.UTC(c.LastSent), LastError: optional(c.LastError), CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
	for _, event := range c.Events {
		answer.Events = append(answer.Events, types.AlertEvent(event))
	}
	return answer
}

func (a *API) listAlertChannels(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.AlertChannelPrefix)
	return answerList(q, page, func(page store.Page) ([]webhook.AlertChannel, error) {
		return a.service.AlertChannels(r.Context(), accountID, page)
	}, newAlertChannel, func(c webhook.AlertChannel) string { return c.ID })
}

func (a *API) createAlertChannel(r *http.Request, accountID string) (int, any, error) {
	var definition webhook.AlertChannelDefinition
	if err := readJSON(r, maxDefinition, &definition); err != nil {
		return 0, nil, err
	}
	c, err := a.service.CreateAlertChannel(r.Context(), accountID, definition)
	return http.StatusCreated, newAlertChannel(c), err
}

func (a *API) getAlertChannel(r *http.Request, accountID string) (int, any, error) {
	c, err := a.service.AlertChannel(r.Context(), accountID, pathID(r))
	return http.StatusOK, newAlertChannel(c), err
}

func (a *API) updateAlertChannel(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, maxDefinition)
	if err != nil {
		return 0, nil, err
	}
	patch, err := webhook.ParseAlertChannelPatch(body)
	if err != nil {
		return 0, nil, err
	}
	c, err := a.service.UpdateAlertChannel(r.Context(), accountID, pathID(r), patch)
	return http.StatusOK, newAlertChannel(c), err
}

func (a *API) deleteAlertChannel(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.DeleteAlertChannel(r.Context(), accountID, pathID(r))
}

func (a *API) testAlertChannel(r *http.Request, accountID string) (int, any, error) {
	failure, err := a.service.TestAlertChannel(r.Context(), accountID, pathID(r))
	return http.StatusOK, types.AlertTestResult{Sent: failure == "", Error: optional(failure)}, err
}
