package temporalserver

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/metrics"
	temporalsql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
)

// openPlugin returns one of the databases as the server has it.
func openPlugin(t *testing.T, p *plan, kind sqlplugin.DbKind, name string) sqlplugin.DB {
	t.Helper()
	db, err := temporalsql.NewSQLDB(kind, p.sql(name, 4), resolver.NewNoopResolver(), p.logger, metrics.NoopMetricsHandler)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// prepared are databases with Temporal's schema and no server.
func prepared(t *testing.T) *plan {
	t.Helper()
	p, err := options(t).plan()
	require.NoError(t, err)
	p.releaseAll()
	require.NoError(t, prepareDatabases(within(t), p))
	return p
}

func visibilityRow(n int, version int64) *sqlplugin.VisibilityRow {
	at := time.Date(2026, 2, 2, 14, 30, 0, 123456789, time.UTC)
	return &sqlplugin.VisibilityRow{
		NamespaceID: "n", RunID: fmt.Sprint("run", n), WorkflowID: "w", WorkflowTypeName: "paint", StartTime: at,
		ExecutionTime: at, Status: 1, Encoding: "Proto3", Memo: []byte{0, 255}, TaskQueue: "test", Version: version,
		SearchAttributes: &sqlplugin.VisibilitySearchAttributes{"Keyword01": "red", "Datetime01": at},
	}
}

func TestVisibilityIsWrittenTogether(t *testing.T) {
	t.Parallel()
	p := prepared(t)
	db := openPlugin(t, p, sqlplugin.DbKindVisibility, p.VisibilityDatabase)
	ctx := within(t)

	// Twenty start and end, the last of them with an attribute that Postgres refuses.
	const runs = 20
	var writers sync.WaitGroup
	errs := make([]error, runs)
	for n := range runs {
		writers.Go(func() {
			_, err := db.InsertIntoVisibility(ctx, visibilityRow(n, 1))
			require.NoError(t, err)
		})
		writers.Go(func() {
			end := visibilityRow(n, 2)
			end.Status, end.CloseTime = 2, &end.StartTime
			if n == runs-1 {
				end.RunID, end.SearchAttributes = "bad", &sqlplugin.VisibilitySearchAttributes{"Datetime01": "never"}
			}
			_, errs[n] = db.ReplaceIntoVisibility(ctx, end)
		})
	}
	writers.Wait()
	require.Error(t, errs[runs-1])
	for n := range runs - 1 {
		require.NoError(t, errs[n])
		row, err := db.GetFromVisibility(ctx, sqlplugin.VisibilityGetFilter{NamespaceID: "n", RunID: fmt.Sprint("run", n)})
		require.NoError(t, err)
		require.EqualValues(t, 2, row.Status)
		require.Equal(t, []byte{0, 255}, row.Memo)
		require.Equal(t, "2026-02-02T14:30:00.123456Z", row.CloseTime.Format(time.RFC3339Nano))
		require.Equal(t, "2026-02-02T14:30:00.123456789Z", (*row.SearchAttributes)["Datetime01"])
		require.Equal(t, "red", (*row.SearchAttributes)["Keyword01"])
	}

	// What is older than what there is changes nothing.
	old := visibilityRow(0, 1)
	_, err := db.ReplaceIntoVisibility(ctx, old)
	require.NoError(t, err)
	row, err := db.GetFromVisibility(ctx, sqlplugin.VisibilityGetFilter{NamespaceID: "n", RunID: "run0"})
	require.NoError(t, err)
	require.EqualValues(t, 2, row.Status)
}

// TestUnit has two transactions and a write beside them committed together, or not at all.
func TestUnit(t *testing.T) {
	t.Parallel()
	p := prepared(t)
	db := openPlugin(t, p, sqlplugin.DbKindMain, p.Database)
	plain, err := openDatabase(p, p.Database)
	require.NoError(t, err)
	defer func() { require.NoError(t, plain.Close()) }()
	id := []byte(strings.Repeat("1", 16))
	node := func(n int64) *sqlplugin.HistoryNodeRow {
		return &sqlplugin.HistoryNodeRow{ShardID: 1, TreeID: id, BranchID: id, NodeID: n, Data: id, DataEncoding: "Proto3"}
	}
	write := func(ctx context.Context, first int64, expected int) error {
		return inUnit(ctx, expected, func(ctx context.Context) error {
			if _, err := db.InsertIntoHistoryNode(ctx, node(first)); err != nil {
				return err
			}
			for n := first + 1; n < first+3; n++ {
				tx, err := db.BeginTx(ctx)
				if err != nil {
					return err
				}
				if _, err := tx.InsertIntoHistoryNode(ctx, node(n)); err != nil {
					return err
				}
				require.Zero(t, count(t, plain, "history_node WHERE node_id >= $1", first))
				if err := tx.Commit(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, write(within(t), 10, 2))
	require.Equal(t, 3, count(t, plain, "history_node"))
	require.ErrorContains(t, write(within(t), 20, 3), "1 transactions fewer than expected")
	require.Equal(t, 3, count(t, plain, "history_node"))
}

func count(t *testing.T, db *sql.DB, table string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(within(t), "SELECT count(*) FROM "+table, args...).Scan(&n))
	return n
}
