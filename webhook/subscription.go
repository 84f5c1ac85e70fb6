package webhook

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
