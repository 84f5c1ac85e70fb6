package webhook

import "slices"

// TestRequest is what a client says when it has a webhook tested.
type TestRequest struct {
	Input
	Event string `json:"event"` // the name of an event type; empty for the first that the webhook subscribes to
}

// EventType returns the name of the event type to test a webhook with: the one that is asked for, which the
// webhook need not subscribe to, or else the first that it does. Names are those of the account's catalogue.
// Everything wrong with the request comes back in one [Error].
func (r TestRequest) EventType(w Webhook, names []string) (string, error) {
	fields := r.Wrong()
	name := r.Event
	if name == "" {
		name = firstSubscribed(w, names)
	}
	switch {
	case name == "":
		fields.Add("/event", "is missing, and the webhook subscribes to no event type that there is; name one")
	case !slices.Contains(names, name):
		fields.Add("/event", unknownEventType(ClosestName(name, names)))
	}
	return name, fields.Err()
}

// firstSubscribed returns the first event type that a webhook subscribes to: of the first entry of its events
// that means any. It is empty when there is none.
func firstSubscribed(w Webhook, names []string) string {
	for _, entry := range w.Events {
		for _, name := range names {
			if Subscribes([]string{entry}, name) {
				return name
			}
		}
	}
	return ""
}

// TestEvent returns the example of an event type as an event of its account.
func TestEvent(accountID string, t EventType) (Event, error) {
	t.Operational = false // it is durahook that sends it
	event, err := ParseEvent(t.Example, func(string) (EventType, bool) { return t, true })
	event.AccountID, event.Test = accountID, true
	return event, err
}
