package activities_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

func TestNothingIsSentWhenTheStoreCannotSayWhat(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	for name, scenario := range map[string]struct {
		err        error
		retryable  bool
		wantedType string
	}{
		"database down":    {errDown, true, ""},
		"no such delivery": {webhook.NotFound(webhook.DeliveryPrefix, "dlv_1"), false, "not_found"},
	} {
		s.prepareErr = scenario.err
		_, err := h.attempt(scheduled("dlv_1", 1))
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure, name)
		require.Equal(t, !scenario.retryable, failure.NonRetryable(), name)
		if scenario.wantedType != "" {
			require.Equal(t, scenario.wantedType, failure.Type())
			require.Equal(t, "There is no delivery dlv_1 in this account.", failure.Message())
		}
	}
	require.Empty(t, e.received())
	require.Empty(t, s.recordings)
}

func TestNothingIsSentToADisabledWebhook(t *testing.T) {
	t.Parallel()
	for _, trigger := range []webhook.Trigger{webhook.TriggerSchedule, webhook.TriggerManual} {
		e := newEndpoint(t, status(200))
		s := newFakeStore(t, e.URL, webhook.Authentication{})
		s.prepared.Webhook.Enabled, s.prepared.Delivery.AttemptCount = false, 2
		h := newHarness(s, target.InsecureLoopback, time.Minute)
		request := scheduled("dlv_1", 3)
		request.Trigger = trigger
		result, err := h.attempt(request)
		require.NoError(t, err)
		require.Equal(t, webhook.AttemptResult{Number: 2, Status: webhook.StatusDiscarded}, result)
		require.Equal(t, []webhook.Status{webhook.StatusDiscarded}, s.ended)
		require.Empty(t, e.received())

		s.endErr = errDown
		_, err = h.attempt(request)
		require.ErrorContains(t, err, errDown.Error(), "it is tried until it is written down")
	}
}

// A delivery that was cancelled before its workflow started is not sent, unless somebody asks for it after
// that.
func TestCancelledDelivery(t *testing.T) {
	t.Parallel()
	for trigger, want := range map[webhook.Trigger]webhook.Status{
		webhook.TriggerSchedule: webhook.StatusCancelled, webhook.TriggerManual: webhook.StatusDelivered,
	} {
		e := newEndpoint(t, status(200))
		s := newFakeStore(t, e.URL, webhook.Authentication{})
		s.prepared.Delivery.Status = webhook.StatusCancelled
		request := scheduled("dlv_1", 1)
		request.Trigger = trigger
		result, err := newHarness(s, target.InsecureLoopback, time.Minute).attempt(request)
		require.NoError(t, err)
		require.Equal(t, want, result.Status)
		require.Len(t, e.received(), result.Number)
	}
}

func TestLastAttemptOfTheSchedule(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(500))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	result, err := h.attempt(webhook.AttemptRequest{DeliveryID: "dlv_1", Sequence: 6, Trigger: webhook.TriggerSchedule})
	require.NoError(t, err)
	require.Equal(t, webhook.StatusExhausted, result.Status)
	require.Nil(t, result.NextGap)
	made := s.recordings[0]
	require.Equal(t, 6, made.attempt.Sequence)
	require.Equal(t, webhook.TriggerSchedule, made.attempt.Trigger)
	require.NotEmpty(t, made.attempt.RunID)
	require.Nil(t, made.nextAttemptAt)
}

// An attempt that a worker recorded before it died is not made again. What has happened to the delivery
// since then is not its result: here, somebody asked for a retry.
func TestRecordedAttemptIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	next := time.Minute
	for name, scenario := range map[string]struct {
		code    int
		waits   time.Duration // as recorded; the endpoint had asked for more than the schedule's minute
		nextGap *time.Duration
		want    webhook.Status
	}{
		"delivered": {200, 0, &next, webhook.StatusDelivered},
		"waiting":   {503, time.Hour, &next, webhook.StatusWaiting},
		"exhausted": {500, 0, nil, webhook.StatusExhausted},
		"gone":      {410, 0, &next, webhook.StatusDiscarded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, status(200))
			s := newFakeStore(t, e.URL, webhook.Authentication{})
			words := "words"
			ended := time.Now()
			s.prepared.Delivery.Status, s.prepared.Delivery.AttemptCount = webhook.StatusPending, 3
			s.prepared.Recorded = &webhook.Attempt{
				Number: 3, Outcome: webhook.OutcomeOf(scenario.code), StatusCode: &scenario.code, ResponseTimeMS: 12, Error: &words, EndedAt: ended,
			}
			want := webhook.AttemptResult{
				Number: 3, Outcome: webhook.OutcomeOf(scenario.code), StatusCode: &scenario.code, ResponseTimeMS: 12, Error: words, Status: scenario.want,
			}
			if scenario.waits > 0 {
				at := ended.Add(scenario.waits)
				s.prepared.Delivery.NextAttemptAt, want.NextGap = &at, &scenario.waits
			}
			request := scheduled("dlv_1", 3)
			request.NextGap = scenario.nextGap
			result, err := newHarness(s, target.InsecureLoopback, time.Minute).attempt(request)
			require.NoError(t, err)
			require.Equal(t, want, result)
			require.Empty(t, e.received())
			require.Empty(t, s.recordings)
			require.Empty(t, s.ended)
			require.Equal(t, scenario.code == http.StatusGone, len(s.disabled) == 1, "the worker may have died before it did")
		})
	}
}

func TestGoneDisablesTheWebhook(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(http.StatusGone))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	s.onRecord = func() error {
		require.Empty(t, s.disabled, "a disabled webhook's attempts are not looked at any more")
		return nil
	}
	result, _ := send(t, s, target.InsecureLoopback, time.Minute)
	require.Equal(t, webhook.StatusDiscarded, result.Status)
	require.Equal(t, webhook.OutcomeClientError, result.Outcome)
	require.Nil(t, result.NextGap)
	require.Equal(t, []string{s.prepared.Webhook.ID}, s.disabled)
}

// A test finds out that the endpoint is gone, but has no consequences.
func TestGoneInATest(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t, newEndpoint(t, status(http.StatusGone)).URL, webhook.Authentication{})
	s.prepared.Delivery.Test = true
	request := scheduled(s.prepared.Delivery.ID, 1)
	request.NextGap = nil
	result, err := newHarness(s, target.InsecureLoopback, time.Minute).attempt(request)
	require.NoError(t, err)
	require.Equal(t, webhook.StatusExhausted, result.Status)
	require.Equal(t, webhook.OutcomeClientError, result.Outcome)
	require.Len(t, s.recordings, 1)
	require.Empty(t, s.disabled)
}

// A worker that is stopped in the middle of a POST cannot know how it would have ended.
func TestWorkerStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	e := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	})
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	h.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	_, err := h.attempt(scheduled("dlv_1", 1))
	require.Error(t, err)
	require.Len(t, e.received(), 1)
	require.Empty(t, s.recordings)
}

// A POST that was answered is written down, whatever happens to the worker.
func TestWorkerStoppedAfterTheAnswer(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	s.onRecord = func() error {
		defer stop()
		if ctx.Err() == nil {
			return errDown // and once more
		}
		return nil
	}
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	h.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	_, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	require.Len(t, s.recordings, 1)
}

func TestRequestsInFlightAreCounted(t *testing.T) {
	t.Parallel()
	const account, most = "acc_1", 4 // as many of a webhook that has not answered yet
	var during lanes.Lane
	var h *harness
	s := newFakeStore(t, "http://placeholder.test", webhook.Authentication{})
	id := s.prepared.Webhook.ID
	e := newEndpoint(t, func(http.ResponseWriter, *http.Request) { during = h.tracker.Likely(account, id) })
	s.prepared.Webhook.URL = e.URL
	h = newHarness(s, target.InsecureLoopback, time.Minute)
	for i := range most {
		require.Equal(t, lanes.Fast, h.tracker.Choose(account, id, fmt.Sprintf("dlv_%d", i)).Lane)
	}
	require.Equal(t, lanes.Queued, h.tracker.Likely(account, id))
	s.prepared.Delivery.ID = "dlv_1"
	_, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	require.Equal(t, lanes.Queued, during, "the place is kept until the attempt ends")
	require.Equal(t, lanes.Fast, h.tracker.Likely(account, id))
}

// An attempt that is not made gives back its place as well.
func TestAttemptsThatAreNotMadeGiveBackTheirPlace(t *testing.T) {
	t.Parallel()
	const account, most = "acc_1", 4
	s := newFakeStore(t, "http://placeholder.test", webhook.Authentication{})
	id := s.prepared.Webhook.ID
	s.prepared.Webhook.Enabled = false
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	for i := range most {
		require.Equal(t, lanes.Fast, h.tracker.Choose(account, id, fmt.Sprintf("dlv_%d", i)).Lane)
	}
	_, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	require.Equal(t, lanes.Fast, h.tracker.Likely(account, id))
}

// What is to be sent to an endpoint that has become slow moves to where slow endpoints wait for each other, and is sent
// from there; in the fast lane it stays, unless the endpoint is stuck.
func TestAttemptsMoveAwayFromTrouble(t *testing.T) {
	t.Parallel()
	var first atomic.Bool
	e := newEndpoint(t, func(http.ResponseWriter, *http.Request) {
		if !first.Swap(true) {
			<-time.After(lanes.Quick + 50*time.Millisecond)
		}
	})
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	request := scheduled("dlv_1", 1)
	request.MayMove = true
	result, err := h.attempt(request)
	require.NoError(t, err)
	require.False(t, result.Moved)

	result, err = h.attempt(request)
	require.NoError(t, err)
	require.True(t, result.Moved)
	require.Len(t, s.recordings, 1, "no attempt was made")
	_, err = h.ExecuteLocalActivity(h.acts.Attempt, request)
	require.NoError(t, err)
	require.Len(t, s.recordings, 2)

	request.MayMove = false
	result, err = h.attempt(request)
	require.NoError(t, err)
	require.False(t, result.Moved)
	require.Len(t, s.recordings, 3)
}

// The worker chooses the lane of what was started in a process without one: where there is no place in the fast lane, it
// says where else the attempt is to be made, and makes none.
func TestTheWorkerChoosesTheLane(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	request := scheduled("dlv_1", 1)
	request.ChooseLane, request.MayMove = true, true
	w := s.prepared.Webhook
	const unknown = 4 // requests to an endpoint that has not answered yet
	for i := range unknown {
		require.Equal(t, lanes.Fast, h.tracker.Choose(w.AccountID, w.ID, fmt.Sprint("dlv_other_", i)).Lane)
	}
	result, err := h.attempt(request)
	require.NoError(t, err)
	require.True(t, result.Moved)
	require.False(t, result.Quick)
	require.Equal(t, "its endpoint has not answered yet, and requests are in flight", result.LaneReason)
	require.Empty(t, s.recordings, "no attempt was made")

	for i := range unknown {
		h.tracker.Release(w.ID, fmt.Sprint("dlv_other_", i))
	}
	for range unknown + 1 { // each gives its place back
		result, err = h.attempt(request)
		require.NoError(t, err)
		require.False(t, result.Moved)
	}
}

// Temporal hears from an attempt while its endpoint takes its time.
func TestSlowAttemptsSendHeartbeats(t *testing.T) {
	t.Parallel()
	alive := make(chan struct{})
	var once sync.Once
	e := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-alive:
		case <-r.Context().Done():
		}
	})
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	h.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { once.Do(func() { close(alive) }) })
	result, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	require.Equal(t, webhook.StatusDelivered, result.Status)
	require.Less(t, result.ResponseTimeMS, 10_000, "within workflows.HeartbeatTimeout")
}

// In the fast lane the SDK does without heartbeats.
func TestAttemptAsALocalActivity(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	value, err := h.ExecuteLocalActivity(h.acts.Attempt, scheduled("dlv_1", 1))
	require.NoError(t, err)
	var result webhook.AttemptResult
	require.NoError(t, value.Get(&result))
	require.Equal(t, webhook.StatusDelivered, result.Status)
	require.Len(t, s.recordings, 1)
	require.Equal(t, "fast", *s.recordings[0].attempt.Lane)
	require.Nil(t, s.recordings[0].attempt.LaneReason)

	request := scheduled("dlv_1", 2)
	request.LaneReason = "it is a retry"
	_, err = h.attempt(request)
	require.NoError(t, err)
	require.Equal(t, "queued", *s.recordings[1].attempt.Lane)
	require.Equal(t, request.LaneReason, *s.recordings[1].attempt.LaneReason)
}
