package receiver

import (
	"crypto/sha256"
	"sync"
	"time"
)

// seen remembers the webhook-ids that came last. It is safe for concurrent use.
type seen struct {
	mu    sync.Mutex
	first map[key]time.Time
	order []key // a ring: the oldest is at next once it is full
	next  int
}

// key stands for a webhook-id. Strangers choose how long those are, so they aren't kept as they come.
type key [sha256.Size]byte

func newSeen(size int) *seen {
	return &seen{first: make(map[key]time.Time), order: make([]key, 0, size)}
}

// mark remembers that id came at a time and returns when it came first, or the zero time if it is new. The
// oldest ID makes room for a new one.
func (s *seen) mark(id string, at time.Time) time.Time {
	k := key(sha256.Sum256([]byte(id)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.first[k]; ok {
		return first
	}
	s.first[k] = at
	if len(s.order) < cap(s.order) {
		s.order = append(s.order, k)
		return time.Time{}
	}
	delete(s.first, s.order[s.next])
	s.order[s.next] = k
	s.next = (s.next + 1) % len(s.order)
	return time.Time{}
}
