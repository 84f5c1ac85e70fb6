package cli

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/durahook/durahook/api/types"
)

// DeliveriesCommand has what can be done with deliveries.
type DeliveriesCommand struct {
	List   DeliveriesList   `cmd:"" help:"List deliveries."`
	Show   DeliveriesShow   `cmd:"" aliases:"get" help:"Show a delivery with its attempts."`
	Retry  DeliveriesRetry  `cmd:"" help:"Make an attempt now."`
	Cancel DeliveriesCancel `cmd:"" help:"Give a delivery up. Nothing more is sent."`
	Watch  DeliveriesWatch  `cmd:"" help:"Follow a delivery until it is closed, or new deliveries as they come."`
}

// deliveryFilters are the flags that choose deliveries.
type deliveryFilters struct {
	Webhook    string `help:"Only deliveries to this webhook." placeholder:"ID"`
	EventID    string `name:"event-id" help:"Only deliveries of this event." placeholder:"ID"`
	Event      string `help:"Only deliveries of events of this type." placeholder:"TYPE"`
	Status     string `help:"Only those that are pending, waiting, delivered, exhausted, cancelled or discarded." placeholder:"STATUS" values:"pending,waiting,delivered,exhausted,cancelled,discarded"`
	StatusCode string `help:"Only those last answered with this status code, such as 503 or 5xx." placeholder:"CODE"`
	Since      *Past  `help:"Only those made at this time or later: a time, or how long ago, such as 24h." placeholder:"TIME"`
	Until      *Past  `help:"Only those made before this time." placeholder:"TIME"`
	Query      string `short:"q" help:"Only those in which this is found, such as an ID or a value of the payload." placeholder:"TEXT"`
}

// params returns the filters as the API wants them.
func (f *deliveryFilters) params() types.ListDeliveriesParams {
	return types.ListDeliveriesParams{
		WebhookID: optional(f.Webhook), EventID: optional(f.EventID), Event: optional(f.Event),
		Status: optional(types.DeliveryStatus(f.Status)), StatusCode: optional(f.StatusCode),
		Since: f.Since.moment(), Until: f.Until.moment(), Q: optional(f.Query),
	}
}

// DeliveriesList lists deliveries.
type DeliveriesList struct {
	Remote `embed:""`
	deliveryFilters
	Paging `embed:""`
}

// Run lists the deliveries, newest first.
func (c *DeliveriesList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return list(s, c.Paging, "There are no deliveries.", deliveryColumns(), func(limit *int, cursor *string) (*http.Response, error) {
		params := c.params()
		params.Limit, params.Cursor = limit, cursor
		return s.api.ListDeliveries(env.Ctx, &params)
	})
}

func deliveryColumns() []column[types.Delivery] {
	return []column[types.Delivery]{
		{title: "ID", value: func(d types.Delivery) string { return d.ID }},
		{title: "CREATED", value: func(d types.Delivery) string { return at(d.CreatedAt) }},
		{title: "STATUS", value: func(d types.Delivery) string { return string(d.Status) }, word: true},
		{title: "TRIES", value: func(d types.Delivery) string { return number(&d.AttemptCount) }},
		{title: "LAST", value: func(d types.Delivery) string { return cmp.Or(number(d.StatusCode), text(d.Outcome)) }, word: true},
		{title: "NEXT", value: func(d types.Delivery) string { return clock(d.NextAttemptAt) }},
		{title: "EVENT", value: func(d types.Delivery) string { return testMark(d.Event, d.Test) }},
		{title: "WEBHOOK", value: func(d types.Delivery) string { return d.WebhookName }},
	}
}

// oneDelivery are the flags and the argument of a command for one delivery.
type oneDelivery struct {
	Remote `embed:""`
	ID     string `arg:"" name:"delivery" help:"ID of the delivery (dlv_…)."`
}

// DeliveriesShow shows a delivery.
type DeliveriesShow struct{ oneDelivery }

// Run shows the delivery with its attempts.
func (c *DeliveriesShow) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.deliveryDetails)(s.answer(s.api.GetDelivery(env.Ctx, c.ID)))
}

func (s *session) deliveryDetails(d types.DeliveryDetails) string {
	out := s.delivery(withoutAttempts(d))
	if d.RateLimitedSince != nil {
		out += "\nWaits for its turn under the webhook's rate limit since " + at(*d.RateLimitedSince) + ".\n"
	}
	if len(d.Attempts) > 0 {
		out += "\n" + tableOf(s, attemptColumns(), d.Attempts)
	}
	return out
}

// withoutAttempts returns a delivery as lists have it.
func withoutAttempts(d types.DeliveryDetails) types.Delivery {
	return types.Delivery{
		ID: d.ID, EventID: d.EventID, Event: d.Event, WebhookID: d.WebhookID, WebhookName: d.WebhookName,
		Status: d.Status, Test: d.Test, AttemptCount: d.AttemptCount, NextAttemptAt: d.NextAttemptAt, Outcome: d.Outcome,
		StatusCode: d.StatusCode, ResponseTimeMS: d.ResponseTimeMS, WorkflowURL: d.WorkflowURL,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
}

// delivery returns a delivery as people read it.
func (s *session) delivery(d types.Delivery) string {
	return s.fields().
		add("ID", d.ID).
		addWord("Status", string(d.Status)).
		add("Event", testMark(d.Event, d.Test)).
		add("Event ID", d.EventID).
		add("Webhook", d.WebhookName).
		add("Webhook ID", d.WebhookID).
		add("Attempts", number(&d.AttemptCount)).
		addWord("Last outcome", text(d.Outcome)).
		add("Next attempt", clock(d.NextAttemptAt)).
		add("Workflow", text(d.WorkflowURL)).
		add("Created", at(d.CreatedAt)).
		add("Changed", at(d.UpdatedAt)).String()
}

func attemptColumns() []column[types.Attempt] {
	return []column[types.Attempt]{
		{title: "ATTEMPT", value: func(a types.Attempt) string { return number(&a.Number) }},
		{title: "STARTED", value: func(a types.Attempt) string { return at(a.StartedAt) }},
		{title: "TRIGGER", value: func(a types.Attempt) string { return string(a.Trigger) }},
		{title: "OUTCOME", value: func(a types.Attempt) string { return string(a.Outcome) }, word: true},
		{title: "CODE", value: func(a types.Attempt) string { return number(a.StatusCode) }},
		{title: "TIME", value: func(a types.Attempt) string { return milliseconds(&a.ResponseTimeMS) }},
		{title: "OF WHICH", value: func(a types.Attempt) string { return timing(a.Timing) }},
		{title: "LANE", value: lane},
		{title: "ANSWER", value: func(a types.Attempt) string { return cmp.Or(text(a.Error), firstLine(a.ResponseBody)) }},
	}
}

// timing returns where the time of an attempt went, in milliseconds; nothing when it isn't known.
func timing(t *types.AttemptTiming) string {
	if t == nil {
		return ""
	}
	var parts []string
	if t.ConnectionReused {
		parts = append(parts, "reused")
	}
	for _, part := range []struct {
		name string
		ms   *int
	}{{"DNS", t.DNSMS}, {"connect", t.ConnectMS}, {"TLS", t.TLSMS}, {"first byte", t.FirstByteMS}} {
		if part.ms != nil {
			parts = append(parts, part.name+" "+number(part.ms))
		}
	}
	return strings.Join(parts, ", ")
}

// lane returns the lane of an attempt, and why, if it is not the fast one; nothing when it isn't known.
func lane(a types.Attempt) string {
	name := text(a.Lane)
	if a.LaneReason != nil {
		name += ", since " + *a.LaneReason
	}
	return name
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// DeliveriesRetry retries a delivery.
type DeliveriesRetry struct{ oneDelivery }

// Run asks for an attempt now and shows the delivery.
func (c *DeliveriesRetry) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.delivery)(s.answer(s.api.RetryDelivery(env.Ctx, c.ID)))
}

// DeliveriesCancel cancels a delivery.
type DeliveriesCancel struct{ oneDelivery }

// Run cancels the delivery and shows it.
func (c *DeliveriesCancel) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.delivery)(s.answer(s.api.CancelDelivery(env.Ctx, c.ID)))
}
