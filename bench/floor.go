package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Floor measures the least that a delivery can cost on this Temporal: a workflow with one local activity that does
// nothing, started eagerly and completed. Rounds of that and of deliveries take turns, since machines are noisy.
type Floor struct {
	Concurrency int           `help:"Publishers, and workflows being started at the same time." default:"32"`
	Rounds      int           `help:"How many rounds of each." default:"4"`
	Count       int           `help:"How many deliveries, or workflows, a round has." default:"1000"`
	Drain       time.Duration `help:"How long to wait while nothing arrives any more." default:"30s"`
}

// Setup checks the flags.
func (f *Floor) Setup() (Setup, error) {
	switch {
	case f.Concurrency < 1 || f.Concurrency > mostPublishers:
		return Setup{}, fmt.Errorf("--concurrency: %d is not between 1 and %d", f.Concurrency, mostPublishers)
	case f.Rounds < 1 || f.Rounds > mostRounds:
		return Setup{}, fmt.Errorf("--rounds: %d is not between 1 and %d", f.Rounds, mostRounds)
	case f.Count < 1 || f.Count > mostEvents:
		return Setup{}, fmt.Errorf("--count: %d is not between 1 and %d", f.Count, mostEvents)
	}
	return Setup{}, nil
}

// FloorFigures are what came out.
type FloorFigures struct {
	Concurrency int          `json:"concurrency"`
	Count       int          `json:"count_a_round"`
	Rounds      []FloorRound `json:"rounds"`
	Deliveries  float64      `json:"deliveries_per_s"` // of all rounds together
	Workflows   float64      `json:"floor_workflows_per_s"`
	Share       float64      `json:"share_of_the_floor"`
	FloorRPCs   float64      `json:"floor_temporal_rpcs_a_workflow"`
	Cost        Cost         `json:"cost"` // CPU and transactions of both; RPCs and history events of deliveries
}

// FloorRound is a round of deliveries and one of bare workflows right after it.
type FloorRound struct {
	Deliveries float64 `json:"deliveries_per_s"`
	Workflows  float64 `json:"floor_workflows_per_s"`
	Share      float64 `json:"share_of_the_floor"`

	deliveriesTook, workflowsTook time.Duration
}

// Run takes turns.
func (f *Floor) Run(ctx context.Context, rig *Rig) (Figures, error) {
	if rig.temporal == nil {
		return nil, errors.New("the floor is measured on Temporal itself: --temporal-address says where it is")
	}
	s, err := rig.newStream(ctx)
	if err != nil {
		return nil, err
	}
	bare, err := rig.newBareWorkflows()
	if err != nil {
		return nil, err
	}
	defer bare.stop()
	if err := s.warmUp(ctx, f.Concurrency); err != nil {
		return nil, err
	}
	if _, err := bare.run(ctx, f.Concurrency, warmUpEvents); err != nil {
		return nil, err
	}
	return f.measure(ctx, s, bare)
}

func (f *Floor) measure(ctx context.Context, s *stream, bare *bareWorkflows) (Figures, error) {
	figures := FloorFigures{Concurrency: f.Concurrency, Count: f.Count}
	meter, err := s.rig.startMeter(ctx)
	if err != nil {
		return nil, err
	}
	calls := s.rig.rpcs.total()
	phase := s.rig.Progress.Phase("rounds", f.Rounds)
	defer phase.Done()
	var deliveries []string
	for n := range f.Rounds {
		round, ids, err := f.round(ctx, s, bare)
		if err != nil {
			return nil, err
		}
		figures.Rounds = append(figures.Rounds, round)
		deliveries = append(deliveries, ids...)
		phase.Set(n + 1)
	}
	figures.FloorRPCs = each(float64(s.rig.rpcs.total()-calls), f.Rounds*f.Count)
	figures.sum(len(deliveries))
	figures.Cost, err = meter.stop(ctx, deliveries)
	return figures, err
}

// round has deliveries made, and then as many bare workflows run.
func (f *Floor) round(ctx context.Context, s *stream, bare *bareWorkflows) (round FloorRound, deliveries []string, err error) {
	l, err := s.flood(ctx, f.Concurrency, bounds{events: f.Count}, f.Drain)
	if err != nil {
		return round, nil, err
	}
	arrived := s.endpoint.figures(l.accepted, l.began)
	if arrived.Missing > 0 {
		return round, nil, fmt.Errorf("%d of %d deliveries did not arrive within %s", arrived.Missing, arrived.Deliveries, f.Drain)
	}
	if round.workflowsTook, err = bare.run(ctx, f.Concurrency, f.Count); err != nil {
		return round, nil, err
	}
	round.deliveriesTook = time.Duration(arrived.Seconds * float64(time.Second))
	round.Deliveries, round.Workflows = arrived.PerSecond, float64(f.Count)/round.workflowsTook.Seconds()
	round.Share = round.Deliveries / round.Workflows
	return round, l.deliveries, nil
}

// sum works out the figures of all rounds: all that was done by the time that it took.
func (f *FloorFigures) sum(deliveries int) {
	var delivering, running time.Duration
	for _, round := range f.Rounds {
		delivering += round.deliveriesTook
		running += round.workflowsTook
	}
	f.Deliveries = float64(deliveries) / delivering.Seconds()
	f.Workflows = float64(len(f.Rounds)*f.Count) / running.Seconds()
	f.Share = f.Deliveries / f.Workflows
}

// Show writes the figures for people.
func (f FloorFigures) Show(out *Text) {
	out.Field("concurrency", "%d, %d rounds of %d", f.Concurrency, len(f.Rounds), f.Count)
	out.Field("deliveries", "%.1f/s", f.Deliveries)
	out.Field("floor", "%.1f bare workflows/s, %.2f Temporal RPCs each", f.Workflows, f.FloorRPCs)
	out.Field("share", "%.2f of the floor", f.Share)
	var labels []string
	var values []float64
	for i, round := range f.Rounds {
		labels = append(labels, fmt.Sprintf("round %d deliveries", i+1), fmt.Sprintf("round %d floor", i+1))
		values = append(values, round.Deliveries, round.Workflows)
	}
	out.Bars("a second", "", labels, values)
	f.Cost.show(out)
}
