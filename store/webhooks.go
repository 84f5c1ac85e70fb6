package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// webhookRow is a webhook as it lies in the table.
type webhookRow struct {
	ID             string         `db:"id"`
	AccountID      string         `db:"account_id"`
	Name           string         `db:"name"`
	URL            string         `db:"url"`
	Events         pq.StringArray `db:"events"`
	Filter         string         `db:"filter"`
	RateLimit      *int           `db:"rate_limit"`
	Authentication []byte         `db:"authentication"`
	SigningSecret  []byte         `db:"signing_secret"`
	Enabled        bool           `db:"enabled"`
	DisabledReason string         `db:"disabled_reason"`
	CreatedAt      time.Time      `db:"created_at"`
	UpdatedAt      time.Time      `db:"updated_at"`
	DeletedAt      *time.Time     `db:"deleted_at"`
	FailingSince   *time.Time     `db:"failing_since"`

	PreviousSigningSecret      []byte     `db:"previous_signing_secret"`
	PreviousSigningSecretUntil *time.Time `db:"previous_signing_secret_until"`
}

const webhookColumns = `
	id, account_id, name, url, events, filter, rate_limit, authentication, signing_secret, enabled, disabled_reason,
	created_at, updated_at, deleted_at, failing_since, previous_signing_secret, previous_signing_secret_until`

// CreateWebhook inserts the webhook and fills in when it was created and updated. Conflict: the account has as
// many webhooks as it can have. Invalid: an event type that it names was deleted meanwhile.
func (s *Store) CreateWebhook(ctx context.Context, w *webhook.Webhook) error {
	sealed, err := s.sealWebhook(w)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sqlx.Tx) error {
		if err := checkRoomForWebhook(ctx, tx, w.AccountID); err != nil {
			return err
		}
		if err := holdEventTypes(ctx, tx, w.AccountID, w.Events); err != nil {
			return err
		}
		err := tx.QueryRowxContext(ctx, `
			INSERT INTO webhooks (id, account_id, name, url, events, filter, authentication, signing_secret, enabled, disabled_reason,
				rate_limit)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, 0)) RETURNING created_at, updated_at`,
			w.ID, w.AccountID, w.Name, w.URL, pq.StringArray(w.Events), w.Filter, sealed.authentication, sealed.secret,
			w.Enabled, w.DisabledReason, w.RateLimit,
		).Scan(&w.CreatedAt, &w.UpdatedAt)
		if err != nil {
			return fmt.Errorf("insert webhook: %w", err)
		}
		return nil
	})
}

func checkRoomForWebhook(ctx context.Context, tx *sqlx.Tx, accountID string) error {
	if err := lockAccount(ctx, tx, accountID); err != nil {
		return err
	}
	var webhooks int
	err := tx.GetContext(ctx, &webhooks, `SELECT count(*) FROM webhooks WHERE account_id = $1 AND deleted_at IS NULL`, accountID)
	if err != nil {
		return fmt.Errorf("count webhooks: %w", err)
	}
	if webhooks >= webhook.MaxWebhooks {
		return &webhook.Error{Code: webhook.CodeConflict, Message: fmt.Sprintf(
			"The account has %d webhooks already, the most it can have; delete one that nobody uses.", webhook.MaxWebhooks)}
	}
	return nil
}

// Webhook returns one webhook of the account.
func (s *Store) Webhook(ctx context.Context, accountID, id string) (webhook.Webhook, error) {
	var row webhookRow
	err := s.db.GetContext(ctx, &row,
		`SELECT `+webhookColumns+` FROM webhooks WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL`, accountID, id)
	if err != nil {
		return webhook.Webhook{}, fmt.Errorf("find webhook: %w", notFound(err, webhook.WebhookPrefix, id))
	}
	return s.openWebhook(row)
}

// Webhooks returns a page of the account's webhooks, newest first.
func (s *Store) Webhooks(ctx context.Context, accountID string, page Page) ([]webhook.Webhook, error) {
	return s.SearchWebhooks(ctx, accountID, "", page)
}

// SearchWebhooks returns a page of those of the account's webhooks whose ID is the text, or whose name or URL has it,
// in capitals or not; of all with an empty text. An account has few enough to go through.
func (s *Store) SearchWebhooks(ctx context.Context, accountID, text string, page Page) ([]webhook.Webhook, error) {
	var rows []webhookRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT `+webhookColumns+` FROM webhooks
		WHERE account_id = $1 AND deleted_at IS NULL AND ($2 = '' OR id < $2)
			AND ($4 = '' OR id = $4 OR strpos(lower(name), lower($4)) > 0 OR strpos(lower(url), lower($4)) > 0)
		ORDER BY id DESC LIMIT $3`, accountID, page.Before, page.Limit, text)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	webhooks := make([]webhook.Webhook, 0, len(rows))
	for _, row := range rows {
		w, err := s.openWebhook(row)
		if err != nil {
			return nil, err
		}
		webhooks = append(webhooks, w)
	}
	return webhooks, nil
}

// SetWebhookURL has a webhook of the account deliver to another URL, which the caller has checked.
func (s *Store) SetWebhookURL(ctx context.Context, accountID, id, url string) error {
	defer s.ahead.changed()
	_, err := s.db.ExecContext(ctx, `
		UPDATE webhooks SET url = $3, updated_at = now()
		WHERE account_id = $1 AND id = $2 AND url <> $3`, accountID, id, url)
	if err != nil {
		return fmt.Errorf("set URL of webhook: %w", err)
	}
	return nil
}

// The owners of the secrets of a webhook, as associated data of their encryption.
func authenticationOwner(accountID, webhookID string) string {
	return accountID + "/" + webhookID + "/authentication"
}

func signingSecretOwner(accountID, webhookID string) string {
	return accountID + "/" + webhookID + "/signing_secret"
}

func previousSecretOwner(accountID, webhookID string) string {
	return accountID + "/" + webhookID + "/previous_signing_secret"
}

// sealed are the columns of a webhook that are encrypted.
type sealed struct {
	authentication, secret, previous []byte // previous is nil when there is none
}

func (s *Store) sealWebhook(w *webhook.Webhook) (columns sealed, err error) {
	text, err := json.Marshal(w.Authentication) //nolint:gosec // it is sealed right below
	if err != nil {
		return sealed{}, fmt.Errorf("encode authentication: %w", err)
	}
	if columns.authentication, err = s.keys.Seal(text, authenticationOwner(w.AccountID, w.ID)); err != nil {
		return sealed{}, err
	}
	if columns.secret, err = s.keys.Seal([]byte(w.SigningSecret), signingSecretOwner(w.AccountID, w.ID)); err != nil {
		return sealed{}, err
	}
	if w.PreviousSigningSecret != "" {
		columns.previous, err = s.keys.Seal([]byte(w.PreviousSigningSecret), previousSecretOwner(w.AccountID, w.ID))
	}
	return columns, err
}

func (s *Store) openWebhook(row webhookRow) (webhook.Webhook, error) {
	text, err := s.keys.Open(row.Authentication, authenticationOwner(row.AccountID, row.ID))
	if err != nil {
		return webhook.Webhook{}, err
	}
	secret, err := s.keys.Open(row.SigningSecret, signingSecretOwner(row.AccountID, row.ID))
	if err != nil {
		return webhook.Webhook{}, err
	}
	w := webhook.Webhook{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, URL: row.URL, Events: row.Events, Filter: row.Filter,
		SigningSecret: webhook.SigningSecret(secret),
		Enabled:       row.Enabled && row.DeletedAt == nil, DisabledReason: row.DisabledReason,
		FailingSince: row.FailingSince, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if row.RateLimit != nil {
		w.RateLimit = *row.RateLimit
	}
	if row.PreviousSigningSecret != nil && row.PreviousSigningSecretUntil != nil {
		previous, err := s.keys.Open(row.PreviousSigningSecret, previousSecretOwner(row.AccountID, row.ID))
		if err != nil {
			return webhook.Webhook{}, err
		}
		w.PreviousSigningSecret, w.PreviousSigningSecretUntil = webhook.SigningSecret(previous), *row.PreviousSigningSecretUntil
	}
	if err := json.Unmarshal(text, &w.Authentication); err != nil {
		return webhook.Webhook{}, fmt.Errorf("decode authentication of %s: %w", row.ID, err)
	}
	return w, nil
}
