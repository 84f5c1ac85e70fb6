package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
)

const (
	testAdminKey      = "test-admin-key-0123456789"
	testEncryptionKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	patience          = time.Minute
	pollInterval      = 20 * time.Millisecond
)

// asProgram makes the test binary behave as the program, so that tests can run and kill it as a process.
const asProgram = "DURAHOOK_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a process of ours.
type program struct {
	*exec.Cmd
	output *syncBuffer
}

// start runs the program with these arguments until the end of the test.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return startIn(t, os.TempDir(), args...)
}

// startIn is start with a directory for temporary files.
func startIn(t *testing.T, temporary string, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return startProgram(t, self, temporary, args...)
}

// startProgram is startIn with a program, which may be of another version.
func startProgram(t *testing.T, path, temporary string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(path, args...), output: new(syncBuffer)}
	p.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+temporary)
	p.Stdout, p.Stderr = p.output, p.output
	require.NoError(t, p.Start())
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("output of %v:\n%s", args, p.output)
		}
	})
	return p
}

// kill ends the process as kill -9 does.
func (p *program) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// syncBuffer is a buffer that a process writes while a test reads.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(text)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// dataDir is an empty directory that Postgres may enter when it runs as another user.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "durahook-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// api is a client of the API that fails the test on everything unexpected.
type api struct {
	t       *testing.T
	url     string
	key     string
	account string
	repeats string // Idempotency-Key
}

// withKey returns a client whose requests may be sent again.
func (a api) withKey(key string) api {
	a.repeats = key
	return a
}

func (a api) do(method, path string, body any, status int, into any) {
	a.t.Helper()
	got, text := a.try(method, path, body)
	require.Equal(a.t, status, got, "%s %s: %s", method, path, text)
	if into != nil {
		require.NoError(a.t, json.Unmarshal(text, into))
	}
}

// try returns status 0 when the request did not get through.
func (a api) try(method, path string, body any) (int, []byte) {
	a.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = bytes.NewReader([]byte(b))
	default:
		text, err := json.Marshal(b)
		require.NoError(a.t, err)
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(a.t.Context()), method, a.url+path, reader)
	require.NoError(a.t, err)
	request.Header.Set("Authorization", "Bearer "+a.key)
	if a.account != "" {
		request.Header.Set("X-Account", a.account)
	}
	if a.repeats != "" {
		request.Header.Set("Idempotency-Key", a.repeats)
	}
	client := &http.Client{Timeout: 20 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { require.NoError(a.t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	return response.StatusCode, text
}

type createdWebhook struct {
	ID            string `json:"id"`
	SigningSecret string `json:"signing_secret"`
}

func (a api) createWebhook(url string) createdWebhook {
	a.t.Helper()
	var w createdWebhook
	a.do(http.MethodPost, "/v1/webhooks", map[string]any{"name": "Salesforce Sync", "url": url, "events": []string{"call.ended"}},
		http.StatusCreated, &w)
	return w
}

const callEnded = `{
  "event": "call.ended",
  "timestamp": "2025-02-02T14:30:00Z",
  "data": {"call_id": "call_abc123", "phone_number": "+15551234567", "status":  "answered"}
}`

type publishedEvent struct {
	ID         string `json:"id"`
	Deliveries []struct {
		ID string `json:"id"`
	} `json:"deliveries"`
}

// publish publishes call.ended and returns the event and its only delivery.
func (a api) publish() (eventID, deliveryID string) {
	a.t.Helper()
	var event publishedEvent
	a.do(http.MethodPost, "/v1/events", callEnded, http.StatusAccepted, &event)
	require.Len(a.t, event.Deliveries, 1)
	return event.ID, event.Deliveries[0].ID
}

type deliveryDetails struct {
	Status        string     `json:"status"`
	AttemptCount  int        `json:"attempt_count"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
	WorkflowURL   string     `json:"workflow_url"`
	Attempts      []struct {
		Number       int       `json:"number"`
		Trigger      string    `json:"trigger"`
		Outcome      string    `json:"outcome"`
		StatusCode   *int      `json:"status_code"`
		Error        *string   `json:"error"`
		ResponseBody string    `json:"response_body"`
		StartedAt    time.Time `json:"started_at"`
	} `json:"attempts"`
}

func (a api) delivery(id string) (d deliveryDetails) {
	a.t.Helper()
	a.do(http.MethodGet, "/v1/deliveries/"+id, nil, http.StatusOK, &d)
	return d
}

// eventually waits until the delivery has the status and so many attempts.
func (a api) eventually(id, status string, attempts int) deliveryDetails {
	a.t.Helper()
	var d deliveryDetails
	require.Eventually(a.t, func() bool {
		d = a.delivery(id)
		return d.Status == status && d.AttemptCount == attempts
	}, patience, pollInterval, "delivery %s should be %s after %d attempts; last seen: %+v", id, status, attempts, &d)
	return d
}

// endpoint is a receiver whose answers a test decides on.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
	answer   func(number int, w http.ResponseWriter)
}

type received struct {
	header http.Header
	body   []byte
}

func newEndpoint(t *testing.T, answer func(number int, w http.ResponseWriter)) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		e.mu.Lock()
		e.requests = append(e.requests, received{header: r.Header.Clone(), body: body})
		number := len(e.requests)
		e.mu.Unlock()
		e.answer(number, w)
	}))
	t.Cleanup(e.Close)
	return e
}

// answering returns an answer function that gives these status codes in turn; the last one repeats.
func answering(codes ...int) func(int, http.ResponseWriter) {
	return func(number int, w http.ResponseWriter) {
		w.WriteHeader(codes[min(number, len(codes))-1])
		_, _ = io.WriteString(w, "answer "+strconv.Itoa(number))
	}
}

func (e *endpoint) received() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]received(nil), e.requests...)
}

func (e *endpoint) eventually(t *testing.T, requests int) []received {
	t.Helper()
	require.Eventually(t, func() bool { return len(e.received()) >= requests }, patience, pollInterval)
	return e.received()
}

// verify checks a request with the published Standard Webhooks library.
func verify(t *testing.T, secret string, r received) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify(r.body, r.header))
}
