package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

const deliveryColumns = `
	d.id, d.account_id, d.event_id, d.webhook_id, d.event, d.test, d.status, d.attempt_count, d.next_attempt_at, d.outcome,
	d.status_code, d.response_time_ms, d.created_at, d.updated_at, d.erased_at, w.name AS webhook_name`

// Delivery returns one delivery of the account.
func (s *Store) Delivery(ctx context.Context, accountID, id string) (webhook.Delivery, error) {
	var d webhook.Delivery
	err := s.db.GetContext(ctx, &d, `
		SELECT `+deliveryColumns+`, t.asked_at AS rate_limited_since
		FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id LEFT JOIN turns t ON t.delivery_id = d.id
		WHERE d.account_id = $1 AND d.id = $2`, accountID, id)
	if err != nil {
		return webhook.Delivery{}, fmt.Errorf("find delivery: %w", notFound(err, webhook.DeliveryPrefix, id))
	}
	return d, nil
}

// Sent returns what the requests of a delivery of the account are made of as things are now: its webhook, also
// when that was deleted, and the event's payload.
func (s *Store) Sent(ctx context.Context, accountID, id string) (webhook.Webhook, []byte, error) {
	var row struct {
		webhookRow
		Payload []byte `db:"payload"`
	}
	err := s.db.GetContext(ctx, &row, `
		SELECT w.*, p.payload FROM deliveries d
		JOIN (SELECT `+webhookColumns+` FROM webhooks) w ON w.id = d.webhook_id
		JOIN event_payloads p ON p.event_id = d.event_id
		WHERE d.account_id = $1 AND d.id = $2`, accountID, id)
	if err != nil {
		return webhook.Webhook{}, nil, fmt.Errorf("find what was sent: %w", notFound(err, webhook.DeliveryPrefix, id))
	}
	w, err := s.openWebhook(row.webhookRow)
	return w, row.Payload, err
}

// DeliveriesOf returns the deliveries of an event of the account, the oldest first.
func (s *Store) DeliveriesOf(ctx context.Context, accountID, eventID string) ([]webhook.Delivery, error) {
	deliveries := []webhook.Delivery{}
	err := s.db.SelectContext(ctx, &deliveries, `
		SELECT `+deliveryColumns+` FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
		WHERE d.account_id = $1 AND d.event_id = $2 ORDER BY d.id`, accountID, eventID)
	if err != nil {
		return nil, fmt.Errorf("list deliveries of event: %w", err)
	}
	return deliveries, nil
}

// CreateDelivery writes a further, pending delivery of an event and fills in when. Its workflow is started
// sooner or later. Not found: the event was deleted meanwhile.
func (s *Store) CreateDelivery(ctx context.Context, d *webhook.Delivery) error {
	return insertDelivery(ctx, s.db, d)
}

func insertDelivery(ctx context.Context, into sqlx.QueryerContext, d *webhook.Delivery) error {
	err := into.QueryRowxContext(ctx, `
		INSERT INTO deliveries (id, account_id, webhook_id, event_id, event) VALUES ($1, $2, $3, $4, $5)
		RETURNING created_at, updated_at`,
		d.ID, d.AccountID, d.WebhookID, d.EventID, d.Event).Scan(&d.CreatedAt, &d.UpdatedAt)
	if refersToNothing(err, "deliveries_event_id_fkey") {
		return webhook.NotFound(webhook.EventPrefix, d.EventID)
	}
	if err != nil {
		return fmt.Errorf("insert delivery: %w", err)
	}
	return nil
}

// EndDelivery writes down that a delivery ended without another attempt, and reports whether that was not
// written down already.
func (s *Store) EndDelivery(ctx context.Context, id string, status webhook.Status) (bool, error) {
	defer s.ahead.changed()
	result, err := s.db.ExecContext(ctx, `
		WITH turn AS (DELETE FROM turns WHERE delivery_id = $1)
		UPDATE deliveries SET status = $2, next_attempt_at = NULL, updated_at = now() WHERE id = $1 AND status <> $2`, id, status)
	if err != nil {
		return false, fmt.Errorf("end delivery: %w", err)
	}
	changed, err := result.RowsAffected()
	return changed == 1, err
}

// CancelUnattempted cancels a delivery before its first attempt and reports whether it did.
func (s *Store) CancelUnattempted(ctx context.Context, id string) (bool, error) {
	defer s.ahead.changed()
	result, err := s.db.ExecContext(ctx, `
		UPDATE deliveries SET status = 'cancelled', updated_at = now()
		WHERE id = $1 AND status = 'pending' AND attempt_count = 0`, id)
	if err != nil {
		return false, fmt.Errorf("cancel delivery: %w", err)
	}
	changed, err := result.RowsAffected()
	return changed == 1, err
}

// Reopen shows a closed delivery as pending once a manual attempt was asked for, unless that attempt is
// already recorded.
func (s *Store) Reopen(ctx context.Context, id string, attemptCount int) error {
	_, err := s.db.ExecContext(ctx, `
		UPDATE deliveries SET status = 'pending', sweep_at = NULL, updated_at = now()
		WHERE id = $1 AND attempt_count = $2 AND status NOT IN ('pending', 'waiting')`, id, attemptCount)
	if err != nil {
		return fmt.Errorf("reopen delivery: %w", err)
	}
	return nil
}

// ReopenReset opens a delivery again whose workflow was reset, unless this run has made an attempt already, the
// webhook is disabled or deleted or the event's data were erased, and reports whether it did. An open one counts as opened too.
func (s *Store) ReopenReset(ctx context.Context, id, runID string) (bool, error) {
	result, err := s.db.ExecContext(ctx, `
		UPDATE deliveries SET status = 'pending', sweep_at = NULL, next_attempt_at = NULL, updated_at = now()
		FROM webhooks w
		WHERE deliveries.id = $1 AND w.id = webhook_id AND w.enabled AND w.deleted_at IS NULL AND erased_at IS NULL
			AND NOT EXISTS (SELECT FROM attempts WHERE delivery_id = $1 AND run_id = $2)`, id, runID)
	if err != nil {
		return false, fmt.Errorf("reopen delivery after a reset: %w", err)
	}
	reopened, err := result.RowsAffected()
	return reopened > 0, err
}

// ClaimUnstarted returns up to limit pending deliveries whose workflow should have been started by now but
// is not known to have been. They are the caller's for the length of lease; whoever asks meanwhile gets
// others. When the caller dies, they come up again after it.
func (s *Store) ClaimUnstarted(ctx context.Context, limit int, lease time.Duration) ([]webhook.Delivery, error) {
	var deliveries []webhook.Delivery
	if err := s.claimUnstarted.into(ctx, s.db, &deliveries, limit, lease.Seconds()); err != nil {
		return nil, fmt.Errorf("claim deliveries to start: %w", err)
	}
	return deliveries, nil
}

const claimUnstartedStatement = `
	WITH due AS (
		SELECT id FROM deliveries WHERE status = 'pending' AND sweep_at < now()
		ORDER BY sweep_at LIMIT $1 FOR UPDATE SKIP LOCKED
	), d AS (
		UPDATE deliveries SET sweep_at = now() + make_interval(secs => $2)
		FROM due WHERE deliveries.id = due.id RETURNING deliveries.*
	)
	SELECT ` + deliveryColumns + `, coalesce(p.traceparent, '') AS traceparent
	FROM d JOIN webhooks w ON w.id = d.webhook_id JOIN event_payloads p ON p.event_id = d.event_id`

// ReturnClaim ends a claim: the deliveries that are known to be started now don't come up again, the
// others do.
func (s *Store) ReturnClaim(ctx context.Context, started, others []string) error {
	_, err := s.db.ExecContext(ctx, `
		UPDATE deliveries SET sweep_at = CASE WHEN id = ANY($1) THEN NULL ELSE now() END
		WHERE id = ANY($1) OR id = ANY($2)`, pq.StringArray(started), pq.StringArray(others))
	if err != nil {
		return fmt.Errorf("return claim of deliveries: %w", err)
	}
	return nil
}
