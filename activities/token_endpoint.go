package activities

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/durahook/durahook/webhook"
)

const (
	// readToken is how much of a token endpoint's answer is read.
	readToken = 64 << 10
	// maxToken is the longest token that is sent on. Most servers take no longer headers.
	maxToken = 16 << 10
)

// errNoToken says that a token endpoint answered, but not with a token.
var errNoToken = errors.New("the token endpoint answered without a usable token")

// tokenEndpoint asks token endpoints for access tokens: RFC 6749, section 4.4.
type tokenEndpoint struct {
	client *http.Client // its transport is a tokenTransport
}

// request asks for a token. style is how the endpoint wants to be told who asks, if that is known; else both
// ways are tried, first the one that each server has to know.
func (e tokenEndpoint) request(ctx context.Context, a webhook.Authentication, style oauth2.AuthStyle) (grant, error) {
	if style != oauth2.AuthStyleAutoDetect {
		return e.requestIn(ctx, a, style)
	}
	g, err := e.requestIn(ctx, a, oauth2.AuthStyleInHeader)
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) && (refusal.Response.StatusCode == http.StatusBadRequest || refusal.Response.StatusCode == http.StatusUnauthorized) {
		return e.requestIn(ctx, a, oauth2.AuthStyleInParams)
	}
	return g, err
}

func (e tokenEndpoint) requestIn(ctx context.Context, a webhook.Authentication, style oauth2.AuthStyle) (grant, error) {
	config := clientcredentials.Config{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret, TokenURL: a.TokenURL, Scopes: a.Scopes, AuthStyle: style,
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, e.client))
	if err != nil {
		return grant{}, tellApart(err)
	}
	if len(token.AccessToken) > maxToken || !httpguts.ValidHeaderFieldValue(token.AccessToken) {
		return grant{}, errNoToken
	}
	until := time.Now().Add(tokenLifetime)
	if !token.Expiry.IsZero() {
		until = token.Expiry.Add(-tokenLeeway)
	}
	return grant{token: token.AccessToken, until: until, style: style}, nil
}

// tellApart returns the error of a request that got no answer, or a refusal, as it is. For all else, also for
// a refusal that calls itself a success, it returns errNoToken.
func tellApart(err error) error {
	var connection *url.Error
	var refusal *oauth2.RetrieveError
	switch {
	case errors.As(err, &connection):
		return err
	case errors.As(err, &refusal) && refusal.Response.StatusCode/100 != 2:
		return err
	default:
		return errNoToken
	}
}

// tokenTransport makes the requests to token endpoints. It reads the whole answer, so that a connection which
// breaks in the middle of it is told as what it is, but no more than readToken.
type tokenTransport struct {
	http.RoundTripper
	userAgent string
}

func (t tokenTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", t.userAgent)
	request.Header.Set("Accept", "application/json")
	response, err := t.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, readToken))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
