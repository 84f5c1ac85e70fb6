package api_test

import (
	"context"
	"encoding/json"
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
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// testsTemporal runs a delivery's workflow as a test says.
type testsTemporal struct {
	client.Client
	run func(ctx context.Context, o client.StartWorkflowOptions, input workflows.DeliveryInput) (end error, err error)
}

func (c *testsTemporal) ExecuteWorkflow(ctx context.Context, o client.StartWorkflowOptions, _ any, arguments ...any) (client.WorkflowRun, error) {
	end, err := c.run(ctx, o, arguments[0].(workflows.DeliveryInput))
	return testsRun{end: end}, err
}

// testsRun is a run that has ended, or with errStillRunning one that never does.
type testsRun struct {
	client.WorkflowRun
	end error
}

var errStillRunning = errors.New("still running")

func (r testsRun) Get(ctx context.Context, _ any) error {
	if errors.Is(r.end, errStillRunning) {
		<-ctx.Done()
		return ctx.Err()
	}
	return r.end
}

// testsFixture is the API over a real database, with a webhook and a Temporal that does what it is told.
type testsFixture struct {
	*fixture
	temporal *testsTemporal
	path     string
}

func newTestsFixture(t *testing.T, definition string, timeout time.Duration) *testsFixture {
	t.Helper()
	s := newStore(t)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	f := &testsFixture{fixture: &fixture{t: t, store: s, account: account}, temporal: new(testsTemporal)}
	router := mux.NewRouter()
	api.New(service.New(service.Options{
		Store: s, Temporal: f.temporal, Guard: target.NewGuard(target.InsecureNone), TestTimeout: timeout,
		Starter: service.NewStarter(s, f.temporal, webhook.DefaultSchedule(), nil, quiet),
	}), adminKey, quiet).Register(router)
	f.server = httptest.NewServer(documented(t, router))
	t.Cleanup(f.server.Close)
	w := decode[webhookAnswer](f.call(http.MethodPost, "/v1/webhooks", definition), 201)
	f.path = "/v1/webhooks/" + w.ID
	return f
}

// answers has the workflow make one attempt, to which the endpoint answers so.
func (f *testsFixture) answers(code int) {
	f.temporal.run = func(ctx context.Context, o client.StartWorkflowOptions, _ workflows.DeliveryInput) (end error, err error) {
		now := time.Now()
		attempt := webhook.Attempt{
			DeliveryID: o.ID, RunID: "run", Sequence: 1, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeOf(code), StatusCode: &code,
			ResponseTimeMS: 12, ResponseHeaders: map[string][]string{"Server": {"nginx"}}, ResponseBody: []byte("b\xff"), StartedAt: now, EndedAt: now,
		}
		status := webhook.StatusDelivered
		if attempt.Outcome != webhook.OutcomeSuccess {
			status, end = webhook.StatusExhausted, new(temporal.WorkflowExecutionError)
		}
		return end, f.store.RecordAttempt(ctx, attempt, status, nil)
	}
}

type testAnswer struct {
	DeliveryID      string              `json:"delivery_id"`
	Event           string              `json:"event"`
	PassesFilter    *bool               `json:"passes_filter"`
	Outcome         string              `json:"outcome"`
	StatusCode      int                 `json:"status_code"`
	ResponseTimeMS  int                 `json:"response_time_ms"`
	ResponseHeaders map[string][]string `json:"response_headers"`
	ResponseBody    string              `json:"response_body"`
	Error           *string             `json:"error"`
}

const testsWebhook = `{"name":"Sync","url":"` + endpoint + `","events":["call.started","call.ended"],"filter":"event == 'call.ended' && data.duration > 1","enabled":false}`

func TestTestWebhook(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]testAnswer{
		``:                            {Event: "call.started", PassesFilter: new(bool), Outcome: "server_error", StatusCode: 503},
		`{"event":"call.failed"}`:     {Event: "call.failed", PassesFilter: new(bool), Outcome: "client_error", StatusCode: 410},
		`{"event":"call.ended"}`:      {Event: "call.ended", PassesFilter: new(true), Outcome: "success", StatusCode: 204},
		`{"event":"contact.created"}`: {Event: "contact.created", PassesFilter: new(bool), Outcome: "success", StatusCode: 200},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			f := newTestsFixture(t, testsWebhook, time.Minute)
			f.answers(want.StatusCode)
			inner := f.temporal.run
			var options client.StartWorkflowOptions
			var input workflows.DeliveryInput
			f.temporal.run = func(ctx context.Context, o client.StartWorkflowOptions, i workflows.DeliveryInput) (error, error) {
				options, input = o, i
				return inner(ctx, o, i)
			}
			got := decode[testAnswer](f.call(http.MethodPost, f.path+"/test", body), 200)
			require.Equal(t, options.ID, got.DeliveryID)
			require.Equal(t, "test: "+want.Event+" → Sync", options.StaticSummary)
			require.Equal(t, []string{"0s"}, input.Schedule)
			want.DeliveryID, want.ResponseTimeMS, want.ResponseBody = got.DeliveryID, 12, "b\uFFFD"
			want.ResponseHeaders = map[string][]string{"Server": {"nginx"}}
			require.Equal(t, want, got)

			delivery := decode[map[string]any](f.get("/v1/deliveries/"+got.DeliveryID), 200)
			require.Equal(t, true, delivery["test"])
			event := decode[map[string]any](f.get("/v1/events/"+delivery["event_id"].(string)), 200)
			require.Equal(t, true, event["test"])
			require.Equal(t, true, event["deliveries"].([]any)[0].(map[string]any)["test"])
			require.False(t, decode[webhookAnswer](f.get(f.path), 200).Enabled)
		})
	}
}

func TestTestWebhookIsRefused(t *testing.T) {
	t.Parallel()
	f := newTestsFixture(t, testsWebhook, time.Minute)
	rows := f.rows()
	for body, want := range map[string]string{
		`{"event":"order.paid"}`: "is not a known event type", `{"event":7}`: "must be a string", `{"event":"*"}`: "is not a known event type",
	} {
		requireProblem(f.call(http.MethodPost, f.path+"/test", body), 422, "invalid", map[string]string{"/event": want})
	}
	requireProblem(f.call(http.MethodPost, f.path+"/test", `{"events":[],"event":"x"}`), 422, "invalid",
		map[string]string{"/events": "is not a known field", "/event": "is not a known event type"})
	requireProblem(f.call(http.MethodPost, f.path+"/test", `[]`), 400, "malformed", nil)
	requireProblem(f.call(http.MethodPost, f.path+"/test", strings.Repeat(" ", 5<<10)), 413, "too_large", nil)
	require.Equal(t, 204, f.call(http.MethodDelete, f.path, "").status)
	requireProblem(f.call(http.MethodPost, f.path+"/test", ""), 404, "not_found", nil)
	require.Equal(t, rows, f.rows())
}

// Whatever keeps a test from being sent now, it is not sent later, when nobody expects it any more.
func TestTestWebhookThatIsNotSent(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		end, err error
		detail   string
	}{
		"Temporal is down":              {nil, serviceerror.NewUnavailable("down"), "Temporal cannot be reached"},
		"it goes down in between":       {serviceerror.NewUnavailable("down"), nil, "Temporal cannot be reached"},
		"no worker takes the workflow":  {errStillRunning, nil, "The test has not ended in time"},
		"it was started, but who knows": {nil, context.DeadlineExceeded, "Temporal cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newTestsFixture(t, testsWebhook, time.Second)
			f.temporal.run = func(context.Context, client.StartWorkflowOptions, workflows.DeliveryInput) (error, error) {
				return scenario.end, scenario.err
			}
			answer := f.call(http.MethodPost, f.path+"/test", "")
			require.Contains(t, requireProblem(answer, 503, "unavailable", nil).Detail, scenario.detail)
			require.NotEmpty(t, answer.header.Get("Retry-After"))
			listed := decode[list](f.get("/v1/deliveries"), 200)
			require.Len(t, listed.Data, 1)
			require.Equal(t, "cancelled", listed.Data[0]["status"])
			require.Equal(t, true, listed.Data[0]["test"])
		})
	}
}

// The webhook is deleted between the check and the attempt.
func TestTestWebhookThatIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newTestsFixture(t, testsWebhook, time.Minute)
	f.temporal.run = func(ctx context.Context, o client.StartWorkflowOptions, _ workflows.DeliveryInput) (error, error) {
		_, err := f.store.EndDelivery(ctx, o.ID, webhook.StatusDiscarded)
		return nil, err
	}
	p := requireProblem(f.call(http.MethodPost, f.path+"/test", ""), 409, "conflict", nil)
	require.Contains(t, p.Detail, "Nothing was sent: the test is discarded")
}

// A client that hangs up leaves a test that ends by itself.
func TestTestWebhookWithoutClient(t *testing.T) {
	t.Parallel()
	f := newTestsFixture(t, testsWebhook, time.Minute)
	f.answers(200)
	inner := f.temporal.run
	ctx, hangUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	f.temporal.run = func(ctx context.Context, o client.StartWorkflowOptions, i workflows.DeliveryInput) (error, error) {
		hangUp()
		end, err := inner(ctx, o, i)
		ended <- errors.Join(end, err, ctx.Err())
		return end, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.server.URL+f.path+"/test", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+adminKey)
	response, err := f.server.Client().Do(request)
	if err == nil { // the answer was quicker than the hanging up
		require.NoError(t, response.Body.Close())
	}
	require.NoError(t, <-ended)
	require.Equal(t, "delivered", decode[list](f.get("/v1/deliveries"), 200).Data[0]["status"])
}

// A process that dies between writing a test down and starting it leaves it to the sweep, which gives it up.
func TestTheSweepGivesTestsUp(t *testing.T) {
	t.Parallel()
	f := newTestsFixture(t, testsWebhook, time.Minute)
	f.answers(200)
	id := decode[testAnswer](f.call(http.MethodPost, f.path+"/test", ""), 200).DeliveryID
	f.exec(`UPDATE deliveries SET status = 'pending', attempt_count = 0, sweep_at = now() - interval '1 second'`)
	started := make(chan string, 10)
	f.temporal.run = func(_ context.Context, o client.StartWorkflowOptions, _ workflows.DeliveryInput) (error, error) {
		started <- o.ID
		return nil, nil //nolint:nilnil // it is started, and nobody waits
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	starter := service.NewStarter(f.store, f.temporal, webhook.DefaultSchedule(), nil, slog.New(slog.DiscardHandler))
	// The one after it in the same sweep is an ordinary delivery.
	f.call(http.MethodPost, f.path+"/enable", "")
	f.call(http.MethodPatch, f.path, `{"filter":null}`)
	published := f.publish(f.account).Deliveries[0].ID
	f.exec(`UPDATE deliveries SET sweep_at = now() - interval '1 second'`)
	go func() { done <- starter.Run(ctx) }()
	require.Equal(t, published, <-started)
	require.Eventually(t, func() bool {
		return decode[map[string]any](f.get("/v1/deliveries/"+id), 200)["status"] == "cancelled"
	}, time.Minute, 10*time.Millisecond)
	stop()
	require.NoError(t, <-done)
	require.Empty(t, started)
}

type filteredWebhook struct {
	ID, DisabledReason string
	Filter             *string
	Enabled            bool
}

func TestFilterOfAWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	create := func(filter string) filteredWebhook {
		text, err := json.Marshal(filter)
		require.NoError(t, err)
		body := `{"name":"Sync","url":"` + endpoint + `","events":["call.started","call.ended"],"filter":` + string(text) + `}`
		return decode[filteredWebhook](f.call(http.MethodPost, "/v1/webhooks", body), 201)
	}
	const condition = `data.duration > 60 && data.outcome == "completed"`
	w := create(condition)
	require.Equal(t, condition, *w.Filter)
	require.True(t, w.Enabled)
	create(`data.duration > 60 && data.missing == 1`)
	all := create("")
	require.Nil(t, all.Filter)

	receivers := func(data string) (ids []string) {
		body := `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":` + data + `}`
		for _, d := range decode[eventAnswer](f.call(http.MethodPost, "/v1/events", body), 202).Deliveries {
			ids = append(ids, d.WebhookID)
		}
		return ids
	}
	require.Equal(t, []string{w.ID, all.ID}, receivers(`{"duration":61,"outcome":"completed"}`))
	require.Equal(t, []string{w.ID, all.ID}, receivers(`{"duration":60.5,"outcome":"completed"}`))
	require.Equal(t, []string{all.ID}, receivers(`{"duration":60,"outcome":"completed"}`))
	require.Equal(t, []string{all.ID}, receivers(`{"duration":"61","outcome":"completed"}`))
	require.Equal(t, []string{all.ID}, receivers(`{}`))

	path := "/v1/webhooks/" + w.ID
	changed := decode[filteredWebhook](f.call(http.MethodPatch, path, `{"name":"Other"}`), 200)
	require.Equal(t, condition, *changed.Filter)
	changed = decode[filteredWebhook](f.call(http.MethodPatch, path, `{"filter":"true"}`), 200)
	require.Equal(t, "true", *changed.Filter)
	require.Equal(t, []string{w.ID, all.ID}, receivers(`{}`))
	require.Nil(t, decode[filteredWebhook](f.call(http.MethodPatch, path, `{"filter":null}`), 200).Filter)
	require.Nil(t, decode[filteredWebhook](f.get(path), 200).Filter)
}

func TestRateLimitOfAWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	type limited struct {
		ID        string `json:"id"`
		RateLimit *int   `json:"rate_limit"`
	}
	created := decode[limited](f.call(http.MethodPost, "/v1/webhooks", `{"name":"Sync","url":"`+endpoint+`","events":["*"],"rate_limit":10}`), 201)
	require.Equal(t, 10, *created.RateLimit)
	path := "/v1/webhooks/" + created.ID
	require.Equal(t, 10, *decode[limited](f.call(http.MethodPatch, path, `{"name":"Other"}`), 200).RateLimit)
	require.Equal(t, 1000, *decode[limited](f.call(http.MethodPatch, path, `{"rate_limit":1000}`), 200).RateLimit)
	require.Nil(t, decode[limited](f.call(http.MethodPatch, path, `{"rate_limit":null}`), 200).RateLimit)
	require.Nil(t, decode[limited](f.get(path), 200).RateLimit)
	for limit, want := range map[string]string{"0": "from 1 to 1000", "-1": "from 1 to 1000", "1001": "from 1 to 1000", "2.5": "whole number", `"5"`: "whole number"} {
		requireProblem(f.call(http.MethodPatch, path, `{"rate_limit":`+limit+`}`), 422, "invalid", map[string]string{"/rate_limit": want})
		requireProblem(f.call(http.MethodPost, "/v1/webhooks", `{"name":"Sync","url":"`+endpoint+`","events":["*"],"rate_limit":`+limit+`}`), 422, "invalid",
			map[string]string{"/rate_limit": want})
	}
}

func TestFilterIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	const wrong = `"name":"","url":"https://127.0.0.1/","filter":"data.duration >> 60"`
	fields := map[string]string{"/name": "is missing", "/url": "", "/filter": `line 1, column 16: ">" is not expected here`}
	requireProblem(f.call(http.MethodPost, "/v1/webhooks", `{"events":["*"],`+wrong+`}`), 422, "invalid", fields)
	requireProblem(f.call(http.MethodPatch, "/v1/webhooks/"+w.ID, `{`+wrong+`}`), 422, "invalid", fields)
	for filter, want := range map[string]string{
		`7`: "must be a string", `"data.duration"`: "the result must be true or false",
		`"` + strings.Repeat("x", 2049) + `"`: "is longer than 2048 bytes", `"event == '\u0000'"`: "must be text in UTF-8",
	} {
		requireProblem(f.call(http.MethodPatch, "/v1/webhooks/"+w.ID, `{"filter":`+filter+`}`), 422, "invalid", map[string]string{"/filter": want})
	}
	requireProblem(f.call(http.MethodPatch, "/v1/webhooks/"+w.ID, `{"enabled":false}`), 422, "invalid",
		map[string]string{"/enabled": "POST /v1/webhooks/{id}/enable or POST /v1/webhooks/{id}/disable"})
	require.Nil(t, decode[filteredWebhook](f.get("/v1/webhooks/"+w.ID), 200).Filter)
}

func TestCreateDisabledWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for enabled, want := range map[string]bool{"true": true, "false": false, "null": true} {
		body := `{"name":"Sync","url":"` + endpoint + `","events":["call.ended"],"enabled":` + enabled + `}`
		w := decode[map[string]any](f.call(http.MethodPost, "/v1/webhooks", body), 201)
		require.Equal(t, want, w["enabled"])
		require.Equal(t, !want, w["disabled_reason"] == "Disabled by its owner.")
		require.Equal(t, want, len(f.publish(f.account).Deliveries) == 1)
		require.Equal(t, w["disabled_reason"], decode[map[string]any](f.get("/v1/webhooks/"+w["id"].(string)), 200)["disabled_reason"])
		require.Equal(t, 204, f.call(http.MethodDelete, "/v1/webhooks/"+w["id"].(string), "").status)
	}
}
