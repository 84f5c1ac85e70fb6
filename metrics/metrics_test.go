package metrics_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/lib/pq"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/webhook"
)

type starter struct{}

func (starter) Queued() int   { return 3 }
func (starter) Swept() uint64 { return 4 }

func backlog(context.Context) (webhook.Backlog, error) {
	return webhook.Backlog{
		Pending: webhook.OpenDeliveries{Count: 5, Oldest: time.Second}, Waiting: webhook.OpenDeliveries{Count: 6, Oldest: time.Hour},
		OldestUnstarted: 500 * time.Millisecond, FailingWebhooks: 7,
	}, nil
}

// record does everything that metrics are for.
func record(m *metrics.Metrics) {
	m.Published(2, 3)
	m.PublishRejected(webhook.CodeInvalid)
	m.AttemptBegins()
	m.AttemptBegins()
	m.AttemptEnds()
	m.AttemptMade(metrics.Attempt{Outcome: webhook.OutcomeSuccess, Trigger: webhook.TriggerSchedule, Lane: lanes.Fast}, 20*time.Millisecond)
	m.FirstAttempt(2 * time.Second)
	m.FirstAttempt(-time.Second)
	m.DeliveryEnded(webhook.StatusDelivered)
	m.DeliveryEnded(webhook.StatusWaiting)
	m.TokenFetched(true)
	m.TokenFetched(false)
	m.Found(webhook.FindingMissing)
	m.WebhookDisabled()
	m.Deleted(webhook.Deleted{Events: 1, Deliveries: 2, Attempts: 3})
	m.RetentionFailed()
	m.RetentionBehind(time.Minute)
	router := mux.NewRouter()
	router.HandleFunc("/things/{id}", func(http.ResponseWriter, *http.Request) {})
	m.Watch(router).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/things/1", http.NoBody))
	for _, handler := range []client.MetricsHandler{m.Temporal(), m.Temporal().WithTags(map[string]string{"namespace": "default"})} {
		handler.Counter("temporal_request").Inc(1)
		handler.Gauge("temporal_num_pollers").Update(2)
		handler.Timer("temporal_request_latency").Record(time.Second)
	}
}

// watched returns metrics that watch all that there is and have recorded everything.
func watched(t *testing.T) *metrics.Metrics {
	t.Helper()
	connector, err := pq.NewConnector("postgres://127.0.0.1:1/nothing")
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	m := metrics.New("1.2.3")
	m.WatchPool(db)
	m.WatchStarter(starter{})
	m.WatchBacklog(t.Context(), backlog)
	record(m)
	return m
}

// text returns what Prometheus reads, line by line, without comments.
func text(t *testing.T, m *metrics.Metrics) []string {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, recorder.Code)
	require.Regexp(t, `^text/plain; version=0\.0\.4; charset=utf-8`, recorder.Header().Get("Content-Type"))
	require.Equal(t, "no-store", recorder.Header().Get("Cache-Control"))
	lines := strings.Split(recorder.Body.String(), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" || strings.HasPrefix(line, "#") })
}

func TestValues(t *testing.T) {
	t.Parallel()
	got := text(t, watched(t))
	for _, line := range []string{
		`durahook_build_info{version="1.2.3"} 1`,
		`durahook_events_published_total 2`,
		`durahook_deliveries_created_total 3`,
		`durahook_publish_rejected_total{code="invalid"} 1`,
		`durahook_publish_rejected_total{code="malformed"} 0`,
		`durahook_attempts_in_flight 1`,
		`durahook_attempts_total{lane="fast",outcome="success",trigger="schedule"} 1`,
		`durahook_attempts_total{lane="queued",outcome="blocked",trigger="manual"} 0`,
		`durahook_attempt_duration_seconds_bucket{le="0.01"} 0`,
		`durahook_attempt_duration_seconds_bucket{le="0.025"} 1`,
		`durahook_publish_to_attempt_seconds_count 2`,
		`durahook_publish_to_attempt_seconds_sum 2`,
		`durahook_deliveries_ended_total{status="delivered"} 1`,
		`durahook_deliveries_ended_total{status="exhausted"} 0`,
		`durahook_token_fetches_total{result="failure"} 1`,
		`durahook_token_fetches_total{result="success"} 1`,
		`durahook_reconciler_found_total{finding="missing"} 1`,
		`durahook_reconciler_found_total{finding="late"} 0`,
		`durahook_retention_deleted_total{kind="event"} 1`,
		`durahook_retention_deleted_total{kind="delivery"} 2`,
		`durahook_retention_deleted_total{kind="attempt"} 3`,
		`durahook_retention_failures_total 1`,
		`durahook_retention_behind_seconds 60`,
		`durahook_starter_queue_length 3`,
		`durahook_sweep_started_total 4`,
		`durahook_database_up 1`,
		`durahook_deliveries_open{status="pending"} 5`,
		`durahook_deliveries_open{status="waiting"} 6`,
		`durahook_oldest_undelivered_seconds{status="waiting"} 3600`,
		`durahook_oldest_unstarted_seconds 0.5`,
		`go_sql_open_connections{db_name="durahook"} 0`,
	} {
		require.Contains(t, got, line)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(watched(t).Registry())
	require.NoError(t, err)
	require.Empty(t, problems)
}

// docs/metrics.md has every metric of durahook, with its kind and labels, and no other.
func TestTheTableIsCurrent(t *testing.T) {
	t.Parallel()
	families, err := watched(t).Registry().Gather()
	require.NoError(t, err)
	var want []string
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "durahook_") {
			continue
		}
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		want = append(want, "| `"+family.GetName()+"` | "+strings.ToLower(family.GetType().String())+" | "+strings.Join(labels, ", ")+" |")
	}
	page, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	var got []string
	for _, row := range regexp.MustCompile("(?m)^(\\| `durahook_[^|]*\\|[^|]*\\|[^|]*\\|)[^|\n]+\\|$").FindAllStringSubmatch(string(page), -1) {
		got = append(got, strings.ReplaceAll(row[1], "|  |", "| |"))
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "|  |", "| |")
	}
	require.ElementsMatch(t, want, got)
}

// Nobody needs metrics in order to work.
func TestNilCountsNothing(t *testing.T) {
	t.Parallel()
	var m *metrics.Metrics
	m.WatchPool(nil)
	m.WatchStarter(starter{})
	m.WatchBacklog(t.Context(), backlog)
	require.NotPanics(t, func() { record(m) })
	require.Empty(t, text(t, m))
}

// What runs for each event and attempt looks its labels up beforehand.
//
//nolint:paralleltest // other tests' allocations would be counted
func TestCountingAllocatesNothing(t *testing.T) {
	m := metrics.New("1.2.3")
	const runs = 100
	require.Zero(t, testing.AllocsPerRun(runs, func() {
		m.Published(1, 1)
		m.AttemptBegins()
		m.AttemptMade(metrics.Attempt{Outcome: webhook.OutcomeTimeout, Trigger: webhook.TriggerManual, Lane: lanes.Queued}, time.Second)
		m.FirstAttempt(time.Second)
		m.AttemptEnds()
		m.DeliveryEnded(webhook.StatusDelivered)
		m.TokenFetched(true)
	}))
}

func BenchmarkAttempt(b *testing.B) {
	m := metrics.New("1.2.3")
	for b.Loop() {
		m.AttemptBegins()
		m.AttemptMade(metrics.Attempt{Outcome: webhook.OutcomeSuccess, Trigger: webhook.TriggerSchedule, Lane: lanes.Fast}, time.Millisecond)
		m.FirstAttempt(time.Millisecond)
		m.DeliveryEnded(webhook.StatusDelivered)
		m.AttemptEnds()
	}
}

func BenchmarkTemporal(b *testing.B) {
	handler := metrics.New("1.2.3").Temporal()
	for b.Loop() {
		handler.WithTags(map[string]string{"operation": "StartWorkflowExecution", "namespace": "default"}).Counter("temporal_request").Inc(1)
	}
}

var errDown = errors.New("the database is down")
