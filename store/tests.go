package store

import (
	"context"
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

// CreateTest writes the event of a test and its one delivery and fills in when. The caller starts its workflow;
// if it dies before that, the sweep finds the delivery after the time of patience.
func (s *Store) CreateTest(ctx context.Context, event webhook.Event, d *webhook.Delivery, patience time.Duration) error {
	err := s.db.QueryRowxContext(ctx, `
		WITH event AS (
			INSERT INTO events (id, account_id, event, timestamp, test) VALUES ($1, $2, $3, $4, true)
		), payload AS (
			INSERT INTO event_payloads (event_id, payload) VALUES ($1, $5)
		)
		INSERT INTO deliveries (id, account_id, webhook_id, event_id, event, test, sweep_at)
		VALUES ($6, $2, $7, $1, $3, true, now() + make_interval(secs => $8)) RETURNING created_at, updated_at`,
		event.ID, event.AccountID, event.Event, event.Timestamp, event.Payload, d.ID, d.WebhookID, patience.Seconds(),
	).Scan(&d.CreatedAt, &d.UpdatedAt)
	if err != nil {
		return fmt.Errorf("insert test: %w", err)
	}
	return nil
}
