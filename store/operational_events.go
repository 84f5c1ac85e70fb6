package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// wanted is the condition for somebody to want to be told what happened: another webhook of the account.
const wanted = `EXISTS (
	SELECT FROM webhooks w WHERE w.account_id = happened.account_id AND w.enabled AND w.deleted_at IS NULL
		AND w.events @> ARRAY[happened.event] AND w.id <> happened.webhook_id
)`

// tell writes down that something happened to a webhook, for it to be published soon and for people to be alerted;
// unless nobody wants to be told. The change itself is made in the same transaction.
func tell(ctx context.Context, tx *sqlx.Tx, event string, w webhook.Webhook, data any) error {
	happened, err := webhook.NewOperationalEvent(event, w, data)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		WITH happened AS (
			SELECT $1::text AS id, $2::text AS account_id, $3::text AS event, $4::text AS webhook_id, $5::json AS data
		), alert AS (
			INSERT INTO alert_causes (id, account_id, event, webhook_id, data)
			SELECT id, account_id, event, webhook_id, data FROM happened WHERE `+alerted+` AND data->>'cause' IS DISTINCT FROM 'owner'
		)
		INSERT INTO operational_events (id, account_id, event, webhook_id, data)
		SELECT id, account_id, event, webhook_id, data FROM happened WHERE `+wanted, happened.ID, happened.AccountID, happened.Event, happened.WebhookID, string(happened.Data))
	if err != nil {
		return fmt.Errorf("tell %s: %w", event, err)
	}
	return nil
}

// TellExhausted writes down that an attempt, which is recorded, was the last that its delivery had. Tests are not told
// of, and deliveries of operational events to people alone, so that nothing goes round in circles. The ID of the event
// is made of the attempt's: telling it twice is telling it once, or for people nearly so.
func (s *Store) TellExhausted(ctx context.Context, a webhook.Attempt) error {
	_, err := s.db.ExecContext(ctx, `
		WITH happened AS (
			SELECT 'evt' || substr(a.id, 4) AS id, d.account_id, $4::text AS event, d.webhook_id, json_build_object(
				'delivery_id', d.id, 'webhook_id', d.webhook_id, 'webhook_name', s.name, 'event_id', d.event_id,
				'event', d.event, 'attempts', a.number, 'outcome', a.outcome, 'status_code', a.status_code, 'error', a.error
			) AS data
			FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN webhooks s ON s.id = d.webhook_id
			WHERE a.delivery_id = $1 AND a.run_id = $2 AND a.sequence = $3 AND NOT d.test
		), alert AS (
			INSERT INTO alert_causes (id, account_id, event, webhook_id, data)
			SELECT id, account_id, event, webhook_id, data FROM happened WHERE `+alerted+` ON CONFLICT (id) DO NOTHING
		)
		INSERT INTO operational_events (id, account_id, event, webhook_id, data)
		SELECT id, account_id, event, webhook_id, data FROM happened
		WHERE `+wanted+` AND data->>'event' <> ALL ($5) AND NOT EXISTS (SELECT FROM events e WHERE e.id = happened.id)
		ON CONFLICT (id) DO NOTHING`,
		a.DeliveryID, a.RunID, a.Sequence, webhook.EventDeliveryExhausted, pq.StringArray(webhook.OperationalEvents()))
	if err != nil {
		return fmt.Errorf("tell that %s is exhausted: %w", a.DeliveryID, err)
	}
	return nil
}

// ClaimOperationalEvents returns operational events that are to be published. They come up again after the length
// of lease, until [Store.PublishOperationalEvent].
func (s *Store) ClaimOperationalEvents(ctx context.Context, limit int, lease time.Duration) ([]webhook.OperationalEvent, error) {
	var claimed []webhook.OperationalEvent
	if err := s.claimOperational.into(ctx, s.db, &claimed, limit, lease.Seconds()); err != nil {
		return nil, fmt.Errorf("claim operational events: %w", err)
	}
	return claimed, nil
}

const claimOperationalStatement = `
	WITH due AS (
		SELECT id FROM operational_events WHERE sweep_at <= now() ORDER BY sweep_at LIMIT $1 FOR UPDATE SKIP LOCKED
	)
	UPDATE operational_events o SET sweep_at = now() + make_interval(secs => $2)
	FROM due WHERE o.id = due.id RETURNING o.id, account_id, event, webhook_id, data, created_at`

// PublishOperationalEvent writes the event that an operational event becomes with its deliveries, and takes the
// operational event away, in one transaction. Without deliveries there is no event. It reports whether that was not
// done before.
func (s *Store) PublishOperationalEvent(ctx context.Context, p webhook.Published) (done bool, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		var id string
		err := tx.GetContext(ctx, &id, `DELETE FROM operational_events WHERE id = $1 RETURNING id`, p.Event.ID)
		if errors.Is(err, errNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take operational event: %w", err)
		}
		done = true
		if len(p.Deliveries) == 0 {
			return nil
		}
		return publishIn(ctx, tx, p)
	})
	return done && err == nil, err
}

func publishIn(ctx context.Context, tx *sqlx.Tx, p webhook.Published) error {
	e := p.Event
	_, err := tx.ExecContext(ctx, `
		WITH event AS (
			INSERT INTO events (id, account_id, event, timestamp) VALUES ($1, $2, $3, $4)
		)
		INSERT INTO event_payloads (event_id, payload, search) VALUES ($1, $5, $6)`,
		e.ID, e.AccountID, e.Event, e.Timestamp, e.Payload, pq.Int64Array(webhook.SearchTerms(e.AccountID, e.Payload)))
	if err != nil {
		return fmt.Errorf("insert operational event: %w", err)
	}
	for i := range p.Deliveries {
		if err := insertDelivery(ctx, tx, &p.Deliveries[i]); err != nil {
			return err
		}
	}
	return nil
}
