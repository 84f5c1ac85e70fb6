package webhook

import "time"

// Status is where a delivery stands.
type Status string

// The statuses. The first two are open: a workflow is, or will be, at work on the delivery.
const (
	StatusPending   Status = "pending"   // the first attempt, or a manual one, is still to come
	StatusWaiting   Status = "waiting"   // an attempt failed and a timer runs
	StatusDelivered Status = "delivered" // the endpoint answered 2xx
	StatusExhausted Status = "exhausted" // the last attempt of the schedule failed
	StatusCancelled Status = "cancelled" // somebody cancelled it
	StatusDiscarded Status = "discarded" // its webhook was disabled or deleted
)

// Statuses lists all of them.
func Statuses() []Status {
	return []Status{StatusPending, StatusWaiting, StatusDelivered, StatusExhausted, StatusCancelled, StatusDiscarded}
}

// Open reports whether a delivery with this status is still at work.
func (s Status) Open() bool {
	return s == StatusPending || s == StatusWaiting
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes.
const (
	OutcomeSuccess         Outcome = "success"          // 200–299
	OutcomeClientError     Outcome = "client_error"     // 300–499; redirects are not followed
	OutcomeServerError     Outcome = "server_error"     // 500–599, and codes that HTTP doesn't define
	OutcomeTimeout         Outcome = "timeout"          // no full answer within the limit
	OutcomeConnectionError Outcome = "connection_error" // DNS, TCP, TLS
	OutcomeBlocked         Outcome = "blocked"          // the address may not be sent to
)

// Outcomes lists all of them.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeSuccess, OutcomeClientError, OutcomeServerError, OutcomeTimeout, OutcomeConnectionError, OutcomeBlocked,
	}
}

// OutcomeOf classifies the status code of a full answer.
func OutcomeOf(statusCode int) Outcome {
	switch {
	case statusCode >= 200 && statusCode <= 299:
		return OutcomeSuccess
	case statusCode >= 300 && statusCode <= 499:
		return OutcomeClientError
	default:
		return OutcomeServerError
	}
}

// Trigger is what made an attempt happen.
type Trigger string

// The triggers.
const (
	TriggerSchedule Trigger = "schedule" // the delivery's schedule
	TriggerManual   Trigger = "manual"   // somebody asked for it
)

// Delivery is one event on its way to one webhook. Its ID is also its workflow's.
type Delivery struct {
	ID            string     `db:"id"`
	AccountID     string     `db:"account_id"`
	WebhookID     string     `db:"webhook_id"`
	WebhookName   string     `db:"webhook_name"`
	EventID       string     `db:"event_id"`
	Event         string     `db:"event"`
	Traceparent   string     `db:"traceparent"` // of the event, for whoever is about to work on the delivery
	Test          bool       `db:"test"`        // made by Test Webhook: sent once, also to a disabled webhook
	Status        Status     `db:"status"`
	AttemptCount  int        `db:"attempt_count"`
	NextAttemptAt *time.Time `db:"next_attempt_at"`
	CreatedAt     time.Time  `db:"created_at"`
	UpdatedAt     time.Time  `db:"updated_at"`
	ErasedAt      *time.Time `db:"erased_at"` // when the data of its event were erased; nil otherwise
	// RateLimitedSince is since when it waits for its turn under its webhook's rate limit. It is looked up for a single
	// delivery, not for lists.
	RateLimitedSince *time.Time `db:"rate_limited_since"`

	// What the last attempt brought; nil before the first.
	Outcome        *Outcome `db:"outcome"`
	StatusCode     *int     `db:"status_code"`
	ResponseTimeMS *int     `db:"response_time_ms"`
}

// NewDelivery returns a pending delivery of an event to a webhook of its account, with an ID of its own.
func NewDelivery(event Event, webhookID, webhookName string) Delivery {
	return Delivery{
		ID: NewID(DeliveryPrefix), AccountID: event.AccountID, WebhookID: webhookID, WebhookName: webhookName,
		EventID: event.ID, Event: event.Event, Test: event.Test, Status: StatusPending, Traceparent: event.Traceparent,
	}
}

// KeptBody is how many bytes of an answer's body are kept for people to see.
const KeptBody = 16 << 10

// Attempt is one POST of a delivery. RunID and Sequence say which attempt of which workflow run it is;
// together they make recording it twice impossible.
type Attempt struct {
	ID              string              `db:"id"`
	DeliveryID      string              `db:"delivery_id"`
	RunID           string              `db:"run_id"`
	Sequence        int                 `db:"sequence"` // 1, 2, … within the run
	Number          int                 `db:"number"`   // 1, 2, … within the delivery
	Trigger         Trigger             `db:"trigger"`
	Outcome         Outcome             `db:"outcome"`
	StatusCode      *int                `db:"status_code"` // nil when no answer came
	ResponseTimeMS  int                 `db:"response_time_ms"`
	Error           *string             `db:"error"`       // in plain words; nil with an answer
	RequestHeaders  map[string][]string `db:"-"`           // as they were sent, secrets masked; nil where nothing was, or it isn't known
	Lane            *string             `db:"lane"`        // fast or queued; nil where it isn't known
	LaneReason      *string             `db:"lane_reason"` // why it was queued, in plain words; nil in the fast lane
	Timing          *Timing             `db:"-"`           // nil where it isn't known
	ResponseHeaders map[string][]string `db:"-"`
	ResponseBody    []byte              `db:"response_body"` // the first [KeptBody]
	StartedAt       time.Time           `db:"started_at"`
	EndedAt         time.Time           `db:"ended_at"`
}
