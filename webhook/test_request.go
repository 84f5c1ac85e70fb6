package webhook

import "slices"

// TestRequest is what a client says when it has a webhook tested.
type TestRequest struct {
	Input
	Event string `json:"event"` // the name of an event type; empty for the first that the webhook subscribes to
}

// Example returns the example of an event type of the catalogue, as an event of the webhook's account: the one
// that is asked for, which the webhook need not subscribe to, or else the first that it does. Everything wrong
// with the request comes back in one [Error].
func (r TestRequest) Example(w Webhook, catalogue []EventType) (Event, error) {
	fields := r.Wrong()
	chosen := slices.IndexFunc(catalogue, func(t EventType) bool { return t.Name == r.Event })
	if r.Event == "" {
		chosen = firstSubscribed(w, catalogue)
	}
	switch {
	case chosen < 0 && r.Event == "":
		fields.Add("/event", "is missing, and the webhook subscribes to no event type that there is; name one")
	case chosen < 0:
		fields.Add("/event", "is not a known event type; use one of "+eventTypeNames())
	}
	if err := fields.Err(); err != nil {
		return Event{}, err
	}
	event, err := ParseEvent(catalogue[chosen].Example)
	event.AccountID, event.Test = w.AccountID, true
	return event, err
}

// firstSubscribed returns the place in the catalogue of the first event type that a webhook subscribes to: of
// the first entry of its events that means any. It is negative when there is none.
func firstSubscribed(w Webhook, catalogue []EventType) int {
	for _, entry := range w.Events {
		subscription := Subscription{Events: []string{entry}}
		if i := slices.IndexFunc(catalogue, func(t EventType) bool { return subscription.Wants(t.Name) }); i >= 0 {
			return i
		}
	}
	return -1
}
