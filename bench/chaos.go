package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Chaos kills, freezes and cuts off the parts of a system while events are published, and makes sure after each round
// that nothing was lost, that nothing is stuck, and that Postgres and Temporal agree.
type Chaos struct {
	Rounds     int           `help:"Rounds; each is one of the faults in turn, under load." default:"24"`
	Repeat     int           `help:"How often a round makes its fault, under load, before it waits for all to be well." default:"1"`
	Publishers int           `help:"Publishers, each of which publishes its next event as soon as the one before was answered." default:"4"`
	Load       time.Duration `help:"How long to publish before a fault, and after it." default:"1s"`
	Frozen     time.Duration `help:"How long what is frozen stays so." default:"3s"`
	Down       time.Duration `help:"How long what is stopped or full, or has lost its name, stays so." default:"5s"`
	Only       []string      `help:"Only these faults, by their names; all when empty." placeholder:"NAMES"`
	Longest    time.Duration `help:"Time after which no further round begins; 0 for none." default:"0s"`
	Settle     time.Duration `help:"How long a round may take until all is well again." default:"3m"`
}

const mostFaults = 10_000

// chaosSchedule has a delivery that met a fault retried soon, and often enough for any outage of the endpoint.
const chaosSchedule = "0s,1s,2s,5s,10s,1m,12h"

// Setup checks the flags.
func (c *Chaos) Setup() (Setup, error) {
	switch {
	case c.Rounds < 1 || c.Rounds > mostFaults:
		return Setup{}, fmt.Errorf("--rounds: %d is not between 1 and %d", c.Rounds, mostFaults)
	case c.Repeat < 1 || c.Repeat > mostFaults:
		return Setup{}, fmt.Errorf("--repeat: %d is not between 1 and %d", c.Repeat, mostFaults)
	case c.Publishers < 1 || c.Publishers > mostPublishers:
		return Setup{}, fmt.Errorf("--publishers: %d is not between 1 and %d", c.Publishers, mostPublishers)
	case c.Load <= 0 || c.Load > longestLoad:
		return Setup{}, fmt.Errorf("--load: %s is not between 0s and %s", c.Load, longestLoad)
	}
	disk := len(c.Only) == 0 || slices.Contains(c.Only, fillDisk)
	return Setup{RetrySchedule: chaosSchedule, Apart: true, Disk: disk}, nil
}

// ErrBroken is what a run of [Chaos] fails with in which a promise was broken. The figures are there all the same.
var ErrBroken = errors.New("a promise was broken: see lost, stuck, disagreements and unanswered")

// Run makes the faults, one after the other.
func (c *Chaos) Run(ctx context.Context, rig *Rig) (Figures, error) {
	if len(rig.System.Parts) == 0 {
		return nil, errors.New("bench chaos kills what it runs against, so it takes only a system of its own: leave --server out")
	}
	a, err := rig.newAccount(ctx)
	if err != nil {
		return nil, err
	}
	s := newSink()
	e := chaosEndpoint{account: a, sink: s, url: rig.receiver.add(s)}
	if e.webhookID, err = rig.newWebhook(ctx, a, e.url); err != nil {
		return nil, err
	}
	faults, err := c.chosen(c.faults(rig.System, e))
	if err != nil {
		return nil, err
	}
	phase := rig.Progress.Phase("rounds of chaos", c.Rounds)
	defer phase.Done()
	f := &ChaosFigures{}
	if len(c.Only) == 0 && rig.System.Disk == nil {
		f.LeftOut = append(f.LeftOut, fillDisk+": "+noDisk)
	}
	began := time.Now()
	for n := range c.Rounds {
		if c.Longest > 0 && time.Since(began) > c.Longest {
			break
		}
		round, err := c.round(ctx, rig, a, s, faults[n%len(faults)])
		if ctx.Err() != nil && n > 0 {
			break // what was found out by then counts
		}
		if err != nil {
			return nil, fmt.Errorf("round %d, %s: %w", n+1, faults[n%len(faults)].name, err)
		}
		f.add(round)
		phase.Set(n + 1)
	}
	f.Duplicates = s.duplicates()
	f.Refused = int(s.refused.Load())
	f.Postponed = int(s.postponed.Load())
	f.Unanswered = int(s.unanswered.Load())
	if !f.Kept() {
		return f, ErrBroken
	}
	return f, nil
}

// round publishes, makes one fault meanwhile, and waits until all is well again.
func (c *Chaos) round(ctx context.Context, rig *Rig, a *account, s *sink, f fault) (ChaosRound, error) {
	publishing, stop := context.WithCancel(ctx)
	defer stop()
	published := make(chan int)
	go func() { published <- s.publish(publishing, a, c.Publishers) }()
	before := s.duplicates()
	round := ChaosRound{Fault: f.name}
	err := wait(ctx, c.Load)
	for n := 0; n < c.Repeat && err == nil; n++ {
		round.InFlight += s.inFlight()
		round.Kills += f.kills
		if err = f.do(ctx); err == nil {
			err = wait(ctx, c.Load)
		}
	}
	stop()
	round.Accepted = <-published
	if err != nil {
		return round, err
	}
	settling := time.Now()
	if err := s.settle(ctx, rig, a, c.Settle, &round); err != nil {
		return round, err
	}
	round.SettledS = time.Since(settling).Seconds()
	round.Duplicates = s.duplicates() - before
	return round, nil
}

// publish publishes until ctx is done and returns how many events were accepted. Whatever isn't, for want of a part,
// is not published again.
func (s *sink) publish(ctx context.Context, a *account, publishers int) int {
	const pause = 20 * time.Millisecond
	var accepted atomic.Int64
	done := make(chan struct{})
	for range publishers {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				n := int(s.number.Add(1))
				// Not given up in the middle: then nobody would know what was answered.
				got, err := a.publish(context.WithoutCancel(ctx), event(n, time.Now()))
				if err == nil && got.status == http.StatusAccepted {
					s.accept(n, got.deliveryID)
					accepted.Add(1)
				} else {
					s.turnedAway(got, err)
					_ = wait(ctx, pause) // the caller is about to see that it is done
				}
			}
		}()
	}
	for range publishers {
		<-done
	}
	return int(accepted.Load())
}

// turnedAway counts a publication that was not accepted. One without an answer was made to a process that died.
func (s *sink) turnedAway(got published, err error) {
	switch {
	case err != nil:
	case got.saysWhen():
		s.postponed.Add(1)
	default:
		s.unanswered.Add(1)
	}
}
