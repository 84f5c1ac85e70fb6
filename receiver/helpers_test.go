package receiver_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

const (
	payload = `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"call_id":"call_abc123"}}`
	secret  = webhook.SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	other   = webhook.SigningSecret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
	// The key of test 1 in RFC 8032.
	private = webhook.SigningSecret("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==")
	public  = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
)

// sign makes a request as durahook sends it.
func sign(t *testing.T, with webhook.SigningSecret, at time.Time, body string) *http.Request {
	t.Helper()
	const id = "evt_01h455vb4pex5vsknk084sn02q"
	signature, err := with.Sign(id, at, []byte(body))
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks", strings.NewReader(body))
	request.Header.Set(webhook.HeaderID, id)
	request.Header.Set(webhook.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	request.Header.Set(webhook.HeaderSignature, signature)
	request.Header.Set(webhook.HeaderEvent, "call.ended")
	request.Header.Set(webhook.HeaderAttempt, "2")
	return request
}

// signBoth makes a request as durahook sends it while one secret replaces another.
func signBoth(t *testing.T, with, replaced webhook.SigningSecret, at time.Time) *http.Request {
	t.Helper()
	old := sign(t, replaced, at, payload).Header.Get(webhook.HeaderSignature)
	return edit(sign(t, with, at, payload), func(r *http.Request) {
		r.Header.Set(webhook.HeaderSignature, r.Header.Get(webhook.HeaderSignature)+" "+old)
	})
}

func edit(request *http.Request, change func(*http.Request)) *http.Request {
	change(request)
	return request
}

// pipe is a writer whose every Write can be received.
type pipe chan string

func (p pipe) Write(text []byte) (int, error) {
	p <- string(text)
	return len(text), nil
}

// signalingBody says when it was read to its end.
type signalingBody struct {
	io.ReadCloser
	atEnd func()
}

func (b *signalingBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if errors.Is(err, io.EOF) {
		b.atEnd()
	}
	return n, err
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }
