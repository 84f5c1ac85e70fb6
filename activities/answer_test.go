package activities_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

func TestTheFirst16KiBAreKept(t *testing.T) {
	t.Parallel()
	const kept = 16 << 10
	for _, size := range []int{0, 1, kept - 1, kept, kept + 1, 1 << 20, 1<<20 + 1, 3 << 20} {
		body := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
		result, made := send(t, newFakeStore(t, e.URL, webhook.Authentication{}), target.InsecureLoopback, time.Minute)
		require.Equal(t, webhook.OutcomeSuccess, result.Outcome)
		require.True(t, bytes.Equal(body[:min(size, kept)], made.ResponseBody), "%d bytes", size)
	}
}

// An endpoint that never stops talking has answered; it is hung up on.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	hungUp := make(chan struct{})
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(hungUp)
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
				return
			}
		}
	})
	result, made := send(t, newFakeStore(t, e.URL, webhook.Authentication{}), target.InsecureLoopback, time.Minute)
	require.Equal(t, webhook.OutcomeSuccess, result.Outcome)
	require.Len(t, made.ResponseBody, 16<<10)
	<-hungUp
}

// A small answer that unpacks to gigabytes is none of durahook's business.
func TestCompressedAnswersAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, err := writer.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	_, made := send(t, newFakeStore(t, e.URL, webhook.Authentication{}), target.InsecureLoopback, time.Minute)
	require.Equal(t, packed.Bytes(), made.ResponseBody)
	require.Equal(t, []string{"gzip"}, made.ResponseHeaders["Content-Encoding"])
}

// The answer may hold personal data: it is recorded, and goes nowhere else.
func TestTheAnswerIsKeptOutOfHistoryAndLog(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Header", "personal-header")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("personal-body"))
	})
	s := newFakeStore(t, e.URL+"/secret-path", webhook.Authentication{Type: "bearer", Token: "secret-token"})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	value, err := h.ExecuteActivity(h.acts.Attempt, scheduled(s.prepared.Delivery.ID, 1))
	require.NoError(t, err)
	var text map[string]any
	require.NoError(t, value.Get(&text))
	require.ElementsMatch(t, []string{"number", "outcome", "status_code", "response_time_ms", "status", "next_gap"}, keys(text))
	require.Equal(t, "personal-body", string(s.recordings[0].attempt.ResponseBody))
	require.Equal(t, []string{"personal-header"}, s.recordings[0].attempt.ResponseHeaders["X-Header"])

	logged := h.log.String()
	for _, want := range []string{s.prepared.Delivery.ID, "server_error", "status_code=500", "status=waiting"} {
		require.Contains(t, logged, want)
	}
	for _, secret := range []string{"personal", "secret", "+15551234567", "127.0.0.1"} {
		require.NotContains(t, logged, secret)
	}
	require.Equal(t, 1, strings.Count(logged, "\n"), "one line an attempt")
}

// Some endpoints answer with what they were sent: that leaves no secret in the record.
func TestSecretsInTheAnswerAreNotKept(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(strings.Repeat(" ", 16<<10-20)))
		_, _ = w.Write([]byte(r.Header.Get("Authorization")))
	}
	e := newEndpoint(t, echo)
	s := newFakeStore(t, e.URL, webhook.Authentication{Type: "bearer", Token: "secret-token"})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	_, err := h.ExecuteActivity(h.acts.Attempt, scheduled(s.prepared.Delivery.ID, 1))
	require.NoError(t, err)
	made := s.recordings[0].attempt
	require.Equal(t, []string{"Bearer ••••"}, made.ResponseHeaders["X-Echo"])
	require.LessOrEqual(t, len(made.ResponseBody), 16<<10)
	require.NotContains(t, string(made.ResponseBody), "secret")
	require.Contains(t, string(made.ResponseBody), "Bearer ••••")
}

func keys(m map[string]any) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	inAnHour := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for name, scenario := range map[string]struct {
		code           int
		header         string
		gap            time.Duration // of the schedule
		least, longest time.Duration
	}{
		"seconds":                 {503, "120", time.Minute, 2 * time.Minute, 2 * time.Minute},
		"too many requests":       {429, "120", time.Minute, 2 * time.Minute, 2 * time.Minute},
		"date":                    {503, inAnHour, time.Minute, 59 * time.Minute, time.Hour},
		"never shortens":          {503, "1", time.Minute, time.Minute, time.Minute},
		"zero":                    {503, "0", time.Minute, time.Minute, time.Minute},
		"negative":                {503, "-120", time.Minute, time.Minute, time.Minute},
		"past date":               {503, "Sun, 06 Nov 1994 08:49:37 GMT", time.Minute, time.Minute, time.Minute},
		"never past 12 h":         {503, "86400", time.Minute, 12 * time.Hour, 12 * time.Hour},
		"huge":                    {503, "99999999999", time.Minute, 12 * time.Hour, 12 * time.Hour},
		"beyond 64 bits":          {503, "99999999999999999999", time.Minute, 12 * time.Hour, 12 * time.Hour},
		"negative beyond":         {503, "-99999999999999999999", time.Minute, time.Minute, time.Minute},
		"far date":                {503, "Fri, 31 Dec 9999 23:59:59 GMT", time.Minute, 12 * time.Hour, 12 * time.Hour},
		"longest gap as it is":    {503, "86400", 12 * time.Hour, 12 * time.Hour, 12 * time.Hour},
		"nonsense":                {503, "soon", time.Minute, time.Minute, time.Minute},
		"fraction":                {503, "120.5", time.Minute, time.Minute, time.Minute},
		"empty":                   {503, "", time.Minute, time.Minute, time.Minute},
		"of another server error": {500, "120", time.Minute, time.Minute, time.Minute},
		"of another client error": {404, "120", time.Minute, time.Minute, time.Minute},
		"of a redirect":           {301, "120", time.Minute, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", scenario.header)
				w.WriteHeader(scenario.code)
			})
			s := newFakeStore(t, e.URL, webhook.Authentication{})
			h := newHarness(s, target.InsecureLoopback, time.Minute)
			request := scheduled(s.prepared.Delivery.ID, 1)
			request.NextGap = &scenario.gap
			result, err := h.attempt(request)
			require.NoError(t, err)
			require.Equal(t, webhook.StatusWaiting, result.Status)
			require.GreaterOrEqual(t, *result.NextGap, scenario.least)
			require.LessOrEqual(t, *result.NextGap, scenario.longest)
			made := s.recordings[0]
			require.Equal(t, made.attempt.EndedAt.Add(*result.NextGap), *made.nextAttemptAt)

			// After the last attempt there is nothing to lengthen.
			request.NextGap = nil
			result, err = h.attempt(request)
			require.NoError(t, err)
			require.Equal(t, webhook.StatusExhausted, result.Status)
			require.Nil(t, result.NextGap)
			require.Nil(t, s.recordings[1].nextAttemptAt)
		})
	}
}
