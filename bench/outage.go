package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Outage measures what becomes of what is published while Temporal or Postgres is down, and of what waits for its next
// attempt then: whether it is taken, what it costs in memory, how fast it is delivered once the part is back, and whether
// new events wait behind it.
type Outage struct {
	Of      string        `help:"What is down: Temporal or Postgres." enum:"Temporal,Postgres" default:"Temporal"`
	Rate    float64       `help:"Events a second, before, during and after the outage." default:"20"`
	For     time.Duration `help:"How long to measure before the outage, to compare with." default:"15s"`
	Down    time.Duration `help:"How long it stays down." default:"2m"`
	Waiting int           `help:"Deliveries that wait for their next attempt when it goes down." default:"100"`
}

// Setup checks the flags.
func (o *Outage) Setup() (Setup, error) {
	const most = 100_000
	setup := Setup{RetrySchedule: chaosSchedule, Apart: true}
	switch {
	case o.Down <= 0 || o.Down > longestLoad:
		return setup, fmt.Errorf("--down: %s is not more than 0s and at most %s", o.Down, longestLoad)
	case o.Waiting < 0 || o.Waiting > most:
		return setup, fmt.Errorf("--waiting: %d is not between 0 and %d", o.Waiting, most)
	}
	return setup, checkRate(o.Rate, o.For)
}

// Run kills the part, publishes meanwhile, starts it again, and goes on publishing until all has arrived.
func (o *Outage) Run(ctx context.Context, rig *Rig) (Figures, error) {
	part := rig.System.part(o.Of)
	if part == nil {
		return nil, fmt.Errorf("bench outage kills %s, so it takes only a system of its own: leave --server out", o.Of)
	}
	s, endpoint, err := o.newStream(ctx, rig)
	if err != nil {
		return nil, err
	}
	f := &OutageFigures{Of: o.Of, Rate: o.Rate, Waiting: o.Waiting, Before: s.endpoint.latency.percentile()}
	if f.MemoryBeforeMB, err = rig.memory(ctx); err != nil {
		return nil, err
	}
	s.endpoint.reset()
	if err := o.haveSomeWait(ctx, s, endpoint); err != nil {
		return nil, err
	}
	down, err := o.publishWhileDown(ctx, s, part)
	if err != nil {
		return nil, err
	}
	endpoint.refuses.Store(false)
	back := endpoint.separate()
	if f.MemoryAfterMB, err = rig.memory(ctx); err != nil {
		return nil, err
	}
	after, err := o.publishWhileDraining(ctx, s, endpoint, down.accepted+o.Waiting)
	if err != nil {
		return nil, err
	}
	f.fill(down, after, endpoint, back)
	return f, nil
}

// haveSomeWait has the endpoint refuse the first attempts of some deliveries, and whatever comes until the outage is over.
func (o *Outage) haveSomeWait(ctx context.Context, s *stream, endpoint *parted) error {
	const patience, beyond = time.Minute, 1_000_000 // other numbers than those of what is published meanwhile
	endpoint.refuses.Store(o.Waiting > 0)
	if err := s.account.publishMany(ctx, beyond, o.Waiting); err != nil {
		return err
	}
	return await(ctx, func() int { return int(endpoint.refused.Load()) }, o.Waiting, patience, func(int) {})
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

// publishWhileDown kills a part and publishes until it works again.
func (o *Outage) publishWhileDown(ctx context.Context, s *stream, part Part) (*load, error) {
	if err := part.Kill(); err != nil {
		return nil, fmt.Errorf("kill %s: %w", part.Name(), err)
	}
	phase := s.rig.Progress.Phase("publishing while "+part.Name()+" is down", int(o.Down.Seconds()*o.Rate))
	defer phase.Done()
	ended := inBackground(ctx, s.account, o.Rate, phase.Set)
	err := errors.Join(wait(ctx, o.Down), part.Start(ctx))
	return ended(), err
}

// publishWhileDraining goes on publishing until what was published before has arrived, and what is published meanwhile.
func (o *Outage) publishWhileDraining(ctx context.Context, s *stream, endpoint *parted, backlog int) (*load, error) {
	const patience = 3 * time.Minute // an activity that failed again and again is tried each minute
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

	refuses atomic.Bool // all that comes
	refused atomic.Int64
}

// separate makes this the moment.
func (p *parted) separate() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moment = time.Now()
	return p.moment
}

// ServeHTTP answers 200, or 503 while the endpoint refuses what comes.
func (p *parted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if p.refuses.Load() {
		p.refused.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
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
