package webhook

import (
	"slices"
	"strings"
)

// EventType is an entry of the catalogue of events that can be published.
type EventType struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// EventTypes is the catalogue.
func EventTypes() []EventType {
	return []EventType{
		{"call.started", "When call begins"},
		{"call.answered", "When call is picked up"},
		{"call.ended", "When call completes"},
		{"call.failed", "When call fails"},
		{"campaign.started", "Campaign begins"},
		{"campaign.completed", "Campaign finishes"},
		{"contact.created", "New contact added"},
		{"contact.updated", "Contact modified"},
	}
}

// AllEvents in a webhook's events subscribes it to every event type, also to those added later.
const AllEvents = "*"

func knownEventType(name string) bool {
	return slices.ContainsFunc(EventTypes(), func(t EventType) bool { return t.Name == name })
}

func eventTypeNames() string {
	var names []string
	for _, t := range EventTypes() {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}
