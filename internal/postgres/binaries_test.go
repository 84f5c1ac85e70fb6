//go:build unix

package postgres

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nowhere is a finder on a machine without Postgres.
func nowhere(t *testing.T, repository string) finder {
	t.Helper()
	return finder{
		path:       func(string) (string, error) { return "", errors.New("not in PATH") },
		systemDirs: filepath.Join(t.TempDir(), "*"),
		repository: repository,
		progress:   func(what string) { t.Log(what) },
	}
}

func TestNoPostgresAndNoNetwork(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	dir := dataDir(t)
	_, err := startWith(within(t, time.Minute), Options{DataDir: dir}, nowhere(t, closed.URL))
	require.EqualError(t, err, "no Postgres found in PATH or /usr/lib/postgresql/*/bin, and the download failed: "+
		"get Postgres 17.5.0: unable to connect to "+closed.URL+"; install it, e.g. apt-get install postgresql")
	left, err := filepath.Glob(filepath.Join(dir, "postgres-binaries", "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestDownloadCanBeCancelled(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := startWith(ctx, Options{DataDir: dataDir(t)}, nowhere(t, server.URL))
	require.ErrorIs(t, err, context.Canceled)
}

// TestDownload serves this machine's own Postgres in the form in which the download library expects
// it, under the version that data need which were made by it.
func TestDownload(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	require.NoError(t, run(t, Options{DataDir: dir}).Stop(t.Context()))
	archive := repackage(t, dir)
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if filepath.Ext(r.URL.Path) != ".jar" {
			http.NotFound(w, r)
			return
		}
		requests.Add(1)
		_, _ = w.Write(archive)
	}))
	defer server.Close()
	for range 2 {
		s, err := startWith(within(t, time.Minute), Options{DataDir: dir}, nowhere(t, server.URL))
		require.NoError(t, err)
		require.Contains(t, s.process.cmd.Path, filepath.Join(dir, "postgres-binaries"))
		require.NoError(t, s.Stop(t.Context()))
	}
	require.EqualValues(t, 1, requests.Load(), "the second start uses what the first has unpacked")
}

// repackage makes a jar with a .txz of the programs that find chooses on this machine.
func repackage(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := newFinder(Options{}).find(t.Context(), filesIn(dir), nil)
	require.NoError(t, err)
	work := t.TempDir()
	txz := filepath.Join(work, "postgres.txz")
	require.NoError(t, os.Mkdir(filepath.Join(work, "lib"), 0o755)) // Postgres only wants to see it
	tar := exec.Command("tar", "-chJf", txz,
		"-C", filepath.Dir(b.dir), "bin/initdb", "bin/postgres", "bin/pg_ctl", "-C", work, "lib")
	tar.Env = append(os.Environ(), "XZ_OPT=-0")
	out, err := tar.CombinedOutput()
	require.NoError(t, err, string(out))
	content, err := os.ReadFile(txz)
	require.NoError(t, err)
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	f, err := w.Create("postgres.txz")
	require.NoError(t, err)
	_, err = f.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return jar.Bytes()
}

func TestOtherVersionsData(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	require.NoError(t, run(t, Options{DataDir: dir}).Stop(t.Context()))
	version := filepath.Join(dir, "postgres", "PG_VERSION")
	require.NoError(t, os.WriteFile(version, []byte("12\n"), 0o644))
	_, err := Start(within(t, time.Minute), Options{DataDir: dir})
	require.ErrorContains(t, err, "no Postgres 12 (which made the data) found in PATH")
	require.ErrorContains(t, err, "there is no download of Postgres 12; install it, e.g. apt-get install postgresql-12")

	require.NoError(t, os.Remove(version))
	_, err = Start(within(t, time.Minute), Options{DataDir: dir})
	require.ErrorContains(t, err, "is not a Postgres data directory")
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	system := t.TempDir()
	for _, version := range []string{"9.6", "14", "17"} {
		bin := filepath.Join(system, version, "bin")
		require.NoError(t, os.MkdirAll(bin, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(bin, "postgres"), nil, 0o755))
	}
	link := filepath.Join(t.TempDir(), "postgres")
	require.NoError(t, os.Symlink(filepath.Join(system, "14", "bin", "postgres"), link))
	f := finder{
		path:       func(string) (string, error) { return link, nil },
		systemDirs: filepath.Join(system, "*", "bin"),
	}
	require.Equal(t, []string{
		filepath.Join(system, "14", "bin"), // what the link in PATH means comes first
		filepath.Join(system, "17", "bin"),
		filepath.Join(system, "9.6", "bin"),
	}, f.candidates())
}

func TestMajorVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]int{"15\n": 15, "15.18": 15, "18beta1": 18, "9.6.24": 9} {
		got, err := majorVersion(version)
		require.NoError(t, err)
		require.Equal(t, want, got, version)
	}
	_, err := majorVersion("devel")
	require.ErrorContains(t, err, `"devel" is no Postgres version`)
}
