package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// MaxPayload is the most bytes that a published event may have.
const MaxPayload = 256 << 10

// Event is what a client published.
type Event struct {
	ID        string    `db:"id"`
	AccountID string    `db:"account_id"`
	Event     string    `db:"event"` // the name of its event type
	Timestamp time.Time `db:"timestamp"`
	Test      bool      `db:"test"` // made by Test Webhook
	CreatedAt time.Time `db:"created_at"`

	// DeprecatedAt is since when its event type should no longer be used; nil while it should. It is known of an
	// event that was just parsed.
	DeprecatedAt *time.Time `db:"-"`

	// Traceparent is the W3C trace context that it was published in; empty without one, and where nobody needs it.
	Traceparent string `db:"traceparent"`

	// ErasedAt is when its data were erased, nil while they were not. It is known of an event with its payload.
	ErasedAt *time.Time `db:"erased_at"`

	// Payload is the published JSON, byte for byte: {"event","timestamp","data"}.
	Payload []byte `db:"payload"`
}

// MaxBatch is the most events that can be published together.
const MaxBatch = 1000

// ParseBatch checks a published body {"events":[…]} and returns its events, as [ParseEvent] does. If one is
// wrong, none is returned; the pointers of everything wrong begin with "/events/" and the event's place.
func ParseBatch(body []byte, catalogue Catalogue) ([]Event, error) {
	var input struct {
		Input
		Events []json.RawMessage `json:"events"`
	}
	if err := DecodeJSON(body, &input); err != nil {
		return nil, err
	}
	fields := input.Wrong()
	switch {
	case len(input.Events) == 0:
		fields.Add("/events", "is missing; it must be an array of events")
	case len(input.Events) > MaxBatch:
		fields.Add("/events", fmt.Sprintf("has more than %d entries; send the rest in another batch", MaxBatch))
		return nil, fields.Err()
	}
	events := make([]Event, len(input.Events))
	for i, one := range input.Events {
		event, err := ParseEvent(one, catalogue)
		if err != nil {
			fields.addAll(fmt.Sprintf("/events/%d", i), err)
		}
		events[i] = event
	}
	return events, fields.Err()
}

// ParseEvent checks a published body of at most [MaxPayload] bytes and returns the event with an ID of its
// own. Its event type has to be in the account's catalogue, and its data has to fit the type's schema. The
// account and the time of creation are the caller's to fill in. Everything wrong with the body comes back in
// one [Error].
func ParseEvent(body []byte, catalogue Catalogue) (Event, error) {
	if len(body) > MaxPayload {
		return Event{}, &Error{Code: CodeTooLarge, Message: "The event is larger than 256 KiB."}
	}
	var input struct {
		Input
		Event     string          `json:"event"`
		Timestamp string          `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
	if err := DecodeJSON(body, &input); err != nil {
		return Event{}, err
	}
	fields := input.Wrong()
	eventType := findEventType(&fields, input.Event, catalogue)
	timestamp, ok := ParseTime(input.Timestamp)
	switch {
	case input.Timestamp == "":
		fields.Add("/timestamp", `is missing; use RFC 3339, such as "2025-02-02T14:30:00Z"`)
	case !ok:
		fields.Add("/timestamp", `is not a time in RFC 3339; use the form "2025-02-02T14:30:00Z"`)
	case timestamp.Year() < 1 || timestamp.Year() > 9999:
		fields.Add("/timestamp", "must be in the years 1 to 9999 (UTC)")
	}
	switch data := bytes.TrimSpace(input.Data); {
	case len(data) == 0:
		fields.Add("/data", "is missing; it must be an object with the event's details")
	case data[0] != '{':
		fields.Add("/data", "must be an object with the event's details")
	case eventType.Schema != nil:
		eventType.Schema.check(&fields, "/data", data)
	}
	if err := fields.Err(); err != nil {
		return Event{}, err
	}
	return Event{
		ID:           NewID(EventPrefix),
		Event:        input.Event,
		Timestamp:    timestamp,
		DeprecatedAt: eventType.DeprecatedAt,
		Payload:      body,
	}, nil
}

func findEventType(fields *Fields, name string, catalogue Catalogue) EventType {
	if name == "" {
		fields.Add("/event", `is missing; use the name of an event type, such as "call.ended"`)
		return EventType{}
	}
	t, known := catalogue(name)
	if !known {
		fields.Add("/event", unknownEventType(t.Name))
		return EventType{}
	}
	if t.Operational {
		fields.Add("/event", "is an operational event, which only durahook itself publishes")
	}
	return t
}

// ParseTime reads RFC 3339, of which time.Parse takes a little too much: one digit for the hour and a
// comma before the fraction.
func ParseTime(text string) (at time.Time, ok bool) {
	at, err := time.Parse(time.RFC3339, text)
	const hour = len("2006-01-02T15")
	if err != nil || text[hour] != ':' || strings.Contains(text, ",") {
		return time.Time{}, false
	}
	return at.UTC(), true
}
