package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/webhook"
)

// attempt is one that was answered with a status code.
func attempt(d webhook.Delivery, run string, sequence, code int) webhook.Attempt {
	ended := time.Now().UTC().Truncate(time.Microsecond)
	waited, lane, reason := 810, "queued", "it is a retry"
	return webhook.Attempt{
		Lane: &lane, LaneReason: &reason,
		RequestHeaders: map[string][]string{"Webhook-Signature": {"v1,••••"}}, Timing: &webhook.Timing{FirstByteMS: &waited, Reused: true},
		DeliveryID: d.ID, RunID: run, Sequence: sequence, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeOf(code),
		StatusCode: &code, ResponseTimeMS: 812, ResponseHeaders: map[string][]string{"Server": {"ö", "b"}},
		ResponseBody: []byte("not text: \x00\xff"), StartedAt: ended.Add(-812 * time.Millisecond), EndedAt: ended,
	}
}

func (f *fixture) attempts(deliveryID string) []webhook.Attempt {
	f.t.Helper()
	attempts, err := f.Attempts(f.t.Context(), f.account, deliveryID)
	require.NoError(f.t, err)
	return attempts
}

func TestRecordAttempt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, untouched := f.newDelivery(), f.newDelivery()
	made := attempt(d, "run-1", 1, 503)
	next := made.EndedAt.Add(time.Minute)
	require.NoError(t, f.RecordAttempt(t.Context(), made, webhook.StatusWaiting, &next))

	after := f.delivery(d.ID)
	require.Equal(t, webhook.StatusWaiting, after.Status)
	require.Equal(t, 1, after.AttemptCount)
	require.True(t, next.Equal(*after.NextAttemptAt))
	require.Equal(t, webhook.OutcomeServerError, *after.Outcome)
	require.Equal(t, 503, *after.StatusCode)
	require.Equal(t, 812, *after.ResponseTimeMS)
	require.True(t, after.UpdatedAt.After(d.CreatedAt))

	attempts := f.attempts(d.ID)
	require.Len(t, attempts, 1)
	got := attempts[0]
	require.NoError(t, webhook.CheckID(webhook.AttemptPrefix, got.ID))
	require.True(t, got.StartedAt.Equal(made.StartedAt))
	require.True(t, got.EndedAt.Equal(made.EndedAt))
	made.ID, made.Number, made.StartedAt, made.EndedAt = got.ID, 1, got.StartedAt, got.EndedAt
	require.Equal(t, made, got)

	require.Zero(t, f.delivery(untouched.ID).AttemptCount)
	require.Empty(t, f.attempts(untouched.ID))
}

func TestRecordAttemptWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	require.NoError(t, f.RecordAttempt(t.Context(), attempt(d, "run-1", 1, 500), webhook.StatusWaiting, new(time.Time)))
	reason := "the connection was refused: nothing listens there"
	require.NoError(t, f.RecordAttempt(t.Context(), webhook.Attempt{
		DeliveryID: d.ID, RunID: "run-1", Sequence: 2, Trigger: webhook.TriggerManual, Outcome: webhook.OutcomeConnectionError,
		Error: &reason, StartedAt: time.Now(), EndedAt: time.Now(),
	}, webhook.StatusExhausted, nil))

	after := f.delivery(d.ID)
	require.Equal(t, webhook.StatusExhausted, after.Status)
	require.Nil(t, after.NextAttemptAt)
	require.Nil(t, after.StatusCode, "the code of the attempt before is not the last one's")
	got := f.attempts(d.ID)[1]
	require.Equal(t, 2, got.Number)
	require.Equal(t, reason, *got.Error)
	require.Equal(t, webhook.TriggerManual, got.Trigger)
	require.Nil(t, got.StatusCode)
	require.Empty(t, got.ResponseHeaders)
	require.Empty(t, got.ResponseBody)
	require.Nil(t, got.RequestHeaders)
	require.Nil(t, got.Timing)
}

// The version before records neither the request nor the timing.
func TestAttemptsOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	require.NoError(t, f.RecordAttempt(t.Context(), attempt(d, "run-1", 1, 500), webhook.StatusExhausted, nil))
	f.exec(`UPDATE attempts SET request_headers = NULL, timing = NULL`)
	got := f.attempts(d.ID)[0]
	require.Nil(t, got.RequestHeaders)
	require.Nil(t, got.Timing)
	require.NotEmpty(t, got.ResponseHeaders)
}

func TestRecordAttemptTwiceIsOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	made := attempt(d, "run-1", 1, 503)
	next := made.EndedAt.Add(time.Minute)
	require.NoError(t, f.RecordAttempt(t.Context(), made, webhook.StatusWaiting, &next))
	before, attempts := f.delivery(d.ID), f.attempts(d.ID)

	require.NoError(t, f.RecordAttempt(t.Context(), attempt(d, "run-1", 1, 200), webhook.StatusDelivered, nil))
	require.Equal(t, before, f.delivery(d.ID))
	require.Equal(t, attempts, f.attempts(d.ID))
}

func TestAttemptNumbersGoOnAcrossRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	for i, made := range []webhook.Attempt{
		attempt(d, "run-1", 1, 500), attempt(d, "run-1", 2, 500), attempt(d, "run-2", 1, 500), attempt(d, "run-3", 1, 200),
	} {
		require.NoError(t, f.RecordAttempt(t.Context(), made, webhook.StatusExhausted, nil))
		require.Equal(t, i+1, f.delivery(d.ID).AttemptCount)
	}
	for i, got := range f.attempts(d.ID) {
		require.Equal(t, i+1, got.Number)
	}
}

func TestRecordAttemptOfNoDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	nobody := webhook.Delivery{ID: webhook.NewID(webhook.DeliveryPrefix)}
	require.NoError(t, f.RecordAttempt(t.Context(), attempt(nobody, "run-1", 1, 200), webhook.StatusDelivered, nil))
	require.Zero(t, f.count(`SELECT count(*) FROM attempts`))
}

// Workers that take each other for dead record at the same time.
func TestRecordAttemptsAtTheSameTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	const sequences, workers = 8, 4
	var group errgroup.Group
	for sequence := range sequences {
		for range workers {
			group.Go(func() error {
				return f.RecordAttempt(t.Context(), attempt(d, "run-1", sequence+1, 500+sequence), webhook.StatusExhausted, nil)
			})
		}
	}
	require.NoError(t, group.Wait())
	attempts := f.attempts(d.ID)
	require.Len(t, attempts, sequences)
	after, seen := f.delivery(d.ID), map[int]bool{}
	for i, got := range attempts {
		require.Equal(t, i+1, got.Number)
		seen[got.Sequence] = true
	}
	require.Len(t, seen, sequences)
	require.Equal(t, sequences, after.AttemptCount)
	require.Equal(t, *attempts[sequences-1].StatusCode, *after.StatusCode, "the delivery shows the last attempt")
}

func TestPrepareAttempt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, err := webhook.Define(f.account, webhook.Definition{
		Name: "Sync", URL: "https://example.com/", Events: []string{"*"}, Authentication: webhook.Authentication{Type: "bearer", Token: "t"},
	}, webhook.BuiltIn, false)
	require.NoError(t, err)
	require.NoError(t, f.CreateWebhook(t.Context(), &w))
	event := f.newEvent(f.account)
	deliveries, err := f.publishEvent(event)
	require.NoError(t, err)
	id := deliveries[0].ID

	prepared, err := f.PrepareAttempt(t.Context(), id, "run-1", 1)
	require.NoError(t, err)
	require.Equal(t, event.Payload, prepared.Payload)
	require.Equal(t, w.SigningSecret, prepared.Webhook.SigningSecret)
	require.Equal(t, w.Authentication, prepared.Webhook.Authentication)
	require.True(t, prepared.Webhook.Enabled)
	require.Nil(t, prepared.Recorded)
	require.Equal(t, fmt.Sprint(id, w.ID, event.ID, "call.ended", webhook.StatusPending, 0), fmt.Sprint(prepared.Delivery.ID,
		prepared.Webhook.ID, prepared.Delivery.EventID, prepared.Delivery.Event, prepared.Delivery.Status, prepared.Delivery.AttemptCount))

	// What is edited counts at the next attempt.
	require.NoError(t, f.SetWebhookURL(t.Context(), f.account, w.ID, "https://new.example/"))
	require.NoError(t, f.RecordAttempt(t.Context(), attempt(deliveries[0], "run-1", 1, 500), webhook.StatusWaiting, nil))
	prepared, err = f.PrepareAttempt(t.Context(), id, "run-1", 2)
	require.NoError(t, err)
	require.Equal(t, "https://new.example/", prepared.Webhook.URL)
	require.Equal(t, 1, prepared.Delivery.AttemptCount)
	require.Nil(t, prepared.Recorded)

	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "Test."))
	prepared, err = f.PrepareAttempt(t.Context(), id, "run-1", 2)
	require.NoError(t, err)
	require.False(t, prepared.Webhook.Enabled)
}

func TestPrepareAttemptFindsTheRecordedOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	made := attempt(d, "run-1", 2, 503)
	next := made.EndedAt.Add(time.Hour)
	require.NoError(t, f.RecordAttempt(t.Context(), attempt(d, "run-1", 1, 500), webhook.StatusWaiting, &next))
	require.NoError(t, f.RecordAttempt(t.Context(), made, webhook.StatusWaiting, &next))

	prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run-1", 2)
	require.NoError(t, err)
	require.Equal(t, 2, prepared.Recorded.Number)
	require.Equal(t, 503, *prepared.Recorded.StatusCode)
	require.True(t, prepared.Recorded.EndedAt.Equal(made.EndedAt))
	require.True(t, prepared.Delivery.NextAttemptAt.Equal(next))
	for run, sequence := range map[string]int{"run-1": 3, "run-2": 2} {
		prepared, err = f.PrepareAttempt(t.Context(), d.ID, run, sequence)
		require.NoError(t, err)
		require.Nil(t, prepared.Recorded)
	}
}

func TestPrepareAttemptOfADeletedWebhookOrNoDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	f.exec(`UPDATE webhooks SET deleted_at = now()`)
	prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run-1", 1)
	require.NoError(t, err)
	require.False(t, prepared.Webhook.Enabled, "nothing is sent to it")

	unknown := webhook.NewID(webhook.DeliveryPrefix)
	_, err = f.PrepareAttempt(t.Context(), unknown, "run-1", 1)
	requireNotFound(t, unknown, err)
}
