package service

import (
	"context"
	"time"
)

// forgetInterval is how often idempotency keys that are remembered no more are deleted, and forgetBatch how
// many at once.
const (
	forgetInterval = time.Minute
	forgetBatch    = 10_000
)

// forgetKeys deletes old idempotency keys until ctx is done.
func (s *Starter) forgetKeys(ctx context.Context) {
	ticker := time.NewTicker(forgetInterval)
	defer ticker.Stop()
	for {
		deleted, err := s.store.DeleteOldIdempotencyKeys(ctx, forgetBatch)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("delete old idempotency keys", "error", err)
		}
		if deleted == forgetBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
