package service

import (
	"context"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// WebhookHours is a webhook with the figures of its last 24 hours and the one under way, the earliest first.
type WebhookHours struct {
	webhook.Webhook
	Hours []webhook.Hour
}

// WebhooksWithHours returns a page of the account's webhooks, newest first: with a text, of those whose ID, name or URL
// it is found in (see [store.Store.SearchWebhooks]). It takes the same few statements however
// many there are on it.
func (s *Service) WebhooksWithHours(ctx context.Context, accountID, text string, page store.Page) ([]WebhookHours, error) {
	webhooks, err := s.store.SearchWebhooks(ctx, accountID, text, page)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(webhooks))
	for i, w := range webhooks {
		ids[i] = w.ID
	}
	since, until, err := webhook.StatsSpan(time.Time{}, time.Time{}, time.Now())
	if err != nil {
		return nil, err
	}
	hours, err := s.store.WebhooksHours(ctx, ids, since, until)
	if err != nil {
		return nil, err
	}
	found := make([]WebhookHours, len(webhooks))
	for i, w := range webhooks {
		found[i] = WebhookHours{w, hours[w.ID]}
	}
	return found, nil
}
