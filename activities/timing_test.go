package activities_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// The first attempt looks up, connects and waits; the next finds the connection there.
func TestTimingOfAnAttempt(t *testing.T) {
	t.Parallel()
	const pause = 30 * time.Millisecond
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(pause)
		w.WriteHeader(http.StatusInternalServerError)
	})
	s := newFakeStore(t, strings.Replace(e.URL, "127.0.0.1", "localhost", 1), webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	for sequence := range 2 {
		_, err := h.attempt(scheduled(s.prepared.Delivery.ID, sequence+1))
		require.NoError(t, err)
	}
	first, second := s.recordings[0].attempt, s.recordings[1].attempt
	require.False(t, first.Timing.Reused)
	require.NotNil(t, first.Timing.DNSMS)
	require.NotNil(t, first.Timing.ConnectMS)
	require.Nil(t, first.Timing.TLSMS, "there is none")
	require.GreaterOrEqual(t, *first.Timing.FirstByteMS, int(pause.Milliseconds()))
	require.LessOrEqual(t, *first.Timing.DNSMS+*first.Timing.ConnectMS+*first.Timing.FirstByteMS, first.ResponseTimeMS)

	require.True(t, second.Timing.Reused)
	require.Nil(t, second.Timing.DNSMS)
	require.Nil(t, second.Timing.ConnectMS)
	require.GreaterOrEqual(t, *second.Timing.FirstByteMS, int(pause.Milliseconds()))
}

func TestTimingOfTLS(t *testing.T) {
	t.Parallel()
	e := httptest.NewTLSServer(status(200))
	t.Cleanup(e.Close)
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	result, made := send(t, s, target.InsecureLoopback, time.Minute)
	require.Equal(t, webhook.OutcomeConnectionError, result.Outcome, "nobody knows who signed the certificate")
	require.NotNil(t, made.Timing.ConnectMS)
	require.NotNil(t, made.Timing.TLSMS)
	require.Nil(t, made.Timing.FirstByteMS)
	require.Nil(t, made.RequestHeaders, "nothing was sent")
}

// Where the time ran out is seen, and what went before.
func TestTimingOfWhatFails(t *testing.T) {
	t.Parallel()
	never := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	const patience = 40 * time.Millisecond
	_, made := send(t, newFakeStore(t, never.URL, webhook.Authentication{}), target.InsecureLoopback, patience)
	require.Equal(t, webhook.OutcomeTimeout, made.Outcome)
	require.Nil(t, made.Timing.DNSMS, "an address needs none")
	require.NotNil(t, made.Timing.ConnectMS)
	require.Positive(t, *made.Timing.FirstByteMS)
	require.Equal(t, "call.ended", http.Header(made.RequestHeaders).Get("Webhook-Event"))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	_, made = send(t, newFakeStore(t, url, webhook.Authentication{}), target.InsecureLoopback, time.Minute)
	require.NotNil(t, made.Timing.ConnectMS)
	require.Nil(t, made.Timing.FirstByteMS)
	require.Nil(t, made.RequestHeaders)
}
