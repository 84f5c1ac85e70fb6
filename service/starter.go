package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

const (
	// queued is how many deliveries wait for their start in memory; the sweep finds those beyond it.
	queued = 4096
	// starters is how many workflows are started at the same time.
	starters = 32
	// preparedAhead is how many deliveries' first attempts are prepared in one go, just before their start: as many as
	// are started within a second also on a slow machine, for what was prepared counts no longer than that.
	preparedAhead = 32
	// startTimeout bounds one start.
	startTimeout = 10 * time.Second
	// sweepInterval is how often the sweep looks for deliveries that were never started.
	sweepInterval = time.Second
	// sweepers is how many workflows a sweep starts at the same time: few, so that what was just published, which the
	// starters start, is not held up by what an outage left behind.
	sweepers = 8
	// sweptAhead is preparedAhead for the sweep, which starts fewer in a second.
	sweptAhead = 16
	// longestSweepPause is how long the sweep waits at most, after one that failed, before the next.
	longestSweepPause = 10 * time.Second
	// sweepBatch is how many deliveries one sweep takes in hand, and sweepLease for how long they are its own: as
	// long as they wait if the process dies meanwhile. Should it be too short, something is started twice.
	sweepBatch = 200
	sweepLease = 10 * time.Second
)

// Starter starts each delivery's workflow: at once when it was just published, and by a sweep when that
// didn't happen because Temporal was down or the process died. Starting twice is harmless, since the
// workflow's ID is the delivery's.
type Starter struct {
	store    *store.Store
	temporal client.Client
	schedule []string
	lanes    *lanes.Tracker // nil without a worker in this process
	queue    chan webhook.Delivery
	starting chan webhook.Delivery // what is taken off the queue, for one of the starters
	inHand   inHand
	swept    atomic.Uint64
	reached  atomic.Bool   // whether a workflow was ever started or found
	reaching chan struct{} // has one in it while the first is
	traces   *traces.Traces
	console  string // the address of the console; empty when it isn't known
	log      *slog.Logger
}

// NewStarter returns a starter that gives new deliveries this schedule. Tracker decides the lane; it is nil
// when no worker runs in this process, and the worker that gets a delivery decides.
func NewStarter(s *store.Store, c client.Client, schedule webhook.Schedule, tracker *lanes.Tracker, log *slog.Logger) *Starter {
	return &Starter{
		store: s, temporal: c, schedule: schedule.Strings(), lanes: tracker,
		queue: make(chan webhook.Delivery, queued), starting: make(chan webhook.Delivery), reaching: make(chan struct{}, 1), log: log,
	}
}

// TraceWith has the starter make spans, too.
func (s *Starter) TraceWith(t *traces.Traces) *Starter {
	s.traces = t
	return s
}

// LinkTo has the details of workflows lead to the console at this address. It is called before the starter is used.
func (s *Starter) LinkTo(publicURL string) { s.console = publicURL }

// Enqueue has the workflows of committed deliveries started soon. It never blocks.
func (s *Starter) Enqueue(deliveries []webhook.Delivery) {
	for _, d := range deliveries {
		s.inHand.add(d.ID)
		select {
		case s.queue <- d:
		default:
			s.inHand.remove(d.ID)
			return // the sweep finds them
		}
	}
}

// Queued returns how many deliveries wait for their start in memory.
func (s *Starter) Queued() int { return len(s.queue) }

// Swept returns how many deliveries the sweep has seen to so far.
func (s *Starter) Swept() uint64 { return s.swept.Load() }

// Run starts workflows until ctx is done, and those that are queued then.
func (s *Starter) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { s.takeQueued(ctx) })
	for range starters {
		running.Go(func() { s.startQueued(ctx) })
	}
	running.Go(func() { s.sweep(ctx) })
	running.Go(func() { s.forgetKeys(ctx) })
	running.Wait()
	return nil
}

// takeQueued hands what is queued to the starters, and has the first attempts prepared that will be made here: all
// that wait, up to preparedAhead, in one go. It ends when ctx is done and nothing is queued.
func (s *Starter) takeQueued(ctx context.Context) {
	defer close(s.starting)
	for {
		deliveries := s.next(ctx)
		if len(deliveries) == 0 {
			return
		}
		s.prepareAhead(ctx, deliveries)
		for _, d := range deliveries {
			s.starting <- d
		}
	}
}

// prepareAhead has the first attempts prepared, in one go, that will be made in this process.
func (s *Starter) prepareAhead(ctx context.Context, deliveries []webhook.Delivery) {
	if s.lanes == nil {
		return
	}
	var fast []string
	for _, d := range deliveries {
		if d.AttemptCount == 0 && s.lanes.Likely(d.AccountID, d.WebhookID) == lanes.Fast {
			fast = append(fast, d.ID)
		}
	}
	if len(fast) > 0 {
		s.store.PrepareAhead(ctx, fast)
	}
}

// next waits for a delivery and returns it with those that are queued behind it. When ctx is done, it waits for none.
func (s *Starter) next(ctx context.Context) (deliveries []webhook.Delivery) {
	select {
	case <-ctx.Done():
	case d := <-s.queue:
		deliveries = append(deliveries, d)
	}
	for len(deliveries) < preparedAhead {
		select {
		case d := <-s.queue:
			deliveries = append(deliveries, d)
		default:
			return deliveries
		}
	}
	return deliveries
}

// chooseLane returns the lane for the first attempt of a delivery, which has a place there until it ends. Without a
// worker in this process, the one that gets it decides.
func (s *Starter) chooseLane(d webhook.Delivery) lanes.Choice {
	if s.lanes == nil {
		return lanes.Choice{Lane: lanes.Undecided}
	}
	return s.lanes.Choose(d.AccountID, d.WebhookID, d.ID)
}

// queuedLane returns the queued lane for what is not a delivery's first attempt.
func (s *Starter) queuedLane(d webhook.Delivery) lanes.Choice {
	return lanes.Choice{Lane: lanes.Queued, Slow: s.lanes != nil && s.lanes.Pace(d.WebhookID) > lanes.Prompt, Why: "a retry was asked for"}
}

// release gives back the place in the fast lane of a delivery that was not started.
func (s *Starter) release(d webhook.Delivery) {
	if s.lanes != nil {
		s.lanes.Release(d.WebhookID, d.ID)
	}
}

// startQueued starts what is taken off the queue, to its end: also what is left when ctx is done, as long as that goes
// well. A start that is under way is not given up: its answer may be the first workflow task, which nobody else would
// get for seconds.
func (s *Starter) startQueued(ctx context.Context) {
	detached := context.WithoutCancel(ctx)
	failed := false
	for d := range s.starting {
		if failed && ctx.Err() != nil {
			continue // the sweep of another process finds it
		}
		if err := s.start(detached, d); err != nil {
			failed = true
			s.inHand.remove(d.ID)
			s.log.Warn("start delivery; the sweep will", "delivery", d.ID, "error", err, "queued", s.leaveQueued())
			continue
		}
		failed = false
		s.inHand.start(d.ID)
	}
}

// leaveQueued leaves what is queued to the sweep, and returns how many that are. It is done when a start has failed: what is
// published once Temporal is back is not to wait here behind all that was published while it was down.
func (s *Starter) leaveQueued() (n int) {
	for {
		select {
		case d := <-s.queue:
			s.inHand.remove(d.ID)
			n++
		default:
			return n
		}
	}
}

func (s *Starter) sweep(ctx context.Context) {
	for pause := sweepInterval; ; {
		started, more, err := s.sweepOnce(ctx)
		if pause *= 2; err == nil {
			pause = sweepInterval
		}
		if started > 0 {
			s.swept.Add(uint64(started))
			s.log.Info("the sweep saw to it that deliveries were started", "deliveries", started)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("sweep", "error", err)
		}
		if err := s.sweepDiscards(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("sweep disabled webhooks", "error", err)
		}
		if err := s.sweepRecoveries(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("sweep recoveries", "error", err)
		}
		if err == nil && more && ctx.Err() == nil {
			continue
		}
		pause = min(pause, longestSweepPause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// sweepOnce starts one batch of deliveries that should have been started and returns how many it did, and whether
// there may be more. It gives up at the first that cannot be started: then Temporal is down.
func (s *Starter) sweepOnce(ctx context.Context) (count int, more bool, err error) {
	deliveries, err := s.store.ClaimUnstarted(ctx, sweepBatch, sweepLease)
	if err != nil || len(deliveries) == 0 {
		return 0, false, err
	}
	var mu sync.Mutex
	started := make(map[string]bool)
	group, groupCtx := errgroup.WithContext(ctx)
	mine := slices.DeleteFunc(slices.Clone(deliveries), s.waitsHere)
	next := make(chan webhook.Delivery)
	for range sweepers {
		group.Go(func() error {
			for d := range next {
				// What is under way when another one fails is not given up: that would be work for nothing.
				if err := s.startSwept(ctx, d); err != nil {
					return err
				}
				mu.Lock()
				started[d.ID] = true
				mu.Unlock()
			}
			return nil
		})
	}
	s.handOut(groupCtx, mine, next)
	failed := group.Wait()
	var done, others []string
	for _, d := range deliveries {
		switch {
		case started[d.ID]:
			done = append(done, d.ID)
		case !s.waitsHere(d): // what is in hand here stays claimed
			others = append(others, d.ID)
		}
	}
	err = errors.Join(failed, s.store.ReturnClaim(context.WithoutCancel(ctx), done, others))
	return len(done), err == nil && len(deliveries) == sweepBatch, err
}

// handOut hands deliveries to who starts them, with their first attempts prepared, until ctx is done. It closes next.
func (s *Starter) handOut(ctx context.Context, deliveries []webhook.Delivery, next chan<- webhook.Delivery) {
	defer close(next)
	for some := range slices.Chunk(deliveries, sweptAhead) {
		s.prepareAhead(ctx, some)
		for _, d := range some {
			select {
			case next <- d:
			case <-ctx.Done():
				return
			}
		}
	}
}

// waitsHere reports whether a delivery's first attempt is in the hands of this process. What was attempted before and has
// to be started again is not: its workflow was lost.
func (s *Starter) waitsHere(d webhook.Delivery) bool {
	return d.AttemptCount == 0 && s.inHand.has(d.ID)
}

// startSwept starts a delivery that should have been started before. A test is given up instead: whoever asked
// for it waits no longer.
func (s *Starter) startSwept(ctx context.Context, d webhook.Delivery) error {
	switch {
	case d.Test:
		_, err := s.store.CancelUnattempted(ctx, d.ID)
		return err
	case d.AttemptCount > 0:
		return s.startAgain(ctx, d)
	default:
		return s.startWith(ctx, d, temporal.Priority{FairnessKey: backlog, FairnessWeight: backlogWeight})
	}
}

// backlog is the fairness key of all workflows that the sweep starts, and backlogWeight how many turns it gets for each of
// a webhook, where Temporal has a queue. After an outage there may be thousands, and what is published then is not to wait
// behind them: not even where it takes most of what the workers get through.
const (
	backlog       = "backlog"
	backlogWeight = 0.1
)

// start starts the delivery's workflow; that it was started before is fine.
func (s *Starter) start(ctx context.Context, d webhook.Delivery) error {
	return s.startWith(ctx, d, priorityOf(d))
}

func (s *Starter) startWith(ctx context.Context, d webhook.Delivery, priority temporal.Priority) error {
	options, input := s.startOptions(d, s.chooseLane(d))
	options.Priority = priority
	ctx, span := s.traces.Start(ctx, d)
	err := s.execute(ctx, options, input)
	span.End(err)
	if err != nil {
		s.release(d)
	}
	return err
}

func (s *Starter) execute(ctx context.Context, options client.StartWorkflowOptions, input workflows.DeliveryInput) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if !s.reached.Load() {
		// At its first call, the client asks what the server can do and writes that down, which other calls read.
		select {
		case s.reaching <- struct{}{}:
			defer func() { <-s.reaching }()
		case <-ctx.Done():
			return fmt.Errorf("start workflow %s: %w", options.ID, ctx.Err())
		}
	}
	_, err := s.temporal.ExecuteWorkflow(ctx, options, workflows.Delivery, input)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if err != nil && !errors.As(err, &already) {
		return fmt.Errorf("start workflow %s: %w", options.ID, err)
	}
	s.reached.Store(true)
	return nil
}

// scheduleOf returns the schedule of a delivery that is started now: a test is sent once.
func (s *Starter) scheduleOf(d webhook.Delivery) []string {
	if d.Test {
		return webhook.Schedule{0}.Strings()
	}
	return s.schedule
}

func (s *Starter) startOptions(d webhook.Delivery, lane lanes.Choice) (client.StartWorkflowOptions, workflows.DeliveryInput) {
	summary := d.Event + " → " + d.WebhookName
	if d.Test {
		summary = "test: " + summary
	}
	input := workflows.DeliveryInput{
		AccountID: d.AccountID, WebhookID: d.WebhookID, EventID: d.EventID, Schedule: s.scheduleOf(d),
		FastLane: lane.Lane != lanes.Queued, LaneByWorker: lane.Lane == lanes.Undecided, SlowLane: lane.Slow, LaneReason: lane.Why,
	}
	// They stand there when the workflow has ended, too.
	details := fmt.Sprintf("Sends event `%s` to webhook `%s` of account `%s`. %s"+
		"While it runs, signal `retry` to attempt it now, or cancel to give it up. Once it has ended, Reset, or Retry in the console, "+
		"sends it again.\n\nFirst attempt: ", d.EventID, d.WebhookID, d.AccountID, s.linkTo(d))
	switch {
	case lane.Lane == lanes.Undecided:
		details += "in the lane that the worker chooses"
	case lane.Why != "":
		details += string(lane.Lane) + " lane, since " + lane.Why
	default:
		details += string(lane.Lane) + " lane"
	}
	return client.StartWorkflowOptions{
		ID:                                       d.ID,
		TaskQueue:                                workflows.DeliveryTaskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         lane.Lane == lanes.Fast,
		StaticSummary:                            summary,
		StaticDetails:                            details + ".",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.AccountAttribute.ValueSet(d.AccountID),
			workflows.WebhookAttribute.ValueSet(d.WebhookID),
			workflows.EventAttribute.ValueSet(d.Event),
		),
		Priority: priorityOf(d),
	}, input
}

// linkTo leads to the delivery in the console, in Markdown.
func (s *Starter) linkTo(d webhook.Delivery) string {
	if s.console == "" {
		return ""
	}
	return "[Open the delivery in the console](" + s.console + "/console/deliveries/" + d.ID + "?account=" + d.AccountID + ").\n\n"
}

// priorityOf has a test come before what else waits for its webhook, since somebody waits for the answer.
func priorityOf(d webhook.Delivery) temporal.Priority {
	const first = 1
	p := temporal.Priority{FairnessKey: d.WebhookID}
	if d.Test {
		p.PriorityKey = first
	}
	return p
}
