package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// brokenStore cannot record attempts until it is mended.
type brokenStore struct {
	*store.Store
	mended atomic.Bool
}

func (s *brokenStore) RecordAttempt(ctx context.Context, a webhook.Attempt, status webhook.Status, next *time.Time) error {
	if !s.mended.Load() {
		return errDown
	}
	return s.Store.RecordAttempt(ctx, a, status, next)
}

// When the attempt cannot be written down, the workflow takes what that needs into its own hands, without
// what the endpoint answered.
func TestUnrecordedAttemptIsRecordedOnce(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]webhook.Status{
		200: webhook.StatusDelivered, 503: webhook.StatusWaiting, 410: webhook.StatusDiscarded,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(code)
				_, _ = w.Write([]byte("personal-body"))
			})
			d := newDatabase(t, e.URL)
			broken := &brokenStore{Store: d.Store}
			h := newHarness(broken, target.InsecureLoopback, time.Minute)
			result, err := h.attempt(scheduled(d.id, 1))
			require.NoError(t, err)
			require.Equal(t, want, result.Status)
			require.NotNil(t, result.Unrecorded)
			text, err := json.Marshal(result)
			require.NoError(t, err)
			require.NotContains(t, string(text), "personal")
			delivery, attempts := d.delivery()
			require.Equal(t, webhook.StatusPending, delivery.Status)
			require.Empty(t, attempts)

			request := webhook.RecordRequest{DeliveryID: d.id, Result: result}
			_, err = h.ExecuteActivity(h.acts.RecordAttempt, request)
			var failure *temporal.ApplicationError
			require.ErrorAs(t, err, &failure)
			require.False(t, failure.NonRetryable(), "it is tried until it holds")

			broken.mended.Store(true)
			for range 2 {
				_, err = h.ExecuteActivity(h.acts.RecordAttempt, request)
				require.NoError(t, err)
				requireRecorded(t, d, code, want, result)
			}
			require.Len(t, e.received(), 1)
		})
	}
}

func requireRecorded(t *testing.T, d *database, code int, want webhook.Status, result webhook.AttemptResult) {
	t.Helper()
	delivery, attempts := d.delivery()
	require.Equal(t, want, delivery.Status)
	require.Equal(t, 1, delivery.AttemptCount)
	require.Len(t, attempts, 1)
	require.Equal(t, code, *attempts[0].StatusCode)
	require.Equal(t, result.Number, attempts[0].Number)
	require.Equal(t, result.Outcome, attempts[0].Outcome)
	require.WithinDuration(t, result.Unrecorded.EndedAt, attempts[0].EndedAt, time.Millisecond)
	if want == webhook.StatusWaiting {
		require.WithinDuration(t, attempts[0].EndedAt.Add(gap), *delivery.NextAttemptAt, time.Millisecond)
	} else {
		require.Nil(t, delivery.NextAttemptAt)
	}
	w, err := d.Webhook(t.Context(), d.account, delivery.WebhookID)
	require.NoError(t, err)
	require.Equal(t, code != http.StatusGone, w.Enabled)
}

// The attempt activity ran again, in a worker that recorded, while the workflow had been told otherwise.
func TestUnrecordedAttemptThatWasRecordedAfterAll(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(503))
	d := newDatabase(t, e.URL)
	h := newHarness(d, target.InsecureLoopback, time.Minute)
	result, err := h.attempt(scheduled(d.id, 1))
	require.NoError(t, err)
	before, attempts := d.delivery()
	result.Unrecorded = &webhook.Unrecorded{
		WebhookID: before.WebhookID, RunID: attempts[0].RunID, Sequence: 1, Trigger: webhook.TriggerSchedule,
		StartedAt: time.Now(), EndedAt: time.Now(),
	}
	_, err = h.ExecuteActivity(h.acts.RecordAttempt, webhook.RecordRequest{DeliveryID: d.id, Result: result})
	require.NoError(t, err)
	after, again := d.delivery()
	require.Equal(t, before, after)
	require.Equal(t, attempts, again)
}

func TestRecordAttemptKeepsTheReason(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t, "https://example.com", webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	_, err := h.ExecuteActivity(h.acts.RecordAttempt, webhook.RecordRequest{DeliveryID: "dlv_1", Result: webhook.AttemptResult{
		Outcome: webhook.OutcomeTimeout, Error: "no full answer within 30s", Status: webhook.StatusExhausted,
		Unrecorded: &webhook.Unrecorded{RunID: "run-1", Sequence: 3, Trigger: webhook.TriggerManual},
	}})
	require.NoError(t, err)
	reason := "no full answer within 30s"
	require.Equal(t, []recording{{status: webhook.StatusExhausted, attempt: webhook.Attempt{
		DeliveryID: "dlv_1", RunID: "run-1", Sequence: 3, Trigger: webhook.TriggerManual, Outcome: webhook.OutcomeTimeout, Error: &reason,
	}}}, s.recordings)
}

func TestNothingToRecord(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t, "https://example.com", webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	_, err := h.ExecuteActivity(h.acts.RecordAttempt, webhook.RecordRequest{DeliveryID: "dlv_1"})
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.True(t, failure.NonRetryable())
	require.Empty(t, s.recordings)
}

func TestEndDelivery(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "https://example.com")
	h := newHarness(d, target.InsecureLoopback, time.Minute)
	_, err := h.ExecuteActivity(h.acts.EndDelivery, webhook.EndRequest{DeliveryID: d.id, Status: webhook.StatusCancelled})
	require.NoError(t, err)
	delivery, _ := d.delivery()
	require.Equal(t, webhook.StatusCancelled, delivery.Status)

	s := newFakeStore(t, "https://example.com", webhook.Authentication{})
	s.endErr = errDown
	h = newHarness(s, target.InsecureLoopback, time.Minute)
	_, err = h.ExecuteActivity(h.acts.EndDelivery, webhook.EndRequest{DeliveryID: "dlv_1", Status: webhook.StatusCancelled})
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.False(t, failure.NonRetryable())
}
