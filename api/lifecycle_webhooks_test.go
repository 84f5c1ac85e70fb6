package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

const lifecycleKey = "the-admin-key-of-the-lifecycle-tests"

// lifecycleTemporal notes the workflows that are started.
type lifecycleTemporal struct {
	client.Client
	started chan client.StartWorkflowOptions
}

func (c *lifecycleTemporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	c.started <- o
	return nil, nil //nolint:nilnil // nobody looks at the run
}

// lifecycle is the API over a real database, with one webhook.
type lifecycle struct {
	t        *testing.T
	store    *store.Store
	starter  *service.Starter
	temporal *lifecycleTemporal
	router   *mux.Router
	account  string
	id       string
	secret   webhook.SigningSecret
}

func newLifecycle(t *testing.T) *lifecycle {
	t.Helper()
	db := newStore(t)
	l := &lifecycle{t: t, store: db, temporal: &lifecycleTemporal{started: make(chan client.StartWorkflowOptions, 100)}, router: mux.NewRouter()}
	log := slog.New(slog.DiscardHandler)
	l.starter = service.NewStarter(db, l.temporal, webhook.DefaultSchedule(), nil, log)
	s := service.New(service.Options{Store: db, Temporal: l.temporal, Guard: target.NewGuard(target.InsecureNone), Starter: l.starter})
	api.New(s, lifecycleKey, log).Register(l.router)
	account, err := db.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	l.account = account

	created := l.call(http.MethodPost, "/v1/webhooks", `{
		"name": "Sync", "url": "https://8.8.8.8/hook", "events": ["call.ended"],
		"authentication": {"type": "bearer", "token": "token-of-the-receiver"}
	}`, http.StatusCreated)
	l.id, l.secret = created.ID, webhook.SigningSecret(created.SigningSecret)
	require.True(t, strings.HasPrefix(created.SigningSecret, "whsec_"))
	return l
}

type lifecycleAnswer struct {
	ID                         string                 `json:"id"`
	Name                       string                 `json:"name"`
	URL                        string                 `json:"url"`
	Events                     []string               `json:"events"`
	Authentication             webhook.Authentication `json:"authentication"`
	SigningAlgorithm           string                 `json:"signing_algorithm"`
	SigningSecret              string                 `json:"signing_secret"`
	PublicKey                  string                 `json:"public_key"`
	PreviousSigningSecretUntil *time.Time             `json:"previous_signing_secret_until"`
	Enabled                    bool                   `json:"enabled"`
	DisabledReason             string                 `json:"disabled_reason"`
	Code                       string                 `json:"code"`
	Errors                     []webhook.FieldError   `json:"errors"`

	text string
}

// call makes a request and makes sure that it gets this status.
func (l *lifecycle) call(method, path, body string, want int) lifecycleAnswer {
	return l.callAs("", method, path, body, want)
}

func (l *lifecycle) callAs(account, method, path, body string, want int) lifecycleAnswer {
	l.t.Helper()
	request := httptest.NewRequestWithContext(l.t.Context(), method, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+lifecycleKey)
	if account != "" {
		request.Header.Set("X-Account", account)
	}
	recorder := httptest.NewRecorder()
	l.router.ServeHTTP(recorder, request)
	answer := lifecycleAnswer{text: recorder.Body.String()}
	require.Equal(l.t, want, recorder.Code, answer.text)
	if want == http.StatusNoContent {
		require.Empty(l.t, answer.text)
		return answer
	}
	require.NoError(l.t, json.Unmarshal(recorder.Body.Bytes(), &answer), answer.text)
	return answer
}

func (l *lifecycle) path(rest string) string { return "/v1/webhooks/" + l.id + rest }

func (l *lifecycle) stored() webhook.Webhook {
	l.t.Helper()
	w, err := l.store.Webhook(l.t.Context(), l.account, l.id)
	require.NoError(l.t, err)
	return w
}

func TestPatchWebhook(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	got := l.call(http.MethodPatch, l.path(""), `{"name":"New","url":"https://8.8.4.4/","events":["*"]}`, http.StatusOK)
	require.Equal(t, "New", got.Name)
	require.Equal(t, "https://8.8.4.4/", got.URL)
	require.Equal(t, []string{"*"}, got.Events)
	require.Equal(t, "••••iver", got.Authentication.Token)
	require.Equal(t, "token-of-the-receiver", l.stored().Authentication.Token, "what was left out stays")
	require.NotContains(t, got.text, string(l.secret))
	require.NotContains(t, got.text, "token-of-the-receiver")

	l.call(http.MethodPatch, l.path(""), `{"authentication":{"type":"basic","username":"u","password":"password-of-the-receiver"}}`, http.StatusOK)
	require.Equal(t, webhook.Authentication{Type: "basic", Username: "u", Password: "password-of-the-receiver"}, l.stored().Authentication)
	got = l.call(http.MethodPatch, l.path(""), `{"authentication":null}`, http.StatusOK)
	require.Equal(t, webhook.Authentication{Type: "none"}, got.Authentication)
	require.Equal(t, "New", got.Name)
}

func TestPatchWebhookIsRefused(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	before := l.stored()
	for body, want := range map[string]struct {
		status   int
		pointers []string
	}{
		``:                                       {http.StatusBadRequest, nil},
		`[]`:                                     {http.StatusBadRequest, nil},
		`{"name":1}`:                             {http.StatusUnprocessableEntity, []string{"/name"}},
		`{"a/b":1}`:                              {http.StatusUnprocessableEntity, []string{"/a~1b"}},
		`{"url":""}`:                             {http.StatusUnprocessableEntity, []string{"/url"}},
		`{"name":""}`:                            {http.StatusUnprocessableEntity, []string{"/name"}},
		`{"name":"","url":"https://127.0.0.1/"}`: {http.StatusUnprocessableEntity, []string{"/name", "/url"}},
		`{"url":"https://127.0.0.1/"}`:           {http.StatusUnprocessableEntity, []string{"/url"}},
		`{"name":"","url":"http://1.1.1.1/","events":["no"]}`:            {http.StatusUnprocessableEntity, []string{"/name", "/url", "/events/0"}},
		`{"authentication":{"type":"bearer","token":"••••iver"}}`:        {http.StatusUnprocessableEntity, []string{"/authentication/token"}},
		`{"name":"` + strings.Repeat("x", 65<<10) + `"}`:                 {http.StatusRequestEntityTooLarge, nil},
		`{"authentication":{"type":"hmac","secret":"s","token":"more"}}`: {http.StatusUnprocessableEntity, []string{"/authentication/token"}},
	} {
		got := l.call(http.MethodPatch, l.path(""), body, want.status)
		var pointers []string
		for _, field := range got.Errors {
			pointers = append(pointers, field.Pointer)
		}
		require.ElementsMatch(t, want.pointers, pointers, "%.100s", body)
		require.Equal(t, before, l.stored())
	}
}

func TestLifecycleOfOthersWebhooks(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	before := l.stored()
	other := webhook.NewID(webhook.AccountPrefix)
	_, err := l.store.DB().ExecContext(t.Context(), `INSERT INTO accounts (id, name) VALUES ($1, 'other')`, other)
	require.NoError(t, err)
	none := "/v1/webhooks/" + webhook.NewID(webhook.WebhookPrefix)
	for _, operation := range []struct{ method, rest, body string }{
		{http.MethodPatch, "", `{"name":"Mine"}`}, {http.MethodPatch, "", `{}`}, {http.MethodDelete, "", ""},
		{http.MethodPost, "/enable", ""}, {http.MethodPost, "/disable", ""}, {http.MethodPost, "/rotate-secret", ""},
	} {
		theirs := l.callAs(other, operation.method, l.path(operation.rest), operation.body, http.StatusNotFound)
		missing := l.callAs(other, operation.method, none+operation.rest, operation.body, http.StatusNotFound)
		require.Equal(t, missing.Code, theirs.Code)
		l.call(operation.method, "/v1/webhooks/dlv_x"+operation.rest, operation.body, http.StatusNotFound)
	}
	require.Equal(t, before, l.stored())
}

func TestDisableEnableAndDeleteWebhook(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	for range 2 {
		got := l.call(http.MethodPost, l.path("/disable"), "", http.StatusOK)
		require.False(t, got.Enabled)
		require.Equal(t, "Disabled by its owner.", got.DisabledReason)
	}
	for range 2 {
		got := l.call(http.MethodPost, l.path("/enable"), "", http.StatusOK)
		require.True(t, got.Enabled)
		require.Empty(t, got.DisabledReason)
	}
	l.call(http.MethodDelete, l.path(""), "", http.StatusNoContent)
	for method, rest := range map[string]string{http.MethodGet: "", http.MethodDelete: "", http.MethodPatch: "", http.MethodPost: "/enable"} {
		l.call(method, l.path(rest), "{}", http.StatusNotFound)
	}
}

// Whoever disables a webhook, and whether or not a process dies over it: the sweep finds it.
func TestTheSweepDiscards(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	l.call(http.MethodPost, l.path("/disable"), "", http.StatusOK)
	started := l.startedBy(l.starter)
	require.Equal(t, workflows.DiscardID(l.id), started.ID)
	require.Equal(t, workflows.DeliveryTaskQueue, started.TaskQueue)
	require.Equal(t, "discard what waits for Sync", started.StaticSummary)
}

func lifecycleSigned(t *testing.T, w webhook.Webhook, by webhook.SigningSecret) bool {
	t.Helper()
	now, body := time.Now(), []byte(`{"event":"call.ended"}`)
	signature, err := w.Sign("evt_1", now, body)
	require.NoError(t, err)
	header := http.Header{}
	header.Set("webhook-id", "evt_1")
	header.Set("webhook-signature", signature)
	header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	verifier, err := standardwebhooks.NewWebhook(string(by))
	require.NoError(t, err)
	return verifier.Verify(body, header) == nil
}

func TestRotateSecret(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	got := l.call(http.MethodPost, l.path("/rotate-secret"), "", http.StatusOK)
	rotated := webhook.SigningSecret(got.SigningSecret)
	require.NotEqual(t, l.secret, rotated)
	require.NotContains(t, got.text, string(l.secret))
	require.WithinDuration(t, time.Now().Add(24*time.Hour), *got.PreviousSigningSecretUntil, time.Minute)
	require.True(t, lifecycleSigned(t, l.stored(), rotated))
	require.True(t, lifecycleSigned(t, l.stored(), l.secret))

	for _, path := range []string{l.path(""), "/v1/webhooks"} {
		shown := l.call(http.MethodGet, path, "", http.StatusOK)
		require.NotContains(t, shown.text, string(rotated))
		require.NotContains(t, shown.text, string(l.secret))
	}
	_, err := l.store.DB().ExecContext(t.Context(), `UPDATE webhooks SET previous_signing_secret_until = now()`)
	require.NoError(t, err)
	require.True(t, lifecycleSigned(t, l.stored(), rotated))
	require.False(t, lifecycleSigned(t, l.stored(), l.secret))
	require.Nil(t, l.call(http.MethodGet, l.path(""), "", http.StatusOK).PreviousSigningSecretUntil)
}

func TestRotateToOnesOwnSecret(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	own := webhook.NewSigningSecret()
	got := l.call(http.MethodPost, l.path("/rotate-secret"), `{"secret":"`+string(own)+`"}`, http.StatusOK)
	require.Equal(t, string(own), got.SigningSecret)
	for _, body := range []string{
		`{"secret":"` + string(own) + `"}`, `{"secret":""}`, `{"secret":"whsec_c2hvcnQ="}`, `{"secret":"••••abcd"}`, `{"secret":7}`,
	} {
		got := l.call(http.MethodPost, l.path("/rotate-secret"), body, http.StatusUnprocessableEntity)
		require.Equal(t, "/secret", got.Errors[0].Pointer)
		require.NotContains(t, got.text, string(own))
	}
	require.Equal(t, own, l.stored().SigningSecret)
	require.Equal(t, l.secret, l.stored().PreviousSigningSecret)
	l.call(http.MethodPost, l.path("/rotate-secret"), `{}`, http.StatusOK)
	require.Equal(t, own, l.stored().PreviousSigningSecret)
}

// Moving to ed25519 and back needs no moment at which sender and receiver change together.
func TestRotateToAnotherAlgorithm(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	require.Equal(t, "hmac-sha256", l.call(http.MethodGet, l.path(""), "", http.StatusOK).SigningAlgorithm)
	got := l.call(http.MethodPost, l.path("/rotate-secret"), `{"signing_algorithm":"ed25519"}`, http.StatusOK)
	require.Regexp(t, `^whsk_[A-Za-z0-9+/]{86}==$`, got.SigningSecret)
	require.Equal(t, webhook.SigningSecret(got.SigningSecret).PublicKey(), got.PublicKey)
	require.Equal(t, "ed25519", got.SigningAlgorithm)
	require.NotNil(t, got.PreviousSigningSecretUntil)
	require.Equal(t, l.secret, l.stored().PreviousSigningSecret)
	require.True(t, lifecycleSigned(t, l.stored(), l.secret), "a receiver that only knows the old secret")
	for _, path := range []string{l.path(""), "/v1/webhooks"} {
		shown := l.call(http.MethodGet, path, "", http.StatusOK)
		require.Contains(t, shown.text, `"public_key":"`+got.PublicKey+`"`)
		require.NotContains(t, shown.text, "whsk_")
		require.NotContains(t, shown.text, got.SigningSecret[5:48])
	}

	again := l.call(http.MethodPost, l.path("/rotate-secret"), ``, http.StatusOK)
	require.Equal(t, "ed25519", again.SigningAlgorithm, "it stays as it is")
	require.NotEqual(t, got.PublicKey, again.PublicKey)
	back := l.call(http.MethodPost, l.path("/rotate-secret"), `{"signing_algorithm":"hmac-sha256"}`, http.StatusOK)
	require.Equal(t, "hmac-sha256", back.SigningAlgorithm)
	require.NotContains(t, back.text, "public_key")
	require.True(t, lifecycleSigned(t, l.stored(), webhook.SigningSecret(back.SigningSecret)))
	require.Equal(t, again.SigningSecret, string(l.stored().PreviousSigningSecret))
}

func TestRotateRefusesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	for body, pointers := range map[string][]string{
		`{"signing_algorithm":"rsa","secret":"hush-hush"}`:                                            {"/signing_algorithm", "/secret"},
		`{"signing_algorithm":"ed25519","secret":"` + string(webhook.NewSigningSecret()) + `","x":1}`: {"/x", "/signing_algorithm"},
	} {
		got := l.call(http.MethodPost, l.path("/rotate-secret"), body, http.StatusUnprocessableEntity)
		var wrong []string
		for _, field := range got.Errors {
			wrong = append(wrong, field.Pointer)
		}
		require.ElementsMatch(t, pointers, wrong)
		require.NotContains(t, got.text, "hush-hush")
	}
	require.Equal(t, l.secret, l.stored().SigningSecret)
}

func TestCreateWebhookThatSignsWithEd25519(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	const definition = `{"name":"Public","url":"https://8.8.8.8/hook","events":["*"],"signing_algorithm":"ed25519"}`
	created := l.call(http.MethodPost, "/v1/webhooks", definition, http.StatusCreated)
	require.Regexp(t, `^whsk_[A-Za-z0-9+/]{86}==$`, created.SigningSecret)
	require.Equal(t, webhook.SigningSecret(created.SigningSecret).PublicKey(), created.PublicKey)
	require.Equal(t, "ed25519", created.SigningAlgorithm)
	l.id = created.ID
	require.Equal(t, created.SigningSecret, string(l.stored().SigningSecret))
	got := l.call(http.MethodPatch, l.path(""), `{"signing_algorithm":"hmac-sha256"}`, http.StatusUnprocessableEntity)
	require.Equal(t, "/signing_algorithm", got.Errors[0].Pointer)
	require.Equal(t, created.SigningSecret, string(l.stored().SigningSecret))
}

// What an outage left behind shares one turn in Temporal's queues, so that what is published after it does not wait
// behind thousands.
func TestWhatIsSweptSharesATurn(t *testing.T) {
	t.Parallel()
	l := newLifecycle(t)
	l.call(http.MethodPost, "/v1/events", `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}}`, http.StatusAccepted)
	_, err := l.store.DB().ExecContext(t.Context(), `UPDATE deliveries SET sweep_at = now()`)
	require.NoError(t, err)
	another := service.NewStarter(l.store, l.temporal, webhook.DefaultSchedule(), nil, slog.New(slog.DiscardHandler))
	require.Equal(t, "backlog", l.startedBy(another).Priority.FairnessKey)
	require.Equal(t, l.id, l.startedBy(l.starter).Priority.FairnessKey, "where it was published, it is new")
}

// startedBy returns the first workflow that a starter starts.
func (l *lifecycle) startedBy(s *service.Starter) client.StartWorkflowOptions {
	l.t.Helper()
	ctx, stop := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	started := <-l.temporal.started
	stop()
	require.NoError(l.t, <-done)
	return started
}
