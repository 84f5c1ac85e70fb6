package backup_test

import (
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/lib/pq" // the driver of Postgres
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/postgres"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/standalone/backup"
)

const keys = `{"encryption_key":"kept"}`

// newDir returns a directory that the user of Postgres can enter.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "durahook-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// with has a function work with the database of a data directory, whose Postgres runs for as long as that.
func with(t *testing.T, dir string, work func(db *sql.DB)) {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{DataDir: dir, Settings: map[string]string{"fsync": "off"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) }()
	require.NoError(t, server.CreateDatabase(t.Context(), "durahook"))
	db, err := sql.Open("postgres", server.URL("durahook"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	work(db)
}

// newData returns a data directory of a durahook that is stopped, with one account.
func newData(t *testing.T) string {
	t.Helper()
	dir := newDir(t)
	with(t, dir, func(db *sql.DB) {
		_, err := migrations.Up(t.Context(), db)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), `INSERT INTO accounts (id, name) VALUES ('acc_1', 'Acme')`)
		require.NoError(t, err)
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "keys.json"), []byte(keys), 0o600))
	return dir
}

func makeBackup(t *testing.T, dir, path string, keys bool) backup.Result {
	t.Helper()
	result, err := backup.Make(t.Context(), backup.Options{
		DataDir: dir, Path: path, Keys: keys, Log: slog.New(slog.DiscardHandler), Progress: func(string) {},
	})
	require.NoError(t, err)
	return result
}

func restore(path, dir string) (backup.About, error) {
	return backup.Restore(backup.RestoreOptions{Path: path, DataDir: dir, Schema: migrations.Latest(), Progress: func(string) {}})
}

// What was stopped is backed up with its keys, and restored with them, without anything else at hand.
func TestStoppedWithKeys(t *testing.T) {
	t.Parallel()
	dir, kept := newData(t), t.TempDir()
	made := makeBackup(t, dir, kept, true)
	require.Equal(t, filepath.Join(kept, "durahook-"+made.CreatedAt.Format("20060102T150405Z")+".tar.gz"), made.Path)
	require.True(t, made.Keys)
	url, err := postgres.Running(dir, "durahook")
	require.NoError(t, err)
	require.Empty(t, url, "Postgres runs for no longer than the backup takes")

	restored := filepath.Join(newDir(t), "new")
	about, err := restore(made.Path, restored)
	require.NoError(t, err)
	require.Equal(t, made.About, about)
	text, err := os.ReadFile(filepath.Join(restored, "keys.json"))
	require.NoError(t, err)
	require.JSONEq(t, keys, string(text))
	with(t, restored, func(db *sql.DB) {
		var name string
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT name FROM accounts WHERE id = 'acc_1'`).Scan(&name))
		require.Equal(t, "Acme", name)
	})
}

// A restore that fails leaves things as they were: no directory where there was none, an empty one where that was.
func TestRestoreFails(t *testing.T) {
	t.Parallel()
	dir, kept := newData(t), t.TempDir()
	whole := makeBackup(t, dir, filepath.Join(kept, "whole.tar.gz"), true).Path
	text, err := os.ReadFile(whole)
	require.NoError(t, err)
	damaged := append([]byte(nil), text...)
	damaged[len(damaged)/2] ^= 0xff
	for name, content := range map[string][]byte{
		"cut off": text[:len(text)/2], "without its end": text[:len(text)-20], "damaged": damaged, "empty": {}, "something else": []byte("PK"),
	} {
		path := filepath.Join(kept, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		parent := t.TempDir()
		_, err := restore(path, filepath.Join(parent, "new"))
		require.Error(t, err, name)
		_, err = restore(path, parent)
		require.Error(t, err, name)
		entries, err := os.ReadDir(parent)
		require.NoError(t, err)
		require.Empty(t, entries, name)
	}
	missing := filepath.Join(kept, "new")
	_, err = restore(filepath.Join(kept, "nowhere"), missing)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, missing)
}
