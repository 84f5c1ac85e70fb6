package service

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// discardBatch is how many disabled webhooks one sweep sees to, and discardLease after how long it does so
// again if their deliveries have not been discarded by then.
const (
	discardBatch = 50
	discardLease = time.Minute
)

// sweepDiscards starts the workflow that discards waiting deliveries for each webhook that was disabled or
// deleted, whoever did that. The database remembers it until it is done, so neither the death of a process
// nor an outage of Temporal leaves deliveries waiting.
func (s *Starter) sweepDiscards(ctx context.Context) error {
	webhooks, err := s.store.ClaimDiscards(ctx, discardBatch, discardLease)
	if err != nil {
		return err
	}
	for _, w := range webhooks {
		if err := s.startDiscard(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// startDiscard starts the workflow; that it runs already is fine.
func (s *Starter) startDiscard(ctx context.Context, w webhook.Webhook) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       workflows.DiscardID(w.ID),
		TaskQueue:                workflows.DeliveryTaskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "discard what waits for " + w.Name,
		StaticDetails:            fmt.Sprintf("Webhook `%s` of account `%s` was disabled or deleted.", w.ID, w.AccountID),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.AccountAttribute.ValueSet(w.AccountID),
			workflows.WebhookAttribute.ValueSet(w.ID),
		),
		Priority: temporal.Priority{FairnessKey: w.ID},
	}, workflows.DiscardDeliveries, webhook.DiscardRequest{WebhookID: w.ID})
	if err != nil {
		return fmt.Errorf("start workflow %s: %w", workflows.DiscardID(w.ID), err)
	}
	return nil
}
