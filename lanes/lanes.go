// Package lanes decides which lane a delivery's first attempt takes. In the fast lane it runs inside the
// workflow task that starts the delivery; in the queued lane it is an activity on a task queue of its own.
// A webhook with many requests in flight leaves the fast lane to the others. It imports nothing of ours.
package lanes

import "sync"

// Lane is where a delivery's first attempt runs.
type Lane string

// The lanes.
const (
	Fast   Lane = "fast"
	Queued Lane = "queued"
)

// maxInFlight is how many requests a webhook may have in flight in this process before its deliveries
// take the queued lane.
const maxInFlight = 16

// Tracker counts the requests in flight of each webhook in this process. The zero value is ready to use.
type Tracker struct {
	mu       sync.Mutex
	inFlight map[string]int
}

// Choose returns the lane for the webhook's next delivery.
func (t *Tracker) Choose(webhookID string) Lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inFlight[webhookID] >= maxInFlight {
		return Queued
	}
	return Fast
}

// Begin notes that a request to the webhook is in flight; call the returned function when it is over.
func (t *Tracker) Begin(webhookID string) (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inFlight == nil {
		t.inFlight = make(map[string]int)
	}
	t.inFlight[webhookID]++
	return func() { t.end(webhookID) }
}

func (t *Tracker) end(webhookID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight[webhookID]--
	if t.inFlight[webhookID] == 0 {
		delete(t.inFlight, webhookID)
	}
}
