//go:build unix

package postgres

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root steps down to another user")
	}
}

func TestStepsDownFromRoot(t *testing.T) {
	asRoot(t)
	t.Parallel()
	dir := filepath.Join(dataDir(t), "made", "by", "start")
	run(t, Options{DataDir: dir})
	owner := func(name string) uint32 {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		return info.Sys().(*syscall.Stat_t).Uid
	}
	require.NotZero(t, owner("postgres"))
	for _, ours := range []string{".", "postgres.password", "postgres.log", "postgres.lock"} {
		require.Zero(t, owner(ours), ours)
	}
}

func TestDataStayWithTheirOwner(t *testing.T) {
	asRoot(t)
	t.Parallel()
	dir := dataDir(t)
	require.NoError(t, run(t, Options{DataDir: dir}).Stop(t.Context()))
	data := filepath.Join(dir, "postgres")
	someone := &account{name: "someone", uid: 12345, gid: 12345}
	require.NoError(t, someone.own(data))
	a, err := accountFor(filesIn(dir))
	require.NoError(t, err)
	require.Equal(t, &account{name: "12345", uid: 12345, gid: 12345}, a)
	require.NoError(t, run(t, Options{DataDir: dir}).Stop(t.Context()))

	require.NoError(t, (&account{}).own(data)) // as after cp -r by root
	run(t, Options{DataDir: dir})
}

func TestDirectoryThatPostgresMayNotEnter(t *testing.T) {
	asRoot(t)
	t.Parallel()
	closed := filepath.Join(dataDir(t), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	_, err := Start(within(t, time.Minute), Options{DataDir: filepath.Join(closed, "data")})
	require.ErrorContains(t, err, "may not enter "+closed+" (mode 0700)")
	require.ErrorContains(t, err, "chmod o+x "+closed)
	require.NoDirExists(t, filepath.Join(closed, "data", "postgres"))
}

func TestMayEnter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	owner := &account{uid: uid, gid: gid + 1}
	group := &account{uid: uid + 1, gid: gid}
	other := &account{uid: uid + 1, gid: gid + 1}
	for mode, may := range map[os.FileMode][]bool{
		0o700: {true, false, false},
		0o711: {true, true, true},
		0o710: {true, true, false},
		0o701: {true, false, true},
		0o677: {false, true, true},
	} {
		require.NoError(t, os.Chmod(dir, mode))
		info, err := os.Stat(dir)
		require.NoError(t, err)
		found := []bool{owner.mayEnter(info), group.mayEnter(info), other.mayEnter(info)}
		require.Equal(t, may, found, mode)
	}
	require.NoError(t, os.Chmod(dir, 0o700))
}
