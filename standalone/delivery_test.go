package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver of Postgres
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/standalone/stack"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// world is a running durahook that tests share, each with an account of its own.
type world struct {
	infrastructure *stack.Infrastructure
	db             *sql.DB
	temporal       client.Client
	serve          string // address of a process with both roles: deliveries take the fast lane
	exports        string // directory that events are exported to before they are deleted
	api            string // address of one without a worker: the worker of the other chooses the lane; two attempts
}

var theWorld = sync.OnceValues(newWorld)

// newWorld lasts as long as the test binary: Postgres and Temporal end with it.
func newWorld() (*world, error) {
	dir, err := os.MkdirTemp("", "durahook-test-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // Postgres runs as another user and has to get through
		return nil, err
	}
	ctx := context.Background()
	w := &world{exports: filepath.Join(dir, "exports")}
	w.infrastructure, err = stack.StartInfrastructure(ctx, stack.InfrastructureOptions{
		DataDir: dir, TemporalListen: "127.0.0.1:0", UIListen: "127.0.0.1:0",
		Settings: map[string]string{"fsync": "off"},
		Log:      slog.New(slog.DiscardHandler), Progress: func(string) {},
	})
	if err != nil {
		return nil, err
	}
	if w.db, err = sql.Open("postgres", w.infrastructure.DatabaseURL()); err != nil {
		return nil, err
	}
	if w.temporal, err = client.Dial(client.Options{HostPort: w.infrastructure.TemporalAddress(), Namespace: stack.Namespace}); err != nil {
		return nil, err
	}
	if w.serve, err = w.open(app.Roles{API: true, Worker: true}, "0s,1s,10m"); err != nil {
		return nil, err
	}
	w.api, err = w.open(app.Roles{API: true}, "0s,1s")
	return w, err
}

func (w *world) open(roles app.Roles, schedule string) (string, error) {
	ctx := context.Background()
	c, err := config.Resolve(config.Shared{
		Database: config.Database{DatabaseURL: w.infrastructure.DatabaseURL()},
		Log:      config.Log{LogLevel: "error", LogFormat: "text"}, Encryption: config.Encryption{EncryptionKey: testEncryptionKey},
		Temporal: config.Temporal{TemporalAddress: w.infrastructure.TemporalAddress(), TemporalNamespace: stack.Namespace}, AllowInsecureTargets: "loopback",
		Alerts: config.Alerts{AlertWindow: "1m", AlertQuiet: "15m"},
	}, config.API{
		Listen: "127.0.0.1:0", AdminKey: testAdminKey, RetrySchedule: schedule, PublishRate: 1000, TemporalUIURL: w.infrastructure.UIURL(),
	}, config.Worker{AttemptTimeout: "2s", DisableAfter: "5d", Retention: "30d", ExportURL: "file://" + w.exports})
	if err != nil {
		return "", err
	}
	if err := stack.Migrate(ctx, c); err != nil {
		return "", err
	}
	a, err := app.Open(ctx, c, roles, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	a.BePublic()
	go func() { _ = a.Run(ctx) }()
	return "http://" + a.Address(), nil
}

// newAccount returns a client of the API with an account of its own.
func newAccount(t *testing.T) (*world, api) {
	t.Helper()
	w, err := theWorld()
	require.NoError(t, err)
	id := webhook.NewID(webhook.AccountPrefix)
	_, err = w.db.Exec(`INSERT INTO accounts (id, name) VALUES ($1, $1)`, id)
	require.NoError(t, err)
	return w, api{t: t, url: w.serve, key: testAdminKey, account: id}
}

func (w *world) history(t *testing.T, id string) []*history.HistoryEvent {
	t.Helper()
	var events []*history.HistoryEvent
	iterator := w.temporal.GetWorkflowHistory(t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		require.NoError(t, err)
		events = append(events, event)
	}
	return events
}

func TestPublishedEventIsDeliveredSigned(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint := newEndpoint(t, answering(200))
	created := a.createWebhook(endpoint.URL)
	eventID, deliveryID := a.publish()

	request := endpoint.eventually(t, 1)[0]
	verify(t, created.SigningSecret, request)
	require.True(t, bytes.Equal([]byte(callEnded), request.body), "byte for byte")
	require.Equal(t, eventID, request.header.Get("webhook-id"))
	require.Equal(t, "1", request.header.Get("webhook-attempt"))
	require.Equal(t, "call.ended", request.header.Get("webhook-event"))
	require.Contains(t, request.header.Get("User-Agent"), "durahook/")

	d := a.eventually(deliveryID, "delivered", 1)
	require.Equal(t, 200, *d.Attempts[0].StatusCode)
	require.Equal(t, "answer 1", d.Attempts[0].ResponseBody)
	require.Equal(t, w.infrastructure.UIURL()+"/namespaces/default/workflows/"+deliveryID, d.WorkflowURL)

	var result workflows.DeliveryResult
	require.NoError(t, w.temporal.GetWorkflow(t.Context(), deliveryID, "").Get(t.Context(), &result))
	require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDelivered, Attempts: 1}, result)
	events := w.history(t, deliveryID)
	require.LessOrEqual(t, len(events), 6, "history events of a delivery in the fast lane")
	text, err := json.Marshal(events)
	require.NoError(t, err)
	for _, secret := range []string{created.SigningSecret, endpoint.URL, "+15551234567", "call_abc123", "answer 1"} {
		require.NotContains(t, string(text), secret)
	}
}

func TestRetrySignalEndsTheWait(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint := newEndpoint(t, answering(500, 503, 200))
	created := a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()

	d := a.eventually(deliveryID, "waiting", 2)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), *d.NextAttemptAt, time.Minute)
	w.untilTimerRuns(t, deliveryID, 2)

	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/retry", nil, http.StatusAccepted, nil)
	d = a.eventually(deliveryID, "delivered", 3)
	require.Equal(t, []string{"schedule", "schedule", "manual"}, []string{d.Attempts[0].Trigger, d.Attempts[1].Trigger, d.Attempts[2].Trigger})
	requests := endpoint.received()
	for i, request := range requests {
		verify(t, created.SigningSecret, request)
		require.Equal(t, requests[0].header.Get("webhook-id"), request.header.Get("webhook-id"), "the same in every attempt")
		require.Equal(t, []string{"1", "2", "3"}[i], request.header.Get("webhook-attempt"))
	}
	require.Contains(t, timerSummaries(w.history(t, deliveryID)), `"attempt 3 of 3 in 10 min"`)
}

// From the Temporal Web UI the signal comes without any payload.
func TestRetryByHand(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint := newEndpoint(t, answering(500, 503, 200))
	a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "waiting", 2)
	w.untilTimerRuns(t, deliveryID, 2)
	_, err := w.temporal.WorkflowService().SignalWorkflowExecution(t.Context(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace:         stack.Namespace,
		WorkflowExecution: &common.WorkflowExecution{WorkflowId: deliveryID},
		SignalName:        workflows.RetrySignal,
	})
	require.NoError(t, err)
	a.eventually(deliveryID, "delivered", 3)
}

// untilTimerRuns waits for the timer after so many attempts: an attempt is recorded a moment before its
// workflow knows.
func (w *world) untilTimerRuns(t *testing.T, deliveryID string, attempts int) {
	t.Helper()
	require.Eventually(t, func() bool {
		status := w.status(t, deliveryID)
		return status.LastAttempt != nil && status.LastAttempt.Number == attempts && status.NextAttemptAt != nil
	}, patience, pollInterval)
}

func (w *world) status(t *testing.T, deliveryID string) (status workflows.DeliveryStatus) {
	t.Helper()
	value, err := w.temporal.QueryWorkflow(t.Context(), deliveryID, "", workflows.StatusQuery)
	require.NoError(t, err)
	require.NoError(t, value.Get(&status))
	return status
}

func timerSummaries(events []*history.HistoryEvent) []string {
	var summaries []string
	for _, event := range events {
		if event.GetTimerStartedEventAttributes() != nil {
			summaries = append(summaries, string(event.GetUserMetadata().GetSummary().GetData()))
		}
	}
	return summaries
}

// Its two attempts come from the API without a worker.
func TestExhaustedDeliveryIsRetriedInANewRun(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	a.url = w.api
	allPressed := make(chan struct{})
	endpoint := newEndpoint(t, func(number int, w http.ResponseWriter) {
		if number == 3 {
			<-allPressed
		}
		answering(500, 500, 500, 200)(number, w)
	})
	a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "exhausted", 2)
	err := w.temporal.GetWorkflow(t.Context(), deliveryID, "").Get(t.Context(), nil)
	require.ErrorContains(t, err, "The endpoint did not accept the event in 2 attempts")

	// Several people press Retry at once: one attempt.
	var pressed sync.WaitGroup
	for range 5 {
		pressed.Go(func() {
			status, text := a.try(http.MethodPost, "/v1/deliveries/"+deliveryID+"/retry", nil)
			if status != http.StatusAccepted {
				t.Errorf("retry: %d %s", status, text)
			}
		})
	}
	pressed.Wait()
	close(allPressed)
	d := a.eventually(deliveryID, "exhausted", 3)
	require.Equal(t, "manual", d.Attempts[2].Trigger)

	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/retry", nil, http.StatusAccepted, nil)
	a.eventually(deliveryID, "delivered", 4)
	require.Len(t, endpoint.received(), 4)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint := newEndpoint(t, answering(500))
	a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "waiting", 2)
	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/cancel", nil, http.StatusAccepted, nil)
	a.eventually(deliveryID, "cancelled", 2)
	require.Eventually(t, func() bool {
		description, err := w.temporal.DescribeWorkflowExecution(t.Context(), deliveryID, "")
		return err == nil && description.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_CANCELED
	}, patience, pollInterval)
	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/cancel", nil, http.StatusConflict, nil)
}

func TestGoneDisablesTheWebhook(t *testing.T) {
	t.Parallel()
	_, a := newAccount(t)
	endpoint := newEndpoint(t, answering(410))
	created := a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "discarded", 1)
	var w struct {
		Enabled        bool   `json:"enabled"`
		DisabledReason string `json:"disabled_reason"`
	}
	a.do(http.MethodGet, "/v1/webhooks/"+created.ID, nil, http.StatusOK, &w)
	require.False(t, w.Enabled)
	require.Equal(t, "The endpoint answered 410 Gone.", w.DisabledReason)
	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/retry", nil, http.StatusConflict, nil)

	var event publishedEvent
	a.do(http.MethodPost, "/v1/events", callEnded, http.StatusAccepted, &event)
	require.Empty(t, event.Deliveries, "nothing more is sent to it")
}

func TestSlowEndpointTimesOut(t *testing.T) {
	t.Parallel()
	_, a := newAccount(t)
	release := make(chan struct{})
	endpoint := newEndpoint(t, func(number int, w http.ResponseWriter) {
		if number == 1 {
			<-release
		}
		w.WriteHeader(http.StatusOK)
	})
	t.Cleanup(func() { close(release) })
	a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	d := a.eventually(deliveryID, "delivered", 2)
	require.Equal(t, "timeout", d.Attempts[0].Outcome)
	require.Equal(t, "no full answer within 2s", *d.Attempts[0].Error)
}

// What an operator finds in the Temporal Web UI: through its own API, by search attribute, with a summary.
func TestWebUIShowsTheDelivery(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint := newEndpoint(t, answering(500))
	created := a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "waiting", 2)
	ui := api{t: t, url: w.infrastructure.UIURL(), key: "none"}
	query := "/api/v1/namespaces/default/workflows?query=DurahookWebhook%3D%22" + created.ID + "%22%20AND%20DurahookStatus%3D%22waiting%22"
	require.Eventually(t, func() bool {
		status, text := ui.try(http.MethodGet, query, nil)
		return status == http.StatusOK && strings.Contains(string(text), deliveryID)
	}, patience, pollInterval)
	description, err := w.temporal.DescribeWorkflow(t.Context(), deliveryID, "")
	require.NoError(t, err)
	summary, err := description.GetStaticSummary()
	require.NoError(t, err)
	require.Equal(t, "call.ended → Salesforce Sync", summary)
}
