package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Workers measures what more worker processes bring: the same load with one, two and four of them beside one API.
type Workers struct {
	Publishers int           `help:"Publishers, each of which publishes its next event as soon as the one before was answered." default:"32"`
	Count      int           `help:"How many events are published with each number of workers." default:"1000"`
	Drain      time.Duration `help:"How long to wait while nothing arrives any more." default:"1m"`
}

// mostWorkers is with how many it ends; it begins with one and doubles.
const mostWorkers = 4

// Setup checks the flags.
func (w *Workers) Setup() (Setup, error) {
	switch {
	case w.Publishers < 1 || w.Publishers > mostPublishers:
		return Setup{}, fmt.Errorf("--publishers: %d is not between 1 and %d", w.Publishers, mostPublishers)
	case w.Count < 1 || w.Count > mostEvents:
		return Setup{}, fmt.Errorf("--count: %d is not between 1 and %d", w.Count, mostEvents)
	}
	return Setup{RetrySchedule: "0s,1m", Apart: true, Workers: mostWorkers}, nil
}

// WorkersFigures are what came out.
type WorkersFigures struct {
	Publishers int             `json:"publishers"`
	Rounds     []WorkersFigure `json:"rounds"`
}

// WorkersFigure is what came out with one number of workers.
type WorkersFigure struct {
	Workers   int     `json:"workers"`
	PerSecond float64 `json:"deliveries_per_s"`
	Ratio     float64 `json:"ratio_to_one"`
	Missing   int     `json:"missing"`
}

// Run measures with one worker, with two and with four.
func (w *Workers) Run(ctx context.Context, rig *Rig) (Figures, error) {
	var workers []Part
	for _, part := range rig.System.Parts {
		if strings.HasPrefix(part.Name(), "worker") {
			workers = append(workers, part)
		}
	}
	if len(workers) < mostWorkers {
		return nil, errors.New("bench workers starts and ends workers, so it takes only a system of its own: leave --server out")
	}
	s, err := rig.newStream(ctx)
	if err != nil {
		return nil, err
	}
	for _, extra := range workers[1:] { // nothing is under way yet
		if err := extra.Kill(); err != nil {
			return nil, fmt.Errorf("end %s: %w", extra.Name(), err)
		}
	}
	f := WorkersFigures{Publishers: w.Publishers}
	for running := 1; running <= mostWorkers; running *= 2 {
		for _, part := range workers[:running] {
			if err := part.Start(ctx); err != nil { // harmless for those that run
				return nil, fmt.Errorf("start %s: %w", part.Name(), err)
			}
		}
		figure, err := w.measure(ctx, s, running)
		if err != nil {
			return nil, fmt.Errorf("with %d workers: %w", running, err)
		}
		f.Rounds = append(f.Rounds, figure)
	}
	for i := range f.Rounds {
		f.Rounds[i].Ratio = f.Rounds[i].PerSecond / f.Rounds[0].PerSecond
	}
	return f, nil
}

func (w *Workers) measure(ctx context.Context, s *stream, running int) (WorkersFigure, error) {
	if err := s.warmUp(ctx, w.Publishers); err != nil {
		return WorkersFigure{}, err
	}
	l, err := s.flood(ctx, w.Publishers, bounds{events: w.Count}, w.Drain)
	if err != nil {
		return WorkersFigure{}, err
	}
	arrived := s.endpoint.figures(l.accepted, l.began)
	return WorkersFigure{Workers: running, PerSecond: arrived.PerSecond, Missing: arrived.Missing}, nil
}

// Show writes the figures for people.
func (f WorkersFigures) Show(out *Text) {
	out.Field("publishers", "%d", f.Publishers)
	for _, r := range f.Rounds {
		out.Field(fmt.Sprintf("%d workers", r.Workers), "%.1f deliveries/s · ratio to one %.2f · %d missing", r.PerSecond, r.Ratio, r.Missing)
	}
}
