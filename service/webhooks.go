package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// CreateWebhook makes a webhook of the account. The returned one holds its signing secret, which is to be
// shown this once. Conflict: the account has as many webhooks as it can have.
func (s *Service) CreateWebhook(ctx context.Context, accountID string, d webhook.Definition) (webhook.Webhook, error) {
	w, err := webhook.Define(accountID, d, s.guard.AllowsHTTP())
	if err := s.checkTarget(ctx, d.URL, err); err != nil {
		return webhook.Webhook{}, err
	}
	return w, s.store.CreateWebhook(ctx, &w)
}

// checkTarget returns what is wrong with a definition: all that was found before, and whether its URL has an
// address that may be sent to. A URL that is none is not looked up.
func (s *Service) checkTarget(ctx context.Context, url string, found error) error {
	var before, target *webhook.Error
	if found == nil {
		return s.guard.CheckURL(ctx, url)
	}
	isURL := func(field webhook.FieldError) bool { return field.Pointer == "/url" }
	if !errors.As(found, &before) || slices.ContainsFunc(before.Fields, isURL) {
		return found
	}
	if err := s.guard.CheckURL(ctx, url); !errors.As(err, &target) {
		return found
	}
	return webhook.Fields(slices.Concat(before.Fields, target.Fields)).Err()
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

// UpdateWebhook changes a webhook of the account as a patch says and returns it as it is then. Attempts that
// are still to come, also of deliveries under way, use what it says now.
func (s *Service) UpdateWebhook(ctx context.Context, accountID, id string, patch webhook.Patch) (webhook.Webhook, error) {
	return s.changeWebhook(ctx, accountID, id, func(w *webhook.Webhook) error {
		err := patch.Apply(w, s.guard.AllowsHTTP())
		if url, given := patch.URL(); given {
			return s.checkTarget(ctx, url, err)
		}
		return err
	})
}

// disabledByOwner is why a webhook is disabled that its account disabled.
const disabledByOwner = "Disabled by its owner."

// DisableWebhook stops deliveries to a webhook of the account; those that wait end as discarded soon.
func (s *Service) DisableWebhook(ctx context.Context, accountID, id string) (webhook.Webhook, error) {
	return s.changeWebhook(ctx, accountID, id, func(w *webhook.Webhook) error {
		w.Disable(disabledByOwner)
		return nil
	})
}

// EnableWebhook lets a webhook of the account get events again: those that are published from now on.
func (s *Service) EnableWebhook(ctx context.Context, accountID, id string) (webhook.Webhook, error) {
	return s.changeWebhook(ctx, accountID, id, func(w *webhook.Webhook) error {
		w.Enable()
		return nil
	})
}

// RotateSecret gives a webhook of the account another signing secret: this one, or one of its own when
// secret is empty. The one before signs along for [webhook.RotationOverlap]. The returned webhook holds the
// new secret, which is to be shown this once.
func (s *Service) RotateSecret(ctx context.Context, accountID, id string, secret webhook.SigningSecret) (webhook.Webhook, error) {
	if secret == "" {
		secret = webhook.NewSigningSecret()
	}
	return s.changeWebhook(ctx, accountID, id, func(w *webhook.Webhook) error {
		return w.Rotate(secret, time.Now())
	})
}

func (s *Service) changeWebhook(ctx context.Context, accountID, id string, change func(*webhook.Webhook) error) (webhook.Webhook, error) {
	if err := webhook.CheckID(webhook.WebhookPrefix, id); err != nil {
		return webhook.Webhook{}, err
	}
	return s.store.UpdateWebhook(ctx, accountID, id, change)
}

// DeleteWebhook takes a webhook away from the account; deliveries that wait end as discarded soon.
func (s *Service) DeleteWebhook(ctx context.Context, accountID, id string) error {
	if err := webhook.CheckID(webhook.WebhookPrefix, id); err != nil {
		return err
	}
	return s.store.DeleteWebhook(ctx, accountID, id)
}
