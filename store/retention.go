package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

const (
	// mostExpired is how many deliveries are deleted in one transaction, or else those of a single event.
	mostExpired = 2_000
	// settledAfter is how long ago an ended delivery has changed before it is deleted: one that somebody has just
	// retried is going to be opened again.
	settledAfter = 2 * time.Minute
)

// Expired are events that were kept for long enough.
type Expired struct {
	IDs     []string  // of those whose deliveries have all ended, in order
	Changed time.Time // when one of their deliveries did last; the zero time when they have none
	Kept    int       // the others that were looked at
	Last    string    // the last one that was looked at; empty when there are no more
	AsOf    time.Time // since when their deliveries have not changed
}

const expiredStatement = `
	WITH page AS MATERIALIZED (
		SELECT id FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3
	)
	SELECT page.id, of_event.deliveries, of_event.settled, of_event.changed_at, now() - make_interval(secs => $4) AS as_of
	FROM page CROSS JOIN LATERAL (
		SELECT count(*) AS deliveries, max(updated_at) AS changed_at,
			coalesce(bool_and(status NOT IN ('pending', 'waiting') AND updated_at < now() - make_interval(secs => $4)), true) AS settled
		FROM deliveries WHERE event_id = page.id
	) AS of_event
	ORDER BY page.id`

// Expired returns the next events after an ID that were published before a time, up to limit, going by the time in
// their IDs.
func (s *Store) Expired(ctx context.Context, after string, before time.Time, limit int) (Expired, error) {
	var rows []struct {
		ID         string     `db:"id"`
		Deliveries int        `db:"deliveries"`
		Settled    bool       `db:"settled"`
		ChangedAt  *time.Time `db:"changed_at"`
		AsOf       time.Time  `db:"as_of"`
	}
	err := s.db.SelectContext(ctx, &rows, expiredStatement, after, webhook.FirstID(webhook.EventPrefix, before), limit, settledAfter.Seconds())
	if err != nil {
		return Expired{}, fmt.Errorf("list events that were kept for long enough: %w", err)
	}
	var expired Expired
	deliveries := 0
	for _, row := range rows {
		if deliveries += row.Deliveries; deliveries > mostExpired && expired.Last != "" {
			return expired, nil
		}
		expired.Last, expired.AsOf = row.ID, row.AsOf
		if row.Settled {
			expired.IDs = append(expired.IDs, row.ID)
			if row.ChangedAt != nil && row.ChangedAt.After(expired.Changed) {
				expired.Changed = *row.ChangedAt
			}
		} else {
			expired.Kept++
		}
	}
	if len(rows) < limit {
		expired.Last = ""
	}
	return expired, nil
}

// DeleteEvents deletes events with all that belongs to them in one transaction, but for those with a delivery that is
// open or has changed since they were looked at. It waits for nobody: a row that somebody else works with is left for
// the next time.
func (s *Store) DeleteEvents(ctx context.Context, expired Expired) (deleted webhook.Deleted, err error) {
	if len(expired.IDs) == 0 {
		return deleted, nil
	}
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		events, deliveries, err := holdExpired(ctx, tx, expired)
		if err != nil {
			return err
		}
		deleted = webhook.Deleted{}
		for _, step := range []struct {
			statement string
			ids       pq.StringArray
			count     *int
		}{
			{`DELETE FROM attempts WHERE delivery_id = ANY($1)`, deliveries, &deleted.Attempts},
			{`DELETE FROM deliveries WHERE id = ANY($1)`, deliveries, &deleted.Deliveries},
			{`DELETE FROM events WHERE id = ANY($1)`, events, &deleted.Events}, // and with them their payloads
		} {
			result, err := tx.ExecContext(ctx, step.statement, step.ids)
			if err != nil {
				return err
			}
			rows, err := result.RowsAffected()
			if err != nil {
				return err
			}
			*step.count = int(rows)
		}
		return nil
	})
	if err != nil {
		return webhook.Deleted{}, fmt.Errorf("delete events: %w", err)
	}
	return deleted, nil
}

// holdExpired locks those of the events that may be deleted, and their deliveries. No further delivery of an event
// can be made while it is locked.
func holdExpired(ctx context.Context, tx *sqlx.Tx, expired Expired) (events, deliveries pq.StringArray, err error) {
	err = tx.SelectContext(ctx, &events, `SELECT id FROM events WHERE id = ANY($1) ORDER BY id FOR UPDATE SKIP LOCKED`, pq.StringArray(expired.IDs))
	if err != nil {
		return nil, nil, err
	}
	var rows []struct {
		ID      string `db:"id"`
		EventID string `db:"event_id"`
		Settled bool   `db:"settled"`
	}
	err = tx.SelectContext(ctx, &rows, `
		WITH held AS MATERIALIZED (
			SELECT id, status, updated_at FROM deliveries WHERE event_id = ANY($1) FOR UPDATE SKIP LOCKED
		)
		SELECT d.id, d.event_id, coalesce(held.status NOT IN ('pending', 'waiting') AND held.updated_at < $2, false) AS settled
		FROM deliveries d LEFT JOIN held USING (id) WHERE d.event_id = ANY($1)`, events, expired.AsOf)
	if err != nil {
		return nil, nil, err
	}
	unsettled := make(map[string]bool)
	for _, row := range rows {
		unsettled[row.EventID] = unsettled[row.EventID] || !row.Settled
	}
	for _, row := range rows {
		if !unsettled[row.EventID] {
			deliveries = append(deliveries, row.ID)
		}
	}
	settled := pq.StringArray{}
	for _, id := range events {
		if !unsettled[id] {
			settled = append(settled, id)
		}
	}
	return settled, deliveries, nil
}

// DeleteRest deletes what belongs to no event and was kept for long enough: the figures of hours, recoveries that have
// ended, and webhooks that were deleted, once nothing refers to them any more. It deletes up to limit rows of each
// kind, and reports whether there may be more.
func (s *Store) DeleteRest(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	for _, step := range []struct {
		statement string
		before    any
	}{
		{`DELETE FROM webhook_hours WHERE ctid IN (
			SELECT ctid FROM webhook_hours WHERE hour < $1 ORDER BY hour LIMIT $2 FOR UPDATE SKIP LOCKED)`, before},
		{`DELETE FROM recoveries WHERE id IN (
			SELECT id FROM recoveries WHERE id < $1 AND status <> 'running' ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)`,
			webhook.FirstID(webhook.RecoveryPrefix, before)},
		{`DELETE FROM webhooks WHERE id IN (
			SELECT id FROM webhooks w WHERE deleted_at < $1 AND discard_at IS NULL
				AND NOT EXISTS (SELECT FROM deliveries WHERE webhook_id = w.id)
				AND NOT EXISTS (SELECT FROM recoveries WHERE webhook_id = w.id)
				AND NOT EXISTS (SELECT FROM webhook_hours WHERE webhook_id = w.id)
				AND NOT EXISTS (SELECT FROM operational_events WHERE webhook_id = w.id)
			LIMIT $2 FOR UPDATE SKIP LOCKED)`, before},
	} {
		result, err := s.db.ExecContext(ctx, step.statement, step.before, limit)
		if err != nil {
			return false, fmt.Errorf("delete what was kept for long enough: %w", err)
		}
		rows, err := result.RowsAffected()
		if err != nil {
			return false, err
		}
		more = more || rows == int64(limit)
	}
	return more, nil
}
