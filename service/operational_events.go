package service

import (
	"context"
	"time"

	"github.com/durahook/durahook/webhook"
)

const (
	// operationalInterval is how often operational events are looked for, operationalBatch how many are taken in hand
	// at a time, and operationalLease after how long they come up again if that process dies.
	operationalInterval = time.Second
	operationalBatch    = 100
	operationalLease    = 30 * time.Second
)

// RunOperational publishes operational events, which are written where something happens, until ctx is done. They
// are an outbox: none is lost if a process dies, and none is published twice.
func (s *Service) RunOperational(ctx context.Context) error {
	ticker := time.NewTicker(operationalInterval)
	defer ticker.Stop()
	for {
		published, err := s.publishOperational(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("publish operational events", "error", err)
		}
		if published == operationalBatch && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// publishOperational publishes a batch of operational events and returns how many it was.
func (s *Service) publishOperational(ctx context.Context) (int, error) {
	claimed, err := s.store.ClaimOperationalEvents(ctx, operationalBatch, operationalLease)
	if err != nil {
		return 0, err
	}
	for _, happened := range claimed {
		if err := s.publishHappened(ctx, happened); err != nil {
			return 0, err
		}
	}
	return len(claimed), nil
}

func (s *Service) publishHappened(ctx context.Context, happened webhook.OperationalEvent) error {
	event, err := happened.Publish()
	if err != nil {
		return err
	}
	s.store.ForgetSubscriptions(happened.AccountID) // what happened may have changed them, and no version is compared
	published, _, err := s.match(ctx, happened.AccountID, []webhook.Event{event})
	if err != nil {
		return err
	}
	one := published[0].Without(happened.WebhookID)
	done, err := s.store.PublishOperationalEvent(ctx, one)
	if err != nil || !done || len(one.Deliveries) == 0 {
		return err
	}
	s.metrics.Published(1, len(one.Deliveries))
	s.starter.Enqueue(one.Deliveries)
	return nil
}

// Missed returns what a webhook of the account missed when it was last disabled and what was not recovered since:
// nothing if it never was disabled. It is the same before and after it is enabled again.
func (s *Service) Missed(ctx context.Context, accountID, webhookID string) (webhook.Missed, error) {
	if _, err := s.Webhook(ctx, accountID, webhookID); err != nil {
		return webhook.Missed{}, err
	}
	return s.store.Missed(ctx, webhookID)
}
