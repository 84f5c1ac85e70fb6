package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The server hangs up on clients that take their time, instead of keeping a connection for them.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"no request":                "",
		"headers without end":       "POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"a body without end":        "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"a chunk without end":       "POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
		"a next request at no time": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					w.WriteHeader(http.StatusBadRequest)
				}
			}))
			// The limits are shorter here, but all of them are there.
			for _, limit := range []*time.Duration{&server.ReadHeaderTimeout, &server.ReadTimeout, &server.WriteTimeout, &server.IdleTimeout} {
				require.Positive(t, *limit)
				*limit = 50 * time.Millisecond
			}
			client := serveOne(t, server)
			_, err := io.WriteString(client, sent)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, client)
			require.NoError(t, err, "the server hangs up")
		})
	}
}

func TestHeadersAreLimited(t *testing.T) {
	t.Parallel()
	client := serveOne(t, newHTTPServer(http.NotFoundHandler()))
	// What is beyond the limit may meet a connection that is closed already.
	_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 80<<10)+"\r\n\r\n")
	status := make([]byte, len("HTTP/1.1 431"))
	_, err := io.ReadFull(client, status)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 431", string(status))
}

// Answers that go on by themselves are ended when the server stops, which would wait for them.
func TestStoppingEndsWhatGoesOnByItself(t *testing.T) {
	t.Parallel()
	s, err := listen("listen", "127.0.0.1:0")
	require.NoError(t, err)
	stopping, answering := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(answering)
		<-stopping
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.run(ctx, handler, 0, func() { close(stopping) }) }()
	client, err := net.Dial("tcp", s.address())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-answering
	stop()
	require.NoError(t, <-ended)
}

// serveOne serves on a port of its own and returns a connection to it.
func serveOne(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		assert.ErrorIs(t, server.Serve(listener), http.ErrServerClosed)
	}()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		<-done
	})
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
