package bench

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// badEndpoint is an endpoint that behaves as badly as real ones do.
type badEndpoint struct {
	behave   func(ctx context.Context, w http.ResponseWriter) // until ctx is done at the latest
	requests atomic.Int64
	ctx      context.Context //nolint:containedctx // ends what the endpoint would never end by itself
	release  context.CancelFunc
}

func newBadEndpoint(ctx context.Context, behave func(context.Context, http.ResponseWriter)) *badEndpoint {
	b := &badEndpoint{behave: behave}
	b.ctx, b.release = context.WithCancel(ctx)
	return b
}

// ServeHTTP reads the request and misbehaves.
func (b *badEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	b.behave(ctx, w)
}

// count returns how many requests have come so far.
func (b *badEndpoint) count() int { return int(b.requests.Load()) }

// neverAnswers accepts a request and says nothing.
func neverAnswers(ctx context.Context, _ http.ResponseWriter) { <-ctx.Done() }

// answersSlowly says 200 after two seconds.
func answersSlowly(ctx context.Context, w http.ResponseWriter) {
	const delay = 2 * time.Second
	select {
	case <-ctx.Done():
	case <-time.After(delay):
		w.WriteHeader(http.StatusOK)
	}
}

// fails says 500 at once.
func fails(_ context.Context, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }

// trickles says 200 at once, and then a byte a second without end.
func trickles(ctx context.Context, w http.ResponseWriter) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	control := http.NewResponseController(w)
	for {
		if _, err := w.Write([]byte(".")); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
