package bench

import (
	"context"
	"fmt"
	"time"
)

// Latency measures how long a delivery takes, from the moment that its event was due to be published to the
// moment that its POST is there. Events come at a fixed rate, whether or not durahook keeps up with it, so that
// a pause delays and lengthens what it really would.
type Latency struct {
	Rate float64       `help:"Events a second." default:"20"`
	For  time.Duration `help:"How long to publish." default:"15s"`
}

const highestRate = 5000

// checkRate checks the flags of an open loop.
func checkRate(rate float64, during time.Duration) error {
	switch {
	case rate <= 0 || rate > highestRate:
		return fmt.Errorf("--rate: %g is not more than 0 and at most %d", rate, highestRate)
	case during <= 0 || during > longestLoad:
		return fmt.Errorf("--for: %s is not more than 0s and at most %s", during, longestLoad)
	}
	return nil
}

// Setup checks the flags.
func (l *Latency) Setup() (Setup, error) { return Setup{}, checkRate(l.Rate, l.For) }

// LatencyFigures are what came out.
type LatencyFigures struct {
	Rate     float64        `json:"rate_per_s"`
	Load     LoadFigures    `json:"load"`
	Arrivals ArrivalFigures `json:"arrivals"`
	Cost     Cost           `json:"cost"`
}

// Run publishes at the rate, and waits until everything has arrived.
func (l *Latency) Run(ctx context.Context, rig *Rig) (Figures, error) {
	s, err := rig.newStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.warmUp(ctx, 1); err != nil {
		return nil, err
	}
	meter, err := rig.startMeter(ctx)
	if err != nil {
		return nil, err
	}
	loaded, err := s.drip(ctx, l.Rate, l.For, "publishing")
	if err != nil {
		return nil, err
	}
	f := LatencyFigures{Rate: l.Rate, Load: loaded.figures(), Arrivals: s.endpoint.figures(loaded.accepted, loaded.began)}
	f.Cost, err = meter.stop(ctx, loaded.deliveries)
	return f, err
}

// Show writes the figures for people.
func (f LatencyFigures) Show(out *Text) {
	out.Field("rate", "%g events/s", f.Rate)
	out.Distribution("from publishing to the POST", f.Arrivals.distribution)
	f.Load.show(out)
	f.Arrivals.show(out)
	f.Cost.show(out)
}

// drip forgets what arrived before, publishes at a rate, and waits until everything has arrived or nothing does any
// more.
func (s *stream) drip(ctx context.Context, rate float64, during time.Duration, doing string) (*load, error) {
	const patience = 10 * time.Second
	s.endpoint.reset()
	phase := s.rig.Progress.Phase(doing, int(during.Seconds()*rate))
	l := openLoop(ctx, s.account, rate, during, func(done int, _ time.Duration) { phase.Set(done) })
	phase.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l, s.endpoint.await(ctx, l.accepted, patience, func(int) {})
}
