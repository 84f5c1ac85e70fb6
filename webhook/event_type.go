package webhook

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of an event type's fields, and of how many of its own an account can have.
const (
	MaxEventTypeName        = 100      // bytes
	MaxEventTypeDescription = 1000     // characters
	MaxEventTypeExample     = 64 << 10 // bytes
	MaxEventTypes           = 1000
)

// EventType is an entry of an account's catalogue of events that can be published.
type EventType struct {
	AccountID   string
	Name        string
	Description string
	Example     json.RawMessage // a whole event of this type, as it is published
	Schema      *Schema         // what the data of its events has to be; nil for any object
	// DeprecatedAt is since when it should no longer be used; nil while it should. Events of a deprecated type
	// are published and delivered as ever.
	DeprecatedAt *time.Time
	BuiltIn      bool // in every account's catalogue
	Operational  bool // built in, and published by durahook itself: see [OperationalEvents]
	// The times are nil of built-in types that the account never changed.
	CreatedAt *time.Time
	UpdatedAt *time.Time
}

// Mentions reports whether a text is in the name or the description, in capitals or not.
func (t EventType) Mentions(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(t.Name, text) || strings.Contains(strings.ToLower(t.Description), text)
}

//go:embed examples/*.json
var examples embed.FS

// BuiltInEventTypes are the event types that are in every account's catalogue: those that clients publish, and then
// the operational ones.
func BuiltInEventTypes() []EventType {
	return append(withExamples(publishedEventTypes()), withExamples(operationalEventTypes())...)
}

func publishedEventTypes() []EventType {
	return []EventType{
		{Name: "call.started", Description: "When call begins"},
		{Name: "call.answered", Description: "When call is picked up"},
		{Name: "call.ended", Description: "When call completes"},
		{Name: "call.failed", Description: "When call fails"},
		{Name: "campaign.started", Description: "Campaign begins"},
		{Name: "campaign.completed", Description: "Campaign finishes"},
		{Name: "contact.created", Description: "New contact added"},
		{Name: "contact.updated", Description: "Contact modified"},
	}
}

func withExamples(types []EventType) []EventType {
	for i, t := range types {
		example, err := examples.ReadFile("examples/" + t.Name + ".json")
		if err != nil {
			panic(err) // not in the program: it was built without one of its files
		}
		types[i].Example, types[i].BuiltIn, types[i].Operational = example, true, IsOperational(t.Name)
	}
	return types
}

// BuiltIn returns the built-in event type with this name. It is the [Catalogue] of an account that has no
// event types of its own.
func BuiltIn(name string) (EventType, bool) {
	var names []string
	for _, t := range BuiltInEventTypes() {
		if t.Name == name {
			return t, true
		}
		names = append(names, t.Name)
	}
	return EventType{Name: ClosestName(name, names)}, false
}

// EventTypeDefinition is what a client says of an event type when it creates one.
type EventTypeDefinition struct {
	Input
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Example     json.RawMessage `json:"example"`
	Schema      json.RawMessage `json:"schema"`
	Deprecated  bool            `json:"deprecated"`
}

// DefineEventType checks a definition and returns a new event type of the account. One without an example
// gets an event without data. Everything wrong with the definition comes back in one [Error]; that there is
// such a type already is not checked here.
func DefineEventType(accountID string, d EventTypeDefinition, now time.Time) (EventType, error) {
	fields := d.Wrong()
	t := EventType{AccountID: accountID, Name: d.Name}
	switch {
	case d.Name == "":
		fields.Add("/name", `is missing; use words joined by dots, such as "invoice.paid"`)
	case !IsEventTypeName(d.Name):
		fields.Add("/name", fmt.Sprintf(`must be lower-case words (letters, digits and _) joined by dots, such as "invoice.paid", at most %d characters`, MaxEventTypeName))
	}
	t.describe(&fields, d.Description)
	t.setSchema(&fields, d.Schema)
	t.deprecate(d.Deprecated, now)
	t.setExample(&fields, d.Example, now)
	if err := fields.Err(); err != nil {
		return EventType{}, err
	}
	return t, nil
}

func (t *EventType) describe(fields *Fields, description string) {
	t.Description = strings.TrimSpace(description)
	switch {
	case utf8.RuneCountInString(t.Description) > MaxEventTypeDescription:
		fields.Add("/description", fmt.Sprintf("is longer than %d characters", MaxEventTypeDescription))
	case strings.ContainsFunc(t.Description, unicode.IsControl):
		fields.Add("/description", "must not contain control characters")
	}
}

func (t *EventType) setSchema(fields *Fields, text json.RawMessage) {
	t.Schema = nil
	if isNull(text) {
		return
	}
	schema := NewSchema(text)
	if wrong := schema.wrong(); len(wrong) > 0 {
		for _, field := range wrong {
			fields.Add("/schema"+field.Pointer, field.Detail)
		}
		return // and the example is checked without it
	}
	t.Schema = schema
}

func (t *EventType) deprecate(deprecated bool, now time.Time) {
	switch {
	case !deprecated:
		t.DeprecatedAt = nil
	case t.DeprecatedAt == nil:
		t.DeprecatedAt = &now
	}
}

// setExample sets the example and checks it, or makes one. What can be checked of it depends on the other
// fields, so they come first.
func (t *EventType) setExample(fields *Fields, example json.RawMessage, now time.Time) {
	const pointer = "/example"
	given := !isNull(example)
	t.Example = example
	if !given {
		t.Example = t.defaultExample(now)
	}
	if len(t.Example) > MaxEventTypeExample {
		fields.Add(pointer, fmt.Sprintf("is larger than %d KiB", MaxEventTypeExample>>10))
		return
	}
	if kind := kindOf(t.Example); kind != object {
		fields.Add(pointer, "must be an object, a whole event of this type, not "+kind)
		return
	}
	_, err := ParseEvent(t.Example, func(name string) (EventType, bool) { return *t, name == t.Name })
	switch {
	case err == nil || !IsEventTypeName(t.Name): // the name is told already
	case given:
		fields.addAll(pointer, err)
	default:
		fields.Add(pointer, "is missing; since the schema does not allow empty data, give a whole event of this type")
	}
}

// defaultExample returns the built-in example, or an event without data.
func (t *EventType) defaultExample(now time.Time) json.RawMessage {
	if builtIn, ok := BuiltIn(t.Name); ok {
		return builtIn.Example
	}
	return EventWithoutData(t.Name, now)
}

// EventWithoutData returns a whole event of a type, to begin with.
func EventWithoutData(eventType string, now time.Time) json.RawMessage {
	return fmt.Appendf(nil, `{"event":%q,"timestamp":%q,"data":{}}`, eventType, now.UTC().Format(time.RFC3339))
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// NoEventType returns the error for a name that no event type of the account has.
func NoEventType(name string) error {
	return &Error{Code: CodeNotFound, Message: "There is no event type " + shown(name) + " in this account."}
}

// IsEventTypeName reports whether an event type can have this name: lower-case words with digits and _,
// joined by dots.
func IsEventTypeName(name string) bool {
	return len(name) <= MaxEventTypeName && strings.Contains(name, ".") && areWords(name)
}

func areWords(name string) bool {
	return !slices.ContainsFunc(strings.Split(name, "."), func(word string) bool {
		return word == "" || !isLower(rune(word[0])) || strings.ContainsFunc(word, func(r rune) bool {
			return !isLower(r) && (r < '0' || r > '9') && r != '_'
		})
	})
}

func isLower(r rune) bool { return 'a' <= r && r <= 'z' }
