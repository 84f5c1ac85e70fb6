package webhook

import (
	"fmt"
	"strings"
	"time"
)

// Cause is what disabled a webhook.
type Cause string

// The causes.
const (
	CauseOwner   Cause = "owner"   // its account did
	CauseGone    Cause = "gone"    // its endpoint answered 410 Gone
	CauseFailing Cause = "failing" // no attempt succeeded for too long
)

// LastFailure is how the last attempt of a webhook failed.
type LastFailure struct {
	Outcome    Outcome `json:"outcome" db:"outcome"`
	StatusCode *int    `json:"status_code" db:"status_code"`
	Error      *string `json:"error" db:"error"` // in plain words, where there was no answer
}

// String says it in a few words: "server_error, 503".
func (f LastFailure) String() string {
	switch {
	case f.StatusCode != nil:
		return fmt.Sprintf("%s, %d", f.Outcome, *f.StatusCode)
	case f.Error != nil:
		return fmt.Sprintf("%s, %s", f.Outcome, strings.TrimSuffix(*f.Error, "."))
	default:
		return string(f.Outcome)
	}
}

// Failing is a webhook of which no attempt has succeeded for some time, up to the last one.
type Failing struct {
	Webhook Webhook // without its secrets
	Since   time.Time
	Last    time.Time // when the last attempt began
	LastFailure
	Warned bool // that it is going to be disabled was told already
}

// DisableReason says in plain words why a webhook is disabled that failed for so long.
func (f Failing) DisableReason() string {
	return fmt.Sprintf("No attempt has succeeded since %s, for %s; the last one ended as %s.",
		f.Since.UTC().Format("2006-01-02 15:04 MST"), roughly(f.Last.Sub(f.Since)), f.LastFailure)
}

// Due is what becomes of a webhook that fails.
type Due int

// What becomes of it.
const (
	DueNothing Due = iota
	DueWarning
	DueDisabling
)

// Due returns what becomes of a webhook that is disabled when it fails for the length of after; that is warned
// of halfway, once. What counts is the last attempt: a webhook that nothing is sent to doesn't fail.
func (f Failing) Due(after time.Duration) Due {
	const halfway = 2
	lasted := f.Last.Sub(f.Since)
	switch {
	case lasted >= after:
		return DueDisabling
	case lasted >= after/halfway && !f.Warned:
		return DueWarning
	default:
		return DueNothing
	}
}

// roughly writes a duration in its largest unit: "5 days", "1 hour".
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		switch n := int(d / unit.size); {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than a second"
}

// HealthRequest asks for a look at all webhooks.
type HealthRequest struct {
	// DisableAfter is how long a webhook may fail, such as "120h0m0s".
	DisableAfter string `json:"disable_after"`
}

// HealthReport is what a look at all webhooks brought about.
type HealthReport struct {
	Failing  int `json:"failing"`  // webhooks that fail, up to their last attempt
	Warned   int `json:"warned"`   // of them, those of which it was now told that they are going to be disabled
	Disabled int `json:"disabled"` // of them, those that were disabled now
}

// HealthInterval returns how often to look when webhooks are disabled that fail for the length of after: every five
// minutes, and more often where that is short. After is 0 where they never are.
func HealthInterval(after time.Duration) time.Duration {
	const shortest, longest, looks = time.Second, 5 * time.Minute, 100
	if after == 0 {
		return longest
	}
	return min(max(after/looks, shortest), longest)
}

// Missed is what a webhook missed when it was last disabled: deliveries that have ended without having arrived
// since it failed or was disabled. A recovery of these statuses since then retries them.
type Missed struct {
	Deliveries int // counted up to [MostMissed]
	Since      time.Time
	Statuses   []Status
}

// MostMissed is how many missed deliveries are counted.
const MostMissed = 100_000

// MissedStatuses returns the statuses of deliveries that a webhook missed.
func MissedStatuses() []Status { return []Status{StatusExhausted, StatusDiscarded} }
