//go:build unix

package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fast gives up durability for speed.
var fast = map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

// dataDir is a directory that another user may enter, unlike t.TempDir.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "durahook-postgres-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// run starts a server and stops it at the end of the test.
func run(t *testing.T, opts Options) *Server {
	t.Helper()
	if opts.Settings == nil {
		opts.Settings = fast
	}
	s, err := Start(within(t, time.Minute), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(within(t, time.Minute))) })
	return s
}

func execSQL(t *testing.T, s *Server, database, statement string) {
	t.Helper()
	db := open(t, s, database)
	_, err := db.Exec(statement)
	require.NoError(t, err)
}

func open(t *testing.T, s *Server, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", s.URL(database))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func count(t *testing.T, s *Server, database, table string) (n int) {
	t.Helper()
	require.NoError(t, open(t, s, database).QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func (s *Server) pid() int { return s.process.cmd.Process.Pid }

func TestStartFreshAndRestart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var told []string
	first := run(t, Options{DataDir: dir, Progress: func(what string) { told = append(told, what) }})
	require.Len(t, told, 1)
	require.Contains(t, told[0], "making a new Postgres database")

	require.NoError(t, first.CreateDatabase(t.Context(), "sho\"p"))
	require.NoError(t, first.CreateDatabase(t.Context(), "sho\"p"), "a second time is fine")
	execSQL(t, first, "sho\"p", "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1), (2)")
	var checksums, encoding, timezone string
	require.NoError(t, open(t, first, "postgres").QueryRow("SELECT current_setting('data_checksums'), "+
		"current_setting('server_encoding'), current_setting('timezone')").Scan(&checksums, &encoding, &timezone))
	require.Equal(t, "on UTF8 UTC", checksums+" "+encoding+" "+timezone)

	info, err := os.Stat(filepath.Join(dir, "postgres.password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.NoError(t, first.Err())
	require.NoError(t, first.Stop(t.Context()))
	<-first.Done()
	require.NoError(t, first.Err(), "a Stop is no error")
	require.NoError(t, first.Stop(t.Context()), "a second Stop is harmless")

	second := run(t, Options{DataDir: dir, Progress: func(what string) { t.Errorf("unexpected: %s", what) }})
	require.Equal(t, first.Password(), second.Password())
	require.Equal(t, 2, count(t, second, "sho\"p", "kept"))
}

func TestPasswordIsAsked(t *testing.T) {
	t.Parallel()
	s := run(t, Options{DataDir: dataDir(t)})
	db, err := sql.Open("postgres", strings.Replace(s.URL("postgres"), s.Password(), "guess", 1))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.ErrorContains(t, db.Ping(), "password authentication failed")
}

func TestTwoSideBySide(t *testing.T) {
	t.Parallel()
	one, other := run(t, Options{DataDir: dataDir(t)}), run(t, Options{DataDir: dataDir(t)})
	require.NotEqual(t, one.Addr(), other.Addr())
	execSQL(t, one, "postgres", "CREATE TABLE mine ()")
	execSQL(t, other, "postgres", "CREATE TABLE mine ()")
}

func TestOneDirectoryOneServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := run(t, Options{DataDir: dir})
	_, err := Start(within(t, time.Minute), Options{DataDir: dir})
	require.ErrorContains(t, err, "another process is using it")
	require.NoError(t, open(t, s, "postgres").Ping(), "and leaves the first alone")
}

func TestServerEndsByItself(t *testing.T) {
	t.Parallel()
	s := run(t, Options{DataDir: dataDir(t)})
	require.NoError(t, syscall.Kill(s.pid(), syscall.SIGKILL))
	select {
	case <-s.Done():
	case <-time.After(time.Minute):
		t.Fatal("not noticed")
	}
	require.ErrorContains(t, s.Err(), "the Postgres server ended by itself: signal: killed; it said:")
	require.ErrorContains(t, s.Err(), "ready to accept connections")

	address := s.Addr()
	require.NoError(t, s.Restart(within(t, time.Minute)))
	require.Equal(t, address, s.Addr())
	require.NoError(t, s.Err())
	require.NoError(t, open(t, s, "postgres").Ping())
}

func TestStopAtOnceWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := run(t, Options{DataDir: dir, Settings: map[string]string{}})
	execSQL(t, s, "postgres", "CREATE TABLE kept AS SELECT 1")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Stop(ended), context.Canceled)
	require.Equal(t, 1, count(t, run(t, Options{DataDir: dir}), "postgres", "kept"))
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = Start(within(t, time.Minute), Options{DataDir: dataDir(t), Port: port})
	require.EqualError(t, err, fmt.Sprintf("the Postgres server cannot listen on 127.0.0.1:%d because port %d is in use; "+
		"choose another one, or 0 for any", port, port))
}

func TestGivenPort(t *testing.T) {
	t.Parallel()
	port, err := freePort("127.0.0.1")
	require.NoError(t, err)
	s := run(t, Options{DataDir: dataDir(t), Port: port})
	require.Equal(t, "127.0.0.1:"+strconv.Itoa(port), s.Addr())
}

func TestPostgresGivesUp(t *testing.T) {
	t.Parallel()
	_, err := Start(within(t, time.Minute), Options{
		DataDir:  dataDir(t),
		Settings: map[string]string{"shared_buffers": "many"},
	})
	require.ErrorContains(t, err, "the Postgres server did not start: exit status 1; it said:")
	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers": "many"`)
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]Options{
		"no data directory given": {},
		"0.0.0.0 is none":         {DataDir: "x", Host: "0.0.0.0"},
		"example.org is none":     {DataDir: "x", Host: "example.org"},
		"70000 is not a port":     {DataDir: "x", Port: 70000},
	} {
		_, err := Start(t.Context(), opts)
		require.ErrorContains(t, err, want)
	}
}

func TestMissingPassword(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	require.NoError(t, run(t, Options{DataDir: dir}).Stop(t.Context()))
	require.NoError(t, os.Remove(filepath.Join(dir, "postgres.password")))
	_, err := Start(within(t, time.Minute), Options{DataDir: dir})
	require.ErrorContains(t, err, filepath.Join(dir, "postgres.password")+" holds the password")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres.password"), []byte("wrong\n"), 0o600))
	_, err = Start(within(t, time.Minute), Options{DataDir: dir})
	require.ErrorContains(t, err, "does not accept the password in "+filepath.Join(dir, "postgres.password"))
}

func TestContextEndsWhileStarting(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Start(ctx, Options{DataDir: dir, Progress: func(string) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	left, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
	run(t, Options{DataDir: dir})
}
