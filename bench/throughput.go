package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Throughput measures how many deliveries a second durahook makes.
type Throughput struct {
	Publishers int           `help:"Publishers, each of which publishes its next event as soon as the one before was answered." default:"32"`
	For        time.Duration `help:"How long to publish." default:"10s"`
	Count      int           `help:"How many events to publish at most; 0 for as many as there is time for." default:"0"`
	Drain      time.Duration `help:"How long to wait while nothing arrives any more." default:"30s"`
}

// The most that a benchmark does.
const (
	mostPublishers = 1024
	longestLoad    = 10 * time.Minute
	mostEvents     = 1_000_000
	mostRounds     = 100
	warmUpEvents   = 200
	floorWorkflows = 1000
)

// Setup checks the flags.
func (t *Throughput) Setup() (Setup, error) {
	switch {
	case t.Publishers < 1 || t.Publishers > mostPublishers:
		return Setup{}, fmt.Errorf("--publishers: %d is not between 1 and %d", t.Publishers, mostPublishers)
	case t.For < 0 || t.For > longestLoad:
		return Setup{}, fmt.Errorf("--for: %s is not between 0s and %s", t.For, longestLoad)
	case t.Count < 0 || t.Count > mostEvents:
		return Setup{}, fmt.Errorf("--count: %d is not between 0 and %d", t.Count, mostEvents)
	case t.For == 0 && t.Count == 0:
		return Setup{}, errors.New("--for and --count: one of them has to say when it is over")
	}
	return Setup{}, nil
}

// ThroughputFigures are what came out.
type ThroughputFigures struct {
	Publishers int            `json:"publishers"`
	Load       LoadFigures    `json:"load"`
	Arrivals   ArrivalFigures `json:"arrivals"`
	Cost       Cost           `json:"cost"`
	Floor      float64        `json:"floor_workflows_per_s,omitempty"` // 0 without a Temporal to ask
	Share      float64        `json:"share_of_the_floor,omitempty"`
}

// Run publishes, and waits until everything has arrived. Then it looks how many bare workflows the same Temporal does.
func (t *Throughput) Run(ctx context.Context, rig *Rig) (Figures, error) {
	s, err := rig.newStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.warmUp(ctx, t.Publishers); err != nil {
		return nil, err
	}
	meter, err := rig.startMeter(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.flood(ctx, t.Publishers, bounds{time: t.For, events: t.Count}, t.Drain)
	if err != nil {
		return nil, err
	}
	f := ThroughputFigures{Publishers: t.Publishers, Load: l.figures(), Arrivals: s.endpoint.figures(l.accepted, l.began)}
	if f.Cost, err = meter.stop(ctx, l.deliveries); err != nil || rig.temporal == nil {
		return f, err
	}
	f.Floor, err = rig.floor(ctx, t.Publishers)
	f.Share = f.Arrivals.PerSecond / f.Floor
	return f, err
}

// floor returns how many bare workflows are run in a second.
func (r *Rig) floor(ctx context.Context, concurrency int) (float64, error) {
	phase := r.Progress.Phase("bare workflows, to compare", floorWorkflows)
	defer phase.Done()
	bare, err := r.newBareWorkflows()
	if err != nil {
		return 0, err
	}
	defer bare.stop()
	if _, err := bare.run(ctx, concurrency, warmUpEvents); err != nil {
		return 0, err
	}
	took, err := bare.run(ctx, concurrency, floorWorkflows)
	return floorWorkflows / took.Seconds(), err
}

// Show writes the figures for people.
func (f ThroughputFigures) Show(out *Text) {
	out.Field("publishers", "%d", f.Publishers)
	f.Load.show(out)
	f.Arrivals.show(out)
	if f.Floor > 0 {
		out.Field("floor", "%.1f bare workflows/s, of which that is %.2f", f.Floor, f.Share)
	}
	out.Plot("deliveries that arrived in each second", f.Arrivals.ArrivedBySec)
	f.Cost.show(out)
}

// stream is an account with one webhook, and the endpoint where its deliveries arrive.
type stream struct {
	rig      *Rig
	account  *account
	webhook  string
	endpoint *arrivals
}

func (r *Rig) newStream(ctx context.Context) (*stream, error) {
	a, err := r.newAccount(ctx)
	if err != nil {
		return nil, err
	}
	s := &stream{rig: r, account: a, endpoint: newArrivals()}
	s.webhook, err = r.newWebhook(ctx, a, r.receiver.add(s.endpoint))
	return s, err
}

// warmUp has some events delivered that don't count, so that connections are open and caches filled.
func (s *stream) warmUp(ctx context.Context, publishers int) error {
	const patience = 30 * time.Second
	_, err := s.flood(ctx, publishers, bounds{events: warmUpEvents}, patience)
	switch {
	case err != nil:
		return err
	case s.endpoint.count() == 0:
		return errors.New("nothing arrived: does durahook reach Temporal, and does it have --allow-insecure-targets loopback?")
	}
	return nil
}

// flood forgets what arrived before, publishes in a closed loop, and waits until everything has arrived or nothing
// does any more.
func (s *stream) flood(ctx context.Context, publishers int, until bounds, drain time.Duration) (*load, error) {
	s.endpoint.reset()
	l := s.publish(ctx, publishers, until)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.accepted == 0 {
		return nil, fmt.Errorf("durahook accepted none of the events: %v", l.refused)
	}
	phase := s.rig.Progress.Phase("waiting for what was published", l.accepted)
	defer phase.Done()
	return l, s.endpoint.await(ctx, l.accepted, drain, phase.Set)
}

func (s *stream) publish(ctx context.Context, publishers int, until bounds) *load {
	steps := until.events
	if steps == 0 {
		steps = int(until.time.Seconds())
	}
	phase := s.rig.Progress.Phase("publishing", steps)
	defer phase.Done()
	return closedLoop(ctx, s.account, publishers, until, func(done int, elapsed time.Duration) {
		if until.events > 0 {
			phase.Set(done)
		} else {
			phase.Set(int(elapsed.Seconds()))
		}
	})
}
