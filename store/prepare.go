package store

import (
	"context"
	"fmt"
	"time"

	"github.com/durahook/durahook/internal/batch"
	"github.com/durahook/durahook/webhook"
)

// Prepared is everything that an attempt needs to know, as it is at this moment.
type Prepared struct {
	Delivery webhook.Delivery
	Webhook  webhook.Webhook
	Payload  []byte // not to be changed: deliveries of the same event share it
	// Recorded is the attempt itself when it was made and recorded before, by a worker that died before it
	// could say so.
	Recorded *webhook.Attempt
	// Discarded is set when the webhook was disabled after the event was published. The delivery's schedule
	// is over then, even if the webhook was enabled again meanwhile. A test is sent all the same: its webhook
	// counts as enabled here unless it was deleted.
	Discarded bool
	// Erased is set when the event's data were erased: there is nothing to send.
	Erased bool
}

// preparation names the attempt that is to be prepared: that with a sequence in a workflow run.
type preparation struct {
	deliveryID, runID string
	sequence          int
}

// PrepareAttempt looks up what the attempt with this sequence in this workflow run needs, together with the attempts
// that are about to be made at the same time. See also [Store.PrepareAhead].
func (s *Store) PrepareAttempt(ctx context.Context, deliveryID, runID string, sequence int) (Prepared, error) {
	if sequence == 1 {
		if prepared, ok := s.ahead.take(ctx, deliveryID); ok {
			return prepared, nil
		}
	}
	row, err := s.preparations.Do(ctx, preparation{deliveryID, runID, sequence})
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare attempt: %w", err)
	}
	if row.err != nil {
		return Prepared{}, row.err
	}
	if row.recorded != nil {
		row.Recorded = new(webhook.Attempt)
		if err := s.db.GetContext(ctx, row.Recorded, `SELECT `+attemptColumns+` FROM attempts WHERE id = $1`, *row.recorded); err != nil {
			return Prepared{}, fmt.Errorf("find recorded attempt: %w", err)
		}
	}
	return row.Prepared, nil
}

// preparedRow is what was found for one attempt of a batch.
type preparedRow struct {
	Prepared
	recorded *string // the ID of the attempt itself
	err      error
}

func (s *Store) batchPreparations() *batch.Batcher[preparation, preparedRow] {
	return batch.New(batch.Options[preparation]{Most: mostPrepared, Gather: 5 * time.Millisecond, Timeout: batchTimeout, Single: isSingle}, s.prepareAll)
}

// mostPrepared is how many attempts are prepared at once. Each may have a payload of its own, of 256 KiB at most.
const mostPrepared = 64

// An event's payload comes once, with the first of its deliveries.
const prepareStatement = `
	SELECT n,
		w.id AS "webhook.id", w.account_id AS "webhook.account_id", w.name AS "webhook.name", w.rate_limit AS "webhook.rate_limit",
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
		d.created_at AS "delivery.created_at", coalesce(p.traceparent, '') AS "delivery.traceparent", p.erased_at IS NOT NULL AS erased,
		CASE row_number() OVER (PARTITION BY d.event_id ORDER BY n) WHEN 1 THEN p.payload END AS payload, a.id AS recorded
	FROM unnest($1::int[], $2::text[], $3::text[], $4::int[]) AS wanted (n, delivery_id, run_id, sequence)
	JOIN deliveries d ON d.id = wanted.delivery_id
	JOIN webhooks w ON w.id = d.webhook_id
	JOIN event_payloads p ON p.event_id = d.event_id
	LEFT JOIN attempts a ON a.delivery_id = d.id AND a.run_id = wanted.run_id AND a.sequence = wanted.sequence
	ORDER BY n`

func (s *Store) prepareAll(ctx context.Context, wanted []preparation) ([]preparedRow, error) {
	var ns, deliveryIDs, runIDs, sequences column
	for n, one := range wanted {
		ns.int(int64(n))
		deliveryIDs.string(one.deliveryID)
		runIDs.string(one.runID)
		sequences.int(int64(one.sequence))
	}
	var rows []preparationRow
	if err := s.prepare.into(ctx, s.db, &rows, ns, deliveryIDs, runIDs, sequences); err != nil {
		return nil, err
	}
	found := make([]preparedRow, len(wanted))
	for n := range found {
		found[n].err = webhook.NotFound(webhook.DeliveryPrefix, wanted[n].deliveryID)
	}
	payloads, webhooks := map[string][]byte{}, map[string]openedWebhook{}
	for _, row := range rows {
		if row.Payload != nil {
			payloads[row.Delivery.EventID] = row.Payload
		}
		opened, ok := webhooks[row.Webhook.ID]
		if !ok {
			opened.webhook, opened.err = s.openWebhook(row.Webhook)
			webhooks[row.Webhook.ID] = opened
		}
		found[row.N] = row.prepared(opened, payloads[row.Delivery.EventID])
	}
	return found, nil
}

// preparationRow is a row of prepareStatement.
type preparationRow struct {
	N         int              `db:"n"`
	Webhook   webhookRow       `db:"webhook"`
	Delivery  webhook.Delivery `db:"delivery"`
	Payload   []byte           `db:"payload"`
	Recorded  *string          `db:"recorded"`
	Discarded bool             `db:"discarded"`
	Erased    bool             `db:"erased"`
}

// openedWebhook is a webhook with its secrets, or why they cannot be opened.
type openedWebhook struct {
	webhook webhook.Webhook
	err     error
}

func (row preparationRow) prepared(w openedWebhook, payload []byte) preparedRow {
	if w.err != nil {
		return preparedRow{err: w.err}
	}
	if row.Delivery.Test { // it is sent to a disabled webhook too
		w.webhook.Enabled, row.Discarded = row.Webhook.DeletedAt == nil, false
	}
	return preparedRow{
		Prepared: Prepared{Delivery: row.Delivery, Webhook: w.webhook, Payload: payload, Discarded: row.Discarded, Erased: row.Erased},
		recorded: row.Recorded,
	}
}
