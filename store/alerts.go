package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/durahook/durahook/webhook"
)

// alerted is the condition for people of the account to want to be alerted of what happened.
const alerted = `EXISTS (
	SELECT FROM alert_channels c WHERE c.account_id = happened.account_id AND c.events @> ARRAY[happened.event]
)`

const (
	// gatherBatch is how many causes are counted in one transaction, and how many accounts get alerts in one.
	gatherBatch = 10_000
	// alertLife is how long an alert is kept that nobody is done with: longer than its workflow tries.
	alertLife = 48 * time.Hour
)

// gatherLock is the advisory lock of whoever gathers alerts; the others don't wait for it.
const gatherLock = 0x616c6572 // "aler"

// AlertsDue reports whether there is anything to gather, to start or to forget: nearly always, there is not, and this one
// statement over what is nearly always empty says so.
func (s *Store) AlertsDue(ctx context.Context, window, quiet time.Duration) (due bool, err error) {
	var rows []bool
	if err := s.alertsDue.into(ctx, s.db, &rows, window.Seconds(), quiet.Seconds(), alertLife.Seconds()); err != nil {
		return false, fmt.Errorf("look for alerts: %w", err)
	}
	return rows[0], nil
}

const alertsDueStatement = `
	SELECT EXISTS (SELECT FROM alert_causes)
		OR EXISTS (SELECT FROM alerts WHERE sweep_at <= now())
		OR EXISTS (SELECT FROM alerts WHERE created_at <= now() - make_interval(secs => $3))
		OR EXISTS (
			SELECT FROM alert_groups WHERE (told_at IS NULL OR told_at <= now() - make_interval(secs => $2))
				AND (count = 0 OR first_at <= now() - make_interval(secs => $1))
		)`

// GatherAlerts makes alerts of what happened: once something has waited for the length of window, everything of its
// account goes into one alert for each of its channels. Of what happens to the same webhook again, there is no other
// alert before the length of quiet; until then it is counted. It returns how many alerts it made, and whether there is
// more to be counted at once.
func (s *Store) GatherAlerts(ctx context.Context, window, quiet time.Duration) (made int, more bool, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		var alone bool
		if err := tx.GetContext(ctx, &alone, `SELECT pg_try_advisory_xact_lock($1)`, gatherLock); err != nil || !alone {
			return err
		}
		counted, err := countCauses(ctx, tx)
		if err != nil {
			return err
		}
		more = counted == gatherBatch
		byAccount, err := dueGroups(ctx, tx, window, quiet)
		if err != nil {
			return err
		}
		for accountID, groups := range byAccount {
			n, err := insertAlerts(ctx, tx, accountID, groups)
			if err != nil {
				return err
			}
			made += n
		}
		return forgetAlerts(ctx, tx, quiet)
	})
	if err != nil {
		return 0, false, fmt.Errorf("gather alerts: %w", err)
	}
	return made, more, nil
}

// countCauses adds what happened to the groups, and returns how much it was.
func countCauses(ctx context.Context, tx *sqlx.Tx) (counted int, err error) {
	return counted, tx.GetContext(ctx, &counted, `
		WITH taken AS (
			DELETE FROM alert_causes WHERE id = ANY (ARRAY(SELECT id FROM alert_causes ORDER BY id LIMIT $1))
			RETURNING account_id, webhook_id, event, data, created_at
		), counted AS (
			INSERT INTO alert_groups AS known (webhook_id, event, account_id, count, first_at, data)
			SELECT webhook_id, event, min(account_id), count(*), min(created_at), (array_agg(data ORDER BY created_at DESC))[1]
			FROM taken GROUP BY webhook_id, event ORDER BY webhook_id, event
			ON CONFLICT (webhook_id, event) DO UPDATE SET count = known.count + excluded.count, data = excluded.data,
				first_at = CASE WHEN known.count = 0 THEN excluded.first_at ELSE known.first_at END
		)
		SELECT count(*) FROM taken`, gatherBatch)
}

// dueGroups returns the groups to alert of, by account, and begins them anew.
func dueGroups(ctx context.Context, tx *sqlx.Tx, window, quiet time.Duration) (map[string][]webhook.AlertGroup, error) {
	var rows []struct {
		AccountID string          `db:"account_id"`
		WebhookID string          `db:"webhook_id"`
		Event     string          `db:"event"`
		Count     int             `db:"count"`
		FirstAt   time.Time       `db:"first_at"`
		Data      json.RawMessage `db:"data"`
	}
	err := tx.SelectContext(ctx, &rows, `
		WITH open AS (
			SELECT * FROM alert_groups WHERE count > 0 AND (told_at IS NULL OR told_at <= now() - make_interval(secs => $2))
		), told AS (
			UPDATE alert_groups g SET count = 0, told_at = now() FROM open
			WHERE g.webhook_id = open.webhook_id AND g.event = open.event
				AND open.account_id IN (SELECT account_id FROM open WHERE first_at <= now() - make_interval(secs => $1))
			RETURNING open.*
		)
		SELECT account_id, webhook_id, event, count, first_at, data FROM told ORDER BY first_at, webhook_id, event`,
		window.Seconds(), quiet.Seconds())
	byAccount := make(map[string][]webhook.AlertGroup)
	for _, row := range rows {
		byAccount[row.AccountID] = append(byAccount[row.AccountID], webhook.AlertGroup{
			Event: row.Event, WebhookID: row.WebhookID, Count: row.Count, FirstAt: row.FirstAt, Data: row.Data,
		})
	}
	return byAccount, err
}

// insertAlerts writes an alert of these groups for every channel of the account that they are for.
func insertAlerts(ctx context.Context, tx *sqlx.Tx, accountID string, groups []webhook.AlertGroup) (made int, err error) {
	var rows []alertChannelRow
	if err := tx.SelectContext(ctx, &rows, `SELECT id, events FROM alert_channels WHERE account_id = $1 FOR KEY SHARE`, accountID); err != nil {
		return 0, err
	}
	for _, row := range rows {
		alert, ok := webhook.NewAlert(webhook.AlertChannel{ID: row.ID, Events: row.Events}, groups)
		if !ok {
			continue
		}
		text, err := json.Marshal(alert.Groups)
		if err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO alerts (id, channel_id, groups) VALUES ($1, $2, $3)`, alert.ID, row.ID, text); err != nil {
			return 0, err
		}
		made++
	}
	return made, nil
}

// forgetAlerts deletes what has no meaning any more.
func forgetAlerts(ctx context.Context, tx *sqlx.Tx, quiet time.Duration) error {
	_, err := tx.ExecContext(ctx, `
		WITH idle AS (DELETE FROM alert_groups WHERE count = 0 AND told_at <= now() - make_interval(secs => $1))
		DELETE FROM alerts WHERE created_at <= now() - make_interval(secs => $2)`, quiet.Seconds(), alertLife.Seconds())
	return err
}

// ClaimAlerts returns alerts whose workflows are to be started. They come up again after the length of lease, until
// [Store.AlertStarted].
func (s *Store) ClaimAlerts(ctx context.Context, limit int, lease time.Duration) ([]webhook.Alert, error) {
	var rows []struct {
		alertChannelRow
		AlertID string `db:"alert_id"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		WITH due AS (
			SELECT id FROM alerts WHERE sweep_at <= now() ORDER BY sweep_at LIMIT $1 FOR UPDATE SKIP LOCKED
		)
		UPDATE alerts a SET sweep_at = now() + make_interval(secs => $2)
		FROM due JOIN alerts USING (id) JOIN alert_channels c ON c.id = alerts.channel_id
		WHERE a.id = due.id RETURNING a.id AS alert_id, c.id, c.account_id, c.name, c.type`, limit, lease.Seconds())
	if err != nil {
		return nil, fmt.Errorf("claim alerts: %w", err)
	}
	alerts := make([]webhook.Alert, len(rows))
	for i, row := range rows {
		alerts[i] = webhook.Alert{ID: row.AlertID, Channel: webhook.AlertChannel{
			ID: row.ID, AccountID: row.AccountID, Name: row.Name, Type: webhook.AlertType(row.Type),
		}}
	}
	return alerts, nil
}

// AlertStarted notes that the workflow of an alert was started.
func (s *Store) AlertStarted(ctx context.Context, id string) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE alerts SET sweep_at = NULL WHERE id = $1`, id); err != nil {
		return fmt.Errorf("note that %s is started: %w", id, err)
	}
	return nil
}

// Alert returns an alert with its channel; found is false when it was sent before, or its channel deleted.
func (s *Store) Alert(ctx context.Context, id string) (alert webhook.Alert, found bool, err error) {
	var row struct {
		alertChannelRow
		Groups    []byte    `db:"groups"`
		AlertedAt time.Time `db:"alerted_at"`
	}
	err = s.db.GetContext(ctx, &row, `
		SELECT a.groups, a.created_at AS alerted_at, c.id, c.account_id, c.name, c.type, c.events, c.address
		FROM alerts a JOIN alert_channels c ON c.id = a.channel_id WHERE a.id = $1`, id)
	if errors.Is(err, errNoRows) {
		return webhook.Alert{}, false, nil
	}
	if err != nil {
		return webhook.Alert{}, false, fmt.Errorf("find alert: %w", err)
	}
	alert = webhook.Alert{ID: id, CreatedAt: row.AlertedAt}
	if alert.Channel, err = s.openAlertChannel(row.alertChannelRow); err != nil {
		return webhook.Alert{}, false, err
	}
	if err := json.Unmarshal(row.Groups, &alert.Groups); err != nil {
		return webhook.Alert{}, false, fmt.Errorf("decode %s: %w", id, err)
	}
	return alert, true, nil
}

// EndAlert notes on its channel how an alert, or a test of the channel, ended, and takes the alert away. It returns the
// type of the channel; none when that was deleted.
func (s *Store) EndAlert(ctx context.Context, end webhook.AlertEnd) (t webhook.AlertType, err error) {
	err = s.db.GetContext(ctx, &t, `
		WITH ended AS (DELETE FROM alerts WHERE id = $3)
		UPDATE alert_channels SET last_error = $2, last_sent_at = CASE WHEN $2 = '' THEN now() ELSE last_sent_at END
		WHERE id = $1 RETURNING type`, end.ChannelID, end.Error, end.AlertID)
	if err != nil && !errors.Is(err, errNoRows) {
		return "", fmt.Errorf("note how an alert of %s ended: %w", end.ChannelID, err)
	}
	return t, nil
}
