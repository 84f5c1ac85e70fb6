package bench

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// lateAfter is how long after its publication a delivery that arrives is late.
const lateAfter = 5 * time.Second

// arrivals is an endpoint that answers 200 at once and notes what arrives.
type arrivals struct {
	mu         sync.Mutex
	seen       map[arrival]bool
	latency    *latencies
	moments    []time.Time // of each first arrival
	duplicates int
	late       int
}

// arrival is what one event is to one endpoint.
type arrival struct {
	path   string
	number int
}

func newArrivals() *arrivals { return &arrivals{seen: make(map[arrival]bool), latency: newLatencies()} }

// ServeHTTP notes the moment before anything else, and answers.
func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if number, due, ok := readEvent(r.Body); ok {
		a.note(arrival{path: r.URL.Path, number: number}, due, now)
	}
	w.WriteHeader(http.StatusOK)
}

func (a *arrivals) note(one arrival, due, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[one] {
		a.duplicates++
		return
	}
	a.seen[one] = true
	took := now.Sub(due)
	a.latency.record(took)
	a.moments = append(a.moments, now)
	if took > lateAfter {
		a.late++
	}
}

// count returns how many have arrived, duplicates apart.
func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.moments)
}

// reset forgets what arrived, before a new measurement.
func (a *arrivals) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen, a.latency, a.moments, a.duplicates, a.late = make(map[arrival]bool), newLatencies(), nil, 0, 0
}

// await waits until n have arrived, or nothing has for as long as patience; step is told how many there are.
func (a *arrivals) await(ctx context.Context, n int, patience time.Duration, step func(int)) error {
	return await(ctx, a.count, n, patience, step)
}

// await waits until a count has reached n, or has not risen for as long as patience; step is told how far it is. What
// is missing then is told in the figures.
func await(ctx context.Context, count func() int, n int, patience time.Duration, step func(int)) error {
	const interval = 20 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for last, since := -1, time.Now(); ; {
		now := count()
		step(now)
		if now != last {
			last, since = now, time.Now()
		}
		if now >= n || time.Since(since) > patience {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// ArrivalFigures say what arrived.
type ArrivalFigures struct {
	Deliveries    int        `json:"deliveries"` // that were asked for
	Arrived       int        `json:"arrived"`
	Missing       int        `json:"missing"`
	Duplicates    int        `json:"duplicates"`
	Late          int        `json:"late"`
	LateAfterS    float64    `json:"late_after_s"`
	Seconds       float64    `json:"first_publish_to_last_arrival_s"`
	PerSecond     float64    `json:"deliveries_per_s"`
	ArrivedBySec  []float64  `json:"arrived_in_each_s"`
	PublishToPost Percentile `json:"publish_to_post"`

	distribution []float64 // milliseconds, at each percentile from 0 to 100
}

// figures returns what arrived of n deliveries that were published from a moment on.
func (a *arrivals) figures(n int, from time.Time) ArrivalFigures {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := ArrivalFigures{
		Deliveries: n, Arrived: len(a.moments), Missing: max(n-len(a.moments), 0), Duplicates: a.duplicates,
		Late: a.late, LateAfterS: lateAfter.Seconds(), PublishToPost: a.latency.percentile(), distribution: a.latency.distribution(),
	}
	for _, at := range a.moments {
		elapsed := at.Sub(from).Seconds()
		f.Seconds = max(f.Seconds, elapsed)
		for second := max(int(elapsed), 0); len(f.ArrivedBySec) <= second; {
			f.ArrivedBySec = append(f.ArrivedBySec, 0)
		}
		f.ArrivedBySec[max(int(elapsed), 0)]++
	}
	if f.Seconds > 0 {
		f.PerSecond = float64(f.Arrived) / f.Seconds
	}
	return f
}

func (f ArrivalFigures) show(out *Text) {
	out.Field("deliveries", "%.1f/s, %d arrived in %.2f s", f.PerSecond, f.Arrived, f.Seconds)
	out.Field("publish to POST", "%s", f.PublishToPost)
	out.Warn(f.Missing > 0, "missing", "%d have not arrived", f.Missing)
	out.Warn(f.Late > 0, "late", "%d arrived more than %.0f s after they were published", f.Late, f.LateAfterS)
	out.Warn(f.Duplicates > 0, "duplicates", "%d arrived again", f.Duplicates)
}
