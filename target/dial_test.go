package target_test

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
)

// endpoint is an HTTP server that counts the connections that reach it.
type endpoint struct {
	*httptest.Server
	connections atomic.Int64
}

func newEndpoint(t *testing.T, host string, secure bool) *endpoint {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	e := &endpoint{Server: httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}))}
	require.NoError(t, e.Listener.Close())
	e.Listener = listener
	e.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	e.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			e.connections.Add(1)
		}
	}
	if secure {
		e.StartTLS()
	} else {
		e.Start()
	}
	t.Cleanup(e.Close)
	return e
}

// get requests url through the guard's transport and returns the status of the answer.
func get(t *testing.T, guard *target.Guard, url string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := guard.Transport().RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// What is refused is refused before anything is sent: the addresses are never connected to.
func TestTransportBlocks(t *testing.T) {
	t.Parallel()
	for _, insecure := range []target.Insecure{target.InsecureNone, target.InsecureLoopback} {
		for _, scheme := range []string{"https", "http"} {
			for host, address := range addresses {
				if refusal(insecure, scheme, address) == "" {
					continue // would connect
				}
				t.Run(string(insecure)+" "+scheme+" "+host, func(t *testing.T) {
					t.Parallel()
					_, err := get(t, target.NewGuard(insecure), scheme+"://"+host+":9/")
					require.ErrorIs(t, err, target.ErrBlocked)
				})
			}
		}
	}
}

func TestTransportConnectsToLoopbackOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost"} {
		for _, secure := range []bool{false, true} {
			for insecure, allowed := range map[target.Insecure]bool{
				target.InsecureNone: false, target.InsecureLoopback: true, target.InsecureAll: true,
			} {
				t.Run(fmt.Sprint(host, " ", secure, " ", insecure), func(t *testing.T) {
					t.Parallel()
					e := newEndpoint(t, host, secure)
					at, err := url.Parse(e.URL)
					require.NoError(t, err)
					at.Host = net.JoinHostPort(host, at.Port())
					status, err := get(t, target.NewGuard(insecure), at.String())
					switch {
					case !allowed:
						require.ErrorIs(t, err, target.ErrBlocked)
						require.Zero(t, e.connections.Load())
					case secure: // connected, but certificates are checked in every mode
						var untrusted *tls.CertificateVerificationError
						require.ErrorAs(t, err, &untrusted)
						require.NotZero(t, e.connections.Load())
					default:
						require.NoError(t, err)
						require.Equal(t, http.StatusTeapot, status)
					}
				})
			}
		}
	}
}

// A connection that was admitted for one scheme is not used for the other.
func TestTransportKeepsSchemesApart(t *testing.T) {
	t.Parallel()
	transport := target.NewGuard(target.InsecureLoopback).Transport()
	e := newEndpoint(t, "127.0.0.1", false)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, e.URL, nil)
	request.RequestURI = ""
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	request.URL.Scheme = "https"
	_, err = transport.RoundTrip(request) //nolint:bodyclose // there is none
	require.Error(t, err)
	require.EqualValues(t, 2, e.connections.Load())
}

// A proxy would resolve the name itself, behind the guard's back. (net/http never asks one for loopback
// addresses, so that the request is for another.)
func TestTransportIgnoresProxies(t *testing.T) {
	proxy := newEndpoint(t, "127.0.0.1", false)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	for _, address := range []string{"http://192.0.2.1/", "https://192.0.2.1/"} {
		_, err := get(t, target.NewGuard(target.InsecureLoopback), address)
		require.ErrorIs(t, err, target.ErrBlocked)
	}
	require.Zero(t, proxy.connections.Load())
}

func TestTransportLeavesAnswersAsTheyAre(t *testing.T) {
	t.Parallel()
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte("not gzip"))
	}))
	t.Cleanup(server.Close)
	status, err := get(t, target.NewGuard(target.InsecureLoopback), server.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, header, "Accept-Encoding")
}
