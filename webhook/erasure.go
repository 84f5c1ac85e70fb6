package webhook

import (
	"fmt"
	"time"
)

// ErasureDefinition says whose data are to be erased.
type ErasureDefinition struct {
	Input
	Match  string `json:"match"`   // a value in the data of events, or the ID of an event or delivery
	DryRun bool   `json:"dry_run"` // count only
}

// Check returns an invalid error that names everything wrong with the definition.
func (d ErasureDefinition) Check() error {
	fields := d.Wrong()
	switch {
	case d.Match == "":
		fields.Add("/match", "is missing; name a value in the data of events, such as a phone number, or the ID of an event")
	case len(d.Match) > MaxSearch:
		fields.Add("/match", fmt.Sprintf("must have at most %d bytes", MaxSearch))
	}
	return fields.Err()
}

// Erased is how much was erased.
type Erased struct {
	Events     int `db:"events"`
	Deliveries int `db:"deliveries"`
	Attempts   int `db:"attempts"`
	Discarded  int `db:"discarded"` // of the deliveries, those that were open and end as discarded
}

// Add adds what else was erased.
func (e *Erased) Add(other Erased) {
	e.Events += other.Events
	e.Deliveries += other.Deliveries
	e.Attempts += other.Attempts
	e.Discarded += other.Discarded
}

// Erasure is the record of an erasure: never of what was erased.
type Erasure struct {
	ID        string `db:"id"` // empty for one that only counted
	AccountID string `db:"account_id"`
	// MatchedHash is a keyed hash of the value: who has the encryption key and the value can tell that it was this one.
	MatchedHash []byte `db:"matched_hash"`
	Erased
	Left      int       `db:"events_left"` // events that a second search found
	ErasedBy  string    `db:"erased_by"`   // the API key's ID, or "admin"
	CreatedAt time.Time `db:"created_at"`
}

// Name returns who a principal is, for a record that outlives its key.
func (p Principal) Name() string {
	if p.Admin {
		return "admin"
	}
	return p.KeyID
}

// ErasedConflict is the error for whoever wants an event sent whose data were erased.
func ErasedConflict(at time.Time) error {
	return &Error{Code: CodeConflict, Message: "The data of this event were erased on " + at.UTC().Format("2006-01-02") + "; there is nothing to send."}
}
