package api

import (
	"net/http"
	"time"

	"github.com/durahook/durahook/api/answers"
	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// deliveryDetails is the answer for a single delivery, [types.DeliveryDetails].
type deliveryDetails struct {
	types.Delivery
	Attempts         []types.Attempt `json:"attempts"`
	RateLimitedSince *time.Time      `json:"rate_limited_since,omitempty"`
}

func (a *API) newDelivery(d webhook.Delivery) types.Delivery {
	answer := answers.Delivery(d)
	answer.WorkflowURL = optional(a.service.WorkflowURL(d.ID))
	return answer
}

// optional returns what a field holds that is left out when the value is the zero one.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

func (a *API) listDeliveries(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r, "webhook_id", "event_id", "event", "status", "status_code", "since", "until", "q")
	page := q.page(webhook.DeliveryPrefix)
	filter := store.DeliveryFilter{
		WebhookID: q.id("webhook_id", webhook.WebhookPrefix, "a webhook"),
		EventID:   q.id("event_id", webhook.EventPrefix, "an event"),
		Event:     q.eventType(), Status: q.status(), StatusCodes: q.statusCodes(), Query: q.search(),
	}
	filter.Since, filter.Until = q.span()
	return answerList(q, page, func(page store.Page) ([]webhook.Delivery, error) {
		return a.service.Deliveries(r.Context(), accountID, filter, page)
	}, a.newDelivery, func(d webhook.Delivery) string { return d.ID })
}

func (a *API) getDelivery(r *http.Request, accountID string) (int, any, error) {
	d, attempts, err := a.service.Delivery(r.Context(), accountID, pathID(r))
	if err != nil {
		return 0, nil, err
	}
	answer := deliveryDetails{Delivery: a.newDelivery(d), Attempts: answers.Attempts(attempts), RateLimitedSince: answers.UTC(d.RateLimitedSince)}
	return http.StatusOK, answer, nil
}

func (a *API) retryDelivery(r *http.Request, accountID string) (int, any, error) {
	d, err := a.service.Retry(r.Context(), accountID, pathID(r))
	return http.StatusAccepted, a.newDelivery(d), err
}

func (a *API) cancelDelivery(r *http.Request, accountID string) (int, any, error) {
	d, err := a.service.Cancel(r.Context(), accountID, pathID(r))
	return http.StatusAccepted, a.newDelivery(d), err
}
