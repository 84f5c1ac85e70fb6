package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

const (
	// keptBody is how much of an answer's body is kept for people to see.
	keptBody = 16 << 10
	// readBody is how much of it is read at all; an endpoint that sends more has answered.
	readBody = 1 << 20
)

// Sender makes the POSTs.
type Sender struct {
	client    *http.Client
	timeout   time.Duration
	userAgent string
}

// NewSender returns a sender that connects only to addresses that guard admits, gives an endpoint timeout
// to answer in full, and calls itself durahook/version.
func NewSender(guard *target.Guard, timeout time.Duration, version string) *Sender {
	return &Sender{
		client: &http.Client{
			Transport:     guard.Transport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout:   timeout,
		userAgent: "durahook/" + version,
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

// Send makes one POST and waits for the whole answer. It never fails: how it ended is in the answer.
func (s *Sender) Send(ctx context.Context, r Request) answer {
	a := answer{startedAt: time.Now()}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errAnswerTimeout)
	defer cancel()
	response, err := s.post(ctx, r, a.startedAt) //nolint:bodyclose // readAnswer closes it
	if err == nil {
		a.header = response.Header
		a.retryAfter = retryAfter(response, a.startedAt)
		a.body, err = readAnswer(response)
	}
	a.endedAt = time.Now()
	if err != nil {
		a.outcome, a.err = explain(ctx, err, s.timeout)
		return a
	}
	a.statusCode = response.StatusCode
	a.outcome = webhook.OutcomeOf(response.StatusCode)
	return a
}

var errAnswerTimeout = errors.New("no full answer in time")

func (s *Sender) post(ctx context.Context, r Request, at time.Time) (*http.Response, error) {
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
	return s.client.Do(request)
}

// readAnswer reads the body to its end, so that the connection can be used again, and returns its
// beginning.
func readAnswer(response *http.Response) (kept []byte, err error) {
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	kept, err = io.ReadAll(io.LimitReader(response.Body, keptBody))
	if err != nil {
		return kept, err
	}
	_, err = io.CopyN(io.Discard, response.Body, readBody-keptBody)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return kept, err
}
