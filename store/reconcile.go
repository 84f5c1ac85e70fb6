package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// overdueAfter is how long after the time that its attempt was due an open delivery is looked into. Until then an
// attempt is under way, is being recorded or waits for its turn. Whoever waits for it by a rate limit may do so for long.
const overdueAfter = 2 * time.Minute

// Overdue is an open delivery for which nothing has happened for long.
type Overdue struct {
	webhook.Delivery
	Since time.Time `db:"since"` // when something should have happened
}

// Overdue returns up to limit open deliveries whose next attempt is long due, from the longest on and after one
// that was looked at. Of those that are pending it has only the ones whose workflow is known to be started: the
// others are the sweep's. It goes down two indexes in which only such deliveries are.
func (s *Store) Overdue(ctx context.Context, after time.Time, afterID string, limit int) ([]Overdue, error) {
	var rows []Overdue
	err := s.db.SelectContext(ctx, &rows, overdueStatement, after, afterID, limit, overdueAfter.Seconds())
	if err != nil {
		return nil, fmt.Errorf("list overdue deliveries: %w", err)
	}
	return rows, nil
}

const overdueStatement = `
	WITH overdue AS (
		(SELECT id, next_attempt_at AS since FROM deliveries
		WHERE status = 'waiting' AND next_attempt_at < now() - make_interval(secs => $4) AND (next_attempt_at, id) > ($1, $2)
			AND NOT EXISTS (SELECT FROM turns WHERE delivery_id = deliveries.id)
		ORDER BY next_attempt_at, id LIMIT $3)
		UNION ALL
		(SELECT id, updated_at AS since FROM deliveries
		WHERE status = 'pending' AND sweep_at IS NULL AND updated_at < now() - make_interval(secs => $4)
			AND (updated_at, id) > ($1, $2)
			AND NOT EXISTS (SELECT FROM turns WHERE delivery_id = deliveries.id)
		ORDER BY updated_at, id LIMIT $3)
		ORDER BY since, id LIMIT $3
	)
	SELECT ` + deliveryColumns + `, overdue.since
	FROM overdue JOIN deliveries d ON d.id = overdue.id JOIN webhooks w ON w.id = d.webhook_id
	ORDER BY overdue.since, d.id`

// DeliveriesByID returns those of the deliveries that there are, whoever they belong to, in no order. Quiet ones
// have not changed for long.
func (s *Store) DeliveriesByID(ctx context.Context, ids []string) (all []webhook.Delivery, quiet map[string]bool, err error) {
	var rows []struct {
		webhook.Delivery
		Quiet bool `db:"quiet"`
	}
	err = s.db.SelectContext(ctx, &rows, `
		SELECT `+deliveryColumns+`, d.updated_at < now() - make_interval(secs => $2) AS quiet
		FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.id = ANY($1)`, pq.StringArray(ids), overdueAfter.Seconds())
	if err != nil {
		return nil, nil, fmt.Errorf("find deliveries: %w", err)
	}
	quiet = make(map[string]bool)
	for _, row := range rows {
		all = append(all, row.Delivery)
		quiet[row.ID] = row.Quiet
	}
	return all, quiet, nil
}

// StartAgain has the sweep start the workflow of an open delivery that has none, for the attempt that is due, and
// reports whether it did: not when the delivery has changed since it was read. A delivery that waited keeps when
// that attempt was due, by which the sweep knows that its schedule goes on.
func (s *Store) StartAgain(ctx context.Context, d webhook.Delivery) (bool, error) {
	return s.mend(ctx, d, `status = 'pending', sweep_at = now()`)
}

// EndOpen ends an open delivery without another attempt, and reports whether it did: not when the delivery has
// changed since it was read.
func (s *Store) EndOpen(ctx context.Context, d webhook.Delivery, status webhook.Status) (bool, error) {
	return s.mend(ctx, d, `status = $3, next_attempt_at = NULL`, status)
}

func (s *Store) mend(ctx context.Context, d webhook.Delivery, set string, args ...any) (bool, error) {
	result, err := s.db.ExecContext(ctx, `
		UPDATE deliveries SET `+set+`, updated_at = now()
		WHERE id = $1 AND updated_at = $2 AND status IN ('pending', 'waiting')`, append([]any{d.ID, d.UpdatedAt}, args...)...)
	if err != nil {
		return false, fmt.Errorf("mend delivery: %w", err)
	}
	changed, err := result.RowsAffected()
	return changed == 1, err
}

// ScheduledAttempts returns how many attempts of a delivery were made because its schedule said so.
func (s *Store) ScheduledAttempts(ctx context.Context, deliveryID string) (n int, err error) {
	err = s.db.GetContext(ctx, &n, `SELECT count(*) FROM attempts WHERE delivery_id = $1 AND trigger = 'schedule'`, deliveryID)
	if err != nil {
		return 0, fmt.Errorf("count scheduled attempts: %w", err)
	}
	return n, nil
}
