package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// Publish writes the event and one pending delivery for each enabled webhook of its account that
// subscribes to it, in one transaction. The rows are the outbox: once it returns nil, each delivery's
// workflow is started sooner or later.
func (s *Store) Publish(ctx context.Context, event *webhook.Event) ([]webhook.Delivery, error) {
	var deliveries []webhook.Delivery
	err := s.inTx(ctx, func(tx *sqlx.Tx) error {
		if err := insertEvent(ctx, tx, event); err != nil {
			return err
		}
		var err error
		deliveries, err = insertDeliveries(ctx, tx, event)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("publish event: %w", err)
	}
	return deliveries, nil
}

func insertEvent(ctx context.Context, tx *sqlx.Tx, event *webhook.Event) error {
	err := tx.QueryRowxContext(ctx, `
		WITH event AS (
			INSERT INTO events (id, account_id, event, timestamp) VALUES ($1, $2, $3, $4) RETURNING created_at
		), payload AS (
			INSERT INTO event_payloads (event_id, payload) VALUES ($1, $5)
		)
		SELECT created_at FROM event`,
		event.ID, event.AccountID, event.Event, event.Timestamp, event.Payload,
	).Scan(&event.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert event: %w", err)
	}
	return nil
}

func insertDeliveries(ctx context.Context, tx *sqlx.Tx, event *webhook.Event) ([]webhook.Delivery, error) {
	var subscribed []struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	err := tx.SelectContext(ctx, &subscribed, `
		SELECT id, name FROM webhooks
		WHERE account_id = $1 AND enabled AND deleted_at IS NULL AND events && $2 ORDER BY id`,
		event.AccountID, pq.StringArray{event.Event, webhook.AllEvents})
	if err != nil {
		return nil, fmt.Errorf("find subscribed webhooks: %w", err)
	}
	deliveries := make([]webhook.Delivery, len(subscribed))
	var ids, webhookIDs pq.StringArray
	for i, w := range subscribed {
		deliveries[i] = webhook.Delivery{
			ID: webhook.NewID(webhook.DeliveryPrefix), AccountID: event.AccountID, WebhookID: w.ID, WebhookName: w.Name,
			EventID: event.ID, Event: event.Event, Status: webhook.StatusPending, CreatedAt: event.CreatedAt,
		}
		ids, webhookIDs = append(ids, deliveries[i].ID), append(webhookIDs, w.ID)
	}
	if len(deliveries) == 0 {
		return deliveries, nil
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO deliveries (id, webhook_id, account_id, event_id, event)
		SELECT id, webhook_id, $3, $4, $5 FROM unnest($1::text[], $2::text[]) AS new (id, webhook_id)`,
		ids, webhookIDs, event.AccountID, event.ID, event.Event)
	if err != nil {
		return nil, fmt.Errorf("insert deliveries: %w", err)
	}
	return deliveries, nil
}
