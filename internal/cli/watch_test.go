package cli_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/cli"
)

// scripted is a server that gives one answer after the other, and the last one for ever.
func scripted(t *testing.T, bodies ...string) remote {
	t.Helper()
	var mu sync.Mutex
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		body := bodies[min(next, len(bodies)-1)]
		next++
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if body == away {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, err := io.WriteString(w, body)
		assert.NoError(t, err)
	}))
	t.Cleanup(server.Close)
	return remote{t, server.URL}
}

const away = `{"status":503,"code":"unavailable","detail":"Back soon."}`

func watched(status string, attempts ...string) string {
	return fmt.Sprintf(`{"id":"dlv_1","status":%q,"attempts":[%s]}`, status, strings.Join(attempts, ","))
}

const (
	first  = `{"number":1,"trigger":"schedule","outcome":"server_error","status_code":503,"response_time_ms":84,"error":null,"response_body":"try\nlater","timing":{"dns_ms":2,"connect_ms":9,"tls_ms":21,"first_byte_ms":51,"connection_reused":false},"lane":"fast","lane_reason":null,"started_at":"2026-11-24T14:30:00Z"}`
	second = `{"number":2,"trigger":"manual","outcome":"success","status_code":200,"response_time_ms":7,"error":null,"response_body":"","timing":{"dns_ms":null,"connect_ms":null,"tls_ms":null,"first_byte_ms":7,"connection_reused":true},"lane":"queued","lane_reason":"it is a retry","started_at":"2026-11-24T14:31:00Z"}`
	third  = `{"number":2,"trigger":"manual","outcome":"timeout","status_code":null,"response_time_ms":30000,"error":"no answer","response_body":"","started_at":"2026-11-24T14:31:00Z"}`
)

// Each attempt is shown once, an outage is waited for, and the exit status says how it ended.
func TestWatch(t *testing.T) {
	t.Parallel()
	r := scripted(t, watched("pending"), watched("waiting", first), away, away, watched("waiting", first), watched("delivered", first, second))
	status, stdout, stderr := r.run("deliveries", "watch", "dlv_1", "--interval=1ms")
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "Back soon.\n  Asking again until it answers.\n", stderr)
	require.Equal(t, lines(
		"ATTEMPT  STARTED              TRIGGER   OUTCOME       CODE  TIME   OF WHICH                                 LANE  ANSWER",
		"1        <time>  schedule  server_error  503   84 ms  DNS 2, connect 9, TLS 21, first byte 51  fast  try",
		"2        <time>  manual    success       200   7 ms   reused, first byte 7                     queued, since it is a retry",
	), masked(stdout))

	r = scripted(t, watched("exhausted", first, third))
	status, stdout, stderr = r.run("deliveries", "watch", "dlv_1", "-o", "json")
	require.Equal(t, 1, status)
	require.Equal(t, lines(first, third), stdout)
	require.Equal(t, "durahook: the delivery is exhausted\n", stderr)

	r = scripted(t, away)
	require.Equal(t, "durahook: Back soon.\n", r.fails("deliveries", "watch", "dlv_1"), "nothing was seen yet")
	require.Contains(t, r.fails("deliveries", "watch", "dlv_1", "--status=waiting"), "not both")
	require.Contains(t, r.fails("deliveries", "watch", "--interval=0s"), "--interval: 0s is not more than nothing")
}

// New deliveries are shown once each, the oldest first.
func TestFollow(t *testing.T) {
	t.Parallel()
	delivery := func(n int) string {
		return fmt.Sprintf(`{"id":"dlv_%d","event":"call.ended","webhook_name":"Sync","status":"pending","created_at":%q}`,
			n, time.Now().UTC().Format(time.RFC3339Nano))
	}
	page := func(deliveries ...string) string {
		return fmt.Sprintf(`{"data":[%s],"next_cursor":null}`, strings.Join(deliveries, ","))
	}
	old, one, two, three := delivery(0), delivery(1), delivery(2), delivery(3)
	for _, output := range []string{"table", "json"} {
		r := scripted(t, page(old), page(two, one, old), page(two, one, old), page(three, two, one, old))
		ctx, stop := context.WithCancel(t.Context())
		out := make(pipe)
		ended := make(chan error, 1)
		command := &cli.DeliveriesWatch{Interval: time.Millisecond}
		command.Server, command.APIKey, command.Output = r.server, "k", output
		go func() { ended <- command.Run(&cli.Env{Ctx: ctx, Stdout: out, Stderr: io.Discard}) }()
		if output == "table" {
			text := <-out
			require.Less(t, strings.Index(text, "dlv_1"), strings.Index(text, "dlv_2"), text)
			require.Contains(t, text, "CREATED")
			require.NotContains(t, text, "dlv_0", "it was there before")
			text = <-out
			require.Contains(t, text, "dlv_3")
			require.NotContains(t, text, "dlv_1")
		} else {
			require.Equal(t, one+"\n", <-out)
			require.Equal(t, two+"\n", <-out)
			require.Equal(t, three+"\n", <-out)
		}
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}

// Ctrl-C ends it without a word.
func TestWatchEndsWithCtrlC(t *testing.T) {
	t.Parallel()
	r := scripted(t, watched("waiting", first))
	child := exec.CommandContext(t.Context(), os.Args[0], "deliveries", "watch", "dlv_1", "--server", r.server, "--api-key=k")
	child.Env = append(os.Environ(), mainEnv+"=1")
	var stderr strings.Builder
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = stdout.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, child.Process.Signal(syscall.SIGINT))
	var exit *exec.ExitError
	require.ErrorAs(t, child.Wait(), &exit)
	require.Equal(t, 130, exit.ExitCode())
	require.Empty(t, stderr.String())
}
