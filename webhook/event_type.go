package webhook

import (
	"embed"
	"encoding/json"
	"slices"
	"strings"
)

// EventType is an entry of the catalogue of events that can be published.
type EventType struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Example     json.RawMessage `json:"example"` // a whole event of this type, as it is published
}

//go:embed examples/*.json
var examples embed.FS

// EventTypes is the catalogue.
func EventTypes() []EventType {
	types := []EventType{
		{Name: "call.started", Description: "When call begins"},
		{Name: "call.answered", Description: "When call is picked up"},
		{Name: "call.ended", Description: "When call completes"},
		{Name: "call.failed", Description: "When call fails"},
		{Name: "campaign.started", Description: "Campaign begins"},
		{Name: "campaign.completed", Description: "Campaign finishes"},
		{Name: "contact.created", Description: "New contact added"},
		{Name: "contact.updated", Description: "Contact modified"},
	}
	for i, t := range types {
		example, err := examples.ReadFile("examples/" + t.Name + ".json")
		if err != nil {
			panic(err) // not in the program: it was built without one of its files
		}
		types[i].Example = example
	}
	return types
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
