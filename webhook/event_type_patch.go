package webhook

import (
	"encoding/json"
	"slices"
	"time"
)

// EventTypePatch is what a client wants changed about an event type: a JSON merge patch (RFC 7396).
type EventTypePatch struct {
	change eventTypeChange
	given  []string // the names of the fields that are there
}

// eventTypeChange is all that can be changed: the name stays.
type eventTypeChange struct {
	Input
	Description *string         `json:"description"`
	Example     json.RawMessage `json:"example"`
	Schema      json.RawMessage `json:"schema"`
	Deprecated  bool            `json:"deprecated"`
}

// ParseEventTypePatch reads a patch, which may have wrong fields: Apply tells them. Fields that are left out
// stay as they are; null takes a schema away and brings the others back to what they are by default.
func ParseEventTypePatch(body []byte) (EventTypePatch, error) {
	var p EventTypePatch
	if err := DecodeJSON(body, &p.change); err != nil {
		return EventTypePatch{}, err
	}
	for name := range members(body) {
		p.given = append(p.given, name)
	}
	return p, nil
}

// Apply changes the event type as the patch says, with the checks of [DefineEventType]. When it fails, the
// event type is as it was, and everything wrong with the patch is in one [Error].
func (p EventTypePatch) Apply(t *EventType, now time.Time) error {
	changed, fields := *t, p.change.Wrong()
	gives := func(field string) bool { return slices.Contains(p.given, field) }
	if gives("description") {
		changed.describe(&fields, p.description(t.Name))
	}
	if gives("schema") {
		changed.setSchema(&fields, p.change.Schema)
	}
	if gives("deprecated") {
		changed.deprecate(p.change.Deprecated, now)
	}
	example := changed.Example
	if gives("example") {
		example = p.change.Example
	}
	changed.setExample(&fields, example, now) // also when another schema has to fit it
	if err := fields.Err(); err != nil {
		return err
	}
	*t = changed
	return nil
}

// description returns the one that is given: null is that of the built-in type, or none.
func (p EventTypePatch) description(name string) string {
	if p.change.Description != nil {
		return *p.change.Description
	}
	builtIn, _ := BuiltIn(name)
	return builtIn.Description
}
