package temporalserver

import (
	"database/sql"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/persistence"
)

// A process that was killed, or has given up waiting, may have a statement under way in Postgres while the next owner of
// the shard takes over. That one reads a queue up to where its own tasks begin and never again what is before: a task of
// the former owner must be there by then, or never come.

// writes are those that one statement does, on a shard where a workflow was created.
func writes() map[string]func(*testing.T, persistence.ExecutionStore) error {
	return map[string]func(*testing.T, persistence.ExecutionStore) error{
		"creation": func(t *testing.T, s persistence.ExecutionStore) error {
			t.Helper()
			another := creation(otherRun)
			another.NewWorkflowSnapshot.WorkflowID = "v"
			another.NewWorkflowSnapshot.Tasks = queued(300)
			_, err := s.CreateWorkflowExecution(within(t), another)
			return err
		},
		"completion": func(t *testing.T, s persistence.ExecutionStore) error {
			t.Helper()
			return s.UpdateWorkflowExecution(within(t), completion(someRun, 2))
		},
	}
}

// waiting waits until one of our statements waits for a lock in Postgres.
func waiting(t *testing.T, db *sql.DB) {
	t.Helper()
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, db.QueryRowContext(within(t), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'WITH p0 AS %'`).Scan(&n))
		return n == 1
	}, patience, 10*time.Millisecond)
}

func TestStatementOfAFormerOwner(t *testing.T) {
	t.Parallel()
	for name, write := range writes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ours, db := executionStores(t)
			_, err := ours.CreateWorkflowExecution(within(t), creation(someRun))
			require.NoError(t, err)
			before := written(t, db)

			owner, err := db.BeginTx(within(t), nil)
			require.NoError(t, err)
			defer func() { _ = owner.Rollback() }() // no effect after Commit
			_, err = owner.ExecContext(within(t), "SELECT range_id FROM shards WHERE shard_id = 1 FOR UPDATE")
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- write(t, ours) }()
			waiting(t, db) // it has begun, and sees the shard as it was
			_, err = owner.ExecContext(within(t), "UPDATE shards SET range_id = $1 WHERE shard_id = 1", rangeID+1)
			require.NoError(t, err)
			require.NoError(t, owner.Commit())

			var lost *persistence.ShardOwnershipLostError
			require.ErrorAs(t, <-done, &lost)
			after := written(t, db)
			require.NotEqual(t, before["shards"], after["shards"])
			delete(before, "shards")
			delete(after, "shards")
			require.Equal(t, before, after)
		})
	}
}

func TestNextOwnerWaitsForAStatement(t *testing.T) {
	t.Parallel()
	_, ours, db := executionStores(t)
	_, err := ours.CreateWorkflowExecution(within(t), creation(someRun))
	require.NoError(t, err)
	for i, table := range []string{"current_executions", "executions"} {
		holder, err := db.BeginTx(within(t), nil)
		require.NoError(t, err)
		_, err = holder.ExecContext(within(t), "SELECT FROM "+table+" FOR UPDATE")
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			done <- ours.UpdateWorkflowExecution(within(t), step(int64(i+2), func(*persistence.InternalWorkflowMutation) {}))
		}()
		waiting(t, db) // it has looked whose the shard is, and goes on with the workflow
		_, err = db.ExecContext(within(t), "SELECT FROM shards WHERE shard_id = 1 FOR UPDATE NOWAIT")
		var taken *pq.Error
		require.ErrorAs(t, err, &taken)
		require.Equal(t, "lock_not_available", taken.Code.Name())
		require.NoError(t, holder.Rollback())
		require.NoError(t, <-done)
	}
}
