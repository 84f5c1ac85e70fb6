package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// temporalTimeout bounds a call to Temporal that a client waits for.
const temporalTimeout = 5 * time.Second

// Deliveries returns a page of the account's deliveries, newest first.
func (s *Service) Deliveries(ctx context.Context, accountID string, filter store.DeliveryFilter, page store.Page) ([]webhook.Delivery, error) {
	return s.store.Deliveries(ctx, accountID, filter, page)
}

// Delivery returns one delivery of the account with its attempts.
func (s *Service) Delivery(ctx context.Context, accountID, id string) (webhook.Delivery, []webhook.Attempt, error) {
	d, err := s.delivery(ctx, accountID, id)
	if err != nil {
		return webhook.Delivery{}, nil, err
	}
	attempts, err := s.store.Attempts(ctx, accountID, id)
	return d, attempts, err
}

// Inspection is all there is to know about a delivery.
type Inspection struct {
	Delivery webhook.Delivery
	Attempts []webhook.Attempt // in the order in which they were made
	Webhook  webhook.Webhook   // as it is now, also when it was deleted, without its secrets
	Payload  []byte
	Schedule webhook.Schedule // the one that deliveries like it are given now
}

// Inspect returns a delivery of the account with what was sent and what was answered.
func (s *Service) Inspect(ctx context.Context, accountID, id string) (Inspection, error) {
	d, attempts, err := s.Delivery(ctx, accountID, id)
	if err != nil {
		return Inspection{}, err
	}
	w, payload, err := s.store.Sent(ctx, accountID, id)
	if err != nil {
		return Inspection{}, err
	}
	w.Authentication = w.Authentication.Masked()
	w.SigningSecret, w.PreviousSigningSecret = "", ""
	schedule, err := webhook.ParseGaps(s.starter.scheduleOf(d))
	return Inspection{Delivery: d, Attempts: attempts, Webhook: w, Payload: payload, Schedule: schedule}, err
}

func (s *Service) delivery(ctx context.Context, accountID, id string) (webhook.Delivery, error) {
	if err := webhook.CheckID(webhook.DeliveryPrefix, id); err != nil {
		return webhook.Delivery{}, err
	}
	return s.store.Delivery(ctx, accountID, id)
}

// Retry has a delivery attempted now: an open one goes on with its schedule from there; a closed one gets a
// new run of its workflow with one attempt. It returns the delivery as it stands. Conflict: the webhook is
// disabled or deleted, or the event's data were erased. Unavailable: Temporal cannot be reached, and nothing was asked for.
func (s *Service) Retry(ctx context.Context, accountID, id string) (webhook.Delivery, error) {
	d, err := s.delivery(ctx, accountID, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if d.ErasedAt != nil {
		return webhook.Delivery{}, webhook.ErasedConflict(*d.ErasedAt)
	}
	if err := s.checkEnabled(ctx, d); err != nil {
		return webhook.Delivery{}, err
	}
	if err := s.starter.Retry(ctx, d); err != nil {
		return webhook.Delivery{}, err
	}
	return s.store.Delivery(ctx, accountID, id)
}

func (s *Service) checkEnabled(ctx context.Context, d webhook.Delivery) error {
	w, err := s.store.Webhook(ctx, d.AccountID, d.WebhookID)
	var domain *webhook.Error
	switch {
	case errors.As(err, &domain) && domain.Code == webhook.CodeNotFound:
		return &webhook.Error{Code: webhook.CodeConflict, Message: "The webhook of this delivery was deleted; nothing is sent to it any more."}
	case err != nil:
		return err
	case !w.Enabled:
		return &webhook.Error{Code: webhook.CodeConflict, Message: "The webhook of this delivery is disabled; enable it first. " + w.DisabledReason}
	}
	return nil
}

// Cancel ends an open delivery as cancelled; a request that is under way is let end first. It returns the
// delivery as it stands. Conflict: the delivery has ended already.
func (s *Service) Cancel(ctx context.Context, accountID, id string) (webhook.Delivery, error) {
	d, err := s.delivery(ctx, accountID, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if !d.Status.Open() {
		message := fmt.Sprintf("This delivery is %s; only pending and waiting ones can be cancelled.", d.Status)
		return webhook.Delivery{}, &webhook.Error{Code: webhook.CodeConflict, Message: message}
	}
	// Before the first attempt, which looks at the row, the workflow may not exist yet.
	cancelled, err := s.store.CancelUnattempted(ctx, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if cancelled {
		s.metrics.DeliveryEnded(webhook.StatusCancelled)
	}
	err = s.cancelWorkflow(ctx, id)
	var none *serviceerror.NotFound
	switch {
	case cancelled, err == nil:
		return s.store.Delivery(ctx, accountID, id)
	case errors.As(err, &none):
		return s.cancelLost(ctx, accountID, id)
	default:
		return webhook.Delivery{}, unavailable("cancel "+id, err)
	}
}

func (s *Service) cancelWorkflow(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, temporalTimeout)
	defer cancel()
	return s.temporal.CancelWorkflow(ctx, id, "")
}

// cancelLost cancels a delivery without an open workflow: it has just ended, which the row says before the
// workflow closes, or its workflow got lost or was terminated.
func (s *Service) cancelLost(ctx context.Context, accountID, id string) (webhook.Delivery, error) {
	d, err := s.store.Delivery(ctx, accountID, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	ended, err := s.store.EndOpen(ctx, d, webhook.StatusCancelled)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if !ended {
		return webhook.Delivery{}, &webhook.Error{Code: webhook.CodeConflict, Message: "This delivery has just ended."}
	}
	s.metrics.DeliveryEnded(webhook.StatusCancelled)
	return s.store.Delivery(ctx, accountID, id)
}

// unavailable words a failed call to Temporal for people; the cause stays wrapped for the log.
func unavailable(doing string, err error) error {
	if err == nil {
		return nil
	}
	domain := &webhook.Error{Code: webhook.CodeUnavailable, Message: "Temporal cannot be reached at the moment; try again."}
	return fmt.Errorf("%s: %w: %w", doing, domain, err)
}
