package activities

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/durahook/durahook/webhook"
)

// answer is how a POST ended.
type answer struct {
	outcome    webhook.Outcome
	statusCode int // 0 when no full answer came
	header     http.Header
	body       []byte // the first 16 KiB
	err        string // in plain words; empty with a full answer
	retryAfter time.Duration
	startedAt  time.Time
	endedAt    time.Time
	sent       http.Header // of the request, secrets masked; nil when none was sent
	timing     *webhook.Timing
}

func (a answer) attempt(request webhook.AttemptRequest, runID string) webhook.Attempt {
	attempt := webhook.Attempt{
		DeliveryID: request.DeliveryID, RunID: runID, Sequence: request.Sequence, Trigger: request.Trigger,
		Outcome: a.outcome, ResponseTimeMS: int(a.endedAt.Sub(a.startedAt).Milliseconds()),
		ResponseHeaders: a.header, ResponseBody: a.body, StartedAt: a.startedAt, EndedAt: a.endedAt,
		RequestHeaders: a.sent, Timing: a.timing,
	}
	if a.statusCode != 0 {
		attempt.StatusCode = &a.statusCode
	}
	if a.err != "" {
		attempt.Error = &a.err
	}
	return attempt
}

func unrecorded(attempt webhook.Attempt, webhookID string) *webhook.Unrecorded {
	return &webhook.Unrecorded{
		WebhookID: webhookID, RunID: attempt.RunID, Sequence: attempt.Sequence, Trigger: attempt.Trigger,
		Lane: attempt.Lane, LaneReason: attempt.LaneReason, StartedAt: attempt.StartedAt, EndedAt: attempt.EndedAt, Timing: attempt.Timing,
	}
}

// retryAfter reads the Retry-After header (RFC 9110, section 10.2.3: seconds or a date) of an answer that
// says "too many" or "not now". Anything else, and nonsense, is 0.
func retryAfter(response *http.Response, now time.Time) time.Duration {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := response.Header.Get("Retry-After")
	// Of what doesn't fit, ParseInt returns the nearest number that does.
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(0, seconds), int64(webhook.MaxGap/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
