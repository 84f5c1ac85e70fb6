package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/filter"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

const (
	// DefaultTestTimeout is how long the result of a test is waited for where it isn't known how long attempts
	// may take, and maxTestTimeout the longest: the client is to get an answer before its connection is closed.
	DefaultTestTimeout = 40 * time.Second
	maxTestTimeout     = 50 * time.Second
)

// TestResult is how a test of a webhook went.
type TestResult struct {
	Delivery     webhook.Delivery
	PassesFilter bool // whether the event would have been delivered had it been published
	Attempt      webhook.Attempt
}

// TestWebhook sends the example of an event type to a webhook of the account, once, and returns how that went.
// It is sent whether or not the webhook is enabled, subscribes to the event type and has a filter that lets it
// pass. Unavailable: Temporal cannot be reached, or didn't end the delivery in time; then it is not sent later
// either. Conflict: the webhook was deleted meanwhile.
func (s *Service) TestWebhook(ctx context.Context, accountID, id string, request webhook.TestRequest) (TestResult, error) {
	w, err := s.Webhook(ctx, accountID, id)
	if err != nil {
		return TestResult{}, err
	}
	event, err := s.testEvent(ctx, w, request)
	if err != nil {
		return TestResult{}, err
	}
	read, err := filter.Read(event.Event, event.Timestamp, event.Payload)
	if err != nil {
		return TestResult{}, err
	}
	result := TestResult{PassesFilter: s.filters.passes(ctx, w.ID, w.Filter, read)}
	// Should the client hang up, the test goes on: it is in the list of deliveries, and has to end there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.testTimeout)
	defer cancel()
	d := webhook.NewDelivery(event, w.ID, w.Name)
	if err := s.store.CreateTest(ctx, event, &d, 2*s.testTimeout); err != nil {
		return TestResult{}, err
	}
	s.metrics.Published(0, 1)
	if err := s.runTest(ctx, d); err != nil {
		return TestResult{}, errors.Join(err, s.abandonTest(ctx, d.ID))
	}
	var attempts []webhook.Attempt
	if result.Delivery, attempts, err = s.Delivery(ctx, accountID, d.ID); err != nil {
		return TestResult{}, err
	}
	if len(attempts) == 0 {
		message := fmt.Sprintf("Nothing was sent: the test is %s, since it was cancelled or the webhook deleted at the same moment.", result.Delivery.Status)
		return TestResult{}, &webhook.Error{Code: webhook.CodeConflict, Message: message}
	}
	result.Attempt = attempts[len(attempts)-1]
	return result, nil
}

// testEvent returns the example to send, from the account's catalogue.
func (s *Service) testEvent(ctx context.Context, w webhook.Webhook, request webhook.TestRequest) (webhook.Event, error) {
	names, err := s.store.EventTypeNames(ctx, w.AccountID)
	if err != nil {
		return webhook.Event{}, err
	}
	name, err := request.EventType(w, names)
	if err != nil {
		return webhook.Event{}, err
	}
	t, err := s.store.EventType(ctx, w.AccountID, name)
	if err != nil {
		return webhook.Event{}, err
	}
	return webhook.TestEvent(w.AccountID, t)
}

// runTest starts the delivery's workflow and waits for its end, whichever that is.
func (s *Service) runTest(ctx context.Context, d webhook.Delivery) error {
	options, input := s.starter.startOptions(d, s.starter.chooseLane(d))
	starting, cancel := context.WithTimeout(ctx, temporalTimeout)
	defer cancel()
	run, err := s.temporal.ExecuteWorkflow(starting, options, workflows.Delivery, input)
	if err != nil {
		s.starter.release(d)
		return unavailable("test "+d.ID, err)
	}
	err = run.Get(ctx, nil)
	var ended *temporal.WorkflowExecutionError
	switch {
	case err == nil, errors.As(err, &ended): // it failed, as deliveries do that are not accepted
		return nil
	case ctx.Err() != nil:
		message := "The test has not ended in time, so it was given up; see whether a worker runs, and try again."
		return fmt.Errorf("test %s: %w", d.ID, &webhook.Error{Code: webhook.CodeUnavailable, Message: message})
	default:
		return unavailable("test "+d.ID, err)
	}
}

// abandonTest sees to it that a test which nobody waits for any more is not sent later. A request that is under
// way is let end.
func (s *Service) abandonTest(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), temporalTimeout)
	defer cancel()
	_, err := s.store.CancelUnattempted(ctx, id)
	return err
}
