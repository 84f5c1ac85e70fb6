package webhook

import "slices"

// Subscription is what publishing needs to know of a webhook that may want an event.
type Subscription struct {
	WebhookID   string
	WebhookName string
	Events      []string // as in [Webhook]
	Filter      string   // as in [Webhook]
}

// Wants reports whether the webhook subscribes to the event type of this name.
func (s Subscription) Wants(name string) bool {
	return Subscribes(s.Events, name)
}

// Published is an event with the deliveries that its publishing made.
type Published struct {
	Event      Event
	Deliveries []Delivery
}

// Without returns it without the deliveries to a webhook.
func (p Published) Without(webhookID string) Published {
	p.Deliveries = slices.DeleteFunc(slices.Clone(p.Deliveries), func(d Delivery) bool { return d.WebhookID == webhookID })
	return p
}
