package webhook

import (
	"slices"
)

// Subscription is what publishing needs to know of a webhook that may want an event.
type Subscription struct {
	WebhookID   string
	WebhookName string
	Events      []string // as in [Webhook]
	Filter      string   // as in [Webhook]
}

// Wants reports whether the webhook subscribes to the event type of this name.
func (s Subscription) Wants(name string) bool {
	return slices.ContainsFunc(Patterns(name), func(pattern string) bool { return slices.Contains(s.Events, pattern) })
}

// Patterns returns all entries of a webhook's events that mean the event type of this name: itself, "*", and
// for "call.ended" also "call.*".
func Patterns(name string) []string {
	patterns := []string{name, AllEvents}
	for i, character := range name {
		if character == '.' {
			patterns = append(patterns, name[:i+1]+AllEvents)
		}
	}
	return patterns
}

// Published is an event with the deliveries that its publishing made.
type Published struct {
	Event      Event
	Deliveries []Delivery
}
