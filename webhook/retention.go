package webhook

import "time"

// Deleted is how much was deleted because its time was over.
type Deleted struct {
	Events     int `json:"events"`
	Deliveries int `json:"deliveries"`
	Attempts   int `json:"attempts"`
}

// Add adds what else was deleted.
func (d *Deleted) Add(other Deleted) {
	d.Events += other.Events
	d.Deliveries += other.Deliveries
	d.Attempts += other.Attempts
}

// RetentionRequest asks for the deletion of events that were kept for long enough.
type RetentionRequest struct {
	// Keep is how long events are kept, such as "720h0m0s". A worker that was told to keep them for longer does.
	Keep string `json:"keep"`
	// After is the ID of the last event that was looked at; empty for the beginning.
	After string `json:"after,omitempty"`
	// Export has events exported before they are deleted. A worker that knows no place for them deletes none, and one that
	// does exports them, whatever it is asked.
	Export bool `json:"export,omitempty"`
}

// RetentionReport is what a run has deleted, and where it is to go on.
type RetentionReport struct {
	Deleted
	// Kept are events whose time is over, but not that of one of their deliveries: it is open or has just ended.
	Kept int `json:"kept"`
	// Exported are events that were written to the operator's bucket first.
	Exported int `json:"exported,omitempty"`
	// After is the ID of the last event that was looked at; empty when all were.
	After string `json:"after,omitempty"`
}

// Add adds what a further step has deleted, and goes on from there.
func (r *RetentionReport) Add(step RetentionReport) {
	r.Deleted.Add(step.Deleted)
	r.Kept += step.Kept
	r.Exported += step.Exported
	r.After = step.After
}

// RetentionInterval returns how often events are deleted that are kept for the length of keep: every hour, and more
// often where that is short.
func RetentionInterval(keep time.Duration) time.Duration {
	const shortest, longest, looks = 10 * time.Second, time.Hour, 24
	return min(max(keep/looks, shortest), longest)
}
