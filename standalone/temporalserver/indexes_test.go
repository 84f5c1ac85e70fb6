package temporalserver

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const indexesQuery = `
SELECT pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = 'executions_visibility'::regclass ORDER BY 1`

// TestIndexes trims the visibility table's indexes twice, searches with what is left, and restores them.
func TestIndexes(t *testing.T) {
	t.Parallel()
	opts := options(t)
	p, err := opts.plan()
	require.NoError(t, err)
	p.releaseAll()
	ctx := within(t)
	require.NoError(t, prepareDatabases(ctx, p))
	db, err := openDatabase(p, p.VisibilityDatabase)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()

	trimmed := inTx(t, db, func(ctx context.Context, tx *sql.Tx) ([]string, error) {
		return queryStrings(ctx, tx, indexesQuery)
	})
	require.Len(t, trimmed, 1+len(fullIndexes())+len(partialIndexes([]string{"Keyword01"})), "the primary key too")
	require.NoError(t, trimIndexes(ctx, p, []string{"Keyword01", "KeywordList02"}))
	again := inTx(t, db, func(ctx context.Context, tx *sql.Tx) ([]string, error) {
		return queryStrings(ctx, tx, indexesQuery)
	})
	require.Len(t, again, len(trimmed)+1, "a further column has one too")

	for search, index := range map[string]string{
		"status = 3":                   "durahook_by_status",
		"keyword01 = 'red'":            "durahook_by_keyword_01",
		"workflow_id = 'done'":         "by_workflow_id",
		"workflow_type_name = 'paint'": "by_workflow_type",
		"TemporalScheduledById = 's'":  "durahook_by_temporal_scheduled_by_id",
		"TRUE":                         "default_idx",
		"coalesce(close_time, '9999-12-31 23:59:59') > '2026-01-01'": "default_idx",
	} {
		require.Contains(t, explain(t, db, search), " "+index+" ", search)
	}

	restored := inTx(t, db, func(ctx context.Context, tx *sql.Tx) ([]string, error) {
		if err := restoreIndexes(ctx, tx); err != nil {
			return nil, err
		}
		if err := restoreIndexes(ctx, tx); err != nil { // there is nothing to do any more
			return nil, err
		}
		return queryStrings(ctx, tx, indexesQuery)
	})
	require.Len(t, restored, 1+73)
	for _, definition := range restored {
		require.NotContains(t, definition, ownIndex)
	}
	for _, definition := range again {
		if !strings.Contains(definition, ownIndex) {
			require.Contains(t, restored, definition)
		}
	}
}

// explain says how Postgres would look for workflows as the Web UI asks for them.
func explain(t *testing.T, db *sql.DB, search string) string {
	t.Helper()
	lines := inTx(t, db, func(ctx context.Context, tx *sql.Tx) ([]string, error) {
		// The table is empty, so that reading all of it would be the cheapest.
		if _, err := tx.ExecContext(ctx, "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"); err != nil {
			return nil, err
		}
		return queryStrings(ctx, tx, `EXPLAIN SELECT run_id FROM executions_visibility
WHERE namespace_id = '1' AND TemporalNamespaceDivision IS NULL AND `+search+`
ORDER BY coalesce(close_time, '9999-12-31 23:59:59') DESC, start_time DESC, run_id LIMIT 20`)
	})
	return strings.Join(lines, "\n")
}

// inTx returns what f does in a transaction that is rolled back.
func inTx(t *testing.T, db *sql.DB, f func(context.Context, *sql.Tx) ([]string, error)) []string {
	t.Helper()
	tx, err := db.BeginTx(within(t), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	got, err := f(within(t), tx)
	require.NoError(t, err)
	return got
}
