//go:build unix

package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogExcerptIsOfThisRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte("an earlier run\n"), 0o600))
	l, err := openLog(path)
	require.NoError(t, err)
	defer l.close()
	require.Empty(t, l.excerpt())
	_, err = l.file.WriteString(strings.Repeat("row\n", 20) + "last\n")
	require.NoError(t, err)
	require.Equal(t, "; it said:"+strings.Repeat("\n  row", 9)+"\n  last", l.excerpt())
}

func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	l, err := openLog(path)
	require.NoError(t, err)
	defer l.close()
	long := strings.Repeat("x", maxLog) + "\n"
	_, err = l.file.WriteString(long)
	require.NoError(t, err)
	require.NoError(t, l.cut())
	_, err = l.file.WriteString("after\n") // as Postgres does, with the same open file
	require.NoError(t, err)
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "after\n", string(now))
	before, err := os.ReadFile(path + ".1")
	require.NoError(t, err)
	require.Len(t, before, len(long))
	require.Equal(t, "; it said:\n  after", l.excerpt())
}
