package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/standalone/stack"
)

// What nobody may find who has a copy of the databases, the log or the metrics. The phone number and the
// transcript are in the payload, and that is in a table of its own; an endpoint that answers with what it got
// has it in the record of its answer.
const (
	leakPhone      = "+15557772319"
	leakTranscript = "transcript-of-the-leak-test"
)

// leakSecrets are the authentications of the test by what their secrets begin with, so that a secret is found too of
// which something is masked; those that durahook makes come on top.
func leakSecrets() map[string]map[string]any {
	return map[string]map[string]any{
		"value-of-the-leak-test":         {"type": "api_key", "header": "X-Api-Key", "value": `value-of-the-leak-test"\<1>&/`},
		"password-of-the-leak-test":      {"type": "basic", "username": "user", "password": "password-of-the-leak-test"},
		"bearer-token-of-the-leak-test":  {"type": "bearer", "token": "bearer-token-of-the-leak-test/+1"},
		"hmac-secret-of-the-leak-test":   {"type": "hmac", "secret": "hmac-secret-of-the-leak-test"},
		"client-secret-of-the-leak-test": {"type": "bearer", "client_id": "client", "client_secret": "client-secret-of-the-leak-test/&1", "token_url": ""},
	}
}

const leakFetchedToken = "fetched-token-of-the-leak-test"

// TestNothingLeaks puts secrets and personal data in wherever there is a place for them, has deliveries succeed, fail,
// be retried, tested and recovered, and then looks for each of them everywhere.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	serve, a := startServe(t, infrastructure, "0s,1s", "--log-level", "debug", "--alert-window", "1s")
	echo := newEcho(t)
	var refused atomic.Bool
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused.CompareAndSwap(false, true) { // and that with all that it was sent
			text, _ := httputil.DumpRequest(r, true)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(text)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"`+leakFetchedToken+`","token_type":"Bearer","expires_in":3600}`)
	}))
	t.Cleanup(tokens.Close)

	secrets := []string{testAdminKey, testEncryptionKey, leakFetchedToken, base64.StdEncoding.EncodeToString([]byte("user:password-of-the-leak-test"))}
	var webhooks []string
	for secret, authentication := range leakSecrets() {
		if _, fetches := authentication["token_url"]; fetches {
			authentication["token_url"] = tokens.URL
		}
		made := a.leakyWebhook(echo.URL, authentication)
		secrets = append(secrets, secret)
		secrets = append(secrets, everyFormOf(t, made.SigningSecret)...)
		webhooks = append(webhooks, made.ID)
	}
	var rotated createdWebhook
	a.do(http.MethodPost, "/v1/webhooks/"+webhooks[0]+"/rotate-secret", `{"signing_algorithm":"ed25519"}`, 200, &rotated)
	var key struct{ Key string }
	a.do(http.MethodPost, "/v1/api-keys", `{"name":"Platform","scopes":["publish","read"]}`, 201, &key)
	secrets = append(append(secrets, key.Key), everyFormOf(t, rotated.SigningSecret)...)

	channel := a.alertBy(echo.URL)
	secrets = append(secrets, alertSecret)
	a.do(http.MethodPost, "/v1/alert-channels/"+channel.ID+"/test", nil, 200, nil)
	a.leakyLife(key.Key, webhooks)
	status, text := a.try(http.MethodGet, "/metrics", nil)
	require.Equal(t, 200, status)

	require.NotContains(t, serve.output.String(), "unhandled signals", "retries that were answered are no reason to warn")

	leaks := leakScan{t: t, secrets: secrets, known: webhooks[0], found: make(map[string]bool)}
	leaks.look("the log", serve.output.String())
	leaks.look("the metrics", string(text))
	for _, database := range []string{"durahook", "temporal", "temporal_visibility"} {
		leaks.dump(infrastructure, database)
	}
	require.Subset(t, leaks.found, map[string]bool{"the log": true, "temporal.history_node.data": true, "temporal_visibility.executions_visibility.search_attributes": true},
		"what may be there is found there")
	require.Equal(t, map[string]bool{"durahook.event_payloads.payload": true, "durahook.attempts.response_body": true}, leaks.personal,
		"personal data are where they have to be, and nowhere else")
}

// everyFormOf returns a signing secret as durahook shows it, in base64 alone, and as the bytes that it is.
func everyFormOf(t *testing.T, secret string) []string {
	t.Helper()
	_, encoded, _ := strings.Cut(secret, "_")
	plain, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	return []string{secret, encoded, string(plain)}
}

func (a api) leakyWebhook(target string, authentication map[string]any) (made createdWebhook) {
	a.t.Helper()
	a.do(http.MethodPost, "/v1/webhooks", map[string]any{
		"name": "Salesforce Sync", "url": target, "events": []string{"call.ended"}, "authentication": authentication,
		"filter": `data.phone_number != ""`,
	}, http.StatusCreated, &made)
	return made
}

// leakyLife is what happens to webhooks and events in the life of an account.
func (a api) leakyLife(key string, webhooks []string) {
	a.t.Helper()
	platform := a
	platform.key = key
	body := fmt.Sprintf(`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"phone_number":%q,"transcript":%q}}`, leakPhone, leakTranscript)
	var published publishedEvent
	platform.do(http.MethodPost, "/v1/events", body, 202, &published)
	require.Len(a.t, published.Deliveries, len(webhooks))
	// The echo refuses the first two requests for each of them.
	for _, d := range published.Deliveries {
		a.eventually(d.ID, "exhausted", 2)
	}
	a.do(http.MethodPost, "/v1/deliveries/"+published.Deliveries[0].ID+"/retry", nil, 202, nil)
	a.eventually(published.Deliveries[0].ID, "delivered", 3)
	a.do(http.MethodPost, "/v1/events/"+published.ID+"/republish", map[string]string{"webhook_id": webhooks[1]}, 202, nil)
	for i, id := range webhooks {
		a.do(http.MethodPost, "/v1/webhooks/"+id+"/test", `{"event":"call.ended"}`, 200, nil)
		a.do(http.MethodPost, "/v1/webhooks/"+id+"/recover", `{"since":"2025-01-01T00:00:00Z"}`, 202, nil)
		a.eventually(published.Deliveries[i].ID, "delivered", 3)
	}
	found, _ := a.try(http.MethodGet, "/v1/deliveries?q="+url.QueryEscape(leakPhone), nil)
	require.Equal(a.t, 200, found)
	// What is refused must not be told of either.
	status, text := platform.try(http.MethodPost, "/v1/events", strings.Replace(body, "2025", leakPhone, 1))
	require.Equal(a.t, 422, status)
	require.NotContains(a.t, string(text), leakPhone)
}

// newEcho is an endpoint that answers with all that it was sent, and refuses the first two attempts of a delivery.
func newEcho(t *testing.T) *httptest.Server {
	t.Helper()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		headers, err := json.Marshal(r.Header)
		if err != nil {
			return
		}
		w.Header().Set("X-Echo", r.Header.Get("Authorization")+r.Header.Get("X-Api-Key"))
		if attempt := r.Header.Get("webhook-attempt"); attempt < "3" && bytes.Contains(body, []byte(leakTranscript)) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		inPHP := strings.ReplaceAll(string(headers), "/", `\/`)
		_, _ = fmt.Fprintf(w, "%s\n%s\n%v\n%s\n%s", headers, inPHP, r.Header, url.Values(r.Header).Encode(), body)
	}))
	t.Cleanup(echo.Close)
	return echo
}

// leakScan looks for secrets, which are nowhere, and notes where there are personal data.
type leakScan struct {
	t        *testing.T
	secrets  []string
	known    string          // the ID of a webhook, which is no secret
	found    map[string]bool // where that is
	personal map[string]bool
}

func (s *leakScan) look(where, text string) {
	s.t.Helper()
	for _, secret := range s.secrets {
		if strings.Contains(text, secret) { // NotContains would tell the whole text
			require.Fail(s.t, "a secret has leaked", "%q is in %s", secret, where)
		}
	}
	if strings.Contains(text, s.known) {
		s.found[where] = true
	}
	if strings.Contains(text, leakPhone) || strings.Contains(text, leakTranscript) {
		if s.personal == nil {
			s.personal = make(map[string]bool)
		}
		s.personal[where] = true
	}
}

// dump looks through every column of every row of a database, as the bytes that it holds.
func (s *leakScan) dump(infrastructure *stack.Infrastructure, database string) {
	s.t.Helper()
	address := strings.Replace(infrastructure.DatabaseURL(), "/durahook?", "/"+database+"?", 1)
	db, err := sql.Open("postgres", address)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, db.Close()) }()
	tables := s.rows(db, `SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`, "")
	require.NotEmpty(s.t, tables, database)
	for _, table := range tables {
		s.rows(db, `SELECT * FROM `+table, database+"."+table)
	}
}

// rows returns the first column of what a query finds, and looks through all of them if it is said where they are.
func (s *leakScan) rows(db *sql.DB, query, where string) (first []string) {
	s.t.Helper()
	rows, err := db.QueryContext(s.t.Context(), query)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(s.t, err)
	for rows.Next() {
		values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(s.t, rows.Scan(into...))
		first = append(first, string(values[0]))
		for i, value := range values {
			if where != "" {
				s.look(where+"."+columns[i], string(value))
			}
		}
	}
	require.NoError(s.t, rows.Err())
	return first
}
