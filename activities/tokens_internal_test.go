package activities

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// withToken is a webhook at url whose tokens are fetched from tokenURL.
func withToken(url, tokenURL string) webhook.Webhook {
	return webhook.Webhook{
		ID: "whk_1", URL: url, SigningSecret: webhook.NewSigningSecret(),
		Authentication: webhook.Authentication{Type: webhook.AuthenticationBearer, TokenURL: tokenURL, ClientID: "c", ClientSecret: "s"},
	}
}

// issuer hands out token-1, token-2, … for an hour each.
type issuer struct{ issued atomic.Int64 }

func (i *issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":3600}`, i.issued.Add(1))
}

// RoundTrip makes an issuer a transport, for tests without a network.
func (i *issuer) RoundTrip(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	i.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

// A hundred attempts at the same moment want one token, and one more when the receiver has revoked it.
func TestTokensAreFetchedOnceForAll(t *testing.T) {
	t.Parallel()
	const attempts = 100
	issuer := new(issuer)
	tokenServer := httptest.NewServer(issuer)
	t.Cleanup(tokenServer.Close)
	var posts atomic.Int64
	var revoked atomic.Bool
	var all sync.WaitGroup // of the attempts that come with the revoked token
	all.Add(attempts)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		if revoked.Load() && r.Header.Get("Authorization") == "Bearer token-1" {
			all.Done()
			all.Wait()
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(receiver.Close)
	sender := NewSender(target.NewGuard(target.InsecureLoopback), time.Minute, "1.2.3", nil)
	sendAll := func() {
		answers := make(chan answer)
		for range attempts {
			go func() {
				answers <- sender.Send(t.Context(), Request{Webhook: withToken(receiver.URL, tokenServer.URL), Payload: []byte("{}")})
			}()
		}
		for range attempts {
			a := <-answers
			require.Equal(t, webhook.OutcomeSuccess, a.outcome, a.err)
		}
	}
	sendAll()
	require.EqualValues(t, 1, issuer.issued.Load())
	require.EqualValues(t, attempts, posts.Load())
	revoked.Store(true)
	sendAll()
	require.EqualValues(t, 2, issuer.issued.Load())
	require.EqualValues(t, 3*attempts, posts.Load())
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held := newTokens(&http.Client{Transport: new(issuer)}, time.Minute, nil)
		for _, step := range []struct {
			after time.Duration
			want  string
			held  bool
		}{
			{0, "token-1", false},
			{time.Hour - tokenLeeway - time.Second, "token-1", true},
			{time.Second, "token-2", false},
			{time.Minute, "token-2", true},
			{24 * time.Hour, "token-3", false},
		} {
			time.Sleep(step.after) //nolint:forbidigo // the bubble's clock, which jumps
			token, wasHeld, err := held.get(t.Context(), withToken("", "https://id.example.com"))
			require.NoError(t, err)
			require.Equal(t, step.want, token)
			require.Equal(t, step.held, wasHeld)
		}
	})
}

// An attempt that gives up leaves the others the token that they wait for.
func TestTokenOutlivesTheAttemptThatAskedForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := make(chan struct{})
		transport := roundTripper(func(request *http.Request) (*http.Response, error) {
			select {
			case <-answers:
				return new(issuer).RoundTrip(request)
			case <-request.Context().Done():
				return nil, request.Context().Err()
			}
		})
		held := newTokens(&http.Client{Transport: transport}, time.Minute, nil)
		w := withToken("", "https://id.example.com")
		first, giveUp := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		get := func(ctx context.Context) {
			_, _, err := held.get(ctx, w)
			errs <- err
		}
		go get(first)
		synctest.Wait()
		go get(t.Context())
		synctest.Wait()
		giveUp()
		require.Error(t, <-errs)
		close(answers)
		require.NoError(t, <-errs)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	held := newTokens(nil, time.Minute, nil)
	future := time.Now().Add(time.Hour)
	for i := range mostTokens {
		held.hold(fmt.Sprint(i), grant{token: "t", until: future})
	}
	held.held["0"] = grant{token: "t", until: time.Now()} // has expired
	held.hold("new", grant{token: "t", until: future})
	require.Len(t, held.held, mostTokens)
	require.NotContains(t, held.held, "0", "those that are no good go first")
	held.hold("newer", grant{token: "t", until: future})
	require.Len(t, held.held, mostTokens)
	require.True(t, held.find("newer").good())
}

// What is read of an answer is limited before anybody parses it.
func TestTokenTransportLimitsAnswers(t *testing.T) {
	t.Parallel()
	body := new(countingBody)
	transport := tokenTransport{roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
	}), "durahook/1"}
	response, err := transport.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Len(t, text, readToken)
	require.LessOrEqual(t, body.read, readToken)
	require.True(t, body.closed)
}

// countingBody never ends.
type countingBody struct {
	read   int
	closed bool
}

func (b *countingBody) Read(p []byte) (int, error) {
	b.read += copy(p, strings.Repeat("x", len(p)))
	return len(p), nil
}

func (b *countingBody) Close() error {
	b.closed = true
	return nil
}

// An attempt that comes late with a token which another has replaced leaves the new one.
func TestRefusedTokenThatWasReplacedAlready(t *testing.T) {
	t.Parallel()
	held := newTokens(&http.Client{Transport: new(issuer)}, time.Minute, nil)
	w := withToken("", "https://id.example.com")
	first, _, err := held.get(t.Context(), w)
	require.NoError(t, err)
	held.refused(w, first)
	second, wasHeld, err := held.get(t.Context(), w)
	require.NoError(t, err)
	require.False(t, wasHeld)
	held.refused(w, first)
	third, wasHeld, err := held.get(t.Context(), w)
	require.NoError(t, err)
	require.True(t, wasHeld)
	require.Equal(t, second, third)
	held.refused(withToken("", "https://id.other.example"), first) // nothing is held for it
	require.Len(t, held.held, 1)
}
