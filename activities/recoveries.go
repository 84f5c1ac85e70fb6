package activities

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/durahook/durahook/webhook"
)

// recoveryPace is how long it takes from one retry to the next at least: 20 a second. An endpoint that was down
// for a day is not to go down again under what it missed, and what is published meanwhile needs its share of
// the endpoint and of our workers; a hundred thousand deliveries still take less than an hour and a half.
const recoveryPace = 50 * time.Millisecond

// RecoveryStore knows what there is to recover and keeps how far that has come.
type RecoveryStore interface {
	CountRecovery(ctx context.Context, id string) (webhook.Recovery, error)
	NextToRecover(ctx context.Context, id string) (webhook.Recovery, *webhook.Delivery, error)
	InHand(ctx context.Context, id string) (*webhook.Delivery, error)
	EndRecovery(ctx context.Context, id string, status webhook.RecoveryStatus, reason string) (webhook.Recovery, error)
}

// Recoveries retries what webhooks missed; its methods are the activities.
type Recoveries struct {
	store RecoveryStore
	retry func(ctx context.Context, d webhook.Delivery) error
	log   *slog.Logger
}

// NewRecoveries returns the activities over a store and a function that has a delivery attempted now.
func NewRecoveries(store RecoveryStore, retry func(ctx context.Context, d webhook.Delivery) error, log *slog.Logger) *Recoveries {
	return &Recoveries{store: store, retry: retry, log: log}
}

// CountRecovery counts the deliveries that the recovery is to retry.
func (r *Recoveries) CountRecovery(ctx context.Context, request webhook.RecoveryRequest) (webhook.RecoveryProgress, error) {
	defer heartbeat(ctx)()
	recovery, err := r.store.CountRecovery(ctx, request.RecoveryID)
	return recovery.Progress(), infrastructure(err)
}

// RecoverBatch asks for a retry of the recovery's next deliveries, oldest first and in its pace, up to as many
// as the request says or until there are no more. The store knows where to go on; it counts a delivery before
// the retry is asked for, so that a batch which is repeated because a worker died begins with the one delivery
// of which nobody knows whether it was.
func (r *Recoveries) RecoverBatch(ctx context.Context, request webhook.RecoveryRequest) (webhook.RecoveryProgress, error) {
	defer heartbeat(ctx)()
	if activity.GetInfo(ctx).Attempt > 1 {
		if err := r.retryInHand(ctx, request.RecoveryID); err != nil {
			return webhook.RecoveryProgress{}, err
		}
	}
	pace := time.NewTicker(recoveryPace)
	defer pace.Stop()
	for taken := 1; ; taken++ {
		recovery, d, err := r.store.NextToRecover(ctx, request.RecoveryID)
		if err != nil {
			return webhook.RecoveryProgress{}, infrastructure(err)
		}
		if d == nil {
			r.logEnd(recovery)
			return recovery.Progress(), nil
		}
		if err := r.retryOne(ctx, *d); err != nil {
			return webhook.RecoveryProgress{}, err
		}
		if taken >= request.Most {
			return recovery.Progress(), nil
		}
		select {
		case <-pace.C:
		case <-activity.GetWorkerStopChannel(ctx):
			return webhook.RecoveryProgress{}, errWorkerStops
		case <-ctx.Done():
			return webhook.RecoveryProgress{}, ctx.Err()
		}
	}
}

func (r *Recoveries) retryInHand(ctx context.Context, recoveryID string) error {
	d, err := r.store.InHand(ctx, recoveryID)
	if err != nil || d == nil {
		return infrastructure(err)
	}
	return r.retryOne(ctx, *d)
}

// retryOne asks for one retry. Whatever goes wrong is worth another try: it is our infrastructure's fault.
func (r *Recoveries) retryOne(ctx context.Context, d webhook.Delivery) error {
	if err := r.retry(ctx, d); err != nil {
		return fmt.Errorf("retry %s: %w", d.ID, err)
	}
	return nil
}

// EndRecovery records that the recovery was cancelled, after the retry that may have been interrupted by that.
func (r *Recoveries) EndRecovery(ctx context.Context, request webhook.RecoveryRequest) (webhook.RecoveryProgress, error) {
	if err := r.retryInHand(ctx, request.RecoveryID); err != nil {
		return webhook.RecoveryProgress{}, err
	}
	recovery, err := r.store.EndRecovery(ctx, request.RecoveryID, webhook.RecoveryCancelled, "")
	if err != nil {
		return webhook.RecoveryProgress{}, infrastructure(err)
	}
	r.logEnd(recovery)
	return recovery.Progress(), nil
}

func (r *Recoveries) logEnd(recovery webhook.Recovery) {
	r.log.Info("recovery ended", "recovery", recovery.ID, "webhook", recovery.WebhookID, "status", recovery.Status,
		"matched", recovery.Matched, "retried", recovery.Retried, "skipped", recovery.Skipped)
}
