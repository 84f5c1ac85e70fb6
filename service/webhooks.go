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
	var w webhook.Webhook
	err := s.withCatalogue(ctx, accountID, func(catalogue webhook.Catalogue) (err error) {
		w, err = webhook.Define(accountID, d, catalogue, s.guard.AllowsHTTP())
		return err
	})
	err = alsoWrong(err, checkFilter(d.Filter))
	if err := s.checkTargets(ctx, d.Targets(), err); err != nil {
		return webhook.Webhook{}, err
	}
	return w, s.store.CreateWebhook(ctx, &w)
}

// checkTargets returns what is wrong with a definition: all that was found before, and which of its URLs has
// no address that may be sent to. A URL that is none is not looked up.
func (s *Service) checkTargets(ctx context.Context, targets []webhook.Target, found error) error {
	var wrong *webhook.Error
	if found != nil && !errors.As(found, &wrong) {
		return found
	}
	var fields webhook.Fields
	if wrong != nil {
		fields = slices.Clone(wrong.Fields)
	}
	for _, target := range targets {
		if slices.ContainsFunc(fields, func(field webhook.FieldError) bool { return field.Pointer == target.Pointer }) {
			continue
		}
		var refused *webhook.Error
		switch err := s.guard.CheckURL(ctx, target.Pointer, target.URL); {
		case errors.As(err, &refused):
			fields.Add(target.Pointer, refused.Fields[0].Detail)
		case err != nil && found == nil:
			return err
		}
	}
	return fields.Err()
}

// alsoWrong returns the fields that two checks found to be wrong. What isn't about fields comes first.
func alsoWrong(found, more error) error {
	var before, after *webhook.Error
	switch {
	case found == nil:
		return more
	case more == nil, !errors.As(found, &before) || before.Code != webhook.CodeInvalid:
		return found
	case !errors.As(more, &after) || after.Code != webhook.CodeInvalid:
		return more
	}
	return webhook.Fields(slices.Concat(before.Fields, after.Fields)).Err()
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
		err := s.withCatalogue(ctx, accountID, func(catalogue webhook.Catalogue) error {
			return patch.Apply(w, catalogue, s.guard.AllowsHTTP())
		})
		if expression, given := patch.Filter(); given {
			err = alsoWrong(err, checkFilter(expression))
		}
		return s.checkTargets(ctx, patch.Targets(), err)
	})
}

// needsEnabled returns a conflict for a webhook that is disabled.
func needsEnabled(w webhook.Webhook) error {
	if w.Enabled {
		return nil
	}
	return &webhook.Error{Code: webhook.CodeConflict, Message: "The webhook is disabled; enable it first. " + w.DisabledReason}
}

// DisableWebhook stops deliveries to a webhook of the account; those that wait end as discarded soon.
func (s *Service) DisableWebhook(ctx context.Context, accountID, id string) (webhook.Webhook, error) {
	return s.changeWebhook(ctx, accountID, id, func(w *webhook.Webhook) error {
		w.Disable(webhook.DisabledByOwner)
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

// RotateSecret gives a webhook of the account another signing secret. The one before signs along for
// [webhook.RotationOverlap], also when it is for another algorithm. The returned webhook holds the new secret,
// which is to be shown this once.
func (s *Service) RotateSecret(ctx context.Context, accountID, id string, rotation webhook.Rotation) (webhook.Webhook, error) {
	return s.changeWebhook(ctx, accountID, id, func(w *webhook.Webhook) error {
		secret, err := rotation.NewSecret(w.SigningSecret.Algorithm())
		if err != nil {
			return err
		}
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
