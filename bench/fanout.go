package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// FanOut measures what a delivery costs when an event has many subscribers, beside as many deliveries of events that
// have one. Rounds of both take turns.
type FanOut struct {
	Webhooks   int           `help:"Webhooks that subscribe to each event." default:"1000"`
	Events     int           `help:"Events that a round has; as many times --webhooks are published for the one webhook." default:"2"`
	Rounds     int           `help:"How many rounds of each." default:"2"`
	Publishers int           `help:"Publishers for the one webhook, and at most as many for the others." default:"32"`
	Drain      time.Duration `help:"How long to wait while nothing arrives any more." default:"30s"`
}

// Setup checks the flags.
func (f *FanOut) Setup() (Setup, error) {
	const mostWebhooks = 2000
	switch {
	case f.Webhooks < 1 || f.Webhooks > mostWebhooks:
		return Setup{}, fmt.Errorf("--webhooks: %d is not between 1 and %d", f.Webhooks, mostWebhooks)
	case f.Events < 1 || f.Events*f.Webhooks > mostEvents:
		return Setup{}, fmt.Errorf("--events: %d times --webhooks is not between 1 and %d deliveries", f.Events, mostEvents)
	case f.Rounds < 1 || f.Rounds > mostRounds:
		return Setup{}, fmt.Errorf("--rounds: %d is not between 1 and %d", f.Rounds, mostRounds)
	case f.Publishers < 1 || f.Publishers > mostPublishers:
		return Setup{}, fmt.Errorf("--publishers: %d is not between 1 and %d", f.Publishers, mostPublishers)
	}
	return Setup{}, nil
}

// Run takes turns.
func (f *FanOut) Run(ctx context.Context, rig *Rig) (Figures, error) {
	one, err := rig.newStream(ctx)
	if err != nil {
		return nil, err
	}
	many, err := f.subscribers(ctx, rig)
	if err != nil {
		return nil, err
	}
	if err := one.warmUp(ctx, f.Publishers); err != nil {
		return nil, err
	}
	figures := FanOutFigures{Webhooks: f.Webhooks, Events: f.Events, Deliveries: f.Events * f.Webhooks}
	for range f.Rounds {
		cost, err := f.round(ctx, many, f.Events)
		if err != nil {
			return nil, err
		}
		figures.Many = append(figures.Many, cost)
		if cost, err = f.round(ctx, one, figures.Deliveries); err != nil {
			return nil, err
		}
		figures.One = append(figures.One, cost)
	}
	figures.compare()
	return figures, nil
}

// subscribers returns a stream with many webhooks, each with an endpoint of its own.
func (f *FanOut) subscribers(ctx context.Context, rig *Rig) (*stream, error) {
	const atOnce = 8
	a, err := rig.newAccount(ctx)
	if err != nil {
		return nil, err
	}
	s := &stream{rig: rig, account: a, endpoint: newArrivals()}
	phase := rig.Progress.Phase("making webhooks", f.Webhooks)
	defer phase.Done()
	var made atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for range f.Webhooks {
		group.Go(func() error {
			_, err := rig.newWebhook(groupCtx, a, rig.receiver.add(s.endpoint))
			phase.Set(int(made.Add(1)))
			return err
		})
	}
	return s, group.Wait()
}

// round publishes events and waits until all deliveries of a round have arrived.
func (f *FanOut) round(ctx context.Context, s *stream, events int) (cost FanOutCost, err error) {
	before, err := usageOf(ctx, s.rig.System.Processes)
	if err != nil {
		return cost, err
	}
	s.endpoint.reset()
	l := s.publish(ctx, min(f.Publishers, events), bounds{events: events})
	if err := ctx.Err(); err != nil {
		return cost, err
	}
	if l.accepted != events {
		return cost, fmt.Errorf("durahook accepted %d of %d events: %v", l.accepted, events, l.refused)
	}
	deliveries := f.Events * f.Webhooks
	phase := s.rig.Progress.Phase("waiting for what was published", deliveries)
	defer phase.Done()
	if err := s.endpoint.await(ctx, deliveries, f.Drain, phase.Set); err != nil {
		return cost, err
	}
	arrived := s.endpoint.figures(deliveries, l.began)
	if arrived.Missing > 0 {
		return cost, fmt.Errorf("%d of %d deliveries did not arrive; nothing did for %s", arrived.Missing, deliveries, f.Drain)
	}
	if err := s.account.awaitClosed(ctx, f.Drain); err != nil { // what follows the arrival is part of the cost
		return cost, err
	}
	after, err := usageOf(ctx, s.rig.System.Processes)
	return FanOutCost{
		MS: each(arrived.Seconds*1000, deliveries), PerSecond: arrived.PerSecond,
		Processes: processFigures(s.rig.System.Processes, before, after, deliveries),
	}, err
}

// FanOutFigures are what came out.
type FanOutFigures struct {
	Webhooks   int          `json:"webhooks"`
	Events     int          `json:"events_a_round"`
	Deliveries int          `json:"deliveries_a_round"`
	Many       []FanOutCost `json:"many_webhooks"` // of each round
	One        []FanOutCost `json:"one_webhook"`
	TimeRatio  float64      `json:"time_ratio_many_to_one"`
	CPURatio   float64      `json:"durahook_cpu_ratio_many_to_one"`
}

// FanOutCost is what a delivery of one round costs.
type FanOutCost struct {
	MS        float64          `json:"ms_a_delivery"` // from the first publication to the last arrival
	PerSecond float64          `json:"deliveries_per_s"`
	Processes []ProcessFigures `json:"processes,omitempty"`
}

// compare works out the ratios of all rounds together.
func (f *FanOutFigures) compare() {
	sum := func(costs []FanOutCost) (ms, cpu float64) {
		for _, cost := range costs {
			ms += cost.MS
			for _, p := range cost.Processes {
				if p.Name == Durahook {
					cpu += p.CPUMSDelivery
				}
			}
		}
		return ms, cpu
	}
	manyMS, manyCPU := sum(f.Many)
	oneMS, oneCPU := sum(f.One)
	f.TimeRatio, f.CPURatio = ratio(manyMS, oneMS), ratio(manyCPU, oneCPU)
}

// Show writes the figures for people.
func (f FanOutFigures) Show(out *Text) {
	out.Field("rounds", "%d of %d deliveries: %d events × %d webhooks, and as many events for one webhook", len(f.Many), f.Deliveries, f.Events, f.Webhooks)
	out.Field("ratio", "a delivery takes %.2f of the time and %.2f of durahook's CPU of one to a single webhook", f.TimeRatio, f.CPURatio)
	var labels []string
	var values []float64
	for n := range f.Many {
		labels = append(labels, fmt.Sprintf("round %d many", n+1), fmt.Sprintf("round %d one", n+1))
		values = append(values, f.Many[n].MS, f.One[n].MS)
	}
	out.Bars("from the first publication to the last arrival, each delivery", "ms", labels, values)
	if len(f.Many) == 0 || len(f.Many[0].Processes) == 0 {
		return
	}
	out.Section("CPU of a delivery")
	for n := range f.Many {
		for p, many := range f.Many[n].Processes {
			out.Field(many.Name, "round %d: %.2f ms with many webhooks, %.2f ms with one", n+1, many.CPUMSDelivery, f.One[n].Processes[p].CPUMSDelivery)
		}
	}
}
