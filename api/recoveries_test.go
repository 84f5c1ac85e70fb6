package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// recoveryAnswer is read as a client would.
type recoveryAnswer struct {
	ID                        string
	WebhookID                 string `json:"webhook_id"`
	Since, Until              time.Time
	Statuses                  []string
	Status                    string
	Reason                    *string
	Matched, Retried, Skipped *int
	WorkflowURL               string    `json:"workflow_url"`
	CreatedAt                 time.Time `json:"created_at"`
	UpdatedAt                 time.Time `json:"updated_at"`
}

const recoverAll = `{"since":"2025-02-02T14:30:00+02:00"}`

func (f *fixture) recover(webhookID string) recoveryAnswer {
	f.t.Helper()
	return decode[recoveryAnswer](f.call(http.MethodPost, "/v1/webhooks/"+webhookID+"/recover", recoverAll), 202)
}

// Temporal is down, and yet what was asked for is kept.
func TestRecoverWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook("")
	r := f.recover(w.ID)
	zero := 0
	require.NoError(t, webhook.CheckID(webhook.RecoveryPrefix, r.ID))
	require.Equal(t, recoveryAnswer{
		ID: r.ID, WebhookID: w.ID, Since: time.Date(2025, 2, 2, 12, 30, 0, 0, time.UTC), Until: r.Until, Statuses: []string{"exhausted"},
		Status: "running", Matched: &zero, Retried: &zero, Skipped: &zero, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		WorkflowURL: "http://127.0.0.1:8233/namespaces/default/workflows/" + r.ID,
	}, r)
	require.WithinDuration(t, time.Now(), r.Until, time.Minute)
	require.WithinDuration(t, time.Now(), r.CreatedAt, time.Minute)
	require.Equal(t, r, decode[recoveryAnswer](f.get("/v1/recoveries/"+r.ID), 200))

	problem := requireProblem(f.call(http.MethodPost, "/v1/webhooks/"+w.ID+"/recover", recoverAll), 409, "conflict", nil)
	require.Contains(t, problem.Detail, r.ID)

	cancelled := decode[recoveryAnswer](f.call(http.MethodPost, "/v1/recoveries/"+r.ID+"/cancel", ""), 202)
	require.Equal(t, "cancelled", cancelled.Status)
	problem = requireProblem(f.call(http.MethodPost, "/v1/recoveries/"+r.ID+"/cancel", ""), 409, "conflict", nil)
	require.Equal(t, "This recovery is cancelled; only running ones can be cancelled.", problem.Detail)

	second := f.recover(w.ID)
	path := "/v1/webhooks/" + w.ID + "/recoveries"
	page := decode[pageAnswer[recoveryAnswer]](f.get(path+"?limit=1"), 200)
	require.Equal(t, []recoveryAnswer{second}, page.Data)
	page = decode[pageAnswer[recoveryAnswer]](f.get(path+"?cursor="+*page.NextCursor), 200)
	require.Equal(t, []recoveryAnswer{cancelled}, page.Data)
	require.Nil(t, page.NextCursor)
	requireProblem(f.get(path+"?cursor="+w.ID+"&status=running"), 422, "invalid", map[string]string{
		"/cursor": "not a cursor", "/status": "not a known parameter",
	})
}

func TestRecoverWebhookIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook("")
	path := "/v1/webhooks/" + w.ID + "/recover"
	requireProblem(f.call(http.MethodPost, path, ``), 400, "malformed", nil)
	requireProblem(f.call(http.MethodPost, path, `{"until":"2225-02-02T14:30:00Z","status":["exhausted","pending"],"all":true}`), 422, "invalid",
		map[string]string{"/since": "is missing", "/until": "is in the future", "/status/1": "use some of", "/all": "not a known field"})
	requireProblem(f.call(http.MethodPost, path, `{"since":"`+strings.Repeat("x", 65<<10)+`"}`), 413, "too_large", nil)
	for _, id := range []string{webhook.NewID(webhook.WebhookPrefix), webhook.NewID(webhook.RecoveryPrefix)} {
		requireProblem(f.call(http.MethodPost, "/v1/webhooks/"+id+"/recover", recoverAll), 404, "not_found", nil)
		requireProblem(f.get("/v1/webhooks/"+id+"/recoveries"), 404, "not_found", nil)
		requireProblem(f.get("/v1/recoveries/"+id), 404, "not_found", nil)
		requireProblem(f.call(http.MethodPost, "/v1/recoveries/"+id+"/cancel", ""), 404, "not_found", nil)
	}
	f.call(http.MethodPost, "/v1/webhooks/"+w.ID+"/disable", "")
	problem := requireProblem(f.call(http.MethodPost, path, recoverAll), 409, "conflict", nil)
	require.Equal(t, "The webhook is disabled; enable it first. Disabled by its owner.", problem.Detail)
	f.call(http.MethodDelete, "/v1/webhooks/"+w.ID, "")
	requireProblem(f.call(http.MethodPost, path, recoverAll), 404, "not_found", nil)
	var stored int
	require.NoError(t, f.store.DB().GetContext(t.Context(), &stored, `SELECT count(*) FROM recoveries`))
	require.Zero(t, stored)
}

// recoveryTemporal answers the start and the cancellation of workflows.
type recoveryTemporal struct {
	client.Client
	answers   chan error // of the starts, in turn
	started   chan client.StartWorkflowOptions
	cancelled chan string
}

func (c *recoveryTemporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	c.started <- o
	return nil, <-c.answers
}

func (c *recoveryTemporal) CancelWorkflow(_ context.Context, id, _ string) error {
	c.cancelled <- id
	return nil
}

// sweptRecovery is a running recovery that the sweep sees to.
func sweptRecovery(t *testing.T, answers ...error) (*fixture, *recoveryTemporal, recoveryAnswer) {
	t.Helper()
	f := newFixture(t)
	temporal := &recoveryTemporal{
		answers: make(chan error, len(answers)), started: make(chan client.StartWorkflowOptions, len(answers)), cancelled: make(chan string, 1),
	}
	for _, answer := range answers {
		temporal.answers <- answer
	}
	quiet := slog.New(slog.DiscardHandler)
	starter := service.NewStarter(f.store, temporal, webhook.DefaultSchedule(), nil, quiet)
	router := mux.NewRouter()
	api.New(service.New(service.Options{Store: f.store, Temporal: temporal, Guard: target.NewGuard(target.InsecureNone), Starter: starter}),
		adminKey, quiet).Register(router)
	f.server = httptest.NewServer(documented(t, router))
	t.Cleanup(f.server.Close)
	r := f.recover(f.newWebhook("").ID)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- starter.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return f, temporal, r
}

// Whatever dies and however long Temporal is down: the sweep starts the workflow.
func TestTheSweepStartsRecoveries(t *testing.T) {
	t.Parallel()
	f, temporal, r := sweptRecovery(t, errors.New("Temporal is down"), nil)
	<-temporal.started
	f.exec(`UPDATE recoveries SET sweep_at = now()`) // its lease is over
	started := <-temporal.started
	require.Equal(t, r.ID, started.ID)
	require.Equal(t, workflows.DeliveryTaskQueue, started.TaskQueue)
	require.Equal(t, "recover what Sync missed", started.StaticSummary)
	id, ok := started.TypedSearchAttributes.GetKeyword(workflows.WebhookAttribute)
	require.True(t, ok)
	require.Equal(t, r.WebhookID, id)

	f.call(http.MethodPost, "/v1/recoveries/"+r.ID+"/cancel", "")
	require.Equal(t, r.ID, <-temporal.cancelled)
}

// Nobody else would end a recovery whose workflow was terminated, and no other could begin.
func TestTheSweepEndsRecoveriesWhoseWorkflowIsGone(t *testing.T) {
	t.Parallel()
	f, _, r := sweptRecovery(t, serviceerror.NewWorkflowExecutionAlreadyStarted("closed", "", ""))
	require.Eventually(t, func() bool {
		return decode[recoveryAnswer](f.get("/v1/recoveries/"+r.ID), 200).Status == "failed"
	}, time.Minute, 10*time.Millisecond)
	got := decode[recoveryAnswer](f.get("/v1/recoveries/"+r.ID), 200)
	require.Equal(t, "Its workflow was terminated.", *got.Reason)
}
