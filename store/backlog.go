package store

import (
	"context"
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

const (
	// mostCounted is how many open deliveries of an account and a status are counted.
	mostCounted = 1_000_000
	// sweptSoon is how many of the unstarted deliveries are looked at: as they are swept, they take turns.
	sweptSoon = 10_000
)

// Backlog returns what is still to be delivered. It goes down the index on account, status and ID, once for each
// account and open status, and the index of the sweep: what has ended costs nothing, however much it is. What waits for
// its turn under a rate limit counts, but is not the oldest: it is as late as its owner wants it.
func (s *Store) Backlog(ctx context.Context) (webhook.Backlog, error) {
	var row struct {
		Pending, Waiting                              int
		OldestPending, OldestWaiting, OldestUnstarted float64 // seconds
		Failing                                       int
	}
	err := s.db.QueryRowxContext(ctx, `
		WITH open AS MATERIALIZED (
			SELECT s.status, counted.count, oldest.created_at
			FROM accounts a CROSS JOIN (VALUES ('pending'), ('waiting')) s (status)
			LEFT JOIN LATERAL (
				SELECT created_at FROM deliveries d
				WHERE d.account_id = a.id AND d.status = s.status AND NOT EXISTS (SELECT FROM turns WHERE delivery_id = d.id)
				ORDER BY d.id LIMIT 1
			) oldest ON true
			CROSS JOIN LATERAL (
				SELECT count(*) FROM (
					SELECT FROM deliveries d WHERE d.account_id = a.id AND d.status = s.status LIMIT $1
				) c
			) counted
		), unstarted AS (
			SELECT created_at FROM deliveries WHERE status = 'pending' AND sweep_at IS NOT NULL ORDER BY sweep_at LIMIT $2
		), figures AS (
			SELECT sum(count) FILTER (WHERE status = 'pending') AS pending, sum(count) FILTER (WHERE status = 'waiting') AS waiting,
				min(created_at) FILTER (WHERE status = 'pending') AS oldest_pending,
				min(created_at) FILTER (WHERE status = 'waiting') AS oldest_waiting
			FROM open
		)
		SELECT coalesce(pending, 0), coalesce(waiting, 0),
			coalesce(extract(epoch FROM now() - oldest_pending), 0), coalesce(extract(epoch FROM now() - oldest_waiting), 0),
			coalesce(extract(epoch FROM now() - (SELECT min(created_at) FROM unstarted)), 0),
			(SELECT count(*) FROM webhooks WHERE failing_since IS NOT NULL AND enabled AND deleted_at IS NULL)
		FROM figures`, mostCounted, sweptSoon).
		Scan(&row.Pending, &row.Waiting, &row.OldestPending, &row.OldestWaiting, &row.OldestUnstarted, &row.Failing)
	if err != nil {
		return webhook.Backlog{}, fmt.Errorf("look at the backlog: %w", err)
	}
	return webhook.Backlog{
		Pending:         webhook.OpenDeliveries{Count: row.Pending, Oldest: age(row.OldestPending)},
		Waiting:         webhook.OpenDeliveries{Count: row.Waiting, Oldest: age(row.OldestWaiting)},
		OldestUnstarted: age(row.OldestUnstarted),
		FailingWebhooks: row.Failing,
	}, nil
}

func age(seconds float64) time.Duration { return time.Duration(max(seconds, 0) * float64(time.Second)) }
