package activities_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

func TestAttemptsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	request := scheduled("dlv_1", 1)

	s.prepared.Webhook.RateLimit = 5
	result, err := h.attempt(request)
	require.NoError(t, err)
	require.Equal(t, webhook.AttemptResult{Status: webhook.StatusPending, Waits: true}, result)
	require.Empty(t, e.received())
	require.Empty(t, s.recordings)
	require.Equal(t, 1, s.turnsAsked)

	// What was kept waiting takes its turn, also when there is no limit any more: it is not to be told once more.
	s.prepared.Webhook.RateLimit = 0
	s.turn = store.Turn{Taken: true, In: time.Millisecond}
	request.Waited = true
	result, err = h.attempt(request)
	require.NoError(t, err)
	require.Equal(t, webhook.StatusDelivered, result.Status)
	require.Equal(t, 2, s.turnsAsked)
}

func TestAttemptsThatNeedNoTurn(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	for _, change := range []func(){
		func() {}, // no limit, no question
		func() { s.prepared.Webhook.RateLimit, s.prepared.Delivery.Test = 5, true },
		func() { s.prepared.Delivery.Test, s.prepared.Webhook.Enabled = false, false },
	} {
		change()
		_, err := h.attempt(scheduled("dlv_1", 1))
		require.NoError(t, err)
	}
	require.Zero(t, s.turnsAsked)
	require.Len(t, e.received(), 2)
}

// turnQueue is a store in which deliveries wait, one turn each time that somebody looks.
type turnQueue struct {
	mu      sync.Mutex
	waiting []string
	looks   []time.Duration // since the start
	start   time.Time
	dropped []string
	told    []string
}

func (q *turnQueue) GiveTurns(context.Context) ([]string, bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.looks = append(q.looks, time.Since(q.start))
	if len(q.waiting) == 0 {
		return nil, false, nil
	}
	given := q.waiting[:1]
	q.waiting = q.waiting[1:]
	return given, true, nil
}

func (q *turnQueue) DropTurn(_ context.Context, deliveryID string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped = append(q.dropped, deliveryID)
	return nil
}

func (q *turnQueue) signal(_ context.Context, deliveryID string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if deliveryID == "dlv_ended" {
		return serviceerror.NewNotFound("no such workflow")
	}
	q.told = append(q.told, deliveryID)
	return nil
}

// While deliveries wait, their turns are given in short steps; while none does, it is hardly looked, unless one begins
// to wait in this process.
func TestTurnsAreGiven(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &turnQueue{start: time.Now()}
		turns := activities.NewTurns(q, q.signal, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- turns.Run(ctx) }()
		synctest.Wait()
		<-time.After(3 * time.Second)
		q.mu.Lock()
		q.waiting = []string{"dlv_1", "dlv_ended", "dlv_2"}
		q.mu.Unlock()
		turns.Wake()
		turns.Wake()
		<-time.After(time.Minute)
		stop()
		require.NoError(t, <-done)
		require.Equal(t, []string{"dlv_1", "dlv_2"}, q.told)
		require.Equal(t, []string{"dlv_ended"}, q.dropped)
		step := 200 * time.Millisecond
		begun := 3 * time.Second
		require.Equal(t, []time.Duration{0, begun, begun + step, begun + 2*step, begun + 3*step}, q.looks[:5])
		require.LessOrEqual(t, len(q.looks), 12, "it looks each 10 s after that, and once because it was told twice")
	})
}
