package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/internal/batch"
	"github.com/durahook/durahook/webhook"
)

// Publication is what is written down when events of an account are published.
type Publication struct {
	AccountID string
	Published []webhook.Published     // the times of creation are filled in
	Key       *webhook.IdempotencyKey // nil without
	// Version is the one of the subscriptions that the deliveries were made of; nil when they need not be current.
	Version *int64
}

// searched is a publication with what each of its events is found by, as the text of an array. That is made before
// the batch, which all others wait for.
type searched struct {
	Publication
	searches []string
}

func (p Publication) searches() ([]string, error) {
	searches := make([]string, len(p.Published))
	for i, published := range p.Published {
		text, err := pq.Int64Array(webhook.SearchTerms(p.AccountID, published.Event.Payload)).Value()
		if err != nil {
			return nil, err
		}
		searches[i] = fmt.Sprint(text)
	}
	return searches, nil
}

// weight counts the rows: events come with their payloads.
func (p searched) weight() int {
	rows := 2 * len(p.Published)
	for _, published := range p.Published {
		rows += len(published.Deliveries)
	}
	return rows
}

// Publish writes the events and their pending deliveries in one transaction, which is one statement, together with
// the publications that come in at the same time. The rows are the outbox: once it returns nil, each delivery's
// workflow is started sooner or later. If a publication with the same key was written before, also at this very
// moment, nothing is written and fresh is false. [ErrStale]: nothing is written, for the account's webhooks have
// changed.
func (s *Store) Publish(ctx context.Context, p Publication) (fresh bool, err error) {
	searches, err := p.searches()
	if err != nil {
		return false, fmt.Errorf("publish: %w", err)
	}
	result, err := s.publications.Do(ctx, searched{p, searches})
	if err != nil {
		return false, fmt.Errorf("publish: %w", err)
	}
	if result.stale {
		s.subscriptions.forget(p.AccountID)
		return false, ErrStale
	}
	for i := range p.Published {
		p.Published[i].Event.CreatedAt = result.CreatedAt
		for j := range p.Published[i].Deliveries {
			p.Published[i].Deliveries[j].CreatedAt = result.CreatedAt
		}
	}
	return result.Fresh, nil
}

// publishedRow is what became of one publication of a batch.
type publishedRow struct {
	N         int       `db:"n"` // which one
	Fresh     bool      `db:"fresh"`
	CreatedAt time.Time `db:"created_at"`
	stale     bool      // there is no row for it
}

// batchPublications has publications written together: one transaction, and one wait for the disk, for all of them.
func (s *Store) batchPublications() *batch.Batcher[searched, publishedRow] {
	return batch.New(batch.Options[searched]{
		Most: 500, Weight: searched.weight, Key: func(p searched) string { return p.AccountID },
		Gather: 5 * time.Millisecond, Timeout: batchTimeout, Single: isSingle,
	}, s.publishAll)
}

const publishStatement = `
	WITH publication AS MATERIALIZED (
		SELECT p.* FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bytea[], $5::bytea[], $6::jsonb[])
			AS p (n, account_id, version, key, request, answer)
		LEFT JOIN subscription_versions v USING (account_id)
		WHERE p.version IS NULL OR p.version = coalesce(v.version, 0)
	), key AS (
		INSERT INTO idempotency_keys (account_id, key, request, published)
		SELECT account_id, key, request, answer FROM publication WHERE key IS NOT NULL ORDER BY account_id, key
		ON CONFLICT (account_id, key) DO UPDATE
		SET request = excluded.request, published = excluded.published, created_at = excluded.created_at
		WHERE idempotency_keys.created_at < now() - make_interval(secs => $7)
		RETURNING account_id, key
	), fresh AS MATERIALIZED (
		SELECT n, account_id FROM publication p
		WHERE key IS NULL OR EXISTS (SELECT FROM key k WHERE k.account_id = p.account_id AND k.key = p.key)
	), event AS (
		INSERT INTO events (id, account_id, event, timestamp)
		SELECT id, account_id, event, timestamp
		FROM fresh JOIN unnest($8::int[], $9::text[], $10::text[], $11::timestamptz[]) AS new (n, id, event, timestamp) USING (n)
	), payload AS (
		INSERT INTO event_payloads (event_id, payload, search, traceparent)
		SELECT id, payload, search::bigint[], nullif(traceparent, '')
		FROM fresh JOIN unnest($8::int[], $9::text[], $12::bytea[], $13::text[], $19::text[])
			AS new (n, id, payload, search, traceparent) USING (n)
	), delivery AS (
		INSERT INTO deliveries (id, webhook_id, account_id, event_id, event)
		SELECT id, webhook_id, account_id, event_id, event
		FROM fresh JOIN unnest($14::int[], $15::text[], $16::text[], $17::text[], $18::text[]) AS new (n, id, webhook_id, event_id, event)
			USING (n)
	)
	SELECT n, fresh.n IS NOT NULL AS fresh, now() AS created_at FROM publication LEFT JOIN fresh USING (n)`

func (s *Store) publishAll(ctx context.Context, publications []searched) ([]publishedRow, error) {
	rows := new(publicationRows)
	for n, p := range publications {
		if err := rows.add(n, p); err != nil {
			return nil, err
		}
	}
	var found []publishedRow
	err := s.publish.into(ctx, s.db, &found, rows.ns, rows.accountIDs, rows.versions, rows.keys, rows.requests, rows.answers,
		webhook.IdempotencyKept.Seconds(), rows.eventNs, rows.eventIDs, rows.events, rows.timestamps, rows.payloads, rows.searches,
		rows.deliveryNs, rows.deliveryIDs, rows.webhookIDs, rows.deliveredIDs, rows.delivered, rows.traceparents)
	if err != nil {
		return nil, err
	}
	results := make([]publishedRow, len(publications))
	for n := range results {
		results[n].stale = true
	}
	for _, row := range found {
		results[row.N] = row
	}
	return results, nil
}

// publicationRows are the columns of publications: of themselves, of their events and of their deliveries. The n
// of a row says which publication it belongs to.
type publicationRows struct {
	ns, accountIDs, versions, keys, requests, answers            column
	eventNs, eventIDs, events, timestamps, payloads, searches    column
	deliveryNs, deliveryIDs, webhookIDs, deliveredIDs, delivered column
	traceparents                                                 column // of the events
}

func (r *publicationRows) add(n int, p searched) error {
	r.ns.int(int64(n))
	r.accountIDs.string(p.AccountID)
	if p.Version == nil {
		r.versions.null()
	} else {
		r.versions.int(*p.Version)
	}
	if err := r.addKey(p); err != nil {
		return err
	}
	for i, published := range p.Published {
		event := published.Event
		r.eventNs.int(int64(n))
		r.eventIDs.string(event.ID)
		r.events.string(event.Event)
		r.timestamps.time(event.Timestamp)
		r.payloads.bytes(event.Payload)
		r.searches.string(p.searches[i])
		r.traceparents.string(event.Traceparent)
		for _, d := range published.Deliveries {
			r.deliveryNs.int(int64(n))
			r.deliveryIDs.string(d.ID)
			r.webhookIDs.string(d.WebhookID)
			r.deliveredIDs.string(event.ID)
			r.delivered.string(event.Event)
		}
	}
	return nil
}

func (r *publicationRows) addKey(p searched) error {
	if p.Key == nil {
		r.keys.null()
		r.requests.null()
		r.answers.null()
		return nil
	}
	answer, err := encodePublished(p.Published)
	if err != nil {
		return err
	}
	r.keys.bytes(p.Key.Key[:])
	r.requests.bytes(p.Key.Request[:])
	r.answers.string(string(answer))
	return nil
}
