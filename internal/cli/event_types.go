package cli

import (
	"errors"
	"net/http"

	"github.com/durahook/durahook/api/types"
)

// EventTypesCommand has what can be done with the catalogue.
type EventTypesCommand struct {
	List   EventTypesList   `cmd:"" help:"List the event types of the catalogue."`
	Get    EventTypesGet    `cmd:"" help:"Show an event type with its example and schema."`
	Create EventTypesCreate `cmd:"" help:"Add an event type."`
	Update EventTypesUpdate `cmd:"" help:"Change what the flags name of an event type; the rest stays."`
	Delete EventTypesDelete `cmd:"" help:"Delete an event type of your own."`
}

// EventTypesList lists event types.
type EventTypesList struct {
	Remote `embed:""`
	Paging `embed:""`
}

// Run lists the event types by name.
func (c *EventTypesList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	columns := []column[types.EventType]{
		{title: "NAME", value: func(t types.EventType) string { return t.Name }},
		{title: "STATUS", value: eventTypeStatus, word: true},
		{title: "BUILT IN", value: func(t types.EventType) string { return yesNo(t.BuiltIn) }},
		{title: "SCHEMA", value: func(t types.EventType) string { return yesNo(t.Schema != nil) }},
		{title: "DESCRIPTION", value: func(t types.EventType) string { return t.Description }},
	}
	return list(s, c.Paging, "There are no event types.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListEventTypes(env.Ctx, &types.ListEventTypesParams{Limit: limit, Cursor: cursor})
	})
}

func eventTypeStatus(t types.EventType) string {
	if t.Deprecated {
		return "deprecated"
	}
	return "active"
}

// oneEventType are the flags and the argument of a command for one event type.
type oneEventType struct {
	Remote `embed:""`
	Name   string `arg:"" help:"Name of the event type, such as call.ended."`
}

// EventTypesGet shows an event type.
type EventTypesGet struct{ oneEventType }

// Run shows the event type.
func (c *EventTypesGet) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.eventType)(s.answer(s.api.GetEventType(env.Ctx, c.Name)))
}

func (s *session) eventType(t types.EventType) string {
	out := s.fields().
		add("Name", t.Name).
		add("Description", t.Description).
		addWord("Status", eventTypeStatus(t)).
		add("Deprecated", clock(t.DeprecatedAt)).
		add("Built in", yesNo(t.BuiltIn)).
		add("Created", clock(t.CreatedAt)).
		add("Changed", clock(t.UpdatedAt)).String()
	out += "\n" + s.paint.Dim("Example") + "\n" + indented(t.Example)
	if t.Schema != nil {
		out += "\n" + s.paint.Dim("Schema") + "\n" + indented(*t.Schema)
	}
	return out
}

// eventTypeFields are the flags for what an event type consists of.
type eventTypeFields struct {
	Description *string `help:"What has happened when it is published." placeholder:"TEXT"`
	Example     *string `help:"Payload as receivers get it; @FILE and - read it." placeholder:"JSON"`
	Schema      *string `help:"JSON Schema that the data has to fit; @FILE and - read it, null takes it away." placeholder:"JSON"`
	Deprecated  *bool   `help:"Tell publishers that it will go." negatable:""`
}

func (f *eventTypeFields) body(env *Env) (body, error) {
	b := body{}
	set(b, "description", f.Description)
	set(b, "deprecated", f.Deprecated)
	return b, errors.Join(b.setJSON(env, "example", f.Example), b.setJSON(env, "schema", f.Schema))
}

// EventTypesCreate adds an event type.
type EventTypesCreate struct {
	oneEventType
	eventTypeFields
}

// Run adds the event type and shows it.
func (c *EventTypesCreate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b, err := c.body(env)
	if err != nil {
		return err
	}
	b["name"] = c.Name
	return ask(s, s.eventType)(s.answer(s.api.CreateEventTypeWithBody(env.Ctx, jsonType, b.reader())))
}

// EventTypesUpdate changes an event type.
type EventTypesUpdate struct {
	oneEventType
	eventTypeFields
}

// Run changes what the flags name and shows the event type.
func (c *EventTypesUpdate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b, err := c.body(env)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nothingToChange()
	}
	return ask(s, s.eventType)(s.answer(s.api.UpdateEventTypeWithBody(env.Ctx, c.Name, jsonType, b.reader())))
}

// EventTypesDelete deletes an event type.
type EventTypesDelete struct {
	oneEventType
	Yes bool `short:"y" help:"Don't ask."`
}

// Run deletes the event type, once that was confirmed.
func (c *EventTypesDelete) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	if err := s.confirm(c.Yes, "Delete the event type %s?", c.Name); err != nil {
		return err
	}
	return s.gone("Deleted", c.Name)(s.answer(s.api.DeleteEventType(env.Ctx, c.Name)))
}
