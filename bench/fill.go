package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"
)

// filling writes deliveries into the database that a benchmark made, much faster than they could be made: their
// indexes are left out meanwhile, and so are foreign keys. Deliveries end at the moment and go back for 30 days, one
// event and one attempt each. All of them are closed, so that nothing happens to them.
type filling struct {
	db         *sql.DB
	account    string
	webhooks   []string
	deliveries int
	began      time.Time
}

// fillBatch is how many deliveries are written in one statement.
const fillBatch = 20_000

// run fills the database; step is told how many deliveries there are.
func (f *filling) run(ctx context.Context, step func(int)) (err error) {
	const days, day = 30, 24 * time.Hour
	f.began = time.Now().Add(-days * day)
	indexes, err := f.indexes(ctx)
	if err != nil {
		return err
	}
	connection, err := f.db.Conn(ctx) // one for all, since settings are a connection's
	if err != nil {
		return fmt.Errorf("reach Postgres to fill it: %w", err)
	}
	defer connection.Close() //nolint:errcheck // only gives it back
	statements := []string{`SET session_replication_role = replica`, `SET synchronous_commit = off`, `SET maintenance_work_mem = '256MB'`}
	for _, index := range indexes {
		statements = append(statements, `DROP INDEX `+pq.QuoteIdentifier(index.name))
	}
	for from := 1; from <= f.deliveries; from += fillBatch {
		statements = append(statements, f.batch(from, min(from+fillBatch-1, f.deliveries))...)
	}
	for _, index := range indexes {
		statements = append(statements, index.definition)
	}
	statements = append(statements, `VACUUM ANALYZE events, event_payloads, deliveries, attempts`, `RESET ALL`)
	for i, statement := range statements {
		if _, err := connection.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("fill the database: %w", err)
		}
		step((i + 1) * f.deliveries / len(statements))
	}
	return nil
}

type index struct{ name, definition string }

// indexes returns those that can be left out for a while: not those that a constraint stands on.
func (f *filling) indexes(ctx context.Context) (all []index, err error) {
	rows, err := f.db.QueryContext(ctx, `SELECT indexname, indexdef FROM pg_indexes
		WHERE tablename IN ('events', 'event_payloads', 'deliveries', 'attempts') AND schemaname = current_schema()
			AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)`)
	if err != nil {
		return nil, fmt.Errorf("list the indexes: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var one index
		if err := rows.Scan(&one.name, &one.definition); err != nil {
			return nil, fmt.Errorf("list the indexes: %w", err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// batch returns the statements that write the deliveries with these numbers.
func (f *filling) batch(from, to int) []string {
	// The suffix of a TypeID: ten digits for the millisecond, and sixteen that count here.
	var digits []string
	for shift := 45; shift >= 0; shift -= 5 {
		digits = append(digits, fmt.Sprintf(`substr('0123456789abcdefghjkmnpqrstvwxyz', ((ms >> %d) & 31)::int + 1, 1)`, shift))
	}
	webhooks := make([]string, len(f.webhooks))
	for i, id := range f.webhooks {
		webhooks[i] = pq.QuoteLiteral(id)
	}
	interval := max(time.Since(f.began).Milliseconds()/int64(f.deliveries), 1)
	account := pq.QuoteLiteral(f.account)
	return []string{
		fmt.Sprintf(`CREATE TEMP TABLE filling AS SELECT n, %s || lpad(n::text, 16, '0') AS suffix, to_timestamp(ms / 1000.0) AS at,
				(ARRAY[%s])[n %% %d + 1] AS webhook, n %% 50 = 7 AS failed,
				(ARRAY['call.started','call.answered','call.ended','call.failed','campaign.started','contact.created','contact.updated'])[n %% 7 + 1] AS event
			FROM (SELECT n, %d + n::bigint * %d AS ms FROM generate_series(%d, %d) AS n) AS moments`,
			strings.Join(digits, " || "), strings.Join(webhooks, ","), len(webhooks), f.began.UnixMilli(), interval, from, to),
		`INSERT INTO events (id, account_id, event, timestamp, created_at) SELECT 'evt_' || suffix, ` + account + `, event, at, at FROM filling`,
		`INSERT INTO event_payloads (event_id, payload, search) SELECT 'evt_' || suffix, convert_to(format(
				'{"event":"%s","timestamp":"%s","data":{"call_id":"call_%s","phone_number":"+1555%s","status":"answered"}}',
				event, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), n, lpad((n / 10)::text, 7, '0')), 'UTF8'), (
			SELECT array_agg(('x' || substr(encode(sha256((` + account + ` || '\000')::bytea || value::bytea), 'hex'), 1, 16))::bit(64)::bigint)
			FROM unnest(ARRAY['call_' || n, '+1555' || lpad((n / 10)::text, 7, '0'), 'answered']) AS value) FROM filling`,
		`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, attempt_count, outcome, status_code, response_time_ms, sweep_at, created_at, updated_at)
			SELECT 'dlv_' || suffix, ` + account + `, 'evt_' || suffix, webhook, event, CASE WHEN failed THEN 'exhausted' ELSE 'delivered' END, 1,
				CASE WHEN failed THEN 'server_error' ELSE 'success' END, CASE WHEN failed THEN 503 ELSE 200 END, n % 200 + 5, NULL, at, at FROM filling`,
		`INSERT INTO attempts (id, delivery_id, webhook_id, run_id, sequence, number, trigger, outcome, status_code, response_time_ms, response_headers, response_body, started_at, ended_at)
			SELECT 'att_' || suffix, 'dlv_' || suffix, webhook, suffix, 1, 1, 'schedule', CASE WHEN failed THEN 'server_error' ELSE 'success' END,
				CASE WHEN failed THEN 503 ELSE 200 END, n % 200 + 5, '{"Content-Type":["application/json"]}', '{"ok":true}', at, at + interval '50 ms' FROM filling`,
		`DROP TABLE filling`,
	}
}
