package webhook

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The names of the operational events: durahook itself publishes them, about webhooks and deliveries of the account.
const (
	EventWebhookFailing    = "webhook.failing"
	EventWebhookDisabled   = "webhook.disabled"
	EventWebhookEnabled    = "webhook.enabled"
	EventDeliveryExhausted = "delivery.exhausted"
)

// operationalEventTypes are the entries of every account's catalogue that durahook itself publishes.
func operationalEventTypes() []EventType {
	return []EventType{
		{Name: EventDeliveryExhausted, Description: "A delivery was not accepted in any attempt of its schedule"},
		{Name: EventWebhookDisabled, Description: "A webhook was disabled: by its owner, by a 410 Gone, or because it failed for too long"},
		{Name: EventWebhookEnabled, Description: "A webhook was enabled again"},
		{Name: EventWebhookFailing, Description: "A webhook has failed for half of the time after which it is disabled"},
	}
}

// OperationalEvents lists the names of the operational events. Clients cannot publish them, and webhooks get them
// only if they name them: neither "*" nor a pattern such as "webhook.*" includes them.
func OperationalEvents() []string {
	var names []string
	for _, t := range operationalEventTypes() {
		names = append(names, t.Name)
	}
	return names
}

// IsOperational reports whether this is the name of an operational event.
func IsOperational(name string) bool { return slices.Contains(OperationalEvents(), name) }

// OperationalEvent is something that happened to a webhook of an account and that others are to be told.
type OperationalEvent struct {
	ID        string          `db:"id"` // also that of the event which it becomes
	AccountID string          `db:"account_id"`
	Event     string          `db:"event"`
	WebhookID string          `db:"webhook_id"` // which it is about; that one itself is not told
	Data      json.RawMessage `db:"data"`       // IDs, names, status and error words: no payload and no secret
	CreatedAt time.Time       `db:"created_at"`
}

// NewOperationalEvent returns an operational event about a webhook, with an ID of its own.
func NewOperationalEvent(event string, w Webhook, data any) (OperationalEvent, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return OperationalEvent{}, fmt.Errorf("encode %s: %w", event, err)
	}
	return OperationalEvent{ID: NewID(EventPrefix), AccountID: w.AccountID, Event: event, WebhookID: w.ID, Data: text}, nil
}

// Publish returns the event to deliver.
func (o OperationalEvent) Publish() (Event, error) {
	at := o.CreatedAt.UTC().Truncate(time.Millisecond)
	payload, err := json.Marshal(struct {
		Event     string          `json:"event"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{o.Event, at, o.Data})
	if err != nil {
		return Event{}, fmt.Errorf("encode %s: %w", o.ID, err)
	}
	return Event{ID: o.ID, AccountID: o.AccountID, Event: o.Event, Timestamp: at, Payload: payload}, nil
}

// DisabledData is the data of [EventWebhookDisabled].
type DisabledData struct {
	WebhookID    string     `json:"webhook_id"`
	WebhookName  string     `json:"webhook_name"`
	Cause        Cause      `json:"cause"`
	Reason       string     `json:"reason"`        // in plain words
	FailingSince *time.Time `json:"failing_since"` // nil unless it was
}

// EnabledData is the data of [EventWebhookEnabled].
type EnabledData struct {
	WebhookID   string `json:"webhook_id"`
	WebhookName string `json:"webhook_name"`
}

// FailingData is the data of [EventWebhookFailing].
type FailingData struct {
	WebhookID    string    `json:"webhook_id"`
	WebhookName  string    `json:"webhook_name"`
	FailingSince time.Time `json:"failing_since"`
	DisableAt    time.Time `json:"disable_at"` // an attempt that fails from then on disables it
	LastFailure
}

// ExhaustedData is the data of [EventDeliveryExhausted].
type ExhaustedData struct {
	DeliveryID  string `json:"delivery_id"`
	WebhookID   string `json:"webhook_id"`
	WebhookName string `json:"webhook_name"`
	EventID     string `json:"event_id"`
	Event       string `json:"event"` // the event type
	Attempts    int    `json:"attempts"`
	LastFailure
}
