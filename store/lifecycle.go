package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// updateTries is how often an update is tried when others change the same webhook at the same moment.
const updateTries = 10

// UpdateWebhook changes a webhook of the account and returns it as it is then. The function change gets the
// webhook as it is and may refuse; it runs again when somebody else changed the webhook meanwhile, so that
// no change is lost and each was checked against what it changes.
func (s *Store) UpdateWebhook(ctx context.Context, accountID, id string, change func(w *webhook.Webhook) error) (webhook.Webhook, error) {
	defer s.ahead.changed()
	for range updateTries {
		before, err := s.Webhook(ctx, accountID, id)
		if err != nil {
			return webhook.Webhook{}, err
		}
		w := before
		w.Events = slices.Clone(before.Events)
		if err := change(&w); err != nil {
			return webhook.Webhook{}, err
		}
		if reflect.DeepEqual(before, w) {
			return before, nil
		}
		done := false
		err = s.inTx(ctx, func(tx *sqlx.Tx) (err error) {
			if !slices.Equal(before.Events, w.Events) {
				if err := holdEventTypes(ctx, tx, accountID, w.Events); err != nil {
					return err
				}
			}
			if done, err = s.replaceWebhook(ctx, tx, &w); err != nil || !done || before.Enabled == w.Enabled {
				return err
			}
			return tellSwitched(ctx, tx, w, webhook.CauseOwner)
		})
		if done || err != nil {
			return w, err
		}
	}
	return webhook.Webhook{}, &webhook.Error{Code: webhook.CodeConflict, Message: "The webhook is being changed by others at the same moment; try again."}
}

// replaceWebhook writes a webhook unless it was changed since it was read, and reports whether it did.
func (s *Store) replaceWebhook(ctx context.Context, tx *sqlx.Tx, w *webhook.Webhook) (bool, error) {
	columns, err := s.sealWebhook(w)
	if err != nil {
		return false, err
	}
	until := &w.PreviousSigningSecretUntil
	if columns.previous == nil {
		until = nil
	}
	// clock_timestamp, since what a longer transaction publishes is dated at its beginning.
	err = tx.QueryRowxContext(ctx, `
		UPDATE webhooks SET name = $4, url = $5, events = $6, authentication = $7, signing_secret = $8,
			previous_signing_secret = $9, previous_signing_secret_until = $10, enabled = $11, disabled_reason = $12, filter = $13,
			rate_limit = nullif($14, 0),
			disabled_at = CASE WHEN enabled AND NOT $11 THEN clock_timestamp() ELSE disabled_at END,
			discard_at = CASE WHEN enabled AND NOT $11 THEN now() ELSE discard_at END,
			missed_since = CASE WHEN enabled AND NOT $11 THEN coalesce(failing_since, clock_timestamp()) ELSE missed_since END,
			enabled_at = CASE WHEN NOT enabled AND $11 THEN clock_timestamp() ELSE enabled_at END,
			failing_since = CASE WHEN NOT enabled AND $11 THEN NULL ELSE failing_since END,
			warned_at = CASE WHEN NOT enabled AND $11 THEN NULL ELSE warned_at END,
			updated_at = now()
		WHERE account_id = $1 AND id = $2 AND updated_at = $3 AND deleted_at IS NULL
		RETURNING updated_at, previous_signing_secret_until, failing_since`,
		w.AccountID, w.ID, w.UpdatedAt, w.Name, w.URL, pq.StringArray(w.Events), columns.authentication, columns.secret,
		columns.previous, until, w.Enabled, w.DisabledReason, w.Filter, w.RateLimit,
	).Scan(&w.UpdatedAt, &until, &w.FailingSince)
	if errors.Is(err, errNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("update webhook: %w", err)
	}
	if until != nil {
		w.PreviousSigningSecretUntil = *until // the database keeps microseconds
	}
	return true, nil
}

// DisableWebhook stops deliveries to a webhook whose endpoint is gone, and tells of it; reason says in plain words
// why. The first reason stays.
func (s *Store) DisableWebhook(ctx context.Context, id, reason string) error {
	defer s.ahead.changed()
	return s.inTx(ctx, func(tx *sqlx.Tx) error {
		_, err := disableWebhook(ctx, tx, id, webhook.CauseGone, reason)
		return err
	})
}

func disableWebhook(ctx context.Context, tx *sqlx.Tx, id string, cause webhook.Cause, reason string) (bool, error) {
	var row webhookRow
	err := tx.GetContext(ctx, &row, `
		UPDATE webhooks SET enabled = false, disabled_reason = $2, disabled_at = clock_timestamp(), discard_at = now(),
			missed_since = coalesce(failing_since, clock_timestamp()), updated_at = now()
		WHERE id = $1 AND enabled AND deleted_at IS NULL
		RETURNING id, account_id, name, disabled_reason, failing_since`, id, reason)
	if errors.Is(err, errNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("disable webhook: %w", err)
	}
	return true, tellSwitched(ctx, tx, webhook.Webhook{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, DisabledReason: row.DisabledReason, FailingSince: row.FailingSince,
	}, cause)
}

// tellSwitched tells that a webhook was enabled, or disabled for a cause.
func tellSwitched(ctx context.Context, tx *sqlx.Tx, w webhook.Webhook, cause webhook.Cause) error {
	if w.Enabled {
		return tell(ctx, tx, webhook.EventWebhookEnabled, w, webhook.EnabledData{WebhookID: w.ID, WebhookName: w.Name})
	}
	data := webhook.DisabledData{WebhookID: w.ID, WebhookName: w.Name, Cause: cause, Reason: w.DisabledReason}
	if w.FailingSince != nil {
		since := w.FailingSince.UTC()
		data.FailingSince = &since
	}
	return tell(ctx, tx, webhook.EventWebhookDisabled, w, data)
}

// DeleteWebhook hides a webhook of the account for good and stops deliveries to it. What was delivered
// stays to be seen.
func (s *Store) DeleteWebhook(ctx context.Context, accountID, id string) error {
	defer s.ahead.changed()
	result, err := s.db.ExecContext(ctx, `
		UPDATE webhooks SET deleted_at = now(), disabled_at = clock_timestamp(), discard_at = now(), updated_at = now()
		WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL`, accountID, id)
	if err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return errors.Join(err, notFound(errNoRows, webhook.WebhookPrefix, id))
	}
	return nil
}
