package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Outage measures what becomes of what is published while Temporal is down: whether it is taken, what it costs in memory,
// how fast it is delivered once Temporal is back, and whether new events wait behind it.
type Outage struct {
	Rate float64       `help:"Events a second, before, during and after the outage." default:"20"`
	For  time.Duration `help:"How long to measure before the outage, to compare with." default:"15s"`
	Down time.Duration `help:"How long Temporal stays down." default:"2m"`
}

// Setup checks the flags.
func (o *Outage) Setup() (Setup, error) {
	setup := Setup{RetrySchedule: chaosSchedule, Apart: true}
	if o.Down <= 0 || o.Down > longestLoad {
		return setup, fmt.Errorf("--down: %s is not more than 0s and at most %s", o.Down, longestLoad)
	}
	return setup, checkRate(o.Rate, o.For)
}

// Run kills Temporal, publishes meanwhile, starts it again, and goes on publishing until all has arrived.
func (o *Outage) Run(ctx context.Context, rig *Rig) (Figures, error) {
	temporal := rig.System.part("Temporal")
	if temporal == nil {
		return nil, errors.New("bench outage kills Temporal, so it takes only a system of its own: leave --server out")
	}
	s, endpoint, err := o.newStream(ctx, rig)
	if err != nil {
		return nil, err
	}
	f := &OutageFigures{Rate: o.Rate, Before: s.endpoint.latency.percentile()}
	if f.MemoryBeforeMB, err = rig.memory(ctx); err != nil {
		return nil, err
	}
	down, err := o.publishWhileDown(ctx, s, temporal)
	if err != nil {
		return nil, err
	}
	if f.MemoryAfterMB, err = rig.memory(ctx); err != nil {
		return nil, err
	}
	back := endpoint.separate()
	after, err := o.publishWhileDraining(ctx, s, endpoint, down.accepted)
	if err != nil {
		return nil, err
	}
	f.fill(down, after, endpoint, back)
	return f, nil
}

// newStream returns a stream that has been measured before the outage, and its endpoint.
func (o *Outage) newStream(ctx context.Context, rig *Rig) (*stream, *parted, error) {
	a, err := rig.newAccount(ctx)
	if err != nil {
		return nil, nil, err
	}
	endpoint := &parted{before: newArrivals(), after: newArrivals()}
	s := &stream{rig: rig, account: a, endpoint: endpoint.before}
	if s.webhook, err = rig.newWebhook(ctx, a, rig.receiver.add(endpoint)); err != nil {
		return nil, nil, err
	}
	if err := s.warmUp(ctx, 1); err != nil {
		return nil, nil, err
	}
	_, err = s.drip(ctx, o.Rate, o.For, "publishing before the outage")
	return s, endpoint, err
}

// publishWhileDown kills Temporal and publishes until it works again.
func (o *Outage) publishWhileDown(ctx context.Context, s *stream, temporal Part) (*load, error) {
	s.endpoint.reset()
	if err := temporal.Kill(); err != nil {
		return nil, fmt.Errorf("kill Temporal: %w", err)
	}
	phase := s.rig.Progress.Phase("publishing while Temporal is down", int(o.Down.Seconds()*o.Rate))
	defer phase.Done()
	ended := inBackground(ctx, s.account, o.Rate, phase.Set)
	err := errors.Join(wait(ctx, o.Down), temporal.Start(ctx))
	return ended(), err
}

// publishWhileDraining goes on publishing until what was published before has arrived, and what is published meanwhile.
func (o *Outage) publishWhileDraining(ctx context.Context, s *stream, endpoint *parted, backlog int) (*load, error) {
	const patience = time.Minute
	phase := s.rig.Progress.Phase("delivering what waited", backlog)
	defer phase.Done()
	ended := inBackground(ctx, s.account, o.Rate, func(int) {})
	err := endpoint.before.await(ctx, backlog, patience, phase.Set)
	l := ended()
	if err != nil {
		return nil, err
	}
	return l, endpoint.after.await(ctx, l.accepted, patience, func(int) {})
}

// inBackground publishes at a rate until the function is called that it returns.
func inBackground(ctx context.Context, a *account, rate float64, step func(int)) (ended func() *load) {
	publishing, stop := context.WithCancel(ctx)
	published := make(chan *load, 1)
	go func() {
		published <- openLoop(publishing, a, rate, longestLoad, func(done int, _ time.Duration) { step(done) })
	}()
	return func() *load {
		stop()
		return <-published
	}
}

// memory is what the API holds.
func (r *Rig) memory(ctx context.Context) (float64, error) {
	s, err := r.scrape(ctx)
	return megabytes(uint64(s.memory)), err
}

// parted is an endpoint that tells apart what was published before a moment and after it.
type parted struct {
	mu            sync.Mutex
	moment        time.Time // zero until it is there
	before, after *arrivals
}

// separate makes this the moment.
func (p *parted) separate() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moment = time.Now()
	return p.moment
}

// ServeHTTP answers 200.
func (p *parted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if number, due, ok := readEvent(r.Body); ok {
		p.of(due).note(arrival{path: r.URL.Path, number: number}, due, now)
	}
	w.WriteHeader(http.StatusOK)
}

func (p *parted) of(due time.Time) *arrivals {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.moment.IsZero() || due.Before(p.moment) {
		return p.before
	}
	return p.after
}
