// Package testdb gives every test an empty database of its own, so that all tests can run in
// parallel. The databases lie on one throw-away Postgres server for each test program, started by
// the first test that asks. Only tests may import it.
package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/internal/postgres"
)

// patience is how long starting and stopping the server, and making and dropping a database, may
// take on a busy machine.
const patience = 2 * time.Minute

// shared is the server of this test program. It is a global because the tests of a package have
// nothing else in common.
var shared server

type server struct {
	mu       sync.Mutex
	hasMain  bool
	dir      string
	postgres *postgres.Server
	admin    *sql.DB
	err      error // why it did not start; every further test fails with it at once
	made     int   // databases, for their names
}

// Main runs the tests and then stops the server, if any test needed it. Every package that uses New
// must have it as its TestMain:
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
func Main(m *testing.M) {
	shared.mu.Lock()
	shared.hasMain = true
	shared.mu.Unlock()
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// New returns the URL of an empty database, which is dropped at the end of the test. It is good for
// lib/pq and pgx. The test fails when there is no Postgres to be had.
func New(t testing.TB) (url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name, err := shared.create(ctx)
	if err != nil {
		t.Fatal("testdb: ", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// FORCE, since a failed test may leave connections open.
		const drop = "DROP DATABASE %s WITH (FORCE)"
		if _, err := shared.admin.ExecContext(ctx, fmt.Sprintf(drop, pq.QuoteIdentifier(name))); err != nil {
			t.Error("testdb: drop the database: ", err)
		}
	})
	return shared.postgres.URL(name)
}

// create makes an empty database, starting the server if need be, and returns its name.
func (s *server) create(ctx context.Context) (string, error) {
	s.mu.Lock()
	if s.postgres == nil && s.err == nil {
		s.err = s.start(ctx)
	}
	s.made++
	name, err := fmt.Sprintf("test_%d", s.made), s.err
	s.mu.Unlock()
	if err != nil {
		return "", err
	}
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(name)); err != nil {
		return "", fmt.Errorf("create a database: %w", err)
	}
	return name, nil
}

func (s *server) start(ctx context.Context) (err error) {
	if !s.hasMain {
		return errors.New("nobody would stop the server; give the package " +
			"func TestMain(m *testing.M) { testdb.Main(m) }")
	}
	if s.dir, err = os.MkdirTemp("", "durahook-testdb-"); err != nil {
		return err
	}
	// Where the tests run as root, Postgres runs as another user, who must be able to enter.
	if err := os.Chmod(s.dir, 0o711); err != nil {
		return err
	}
	s.postgres, err = postgres.Start(ctx, postgres.Options{DataDir: s.dir, Settings: settings()})
	if err != nil {
		return err
	}
	s.admin, err = sql.Open("postgres", s.postgres.URL("postgres"))
	return err
}

// settings trade safety, which nobody needs here, for speed, and leave room for many tests at once.
func settings() map[string]string {
	return map[string]string{
		"fsync":              "off",
		"synchronous_commit": "off",
		"full_page_writes":   "off",
		"wal_level":          "minimal",
		"max_wal_senders":    "0",
		"max_connections":    "500",
		"jit":                "off",
	}
}

// stop leaves nothing behind.
func (s *server) stop() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.admin != nil {
		err = errors.Join(err, s.admin.Close())
	}
	if s.postgres != nil {
		err = errors.Join(err, s.postgres.Stop(ctx))
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
