package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"time"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

// readBody is how much of an answer's body is read at all; an endpoint that sends more has answered.
const readBody = 1 << 20

// Sender makes the POSTs.
type Sender struct {
	client    *http.Client
	tokens    *tokens
	timeout   time.Duration
	userAgent string
}

// NewSender returns a sender that connects only to addresses that guard admits, gives an endpoint timeout
// to answer in full, and calls itself durahook/version. m counts the tokens that it fetches; nil for none.
func NewSender(guard *target.Guard, timeout time.Duration, version string, m *metrics.Metrics) *Sender {
	transport, userAgent := guard.Transport(), "durahook/"+version
	return &Sender{
		client:    newClient(transport),
		tokens:    newTokens(newClient(tokenTransport{transport, userAgent}), timeout, m),
		timeout:   timeout,
		userAgent: userAgent,
	}
}

// newClient returns a client that does not follow redirects.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Request is what to send where.
type Request struct {
	Webhook webhook.Webhook
	EventID string
	Event   string
	Attempt int
	Payload []byte
}

// Send makes one POST and waits for the whole answer. It never fails: how it ended is in the answer. Where the
// token of the request was an older one and the endpoint doesn't know it any more, the POST is made again with
// a new token, all within the same time limit.
func (s *Sender) Send(ctx context.Context, r Request) answer {
	startedAt := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errAnswerTimeout)
	defer cancel()
	a, stale := s.try(ctx, r)
	if stale {
		a, _ = s.try(ctx, r)
	}
	a.startedAt, a.endedAt = startedAt, time.Now()
	return a
}

var errAnswerTimeout = errors.New("no full answer in time")

// try makes the POST with the token that it needs, if it needs one. stale says that the endpoint refused a
// token which was not fetched for this attempt.
func (s *Sender) try(ctx context.Context, r Request) (a answer, stale bool) {
	if !r.Webhook.Authentication.FetchesTokens() {
		return s.exchange(ctx, r), false
	}
	token, held, err := s.tokens.get(ctx, r.Webhook)
	if err != nil {
		a.outcome, a.err = explain(ctx, err, s.timeout)
		return a, false
	}
	authorized := r
	authorized.Webhook.Authentication.Token = token
	a = s.exchange(ctx, authorized)
	if a.statusCode != http.StatusUnauthorized {
		return a, false
	}
	s.tokens.refused(r.Webhook, token)
	return a, held
}

// exchange makes the POST and reads the answer.
func (s *Sender) exchange(ctx context.Context, r Request) (a answer) {
	at := time.Now()
	request, err := s.request(ctx, r, at)
	if err != nil {
		a.outcome, a.err = explain(ctx, err, s.timeout)
		return a
	}
	watch := new(stopwatch)
	response, err := s.client.Do(request.WithContext(httptrace.WithClientTrace(ctx, watch.trace()))) //nolint:bodyclose // readAnswer closes it
	if err == nil {
		a.retryAfter = retryAfter(response, at)
		a.body, err = readAnswer(response)
		a.header, a.body = redact(r.Webhook.Authentication, response.Header, a.body)
	}
	if a.timing = watch.timing(); a.timing.FirstByteMS != nil {
		a.sent = sent(request, r.Webhook.Authentication)
	}
	if err != nil {
		a.outcome, a.err = explain(ctx, err, s.timeout)
		return a
	}
	a.statusCode = response.StatusCode
	a.outcome = webhook.OutcomeOf(response.StatusCode)
	return a
}

// request returns the signed request.
func (s *Sender) request(ctx context.Context, r Request, at time.Time) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Webhook.URL, bytes.NewReader(r.Payload))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	signature, err := r.Webhook.Sign(r.EventID, at, r.Payload)
	if err != nil {
		return nil, err
	}
	r.Webhook.Authentication.Apply(request, r.Payload)
	for name, value := range map[string]string{
		"Content-Type":          "application/json",
		"User-Agent":            s.userAgent,
		webhook.HeaderID:        r.EventID,
		webhook.HeaderTimestamp: strconv.FormatInt(at.Unix(), 10),
		webhook.HeaderSignature: signature,
		webhook.HeaderAttempt:   strconv.Itoa(r.Attempt),
		webhook.HeaderEvent:     r.Event,
	} {
		request.Header.Set(name, value)
	}
	traces.ToHeader(ctx, request.Header)
	return request, nil
}

// sent returns the headers of a request as they may be shown. There are few, and the longest values are secrets.
func sent(request *http.Request, authentication webhook.Authentication) http.Header {
	header := request.Header.Clone() // a request that timed out may still be on its way
	authentication.MaskHeaders(header)
	header.Set("Host", request.URL.Host)
	header.Set("Content-Length", strconv.FormatInt(request.ContentLength, 10))
	return header
}

// redact returns what is kept of an answer: without the secrets of the request, should the endpoint answer with
// them.
func redact(authentication webhook.Authentication, header http.Header, body []byte) (http.Header, []byte) {
	for _, values := range header {
		for i, value := range values {
			values[i] = authentication.Redact(value)
		}
	}
	body = []byte(authentication.Redact(string(body)))
	return header, body[:min(len(body), webhook.KeptBody)]
}

// readAnswer reads the body to its end, so that the connection can be used again, and returns its beginning:
// more than is kept, so that no secret is cut in two before it is found.
func readAnswer(response *http.Response) (kept []byte, err error) {
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	kept, err = io.ReadAll(io.LimitReader(response.Body, 2*webhook.KeptBody))
	if err != nil {
		return kept, err
	}
	_, err = io.CopyN(io.Discard, response.Body, readBody-int64(len(kept)))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return kept, err
}
