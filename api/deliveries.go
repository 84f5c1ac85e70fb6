package api

import (
	"net/http"
	"strings"
	"time"

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
	return types.Delivery{
		ID: d.ID, EventID: d.EventID, Event: d.Event, WebhookID: d.WebhookID, WebhookName: d.WebhookName,
		Status: types.DeliveryStatus(d.Status), Test: d.Test, AttemptCount: d.AttemptCount, NextAttemptAt: utc(d.NextAttemptAt),
		Outcome: (*types.Outcome)(d.Outcome), StatusCode: d.StatusCode, ResponseTimeMS: d.ResponseTimeMS,
		WorkflowURL: optional(a.service.WorkflowURL(d.ID)), CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(), ErasedAt: utc(d.ErasedAt),
	}
}

func newAttempt(attempt webhook.Attempt) types.Attempt {
	return types.Attempt{
		ID: attempt.ID, Number: attempt.Number, Trigger: types.Trigger(attempt.Trigger), Outcome: types.Outcome(attempt.Outcome),
		StatusCode: attempt.StatusCode, ResponseTimeMS: attempt.ResponseTimeMS, Error: attempt.Error,
		RequestHeaders: attempt.RequestHeaders, ResponseHeaders: attempt.ResponseHeaders, Timing: newTiming(attempt.Timing),
		Lane: (*types.AttemptLane)(attempt.Lane), LaneReason: attempt.LaneReason,
		ResponseBody: strings.ToValidUTF8(string(attempt.ResponseBody), "\uFFFD"),
		StartedAt:    attempt.StartedAt.UTC(), EndedAt: attempt.EndedAt.UTC(),
	}
}

func newTiming(timing *webhook.Timing) *types.AttemptTiming {
	if timing == nil {
		return nil
	}
	return &types.AttemptTiming{
		DNSMS: timing.DNSMS, ConnectMS: timing.ConnectMS, TLSMS: timing.TLSMS, FirstByteMS: timing.FirstByteMS,
		ConnectionReused: timing.Reused,
	}
}

// optional returns what a field holds that is left out when the value is the zero one.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	inUTC := t.UTC()
	return &inUTC
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
	answer := deliveryDetails{Delivery: a.newDelivery(d), Attempts: []types.Attempt{}, RateLimitedSince: utc(d.RateLimitedSince)}
	for _, attempt := range attempts {
		answer.Attempts = append(answer.Attempts, newAttempt(attempt))
	}
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
