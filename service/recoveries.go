package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// Recover has all deliveries of a webhook that match retried. When it returns without an error, that is
// committed and will happen whatever happens next. Conflict: the webhook is disabled, or another recovery of it
// is running.
func (s *Service) Recover(ctx context.Context, accountID, webhookID string, d webhook.RecoveryDefinition) (webhook.Recovery, error) {
	recovery, err := s.defineRecovery(ctx, accountID, webhookID, d)
	if err != nil {
		return webhook.Recovery{}, err
	}
	return recovery, s.store.CreateRecovery(ctx, &recovery)
}

// Recoverable returns how many deliveries [Service.Recover] would have retried, of which it counts at most atMost. What
// it returns with them is what they match, up to now. Conflict: the webhook is disabled.
func (s *Service) Recoverable(ctx context.Context, accountID, webhookID string, d webhook.RecoveryDefinition, atMost int) (webhook.Recovery, int, error) {
	recovery, err := s.defineRecovery(ctx, accountID, webhookID, d)
	if err != nil {
		return webhook.Recovery{}, 0, err
	}
	matched, err := s.store.CountRecoverable(ctx, recovery, atMost)
	return recovery, matched, err
}

// defineRecovery returns a recovery of a webhook that there is, and that is enabled.
func (s *Service) defineRecovery(ctx context.Context, accountID, webhookID string, d webhook.RecoveryDefinition) (webhook.Recovery, error) {
	w, err := s.Webhook(ctx, accountID, webhookID)
	if err != nil {
		return webhook.Recovery{}, err
	}
	recovery, err := webhook.DefineRecovery(accountID, webhookID, d, time.Now())
	if err != nil {
		return webhook.Recovery{}, err
	}
	return recovery, needsEnabled(w)
}

// Recovery returns one recovery of the account.
func (s *Service) Recovery(ctx context.Context, accountID, id string) (webhook.Recovery, error) {
	if err := webhook.CheckID(webhook.RecoveryPrefix, id); err != nil {
		return webhook.Recovery{}, err
	}
	return s.store.Recovery(ctx, accountID, id)
}

// Recoveries returns a page of the recoveries of a webhook of the account, newest first.
func (s *Service) Recoveries(ctx context.Context, accountID, webhookID string, page store.Page) ([]webhook.Recovery, error) {
	if _, err := s.Webhook(ctx, accountID, webhookID); err != nil {
		return nil, err
	}
	return s.store.Recoveries(ctx, accountID, webhookID, page)
}

// CancelRecovery ends a running recovery: no further delivery is retried, and what was asked for goes on. It
// returns the recovery as it stands. Conflict: the recovery has ended already.
func (s *Service) CancelRecovery(ctx context.Context, accountID, id string) (webhook.Recovery, error) {
	r, err := s.Recovery(ctx, accountID, id)
	if err != nil {
		return webhook.Recovery{}, err
	}
	if r.Status != webhook.RecoveryRunning {
		message := fmt.Sprintf("This recovery is %s; only running ones can be cancelled.", r.Status)
		return webhook.Recovery{}, &webhook.Error{Code: webhook.CodeConflict, Message: message}
	}
	if r, err = s.store.EndRecovery(ctx, id, webhook.RecoveryCancelled, ""); err != nil {
		return webhook.Recovery{}, err
	}
	// The row says so now, and the workflow looks at it before each retry; this is for whoever looks at the workflow.
	ctx, cancel := context.WithTimeout(ctx, temporalTimeout)
	defer cancel()
	if err := s.temporal.CancelWorkflow(ctx, id, ""); err != nil {
		s.log.Debug("cancel workflow of recovery; it ends by itself", "recovery", id, "error", err)
	}
	return r, nil
}

// recoveryBatch is how many running recoveries one sweep sees to, and recoveryLease after how long it does so
// again if they still run by then.
const (
	recoveryBatch = 50
	recoveryLease = 10 * time.Second
)

// sweepRecoveries sees to it that each running recovery has a workflow that works on it. The database remembers
// those that run, so that neither the death of a process nor an outage of Temporal loses one.
func (s *Starter) sweepRecoveries(ctx context.Context) error {
	recoveries, err := s.store.ClaimRecoveries(ctx, recoveryBatch, recoveryLease)
	if err != nil {
		return err
	}
	for _, r := range recoveries {
		if err := s.startRecovery(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// terminated is why a recovery fails whose workflow is closed although it did not say that it ended.
const terminated = "Its workflow was terminated."

// startRecovery starts the workflow; that it runs already is fine. One that has closed without an end of the
// recovery was terminated by somebody: then the recovery has failed.
func (s *Starter) startRecovery(ctx context.Context, r webhook.Recovery) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       r.ID,
		TaskQueue:                                workflows.DeliveryTaskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            "recover what " + r.WebhookName + " missed",
		StaticDetails: fmt.Sprintf("Retries the deliveries to webhook `%s` of account `%s` that were made from %s to %s. Cancel to stop.",
			r.WebhookID, r.AccountID, r.Since.UTC().Format(time.RFC3339), r.Until.UTC().Format(time.RFC3339)),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.AccountAttribute.ValueSet(r.AccountID),
			workflows.WebhookAttribute.ValueSet(r.WebhookID),
		),
		Priority: temporal.Priority{FairnessKey: r.WebhookID},
	}, workflows.Recover, workflows.RecoverInput{WebhookID: r.WebhookID})
	var closed *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &closed) {
		_, err = s.store.EndRecovery(ctx, r.ID, webhook.RecoveryFailed, terminated)
		return err
	}
	if err != nil {
		return fmt.Errorf("start workflow %s: %w", r.ID, err)
	}
	return nil
}
