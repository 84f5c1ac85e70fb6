package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// recoveryRow is a recovery as it lies in the table.
type recoveryRow struct {
	ID        string         `db:"id"`
	AccountID string         `db:"account_id"`
	WebhookID string         `db:"webhook_id"`
	Since     time.Time      `db:"since"`
	Until     time.Time      `db:"until"`
	Statuses  pq.StringArray `db:"statuses"`
	Status    string         `db:"status"`
	Reason    string         `db:"reason"`
	Matched   *int           `db:"matched"`
	Retried   int            `db:"retried"`
	Skipped   int            `db:"skipped"`
	Cursor    string         `db:"cursor"`
	CreatedAt time.Time      `db:"created_at"`
	UpdatedAt time.Time      `db:"updated_at"`

	WebhookName string `db:"webhook_name"`
}

func (row recoveryRow) recovery() webhook.Recovery {
	r := webhook.Recovery{
		ID: row.ID, AccountID: row.AccountID, WebhookID: row.WebhookID, WebhookName: row.WebhookName,
		Since: row.Since, Until: row.Until, Status: webhook.RecoveryStatus(row.Status), Reason: row.Reason, Retried: row.Retried,
		Skipped: row.Skipped, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if row.Matched != nil {
		r.Matched = *row.Matched
	}
	for _, status := range row.Statuses {
		r.Statuses = append(r.Statuses, webhook.Status(status))
	}
	return r
}

func recoveriesOf(rows []recoveryRow) []webhook.Recovery {
	recoveries := make([]webhook.Recovery, len(rows))
	for i, row := range rows {
		recoveries[i] = row.recovery()
	}
	return recoveries
}

const recoveryColumns = `
	r.id, r.account_id, r.webhook_id, r.since, r.until, r.statuses, r.status, r.reason, r.matched, r.retried, r.skipped,
	r.cursor, r.created_at, r.updated_at`

// CreateRecovery inserts the recovery and fills in when it was created. From then on its workflow is started
// sooner or later. Conflict: another one of the webhook is running.
func (s *Store) CreateRecovery(ctx context.Context, r *webhook.Recovery) error {
	statuses := make(pq.StringArray, len(r.Statuses))
	for i, status := range r.Statuses {
		statuses[i] = string(status)
	}
	err := s.db.QueryRowxContext(ctx, `
		INSERT INTO recoveries (id, account_id, webhook_id, since, until, statuses)
		SELECT $1, account_id, id, $4, $5, $6 FROM webhooks WHERE account_id = $2 AND id = $3 AND deleted_at IS NULL
		ON CONFLICT (webhook_id) WHERE status = 'running' DO NOTHING
		RETURNING created_at, updated_at`,
		r.ID, r.AccountID, r.WebhookID, r.Since, r.Until, statuses).Scan(&r.CreatedAt, &r.UpdatedAt)
	if errors.Is(err, errNoRows) {
		return s.explainNoRecovery(ctx, r.AccountID, r.WebhookID)
	}
	if err != nil {
		return fmt.Errorf("insert recovery: %w", err)
	}
	return nil
}

// explainNoRecovery says why a recovery could not be inserted.
func (s *Store) explainNoRecovery(ctx context.Context, accountID, webhookID string) error {
	var running *string
	err := s.db.GetContext(ctx, &running, `
		SELECT r.id FROM webhooks w LEFT JOIN recoveries r ON r.webhook_id = w.id AND r.status = 'running'
		WHERE w.account_id = $1 AND w.id = $2 AND w.deleted_at IS NULL`, accountID, webhookID)
	if err != nil {
		return fmt.Errorf("find running recovery: %w", notFound(err, webhook.WebhookPrefix, webhookID))
	}
	message := "Another recovery of this webhook has just ended; try again."
	if running != nil {
		message = "Recovery " + *running + " of this webhook is running; wait for its end, or cancel it."
	}
	return &webhook.Error{Code: webhook.CodeConflict, Message: message}
}

// CountRecoverable counts how many deliveries a recovery would retry that was created now, atMost of them.
func (s *Store) CountRecoverable(ctx context.Context, r webhook.Recovery, atMost int) (matched int, err error) {
	row := recoveryRow{
		AccountID: r.AccountID, WebhookID: r.WebhookID, Since: r.Since, Until: r.Until,
		CreatedAt: time.Now().Add(clockSkew), // nothing was changed after that, by whichever clock
	}
	for _, status := range r.Statuses {
		row.Statuses = append(row.Statuses, string(status))
	}
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		return selectRecoverable(ctx, tx, row, &matched, `
			SELECT count(*) FROM (
				SELECT 1 FROM deliveries d WHERE d.status = ANY(:statuses) AND `+recoverable+` LIMIT `+strconv.Itoa(atMost)+`
			) AS counted`)
	})
	if err != nil {
		return 0, fmt.Errorf("count deliveries to recover: %w", err)
	}
	return matched, nil
}

// Recovery returns one recovery of the account.
func (s *Store) Recovery(ctx context.Context, accountID, id string) (webhook.Recovery, error) {
	var row recoveryRow
	err := s.db.GetContext(ctx, &row, `SELECT `+recoveryColumns+` FROM recoveries r WHERE account_id = $1 AND id = $2`, accountID, id)
	if err != nil {
		return webhook.Recovery{}, fmt.Errorf("find recovery: %w", notFound(err, webhook.RecoveryPrefix, id))
	}
	return row.recovery(), nil
}

// Recoveries returns a page of a webhook's recoveries, newest first.
func (s *Store) Recoveries(ctx context.Context, accountID, webhookID string, page Page) ([]webhook.Recovery, error) {
	var rows []recoveryRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT `+recoveryColumns+` FROM recoveries r
		WHERE account_id = $1 AND webhook_id = $2 AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT $4`,
		accountID, webhookID, page.Before, page.Limit)
	if err != nil {
		return nil, fmt.Errorf("list recoveries: %w", err)
	}
	return recoveriesOf(rows), nil
}

// ClaimRecoveries returns running recoveries whose workflow should be looked after. They come up again after
// the length of lease for as long as they run.
func (s *Store) ClaimRecoveries(ctx context.Context, limit int, lease time.Duration) ([]webhook.Recovery, error) {
	var rows []recoveryRow
	if err := s.claimRecoveries.into(ctx, s.db, &rows, limit, lease.Seconds()); err != nil {
		return nil, fmt.Errorf("claim recoveries: %w", err)
	}
	return recoveriesOf(rows), nil
}

const claimRecoveriesStatement = `
	WITH due AS (
		SELECT id FROM recoveries WHERE status = 'running' AND sweep_at <= now()
		ORDER BY sweep_at LIMIT $1 FOR UPDATE SKIP LOCKED
	)
	UPDATE recoveries r SET sweep_at = now() + make_interval(secs => $2)
	FROM due, webhooks w WHERE r.id = due.id AND w.id = r.webhook_id
	RETURNING ` + recoveryColumns + `, w.name AS webhook_name`

// clockSkew is how far apart the clocks may be that a delivery's ID and its created_at come from: this
// process's and the database's. It only costs looking at a few more rows.
const clockSkew = 10 * time.Minute

// recoverable is the condition for the deliveries d that a recovery retries, but for their status: those that
// matched when it was asked for and that nothing has happened to since, tests and erased ones left out. So what it has retried never matches
// again. The bounds of the ID have an index by webhook used.
const recoverable = `
	d.account_id = :account_id AND d.webhook_id = ANY(ARRAY[:webhook_id]) AND d.id >= :first AND d.id > :cursor AND d.id < :end
	AND d.created_at >= :since AND d.created_at < :until AND d.updated_at <= :created_at AND NOT d.test AND d.erased_at IS NULL`

// selectRecoverable is what a recovery has to find in its deliveries, from its cursor on.
func selectRecoverable(ctx context.Context, tx *sqlx.Tx, row recoveryRow, into any, query string) error {
	statement, args, err := tx.BindNamed(query, map[string]any{
		"account_id": row.AccountID, "webhook_id": row.WebhookID, "cursor": row.Cursor,
		"first": webhook.FirstID(webhook.DeliveryPrefix, row.Since.Add(-clockSkew)),
		"end":   webhook.FirstID(webhook.DeliveryPrefix, row.Until.Add(clockSkew)),
		"since": row.Since, "until": row.Until, "statuses": row.Statuses, "created_at": row.CreatedAt,
	})
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return tx.GetContext(ctx, into, statement, args...)
}

// lockRecovery returns the recovery, which nobody else changes until the end of the transaction, and whether
// its webhook is there and enabled.
func lockRecovery(ctx context.Context, tx *sqlx.Tx, id string) (row recoveryRow, enabled bool, err error) {
	var found struct {
		recoveryRow
		Enabled bool `db:"enabled"`
	}
	err = tx.GetContext(ctx, &found, `
		SELECT `+recoveryColumns+`, w.enabled AND w.deleted_at IS NULL AS enabled
		FROM recoveries r JOIN webhooks w ON w.id = r.webhook_id WHERE r.id = $1 FOR UPDATE OF r`, id)
	if err != nil {
		return recoveryRow{}, false, fmt.Errorf("lock recovery: %w", notFound(err, webhook.RecoveryPrefix, id))
	}
	return found.recoveryRow, found.Enabled, nil
}

// CountRecovery counts, the first time that it is called, how many deliveries a recovery is to retry, and
// returns the recovery as it stands.
func (s *Store) CountRecovery(ctx context.Context, id string) (r webhook.Recovery, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		row, _, err := lockRecovery(ctx, tx, id)
		if err != nil || row.Matched != nil {
			r = row.recovery()
			return err
		}
		var matched int
		err = selectRecoverable(ctx, tx, row, &matched,
			`SELECT count(*) FROM deliveries d WHERE d.status = ANY(:statuses) AND `+recoverable)
		if err != nil {
			return fmt.Errorf("count deliveries to recover: %w", err)
		}
		r, err = updateRecovery(ctx, tx, id, `matched = $2`, matched)
		return err
	})
	return r, err
}

// disabledMeanwhile is why a recovery fails whose webhook is disabled or deleted while it runs.
const disabledMeanwhile = "The webhook was disabled or deleted."

// NextToRecover takes a recovery's next delivery in hand, counts it as retried and returns it, for the caller to
// ask for the retry: should it die before, [Store.InHand] says which it was. Without one left the recovery is
// completed, and with its webhook disabled or deleted it has failed: delivery is nil then, and whenever the
// recovery runs no more. The recovery is returned as it stands.
func (s *Store) NextToRecover(ctx context.Context, id string) (r webhook.Recovery, delivery *webhook.Delivery, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		row, enabled, err := lockRecovery(ctx, tx, id)
		switch {
		case err != nil || row.Status != string(webhook.RecoveryRunning):
			r = row.recovery()
			return err
		case !enabled:
			r, err = updateRecovery(ctx, tx, id, `status = 'failed', reason = $2`, disabledMeanwhile)
			return err
		}
		var next webhook.Delivery
		err = selectRecoverable(ctx, tx, row, &next, `
			SELECT `+deliveryColumns+` FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.id = (
				-- One status at a time, for each to be the first of a stretch of an index.
				SELECT min(next.id) FROM unnest(CAST(:statuses AS text[])) AS wanted (status) CROSS JOIN LATERAL (
					SELECT d.id FROM deliveries d WHERE d.status = wanted.status AND `+recoverable+`
					ORDER BY d.webhook_id, d.id LIMIT 1
				) AS next
			)`)
		if errors.Is(err, errNoRows) {
			r, err = updateRecovery(ctx, tx, id, `status = 'completed', matched = greatest(matched, retried),
				skipped = greatest(matched - retried, 0)`)
			return err
		}
		if err != nil {
			return fmt.Errorf("find next delivery to recover: %w", err)
		}
		delivery = &next
		r, err = updateRecovery(ctx, tx, id, `cursor = $2, cursor_attempts = $3, retried = retried + 1`, next.ID, next.AttemptCount)
		return err
	})
	if err != nil {
		return webhook.Recovery{}, nil, err
	}
	return r, delivery, nil
}

func updateRecovery(ctx context.Context, tx *sqlx.Tx, id, set string, args ...any) (webhook.Recovery, error) {
	var row recoveryRow
	err := tx.GetContext(ctx, &row, `
		UPDATE recoveries r SET `+set+`, updated_at = now() WHERE r.id = $1 RETURNING `+recoveryColumns, append([]any{id}, args...)...)
	if err != nil {
		return webhook.Recovery{}, fmt.Errorf("update recovery: %w", err)
	}
	return row.recovery(), nil
}

// InHand returns the delivery that a recovery took in hand last, unless a retry of it is known to be under way
// or to have been made since: then it returns nil.
func (s *Store) InHand(ctx context.Context, id string) (*webhook.Delivery, error) {
	var d webhook.Delivery
	err := s.db.GetContext(ctx, &d, `
		SELECT `+deliveryColumns+` FROM recoveries r JOIN deliveries d ON d.id = r.cursor JOIN webhooks w ON w.id = d.webhook_id
		WHERE r.id = $1 AND d.attempt_count = r.cursor_attempts AND d.status <> 'pending'`, id)
	if errors.Is(err, errNoRows) {
		return nil, nil //nolint:nilnil // there is none, which is no mistake
	}
	if err != nil {
		return nil, fmt.Errorf("find delivery in hand: %w", err)
	}
	return &d, nil
}

// EndRecovery writes down that a recovery runs no more, and why, unless that is known already. It returns the
// recovery as it stands.
func (s *Store) EndRecovery(ctx context.Context, id string, status webhook.RecoveryStatus, reason string) (r webhook.Recovery, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		row, _, err := lockRecovery(ctx, tx, id)
		if err != nil || row.Status != string(webhook.RecoveryRunning) {
			r = row.recovery()
			return err
		}
		r, err = updateRecovery(ctx, tx, id, `status = $2, reason = $3`, status, reason)
		return err
	})
	return r, err
}
