package cli_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/cli"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/store"
)

const (
	adminKey = "the-admin-key-of-the-tests"
	// closedPort is where neither Postgres nor Temporal listens.
	closedPort = "127.0.0.1:1"

	patience, pollEvery = time.Minute, 10 * time.Millisecond
)

// serving are the arguments of a command that serves.
func serving(command, database string, more ...string) []string {
	args := []string{
		command, "--database-url", database, "--encryption-key", encryption.NewKeyText(), "--temporal-address", closedPort,
	}
	if command != "worker" {
		args = append(args, "--admin-key", adminKey, "--listen", "127.0.0.1:0")
	}
	if command == "serve" || command == "api" {
		args = append(args, "--drain-delay", "0s")
	}
	return append(args, more...)
}

func migrated(t *testing.T) (database string) {
	t.Helper()
	database = testdb.New(t)
	status, _, stderr := run(t, "migrate", "--database-url", database)
	require.Equal(t, 0, status, stderr)
	return database
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	status, stdout, stderr := run(t, "migrate", "--database-url", database)
	require.Equal(t, 0, status, stderr)
	require.Regexp(t, `^The database is at this version now\. Migrations applied: [1-9]\d*\.\n$`, stdout)
	status, stdout, stderr = run(t, "migrate", "--database-url", database)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "The database is at this version now. Migrations applied: 0.\n", stdout)
}

// Each way of not starting is one readable line, and nothing is left running.
func TestServeDoesNotStart(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	busy := listener.Addr().String()
	ready, newer := migrated(t), migrated(t)
	s, err := store.Open(t.Context(), newer)
	require.NoError(t, err)
	_, err = s.DB().ExecContext(t.Context(), `
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true);
		UPDATE schema_support SET oldest = 99999`)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	const unreachable = "postgres://user:secret-word@" + closedPort + "/durahook?sslmode=disable"

	for name, scenario := range map[string]struct {
		args []string
		want string
	}{
		"pending migrations":     {serving("serve", testdb.New(t)), "the database has pending migrations; run: durahook migrate"},
		"worker, pending":        {serving("worker", testdb.New(t)), "the database has pending migrations; run: durahook migrate"},
		"unreachable database":   {serving("serve", unreachable), "reach the database: dial tcp " + closedPort + ": connect: connection refused"},
		"migrate, unreachable":   {[]string{"migrate", "--database-url", unreachable}, "reach the database: dial tcp " + closedPort + ": connect: connection refused"},
		"unreadable database":    {serving("serve", "postgres://127.0.0.1/d?sslmode=maybe&password=secret-word"), "the database URL cannot be read"},
		"newer database":         {serving("serve", newer), "the database is at version 99999, made by a newer durahook"},
		"migrate newer database": {[]string{"migrate", "--database-url", newer}, "the database is at version 99999, made by a newer durahook"},
		"busy port":              {serving("serve", ready, "--listen", busy), "--listen: cannot listen on " + busy + ": bind: address already in use"},
		"impossible port":        {serving("api", ready, "--listen", "127.0.0.1:99999"), "--listen: cannot listen on 127.0.0.1:99999: "},
		"busy metrics port":      {serving("worker", ready, "--metrics-listen", busy), "--metrics-listen: cannot listen on " + busy + ": bind: address already in use"},
		"another machine's":      {serving("serve", ready, "--listen", "192.0.2.1:0"), "--listen: cannot listen on 192.0.2.1:0: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := run(t, scenario.args...)
			require.Equal(t, 1, status)
			require.Empty(t, stdout)
			require.True(t, strings.HasPrefix(stderr, "durahook: "+scenario.want), stderr)
			require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			require.NotContains(t, stderr, "secret-word")
			require.NotContains(t, stderr, adminKey)
		})
	}
}

// process is a durahook that runs inside the test.
type process struct {
	mu     sync.Mutex
	log    bytes.Buffer
	ready  chan string // its address, once
	status chan int
}

var served = regexp.MustCompile(`address=(\S+)\n`)

func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found := served.FindSubmatch(text); found != nil {
		p.ready <- string(found[1])
	}
	return p.log.Write(text)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

var metricsServed = regexp.MustCompile(`metrics_listen=(\S+)\n`)

// metrics is the address of --metrics-listen.
func (p *process) metrics() string { return metricsServed.FindStringSubmatch(p.text())[1] }

func start(t *testing.T, args ...string) (p *process, stop func()) {
	t.Helper()
	p = &process{ready: make(chan string, 1), status: make(chan int, 1)}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		p.status <- cli.Main(ctx, "durahook", cli.Description, new(cli.Commands), args, io.Discard, p)
	}()
	t.Cleanup(stop)
	return p, stop
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+adminKey)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	client.CloseIdleConnections()
	return response.StatusCode, string(text)
}

// With Postgres and without Temporal, everything that can work does.
func TestServe(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "api"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			args := serving(command, migrated(t), "--allow-insecure-targets", "loopback", "--metrics-listen", "127.0.0.1:0")
			p, stop := start(t, args...)
			var url string
			select {
			case address := <-p.ready:
				url = "http://" + address
			case status := <-p.status:
				require.Fail(t, "it ended", "status %d: %s", status, p.text())
			}
			for _, scenario := range []struct {
				method, path, body string
				status             int
				want               string
			}{
				{http.MethodGet, "/healthz", "", 200, `{"status":"ok"}`},
				{http.MethodPost, "/v1/webhooks", `{"name":"Listen","url":"http://127.0.0.1:9000/","events":["*"]}`, 201, "whsec_"},
				{http.MethodPost, "/v1/events", `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}}`, 202, `"deliveries":[{`},
				{http.MethodDelete, "/v1/events", "", 405, `"code":"method_not_allowed"`},
				{http.MethodGet, "/nothing", "", 404, `"code":"not_found"`},
				{http.MethodGet, "/", "", 303, "/console"},
			} {
				status, text := request(t, scenario.method, url+scenario.path, scenario.body)
				require.Equal(t, scenario.status, status, scenario.path)
				require.Contains(t, text, scenario.want, scenario.path)
			}
			var scraped string
			require.Eventually(t, func() bool { // Temporal is tried beside the requests
				_, scraped = request(t, http.MethodGet, "http://"+p.metrics()+"/metrics", "")
				return strings.Contains(scraped, "\ntemporal_request_failure_total{")
			}, patience, pollEvery)
			for _, line := range []string{
				"durahook_events_published_total 1", "durahook_deliveries_created_total 1", "durahook_database_up 1", "durahook_starter_queue_length ",
				`durahook_http_requests_total{method="POST",route="/v1/events",status="2xx"} 1`,
				`durahook_http_requests_total{method="GET",route="/healthz",status="2xx"} 1`,
				`durahook_http_requests_total{method="GET",route="none",status="4xx"} 1`,
			} {
				require.Contains(t, scraped, "\n"+line)
			}
			for _, secret := range []string{adminKey, "127.0.0.1", "dlv_", "whk_", "evt_", "acc_"} {
				require.NotContains(t, scraped, secret)
			}
			stop()
			require.Equal(t, 0, <-p.status, p.text())
			logged := p.text()
			require.Contains(t, logged, "insecure targets are allowed: for development only", "it is loud")
			for _, secret := range []string{adminKey, args[4], args[2]} {
				require.NotContains(t, logged, secret)
			}
		})
	}
}

// Without Temporal a worker waits for it, and stops when it is asked to.
func TestWorkerWaitsForTemporal(t *testing.T) {
	t.Parallel()
	p, stop := start(t, serving("worker", migrated(t), "--log-format", "json", "--metrics-listen", "127.0.0.1:0")...)
	require.Eventually(t, func() bool { return strings.Contains(p.text(), `"msg":"the worker waits for Temporal"`) }, patience, pollEvery)
	address := regexp.MustCompile(`"metrics_listen":"([^"]+)"`).FindStringSubmatch(p.text())[1]
	status, scraped := request(t, http.MethodGet, "http://"+address+"/metrics", "")
	require.Equal(t, 200, status)
	require.Contains(t, scraped, "\ndurahook_attempts_in_flight 0")
	status, _ = request(t, http.MethodGet, "http://"+address+"/healthz", "")
	require.Equal(t, 404, status, "there is nothing else")
	stop()
	require.Equal(t, 0, <-p.status, p.text())
}
