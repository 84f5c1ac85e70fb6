package store

import (
	"context"
	"sync"
	"time"

	"github.com/durahook/durahook/webhook"
)

// aheadFor is how old what was looked up ahead may be. Whatever this process changes counts at once; so this is how
// long a change that another process makes may take to count for deliveries that are being started at that moment.
const aheadFor = time.Second

// PrepareAhead looks up what the first attempts of new deliveries need, in one statement, because they are about to be
// made in this process: each is prepared once then. It returns at once; the attempts wait for what is being looked up
// here. If that fails, or takes too long to be of use, they look it up themselves.
func (s *Store) PrepareAhead(ctx context.Context, deliveryIDs []string) {
	entries, changes := s.ahead.announce(deliveryIDs)
	wanted := make([]preparation, len(deliveryIDs))
	for i, id := range deliveryIDs {
		wanted[i] = preparation{deliveryID: id} // no attempt of a new delivery is recorded
	}
	go func() {
		defer time.AfterFunc(aheadFor, func() { s.ahead.drop(deliveryIDs, entries) })
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aheadFor)
		defer cancel()
		rows, err := s.prepareAll(ctx, wanted)
		s.ahead.fill(entries, rows, err, changes)
	}()
}

// ahead holds what was looked up ahead, by delivery. It is safe for concurrent use, and the zero value is ready for it.
type ahead struct {
	mu      sync.Mutex
	entries map[string]*aheadEntry
	changes int // what this process has changed that may be in entries
}

type aheadEntry struct {
	ready    chan struct{} // closed when the rest is set
	at       time.Time     // when it was asked for
	changes  int
	usable   bool
	prepared Prepared
}

// announce has attempts wait for what is being looked up.
func (a *ahead) announce(deliveryIDs []string) (entries []*aheadEntry, changes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.entries == nil {
		a.entries = make(map[string]*aheadEntry)
	}
	for _, id := range deliveryIDs {
		entry := &aheadEntry{ready: make(chan struct{}), at: time.Now()}
		a.entries[id] = entry
		entries = append(entries, entry)
	}
	return entries, a.changes
}

// fill hands out what was looked up.
func (a *ahead) fill(entries []*aheadEntry, rows []preparedRow, err error, changes int) {
	for i, entry := range entries {
		if err == nil && rows[i].err == nil && rows[i].Delivery.Status == webhook.StatusPending && rows[i].Delivery.AttemptCount == 0 {
			entry.prepared, entry.changes, entry.usable = rows[i].Prepared, changes, true
		}
		close(entry.ready)
	}
}

// take returns what was looked up ahead for a delivery, once, if it still counts.
func (a *ahead) take(ctx context.Context, deliveryID string) (Prepared, bool) {
	a.mu.Lock()
	entry := a.entries[deliveryID]
	delete(a.entries, deliveryID)
	a.mu.Unlock()
	if entry == nil {
		return Prepared{}, false
	}
	select {
	case <-entry.ready:
	case <-ctx.Done():
		return Prepared{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return entry.prepared, entry.usable && entry.changes == a.changes && time.Since(entry.at) < aheadFor
}

// changed has all that was looked up ahead looked up again: this process has changed a webhook or a delivery.
func (a *ahead) changed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes++
	clear(a.entries)
}

// drop forgets what nobody came for.
func (a *ahead) drop(deliveryIDs []string, entries []*aheadEntry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, id := range deliveryIDs {
		if a.entries[id] == entries[i] {
			delete(a.entries, id)
		}
	}
}
