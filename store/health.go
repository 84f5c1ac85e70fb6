package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// healthPage is how many webhooks are looked at by one statement.
const healthPage = 200

// lookAtHealth notes, of a page of enabled webhooks, since when each fails. It looks at attempts of the last
// hours only: what came before is in failing_since, unless nobody looked for that long (then see [stillFailing]).
// A healthy webhook costs a glance at its newest attempts, and nothing is written where nothing has changed. Attempts
// of tests don't count, nor those that were made before the webhook was last enabled.
const lookAtHealth = `
	WITH page AS (
		SELECT id, greatest(enabled_at, now() - make_interval(secs => $2)) AS since, failing_since
		FROM webhooks WHERE id > $1 AND enabled AND deleted_at IS NULL ORDER BY id LIMIT $3
	), looked AS (
		SELECT page.id, page.failing_since AS before,
			CASE WHEN success.at IS NOT NULL OR page.failing_since IS NULL THEN failure.at ELSE page.failing_since END AS failing_since
		FROM page
		LEFT JOIN LATERAL (
			SELECT a.started_at AS at FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
			WHERE a.webhook_id = page.id AND a.started_at >= page.since AND a.outcome = 'success' AND NOT d.test
			ORDER BY a.started_at DESC LIMIT 1
		) success ON true
		LEFT JOIN LATERAL (
			SELECT a.started_at AS at FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
			WHERE a.webhook_id = page.id AND a.started_at >= coalesce(success.at, page.since) AND a.outcome <> 'success' AND NOT d.test
			ORDER BY a.started_at LIMIT 1
		) failure ON true
	), changed AS (
		UPDATE webhooks w SET failing_since = looked.failing_since, warned_at = NULL
		FROM looked WHERE w.id = looked.id AND w.enabled AND looked.failing_since IS DISTINCT FROM looked.before
			AND w.failing_since IS NOT DISTINCT FROM looked.before
	)
	SELECT max(id) FROM looked`

// NoteHealth notes since when each of the next webhooks after an ID fails, from the attempts since a length of
// time ago. It returns the ID of the last one, or "" when there are no more.
func (s *Store) NoteHealth(ctx context.Context, after string, ago time.Duration) (last string, err error) {
	var id *string
	if err := s.db.GetContext(ctx, &id, lookAtHealth, after, ago.Seconds(), healthPage); err != nil {
		return "", fmt.Errorf("look at the health of webhooks: %w", err)
	}
	if id == nil {
		return "", nil
	}
	return *id, nil
}

// Failing returns the enabled webhooks that have failed for at least so long, up to their last attempt.
func (s *Store) Failing(ctx context.Context, atLeast time.Duration) ([]webhook.Failing, error) {
	var rows []struct {
		webhookRow
		webhook.LastFailure
		Last   time.Time `db:"last"`
		Warned bool      `db:"warned"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT w.id, w.account_id, w.name, w.failing_since, w.warned_at IS NOT NULL AS warned,
			last.started_at AS last, last.outcome, last.status_code, last.error
		FROM webhooks w CROSS JOIN LATERAL (
			SELECT a.started_at, a.outcome, a.status_code, a.error FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
			WHERE a.webhook_id = w.id AND NOT d.test ORDER BY a.started_at DESC LIMIT 1
		) last
		WHERE w.failing_since IS NOT NULL AND w.enabled AND w.deleted_at IS NULL AND last.outcome <> 'success'
			AND last.started_at >= w.failing_since + make_interval(secs => $1)
		ORDER BY w.id`, atLeast.Seconds())
	if err != nil {
		return nil, fmt.Errorf("find failing webhooks: %w", err)
	}
	failing := make([]webhook.Failing, len(rows))
	for i, row := range rows {
		failing[i] = webhook.Failing{
			Webhook: webhook.Webhook{ID: row.ID, AccountID: row.AccountID, Name: row.Name, Enabled: true, FailingSince: row.FailingSince},
			Since:   *row.FailingSince, Last: row.Last, LastFailure: row.LastFailure, Warned: row.Warned,
		}
	}
	return failing, nil
}

// DisableFailing disables a webhook that fails, and tells of it. It reports whether it did: not if the webhook
// does not fail any more, or did meanwhile succeed without anybody having looked.
func (s *Store) DisableFailing(ctx context.Context, f webhook.Failing) (done bool, err error) {
	defer s.ahead.changed()
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		if still, err := stillFailing(ctx, tx, f); err != nil || !still {
			return err
		}
		done, err = disableWebhook(ctx, tx, f.Webhook.ID, webhook.CauseFailing, f.DisableReason())
		return err
	})
	return done && err == nil, err
}

// WarnFailing tells that a webhook is going to be disabled if it fails until a time. It reports whether it did: not if
// it was told before, or the webhook does not fail any more.
func (s *Store) WarnFailing(ctx context.Context, f webhook.Failing, disableAt time.Time) (done bool, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		if still, err := stillFailing(ctx, tx, f); err != nil || !still || f.Warned {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE webhooks SET warned_at = now() WHERE id = $1`, f.Webhook.ID); err != nil {
			return fmt.Errorf("note the warning: %w", err)
		}
		done = true
		return tell(ctx, tx, webhook.EventWebhookFailing, f.Webhook, webhook.FailingData{
			WebhookID: f.Webhook.ID, WebhookName: f.Webhook.Name, FailingSince: f.Since.UTC(), DisableAt: disableAt.UTC(),
			LastFailure: f.LastFailure,
		})
	})
	return done && err == nil, err
}

// stillFailing locks a webhook and reports whether it fails as it did, going through all attempts since then: it may
// be that nobody looked for hours, as no worker ran. If one succeeded, that is noted.
func stillFailing(ctx context.Context, tx *sqlx.Tx, f webhook.Failing) (bool, error) {
	var found struct {
		Same    bool       `db:"same"`
		Success *time.Time `db:"success"`
	}
	err := tx.GetContext(ctx, &found, `
		WITH held AS (
			SELECT failing_since IS NOT DISTINCT FROM $2 AND enabled AND deleted_at IS NULL AS same FROM webhooks WHERE id = $1 FOR UPDATE
		)
		SELECT same, (
			SELECT max(a.started_at) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
			WHERE a.webhook_id = $1 AND a.started_at >= $2 AND a.outcome = 'success' AND NOT d.test
		) AS success FROM held`, f.Webhook.ID, f.Since)
	if err != nil {
		return false, fmt.Errorf("look whether %s still fails: %w", f.Webhook.ID, notFound(err, webhook.WebhookPrefix, f.Webhook.ID))
	}
	if !found.Same || found.Success == nil {
		return found.Same, nil
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE webhooks SET warned_at = NULL, failing_since = (
			SELECT min(a.started_at) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
			WHERE a.webhook_id = $1 AND a.started_at > $2 AND NOT d.test
		) WHERE id = $1`, f.Webhook.ID, *found.Success)
	if err != nil {
		return false, fmt.Errorf("note that %s had a success: %w", f.Webhook.ID, err)
	}
	return false, nil
}

// CountFailing returns how many enabled webhooks fail, of all accounts.
func (s *Store) CountFailing(ctx context.Context) (n int, err error) {
	err = s.db.GetContext(ctx, &n, `
		SELECT count(*) FROM webhooks WHERE failing_since IS NOT NULL AND enabled AND deleted_at IS NULL`)
	if err != nil {
		return 0, fmt.Errorf("count failing webhooks: %w", err)
	}
	return n, nil
}

// Missed returns what a webhook missed when it was last disabled and what was not made up for since; nothing if
// it never was disabled. Whose it is, the caller has checked.
func (s *Store) Missed(ctx context.Context, webhookID string) (webhook.Missed, error) {
	// What waited the longest was made that long before.
	const longest = 7 * 24 * time.Hour
	var since *time.Time
	if err := s.db.GetContext(ctx, &since, `SELECT missed_since FROM webhooks WHERE id = $1`, webhookID); err != nil {
		return webhook.Missed{}, fmt.Errorf("find since when deliveries are missed: %w", notFound(err, webhook.WebhookPrefix, webhookID))
	}
	if since == nil {
		return webhook.Missed{}, nil
	}
	missed := webhook.Missed{Statuses: webhook.MissedStatuses()}
	statuses := make(pq.StringArray, len(missed.Statuses))
	for i, status := range missed.Statuses {
		statuses[i] = string(status)
	}
	var found struct {
		Count int        `db:"count"`
		Since *time.Time `db:"since"`
	}
	err := s.db.GetContext(ctx, &found, `
		SELECT count(*), min(created_at) AS since FROM (
			SELECT d.created_at FROM deliveries d
			WHERE d.webhook_id = ANY(ARRAY[$1]) AND d.status = ANY ($2) AND d.id >= $3 AND d.updated_at >= $4 AND NOT d.test AND d.erased_at IS NULL
			LIMIT $5
		) missed`, webhookID, statuses, webhook.FirstID(webhook.DeliveryPrefix, since.Add(-longest)), *since, webhook.MostMissed)
	if err != nil {
		return webhook.Missed{}, fmt.Errorf("count missed deliveries: %w", err)
	}
	if found.Since != nil {
		missed.Deliveries, missed.Since = found.Count, *found.Since
	}
	return missed, nil
}
