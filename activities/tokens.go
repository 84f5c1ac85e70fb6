package activities

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/webhook"
)

const (
	// mostTokens is how many webhooks' access tokens are held at most.
	mostTokens = 10_000
	// tokenLeeway is how long before its expiry a token is not used any more: it has to be good when the
	// request arrives, by the receiver's clock.
	tokenLeeway = 30 * time.Second
	// tokenLifetime is how long a token is held of which its endpoint doesn't say when it expires.
	tokenLifetime = time.Hour
)

// tokens gets the access tokens of webhooks whose authentication is OAuth 2.0 client credentials, and holds
// them in memory until they expire.
type tokens struct {
	endpoint tokenEndpoint
	timeout  time.Duration
	metrics  *metrics.Metrics
	flights  singleflight.Group // so that attempts which need the same token at the same time share one request

	mu   sync.Mutex
	held map[string]grant // by the webhook and its authentication, see tokenKey
}

// grant is a token, and how its endpoint wants to know who asks. Once the token is no good any more, the
// latter is still of use.
type grant struct {
	token string
	until time.Time
	style oauth2.AuthStyle
}

func (g grant) good() bool { return g.token != "" && time.Now().Before(g.until) }

// newTokens returns an empty store of tokens, which are fetched with client and have to come within timeout.
func newTokens(client *http.Client, timeout time.Duration, m *metrics.Metrics) *tokens {
	return &tokens{endpoint: tokenEndpoint{client}, timeout: timeout, metrics: m, held: make(map[string]grant)}
}

// tokenError is why there is no token: the outcome of the attempt that needed it, and the reason in plain
// words, without addresses or secrets.
type tokenError struct {
	outcome webhook.Outcome
	words   string
}

func (e *tokenError) Error() string { return e.words }

// get returns an access token for the webhook, and whether it was held already: then the receiver may have
// revoked it meanwhile. It fails with a [tokenError].
func (t *tokens) get(ctx context.Context, w webhook.Webhook) (token string, held bool, err error) {
	key := tokenKey(w)
	if g := t.find(key); g.good() {
		return g.token, true, nil
	}
	// Others may wait for the same token: it is fetched even when this attempt has come to its end.
	fetch := func() (any, error) { return t.fetch(context.WithoutCancel(ctx), key, w.Authentication) }
	select {
	case fetched := <-t.flights.DoChan(key, fetch):
		token, _ = fetched.Val.(string)
		return token, false, fetched.Err
	case <-ctx.Done():
		return "", false, explainToken(ctx, ctx.Err(), t.timeout)
	}
}

// refused forgets a token that the receiver didn't accept, unless another attempt has replaced it already.
func (t *tokens) refused(w webhook.Webhook, token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tokenKey(w)
	if g := t.held[key]; g.token == token {
		g.token = ""
		t.held[key] = g
	}
}

// fetch gets a token from its endpoint and holds it.
func (t *tokens) fetch(ctx context.Context, key string, a webhook.Authentication) (string, error) {
	g := t.find(key)
	if g.good() { // another attempt has fetched it in this moment
		return g.token, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, errAnswerTimeout)
	defer cancel()
	g, err := t.endpoint.request(ctx, a, g.style)
	t.metrics.TokenFetched(err == nil)
	if err != nil {
		return "", explainToken(ctx, err, t.timeout)
	}
	t.hold(key, g)
	return g.token, nil
}

func (t *tokens) find(key string) grant {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held[key]
}

func (t *tokens) hold(key string, g grant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.held) >= mostTokens {
		maps.DeleteFunc(t.held, func(_ string, other grant) bool { return !other.good() })
	}
	for other := range t.held {
		if len(t.held) < mostTokens {
			break
		}
		delete(t.held, other) // whichever: it can be fetched again
	}
	t.held[key] = g
}

// tokenKey is a hash of the webhook and everything that its tokens depend on, so that one that was edited
// gets another token.
func tokenKey(w webhook.Webhook) string {
	a := w.Authentication
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", append([]string{w.ID, a.TokenURL, a.ClientID, a.ClientSecret}, a.Scopes...)))
	return string(sum[:])
}

// explainToken turns the error of a token endpoint into a [tokenError].
func explainToken(ctx context.Context, err error, timeout time.Duration) error {
	var refusal *oauth2.RetrieveError
	switch {
	case errors.Is(err, errNoToken):
		return &tokenError{webhook.OutcomeConnectionError, errNoToken.Error()}
	case errors.As(err, &refusal):
		words := fmt.Sprintf("the token endpoint refused with status %d", refusal.Response.StatusCode)
		return &tokenError{webhook.OutcomeConnectionError, words + explainCode(refusal.ErrorCode)}
	default:
		outcome, words := explain(ctx, err, timeout)
		return &tokenError{outcome, "token endpoint: " + words}
	}
}

// explainCode returns the error code of a token endpoint's answer if it is one of RFC 6749, section 5.2. What
// else the answer says is not repeated: it may hold secrets.
func explainCode(code string) string {
	switch code {
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return " (" + code + ")"
	default:
		return ""
	}
}
