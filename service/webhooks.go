package service

import (
	"context"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// CreateWebhook makes a webhook of the account. The returned one holds its signing secret, which is to be
// shown this once.
func (s *Service) CreateWebhook(ctx context.Context, accountID string, d webhook.Definition) (webhook.Webhook, error) {
	w, err := webhook.Define(accountID, d, s.guard.AllowsHTTP())
	if err != nil {
		return webhook.Webhook{}, err
	}
	if err := s.guard.CheckURL(ctx, w.URL); err != nil {
		return webhook.Webhook{}, err
	}
	return w, s.store.CreateWebhook(ctx, &w)
}

// Webhook returns one webhook of the account.
func (s *Service) Webhook(ctx context.Context, accountID, id string) (webhook.Webhook, error) {
	if err := webhook.CheckID(webhook.WebhookPrefix, id); err != nil {
		return webhook.Webhook{}, err
	}
	return s.store.Webhook(ctx, accountID, id)
}

// Webhooks returns a page of the account's webhooks, newest first.
func (s *Service) Webhooks(ctx context.Context, accountID string, page store.Page) ([]webhook.Webhook, error) {
	return s.store.Webhooks(ctx, accountID, page)
}
