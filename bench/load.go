package bench

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// bounds say when a load is over: after a time, or after so many events; 0 is no bound.
type bounds struct {
	time   time.Duration
	events int
}

// load is what publishers did.
type load struct {
	mu         sync.Mutex
	began      time.Time // of the first publication
	ended      time.Time
	taken      time.Time // when the first was accepted; zero if none was
	answered   *latencies
	accepted   int
	refused    map[string]int // by status code, and whether one that may be repeated says when
	deliveries []string       // IDs
}

func newLoad() *load { return &load{answered: newLatencies(), refused: make(map[string]int)} }

// note writes down one answer, or that there was none.
func (l *load) note(got published, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = time.Now()
	switch {
	case err != nil:
		l.refused["no answer"]++
	case got.status == http.StatusServiceUnavailable && !got.saysWhen():
		l.refused["503 without Retry-After"]++
	case got.status != http.StatusAccepted:
		l.refused[strconv.Itoa(got.status)]++
	default:
		if l.accepted++; l.accepted == 1 {
			l.taken = l.ended
		}
		l.answered.record(took)
		if got.deliveryID != "" {
			l.deliveries = append(l.deliveries, got.deliveryID)
		}
	}
}

// closedLoop has so many publishers publish, each the next event as soon as the one before was answered.
func closedLoop(ctx context.Context, a *account, publishers int, until bounds, step func(done int, elapsed time.Duration)) *load {
	l := newLoad()
	l.began = time.Now()
	var number atomic.Int64
	var working sync.WaitGroup
	for range publishers {
		working.Go(func() {
			for ctx.Err() == nil {
				n, now := int(number.Add(1)), time.Now()
				if until.events > 0 && n > until.events || until.time > 0 && now.Sub(l.began) >= until.time {
					return
				}
				got, err := a.publish(ctx, event(n, now))
				l.note(got, time.Since(now), err)
				step(n, time.Since(l.began))
			}
		})
	}
	working.Wait()
	return l
}

// openLoop publishes events at a rate, each at its time whatever became of those before, so that a system that
// hesitates delays what it answers and not what it is asked. An event holds the moment that it was due.
func openLoop(ctx context.Context, a *account, rate float64, during time.Duration, step func(done int, elapsed time.Duration)) *load {
	l := newLoad()
	l.began = time.Now()
	total := int(during.Seconds() * rate)
	var working sync.WaitGroup
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := range total {
		due := l.began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		if ctx.Err() != nil {
			break
		}
		working.Go(func() {
			got, err := a.publish(ctx, event(n+1, due))
			l.note(got, time.Since(due), err)
		})
		step(n+1, time.Since(l.began))
	}
	working.Wait()
	return l
}

// LoadFigures say what publishers did.
type LoadFigures struct {
	Accepted  int            `json:"events_accepted"`
	Refused   map[string]int `json:"events_refused,omitempty"` // by status code, and whether a 503 has no Retry-After
	Seconds   float64        `json:"publishing_s"`
	PerSecond float64        `json:"accepted_per_s"`
	Answered  Percentile     `json:"publish_answered"`
}

func (l *load) figures() LoadFigures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := LoadFigures{Accepted: l.accepted, Seconds: l.ended.Sub(l.began).Seconds(), Answered: l.answered.percentile()}
	if len(l.refused) > 0 {
		f.Refused = l.refused
	}
	if f.Seconds > 0 {
		f.PerSecond = float64(f.Accepted) / f.Seconds
	}
	return f
}

func (f LoadFigures) show(out *Text) {
	out.Field("accepted", "%.1f/s, %d in %.2f s", f.PerSecond, f.Accepted, f.Seconds)
	out.Field("publish answered", "%s", f.Answered)
	for _, status := range sortedKeys(f.Refused) {
		out.Warn(true, "not accepted", "%d × %s", f.Refused[status], status)
	}
}
