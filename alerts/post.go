package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// mostAnswer is how much of an answer is read, for the connection to be used again.
const mostAnswer = 64 << 10

// post sends JSON to an address, which is a secret.
func (s *Sender) post(ctx context.Context, address string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return &Refused{words: "the address is not a URL", Permanent: true}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "durahook")
	response, err := s.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, mostAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return judge(response)
}

// withoutURL takes the address away, which package net/http puts in front of its errors.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// judge says whether an answer means that the alert was taken.
func judge(response *http.Response) error {
	code := response.StatusCode
	const successes = 2
	if code/100 == successes {
		return nil
	}
	refused := &Refused{words: fmt.Sprintf("the service answered %d", code)}
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		refused.words += ": the address or key is not good there, or no longer; give the alert channel a new one"
		refused.Permanent = true
	default:
		refused.Permanent = code < http.StatusInternalServerError
	}
	if !refused.Permanent {
		refused.RetryAfter = retryAfter(response.Header)
	}
	return refused
}

// retryAfter returns what the header of that name asks for in seconds, at most an hour.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(header.Get("Retry-After"), 64)
	if err != nil || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, time.Hour.Seconds()) * float64(time.Second))
}
