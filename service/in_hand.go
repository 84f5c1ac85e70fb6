package service

import (
	"sync"
	"time"
)

// startedFor is how long a delivery whose workflow was started counts as in hand: where much is under way, the first
// attempt may take longer than the sweep waits for it. After that, the sweep asks Temporal.
const startedFor = time.Minute

// inHand knows which deliveries wait in this process for their start or have just been started by it, so that the
// sweep, which finds them in the database as well, leaves them alone. It is safe for concurrent use, and the zero value
// is ready for it.
type inHand struct {
	mu      sync.Mutex
	until   map[string]time.Time // zero while a delivery waits
	started []string             // the oldest first
}

func (h *inHand) add(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = make(map[string]time.Time)
	}
	h.until[id] = time.Time{}
}

// remove lets the sweep have a delivery that was not started.
func (h *inHand) remove(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, id)
}

// start notes that a delivery that was added has been started.
func (h *inHand) start(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.until[id] = now.Add(startedFor)
	h.started = append(h.started, id)
	for len(h.started) > 0 {
		oldest := h.started[0]
		if until, known := h.until[oldest]; known && (until.IsZero() || now.Before(until)) {
			return
		}
		delete(h.until, oldest)
		h.started = h.started[1:]
	}
}

func (h *inHand) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	until, known := h.until[id]
	return known && (until.IsZero() || time.Now().Before(until))
}
