package activities_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// tokenServer is a token endpoint that hands out token-secret-1, token-secret-2, ….
type tokenServer struct {
	*endpoint
	issued    atomic.Int64
	expiresIn string // as JSON
}

// setAnswer has the endpoint answer otherwise from now on.
func (e *endpoint) setAnswer(answer http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

func newTokenServer(t *testing.T) *tokenServer {
	t.Helper()
	s := &tokenServer{expiresIn: "3600"}
	s.endpoint = newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { s.issue(w) })
	return s
}

func (s *tokenServer) issue(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	fmt.Fprintf(w, `{"access_token":"token-secret-%d","token_type":"Bearer","expires_in":%s}`, s.issued.Add(1), s.expiresIn)
}

func (s *tokenServer) authentication() webhook.Authentication {
	return webhook.Authentication{
		Type: "bearer", TokenURL: s.URL + "/oauth/token?tenant=query-secret", ClientID: "durahook client", ClientSecret: "client+secret/1",
		Scopes: []string{"webhooks.write", "webhooks.read"},
	}
}

// bearers are the Authorization headers of the requests that an endpoint got.
func (e *endpoint) bearers() []string {
	var all []string
	for _, request := range e.received() {
		all = append(all, request.header.Get("Authorization"))
	}
	return all
}

// accepting returns an answer that is 204 for these tokens and 401 for all others.
func accepting(tokens ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(tokens, r.Header.Get("Authorization")) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// attemptTwice makes an attempt and one more, and returns the second one's outcome.
func attemptTwice(t *testing.T, h *harness) webhook.AttemptResult {
	t.Helper()
	_, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	result, err := h.attempt(scheduled("dlv_1", 2))
	require.NoError(t, err)
	return result
}

func TestTokenRequest(t *testing.T) {
	t.Parallel()
	server, e := newTokenServer(t), newEndpoint(t, status(200))
	_, _ = send(t, newFakeStore(t, e.URL, server.authentication()), target.InsecureLoopback, time.Minute)
	require.Equal(t, []string{"Bearer token-secret-1"}, e.bearers())

	require.Len(t, server.received(), 1)
	got := server.received()[0]
	require.Equal(t, http.MethodPost, got.method)
	form, err := url.ParseQuery(string(got.body))
	require.NoError(t, err)
	require.Equal(t, url.Values{"grant_type": {"client_credentials"}, "scope": {"webhooks.write webhooks.read"}}, form)
	request := &http.Request{Header: got.header}
	user, password, ok := request.BasicAuth()
	require.True(t, ok)
	require.Equal(t, []string{"durahook+client", "client%2Bsecret%2F1"}, []string{user, password}, "encoded as RFC 6749, section 2.3.1, says")
	require.Equal(t, "durahook/1.2.3", got.header.Get("User-Agent"))
	require.Equal(t, "application/json", got.header.Get("Accept"))
}

// Some servers want the client in the form. That is found out once.
func TestTokenRequestWithTheClientInTheForm(t *testing.T) {
	t.Parallel()
	server, e := newTokenServer(t), newEndpoint(t, status(401))
	server.setAnswer(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		server.issue(w)
	})
	h := newHarness(newFakeStore(t, e.URL, server.authentication()), target.InsecureLoopback, time.Minute)
	attemptTwice(t, h)
	require.Equal(t, []string{"Bearer token-secret-1", "Bearer token-secret-2"}, e.bearers())
	require.Len(t, server.received(), 3, "two for the first token, one for the second")
	form, err := url.ParseQuery(string(server.received()[2].body))
	require.NoError(t, err)
	require.Equal(t, []string{"durahook client", "client+secret/1"}, []string{form.Get("client_id"), form.Get("client_secret")})
}

func TestTokensAreHeldUntilTheyExpire(t *testing.T) {
	t.Parallel()
	for expiresIn, held := range map[string]bool{
		"3600": true, `"3600"`: true, "0": true, "null": true, "99999999999": true,
		"20": false, "1": false, "-5": false, // within the leeway, or over
	} {
		t.Run(expiresIn, func(t *testing.T) {
			t.Parallel()
			server, e := newTokenServer(t), newEndpoint(t, status(200))
			server.expiresIn = expiresIn
			attemptTwice(t, newHarness(newFakeStore(t, e.URL, server.authentication()), target.InsecureLoopback, time.Minute))
			if held {
				require.Equal(t, []string{"Bearer token-secret-1", "Bearer token-secret-1"}, e.bearers())
			} else {
				require.Equal(t, []string{"Bearer token-secret-1", "Bearer token-secret-2"}, e.bearers())
			}
		})
	}
}

// A token that the receiver doesn't know any more is replaced within the attempt, and the POST made again.
func TestRevokedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	server := newTokenServer(t)
	e := newEndpoint(t, accepting("Bearer token-secret-1"))
	s := newFakeStore(t, e.URL, server.authentication())
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	result, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	require.Equal(t, 204, *result.StatusCode)

	e.setAnswer(accepting("Bearer token-secret-2"))
	result, err = h.attempt(scheduled("dlv_1", 2))
	require.NoError(t, err)
	require.Equal(t, 204, *result.StatusCode)
	require.Equal(t, []string{"Bearer token-secret-1", "Bearer token-secret-1", "Bearer token-secret-2"}, e.bearers())
	require.Len(t, server.received(), 2)
	require.Len(t, s.recordings, 2, "it is one attempt")
	requests := e.received()
	require.Equal(t, requests[1].body, requests[2].body)
	for _, name := range []string{"webhook-id", "webhook-attempt"} {
		require.Equal(t, requests[1].header.Get(name), requests[2].header.Get(name))
	}
}

// A receiver that refuses a new token too has answered.
func TestRefusedTokenIsNotReplacedAgain(t *testing.T) {
	t.Parallel()
	server, e := newTokenServer(t), newEndpoint(t, accepting("Bearer token-secret-1"))
	s := newFakeStore(t, e.URL, server.authentication())
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	_, err := h.attempt(scheduled("dlv_1", 1))
	require.NoError(t, err)
	e.setAnswer(accepting())
	for sequence, want := range []int{3, 4, 5} { // POSTs so far
		result, err := h.attempt(scheduled("dlv_1", sequence+2))
		require.NoError(t, err)
		require.Equal(t, webhook.OutcomeClientError, result.Outcome)
		require.Equal(t, 401, *result.StatusCode)
		require.Len(t, e.received(), want)
		require.Len(t, server.received(), want-1)
	}
	require.Equal(t, []string{"1", "1", "2", "3", "4"}, numbers(e.bearers()), "a new token that was refused is not used again")
	require.Len(t, s.recordings, 4)
}

func numbers(bearers []string) []string {
	var all []string
	for _, bearer := range bearers {
		all = append(all, strings.TrimPrefix(bearer, "Bearer token-secret-"))
	}
	return all
}

// Only 401 says that a token is no good, and only fetched ones can be replaced.
func TestOtherRefusalsReplaceNoToken(t *testing.T) {
	t.Parallel()
	server := newTokenServer(t)
	for code, authentication := range map[int]webhook.Authentication{
		403: server.authentication(), 407: server.authentication(), 500: server.authentication(), 401: {Type: "bearer", Token: "token-secret-1"},
	} {
		e := newEndpoint(t, status(code))
		attemptTwice(t, newHarness(newFakeStore(t, e.URL, authentication), target.InsecureLoopback, time.Minute))
		require.Equal(t, []string{"Bearer token-secret-1", "Bearer token-secret-1"}, e.bearers())
		server.issued.Store(0)
	}
}

// Whatever is edited, the next attempt gets a token for it. Other webhooks have tokens of their own.
func TestEditedAuthenticationGetsAnotherToken(t *testing.T) {
	t.Parallel()
	server, another := newTokenServer(t), newTokenServer(t)
	for name, edit := range map[string]func(*webhook.Webhook){
		"token_url":     func(w *webhook.Webhook) { w.Authentication.TokenURL = another.URL },
		"client_id":     func(w *webhook.Webhook) { w.Authentication.ClientID += "2" },
		"client_secret": func(w *webhook.Webhook) { w.Authentication.ClientSecret += "2" },
		"scopes":        func(w *webhook.Webhook) { w.Authentication.Scopes = []string{"webhooks.write"} },
		"two in one":    func(w *webhook.Webhook) { w.Authentication.Scopes = []string{"webhooks.write webhooks.read"} },
		"webhook":       func(w *webhook.Webhook) { w.ID = webhook.NewID(webhook.WebhookPrefix) },
	} {
		e := newEndpoint(t, status(200))
		s := newFakeStore(t, e.URL, server.authentication())
		h := newHarness(s, target.InsecureLoopback, time.Minute)
		attemptTwice(t, h)
		before := len(server.received()) + len(another.received())
		edit(&s.prepared.Webhook)
		attemptTwice(t, h)
		require.Equal(t, before+1, len(server.received())+len(another.received()), name)
		s.prepared.Webhook.Authentication = webhook.Authentication{Type: "bearer", Token: "fixed"}
		attemptTwice(t, h)
		require.Equal(t, []string{"Bearer fixed", "Bearer fixed"}, e.bearers()[4:])
		require.Equal(t, before+1, len(server.received())+len(another.received()), name)
	}
}

// A token endpoint that fails is how the attempt ended, in words without anything secret.
func TestOutcomeWithoutAToken(t *testing.T) {
	t.Parallel()
	const (
		short   = 300 * time.Millisecond
		noToken = "the token endpoint answered without a usable token"
		none    = webhook.OutcomeConnectionError
	)
	answer := func(code int, contentType, body string) string {
		return newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}).URL
	}
	elsewhere := newTokenServer(t)
	redirect := func(code int) string {
		return newEndpoint(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) }).URL
	}
	const inJSON, inForm = "application/json", "application/x-www-form-urlencoded"
	long := strings.Repeat("x", 64<<10)
	for name, scenario := range map[string]struct {
		url     string
		outcome webhook.Outcome
		words   string
		timeout time.Duration
	}{
		"refused":             {answer(401, inJSON, `{"error":"invalid_client","error_description":"answer-secret"}`), none, "the token endpoint refused with status 401 (invalid_client)", time.Minute},
		"refused in a form":   {answer(400, inForm, "error=invalid_scope&x=answer-secret"), none, "the token endpoint refused with status 400 (invalid_scope)", time.Minute},
		"code of its own":     {answer(400, inJSON, `{"error":"answer-secret"}`), none, "the token endpoint refused with status 400", time.Minute},
		"not found":           {answer(404, "text/html", "<p>answer-secret"), none, "the token endpoint refused with status 404", time.Minute},
		"gone":                {answer(410, inJSON, "{}"), none, "the token endpoint refused with status 410", time.Minute},
		"failed":              {answer(500, "text/plain", "%answer-secret"), none, "the token endpoint refused with status 500", time.Minute},
		"failed at length":    {answer(503, "text/plain", long+long), none, "the token endpoint refused with status 503", time.Minute},
		"refused with 200":    {answer(200, inJSON, `{"error":"invalid_client","access_token":"answer-secret"}`), none, noToken, time.Minute},
		"empty":               {answer(200, inJSON, ""), none, noToken, time.Minute},
		"no token":            {answer(200, inJSON, `{"token":"answer-secret"}`), none, noToken, time.Minute},
		"empty token":         {answer(200, inJSON, `{"access_token":""}`), none, noToken, time.Minute},
		"token is a number":   {answer(200, inJSON, `{"access_token":1}`), none, noToken, time.Minute},
		"garbage":             {answer(200, inJSON, "answer-secret\x00\xff"), none, noToken, time.Minute},
		"HTML":                {answer(200, "text/html", "<p>answer-secret"), none, noToken, time.Minute},
		"garbage in a form":   {answer(200, inForm, "access_token=%answer-secret"), none, noToken, time.Minute},
		"token of two lines":  {answer(200, inJSON, `{"access_token":"answer-secret\r\nX-A: b"}`), none, noToken, time.Minute},
		"long token":          {answer(200, inJSON, `{"access_token":"`+long[:17<<10]+`"}`), none, noToken, time.Minute},
		"huge":                {answer(200, inJSON, `{"x":"`+long+`","access_token":"answer-secret"}`), none, noToken, time.Minute},
		"endless":             {newEndpoint(t, flood).URL, none, noToken, time.Minute},
		"nothing listens":     {"http://" + closedPort(t), none, "token endpoint: the connection was refused: nothing listens there", time.Minute},
		"closed at once":      {"http://" + raw(t, ""), none, "token endpoint: the endpoint closed the connection before a full answer", time.Minute},
		"closed in the body":  {"http://" + raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), none, "token endpoint: the endpoint closed the connection before a full answer", time.Minute},
		"unknown authority":   {newTLS(t, "").URL, none, "token endpoint: the TLS certificate is signed by an unknown authority", time.Minute},
		"blocked":             {"http://192.0.2.1", webhook.OutcomeBlocked, "token endpoint: the address is not a public one", time.Minute},
		"no answer":           {newEndpoint(t, stall).URL, webhook.OutcomeTimeout, "token endpoint: no full answer within 300ms", short},
		"head, but no body":   {newEndpoint(t, stallInBody).URL, webhook.OutcomeTimeout, "token endpoint: no full answer within 300ms", short},
		"body that drips":     {newEndpoint(t, trickle).URL, webhook.OutcomeTimeout, "token endpoint: no full answer within 300ms", short},
		"redirect of a POST":  {redirect(307), none, "the token endpoint refused with status 307", time.Minute},
		"redirect to another": {redirect(302), none, "the token endpoint refused with status 302", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, status(200))
			authentication := elsewhere.authentication()
			authentication.TokenURL = scenario.url + "/path-secret?query-secret"
			s := newFakeStore(t, e.URL, authentication)
			h := newHarness(s, target.InsecureLoopback, scenario.timeout)
			result, err := h.attempt(scheduled("dlv_1", 1))
			require.NoError(t, err)
			require.Equal(t, scenario.outcome, result.Outcome)
			require.Equal(t, scenario.words, result.Error)
			require.Nil(t, result.StatusCode)
			require.Equal(t, webhook.StatusWaiting, result.Status, "the schedule goes on")
			require.Len(t, s.recordings, 1)
			requireNoSecrets(t, h, result, s.recordings[0].attempt)
			require.Empty(t, e.received())
			require.Empty(t, elsewhere.received())
		})
	}
}

// requireNoSecrets makes sure that nothing secret stands in what is left of an attempt.
func requireNoSecrets(t *testing.T, h *harness, result webhook.AttemptResult, attempt webhook.Attempt) {
	t.Helper()
	attempt.RequestHeaders = maps.Clone(attempt.RequestHeaders)
	delete(attempt.RequestHeaders, "Host") // that of the webhook's URL, which is for who may see the attempt
	text, err := json.Marshal([]any{result, attempt})
	require.NoError(t, err)
	for _, secret := range []string{"client+secret", "client%2Bsecret", "token-secret", "answer-secret", "query-secret", "path-secret", "127.0.0.1", "+15551234567"} {
		require.NotContains(t, string(text), secret)
		require.NotContains(t, h.log.String(), secret)
	}
	require.NotEmpty(t, h.log.String())
}

// flood sends more than anybody wants to read.
func flood(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat(" ", 64<<10))
	for range 1024 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestNothingSecretIsLeftOfAnAttemptWithAToken(t *testing.T) {
	t.Parallel()
	server, e := newTokenServer(t), newEndpoint(t, accepting("Bearer token-secret-1"))
	s := newFakeStore(t, e.URL, server.authentication())
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	require.Equal(t, webhook.OutcomeSuccess, attemptTwice(t, h).Outcome)
	e.setAnswer(accepting())
	result := attemptTwice(t, h)
	require.Equal(t, webhook.OutcomeClientError, result.Outcome)
	for _, made := range s.recordings {
		requireNoSecrets(t, h, result, made.attempt)
	}
}

// The name of a token endpoint may have had a public address when the webhook was saved: what counts is the
// address that is connected to.
func TestTokenEndpointIsCheckedWhenItIsConnectedTo(t *testing.T) {
	t.Parallel()
	server := newTokenServer(t)
	for _, url := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		authentication := server.authentication()
		authentication.TokenURL = strings.Replace(url, "http:", "https:", 1)
		result, _ := send(t, newFakeStore(t, "https://192.0.2.1/", authentication), target.InsecureNone, time.Minute)
		require.Equal(t, webhook.OutcomeBlocked, result.Outcome)
		require.Equal(t, "token endpoint: the address is not a public one", result.Error)
	}
	require.Empty(t, server.received())
}
