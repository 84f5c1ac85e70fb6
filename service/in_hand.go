package service

import "sync"

// inHand knows which deliveries wait in this process for their start, so that the sweep, which finds them in the
// database as well, leaves them to it. It is safe for concurrent use, and the zero value is ready for it.
type inHand struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

func (h *inHand) add(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = make(map[string]struct{})
	}
	h.ids[id] = struct{}{}
}

func (h *inHand) remove(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ids, id)
}

func (h *inHand) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.ids[id]
	return ok
}
