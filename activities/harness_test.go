package activities_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// recording is what RecordAttempt was called with.
type recording struct {
	attempt       webhook.Attempt
	status        webhook.Status
	nextAttemptAt *time.Time
}

// fakeStore hands out one delivery and keeps what is written down.
type fakeStore struct {
	mu         sync.Mutex
	prepared   store.Prepared
	prepareErr error
	endErr     error
	onRecord   func() error // called first by RecordAttempt
	turn       store.Turn
	turnsAsked int
	recordings []recording
	ended      []webhook.Status
	disabled   []string
	exhausted  []string
}

func (s *fakeStore) ReopenReset(context.Context, string, string) (bool, error) {
	s.prepared.Delivery.Status = webhook.StatusPending
	return true, nil
}

func (s *fakeStore) PrepareAttempt(context.Context, string, string, int) (store.Prepared, error) {
	return s.prepared, s.prepareErr
}

func (s *fakeStore) TakeTurn(context.Context, string, string) (store.Turn, error) {
	s.turnsAsked++
	return s.turn, nil
}

func (s *fakeStore) RecordAttempt(ctx context.Context, a webhook.Attempt, status webhook.Status, next *time.Time) error {
	if s.onRecord != nil {
		if err := s.onRecord(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordings = append(s.recordings, recording{a, status, next})
	return nil
}

func (s *fakeStore) EndDelivery(_ context.Context, _ string, status webhook.Status) (bool, error) {
	s.ended = append(s.ended, status)
	return s.endErr == nil, s.endErr
}

func (s *fakeStore) DisableWebhook(_ context.Context, id, _ string) error {
	s.disabled = append(s.disabled, id)
	return nil
}

func (s *fakeStore) TellExhausted(_ context.Context, a webhook.Attempt) error {
	s.exhausted = append(s.exhausted, a.DeliveryID)
	return nil
}

const payload = `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"phone_number":"+15551234567"}} `

// newFakeStore returns a store with a pending delivery to url.
func newFakeStore(t *testing.T, url string, authentication webhook.Authentication) *fakeStore {
	t.Helper()
	w, err := webhook.Define("acc_1", webhook.Definition{Name: "Sync", URL: url, Events: []string{"*"}, Authentication: authentication}, webhook.BuiltIn, true)
	require.NoError(t, err)
	return &fakeStore{prepared: store.Prepared{
		Webhook: w,
		Delivery: webhook.Delivery{
			ID: webhook.NewID(webhook.DeliveryPrefix), WebhookID: w.ID, EventID: webhook.NewID(webhook.EventPrefix),
			Event: "call.ended", Status: webhook.StatusPending,
		},
		Payload: []byte(payload),
	}}
}

// harness runs the activities as a worker would.
type harness struct {
	*testsuite.TestActivityEnvironment
	acts    *activities.Activities
	tracker *lanes.Tracker
	metrics *metrics.Metrics
	log     *lockedBuffer
}

func newHarness(s activities.Store, insecure target.Insecure, timeout time.Duration) *harness {
	return newTracedHarness(s, insecure, timeout, nil)
}

func newTracedHarness(s activities.Store, insecure target.Insecure, timeout time.Duration, tracing *traces.Traces) *harness {
	suite := new(testsuite.WorkflowTestSuite)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	h := &harness{TestActivityEnvironment: suite.NewTestActivityEnvironment(), tracker: new(lanes.Tracker), metrics: metrics.New("1.2.3"), log: new(lockedBuffer)}
	h.SetTestTimeout(time.Minute)
	sender := activities.NewSender(target.NewGuard(insecure), timeout, "1.2.3", h.metrics)
	h.acts = activities.New(s, sender, h.tracker, nil, h.metrics, tracing, slog.New(slog.NewTextHandler(h.log, nil)))
	h.RegisterActivity(h.acts)
	return h
}

// gap is how long the schedule of the tests waits after an attempt.
const gap = time.Minute

func scheduled(deliveryID string, sequence int) webhook.AttemptRequest {
	next := gap
	return webhook.AttemptRequest{DeliveryID: deliveryID, Sequence: sequence, Trigger: webhook.TriggerSchedule, NextGap: &next}
}

func (h *harness) attempt(request webhook.AttemptRequest) (webhook.AttemptResult, error) {
	value, err := h.ExecuteActivity(h.acts.Attempt, request)
	if err != nil {
		return webhook.AttemptResult{}, err
	}
	var result webhook.AttemptResult
	return result, value.Get(&result)
}

// send makes the attempt of a fake store's delivery and returns its result and what was recorded of it.
func send(t *testing.T, s *fakeStore, insecure target.Insecure, timeout time.Duration) (webhook.AttemptResult, webhook.Attempt) {
	t.Helper()
	h := newHarness(s, insecure, timeout)
	result, err := h.attempt(scheduled(s.prepared.Delivery.ID, 1))
	require.NoError(t, err)
	require.Len(t, s.recordings, 1)
	made := s.recordings[0]
	require.Equal(t, result.Status, made.status)
	require.Equal(t, result.Outcome, made.attempt.Outcome)
	require.Equal(t, result.StatusCode, made.attempt.StatusCode)
	require.Nil(t, result.Unrecorded)
	require.NotContains(t, h.log.String(), "+15551234567")
	return result, made.attempt
}

// endpoint is a receiver that keeps the requests it gets.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
	answer   http.HandlerFunc
}

type received struct {
	method string
	header http.Header
	body   []byte
}

func newEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		e.mu.Lock()
		e.requests = append(e.requests, received{r.Method, r.Header, body})
		answer := e.answer
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) received() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

var errDown = errors.New("database is down")
