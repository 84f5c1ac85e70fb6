//go:build unix

package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ownerEnv makes the test program an owner of the server in the directory it names: it starts the
// server, prints its process ID and waits to be killed.
const ownerEnv = "DURAHOOK_POSTGRES_TEST_OWNER"

func TestMain(m *testing.M) {
	dir := os.Getenv(ownerEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Options{DataDir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.pid())
	<-s.Done()
}

// startOwner runs another process that starts the server in dir. out is what it prints.
func startOwner(t *testing.T, dir string) (owner *exec.Cmd, out io.Reader) {
	t.Helper()
	owner = exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerEnv+"="+dir)
	out, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	t.Cleanup(func() { kill(t, owner) })
	return owner, out
}

// kill is kill -9.
func kill(t *testing.T, owner *exec.Cmd) {
	t.Helper()
	_ = owner.Process.Kill() // it may be dead already
	_ = owner.Wait()
}

// eventually asks again and again until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, time.Millisecond, what)
}

func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	owner, out := startOwner(t, dir)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	require.True(t, alive(pid))

	kill(t, owner)
	s := run(t, Options{DataDir: dir}) // at once, while the old server is on its way out
	require.False(t, alive(pid))

	require.NoError(t, s.Stop(t.Context()))
	require.NoFileExists(t, filepath.Join(dir, "postgres", "postmaster.pid"))
}

func TestServerDiesWithOwner(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux offers this; elsewhere the next start stops the server")
	}
	t.Parallel()
	owner, out := startOwner(t, dataDir(t))
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	kill(t, owner)
	eventually(t, "server gone", func() bool { return !alive(pid) })
}

func TestLeftoverServerIsStopped(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	old := run(t, Options{DataDir: dir})
	execSQL(t, old, "postgres", "CREATE TABLE kept AS SELECT 1")
	unlockFile(old.lock) // as if its owner were gone
	s := run(t, Options{DataDir: dir})
	<-old.Done()
	require.Equal(t, 1, count(t, s, "postgres", "kept"))
}

func TestBackendsOutliveServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	old := run(t, Options{DataDir: dir, Settings: map[string]string{}}) // durable
	execSQL(t, old, "postgres", "CREATE TABLE kept AS SELECT 1")
	require.NoError(t, syscall.Kill(old.pid(), syscall.SIGKILL))
	<-old.Done()
	require.NoError(t, old.Stop(t.Context()))
	s := run(t, Options{DataDir: dir})
	require.Equal(t, 1, count(t, s, "postgres", "kept"))
}

func TestStalePIDFile(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	require.NoError(t, run(t, Options{DataDir: dir}).Stop(t.Context()))
	// A number that belongs to another process by now: this one.
	stale := fmt.Sprintf("%d\n%s\n", os.Getpid(), filepath.Join(dir, "postgres"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres", "postmaster.pid"), []byte(stale), 0o644))
	pid, err := leftoverPID(filepath.Join(dir, "postgres"))
	require.NoError(t, err)
	require.Zero(t, pid, "this process is no Postgres")
}

func TestKilledWhileMakingData(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	owner, _ := startOwner(t, dir)
	halfMade := filepath.Join(dir, unfinished+"*", "data", "PG_VERSION")
	eventually(t, "initdb at work", func() bool {
		found, err := filepath.Glob(halfMade)
		return err == nil && len(found) > 0
	})
	kill(t, owner)
	require.NoDirExists(t, filepath.Join(dir, "postgres"))

	run(t, Options{DataDir: dir})
	left, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
