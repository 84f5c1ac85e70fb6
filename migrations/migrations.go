// Package migrations holds the schema of durahook's database as numbered SQL files and brings a database
// to it. It imports no other package of durahook.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed *.sql
var files embed.FS

// Latest is the newest version of the schema that this program knows.
func Latest() (latest int64) {
	names, err := files.ReadDir(".")
	if err != nil {
		panic("migrations: " + err.Error()) // they are embedded
	}
	for _, name := range names {
		number, _, _ := strings.Cut(name.Name(), "_")
		if version, err := strconv.ParseInt(number, 10, 64); err == nil {
			latest = max(latest, version)
		}
	}
	return latest
}

// provider runs migrations under a Postgres advisory lock, so that any number of processes may start at
// the same time.
func provider(db *sql.DB) (*goose.Provider, error) {
	const seconds, times = 1, 300 // asks for the lock each second for five minutes
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(seconds, times))
	if err != nil {
		return nil, fmt.Errorf("set up the lock for migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// Up applies every migration that the database lacks and returns how many those were: none to one that a newer version
// of durahook has migrated, which is refused unless this one works with it.
func Up(ctx context.Context, db *sql.DB) (int, error) {
	p, err := provider(db)
	if err != nil {
		return 0, err
	}
	if newer, err := isNewer(ctx, p, db); err != nil || newer {
		return 0, err
	}
	results, err := p.Up(ctx)
	if err != nil {
		return len(results), fmt.Errorf("migrate the database: %w", err)
	}
	return len(results), nil
}

// Down takes every migration back. All data is lost. A database that a newer version of durahook has migrated is
// refused: this one doesn't know how.
func Down(ctx context.Context, db *sql.DB) error {
	p, err := provider(db)
	if err != nil {
		return err
	}
	if current, latest, err := versions(ctx, p); err != nil {
		return err
	} else if current > latest {
		return tooNew(current, latest)
	}
	if _, err := p.DownTo(ctx, 0); err != nil {
		return fmt.Errorf("take migrations back: %w", err)
	}
	return nil
}

// Check fails, with an error that says what to do, unless the database is at this version, or at a newer one that this
// one works with.
func Check(ctx context.Context, db *sql.DB) error {
	p, err := provider(db)
	if err != nil {
		return err
	}
	if newer, err := isNewer(ctx, p, db); err != nil || newer {
		return err
	}
	pending, err := p.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("look for pending migrations: %w", err)
	}
	if pending {
		return errors.New("the database has pending migrations; run: durahook migrate")
	}
	return nil
}

// isNewer reports whether a newer version of durahook has migrated the database. It fails if this one doesn't work with
// it any more.
func isNewer(ctx context.Context, p *goose.Provider, db *sql.DB) (bool, error) {
	current, latest, err := versions(ctx, p)
	if err != nil || current <= latest {
		return false, err
	}
	var oldest int64
	if err := db.QueryRowContext(ctx, `SELECT oldest FROM schema_support`).Scan(&oldest); err != nil {
		return true, fmt.Errorf("read which versions work with the database: %w", err)
	}
	if latest < oldest {
		return true, tooNew(current, latest)
	}
	return true, nil
}

// versions returns the version of the database, and the latest that this program knows.
func versions(ctx context.Context, p *goose.Provider) (current, latest int64, err error) {
	current, latest, err = p.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the database's version: %w", err)
	}
	return current, latest, nil
}

func tooNew(current, latest int64) error {
	return fmt.Errorf("the database is at version %d, made by a newer durahook; this one knows versions up to %d", current, latest)
}
