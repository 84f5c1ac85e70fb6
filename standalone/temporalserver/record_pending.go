package temporalserver

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/primitives"
)

// The recorded steps for what a workflow waits for: the activities and timers under way, and the signals that it has had.

// pending is a table of a row for each thing that a workflow waits for.
type pending struct {
	table, key string
}

// replace adds rows, or writes them anew. A row is its key, by which it is told apart, and its values.
func (p pending) replace(r *record, rows ...[]any) sql.Result {
	return r.insert(p.table, "shard_id, namespace_id, workflow_id, run_id, "+p.key+", data, data_encoding",
		" ON CONFLICT (shard_id, namespace_id, workflow_id, run_id, "+p.key+
			") DO UPDATE SET data = excluded.data, data_encoding = excluded.data_encoding", rows...)
}

// remove deletes the rows that have one of the keys, a slice.
func (p pending) remove(r *record, shard int32, namespace primitives.UUID, workflow string, run primitives.UUID, keys any) sql.Result {
	r.add("DELETE FROM "+p.table+" WHERE shard_id = ? AND namespace_id = ? AND workflow_id = ? AND run_id = ? AND "+p.key+" = ANY (?)",
		shard, []byte(namespace), workflow, []byte(run), keys)
	return driver.RowsAffected(0) // nobody asks how many there were
}

var (
	pendingActivities = pending{table: "activity_info_maps", key: "schedule_id"}
	pendingTimers     = pending{table: "timer_info_maps", key: "timer_id"}
	signalsRequested  = pending{table: "signals_requested_sets", key: "signal_id"}
)

// ReplaceIntoActivityInfoMaps writes the state of activities.
func (r *record) ReplaceIntoActivityInfoMaps(_ context.Context, activities []sqlplugin.ActivityInfoMapsRow) (sql.Result, error) {
	rows := make([][]any, len(activities))
	for i, a := range activities {
		rows[i] = []any{a.ShardID, []byte(a.NamespaceID), a.WorkflowID, []byte(a.RunID), a.ScheduleID, a.Data, a.DataEncoding}
	}
	return pendingActivities.replace(r, rows...), nil
}

// DeleteFromActivityInfoMaps removes activities that are over.
func (r *record) DeleteFromActivityInfoMaps(_ context.Context, f sqlplugin.ActivityInfoMapsFilter) (sql.Result, error) {
	return pendingActivities.remove(r, f.ShardID, f.NamespaceID, f.WorkflowID, f.RunID, f.ScheduleIDs), nil
}

// ReplaceIntoTimerInfoMaps writes timers.
func (r *record) ReplaceIntoTimerInfoMaps(_ context.Context, timers []sqlplugin.TimerInfoMapsRow) (sql.Result, error) {
	rows := make([][]any, len(timers))
	for i, t := range timers {
		rows[i] = []any{t.ShardID, []byte(t.NamespaceID), t.WorkflowID, []byte(t.RunID), t.TimerID, t.Data, t.DataEncoding}
	}
	return pendingTimers.replace(r, rows...), nil
}

// DeleteFromTimerInfoMaps removes timers that are over.
func (r *record) DeleteFromTimerInfoMaps(_ context.Context, f sqlplugin.TimerInfoMapsFilter) (sql.Result, error) {
	return pendingTimers.remove(r, f.ShardID, f.NamespaceID, f.WorkflowID, f.RunID, f.TimerIDs), nil
}

// ReplaceIntoSignalsRequestedSets notes signals that have come in.
func (r *record) ReplaceIntoSignalsRequestedSets(_ context.Context, signals []sqlplugin.SignalsRequestedSetsRow) (sql.Result, error) {
	rows := make([][]any, len(signals))
	for i, s := range signals {
		rows[i] = []any{s.ShardID, []byte(s.NamespaceID), s.WorkflowID, []byte(s.RunID), s.SignalID}
	}
	return r.insert("signals_requested_sets", "shard_id, namespace_id, workflow_id, run_id, signal_id", " ON CONFLICT DO NOTHING", rows...), nil
}

// DeleteFromSignalsRequestedSets forgets signals.
func (r *record) DeleteFromSignalsRequestedSets(_ context.Context, f sqlplugin.SignalsRequestedSetsFilter) (sql.Result, error) {
	return signalsRequested.remove(r, f.ShardID, f.NamespaceID, f.WorkflowID, f.RunID, f.SignalIDs), nil
}
