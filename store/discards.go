package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

// ClaimDiscards returns the IDs and accounts of webhooks that were disabled or deleted and may have open
// deliveries still. They come up again after the length of lease, until [Store.FinishDiscard].
func (s *Store) ClaimDiscards(ctx context.Context, limit int, lease time.Duration) ([]webhook.Webhook, error) {
	var rows []webhookRow
	if err := s.claimDiscards.into(ctx, s.db, &rows, limit, lease.Seconds()); err != nil {
		return nil, fmt.Errorf("claim webhooks whose deliveries are to be discarded: %w", err)
	}
	webhooks := make([]webhook.Webhook, len(rows))
	for i, row := range rows {
		webhooks[i] = webhook.Webhook{ID: row.ID, AccountID: row.AccountID, Name: row.Name}
	}
	return webhooks, nil
}

const claimDiscardsStatement = `
	WITH due AS (
		SELECT id FROM webhooks WHERE discard_at <= now() ORDER BY discard_at LIMIT $1 FOR UPDATE SKIP LOCKED
	)
	UPDATE webhooks SET discard_at = now() + make_interval(secs => $2)
	FROM due WHERE webhooks.id = due.id RETURNING webhooks.id, account_id, name`

// DisabledAt returns when a webhook was last disabled or deleted, and the zero time if it never was.
func (s *Store) DisabledAt(ctx context.Context, webhookID string) (time.Time, error) {
	var at *time.Time
	err := s.db.GetContext(ctx, &at, `SELECT disabled_at FROM webhooks WHERE id = $1`, webhookID)
	if err != nil && !errors.Is(err, errNoRows) {
		return time.Time{}, fmt.Errorf("find when webhook was disabled: %w", err)
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
}

// OpenDeliveries returns the IDs of up to limit open deliveries of a webhook that were made by a time, in
// the order of their IDs and from the one after an ID on. Tests are left out: they don't wait for anything.
func (s *Store) OpenDeliveries(ctx context.Context, webhookID string, by time.Time, after string, limit int) ([]string, error) {
	var ids []string
	// Each status by itself, since the index has them one after the other. Why ANY: see list.along.
	err := s.db.SelectContext(ctx, &ids, `
		SELECT page.id FROM unnest('{pending,waiting}'::text[]) AS lane (status) CROSS JOIN LATERAL (
			SELECT id FROM deliveries
			WHERE webhook_id = ANY(ARRAY[$1]) AND status = lane.status AND id > $3 AND created_at <= $2 AND NOT test
			ORDER BY webhook_id, id LIMIT $4
		) AS page ORDER BY page.id LIMIT $4`, webhookID, by, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list open deliveries: %w", err)
	}
	return ids, nil
}

// DiscardOpen ends a delivery as discarded unless it has ended already.
func (s *Store) DiscardOpen(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, `
		UPDATE deliveries SET status = 'discarded', next_attempt_at = NULL, updated_at = now()
		WHERE id = $1 AND status IN ('pending', 'waiting')`, id)
	if err != nil {
		return fmt.Errorf("discard delivery: %w", err)
	}
	return nil
}

// FinishDiscard notes that the deliveries that were open when the webhook was disabled have been seen to,
// unless it was disabled once more since.
func (s *Store) FinishDiscard(ctx context.Context, webhookID string, disabledAt time.Time) error {
	_, err := s.db.ExecContext(ctx, `UPDATE webhooks SET discard_at = NULL WHERE id = $1 AND disabled_at = $2`, webhookID, disabledAt)
	if err != nil {
		return fmt.Errorf("finish discarding: %w", err)
	}
	return nil
}
