package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

const keysAdminKey = "the-admin-key-of-the-tests-of-keys"

// keysFixture is the API over a real database, while Temporal is down, with two accounts that are none of
// each other's business.
type keysFixture struct {
	t              *testing.T
	store          *store.Store
	router         *mux.Router
	handler        http.Handler // the router, its answers held against the OpenAPI document
	log            *bytes.Buffer
	account, rival string
}

func newKeysFixture(t *testing.T) *keysFixture {
	t.Helper()
	s, temporal := newStore(t), temporalDown(t)
	quiet := slog.New(slog.DiscardHandler)

	f := &keysFixture{t: t, store: s, router: mux.NewRouter(), log: new(bytes.Buffer)}
	api.New(service.New(service.Options{
		Store: s, Temporal: temporal, Guard: target.NewGuard(target.InsecureNone), Namespace: "default",
		Starter: service.NewStarter(s, temporal, webhook.DefaultSchedule(), nil, quiet), Log: quiet, Mail: true,
	}), keysAdminKey, slog.New(slog.NewTextHandler(f.log, nil))).Register(f.router)
	f.handler = documented(t, f.router)
	f.account, f.rival = f.newAccount("Acme Inc."), f.newAccount("Rival Ltd.")
	return f
}

// in returns the fixture for a subtest, which then fails on its own.
func (f *keysFixture) in(t *testing.T) *keysFixture {
	t.Helper()
	inner := *f
	inner.t = t
	return &inner
}

// keysAnswer is what came back.
type keysAnswer struct {
	t      *testing.T
	status int
	header http.Header
	text   string
}

// do makes a request with a key, or none. The headers come as names and values in turn.
func (f *keysFixture) do(key, method, path, body string, headers ...string) keysAnswer {
	f.t.Helper()
	request := httptest.NewRequestWithContext(f.t.Context(), method, path, strings.NewReader(body))
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, request)
	text, err := io.ReadAll(recorder.Body)
	require.NoError(f.t, err)
	return keysAnswer{t: f.t, status: recorder.Code, header: recorder.Header(), text: string(text)}
}

// as reads the JSON of an answer that has to have this status.
func (a keysAnswer) as(status int, into any) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.text)
	require.NoError(a.t, json.Unmarshal([]byte(a.text), into), a.text)
}

// refused makes sure that the answer is a problem document of this kind and returns its detail.
func (a keysAnswer) refused(status int, code string, pointers ...string) (detail string) {
	a.t.Helper()
	var problem struct {
		Detail, Code string
		Status       int
		Errors       []webhook.FieldError
	}
	a.as(status, &problem)
	require.Equal(a.t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(a.t, code, problem.Code)
	require.Equal(a.t, status, problem.Status)
	var found []string
	for _, field := range problem.Errors {
		found = append(found, field.Pointer)
	}
	require.ElementsMatch(a.t, pointers, found, a.text)
	return problem.Detail
}

// accountAnswer and apiKeyAnswer are read as a client would.
type accountAnswer struct {
	ID, Name  string
	CreatedAt string `json:"created_at"`
}

type apiKeyAnswer struct {
	ID, Name, Key, Prefix string
	Scopes                []string
	ExpiresAt             *string `json:"expires_at"`
	RevokedAt             *string `json:"revoked_at"`
	LastUsedAt            *string `json:"last_used_at"`
}

type pageAnswer[T any] struct {
	Data       []T
	NextCursor *string `json:"next_cursor"`
}

func (f *keysFixture) newAccount(name string) string {
	f.t.Helper()
	var account accountAnswer
	f.do(keysAdminKey, http.MethodPost, "/v1/accounts", `{"name":"`+name+`"}`).as(201, &account)
	return account.ID
}

// newKey has the admin make a key for an account.
func (f *keysFixture) newKey(account string, scopes ...webhook.Scope) apiKeyAnswer {
	f.t.Helper()
	body, err := json.Marshal(map[string]any{"name": "Billing service", "scopes": scopes})
	require.NoError(f.t, err)
	var key apiKeyAnswer
	f.do(keysAdminKey, http.MethodPost, "/v1/api-keys", string(body), "X-Account", account).as(201, &key)
	return key
}

func (f *keysFixture) exec(query string, args ...any) {
	f.t.Helper()
	_, err := f.store.DB().ExecContext(f.t.Context(), query, args...)
	require.NoError(f.t, err)
}

func (f *keysFixture) count(query string, args ...any) (n int) {
	f.t.Helper()
	require.NoError(f.t, f.store.DB().GetContext(f.t.Context(), &n, query, args...))
	return n
}

// dump is the text of every row of every table.
func (f *keysFixture) dump() string {
	f.t.Helper()
	var tables []string
	require.NoError(f.t, f.store.DB().SelectContext(f.t.Context(), &tables,
		`SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`))
	require.Contains(f.t, tables, "api_keys")
	var text strings.Builder
	for _, table := range tables {
		var rows []string
		require.NoError(f.t, f.store.DB().SelectContext(f.t.Context(), &rows, `SELECT row::text FROM `+table+` AS row`))
		text.WriteString(strings.Join(rows, "\n") + "\n")
	}
	return text.String()
}
