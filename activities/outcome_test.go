package activities_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
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

func TestOutcomeOfAFullAnswer(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]webhook.Outcome{
		200: webhook.OutcomeSuccess, 201: webhook.OutcomeSuccess, 204: webhook.OutcomeSuccess, 299: webhook.OutcomeSuccess,
		300: webhook.OutcomeClientError, 304: webhook.OutcomeClientError, 400: webhook.OutcomeClientError,
		401: webhook.OutcomeClientError, 404: webhook.OutcomeClientError, 429: webhook.OutcomeClientError, 499: webhook.OutcomeClientError,
		500: webhook.OutcomeServerError, 502: webhook.OutcomeServerError, 503: webhook.OutcomeServerError, 599: webhook.OutcomeServerError,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, status(code))
			result, made := send(t, newFakeStore(t, e.URL, webhook.Authentication{}), target.InsecureLoopback, time.Minute)
			require.Equal(t, want, result.Outcome)
			require.Equal(t, code, *result.StatusCode)
			require.Empty(t, result.Error)
			require.Nil(t, made.Error)
			require.Equal(t, 1, result.Number)
			if want == webhook.OutcomeSuccess {
				require.Equal(t, webhook.StatusDelivered, result.Status)
				require.Nil(t, result.NextGap)
			} else {
				require.Equal(t, webhook.StatusWaiting, result.Status)
				require.Equal(t, gap, *result.NextGap)
			}
			require.Len(t, e.received(), 1)
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, code := range []int{301, 302, 303, 307, 308} {
		elsewhere := newEndpoint(t, status(200))
		e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) })
		result, made := send(t, newFakeStore(t, e.URL, webhook.Authentication{Type: "bearer", Token: "t"}), target.InsecureLoopback, time.Minute)
		require.Equal(t, webhook.OutcomeClientError, result.Outcome)
		require.Equal(t, code, *result.StatusCode)
		require.Equal(t, []string{elsewhere.URL}, made.ResponseHeaders["Location"])
		require.Empty(t, elsewhere.received())
	}
}

func TestInterimAnswersAreNotTheAnswer(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNoContent)
	})
	result, _ := send(t, newFakeStore(t, e.URL, webhook.Authentication{}), target.InsecureLoopback, time.Minute)
	require.Equal(t, 204, *result.StatusCode)
}

// What went wrong is told in words, which hold neither the address nor anything secret.
func TestOutcomeWithoutAFullAnswer(t *testing.T) {
	t.Parallel()
	const (
		short       = 200 * time.Millisecond
		timeoutText = "no full answer within 200ms"
	)
	secrets := []string{"secret-path", "secret-query", "secret-token", "127.0.0.1", "localhost", "http://", "https://", "+15551234567"}
	for name, scenario := range map[string]struct {
		url     string
		outcome webhook.Outcome
		words   string
		timeout time.Duration
	}{
		"no answer":            {newEndpoint(t, stall).URL, webhook.OutcomeTimeout, timeoutText, short},
		"head, but no body":    {newEndpoint(t, stallInBody).URL, webhook.OutcomeTimeout, timeoutText, short},
		"body that never ends": {newEndpoint(t, trickle).URL, webhook.OutcomeTimeout, timeoutText, short},
		"refused":              {"http://" + closedPort(t), webhook.OutcomeConnectionError, "the connection was refused: nothing listens there", time.Minute},
		"unknown authority":    {newTLS(t, "").URL, webhook.OutcomeConnectionError, "the TLS certificate is signed by an unknown authority", time.Minute},
		"another host's":       {strings.Replace(newTLS(t, "").URL, "127.0.0.1", "localhost", 1), webhook.OutcomeConnectionError, "the TLS certificate is for another host name", time.Minute},
		"no TLS":               {strings.Replace(newEndpoint(t, status(200)).URL, "http:", "https:", 1), webhook.OutcomeConnectionError, "the endpoint does not speak TLS", time.Minute},
		"no TLS and no HTTP":   {"https://" + raw(t, "220 mail.example.com ESMTP\r\n"), webhook.OutcomeConnectionError, "the endpoint does not speak TLS", time.Minute},
		"TLS handshake":        {newTLS(t, "nothing in common").URL, webhook.OutcomeConnectionError, "the TLS handshake failed", time.Minute},
		"closed at once":       {"http://" + raw(t, ""), webhook.OutcomeConnectionError, "the endpoint closed the connection before a full answer", time.Minute},
		"closed in the head":   {"http://" + raw(t, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"), webhook.OutcomeConnectionError, "the endpoint closed the connection before a full answer", time.Minute},
		"closed in the body":   {"http://" + raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), webhook.OutcomeConnectionError, "the endpoint closed the connection before a full answer", time.Minute},
		"closed in a chunk":    {"http://" + raw(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf"), webhook.OutcomeConnectionError, "the endpoint closed the connection before a full answer", time.Minute},
		"no HTTP":              {"http://" + raw(t, "220 mail.example.com ESMTP\r\n"), webhook.OutcomeConnectionError, "the connection failed", time.Minute},
		"endless head":         {"http://" + raw(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 100<<10)), webhook.OutcomeConnectionError, "the connection failed", time.Minute},
		"blocked":              {"http://192.0.2.1", webhook.OutcomeBlocked, "the address is not a public one", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFakeStore(t, scenario.url+"/secret-path?secret-query", webhook.Authentication{Type: "bearer", Token: "secret-token"})
			result, made := send(t, s, target.InsecureLoopback, scenario.timeout)
			require.Equal(t, scenario.outcome, result.Outcome)
			require.Equal(t, scenario.words, result.Error)
			require.Equal(t, scenario.words, *made.Error)
			require.Nil(t, result.StatusCode)
			require.Equal(t, webhook.StatusWaiting, result.Status)
			require.Equal(t, gap, *result.NextGap)
			if scenario.outcome == webhook.OutcomeTimeout {
				require.GreaterOrEqual(t, result.ResponseTimeMS, int(short.Milliseconds()))
			}
			text, err := json.Marshal(result)
			require.NoError(t, err)
			for _, secret := range secrets {
				require.NotContains(t, string(text), secret)
			}
		})
	}
}

func stall(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func stallInBody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "100")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// trickle sends a byte now and then, so that no single read takes long.
func trickle(w http.ResponseWriter, r *http.Request) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// newTLS returns a server with a certificate that nobody trusts, and when a protocol is given, one that speaks
// only that.
func newTLS(t *testing.T, protocol string) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(status(http.StatusOK))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if protocol != "" {
		server.TLS = &tls.Config{NextProtos: []string{protocol}, MinVersion: tls.VersionTLS12}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// closedPort returns an address where nothing listens, and nothing can until the test is over: it is taken by the
// near end of a connection.
func closedPort(t *testing.T) string {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", raw(t, ""))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	return connection.LocalAddr().String()
}

// raw returns the address of a server that answers every request with this text and closes the connection.
func raw(t *testing.T, text string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = conn.Read(make([]byte, 64<<10)) // else the close would be a reset
				_, _ = conn.Write([]byte(text))
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}
