package migrations_test

import (
	"context"
	"database/sql"
	"testing"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// schema describes every table, column, index and constraint, but for those of goose.
func schema(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
		SELECT concat_ws(' ', 'column', table_name, column_name, data_type, is_nullable, column_default, collation_name)
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'
		UNION ALL
		SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%'
		UNION ALL
		SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
		FROM pg_constraint WHERE conrelid::regclass::text NOT LIKE 'goose%' AND connamespace = 'public'::regnamespace
		ORDER BY 1`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var lines []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return lines
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.New(t))
	applied, err := migrations.Up(t.Context(), db)
	require.NoError(t, err)
	require.Positive(t, applied)
	require.NoError(t, migrations.Check(t.Context(), db))
	first := schema(t, db)
	require.NotEmpty(t, first)
	_, err = db.ExecContext(t.Context(), `INSERT INTO accounts (id, name) VALUES ('acc_1', 'one')`)
	require.NoError(t, err)

	require.NoError(t, migrations.Down(t.Context(), db))
	require.Empty(t, schema(t, db))
	require.ErrorContains(t, migrations.Check(t.Context(), db), "pending")
	require.NoError(t, migrations.Down(t.Context(), db), "there is nothing left to take back")

	again, err := migrations.Up(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, applied, again)
	require.Equal(t, first, schema(t, db))
}

func TestUpTwiceAppliesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.New(t))
	_, err := migrations.Up(t.Context(), db)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO accounts (id, name) VALUES ('acc_1', 'one')`)
	require.NoError(t, err)
	applied, err := migrations.Up(t.Context(), db)
	require.NoError(t, err)
	require.Zero(t, applied)
	var accounts int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM accounts`).Scan(&accounts))
	require.Equal(t, 1, accounts)
}

// Checking an empty database says what to do, and changes nothing.
func TestCheckOfAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.New(t))
	require.EqualError(t, migrations.Check(t.Context(), db), "the database has pending migrations; run: durahook migrate")
	require.Empty(t, schema(t, db))
}

// newer makes a database one that a newer version has migrated, and with which only programs work that know this
// version.
func newer(t *testing.T, db *sql.DB, oldest int) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE schema_support SET oldest = $1`, oldest)
	require.NoError(t, err)
}

// The version before works with what a newer one has migrated: it can be started again in the middle of an upgrade, or
// instead of it.
func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.New(t))
	known, err := migrations.Up(t.Context(), db)
	require.NoError(t, err)
	before := schema(t, db)
	newer(t, db, known)

	require.NoError(t, migrations.Check(t.Context(), db))
	applied, err := migrations.Up(t.Context(), db)
	require.NoError(t, err)
	require.Zero(t, applied)
	require.ErrorContains(t, migrations.Down(t.Context(), db), "made by a newer durahook")
	require.Equal(t, before, schema(t, db))
}

func TestMuchNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.New(t))
	known, err := migrations.Up(t.Context(), db)
	require.NoError(t, err)
	before := schema(t, db)
	newer(t, db, known+1)

	const refused = "the database is at version 99999, made by a newer durahook; this one knows versions up to "
	_, err = migrations.Up(t.Context(), db)
	require.ErrorContains(t, err, refused)
	require.ErrorContains(t, migrations.Check(t.Context(), db), refused)
	require.ErrorContains(t, migrations.Down(t.Context(), db), refused)
	require.Equal(t, before, schema(t, db))
}

// Two processes that start at the same time must not get into each other's way.
func TestManyUpsAtOnce(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	var group errgroup.Group
	applied := make([]int, 3)
	for i := range applied {
		db := open(t, url)
		group.Go(func() (err error) {
			applied[i], err = migrations.Up(t.Context(), db)
			return err
		})
	}
	require.NoError(t, group.Wait())
	total := 0
	for _, n := range applied {
		total += n
	}
	db := open(t, url)
	require.NoError(t, migrations.Check(t.Context(), db))
	var versions int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM goose_db_version WHERE version_id > 0`).Scan(&versions))
	require.Equal(t, versions, total, "each was applied by one of them")
}

func TestUnreachableDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.New(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := migrations.Up(ctx, db)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, migrations.Check(ctx, db), context.Canceled)
	require.ErrorIs(t, migrations.Down(ctx, db), context.Canceled)
}
