package service

import (
	"context"
	"errors"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// Retry has a delivery, as it was read, attempted now, whoever asks: a client for one or a recovery for many.
// An open delivery goes on with its schedule from there; a closed one gets a new run of its workflow with one
// attempt. To ask twice is harmless: an attempt that was made since the delivery was read answers it.
// Unavailable: Temporal cannot be reached.
func (s *Starter) Retry(ctx context.Context, d webhook.Delivery) error {
	err := s.signalRetry(ctx, d)
	var closed *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &closed) {
		// The row was read just before the workflow closed.
		d.Status = webhook.StatusExhausted
		err = s.signalRetry(ctx, d)
	}
	if err != nil {
		return unavailable("retry "+d.ID, err)
	}
	if d.Status.Open() {
		return nil
	}
	return s.store.Reopen(ctx, d.ID, d.AttemptCount)
}

// signalRetry signals the delivery's workflow, and starts one first if none is open: with the whole
// schedule when the delivery is open but was never started, else for one attempt.
func (s *Starter) signalRetry(ctx context.Context, d webhook.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, temporalTimeout)
	defer cancel()
	options, input := s.startOptions(d)
	options.EnableEagerStart, input.FastLane = false, false
	if !d.Status.Open() {
		options.WorkflowIDReusePolicy = enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
		input.Schedule, input.AfterAttempt = nil, d.AttemptCount
	}
	request := webhook.RetryRequest{AfterAttempt: d.AttemptCount}
	_, err := s.temporal.SignalWithStartWorkflow(ctx, d.ID, workflows.RetrySignal, request, options, workflows.Delivery, input)
	return err
}
