package service

import (
	"context"
	"errors"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

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

// signalRetry signals the delivery's workflow, and starts one first if none is open: with what is left of the
// schedule when the delivery is open but Temporal doesn't know it, else for one attempt.
func (s *Starter) signalRetry(ctx context.Context, d webhook.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, temporalTimeout)
	defer cancel()
	options, input, err := s.restOptions(ctx, d)
	if err != nil {
		return err
	}
	if !d.Status.Open() {
		options.WorkflowIDReusePolicy = enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	request := webhook.RetryRequest{AfterAttempt: d.AttemptCount}
	_, err = s.temporal.SignalWithStartWorkflow(ctx, d.ID, workflows.RetrySignal, request, options, workflows.Delivery, input)
	return err
}

// startAgain starts the workflow of an open delivery that Temporal lost; that there is one is fine.
func (s *Starter) startAgain(ctx context.Context, d webhook.Delivery) error {
	options, input, err := s.restOptions(ctx, d)
	if err != nil {
		return err
	}
	return s.execute(ctx, options, input)
}

// restOptions returns how the workflow of a delivery is started that may have had one: it never loses its place. One
// that waited for an attempt goes on with what is left of its schedule; what was closed, and perhaps reopened, gets
// the one attempt that somebody asked for.
func (s *Starter) restOptions(ctx context.Context, d webhook.Delivery) (client.StartWorkflowOptions, workflows.DeliveryInput, error) {
	options, input := s.startOptions(d, s.queuedLane(d))
	var err error
	switch {
	case d.Status.Open() && d.NextAttemptAt != nil:
		input.Step, err = s.store.ScheduledAttempts(ctx, d.ID)
	case !d.Status.Open(), d.AttemptCount > 0:
		input.Schedule, input.AfterAttempt = nil, d.AttemptCount
	}
	return options, input, err
}
