package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/internal/terminal"
)

// EventsCommand has what can be done with events.
type EventsCommand struct {
	Publish   EventsPublish   `cmd:"" help:"Publish an event, or many."`
	List      EventsList      `cmd:"" help:"List events."`
	Get       EventsGet       `cmd:"" help:"Show an event with its payload and deliveries."`
	Republish EventsRepublish `cmd:"" help:"Deliver an event to a webhook again."`
}

// EventsPublish publishes events.
type EventsPublish struct {
	Remote         `embed:""`
	File           string  `arg:"" optional:"" help:"File with what is published, {\"event\",\"timestamp\",\"data\"}; - or nothing reads standard input."`
	Event          *string `help:"Instead of a file: type of the event." placeholder:"TYPE"`
	Timestamp      *Past   `help:"When it happened: a time, or how long ago; now when left out." placeholder:"TIME"`
	Data           *string `help:"The event's data; @FILE and - read it." placeholder:"JSON"`
	Batch          bool    `help:"The file has up to 1,000 events, one JSON object after the other (NDJSON): publish all, or none if one is wrong."`
	IdempotencyKey *string `help:"Publish once, however often this is run with the same key within 24 hours." placeholder:"KEY"`
}

// Run publishes and shows which deliveries came of it.
func (c *EventsPublish) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	payload, err := c.payload(env)
	if err != nil {
		return err
	}
	if c.Batch {
		return c.publishBatch(s, payload)
	}
	a, err := s.answer(s.api.PublishEventWithBody(env.Ctx,
		&types.PublishEventParams{IdempotencyKey: c.IdempotencyKey}, jsonType, bytes.NewReader(payload)))
	if err != nil {
		return err
	}
	s.remark(a.header)
	return show(s, a, s.published)
}

// payload returns what is published: the file byte for byte, or what the flags say.
func (c *EventsPublish) payload(env *Env) ([]byte, error) {
	flags := c.Event != nil || c.Data != nil || c.Timestamp != nil
	switch {
	case flags && (c.File != "" || c.Batch):
		return nil, errors.New("what is published comes from a file or from --event, --timestamp and --data, not both")
	case flags:
		return c.compose(env)
	case c.File == "" && env.Interactive:
		return nil, errors.New("what is to be published? Name a file, or say --event and --data")
	}
	content, err := readFile(env, c.File)
	if err != nil {
		return nil, fmt.Errorf("read what is to be published: %w", err)
	}
	return content, nil
}

func readFile(env *Env, path string) ([]byte, error) {
	if path == "" || path == "-" {
		return io.ReadAll(env.Stdin)
	}
	return os.ReadFile(path)
}

// compose makes a payload of the flags.
func (c *EventsPublish) compose(env *Env) ([]byte, error) {
	timestamp := time.Now().UTC().Truncate(time.Millisecond)
	if c.Timestamp != nil {
		timestamp = c.Timestamp.Time
	}
	b := body{"timestamp": timestamp.Format(time.RFC3339Nano)}
	set(b, "event", c.Event)
	if err := b.setJSON(env, "data", c.Data); err != nil {
		return nil, err
	}
	return io.ReadAll(b.reader())
}

func (c *EventsPublish) publishBatch(s *session, payload []byte) error {
	events, err := documents(payload)
	if err != nil {
		return err
	}
	batch := body{"events": events}
	a, err := s.answer(s.api.PublishEventsWithBody(s.ctx,
		&types.PublishEventsParams{IdempotencyKey: c.IdempotencyKey}, jsonType, batch.reader()))
	if err != nil {
		return err
	}
	s.remark(a.header)
	return show(s, a, func(p types.PublishedBatch) string {
		return tableOf(s, []column[types.PublishedEvent]{
			{title: "ID", value: func(e types.PublishedEvent) string { return e.ID }},
			{title: "EVENT", value: func(e types.PublishedEvent) string { return e.Event }},
			{title: "DELIVERIES", value: func(e types.PublishedEvent) string { return strconv.Itoa(len(e.Deliveries)) }},
		}, p.Data)
	})
}

// documents splits JSON values that stand one after the other.
func documents(text []byte) ([]json.RawMessage, error) {
	all := []json.RawMessage{}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var one json.RawMessage
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("event %d of the batch is not JSON: %w", len(all)+1, err)
		}
		all = append(all, one)
	}
}

// remark tells what the headers of an answer say of a publication.
func (s *session) remark(header http.Header) {
	if header.Get("Idempotency-Replayed") == "true" {
		s.note("This was published before with the same key; nothing was published now.")
	}
	if header.Get("Deprecation") != "" {
		s.note("This event type is deprecated.")
	}
}

func (s *session) published(e types.PublishedEvent) string {
	summary := s.fields().add("ID", e.ID).add("Event", e.Event).add("Timestamp", at(e.Timestamp)).String()
	if len(e.Deliveries) == 0 {
		return summary + "\nNo webhook subscribes to it.\n"
	}
	return summary + "\n" + tableOf(s, []column[types.PublishedDelivery]{
		{title: "DELIVERY", value: func(d types.PublishedDelivery) string { return d.ID }},
		{title: "WEBHOOK", value: func(d types.PublishedDelivery) string { return d.WebhookID }},
	}, e.Deliveries)
}

// EventsList lists events.
type EventsList struct {
	Remote `embed:""`
	Paging `embed:""`
	Event  string `help:"Only events of this type." placeholder:"TYPE"`
	Since  *Past  `help:"Only those made at this time or later: a time, or how long ago, such as 24h." placeholder:"TIME"`
	Until  *Past  `help:"Only those made before this time." placeholder:"TIME"`
	Query  string `short:"q" help:"Only those in which this is found, such as a value of the payload." placeholder:"TEXT"`
}

// Run lists the events, newest first.
func (c *EventsList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	columns := []column[types.Event]{
		{title: "ID", value: func(e types.Event) string { return e.ID }},
		{title: "CREATED", value: func(e types.Event) string { return at(e.CreatedAt) }},
		{title: "EVENT", value: func(e types.Event) string { return testMark(e.Event, e.Test) }},
		{title: "TIMESTAMP", value: func(e types.Event) string { return at(e.Timestamp) }},
	}
	return list(s, c.Paging, "There are no events.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListEvents(env.Ctx, &types.ListEventsParams{
			Event: optional(c.Event), Since: c.Since.moment(), Until: c.Until.moment(), Q: optional(c.Query),
			Limit: limit, Cursor: cursor,
		})
	})
}

// testMark marks the events of Test Webhook.
func testMark(event string, test bool) string {
	if test {
		return event + " (test)"
	}
	return event
}

// oneEvent are the flags and the argument of a command for one event.
type oneEvent struct {
	Remote `embed:""`
	ID     string `arg:"" name:"event" help:"ID of the event (evt_…)."`
}

// EventsGet shows an event.
type EventsGet struct{ oneEvent }

// Run shows the event with its payload and deliveries.
func (c *EventsGet) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.event)(s.answer(s.api.GetEvent(env.Ctx, c.ID)))
}

func (s *session) event(e types.EventDetails) string {
	out := s.fields().
		add("ID", e.ID).
		add("Event", testMark(e.Event, e.Test)).
		add("Timestamp", at(e.Timestamp)).
		add("Created", at(e.CreatedAt)).String()
	out += "\n" + indented(e.Payload)
	if len(e.Deliveries) > 0 {
		out += "\n" + tableOf(s, deliveryColumns(), e.Deliveries)
	}
	return out
}

// indented returns JSON as people read it.
func indented(raw json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return terminal.Visible(string(raw)) + "\n"
	}
	lines := slices.Collect(strings.SplitSeq(out.String(), "\n"))
	for i, line := range lines {
		lines[i] = terminal.Visible(line)
	}
	return strings.Join(lines, "\n") + "\n"
}

// EventsRepublish delivers an event again.
type EventsRepublish struct {
	oneEvent
	Webhook string `required:"" help:"Webhook to deliver to (whk_…), whether or not it subscribes to the event." placeholder:"ID"`
}

// Run makes the delivery and shows it.
func (c *EventsRepublish) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.delivery)(s.answer(s.api.RepublishEvent(env.Ctx, c.ID, types.Republication{WebhookID: c.Webhook})))
}
