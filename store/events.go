package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// Subscriptions returns the enabled webhooks of the account that subscribe to at least one of the event types.
func (s *Store) Subscriptions(ctx context.Context, accountID string, eventTypes []string) ([]webhook.Subscription, error) {
	var rows []struct {
		ID     string         `db:"id"`
		Name   string         `db:"name"`
		Events pq.StringArray `db:"events"`
		Filter string         `db:"filter"`
	}
	var patterns pq.StringArray
	for _, name := range eventTypes {
		patterns = append(patterns, webhook.Patterns(name)...)
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT id, name, events, filter FROM webhooks
		WHERE account_id = $1 AND enabled AND deleted_at IS NULL AND events && $2 ORDER BY id`, accountID, patterns)
	if err != nil {
		return nil, fmt.Errorf("find subscribed webhooks: %w", err)
	}
	subscriptions := make([]webhook.Subscription, len(rows))
	for i, row := range rows {
		subscriptions[i] = webhook.Subscription{WebhookID: row.ID, WebhookName: row.Name, Events: row.Events, Filter: row.Filter}
	}
	return subscriptions, nil
}

// Publication is what is written down when events of an account are published.
type Publication struct {
	AccountID string
	Published []webhook.Published     // the times of creation are filled in
	Key       *webhook.IdempotencyKey // nil without
}

// Publish writes the events and their pending deliveries in one transaction, which is one statement. The rows
// are the outbox: once it returns nil, each delivery's workflow is started sooner or later. If a publication
// with the same key was written before, also at this very moment, nothing is written and fresh is false.
func (s *Store) Publish(ctx context.Context, p Publication) (fresh bool, err error) {
	rows, err := p.rows()
	if err != nil {
		return false, err
	}
	var createdAt time.Time
	err = s.db.QueryRowxContext(ctx, `
		WITH key AS (
			INSERT INTO idempotency_keys (account_id, key, request, published)
			SELECT $1, $10, $11, $12 WHERE $10::bytea IS NOT NULL
			ON CONFLICT (account_id, key) DO UPDATE
			SET request = excluded.request, published = excluded.published, created_at = excluded.created_at
			WHERE idempotency_keys.created_at < now() - make_interval(secs => $13)
			RETURNING 1
		), fresh AS (
			SELECT now() AS created_at WHERE $10::bytea IS NULL OR EXISTS (SELECT FROM key)
		), event AS (
			INSERT INTO events (id, account_id, event, timestamp)
			SELECT id, $1, event, timestamp
			FROM fresh, unnest($2::text[], $3::text[], $4::timestamptz[]) AS new (id, event, timestamp)
		), payload AS (
			INSERT INTO event_payloads (event_id, payload, search)
			SELECT id, payload, search::bigint[]
			FROM fresh, unnest($2::text[], $5::bytea[], $14::text[]) AS new (id, payload, search)
		), delivery AS (
			INSERT INTO deliveries (id, webhook_id, account_id, event_id, event)
			SELECT id, webhook_id, $1, event_id, event
			FROM fresh, unnest($6::text[], $7::text[], $8::text[], $9::text[]) AS new (id, webhook_id, event_id, event)
		)
		SELECT created_at FROM fresh`,
		p.AccountID, rows.ids, rows.events, rows.timestamps, rows.payloads,
		rows.deliveryIDs, rows.webhookIDs, rows.eventIDs, rows.deliveredEvents,
		rows.key, rows.request, rows.answer, webhook.IdempotencyKept.Seconds(), rows.searches,
	).Scan(&createdAt)
	if errors.Is(err, errNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("publish: %w", err)
	}
	for i := range p.Published {
		p.Published[i].Event.CreatedAt = createdAt
		for j := range p.Published[i].Deliveries {
			p.Published[i].Deliveries[j].CreatedAt = createdAt
		}
	}
	return true, nil
}

// publicationRows are the columns of a publication.
type publicationRows struct {
	ids, events                                        pq.StringArray
	timestamps                                         pq.GenericArray
	payloads                                           pq.ByteaArray
	searches                                           pq.StringArray // each the text of an array
	deliveryIDs, webhookIDs, eventIDs, deliveredEvents pq.StringArray
	key, request, answer                               []byte
}

func (p Publication) rows() (rows publicationRows, err error) {
	var timestamps []time.Time
	for _, published := range p.Published {
		event := published.Event
		rows.ids, rows.events = append(rows.ids, event.ID), append(rows.events, event.Event)
		timestamps, rows.payloads = append(timestamps, event.Timestamp), append(rows.payloads, event.Payload)
		search, err := pq.Int64Array(webhook.SearchTerms(p.AccountID, event.Payload)).Value()
		if err != nil {
			return publicationRows{}, err
		}
		rows.searches = append(rows.searches, fmt.Sprint(search))
		for _, d := range published.Deliveries {
			rows.deliveryIDs, rows.webhookIDs = append(rows.deliveryIDs, d.ID), append(rows.webhookIDs, d.WebhookID)
			rows.eventIDs, rows.deliveredEvents = append(rows.eventIDs, event.ID), append(rows.deliveredEvents, event.Event)
		}
	}
	rows.timestamps = pq.GenericArray{A: timestamps}
	if p.Key != nil {
		rows.key, rows.request = p.Key.Key[:], p.Key.Request[:]
		rows.answer, err = encodePublished(p.Published)
	}
	return rows, err
}

// Event returns one event of the account.
func (s *Store) Event(ctx context.Context, accountID, id string) (webhook.Event, error) {
	var event webhook.Event
	err := s.db.GetContext(ctx, &event, `
		SELECT e.id, e.account_id, e.event, e.timestamp, e.test, e.created_at, p.payload
		FROM events e JOIN event_payloads p ON p.event_id = e.id
		WHERE e.account_id = $1 AND e.id = $2`, accountID, id)
	if err != nil {
		return webhook.Event{}, fmt.Errorf("find event: %w", notFound(err, webhook.EventPrefix, id))
	}
	return event, nil
}
