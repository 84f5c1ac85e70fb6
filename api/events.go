package api

import (
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

type publishedEvent struct {
	ID         string              `json:"id"`
	Event      string              `json:"event"`
	Timestamp  time.Time           `json:"timestamp"`
	Deliveries []publishedDelivery `json:"deliveries"`
}

type publishedDelivery struct {
	ID        string `json:"id"`
	WebhookID string `json:"webhook_id"`
}

func (a *API) publishEvent(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, webhook.MaxPayload)
	if err != nil {
		return 0, nil, err
	}
	event, deliveries, err := a.service.Publish(r.Context(), accountID, body)
	if err != nil {
		return 0, nil, err
	}
	answer := publishedEvent{ID: event.ID, Event: event.Event, Timestamp: event.Timestamp, Deliveries: []publishedDelivery{}}
	for _, d := range deliveries {
		answer.Deliveries = append(answer.Deliveries, publishedDelivery{ID: d.ID, WebhookID: d.WebhookID})
	}
	return http.StatusAccepted, answer, nil
}
