package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// deliveryJSON is a delivery as clients see it.
type deliveryJSON struct {
	ID             string           `json:"id"`
	EventID        string           `json:"event_id"`
	Event          string           `json:"event"`
	WebhookID      string           `json:"webhook_id"`
	WebhookName    string           `json:"webhook_name"`
	Status         webhook.Status   `json:"status"`
	Test           bool             `json:"test"`
	AttemptCount   int              `json:"attempt_count"`
	NextAttemptAt  *time.Time       `json:"next_attempt_at"`
	Outcome        *webhook.Outcome `json:"outcome"`          // of the last attempt
	StatusCode     *int             `json:"status_code"`      // of the last attempt
	ResponseTimeMS *int             `json:"response_time_ms"` // of the last attempt
	WorkflowURL    string           `json:"workflow_url,omitempty"`
	CreatedAt      time.Time        `json:"created_at"`
	UpdatedAt      time.Time        `json:"updated_at"`
}

// deliveryWithAttempts is the answer for a single delivery.
type deliveryWithAttempts struct {
	deliveryJSON
	Attempts []attemptJSON `json:"attempts"`
}

type attemptJSON struct {
	ID              string              `json:"id"`
	Number          int                 `json:"number"`
	Trigger         webhook.Trigger     `json:"trigger"`
	Outcome         webhook.Outcome     `json:"outcome"`
	StatusCode      *int                `json:"status_code"`
	ResponseTimeMS  int                 `json:"response_time_ms"`
	Error           *string             `json:"error"`
	ResponseHeaders map[string][]string `json:"response_headers"`
	ResponseBody    string              `json:"response_body"`
	StartedAt       time.Time           `json:"started_at"`
	EndedAt         time.Time           `json:"ended_at"`
}

func (a *API) newDeliveryJSON(d webhook.Delivery) deliveryJSON {
	return deliveryJSON{
		ID: d.ID, EventID: d.EventID, Event: d.Event, WebhookID: d.WebhookID, WebhookName: d.WebhookName,
		Status: d.Status, Test: d.Test, AttemptCount: d.AttemptCount, NextAttemptAt: utc(d.NextAttemptAt), Outcome: d.Outcome,
		StatusCode: d.StatusCode, ResponseTimeMS: d.ResponseTimeMS, WorkflowURL: a.service.WorkflowURL(d.ID),
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(),
	}
}

func newAttemptJSON(attempt webhook.Attempt) attemptJSON {
	return attemptJSON{
		ID: attempt.ID, Number: attempt.Number, Trigger: attempt.Trigger, Outcome: attempt.Outcome,
		StatusCode: attempt.StatusCode, ResponseTimeMS: attempt.ResponseTimeMS, Error: attempt.Error,
		ResponseHeaders: attempt.ResponseHeaders,
		ResponseBody:    strings.ToValidUTF8(string(attempt.ResponseBody), "\uFFFD"),
		StartedAt:       attempt.StartedAt.UTC(), EndedAt: attempt.EndedAt.UTC(),
	}
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
		Event:     q.get("event"), Status: q.status(), StatusCodes: q.statusCodes(), Query: q.search(),
	}
	filter.Since, filter.Until = q.span()
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	limit := page.Limit
	page.Limit++
	deliveries, err := a.service.Deliveries(r.Context(), accountID, filter, page)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, newList(deliveries, limit, a.newDeliveryJSON, func(d webhook.Delivery) string { return d.ID }), nil
}

func (a *API) getDelivery(r *http.Request, accountID string) (int, any, error) {
	d, attempts, err := a.service.Delivery(r.Context(), accountID, pathID(r))
	if err != nil {
		return 0, nil, err
	}
	answer := deliveryWithAttempts{deliveryJSON: a.newDeliveryJSON(d), Attempts: []attemptJSON{}}
	for _, attempt := range attempts {
		answer.Attempts = append(answer.Attempts, newAttemptJSON(attempt))
	}
	return http.StatusOK, answer, nil
}

func (a *API) retryDelivery(r *http.Request, accountID string) (int, any, error) {
	d, err := a.service.Retry(r.Context(), accountID, pathID(r))
	return http.StatusAccepted, a.newDeliveryJSON(d), err
}

func (a *API) cancelDelivery(r *http.Request, accountID string) (int, any, error) {
	d, err := a.service.Cancel(r.Context(), accountID, pathID(r))
	return http.StatusAccepted, a.newDeliveryJSON(d), err
}
