package temporalserver

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/durahook/durahook/internal/testdb"
)

// ownerEnv makes the test program run a server on the two databases that it names, until it is killed.
const ownerEnv = "DURAHOOK_TEMPORAL_TEST_OWNER"

func TestMain(m *testing.M) {
	if main, visibility, ok := strings.Cut(os.Getenv(ownerEnv), " "); ok {
		if err := own(main, visibility); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	testdb.Main(m)
}

func own(main, visibility string) error {
	opts, err := optionsOn(main, visibility)
	if err != nil {
		return err
	}
	s, err := Start(context.Background(), opts)
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	<-s.Done()
	return s.Err()
}

func TestKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	opts := options(t)
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerEnv+"="+
		databaseURL(opts, opts.Database)+" "+databaseURL(opts, opts.VisibilityDatabase))
	out, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	kill := func() {
		_ = owner.Process.Kill() // it may be dead already
		_ = owner.Wait()
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, line)
	first := &Server{addr: strings.TrimSpace(line)}
	c := dial(t, first)
	w := work(t, c)
	startPaint(t, c, "drying", "green", 3*time.Second)
	require.Eventually(t, func() bool { return found(t, c, "Colour = 'green'") == "drying" }, patience, 50*time.Millisecond)
	kill()
	c.Close()
	w.Stop()

	second := run(t, opts)
	require.NotEqual(t, first.Addr(), second.Addr())
	c = dial(t, second)
	w = work(t, c)
	defer w.Stop()
	var painted string
	require.NoError(t, c.GetWorkflow(within(t), "drying", "").Get(within(t), &painted))
	require.Equal(t, "green paint", painted)
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	opts := options(t)
	opts.Listen = l.Addr().String()
	_, err = Start(within(t), opts)
	require.EqualError(t, err, "the Temporal server cannot listen on "+opts.Listen+
		" because the port is in use; choose another one, or 0 for any")
	opts.Listen, opts.UIListen = "127.0.0.1:0", opts.Listen
	_, err = Start(within(t), opts)
	require.EqualError(t, err, "the Temporal Web UI cannot listen on "+opts.UIListen+
		" because the port is in use; choose another one, or 0 for any")
	opts.UIListen = "here"
	_, err = Start(within(t), opts)
	require.ErrorContains(t, err, `the Temporal Web UI cannot listen on "here": it must be an IP address and a port`)
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	good := options(t)
	for want, spoil := range map[string]func(*Options){
		"no namespace given":           func(o *Options) { o.Namespace = "" },
		"it needs two databases":       func(o *Options) { o.VisibilityDatabase = o.Database },
		"and 1m0s is less":             func(o *Options) { o.Retention = time.Minute },
		`database "nowhere" does not`:  func(o *Options) { o.Database = "nowhere" },
		"password authentication fail": func(o *Options) { o.Password = "guess" },
	} {
		opts := good
		spoil(&opts)
		_, err := Start(within(t), opts)
		require.ErrorContains(t, err, want)
	}
}

// TestFailureWhileStarting takes the port of one service away at the last moment, for which Temporal
// knows nothing better than to end the process.
func TestFailureWhileStarting(t *testing.T) {
	t.Parallel()
	opts := options(t)
	var told atomic.Int32
	opts.Logger = slog.New(&counting{Handler: slog.DiscardHandler, told: &told})
	p, err := opts.plan()
	require.NoError(t, err)
	require.NoError(t, prepareDatabases(within(t), p))
	p.releaseAll()
	l, err := net.Listen("tcp", p.worker.String())
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	c, err := startCore(within(t), p)
	require.EqualError(t, err, "start Temporal: the Temporal server cannot go on: Failed to start gRPC listener: listen tcp "+
		p.worker.String()+": bind: address already in use")
	require.Zero(t, told.Load(), "held back")
	p.logger.tell()
	require.Positive(t, told.Load())
	require.NoError(t, c.stop())
}

// counting counts what is logged.
type counting struct {
	slog.Handler
	told *atomic.Int32
}

func (c *counting) Enabled(context.Context, slog.Level) bool  { return true }
func (c *counting) Handle(context.Context, slog.Record) error { c.told.Add(1); return nil }
func (c *counting) WithAttrs([]slog.Attr) slog.Handler        { return c }

func TestCancelledWhileStarting(t *testing.T) {
	t.Parallel()
	opts := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	opts.Progress = func(what string) {
		if what == "starting Temporal" {
			cancel()
		}
	}
	_, err := Start(ctx, opts)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNameFields(t *testing.T) {
	t.Parallel()
	keyword, number := enums.INDEXED_VALUE_TYPE_KEYWORD, enums.INDEXED_VALUE_TYPE_INT
	type wanted = map[string]enums.IndexedValueType
	names, err := nameFields(nil, wanted{"B": keyword, "A": keyword, "N": number})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Keyword01": "A", "Keyword02": "B", "Int01": "N"}, names)

	again, err := nameFields(names, wanted{"A": keyword, "C": keyword})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Keyword01": "A", "Keyword02": "B", "Keyword03": "C", "Int01": "N"}, again)

	_, err = nameFields(names, wanted{"A": number})
	require.EqualError(t, err, "search attribute A is there as Keyword and cannot become Int; give the new one another name")

	many := wanted{}
	for i := range 20 {
		many[fmt.Sprint("K", i)] = keyword
	}
	_, err = nameFields(nil, many)
	require.ErrorContains(t, err, "all places for type Keyword are taken")
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1:1": "127.0.0.1:1", "10.1.2.3:1": "10.1.2.3:1", "[::1]:1": "[::1]:1",
		"0.0.0.0:1": "127.0.0.1:1", "[::]:1": "[::1]:1",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		require.NoError(t, err)
		require.Equal(t, want, reachable(tcp))
	}
}
