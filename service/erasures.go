package service

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

const (
	// eraseBatch is how many events are erased in one transaction.
	eraseBatch = 100
	// eraseFor is how long one request erases. Whoever asked asks again for the rest.
	eraseFor = 20 * time.Second
	// mostErasable is how many events are counted, by an erasure that only counts and by a second search.
	mostErasable = 10_000
)

// Erase erases the data of the account's events that a search for a value finds, and records who did that, never what
// it was. Open deliveries of them end as discarded. What a second search finds is in the answer: where that is not 0,
// time was up, and the same request goes on. One that is asked to only count changes nothing.
func (s *Service) Erase(ctx context.Context, by webhook.Principal, accountID string, d webhook.ErasureDefinition) (webhook.Erasure, error) {
	if err := d.Check(); err != nil {
		return webhook.Erasure{}, err
	}
	if d.DryRun {
		return s.countErasable(ctx, accountID, d.Match)
	}
	erasure := webhook.Erasure{ID: webhook.NewID(webhook.ErasurePrefix), AccountID: accountID, ErasedBy: by.Name()}
	reachable := true
	for began := time.Now(); time.Since(began) < eraseFor; {
		ids, err := s.store.EventsToErase(ctx, accountID, d.Match, eraseBatch)
		if err != nil {
			return webhook.Erasure{}, err
		}
		if len(ids) == 0 {
			break
		}
		erased, open, err := s.store.EraseEvents(ctx, accountID, ids)
		if err != nil {
			return webhook.Erasure{}, err
		}
		erasure.Add(erased)
		reachable = s.discardErased(ctx, open, reachable)
	}
	left, err := s.store.EventsToErase(ctx, accountID, d.Match, mostErasable)
	if err != nil {
		return webhook.Erasure{}, err
	}
	erasure.Left = len(left)
	if err := s.store.RecordErasure(ctx, &erasure, d.Match); err != nil {
		return webhook.Erasure{}, err
	}
	s.log.Info("erased data", "erasure", erasure.ID, "account", accountID, "by", erasure.ErasedBy, "events", erasure.Events,
		"deliveries", erasure.Deliveries, "attempts", erasure.Attempts, "discarded", erasure.Discarded, "left", erasure.Left)
	return erasure, nil
}

func (s *Service) countErasable(ctx context.Context, accountID, match string) (webhook.Erasure, error) {
	ids, err := s.store.EventsToErase(ctx, accountID, match, mostErasable)
	if err != nil {
		return webhook.Erasure{}, err
	}
	erased, err := s.store.CountErasable(ctx, accountID, ids)
	return webhook.Erasure{AccountID: accountID, Erased: erased, Left: len(ids)}, err
}

// discardErased has the workflows of deliveries end whose rows have, as long as Temporal can be reached, and reports
// whether it can. One that is not ends at its next attempt, which is not made, or when the reconciler finds it.
func (s *Service) discardErased(ctx context.Context, deliveryIDs []string, reachable bool) bool {
	for _, id := range deliveryIDs {
		s.metrics.DeliveryEnded(webhook.StatusDiscarded)
		if !reachable {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, temporalTimeout)
		err := s.temporal.SignalWorkflow(ctx, id, "", workflows.DiscardSignal, nil)
		cancel()
		var none *serviceerror.NotFound
		if err != nil && !errors.As(err, &none) {
			s.log.Warn("end the workflows of erased deliveries; the reconciler will", "delivery", id, "error", err)
			reachable = false // the others would wait for nothing
		}
	}
	return reachable
}

// Erasures returns a page of the account's erasures, newest first.
func (s *Service) Erasures(ctx context.Context, accountID string, page store.Page) ([]webhook.Erasure, error) {
	return s.store.Erasures(ctx, accountID, page)
}
