package temporalserver

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/internal/testdb"
)

const (
	patience  = 2 * time.Minute
	taskQueue = "test"
)

// options are for a server with databases of its own.
func options(t *testing.T) Options {
	t.Helper()
	opts, err := optionsOn(testdb.New(t), testdb.New(t))
	require.NoError(t, err)
	opts.Logger = slog.New(&unexpected{Handler: slog.NewTextHandler(io.Discard, nil), t: t}) //nolint:sloglint // DiscardHandler is not enabled
	opts.Progress = func(what string) { t.Log(what) }
	return opts
}

// optionsOn are for a server on two databases of one Postgres.
func optionsOn(main, visibility string) (Options, error) {
	m, mainErr := url.Parse(main)
	v, visibilityErr := url.Parse(visibility)
	if err := errors.Join(mainErr, visibilityErr); err != nil {
		return Options{}, err
	}
	password, _ := m.User.Password()
	return Options{
		PostgresAddr:       m.Host,
		User:               m.User.Username(),
		Password:           password,
		Database:           strings.TrimPrefix(m.Path, "/"),
		VisibilityDatabase: strings.TrimPrefix(v.Path, "/"),
		Listen:             "127.0.0.1:0",
		UIListen:           "127.0.0.1:0",
		Namespace:          "default",
		Retention:          24 * time.Hour,
		SearchAttributes:   map[string]enums.IndexedValueType{"Colour": enums.INDEXED_VALUE_TYPE_KEYWORD},
	}, nil
}

// databaseURL is what options was made of.
func databaseURL(opts Options, database string) string {
	return "postgres://" + opts.User + ":" + opts.Password + "@" + opts.PostgresAddr + "/" + database + "?sslmode=disable"
}

// unexpected fails the test for everything that is logged: a server on which nothing goes wrong
// has nothing to say.
type unexpected struct {
	slog.Handler
	t     *testing.T
	attrs []slog.Attr
}

func (u *unexpected) Handle(_ context.Context, r slog.Record) error {
	text := r.Level.String() + " " + r.Message
	for _, a := range u.attrs {
		text += " " + a.String()
	}
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	u.t.Error("unexpected log: ", text)
	return nil
}

func (u *unexpected) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &unexpected{Handler: u.Handler, t: u.t, attrs: append(append([]slog.Attr{}, u.attrs...), attrs...)}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func run(t *testing.T, opts Options) *Server {
	t.Helper()
	began := time.Now()
	s, err := Start(within(t), opts)
	require.NoError(t, err)
	t.Logf("started in %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	began := time.Now()
	require.NoError(t, s.Stop(within(t)))
	t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
	require.NoError(t, s.Err())
	for _, addr := range []string{s.Addr(), s.UIAddr()} {
		_, err := net.Dial("tcp", addr)
		require.Error(t, err, "nothing listens on %s any more", addr)
	}
}

func dial(t *testing.T, s *Server) client.Client {
	t.Helper()
	c, err := client.DialContext(within(t), client.Options{
		HostPort: s.Addr(),
		Logger:   sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func work(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, taskQueue, worker.Options{})
	w.RegisterWorkflow(paint)
	require.NoError(t, w.Start())
	return w
}

var colour = temporal.NewSearchAttributeKeyKeyword("Colour")

// paint says what it has painted after a while; it also sets a search attribute while it runs.
func paint(ctx workflow.Context, in string, dries time.Duration) (string, error) {
	if err := workflow.UpsertTypedSearchAttributes(ctx, colour.ValueSet(in)); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, dries); err != nil {
		return "", err
	}
	return in + " paint", nil
}

func startPaint(t *testing.T, c client.Client, id, in string, dries time.Duration) client.WorkflowRun {
	t.Helper()
	// One attempt, no retries: Start promised that it works.
	started, err := c.ExecuteWorkflow(within(t), client.StartWorkflowOptions{ID: id, TaskQueue: taskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(colour.ValueSet("none"))}, paint, in, dries)
	require.NoError(t, err)
	return started
}

func TestStartStopAndStartAgain(t *testing.T) {
	t.Parallel()
	opts := options(t)
	first := run(t, opts)
	c := dial(t, first)
	w := work(t, c)
	var painted string
	require.NoError(t, startPaint(t, c, "done", "red", 0).Get(within(t), &painted))
	require.Equal(t, "red paint", painted)
	require.Positive(t, first.core.services.history.taken.Load(), "calls between the services don't go over the network")
	drying := startPaint(t, c, "drying", "green", 4*time.Second)
	require.Eventually(t, func() bool { return found(t, c, "Colour = 'red'") == "done" }, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool { return found(t, c, "Colour = 'green'") == "drying" }, patience, 50*time.Millisecond)
	checkUI(t, first)
	w.Stop()
	c.Close()
	stop(t, first)

	opts.Retention = 48 * time.Hour
	opts.SearchAttributes["Size"] = enums.INDEXED_VALUE_TYPE_INT
	opts.Progress = func(what string) { require.Equal(t, "starting Temporal", what) }
	second := run(t, opts)
	require.NotEqual(t, first.Addr(), second.Addr())
	c = dial(t, second)
	w = work(t, c)
	defer w.Stop()
	require.NoError(t, c.GetWorkflow(within(t), "done", "").Get(within(t), &painted))
	require.Equal(t, "red paint", painted)
	require.NoError(t, c.GetWorkflow(within(t), "drying", drying.GetRunID()).Get(within(t), &painted))
	require.Equal(t, "green paint", painted)
	require.Equal(t, "done", found(t, c, "Colour = 'red' AND Size IS NULL"))
	namespace, err := c.WorkflowService().DescribeNamespace(within(t),
		&workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	require.Equal(t, 48*time.Hour, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
}

// found returns the IDs of the workflows that match, sorted by nothing but usually being one.
func found(t *testing.T, c client.Client, query string) string {
	t.Helper()
	list, err := c.ListWorkflow(within(t), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
	require.NoError(t, err)
	var ids []string
	for _, execution := range list.GetExecutions() {
		ids = append(ids, execution.GetExecution().GetWorkflowId())
	}
	return strings.Join(ids, ",")
}

func checkUI(t *testing.T, s *Server) {
	t.Helper()
	client := &http.Client{Timeout: time.Minute}
	page := func(path string) string {
		response, err := client.Get("http://" + s.UIAddr() + path)
		require.NoError(t, err)
		defer func() { require.NoError(t, response.Body.Close()) }()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, string(body))
		return string(body)
	}
	index := page("/")
	require.Contains(t, index, "<!doctype html>")
	require.Contains(t, page("/namespaces/default/workflows"), "<!doctype html>")
	require.Contains(t, page("/api/v1/namespaces"), `"name": "default"`)
	require.Contains(t, page("/api/v1/settings"), `"DisableNewsFetch":true`)
	// The page's own script, from this program and not from elsewhere.
	_, script, ok := strings.Cut(index, `import("/_app/`)
	require.True(t, ok, index)
	script, _, _ = strings.Cut(script, `"`)
	require.NotEmpty(t, page("/_app/"+script))
	for host, status := range map[string]int{
		"127.0.0.1": http.StatusOK, "[::1]:8233": http.StatusOK, "localhost:8233": http.StatusOK,
		"rebound.example:8233": http.StatusForbidden, "localhost.rebound.example": http.StatusForbidden, "127.0.0.1.example": http.StatusForbidden,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.UIAddr()+"/api/v1/namespaces/default/workflows", nil)
		require.NoError(t, err)
		request.Host = host
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, status, response.StatusCode, host)
	}
}

func TestWithoutUI(t *testing.T) {
	t.Parallel()
	opts := options(t)
	opts.UIListen = ""
	opts.SearchAttributes = nil
	opts.Logger = nil
	opts.Progress = nil
	s, err := Start(within(t), opts)
	require.NoError(t, err)
	require.Empty(t, s.UIAddr())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, s.Stop(ended), "the Temporal server did not stop in time: context canceled")
	require.NoError(t, s.Stop(within(t)))
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	opts := options(t)
	p, err := opts.plan()
	require.NoError(t, err)
	p.releaseAll()
	require.NoError(t, prepareDatabases(within(t), p))
	db, err := sql.Open("postgres", databaseURL(opts, opts.Database))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	_, err = db.Exec("UPDATE schema_version SET curr_version = '2.5'")
	require.NoError(t, err)
	_, err = Start(within(t), opts)
	require.ErrorContains(t, err, "prepare the Temporal database "+opts.Database+
		": a newer version of this program has made it: its schema is 2.5")
}
