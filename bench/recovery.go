package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/durahook/durahook/api/types"
)

// Recovery measures how an endpoint that was down gets what it missed: many exhausted deliveries are recovered while
// new events come in for it, which must not wait behind them.
type Recovery struct {
	Deliveries int           `help:"How many exhausted deliveries to recover." default:"300"`
	Rate       float64       `help:"New events a second." default:"10"`
	For        time.Duration `help:"How long to measure new events before the recovery, to compare with." default:"10s"`
}

// Setup checks the flags. With one attempt, deliveries to an endpoint that fails are exhausted at once.
func (r *Recovery) Setup() (Setup, error) {
	const mostDeliveries = 100_000
	setup := Setup{RetrySchedule: "0s"}
	if r.Deliveries < 1 || r.Deliveries > mostDeliveries {
		return setup, fmt.Errorf("--deliveries: %d is not between 1 and %d", r.Deliveries, mostDeliveries)
	}
	return setup, checkRate(r.Rate, r.For)
}

// Run has deliveries exhausted, brings the endpoint up, and recovers them.
func (r *Recovery) Run(ctx context.Context, rig *Rig) (Figures, error) {
	a, err := rig.newAccount(ctx)
	if err != nil {
		return nil, err
	}
	endpoint := newOutage()
	s := &stream{rig: rig, account: a, endpoint: endpoint.fresh}
	if s.webhook, err = rig.newWebhook(ctx, a, rig.receiver.add(endpoint)); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := r.exhaust(ctx, s, endpoint); err != nil {
		return nil, err
	}
	if err := s.warmUp(ctx, 1); err != nil {
		return nil, err
	}
	if _, err := s.drip(ctx, r.Rate, r.For, "new events before the recovery"); err != nil {
		return nil, err
	}
	f := RecoveryFigures{Deliveries: r.Deliveries, Rate: r.Rate, Before: s.endpoint.latency.percentile()}
	asked, err := r.recover(ctx, s, endpoint, began)
	if err != nil {
		return nil, err
	}
	f.fill(endpoint.missed.figures(r.Deliveries, asked), s.endpoint.latency.percentile())
	return f, nil
}

// exhaust publishes while the endpoint is down until all deliveries have been given up, and brings it up.
func (r *Recovery) exhaust(ctx context.Context, s *stream, endpoint *outage) error {
	const patience = 30 * time.Second
	phase := s.rig.Progress.Phase("having deliveries exhausted", r.Deliveries)
	defer phase.Done()
	if err := s.account.publishMany(ctx, 1, r.Deliveries); err != nil {
		return err
	}
	if err := await(ctx, endpoint.count, r.Deliveries, patience, phase.Set); err != nil {
		return err
	}
	if err := s.account.awaitClosed(ctx, patience); err != nil {
		return fmt.Errorf("have deliveries exhausted, for which durahook needs --retry-schedule 0s: %w", err)
	}
	endpoint.bringUp()
	return nil
}

// recover recovers what was missed since a moment, while new events come in. It returns when it asked.
func (r *Recovery) recover(ctx context.Context, s *stream, endpoint *outage, since time.Time) (asked time.Time, err error) {
	const patience = 30 * time.Second
	s.endpoint.reset()
	ended := inBackground(ctx, s.account, r.Rate, func(int) {})
	asked = time.Now()
	if _, err := answer(s.account.api.RecoverWebhook(ctx, s.webhook, types.RecoveryDefinition{Since: since})); err != nil {
		ended()
		return asked, fmt.Errorf("recover the webhook: %w", err)
	}
	phase := s.rig.Progress.Phase("recovering", r.Deliveries)
	defer phase.Done()
	err = endpoint.missed.await(ctx, r.Deliveries, patience, phase.Set)
	l := ended()
	if err != nil {
		return asked, err
	}
	return asked, s.endpoint.await(ctx, l.accepted, patience, func(int) {})
}

// outage is an endpoint that is down until it is brought up. What it refused meanwhile is told apart from what is new.
type outage struct {
	mu      sync.Mutex
	up      bool
	refused map[string]bool // IDs of events
	missed  *arrivals
	fresh   *arrivals
}

func newOutage() *outage {
	return &outage{refused: make(map[string]bool), missed: newArrivals(), fresh: newArrivals()}
}

// ServeHTTP answers 503 while the endpoint is down.
func (o *outage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch up, missed := o.admit(r.Header.Get("webhook-id")); {
	case !up:
		w.WriteHeader(http.StatusServiceUnavailable)
	case missed:
		o.missed.ServeHTTP(w, r)
	default:
		o.fresh.ServeHTTP(w, r)
	}
}

// admit reports whether the endpoint is up, and whether it refused this event while it wasn't.
func (o *outage) admit(id string) (up, missed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.up {
		o.refused[id] = true
	}
	return o.up, o.refused[id]
}

func (o *outage) bringUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.up = true
}

// count returns how many events were refused.
func (o *outage) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.refused)
}

// RecoveryFigures are what came out.
type RecoveryFigures struct {
	Deliveries int        `json:"deliveries"`
	Arrived    int        `json:"arrived"`
	Duplicates int        `json:"duplicates"`
	Seconds    float64    `json:"recovery_s"` // from the request to the last arrival
	PerSecond  float64    `json:"recovered_per_s"`
	BySecond   []float64  `json:"recovered_in_each_s"`
	Rate       float64    `json:"new_events_rate_per_s"`
	Before     Percentile `json:"new_publish_to_post_before"`
	During     Percentile `json:"new_publish_to_post_during"`
	P99Ratio   float64    `json:"new_p99_ratio_during_to_before"`
}

func (f *RecoveryFigures) fill(missed ArrivalFigures, during Percentile) {
	f.Arrived, f.Duplicates, f.Seconds = missed.Arrived, missed.Duplicates, missed.Seconds
	f.PerSecond, f.BySecond, f.During = missed.PerSecond, missed.ArrivedBySec, during
	f.P99Ratio = ratio(during.P99, f.Before.P99)
}

// Show writes the figures for people.
func (f RecoveryFigures) Show(out *Text) {
	out.Field("recovered", "%d of %d deliveries in %.1f s, %.1f/s", f.Arrived, f.Deliveries, f.Seconds, f.PerSecond)
	out.Warn(f.Arrived < f.Deliveries, "missing", "%d have not arrived", f.Deliveries-f.Arrived)
	out.Warn(f.Duplicates > 0, "duplicates", "%d arrived again", f.Duplicates)
	out.Plot("recovered in each second", f.BySecond)
	out.Section(fmt.Sprintf("publish to POST of new events for the same webhook, %g/s", f.Rate))
	out.Field("before", "%s", f.Before)
	out.Field("during", "%s", f.During)
	out.Field("p99 ratio", "%.2f", f.P99Ratio)
}
