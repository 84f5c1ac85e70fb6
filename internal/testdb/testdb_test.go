package testdb_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/testdb"
)

// childEnv makes this test program run as a user of the package would, in a process whose end can be
// looked at.
const childEnv = "DURAHOOK_TESTDB_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "without-main" {
		os.Exit(m.Run())
	}
	testdb.Main(m)
}

func TestEachTestHasItsOwn(t *testing.T) {
	t.Parallel()
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db, err := sql.Open("postgres", testdb.New(t))
			require.NoError(t, err)
			// Left open on purpose: it must not keep the database from being dropped.
			_, err = db.Exec("CREATE TABLE same_name (n int)")
			require.NoError(t, err)
		})
	}
}

func TestDroppedAfterwards(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("use", func(t *testing.T) { url = testdb.New(t) })
	db, err := sql.Open("postgres", url)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.ErrorContains(t, db.Ping(), "does not exist")
}

// child runs one test of this program in a process of its own, with its temporary files in tmp.
func child(t *testing.T, tmp, mode, test string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+mode, "TMPDIR="+tmp)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestMainLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	tmp, err := os.MkdirTemp("", "durahook-testdb-tmp-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(tmp, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(tmp)) })
	out, err := child(t, tmp, "normal", "TestDroppedAfterwards")
	require.NoError(t, err, out)
	require.Contains(t, out, "PASS: TestDroppedAfterwards")
	left, err := filepath.Glob(filepath.Join(tmp, "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestMainIsNeeded(t *testing.T) {
	t.Parallel()
	out, err := child(t, t.TempDir(), "without-main", "TestDroppedAfterwards")
	require.Error(t, err)
	require.Contains(t, out, "func TestMain(m *testing.M) { testdb.Main(m) }")
}
