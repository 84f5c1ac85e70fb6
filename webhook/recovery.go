package webhook

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Recovery retries the deliveries of a webhook that did not arrive, one after the other, after its endpoint
// was down. Its ID is also its workflow's.
type Recovery struct {
	ID        string
	AccountID string
	WebhookID string
	// WebhookName is known where the workflow is started.
	WebhookName string

	Since     time.Time // deliveries made from here on
	Until     time.Time // and before this
	Statuses  []Status  // that had one of these when the recovery was asked for
	Status    RecoveryStatus
	Reason    string // why it failed, in plain words
	Matched   int    // deliveries to retry; 0 until they are counted
	Retried   int    // of them, those that a retry was asked for
	Skipped   int    // of them, those that were retried by others or had arrived when their turn came
	CreatedAt time.Time
	UpdatedAt time.Time
}

// RecoveryStatus is where a recovery stands.
type RecoveryStatus string

// The statuses of a recovery. Of each webhook, one can be running.
const (
	RecoveryRunning   RecoveryStatus = "running"
	RecoveryCompleted RecoveryStatus = "completed" // a retry of everything was asked for
	RecoveryFailed    RecoveryStatus = "failed"    // it could not go on
	RecoveryCancelled RecoveryStatus = "cancelled" // somebody cancelled it
)

// RecoverableStatuses returns the statuses of deliveries that a recovery can retry. The others need none: what
// is pending is about to be attempted, and what is delivered has arrived.
func RecoverableStatuses() []Status {
	return []Status{StatusExhausted, StatusCancelled, StatusDiscarded, StatusWaiting}
}

// RecoveryDefinition is what a client says of a recovery when it asks for one.
type RecoveryDefinition struct {
	Input
	Since  string   `json:"since"`  // RFC 3339
	Until  string   `json:"until"`  // RFC 3339; empty for now
	Status []Status `json:"status"` // of the deliveries to retry; those that are exhausted if it is left out
}

// DefineRecovery checks a definition and returns a new recovery of a webhook of the account. Everything wrong
// with the definition comes back in one [Error].
func DefineRecovery(accountID, webhookID string, d RecoveryDefinition, now time.Time) (Recovery, error) {
	fields := d.Wrong()
	until := now.UTC()
	since, sinceKnown := checkPast(&fields, "/since", d.Since, now)
	if d.Since == "" {
		fields.Add("/since", `is missing; say from when on deliveries are retried, such as "2025-02-02T14:30:00Z"`)
	}
	if d.Until != "" {
		if at, ok := checkPast(&fields, "/until", d.Until, now); ok {
			until = at
		}
	}
	since, until = since.Truncate(time.Microsecond), until.Truncate(time.Microsecond) // as Postgres keeps them
	if sinceKnown && !since.Before(until) {
		fields.Add("/since", "must be before until, which is now when it is left out")
	}
	checkRecoverable(&fields, d.Status)
	if err := fields.Err(); err != nil {
		return Recovery{}, err
	}
	if d.Status == nil {
		d.Status = []Status{StatusExhausted}
	}
	return Recovery{
		ID: NewID(RecoveryPrefix), AccountID: accountID, WebhookID: webhookID, Since: since, Until: until,
		Statuses: d.Status, Status: RecoveryRunning,
	}, nil
}

// checkPast reads a time that is not in the future; ok is false when there is none to be read.
func checkPast(fields *Fields, pointer, text string, now time.Time) (at time.Time, ok bool) {
	if text == "" {
		return time.Time{}, false
	}
	at, ok = ParseTime(text)
	switch {
	case !ok:
		fields.Add(pointer, `is not a time; use RFC 3339, such as "2025-02-02T14:30:00Z"`)
	case at.Year() < 1:
		fields.Add(pointer, "must be in the years from 1 on (UTC)")
		return at, false
	case at.After(now):
		fields.Add(pointer, "is in the future; only what was published by now can be retried")
	}
	return at, ok
}

func checkRecoverable(fields *Fields, statuses []Status) {
	const pointer = "/status"
	allowed := RecoverableStatuses()
	names := make([]string, len(allowed))
	for i, status := range allowed {
		names[i] = string(status)
	}
	known := strings.Join(names, ", ")
	if statuses != nil && len(statuses) == 0 {
		fields.Add(pointer, "is empty; name at least one of "+known+", or leave it out for exhausted")
	}
	for i, status := range statuses {
		at := fmt.Sprintf("%s/%d", pointer, i)
		switch {
		case i >= len(allowed):
			fields.Add(pointer, fmt.Sprintf("has more than %d entries", len(allowed)))
			return
		case !slices.Contains(allowed, status):
			fields.Add(at, "is not a status of deliveries that can be retried; use some of "+known)
		case slices.Contains(statuses[:i], status):
			fields.Add(at, "is there twice")
		}
	}
}

// RecoveryRequest names the recovery that an activity is to work on.
type RecoveryRequest struct {
	RecoveryID string `json:"recovery_id"`
	// Most is how many deliveries a batch retries at most.
	Most int `json:"most,omitempty"`
}

// RecoveryProgress is how far a recovery has come.
type RecoveryProgress struct {
	Status  RecoveryStatus `json:"status"`
	Reason  string         `json:"reason,omitempty"` // why it failed
	Matched int            `json:"matched"`
	Retried int            `json:"retried"`
	Skipped int            `json:"skipped"`
}

// Progress returns how far the recovery has come.
func (r Recovery) Progress() RecoveryProgress {
	return RecoveryProgress{Status: r.Status, Reason: r.Reason, Matched: r.Matched, Retried: r.Retried, Skipped: r.Skipped}
}
