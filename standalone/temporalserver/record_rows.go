package temporalserver

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"go.temporal.io/server/chasm"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/service/history/tasks"
)

// The steps that are recorded. Each is what the plugin of Temporal does with the row.

var errNotRecorded = errors.New("this step cannot be recorded")

// ReadLockShards says that this process still owns the shard.
func (r *record) ReadLockShards(_ context.Context, filter sqlplugin.ShardsFilter) (int64, error) {
	r.must("SELECT FROM shards WHERE shard_id = ? AND range_id = ? FOR SHARE", filter.ShardID, r.expected.rangeID)
	return r.expected.rangeID, nil
}

// LockCurrentExecutionsJoinExecutions says that there is no workflow with this ID: entering it would fail.
func (r *record) LockCurrentExecutionsJoinExecutions(
	context.Context, sqlplugin.CurrentExecutionsFilter,
) ([]sqlplugin.CurrentExecutionsRow, error) {
	if r.expected.runID != nil {
		return nil, errNotRecorded
	}
	return nil, nil
}

// LockCurrentExecutions says which run is the current one. UpdateCurrentExecutions looks whether it is.
func (r *record) LockCurrentExecutions(
	_ context.Context, filter sqlplugin.CurrentExecutionsFilter,
) (*sqlplugin.CurrentExecutionsRow, error) {
	if r.expected.runID == nil {
		return nil, errNotRecorded
	}
	return &sqlplugin.CurrentExecutionsRow{
		ShardID: filter.ShardID, NamespaceID: filter.NamespaceID, WorkflowID: filter.WorkflowID,
		ArchetypeID: filter.ArchetypeID, RunID: r.expected.runID,
	}, nil
}

// WriteLockExecutions says in which state the workflow is. UpdateExecutions looks whether it is.
func (r *record) WriteLockExecutions(context.Context, sqlplugin.ExecutionsFilter) (dbRecordVersion, nextEventID int64, err error) {
	return r.expected.dbRecordVersion, 0, nil // the second is compared only for rows that have no version
}

// InsertIntoCurrentExecutions enters a run as its workflow's current one. Another makes it fail.
func (r *record) InsertIntoCurrentExecutions(_ context.Context, row *sqlplugin.CurrentExecutionsRow) (sql.Result, error) {
	if row.ArchetypeID != chasm.WorkflowArchetypeID {
		return nil, errNotRecorded
	}
	return r.insert("current_executions", `shard_id, namespace_id, workflow_id, run_id, create_request_id, state, status,
		start_time, last_write_version, data, data_encoding`, "", []any{
		row.ShardID, []byte(row.NamespaceID), row.WorkflowID, []byte(row.RunID), row.CreateRequestID, int32(row.State),
		int32(row.Status), row.StartTime, row.LastWriteVersion, row.Data, row.DataEncoding,
	}), nil
}

// UpdateCurrentExecutions writes the current run.
func (r *record) UpdateCurrentExecutions(_ context.Context, row *sqlplugin.CurrentExecutionsRow) (sql.Result, error) {
	if row.ArchetypeID != chasm.WorkflowArchetypeID || r.expected.runID == nil {
		return nil, errNotRecorded
	}
	r.must(`UPDATE current_executions SET run_id = ?, create_request_id = ?, state = ?, status = ?, start_time = ?,
		last_write_version = ?, data = ?, data_encoding = ?
		WHERE shard_id = ? AND namespace_id = ? AND workflow_id = ? AND run_id = ? RETURNING 1`,
		[]byte(row.RunID), row.CreateRequestID, int32(row.State), int32(row.Status), row.StartTime,
		row.LastWriteVersion, row.Data, row.DataEncoding,
		row.ShardID, []byte(row.NamespaceID), row.WorkflowID, []byte(r.expected.runID))
	return one, nil
}

// InsertIntoExecutions enters a run.
func (r *record) InsertIntoExecutions(_ context.Context, row *sqlplugin.ExecutionsRow) (sql.Result, error) {
	return r.insert("executions", `shard_id, namespace_id, workflow_id, run_id, next_event_id, last_write_version, data,
		data_encoding, state, state_encoding, db_record_version`, "", []any{
		row.ShardID, []byte(row.NamespaceID), row.WorkflowID, []byte(row.RunID), row.NextEventID, row.LastWriteVersion, row.Data,
		row.DataEncoding, row.State, row.StateEncoding, row.DBRecordVersion,
	}), nil
}

// UpdateExecutions writes the state of a run.
func (r *record) UpdateExecutions(_ context.Context, row *sqlplugin.ExecutionsRow) (sql.Result, error) {
	r.must(`UPDATE executions SET db_record_version = ?, next_event_id = ?, last_write_version = ?, data = ?,
		data_encoding = ?, state = ?, state_encoding = ?
		WHERE shard_id = ? AND namespace_id = ? AND workflow_id = ? AND run_id = ? AND db_record_version = ? RETURNING 1`,
		row.DBRecordVersion, row.NextEventID, row.LastWriteVersion, row.Data,
		row.DataEncoding, row.State, row.StateEncoding,
		row.ShardID, []byte(row.NamespaceID), row.WorkflowID, []byte(row.RunID), r.expected.dbRecordVersion)
	return one, nil
}

// InsertIntoHistoryNode writes events.
func (r *record) InsertIntoHistoryNode(_ context.Context, row *sqlplugin.HistoryNodeRow) (sql.Result, error) {
	return r.insert("history_node", "shard_id, tree_id, branch_id, node_id, prev_txn_id, txn_id, data, data_encoding",
		` ON CONFLICT (shard_id, tree_id, branch_id, node_id, txn_id)
		DO UPDATE SET prev_txn_id = excluded.prev_txn_id, data = excluded.data, data_encoding = excluded.data_encoding`, []any{
			row.ShardID, []byte(row.TreeID), []byte(row.BranchID), row.NodeID, row.PrevTxnID,
			-row.TxnID, // the later ones come first in the index
			row.Data, row.DataEncoding,
		}), nil
}

// InsertIntoHistoryTree enters a branch of a history.
func (r *record) InsertIntoHistoryTree(_ context.Context, row *sqlplugin.HistoryTreeRow) (sql.Result, error) {
	return r.insert("history_tree", "shard_id, tree_id, branch_id, data, data_encoding",
		" ON CONFLICT (shard_id, tree_id, branch_id) DO UPDATE SET data = excluded.data, data_encoding = excluded.data_encoding",
		[]any{row.ShardID, []byte(row.TreeID), []byte(row.BranchID), row.Data, row.DataEncoding}), nil
}

// InsertIntoTransferTasks adds to that queue.
func (r *record) InsertIntoTransferTasks(_ context.Context, tasks []sqlplugin.TransferTasksRow) (sql.Result, error) {
	rows := make([][]any, len(tasks))
	for i, task := range tasks {
		rows[i] = []any{task.ShardID, task.TaskID, task.Data, task.DataEncoding}
	}
	return r.insert("transfer_tasks", "shard_id, task_id, data, data_encoding", "", rows...), nil
}

// InsertIntoVisibilityTasks adds to that queue.
func (r *record) InsertIntoVisibilityTasks(_ context.Context, tasks []sqlplugin.VisibilityTasksRow) (sql.Result, error) {
	rows := make([][]any, len(tasks))
	for i, task := range tasks {
		rows[i] = []any{task.ShardID, task.TaskID, task.Data, task.DataEncoding}
	}
	return r.insert("visibility_tasks", "shard_id, task_id, data, data_encoding", "", rows...), nil
}

// deleteTimers takes tasks out of the queue that InsertIntoTimerTasks adds to. One that isn't there any more is fine.
func (r *record) deleteTimers(shardID int32, timers []tasks.Key) {
	for _, timer := range timers {
		r.add("DELETE FROM timer_tasks WHERE shard_id = ? AND visibility_timestamp = ? AND task_id = ?",
			shardID, timer.FireTime.UTC().Truncate(time.Microsecond), timer.TaskID)
	}
}

// InsertIntoTimerTasks adds to that queue.
func (r *record) InsertIntoTimerTasks(_ context.Context, tasks []sqlplugin.TimerTasksRow) (sql.Result, error) {
	rows := make([][]any, len(tasks))
	for i, task := range tasks {
		at := task.VisibilityTimestamp.UTC().Truncate(time.Microsecond)
		if at.IsZero() {
			return nil, errNotRecorded // the plugin has a date of its own for it
		}
		rows[i] = []any{task.ShardID, at, task.TaskID, task.Data, task.DataEncoding}
	}
	return r.insert("timer_tasks", "shard_id, visibility_timestamp, task_id, data, data_encoding", "", rows...), nil
}
