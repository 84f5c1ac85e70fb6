package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

// DeliveryExhausted is the type of the application error that a delivery fails with when its last attempt
// failed.
const DeliveryExhausted = "DeliveryExhausted"

// DeliveryInput starts a delivery. The workflow's ID is the delivery's.
type DeliveryInput struct {
	AccountID string `json:"account_id"`
	WebhookID string `json:"webhook_id"`
	EventID   string `json:"event_id"`
	// Schedule is the gap before each attempt, such as "5m". A run without one was opened by a manual retry
	// of a closed delivery: it makes one attempt.
	Schedule []string `json:"schedule,omitempty"`
	// AfterAttempt is, in a run without a schedule, the number of the last attempt before it.
	AfterAttempt int `json:"after_attempt,omitempty"`
	// Step is how many entries of the schedule were used up by a run that got lost. The next one is due now.
	Step int `json:"step,omitempty"`
	// FastLane asks for the first attempt inside the first workflow task.
	FastLane bool `json:"fast_lane,omitempty"`
	// LaneByWorker leaves it to the worker whether there is a place in the fast lane. Only with FastLane.
	LaneByWorker bool `json:"lane_by_worker,omitempty"`
	// SlowLane asks for the first attempt, in the queued lane, on the task queue of slow endpoints.
	SlowLane bool `json:"slow_lane,omitempty"`
	// LaneReason is why the first attempt is queued, in plain words; empty in the fast lane.
	LaneReason string `json:"lane_reason,omitempty"`
}

// DeliveryResult is how a delivery ended that did not fail.
type DeliveryResult struct {
	Status   webhook.Status `json:"status"`
	Attempts int            `json:"attempts"`
}

// DeliveryStatus answers StatusQuery.
type DeliveryStatus struct {
	Status        webhook.Status         `json:"status"`
	Schedule      []string               `json:"schedule"`
	LastAttempt   *webhook.AttemptResult `json:"last_attempt,omitempty"`
	NextAttemptAt *time.Time             `json:"next_attempt_at,omitempty"`
}

// Delivery brings one event to one webhook: it attempts the POST, waits out the schedule with timers and
// listens for retry signals, until the endpoint accepts the event or the schedule is exhausted.
func Delivery(ctx workflow.Context, input DeliveryInput) (DeliveryResult, error) {
	d, err := newDelivery(ctx, input)
	if err != nil {
		return DeliveryResult{}, err
	}
	return d.run(ctx)
}

// delivery is the state of one workflow run.
type delivery struct {
	input    DeliveryInput
	id       string
	reset    bool // somebody has reset the workflow to an earlier point
	schedule webhook.Schedule
	step     int // the next entry of schedule
	sequence int // attempts made in this run
	retries  workflow.ReceiveChannel
	discards workflow.ReceiveChannel
	turns    workflow.ReceiveChannel
	status   webhook.Status
	last     *webhook.AttemptResult
	nextAt   *time.Time
	details  story
}

func newDelivery(ctx workflow.Context, input DeliveryInput) (*delivery, error) {
	info := workflow.GetInfo(ctx)
	d := &delivery{
		input:    input,
		id:       info.WorkflowExecution.ID,
		reset:    info.OriginalRunID != "" && info.OriginalRunID != info.WorkflowExecution.RunID,
		retries:  workflow.GetSignalChannelWithOptions(ctx, RetrySignal, workflow.SignalChannelOptions{Description: retryDescription}),
		discards: workflow.GetSignalChannelWithOptions(ctx, DiscardSignal, workflow.SignalChannelOptions{Description: discardDescription}),
		turns:    workflow.GetSignalChannelWithOptions(ctx, TurnSignal, workflow.SignalChannelOptions{Description: turnDescription}),
		status:   webhook.StatusPending,
	}
	if len(input.Schedule) > 0 {
		schedule, err := webhook.ParseGaps(input.Schedule)
		if err != nil {
			return nil, temporal.NewNonRetryableApplicationError("the schedule of the delivery: "+err.Error(), "InvalidInput", nil)
		}
		d.schedule, d.step = schedule, min(input.Step, len(schedule)-1)
	}
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, d.answerStatus,
		workflow.QueryHandlerOptions{Description: "Where the delivery stands: its status, last attempt and next attempt."})
	if err != nil {
		return nil, fmt.Errorf("set query handler: %w", err)
	}
	return d, nil
}

func (d *delivery) answerStatus() (DeliveryStatus, error) {
	return DeliveryStatus{Status: d.status, Schedule: d.input.Schedule, LastAttempt: d.last, NextAttemptAt: d.nextAt}, nil
}

func (d *delivery) run(ctx workflow.Context) (DeliveryResult, error) {
	gap := time.Duration(0)
	if len(d.schedule) > 0 && d.step == 0 {
		gap = d.schedule[0]
	}
	for {
		trigger, err := d.wait(ctx, gap)
		if err != nil {
			return d.cancelled(ctx)
		}
		if trigger == discarded {
			if err := d.discard(ctx); err != nil {
				return DeliveryResult{}, err
			}
			if !d.retryRequested() {
				return DeliveryResult{Status: d.status, Attempts: d.lastNumber()}, nil
			}
			d.step = len(d.schedule) // what is left is the attempt that somebody asked for
			trigger = webhook.TriggerManual
		}
		result, err := d.attempt(ctx, trigger)
		if temporal.IsCanceledError(err) {
			return d.cancelled(ctx)
		}
		if err != nil {
			return DeliveryResult{}, err
		}
		switch {
		case result.Status == webhook.StatusWaiting:
			gap = *result.NextGap
		case result.Status == webhook.StatusExhausted && d.retryRequested():
			gap = 0
		case result.Status == webhook.StatusExhausted:
			return DeliveryResult{}, d.exhausted()
		default:
			d.retryRequested() // the attempt has answered all that came in; unread ones are warned of
			return DeliveryResult{Status: d.status, Attempts: result.Number}, nil
		}
	}
}

// wait returns when the next attempt is due, and what makes it due, or that there is to be none. It fails only
// when the workflow is cancelled.
func (d *delivery) wait(ctx workflow.Context, gap time.Duration) (webhook.Trigger, error) {
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case len(d.schedule) > d.step && d.discardRequested(ctx):
		return discarded, nil
	case d.step >= len(d.schedule), d.last != nil && d.retryRequested():
		return webhook.TriggerManual, nil
	case gap <= 0:
		return webhook.TriggerSchedule, nil
	}
	at := workflow.Now(ctx).Add(gap)
	d.nextAt = &at
	defer func() { d.nextAt = nil }()
	d.details.waiting(ctx, at)

	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	timer := workflow.NewTimerWithOptions(timerCtx, gap, workflow.TimerOptions{
		Summary: fmt.Sprintf("attempt %d of %d in %s", d.step+1, len(d.schedule), humanGap(gap)),
	})
	for trigger := webhook.Trigger(""); ; {
		var err error
		workflow.NewSelector(ctx).
			AddFuture(timer, func(f workflow.Future) {
				trigger, err = webhook.TriggerSchedule, f.Get(ctx, nil)
			}).
			AddReceive(d.retries, func(c workflow.ReceiveChannel, _ bool) {
				if asksForAttempt(receiveRetry(ctx, c), d.lastNumber(), true) {
					trigger = webhook.TriggerManual
				}
			}).
			AddReceive(d.discards, func(workflow.ReceiveChannel, bool) {
				if d.discardRequested(ctx) {
					trigger = discarded
				}
			}).
			Select(ctx)
		if err != nil || trigger != "" {
			return trigger, err
		}
	}
}

// attempt makes one attempt. It is not given up when the workflow is cancelled meanwhile: a POST that is
// under way cannot be taken back, and how it ends has to be recorded. Only while it is kept waiting for its turn, it
// is, and fails as cancelled.
func (d *delivery) attempt(ctx workflow.Context, trigger webhook.Trigger) (webhook.AttemptResult, error) {
	cancellable := ctx
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	request := webhook.AttemptRequest{DeliveryID: d.id, Trigger: trigger, Reset: d.reset}
	summary := "manual attempt"
	if trigger == webhook.TriggerSchedule {
		summary = fmt.Sprintf("attempt %d of %d", d.step+1, len(d.schedule))
		d.step++
	}
	if d.sequence == 0 {
		request.AfterAttempt = d.input.AfterAttempt
	}
	d.sequence++
	request.Sequence = d.sequence
	if d.step < len(d.schedule) {
		request.NextGap = &d.schedule[d.step]
	}
	result, err := d.post(ctx, request, summary)
	for err == nil && result.Waits {
		if err := d.awaitTurn(cancellable); err != nil {
			return result, err
		}
		request.Waited = true
		result, err = d.post(ctx, request, summary)
	}
	if err != nil {
		return result, fmt.Errorf("%s of %s: %w", summary, d.id, err)
	}
	if result.Unrecorded != nil {
		if err := d.record(ctx, result); err != nil {
			return result, err
		}
	}
	d.last = &result
	d.details.attempted(ctx, summary, result)
	d.setStatus(ctx, result.Status)
	return result, nil
}

func (d *delivery) record(ctx workflow.Context, result webhook.AttemptResult) error {
	request := webhook.RecordRequest{DeliveryID: d.id, Result: result}
	err := workflow.ExecuteActivity(d.queuedLane(ctx, AttemptTaskQueue, "record the attempt"), RecordAttemptActivity, request).Get(ctx, nil)
	if err != nil {
		return fmt.Errorf("record attempt of %s: %w", d.id, err)
	}
	return nil
}

func (d *delivery) cancelled(ctx workflow.Context) (DeliveryResult, error) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	request := webhook.EndRequest{DeliveryID: d.id, Status: webhook.StatusCancelled}
	err := workflow.ExecuteActivity(d.queuedLane(detached, AttemptTaskQueue, "record the cancellation"), EndDeliveryActivity, request).Get(detached, nil)
	if err != nil {
		return DeliveryResult{}, fmt.Errorf("record cancellation of %s: %w", d.id, err)
	}
	d.setStatus(detached, webhook.StatusCancelled)
	return DeliveryResult{}, ctx.Err()
}

func (d *delivery) exhausted() error {
	message := fmt.Sprintf("The endpoint did not accept the event in %s. The last one: %s.", attempts(d.last.Number), describe(*d.last))
	return temporal.NewNonRetryableApplicationError(message, DeliveryExhausted, nil)
}

// setStatus keeps the search attribute in step, but spares deliveries that succeed at once its cost.
func (d *delivery) setStatus(ctx workflow.Context, status webhook.Status) {
	atOnce := d.status == webhook.StatusPending && status == webhook.StatusDelivered
	if d.status == status || atOnce {
		d.status = status
		return
	}
	d.status = status
	if err := workflow.UpsertTypedSearchAttributes(ctx, StatusAttribute.ValueSet(string(status))); err != nil {
		workflow.GetLogger(ctx).Error("set the search attribute of the delivery's status", "error", err)
	}
}

func (d *delivery) lastNumber() int {
	if d.last == nil {
		return 0
	}
	return d.last.Number
}
