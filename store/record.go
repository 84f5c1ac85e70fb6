package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/durahook/durahook/internal/batch"
	"github.com/durahook/durahook/webhook"
)

// recording is an attempt to write down, and where its delivery stands after it.
type recording struct {
	webhook.Attempt
	details       [3]string // JSON: the headers of answer and request, and the timing
	status        webhook.Status
	nextAttemptAt *time.Time
}

// RecordAttempt writes the attempt and where its delivery stands after it, together with the attempts that end at the
// same time. An attempt that was recorded before is left as it is, and so is the delivery. The attempt's ID and number
// are given here.
func (s *Store) RecordAttempt(ctx context.Context, a webhook.Attempt, status webhook.Status, nextAttemptAt *time.Time) error {
	r := recording{Attempt: a, status: status, nextAttemptAt: nextAttemptAt}
	r.ID = webhook.NewID(webhook.AttemptPrefix)
	for i, detail := range []any{a.ResponseHeaders, a.RequestHeaders, a.Timing} {
		text, err := json.Marshal(detail)
		if err != nil {
			return fmt.Errorf("encode details of attempt: %w", err)
		}
		r.details[i] = string(text)
	}
	if _, err := s.recordings.Do(ctx, r); err != nil {
		return fmt.Errorf("record attempt: %w", err)
	}
	return nil
}

// batchRecordings has attempts recorded together. Nobody waits for that but a workflow that has nothing left to do, so
// under load there are no more than 17 recordings a second.
//
// They wait for the disk as publications do (synchronous_commit). Without it, a crash of the machine could take back
// recordings of the last moment: nothing would get lost, since Temporal knows that those deliveries are done. But they
// would be shown as pending for ever, for Temporal would not start them again. With batches, that is not worth the
// little that the disk costs for each.
func (s *Store) batchRecordings() *batch.Batcher[recording, struct{}] {
	return batch.New(batch.Options[recording]{
		Most: 200, Key: func(r recording) string { return r.DeliveryID }, Gather: 60 * time.Millisecond, Timeout: batchTimeout, Single: isSingle,
	}, s.recordAll)
}

// The rows of deliveries are locked in the order of their IDs, so that processes which record at the same time wait for
// each other and don't lock each other out.
const recordStatement = `
	WITH made AS MATERIALIZED (
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::int[], $8::int[],
			$9::text[], $10::jsonb[], $11::bytea[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::timestamptz[],
			$17::jsonb[], $18::jsonb[], $19::text[], $20::text[])
			AS made (id, delivery_id, run_id, sequence, trigger, outcome, status_code, response_time_ms,
				error, response_headers, response_body, started_at, ended_at, status, next_attempt_at, request_headers, timing,
				lane, lane_reason)
	), delivery AS MATERIALIZED (
		SELECT id, attempt_count, webhook_id, erased_at FROM deliveries WHERE id = ANY ($2) ORDER BY id FOR UPDATE
	), attempt AS (
		INSERT INTO attempts (id, delivery_id, run_id, sequence, number, trigger, outcome, status_code,
			response_time_ms, error, response_headers, response_body, started_at, ended_at, webhook_id,
			request_headers, timing, lane, lane_reason)
		SELECT made.id, delivery_id, run_id, sequence, attempt_count + 1, trigger, outcome, status_code,
			response_time_ms, error, CASE WHEN erased_at IS NULL THEN response_headers END, CASE WHEN erased_at IS NULL THEN response_body END,
			started_at, ended_at, webhook_id, request_headers, timing, lane, lane_reason
		FROM made JOIN delivery ON delivery.id = delivery_id
		ON CONFLICT (delivery_id, run_id, sequence) DO NOTHING
		RETURNING id, delivery_id, number, webhook_id, date_trunc('hour', started_at, 'UTC') AS hour
	), late AS (
		INSERT INTO webhook_hours (webhook_id, hour, version)
		SELECT DISTINCT webhook_id, hour, 1 FROM attempt
		WHERE hour + interval '1 hour' <= now() - make_interval(secs => $16) ORDER BY webhook_id, hour
		ON CONFLICT (webhook_id, hour) DO UPDATE SET figures = NULL, version = webhook_hours.version + 1
	)
	UPDATE deliveries SET attempt_count = attempt.number, outcome = made.outcome, status_code = made.status_code,
		response_time_ms = made.response_time_ms, updated_at = now(),
		-- What was cancelled or erased while the attempt was under way does not wait for another one.
		status = CASE WHEN made.status = 'waiting' AND (deliveries.status = 'cancelled' OR deliveries.erased_at IS NOT NULL)
			THEN deliveries.status ELSE made.status END,
		next_attempt_at = CASE WHEN made.status = 'waiting' AND (deliveries.status = 'cancelled' OR deliveries.erased_at IS NOT NULL)
			THEN NULL ELSE made.next_attempt_at END
	FROM attempt JOIN made USING (id) WHERE deliveries.id = attempt.delivery_id`

func (s *Store) recordAll(ctx context.Context, made []recording) ([]struct{}, error) {
	rows := new(recordingRows)
	for _, r := range made {
		rows.add(r)
	}
	err := s.record.exec(ctx, s.db, rows.ids, rows.deliveryIDs, rows.runIDs, rows.sequences, rows.triggers, rows.outcomes,
		rows.statusCodes, rows.responseTimes, rows.errors, rows.headers, rows.bodies, rows.startedAt, rows.endedAt,
		rows.statuses, rows.nextAttemptAt, lateAfter.Seconds(), rows.requestHeaders, rows.timings, rows.lanes, rows.laneReasons)
	return make([]struct{}, len(made)), err
}

// recordingRows are the columns of attempts.
type recordingRows struct {
	ids, deliveryIDs, runIDs, sequences, triggers, outcomes, statusCodes, responseTimes column
	errors, headers, bodies, startedAt, endedAt, statuses, nextAttemptAt                column
	requestHeaders, timings, lanes, laneReasons                                         column
}

func (rows *recordingRows) add(r recording) {
	rows.ids.string(r.ID)
	rows.deliveryIDs.string(r.DeliveryID)
	rows.runIDs.string(r.RunID)
	rows.sequences.int(int64(r.Sequence))
	rows.triggers.string(string(r.Trigger))
	rows.outcomes.string(string(r.Outcome))
	rows.statusCodes.maybeInt(r.StatusCode)
	rows.responseTimes.int(int64(r.ResponseTimeMS))
	rows.errors.maybeString(r.Error)
	rows.headers.string(r.details[0])
	rows.requestHeaders.string(r.details[1])
	rows.timings.string(r.details[2])
	rows.lanes.maybeString(r.Lane)
	rows.laneReasons.maybeString(r.LaneReason)
	rows.bodies.bytes(r.ResponseBody)
	rows.startedAt.time(r.StartedAt)
	rows.endedAt.time(r.EndedAt)
	rows.statuses.string(string(r.status))
	rows.nextAttemptAt.maybeTime(r.nextAttemptAt)
}
