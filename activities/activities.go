// Package activities does what the workflows ask for: it makes the signed POST of an attempt and records
// how it ended. It imports webhook, store, target, lanes, metrics, traces, alerts, exports and internal/stack.
package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/internal/stack"
	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

// Store is where attempts find what to send and write down how they ended.
type Store interface {
	ReopenReset(ctx context.Context, deliveryID, runID string) (bool, error)
	PrepareAttempt(ctx context.Context, deliveryID, runID string, sequence int) (store.Prepared, error)
	TakeTurn(ctx context.Context, deliveryID, webhookID string) (store.Turn, error)
	RecordAttempt(ctx context.Context, a webhook.Attempt, status webhook.Status, nextAttemptAt *time.Time) error
	EndDelivery(ctx context.Context, id string, status webhook.Status) (bool, error)
	DisableWebhook(ctx context.Context, id, reason string) error
	TellExhausted(ctx context.Context, a webhook.Attempt) error
}

// Activities holds what the activities need; its methods are the activities.
type Activities struct {
	store   Store
	sender  *Sender
	lanes   *lanes.Tracker
	turns   *Turns
	endings *pace
	metrics *metrics.Metrics
	traces  *traces.Traces
	log     *slog.Logger
}

// New returns the activities over a store and a sender. Tracker learns of the requests in flight, turns of deliveries
// that wait for their turn, m counts what is done, and t makes spans of it; nil for none.
func New(store Store, sender *Sender, tracker *lanes.Tracker, turns *Turns, m *metrics.Metrics, t *traces.Traces, log *slog.Logger) *Activities {
	return &Activities{store: store, sender: sender, lanes: tracker, turns: turns, endings: newPace(), metrics: m, traces: t, log: log}
}

// goneReason is why a webhook is disabled whose endpoint answers 410.
const goneReason = "The endpoint answered 410 Gone."

// Attempt makes one signed POST, unless the same attempt is already recorded, the delivery has ended or it is not its
// turn yet, and records how it ended. It fails only when the database cannot say what to send; how the endpoint answered
// is a result.
func (a *Activities) Attempt(ctx context.Context, request webhook.AttemptRequest) (webhook.AttemptResult, error) {
	stack.Grow[stack.Some]()
	runID := activity.GetInfo(ctx).WorkflowExecution.RunID
	if err := a.reopen(ctx, &request, runID); err != nil {
		return webhook.AttemptResult{}, infrastructure(err)
	}
	prepared, err := a.store.PrepareAttempt(ctx, request.DeliveryID, runID, request.Sequence)
	if err != nil {
		return webhook.AttemptResult{}, infrastructure(err)
	}
	defer a.lanes.Release(prepared.Webhook.ID, request.DeliveryID) // whatever becomes of it
	if prepared.Recorded != nil {
		result := recorded(*prepared.Recorded, prepared.Delivery, request.NextGap)
		return result, a.follow(ctx, *prepared.Recorded, result, prepared.Webhook.ID)
	}
	if answered(prepared.Delivery, request) {
		return lastAttempt(prepared.Delivery), nil
	}
	if status, ended := endedBefore(prepared, request); ended {
		err := a.end(ctx, request.DeliveryID, status)
		return webhook.AttemptResult{Number: prepared.Delivery.AttemptCount, Status: status}, infrastructure(err)
	}
	if result, moved := a.move(ctx, prepared, request); moved {
		return result, nil
	}
	if taken, err := a.takeTurn(ctx, prepared, request); err != nil || !taken {
		result := unattempted(prepared.Delivery)
		result.Waits = true
		return result, err
	}
	ctx, span := a.traces.Attempt(ctx, prepared.Delivery)
	result, err := a.make(ctx, prepared, request, runID)
	span.End(err)
	return result, err
}

// move reports whether the attempt is to be made elsewhere, and where. One that stays in the fast lane has a place there,
// where a slow endpoint is good enough.
func (a *Activities) move(ctx context.Context, prepared store.Prepared, request webhook.AttemptRequest) (webhook.AttemptResult, bool) {
	result := unattempted(prepared.Delivery)
	result.Moved = true
	if request.ChooseLane { // which looks for trouble, too
		choice := a.lanes.Choose(prepared.Webhook.AccountID, prepared.Webhook.ID, request.DeliveryID)
		result.Quick, result.LaneReason = !choice.Slow, choice.Why
		return result, choice.Lane != lanes.Fast
	}
	worst := lanes.Prompt
	if activity.GetInfo(ctx).IsLocalActivity {
		worst = lanes.Slow
	}
	return result, request.MayMove && a.lanes.Pace(prepared.Webhook.ID) > worst
}

// unattempted is where a delivery stands to which no attempt is made now.
func unattempted(d webhook.Delivery) webhook.AttemptResult {
	return webhook.AttemptResult{Number: d.AttemptCount, Status: d.Status}
}

// make makes the attempt and records it.
func (a *Activities) make(ctx context.Context, prepared store.Prepared, request webhook.AttemptRequest, runID string) (webhook.AttemptResult, error) {
	defer heartbeat(ctx)()
	answer := a.send(ctx, prepared)
	if err := ctx.Err(); err != nil && answer.statusCode == 0 {
		return webhook.AttemptResult{}, fmt.Errorf("the worker was stopped in the middle of the attempt: %w", err)
	}
	attempt := answer.attempt(request, runID)
	attempt.Lane, attempt.LaneReason = laneOf(ctx, request)
	a.count(prepared, attempt, request.Waited)
	result := conclude(attempt, prepared.Delivery, answer.retryAfter, request.NextGap)
	result.Number = prepared.Delivery.AttemptCount + 1
	a.logAttempt(prepared, result)
	if err := a.recordSoon(ctx, attempt, result, prepared.Webhook.ID); err != nil {
		a.log.Error("record attempt; the workflow will", "delivery", request.DeliveryID, "error", err)
		result.Unrecorded = unrecorded(attempt, prepared.Webhook.ID)
	}
	a.endInTurn(ctx, result)
	return result, nil
}

// reopen opens the delivery again if its workflow was reset: what was delivered, cancelled or exhausted is sent again
// then, because somebody asks for it.
func (a *Activities) reopen(ctx context.Context, request *webhook.AttemptRequest, runID string) error {
	if !request.Reset {
		return nil
	}
	reopened, err := a.store.ReopenReset(ctx, request.DeliveryID, runID)
	if reopened {
		request.Trigger = webhook.TriggerManual
	}
	return err
}

// answered reports whether a retry of a closed delivery has been answered by an attempt that was made after
// the retry was asked for: then two people asked at the same moment.
func answered(d webhook.Delivery, request webhook.AttemptRequest) bool {
	return request.AfterAttempt > 0 && d.AttemptCount > request.AfterAttempt && !d.Status.Open()
}

func lastAttempt(d webhook.Delivery) webhook.AttemptResult {
	result := webhook.AttemptResult{Number: d.AttemptCount, StatusCode: d.StatusCode, Status: d.Status}
	if d.Outcome != nil {
		result.Outcome = *d.Outcome
	}
	if d.ResponseTimeMS != nil {
		result.ResponseTimeMS = *d.ResponseTimeMS
	}
	return result
}

// endedBefore reports whether the delivery is not to be sent after all, and as what it ends.
func endedBefore(prepared store.Prepared, request webhook.AttemptRequest) (webhook.Status, bool) {
	switch {
	case prepared.Erased && !prepared.Delivery.Status.Open():
		return prepared.Delivery.Status, true
	case prepared.Erased:
		return webhook.StatusDiscarded, true
	case !prepared.Webhook.Enabled, prepared.Discarded && request.Trigger == webhook.TriggerSchedule:
		return webhook.StatusDiscarded, true
	case prepared.Delivery.Status == webhook.StatusCancelled && request.Trigger == webhook.TriggerSchedule:
		return webhook.StatusCancelled, true
	default:
		return "", false
	}
}

func (a *Activities) send(ctx context.Context, prepared store.Prepared) (answered answer) {
	defer a.lanes.Begin(prepared.Webhook.ID, prepared.Delivery.ID)()
	a.metrics.AttemptBegins()
	defer a.metrics.AttemptEnds()
	ctx, span := a.traces.Post(ctx)
	defer func() {
		span.Posted(answered.outcome, answered.statusCode)
		span.End(nil)
	}()
	return a.sender.Send(ctx, Request{
		Webhook: prepared.Webhook,
		EventID: prepared.Delivery.EventID,
		Event:   prepared.Delivery.Event,
		Attempt: prepared.Delivery.AttemptCount + 1,
		Payload: prepared.Payload,
	})
}

// conclude decides where the delivery stands after an attempt: the outcome table of the README. A test finds
// out that an endpoint is gone, but doesn't disable the webhook for it.
func conclude(attempt webhook.Attempt, d webhook.Delivery, retryAfter time.Duration, nextGap *time.Duration) webhook.AttemptResult {
	result := webhook.AttemptResult{
		Number: attempt.Number, Outcome: attempt.Outcome, StatusCode: attempt.StatusCode, ResponseTimeMS: attempt.ResponseTimeMS,
	}
	if attempt.Error != nil {
		result.Error = *attempt.Error
	}
	switch {
	case attempt.Outcome == webhook.OutcomeSuccess:
		result.Status = webhook.StatusDelivered
	case attempt.StatusCode != nil && *attempt.StatusCode == http.StatusGone && !d.Test:
		result.Status = webhook.StatusDiscarded
	case nextGap == nil:
		result.Status = webhook.StatusExhausted
	default:
		gap := min(max(*nextGap, retryAfter), webhook.MaxGap)
		result.Status, result.NextGap = webhook.StatusWaiting, &gap
	}
	return result
}

// recorded is the result of an attempt that a worker made and recorded before it died. The delivery's row
// tells only how long it waits: its status may have changed since, when a retry was asked for.
func recorded(attempt webhook.Attempt, delivery webhook.Delivery, nextGap *time.Duration) webhook.AttemptResult {
	var gap time.Duration
	if delivery.NextAttemptAt != nil {
		gap = delivery.NextAttemptAt.Sub(attempt.EndedAt)
	}
	return conclude(attempt, delivery, gap, nextGap)
}

// RecordAttempt records an attempt that Attempt could not.
func (a *Activities) RecordAttempt(ctx context.Context, request webhook.RecordRequest) error {
	result, rest := request.Result, request.Result.Unrecorded
	if rest == nil {
		return temporal.NewNonRetryableApplicationError("there is nothing to record", "InvalidInput", nil)
	}
	attempt := webhook.Attempt{
		DeliveryID: request.DeliveryID, RunID: rest.RunID, Sequence: rest.Sequence, Trigger: rest.Trigger,
		Outcome: result.Outcome, StatusCode: result.StatusCode, ResponseTimeMS: result.ResponseTimeMS,
		StartedAt: rest.StartedAt, EndedAt: rest.EndedAt, Timing: rest.Timing,
		Lane: rest.Lane, LaneReason: rest.LaneReason,
	}
	if result.Error != "" {
		attempt.Error = &result.Error
	}
	return a.record(ctx, attempt, result, rest.WebhookID)
}

// EndDelivery records that a delivery ended without another attempt.
func (a *Activities) EndDelivery(ctx context.Context, request webhook.EndRequest) error {
	return infrastructure(a.end(ctx, request.DeliveryID, request.Status))
}

func (a *Activities) end(ctx context.Context, deliveryID string, status webhook.Status) error {
	ended, err := a.store.EndDelivery(ctx, deliveryID, status)
	if ended {
		a.metrics.DeliveryEnded(status)
	}
	return err
}

// infrastructure makes an error that no retry can mend non-retryable; the others are worth a retry.
func infrastructure(err error) error {
	var domain *webhook.Error
	if errors.As(err, &domain) {
		return temporal.NewNonRetryableApplicationError(domain.Message, string(domain.Code), nil)
	}
	return err
}

// laneOf returns the lane in which an attempt is made, and why, if it is not the fast one.
func laneOf(ctx context.Context, request webhook.AttemptRequest) (lane, reason *string) {
	name := string(lanes.Queued)
	switch {
	case activity.GetInfo(ctx).IsLocalActivity:
		name = string(lanes.Fast)
	case request.LaneReason != "":
		reason = &request.LaneReason
	}
	return &name, reason
}

// count counts an attempt that was made, whether or not it can be recorded.
func (a *Activities) count(prepared store.Prepared, attempt webhook.Attempt, waited bool) {
	if prepared.Delivery.AttemptCount == 0 && !waited { // under a rate limit, it is as late as its owner wants it
		a.metrics.FirstAttempt(attempt.StartedAt.Sub(prepared.Delivery.CreatedAt))
	}
	kind := metrics.Attempt{Outcome: attempt.Outcome, Trigger: attempt.Trigger, Lane: lanes.Lane(*attempt.Lane)}
	a.metrics.AttemptMade(kind, attempt.EndedAt.Sub(attempt.StartedAt))
}

// logAttempt writes the one line that each attempt leaves in the log: IDs and figures, nothing personal.
func (a *Activities) logAttempt(prepared store.Prepared, result webhook.AttemptResult) {
	attributes := []any{
		"delivery", prepared.Delivery.ID, "webhook", prepared.Webhook.ID, "event_id", prepared.Delivery.EventID,
		"event", prepared.Delivery.Event, "attempt", result.Number, "outcome", result.Outcome,
		"response_time_ms", result.ResponseTimeMS, "status", result.Status,
	}
	if result.StatusCode != nil {
		attributes = append(attributes, "status_code", *result.StatusCode)
	}
	if result.Error != "" {
		attributes = append(attributes, "error", result.Error)
	}
	if traceID := traces.ID(prepared.Delivery.Traceparent); traceID != "" {
		attributes = append(attributes, "trace_id", traceID)
	}
	a.log.Info("attempt", attributes...)
}

// recordSoon records an attempt right after it was made. It tries for a few seconds only: then the
// workflow takes over, which outlives this process.
func (a *Activities) recordSoon(ctx context.Context, attempt webhook.Attempt, result webhook.AttemptResult, webhookID string) (err error) {
	const patience = 5 * time.Second
	// The POST was made: that has to be written down even if the worker is being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	defer heartbeat(ctx)()
	ctx, span := a.traces.Record(ctx)
	defer func() { span.End(err) }()
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err = a.record(ctx, attempt, result, webhookID)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (a *Activities) record(ctx context.Context, attempt webhook.Attempt, result webhook.AttemptResult, webhookID string) error {
	var nextAttemptAt *time.Time
	if result.NextGap != nil {
		at := attempt.EndedAt.Add(*result.NextGap)
		nextAttemptAt = &at
	}
	if err := a.store.RecordAttempt(ctx, attempt, result.Status, nextAttemptAt); err != nil {
		return err
	}
	a.metrics.DeliveryEnded(result.Status)
	return a.follow(ctx, attempt, result, webhookID)
}

// follow does what follows from an attempt that is recorded, once more if the worker died in the middle of it: it
// disables a webhook whose endpoint answered 410 Gone, and tells that a delivery is exhausted. That comes after the
// recording: once a webhook is disabled, its attempts are not looked at any more.
func (a *Activities) follow(ctx context.Context, attempt webhook.Attempt, result webhook.AttemptResult, webhookID string) error {
	switch result.Status {
	case webhook.StatusDiscarded:
		if err := a.store.DisableWebhook(ctx, webhookID, goneReason); err != nil {
			return fmt.Errorf("after 410 Gone: %w", err)
		}
	case webhook.StatusExhausted:
		return a.store.TellExhausted(ctx, attempt)
	default:
	}
	return nil
}
