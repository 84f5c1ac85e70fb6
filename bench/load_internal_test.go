package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeAPI accepts events as answer says; number is that of the request.
func fakeAPI(t *testing.T, answer func(number int, w http.ResponseWriter, r *http.Request)) *account {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(int(requests.Add(1)), w, r)
	}))
	t.Cleanup(server.Close)
	rig := &Rig{System: System{Server: server.URL}, http: newHTTPClient()}
	api, err := rig.client("key", "")
	require.NoError(t, err)
	return &account{api: api}
}

func accept(w http.ResponseWriter) {
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`{"id":"evt_1","deliveries":[{"id":"dlv_1","webhook_id":"whk_1"}]}`))
}

func TestClosedLoopPublishesAsManyAsAsked(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := make(map[int]int)
	a := fakeAPI(t, func(number int, w http.ResponseWriter, r *http.Request) {
		event, _, ok := readEvent(r.Body)
		if !ok {
			t.Error("that is no event")
		}
		mu.Lock()
		seen[event]++
		mu.Unlock()
		if number == 5 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		accept(w)
	})
	l := closedLoop(t.Context(), a, 4, bounds{events: 50}, func(int, time.Duration) {})
	require.Len(t, seen, 50, "each once")
	f := l.figures()
	require.Equal(t, 49, f.Accepted)
	require.Equal(t, map[string]int{"429": 1}, f.Refused)
	require.EqualValues(t, 49, f.Answered.Count)
	require.Len(t, l.deliveries, 49)
}

// A server that hesitates changes nothing about when events are due: all of them are on their way, and the time
// that they waited is in what was measured.
func TestOpenLoopDoesNotWaitForAnswers(t *testing.T) {
	t.Parallel()
	const events, rate = 20, 200
	all := make(chan struct{})
	var due []time.Time
	var mu sync.Mutex
	a := fakeAPI(t, func(number int, w http.ResponseWriter, r *http.Request) {
		_, at, _ := readEvent(r.Body)
		mu.Lock()
		due = append(due, at)
		mu.Unlock()
		if number == events {
			close(all)
		}
		select {
		case <-all: // nobody gets an answer before everybody has asked
			accept(w)
		case <-r.Context().Done():
		}
	})
	l := openLoop(t.Context(), a, rate, events*time.Second/rate, func(int, time.Duration) {})
	require.Equal(t, events, l.figures().Accepted)
	for _, at := range due {
		since := at.Sub(l.began)
		require.Zero(t, since%(time.Second/rate), "on the beat")
		require.Less(t, since, events*time.Second/rate)
	}
	require.GreaterOrEqual(t, l.figures().Answered.Max, 90.0, "the first waited for the last")
}

func TestLoadsEndWhenTheyAreToldTo(t *testing.T) {
	t.Parallel()
	for name, loop := range map[string]func(ctx context.Context, a *account, step func(int, time.Duration)) *load{
		"closed": func(ctx context.Context, a *account, step func(int, time.Duration)) *load {
			return closedLoop(ctx, a, 1, bounds{time: longestLoad}, step)
		},
		"open": func(ctx context.Context, a *account, step func(int, time.Duration)) *load {
			return openLoop(ctx, a, 1000, longestLoad, step)
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a := fakeAPI(t, func(_ int, w http.ResponseWriter, _ *http.Request) { accept(w) })
		l := loop(ctx, a, func(done int, _ time.Duration) {
			if done == 3 {
				cancel()
			}
		})
		require.Less(t, l.accepted, 5, name)
	}
}

func TestFlagsOutOfBounds(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]Benchmark{
		"--publishers: 0":        &Throughput{For: time.Second},
		"--for: 1h0m0s":          &Throughput{Publishers: 1, For: time.Hour},
		"--for and --count":      &Throughput{Publishers: 1},
		"--rate: 0":              &Latency{For: time.Second},
		"--beside: \"sleepy\"":   &Isolation{Rate: 1, BadRate: 1, For: time.Second, Waiting: 1, Beside: []string{"sleepy"}},
		"--webhooks: 2001":       &FanOut{Webhooks: 2001},
		"--rounds: 0":            &Floor{Concurrency: 1},
		"--deliveries: 0":        &Recovery{},
		"--deliveries: 10000000": &Console{Deliveries: 10_000_000},
	} {
		_, err := b.Setup()
		require.ErrorContains(t, err, want)
	}
}
