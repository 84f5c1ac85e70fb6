package bench

import (
	"context"
	"fmt"
	"time"
)

// SettleTime is how long Postgres may keep what it counted to itself: an idle connection reports after 10 s.
const SettleTime = 11 * time.Second

// settle waits until Postgres has written down its statistics.
func (r *Rig) settle(ctx context.Context) error {
	if r.db == nil || r.Settle == 0 {
		return nil
	}
	phase := r.Progress.Phase("waiting for Postgres's statistics", int(r.Settle.Seconds()))
	defer phase.Done()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < r.Settle; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			phase.Set(int(time.Since(began).Seconds()))
		}
	}
	return nil
}

// transactions returns how many were committed so far in each database of the server that has durahook's; nil when
// there is no database to ask, or no time to wait for its answer.
func (r *Rig) transactions(ctx context.Context) (_ map[string]int64, err error) {
	if r.db == nil || r.Settle == 0 {
		return nil, nil
	}
	rows, err := r.db.QueryContext(ctx, `SELECT CASE WHEN datname = current_database() THEN $1 ELSE datname END, xact_commit
		FROM pg_stat_database WHERE datname NOT LIKE 'template%' AND (datname <> 'postgres' OR datname = current_database())`, Durahook)
	if err != nil {
		return nil, fmt.Errorf("read Postgres's statistics: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	counts := make(map[string]int64)
	for rows.Next() {
		var name string
		var count int64
		if err := rows.Scan(&name, &count); err != nil {
			return nil, fmt.Errorf("read Postgres's statistics: %w", err)
		}
		counts[name] = count
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read Postgres's statistics: %w", err)
	}
	return counts, nil
}

// writes returns how many transactions that write have begun so far, in all databases of the server that has durahook's;
// 0 when there is none to ask. Postgres numbers those, so that they are known at once.
func (r *Rig) writes(ctx context.Context) (n int64, err error) {
	if r.db == nil {
		return 0, nil
	}
	if err := r.db.QueryRowContext(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").Scan(&n); err != nil {
		return 0, fmt.Errorf("read the number of Postgres's next transaction: %w", err)
	}
	return n, nil
}
