package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

// Prepared is everything that an attempt needs to know, as it is at this moment.
type Prepared struct {
	Delivery webhook.Delivery
	Webhook  webhook.Webhook
	Payload  []byte
	// Recorded is the attempt itself when it was made and recorded before, by a worker that died before it
	// could say so.
	Recorded *webhook.Attempt
	// Discarded is set when the webhook was disabled after the event was published. The delivery's schedule
	// is over then, even if the webhook was enabled again meanwhile. A test is sent all the same: its webhook
	// counts as enabled here unless it was deleted.
	Discarded bool
}

// PrepareAttempt looks up what the attempt with this sequence in this workflow run needs.
func (s *Store) PrepareAttempt(ctx context.Context, deliveryID, runID string, sequence int) (Prepared, error) {
	var row struct {
		Webhook   webhookRow       `db:"webhook"`
		Delivery  webhook.Delivery `db:"delivery"`
		Payload   []byte           `db:"payload"`
		Recorded  *string          `db:"recorded"`
		Discarded bool             `db:"discarded"`
	}
	err := s.db.GetContext(ctx, &row, `
		SELECT w.id AS "webhook.id", w.account_id AS "webhook.account_id", w.name AS "webhook.name",
			w.url AS "webhook.url", w.authentication AS "webhook.authentication",
			w.signing_secret AS "webhook.signing_secret", w.enabled AS "webhook.enabled",
			w.deleted_at AS "webhook.deleted_at", w.previous_signing_secret AS "webhook.previous_signing_secret",
			w.previous_signing_secret_until AS "webhook.previous_signing_secret_until",
			coalesce(d.created_at <= w.disabled_at, false) AS discarded,
			d.id AS "delivery.id", d.account_id AS "delivery.account_id", d.event_id AS "delivery.event_id",
			d.event AS "delivery.event", d.test AS "delivery.test", d.status AS "delivery.status", d.attempt_count AS "delivery.attempt_count",
			d.next_attempt_at AS "delivery.next_attempt_at", d.webhook_id AS "delivery.webhook_id",
			d.outcome AS "delivery.outcome", d.status_code AS "delivery.status_code",
			d.response_time_ms AS "delivery.response_time_ms",
			d.created_at AS "delivery.created_at",
			p.payload, a.id AS recorded
		FROM deliveries d
		JOIN webhooks w ON w.id = d.webhook_id
		JOIN event_payloads p ON p.event_id = d.event_id
		LEFT JOIN attempts a ON a.delivery_id = d.id AND a.run_id = $2 AND a.sequence = $3
		WHERE d.id = $1`, deliveryID, runID, sequence)
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare attempt: %w", notFound(err, webhook.DeliveryPrefix, deliveryID))
	}
	w, err := s.openWebhook(row.Webhook)
	if err != nil {
		return Prepared{}, err
	}
	if row.Delivery.Test { // it is sent to a disabled webhook too
		w.Enabled, row.Discarded = row.Webhook.DeletedAt == nil, false
	}
	prepared := Prepared{Delivery: row.Delivery, Webhook: w, Payload: row.Payload, Discarded: row.Discarded}
	if row.Recorded != nil {
		prepared.Recorded = new(webhook.Attempt)
		if err := s.db.GetContext(ctx, prepared.Recorded, `SELECT `+attemptColumns+` FROM attempts WHERE id = $1`, *row.Recorded); err != nil {
			return Prepared{}, fmt.Errorf("find recorded attempt: %w", err)
		}
	}
	return prepared, nil
}

const attemptColumns = `
	id, delivery_id, run_id, sequence, number, trigger, outcome, status_code, response_time_ms, error,
	response_body, started_at, ended_at`

// RecordAttempt writes the attempt and where its delivery stands after it. An attempt that was recorded
// before is left as it is, and so is the delivery. The attempt's ID and number are given here.
func (s *Store) RecordAttempt(ctx context.Context, a webhook.Attempt, status webhook.Status, nextAttemptAt *time.Time) error {
	var details [3][]byte
	for i, detail := range []any{a.ResponseHeaders, a.RequestHeaders, a.Timing} {
		text, err := json.Marshal(detail)
		if err != nil {
			return fmt.Errorf("encode details of attempt: %w", err)
		}
		details[i] = text
	}
	_, err := s.db.ExecContext(ctx, `
		WITH delivery AS (
			SELECT attempt_count, webhook_id FROM deliveries WHERE id = $2 FOR UPDATE
		), attempt AS (
			INSERT INTO attempts (id, delivery_id, run_id, sequence, number, trigger, outcome, status_code,
				response_time_ms, error, response_headers, response_body, started_at, ended_at, webhook_id,
				request_headers, timing)
			SELECT $1, $2, $3, $4, attempt_count + 1, $5, $6, $7, $8, $9, $10, $11, $12, $13, webhook_id, $17, $18 FROM delivery
			ON CONFLICT (delivery_id, run_id, sequence) DO NOTHING
			RETURNING number, webhook_id, date_trunc('hour', started_at, 'UTC') AS hour
		), late AS (
			INSERT INTO webhook_hours (webhook_id, hour, version)
			SELECT webhook_id, hour, 1 FROM attempt WHERE hour + interval '1 hour' <= now() - make_interval(secs => $16)
			ON CONFLICT (webhook_id, hour) DO UPDATE SET figures = NULL, version = webhook_hours.version + 1
		)
		UPDATE deliveries SET attempt_count = attempt.number, outcome = $6, status_code = $7, response_time_ms = $8,
			updated_at = now(),
			-- What was cancelled while the attempt was under way does not wait for another one.
			status = CASE WHEN status = 'cancelled' AND $14 = 'waiting' THEN status ELSE $14 END,
			next_attempt_at = CASE WHEN status = 'cancelled' AND $14 = 'waiting' THEN NULL ELSE $15::timestamptz END
		FROM attempt WHERE id = $2`,
		webhook.NewID(webhook.AttemptPrefix), a.DeliveryID, a.RunID, a.Sequence, a.Trigger, a.Outcome, a.StatusCode,
		a.ResponseTimeMS, a.Error, details[0], a.ResponseBody, a.StartedAt, a.EndedAt, status, nextAttemptAt,
		lateAfter.Seconds(), details[1], details[2])
	if err != nil {
		return fmt.Errorf("record attempt: %w", err)
	}
	return nil
}

// Attempts returns all attempts of a delivery of the account, in the order in which they were made.
func (s *Store) Attempts(ctx context.Context, accountID, deliveryID string) ([]webhook.Attempt, error) {
	rows := []struct {
		webhook.Attempt
		Headers        []byte `db:"response_headers"`
		RequestHeaders []byte `db:"request_headers"`
		Timing         []byte `db:"timing"`
	}{}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT `+attemptColumns+`, response_headers, request_headers, timing FROM attempts
		WHERE delivery_id = (SELECT id FROM deliveries WHERE account_id = $1 AND id = $2) ORDER BY number`,
		accountID, deliveryID)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	attempts := make([]webhook.Attempt, len(rows))
	for i, row := range rows {
		attempts[i] = row.Attempt
		for _, detail := range []struct {
			text []byte
			into any
		}{
			{row.Headers, &attempts[i].ResponseHeaders}, {row.RequestHeaders, &attempts[i].RequestHeaders}, {row.Timing, &attempts[i].Timing},
		} {
			if err := json.Unmarshal(detail.text, detail.into); detail.text != nil && err != nil {
				return nil, fmt.Errorf("decode details of %s: %w", row.ID, err)
			}
		}
	}
	return attempts, nil
}
