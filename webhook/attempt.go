package webhook

import "time"

// AttemptRequest is what a delivery's workflow asks of the attempt activity. It holds no payload, URL or
// secret: those are looked up at the moment of the attempt and never reach Temporal's history.
type AttemptRequest struct {
	DeliveryID string  `json:"delivery_id"`
	Sequence   int     `json:"sequence"` // 1, 2, … within the workflow run
	Trigger    Trigger `json:"trigger"`
	// AfterAttempt is set in a run that a retry of a closed delivery opened: the number of the last attempt
	// that the retry knew of. A later one that was made meanwhile answers it.
	AfterAttempt int `json:"after_attempt,omitempty"`
	// Reset says that somebody has reset the workflow: the first attempt that the run makes is one they asked for.
	Reset bool `json:"reset,omitempty"`
	// NextGap is how long the schedule waits if this attempt fails; nil when it was the last.
	NextGap *time.Duration `json:"next_gap,omitempty"`
	// MayMove allows for no attempt if the endpoint has got into trouble: then the result says Moved, and the attempt is
	// asked for again where slow endpoints wait for each other.
	MayMove bool `json:"may_move,omitempty"`
	// ChooseLane asks whether there is a place in the fast lane here: who started the delivery could not know. If there
	// is none, no attempt is made, and the result says Moved and to where.
	ChooseLane bool `json:"choose_lane,omitempty"`
	// LaneReason is why the attempt is queued, in plain words; empty in the fast lane.
	LaneReason string `json:"lane_reason,omitempty"`
	// Waited says that the delivery was kept waiting for its turn, see AttemptResult.Waits.
	Waited bool `json:"waited,omitempty"`
}

// AttemptResult is what the attempt activity tells the workflow, for it to follow.
type AttemptResult struct {
	Number         int     `json:"number"`            // 1, 2, … within the delivery
	Outcome        Outcome `json:"outcome,omitempty"` // empty when nothing was sent
	StatusCode     *int    `json:"status_code,omitempty"`
	ResponseTimeMS int     `json:"response_time_ms"`
	Error          string  `json:"error,omitempty"` // in plain words, without addresses
	Status         Status  `json:"status"`          // where the delivery stands now
	// NextGap is how long to wait before the next attempt; only with StatusWaiting.
	NextGap *time.Duration `json:"next_gap,omitempty"`
	// Unrecorded is set when the POST was made but Postgres could not be reached to record it. The workflow
	// hands it to the record activity, which is retried until it holds.
	Unrecorded *Unrecorded `json:"unrecorded,omitempty"`
	// Moved is that no attempt was made, see AttemptRequest.MayMove and ChooseLane.
	Moved bool `json:"moved,omitempty"`
	// Quick is, with Moved, that the attempt is to be queued beside those of quick endpoints, and not of slow ones.
	Quick bool `json:"quick,omitempty"`
	// LaneReason is, with Moved, why there is no place in the fast lane, in plain words.
	LaneReason string `json:"lane_reason,omitempty"`
	// Waits is that no attempt was made, since the webhook's rate limit does not allow for it yet. The workflow is
	// signalled when it is its turn and asks again.
	Waits bool `json:"waits,omitempty"`
}

// Unrecorded is the rest of an attempt that is still to be recorded. What the endpoint was sent and answered is
// left out: it may hold personal data, which does not belong in Temporal's history.
type Unrecorded struct {
	WebhookID string    `json:"webhook_id"`
	RunID     string    `json:"run_id"`
	Sequence  int       `json:"sequence"`
	Trigger   Trigger   `json:"trigger"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	Timing    *Timing   `json:"timing,omitempty"`

	Lane       *string `json:"lane,omitempty"`
	LaneReason *string `json:"lane_reason,omitempty"`
}

// RecordRequest asks the record activity to write down an attempt that the attempt activity could not.
type RecordRequest struct {
	DeliveryID string        `json:"delivery_id"`
	Result     AttemptResult `json:"result"`
}

// EndRequest asks the end activity to write down that a delivery ended without another attempt.
type EndRequest struct {
	DeliveryID string `json:"delivery_id"`
	Status     Status `json:"status"`
}

// DiscardRequest asks for the end of what a disabled or deleted webhook has waiting.
type DiscardRequest struct {
	WebhookID string `json:"webhook_id"`
}

// RetryRequest is the payload of the retry signal. The zero value, as sent by hand from the Temporal Web
// UI, asks for an attempt now.
type RetryRequest struct {
	// AfterAttempt is the number of the last attempt that the sender knew of. An attempt with a higher
	// number answers the request, so that two requests made at once are one attempt.
	AfterAttempt int `json:"after_attempt,omitempty"`
}
