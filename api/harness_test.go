package api_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/openapitest"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const (
	adminKey = "the-admin-key-of-the-tests"
	// endpoint is a public address, so that no name has to be resolved. Nothing is ever sent to it.
	endpoint = "https://8.8.8.8/webhooks"
	// closedPort is where no Temporal listens.
	closedPort = "127.0.0.1:1"
)

// fixture is the API over a real database, while Temporal is down.
type fixture struct {
	t       *testing.T
	store   *store.Store
	server  *httptest.Server
	account string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureWithRate(t, service.DefaultPublishRate)
}

// newFixtureWithRate returns a fixture in which each API key may publish so many events a second.
func newFixtureWithRate(t *testing.T, publishRate int) *fixture {
	t.Helper()
	s := newStore(t)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	temporal := temporalDown(t)

	router := mux.NewRouter()
	api.New(service.New(service.Options{
		Store: s, Temporal: temporal, Guard: target.NewGuard(target.InsecureNone), Namespace: "default",
		Starter: service.NewStarter(s, temporal, webhook.DefaultSchedule(), nil, quiet), UIURL: "http://127.0.0.1:8233",
		PublishRate: publishRate,
	}), adminKey, quiet).Register(router)
	f := &fixture{t: t, store: s, server: httptest.NewServer(documented(t, router)), account: account}
	t.Cleanup(f.server.Close)
	return f
}

// document returns the OpenAPI document of the API, read once for all tests.
var document = sync.OnceValues(func() (*openapitest.Document, error) {
	return openapitest.New(context.Background(), api.OpenAPI())
})

// documented returns a handler that fails the test when an answer is not as the OpenAPI document says.
func documented(t *testing.T, next http.Handler) http.Handler {
	t.Helper()
	d, err := document()
	require.NoError(t, err)
	return d.Handler(next, func(err error) { assert.NoError(t, err, "not as api/openapi.yaml says") })
}

// newStore returns a store on an empty, migrated database.
func newStore(t *testing.T) *store.Store {
	t.Helper()
	key, err := encryption.ParseKey(encryption.NewKeyText())
	require.NoError(t, err)
	s, err := store.Open(t.Context(), testdb.New(t), key)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = migrations.Up(t.Context(), s.DB().DB)
	require.NoError(t, err)
	return s
}

// temporalDown returns a client of a Temporal that cannot be reached.
func temporalDown(t *testing.T) client.Client {
	t.Helper()
	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	temporal, err := client.NewLazyClient(client.Options{HostPort: closedPort, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	return temporal
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	text   string
}

// send makes a request. The headers come as names and values in turn.
func (f *fixture) send(method, path, body string, headers ...string) answer {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), method, f.server.URL+path, strings.NewReader(body))
	require.NoError(f.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := f.server.Client().Do(request)
	require.NoError(f.t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	require.NoError(f.t, response.Body.Close())
	return answer{t: f.t, status: response.StatusCode, header: response.Header, text: string(text)}
}

// call makes a request with the admin key.
func (f *fixture) call(method, path, body string, headers ...string) answer {
	f.t.Helper()
	return f.send(method, path, body, append([]string{"Authorization", "Bearer " + adminKey}, headers...)...)
}

func (f *fixture) get(path string) answer {
	f.t.Helper()
	return f.call(http.MethodGet, path, "")
}

// decode makes sure of the status and reads the JSON of an answer.
func decode[T any](a answer, status int) (value T) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.text)
	require.Equal(a.t, "application/json", a.header.Get("Content-Type"))
	require.Equal(a.t, "no-store", a.header.Get("Cache-Control"))
	require.NoError(a.t, json.Unmarshal([]byte(a.text), &value), a.text)
	return value
}

// problem is the document that every refused request gets.
type problem struct {
	Type, Title, Detail, Instance, Code string
	Status                              int
	Errors                              []webhook.FieldError
}

// requireProblem makes sure that a request was refused in the form of RFC 9457, with exactly these fields,
// each with a detail that contains the given words.
func requireProblem(a answer, status int, code string, fields map[string]string) problem {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.text)
	require.Equal(a.t, "application/problem+json", a.header.Get("Content-Type"))
	var p problem
	require.NoError(a.t, json.Unmarshal([]byte(a.text), &p), a.text)
	require.Equal(a.t, status, p.Status)
	require.Equal(a.t, http.StatusText(status), p.Title)
	require.Equal(a.t, "about:blank", p.Type)
	require.Equal(a.t, code, p.Code)
	require.NotEmpty(a.t, p.Detail)
	var pointers []string
	for _, field := range p.Errors {
		pointers = append(pointers, field.Pointer)
		require.Contains(a.t, field.Detail, fields[field.Pointer], field.Pointer)
	}
	require.ElementsMatch(a.t, slices.Collect(maps.Keys(fields)), pointers, a.text)
	return p
}

// rows counts everything that is stored.
func (f *fixture) rows() (n int) {
	f.t.Helper()
	require.NoError(f.t, f.store.DB().GetContext(f.t.Context(), &n, `
		SELECT (SELECT count(*) FROM accounts) + (SELECT count(*) FROM webhooks) + (SELECT count(*) FROM events)
			+ (SELECT count(*) FROM event_payloads) + (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM attempts)`))
	return n
}

func (f *fixture) exec(query string, args ...any) {
	f.t.Helper()
	_, err := f.store.DB().ExecContext(f.t.Context(), query, args...)
	require.NoError(f.t, err)
}

func (f *fixture) newAccount() string {
	f.t.Helper()
	id := webhook.NewID(webhook.AccountPrefix)
	f.exec(`INSERT INTO accounts (id, name) VALUES ($1, $1)`, id)
	return id
}

// webhookAnswer, eventAnswer and deliveryAnswer are read as a client would.
type webhookAnswer struct {
	ID, Name, URL  string
	Events         []string
	Authentication map[string]string
	SigningSecret  string `json:"signing_secret"`
	Enabled        bool
}

type eventAnswer struct {
	ID, Event, Timestamp string
	Deliveries           []struct {
		ID        string `json:"id"`
		WebhookID string `json:"webhook_id"`
	}
}

type list struct {
	Data       []map[string]any
	NextCursor *string `json:"next_cursor"`
}

func (f *fixture) newWebhook(account string) webhookAnswer {
	f.t.Helper()
	body := `{"name":"Sync","url":"` + endpoint + `","events":["call.ended"]}`
	return decode[webhookAnswer](f.call(http.MethodPost, "/v1/webhooks", body, "X-Account", account), 201)
}

const event = `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"phone_number":"+15551234567"}}`

func (f *fixture) publish(account string) eventAnswer {
	f.t.Helper()
	return decode[eventAnswer](f.call(http.MethodPost, "/v1/events", event, "X-Account", account), 202)
}

// count returns the number that a query finds.
func (f *fixture) count(query string, args ...any) (n int) {
	f.t.Helper()
	require.NoError(f.t, f.store.DB().GetContext(f.t.Context(), &n, query, args...))
	return n
}
