package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/durahook/durahook/api/answers"
	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

func newPublishedEvent(published webhook.Published) types.PublishedEvent {
	event := published.Event
	answer := types.PublishedEvent{ID: event.ID, Event: event.Event, Timestamp: event.Timestamp.UTC(), Deliveries: []types.PublishedDelivery{}}
	for _, d := range published.Deliveries {
		answer.Deliveries = append(answer.Deliveries, types.PublishedDelivery{ID: d.ID, WebhookID: d.WebhookID})
	}
	return answer
}

func (a *API) publishEvent(r *http.Request, accountID string) (int, any, error) {
	body, key, err := readPublication(r, webhook.MaxPayload)
	if err != nil {
		return 0, nil, err
	}
	publication, err := a.service.Publish(traces.FromHeader(r.Context(), r.Header), principalOf(r), accountID, body, key)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, withHeader{publicationHeader(publication), newPublishedEvent(publication.Published[0])}, nil
}

// maxBatchBody is the most bytes that a batch of events may have.
const maxBatchBody = 8 << 20

func (a *API) publishEvents(r *http.Request, accountID string) (int, any, error) {
	body, key, err := readPublication(r, maxBatchBody)
	if err != nil {
		return 0, nil, err
	}
	publication, err := a.service.PublishBatch(traces.FromHeader(r.Context(), r.Header), principalOf(r), accountID, body, key)
	if err != nil {
		return 0, nil, err
	}
	var answer types.PublishedBatch
	for _, published := range publication.Published {
		answer.Data = append(answer.Data, newPublishedEvent(published))
	}
	return http.StatusAccepted, withHeader{publicationHeader(publication), answer}, nil
}

func readPublication(r *http.Request, limit int) ([]byte, *webhook.IdempotencyKey, error) {
	body, err := readBody(r, limit)
	if err != nil {
		return nil, nil, err
	}
	key, err := webhook.ParseIdempotencyKey(r.Header.Values(webhook.HeaderIdempotencyKey), r.URL.Path, body)
	return body, key, err
}

// deprecatedSince returns since when an event type of these events is deprecated, the earliest of them; nil when
// none is.
func deprecatedSince(published []webhook.Published) (since *time.Time) {
	for _, one := range published {
		if at := one.Event.DeprecatedAt; at != nil && (since == nil || at.Before(*since)) {
			since = at
		}
	}
	return since
}

func publicationHeader(publication service.Publication) http.Header {
	header := make(http.Header)
	if publication.Replayed {
		header.Set("Idempotency-Replayed", "true")
	}
	if since := deprecatedSince(publication.Published); since != nil {
		header.Set("Deprecation", "@"+strconv.FormatInt(since.Unix(), 10)) // RFC 9745
	}
	if publication.RateLimit != nil {
		setRateLimit(header, publication.RateLimit)
	}
	return header
}

// eventDetails is the answer for a single event, [types.EventDetails].
type eventDetails struct {
	types.Event
	ErasedAt   *time.Time       `json:"erased_at,omitempty"`
	Payload    json.RawMessage  `json:"payload"`
	Deliveries []types.Delivery `json:"deliveries"`
}

func (a *API) listEvents(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r, "event", "since", "until", "q")
	page := q.page(webhook.EventPrefix)
	filter := store.EventFilter{Event: q.eventType(), Query: q.search()}
	filter.Since, filter.Until = q.span()
	return answerList(q, page, func(page store.Page) ([]webhook.Event, error) {
		return a.service.Events(r.Context(), accountID, filter, page)
	}, answers.Event, func(event webhook.Event) string { return event.ID })
}

func (a *API) getEvent(r *http.Request, accountID string) (int, any, error) {
	found, err := a.service.Event(r.Context(), accountID, pathID(r))
	if err != nil {
		return 0, nil, err
	}
	answer := eventDetails{Event: answers.Event(found.Event), ErasedAt: answers.UTC(found.Event.ErasedAt), Payload: found.Event.Payload, Deliveries: []types.Delivery{}}
	for _, d := range found.Deliveries {
		answer.Deliveries = append(answer.Deliveries, a.newDelivery(d))
	}
	return http.StatusOK, answer, nil
}

// maxRepublication is the most bytes that a republication may have.
const maxRepublication = 4 << 10

func (a *API) republishEvent(r *http.Request, accountID string) (int, any, error) {
	var republication webhook.Republication
	if err := readJSON(r, maxRepublication, &republication); err != nil {
		return 0, nil, err
	}
	d, err := a.service.Republish(r.Context(), accountID, pathID(r), republication)
	return http.StatusAccepted, a.newDelivery(d), err
}
