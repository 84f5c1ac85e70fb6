package service

import (
	"context"
	"time"

	"github.com/durahook/durahook/webhook"
)

// WebhookStats returns the figures of a webhook of the account in the whole hours around a span; see
// [webhook.StatsSpan] for what zero times mean. Of the deliveries of each status, it counts at most atMost; all with 0.
func (s *Service) WebhookStats(ctx context.Context, accountID, id string, since, until time.Time, atMost int) (webhook.Stats, error) {
	if _, err := s.Webhook(ctx, accountID, id); err != nil {
		return webhook.Stats{}, err
	}
	since, until, err := webhook.StatsSpan(since, until, time.Now())
	if err != nil {
		return webhook.Stats{}, err
	}
	return s.store.WebhookStats(ctx, id, since, until, atMost)
}

// AccountStats returns the figures of all webhooks of the account together, without response times, as
// [Service.WebhookStats] does those of one. Where they have more hours than [store.MostTogether], their attempts are left out.
func (s *Service) AccountStats(ctx context.Context, accountID string, since, until time.Time, atMost int) (webhook.Stats, error) {
	since, until, err := webhook.StatsSpan(since, until, time.Now())
	if err != nil {
		return webhook.Stats{}, err
	}
	return s.store.AccountStats(ctx, accountID, since, until, atMost)
}
