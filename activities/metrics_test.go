package activities_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// scrape returns the metrics of a name that are not 0, as Prometheus reads them.
func scrape(t *testing.T, m *metrics.Metrics, name string) (lines []string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	for line := range strings.Lines(recorder.Body.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, name) && !strings.HasSuffix(line, " 0") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, nil)
	d := newDatabase(t, e.URL)
	h := newHarness(d, target.InsecureLoopback, time.Minute)
	inFlight := make(chan []string, 1)
	e.setAnswer(func(w http.ResponseWriter, _ *http.Request) {
		inFlight <- scrape(t, h.metrics, "durahook_attempts_in_flight")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := h.attempt(scheduled(d.id, 1))
	require.NoError(t, err)
	require.Equal(t, []string{"durahook_attempts_in_flight 1"}, <-inFlight)
	require.Empty(t, scrape(t, h.metrics, "durahook_deliveries_ended_total"))
	e.setAnswer(status(http.StatusOK))
	request := scheduled(d.id, 2)
	request.Trigger = webhook.TriggerManual
	_, err = h.attempt(request)
	require.NoError(t, err)
	_, err = h.attempt(request)
	require.NoError(t, err)

	require.Len(t, e.received(), 2, "the third is the second, which is recorded")
	require.Equal(t, []string{
		`durahook_attempts_total{lane="queued",outcome="server_error",trigger="schedule"} 1`,
		`durahook_attempts_total{lane="queued",outcome="success",trigger="manual"} 1`,
	}, scrape(t, h.metrics, "durahook_attempts_total"))
	require.Equal(t, []string{"durahook_attempt_duration_seconds_count 2"}, scrape(t, h.metrics, "durahook_attempt_duration_seconds_count"))
	require.Equal(t, []string{"durahook_publish_to_attempt_seconds_count 1"}, scrape(t, h.metrics, "durahook_publish_to_attempt_seconds_count"))
	require.Contains(t, scrape(t, h.metrics, "durahook_publish_to_attempt_seconds_bucket"), `durahook_publish_to_attempt_seconds_bucket{le="3600"} 1`)
	require.Equal(t, []string{`durahook_deliveries_ended_total{status="delivered"} 1`}, scrape(t, h.metrics, "durahook_deliveries_ended_total"))
	require.Empty(t, scrape(t, h.metrics, "durahook_attempts_in_flight"))
}

func TestTheFastLaneIsCounted(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(http.StatusOK))
	d := newDatabase(t, e.URL)
	h := newHarness(d, target.InsecureLoopback, time.Minute)
	_, err := h.ExecuteLocalActivity(h.acts.Attempt, scheduled(d.id, 1))
	require.NoError(t, err)
	require.Equal(t, []string{`durahook_attempts_total{lane="fast",outcome="success",trigger="schedule"} 1`}, scrape(t, h.metrics, "durahook_attempts_total"))
}

// A delivery that ends without an attempt is counted once, however often it is written down.
func TestEndsAreCountedOnce(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "https://example.com")
	h := newHarness(d, target.InsecureLoopback, time.Minute)
	for range 2 {
		_, err := h.ExecuteActivity(h.acts.EndDelivery, webhook.EndRequest{DeliveryID: d.id, Status: webhook.StatusCancelled})
		require.NoError(t, err)
		_, err = h.attempt(scheduled(d.id, 1))
		require.NoError(t, err)
	}
	require.Equal(t, []string{`durahook_deliveries_ended_total{status="cancelled"} 1`}, scrape(t, h.metrics, "durahook_deliveries_ended_total"))
	require.Empty(t, scrape(t, h.metrics, "durahook_attempts_total"))
}

// An attempt that could not be recorded was made all the same; its delivery ends when it is recorded.
func TestUnrecordedAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t, newEndpoint(t, status(http.StatusOK)).URL, webhook.Authentication{})
	s.onRecord = func() error { return webhook.NotFound(webhook.DeliveryPrefix, "dlv_1") }
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	result, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	require.NotNil(t, result.Unrecorded)
	require.Len(t, scrape(t, h.metrics, "durahook_attempts_total"), 1)
	require.Empty(t, scrape(t, h.metrics, "durahook_deliveries_ended_total"))
	s.onRecord = nil
	_, err = h.ExecuteActivity(h.acts.RecordAttempt, webhook.RecordRequest{DeliveryID: "dlv_1", Result: result})
	require.NoError(t, err)
	require.Len(t, scrape(t, h.metrics, "durahook_attempts_total"), 1)
	require.Equal(t, []string{`durahook_deliveries_ended_total{status="delivered"} 1`}, scrape(t, h.metrics, "durahook_deliveries_ended_total"))
}

// Of a busy run with secrets in all places, none gets into the metrics.
func TestTokensAreCounted(t *testing.T) {
	t.Parallel()
	tokens, e := newTokenServer(t), newEndpoint(t, status(http.StatusOK))
	s := newFakeStore(t, e.URL, tokens.authentication())
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	for i := range 3 {
		if i == 2 {
			tokens.setAnswer(status(http.StatusBadRequest))
			s.prepared.Webhook.Authentication.ClientSecret = "another-secret"
		}
		_, err := h.attempt(scheduled("dlv_1", i+1))
		require.NoError(t, err)
	}
	require.Equal(t, []string{`durahook_token_fetches_total{result="failure"} 1`, `durahook_token_fetches_total{result="success"} 1`}, scrape(t, h.metrics, "durahook_token_fetches_total"))
	all := strings.Join(scrape(t, h.metrics, ""), "\n")
	for _, secret := range []string{"secret", "dlv_", s.prepared.Webhook.ID, "acc_1", "+1555", "127.0.0.1", "call.ended"} {
		require.NotContains(t, all, secret)
	}
}
