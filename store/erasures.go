package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// EventsToErase returns the IDs of up to limit events of the account whose data are not erased and that a search for
// the value finds: it is in their data, or their ID, or that of one of their deliveries.
func (s *Store) EventsToErase(ctx context.Context, accountID, value string, limit int) (ids []string, err error) {
	id := ""
	if webhook.CheckID(webhook.EventPrefix, value) == nil || webhook.CheckID(webhook.DeliveryPrefix, value) == nil {
		id = value
	}
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		// A value that is in many events would be looked for in all payloads.
		if _, err := tx.ExecContext(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
			return err
		}
		return tx.SelectContext(ctx, &ids, `
			SELECT e.id FROM (
				SELECT event_id FROM event_payloads WHERE search @> ARRAY[$2::bigint]
				UNION SELECT $3
				UNION SELECT event_id FROM deliveries WHERE id = $3 AND account_id = $1
			) AS found JOIN events e ON e.id = found.event_id JOIN event_payloads p ON p.event_id = e.id
			WHERE e.account_id = $1 AND p.erased_at IS NULL LIMIT $4`, accountID, webhook.SearchTerm(accountID, value), id, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("search events to erase: %w", err)
	}
	return ids, nil
}

// CountErasable counts what the erasure of events of the account would erase.
func (s *Store) CountErasable(ctx context.Context, accountID string, eventIDs []string) (webhook.Erased, error) {
	var erased webhook.Erased
	err := s.db.GetContext(ctx, &erased, `
		SELECT (SELECT count(*) FROM events WHERE account_id = $1 AND id = ANY($2)) AS events, count(*) AS deliveries,
			coalesce(sum(attempt_count), 0) AS attempts, count(*) FILTER (WHERE status IN ('pending', 'waiting')) AS discarded
		FROM deliveries WHERE account_id = $1 AND event_id = ANY($2)`, accountID, pq.StringArray(eventIDs))
	if err != nil {
		return webhook.Erased{}, fmt.Errorf("count what is to be erased: %w", err)
	}
	return erased, nil
}

// EraseEvents erases the data of events of the account in one transaction: their payloads, what they are found by, and
// what endpoints answered. Deliveries that are open end as discarded; their IDs are returned.
func (s *Store) EraseEvents(ctx context.Context, accountID string, eventIDs []string) (erased webhook.Erased, open []string, err error) {
	defer s.ahead.changed()
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		var deliveries []struct {
			ID   string `db:"id"`
			Open bool   `db:"open"`
		}
		// In the order in which attempts are recorded, so that nobody locks the other out.
		err := tx.SelectContext(ctx, &deliveries, `
			SELECT id, status IN ('pending', 'waiting') AS open FROM deliveries
			WHERE account_id = $1 AND event_id = ANY($2) ORDER BY id FOR UPDATE`, accountID, pq.StringArray(eventIDs))
		if err != nil {
			return err
		}
		ids := make(pq.StringArray, len(deliveries))
		open = nil
		for i, d := range deliveries {
			if ids[i] = d.ID; d.Open {
				open = append(open, d.ID)
			}
		}
		erased = webhook.Erased{Deliveries: len(ids), Discarded: len(open)}
		return eraseRows(ctx, tx, accountID, eventIDs, ids, &erased)
	})
	if err != nil {
		return webhook.Erased{}, nil, fmt.Errorf("erase events: %w", err)
	}
	return erased, open, nil
}

func eraseRows(ctx context.Context, tx *sqlx.Tx, accountID string, eventIDs, deliveryIDs pq.StringArray, erased *webhook.Erased) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE deliveries SET erased_at = now(), updated_at = now(), next_attempt_at = NULL,
			status = CASE WHEN status IN ('pending', 'waiting') THEN 'discarded' ELSE status END
		WHERE id = ANY($1)`, deliveryIDs)
	if err != nil {
		return err
	}
	err = tx.GetContext(ctx, &erased.Attempts, `
		WITH attempt AS (
			UPDATE attempts SET response_body = NULL, response_headers = NULL WHERE delivery_id = ANY($1) RETURNING id
		)
		SELECT count(*) FROM attempt`, deliveryIDs)
	if err != nil {
		return err
	}
	// What is left is a payload like any other: programs of the version before read it too.
	return tx.GetContext(ctx, &erased.Events, `
		WITH payload AS (
			UPDATE event_payloads p SET erased_at = now(), search = '{}', payload = convert_to(json_build_object(
				'event', e.event, 'timestamp', to_char(e.timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
				'data', json_build_object('erased', true))::text, 'UTF8')
			FROM events e WHERE e.id = p.event_id AND e.account_id = $1 AND p.event_id = ANY($2) AND p.erased_at IS NULL
			RETURNING p.event_id
		)
		SELECT count(*) FROM payload`, accountID, eventIDs)
}

// RecordErasure writes down that data were erased, with a keyed hash of what was searched for, and fills in the hash
// and when that was.
func (s *Store) RecordErasure(ctx context.Context, e *webhook.Erasure, value string) (err error) {
	if e.MatchedHash, err = s.keys.Hash("erasure/"+e.AccountID, value); err != nil {
		return err
	}
	err = s.db.QueryRowxContext(ctx, `
		INSERT INTO erasures (id, account_id, matched_hash, events, deliveries, attempts, discarded, events_left, erased_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING created_at`,
		e.ID, e.AccountID, e.MatchedHash, e.Events, e.Deliveries, e.Attempts, e.Discarded, e.Left, e.ErasedBy).Scan(&e.CreatedAt)
	if err != nil {
		return fmt.Errorf("record erasure: %w", err)
	}
	return nil
}

// Erasures returns a page of the account's erasures, newest first.
func (s *Store) Erasures(ctx context.Context, accountID string, page Page) ([]webhook.Erasure, error) {
	erasures := []webhook.Erasure{}
	err := s.db.SelectContext(ctx, &erasures, `
		SELECT id, account_id, matched_hash, events, deliveries, attempts, discarded, events_left, erased_by, created_at
		FROM erasures WHERE account_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3`, accountID, page.Before, page.Limit)
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	return erasures, nil
}
