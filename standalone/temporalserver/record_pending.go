package temporalserver

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/primitives"
)

// The recorded steps for what a workflow waits for: the activities and timers under way, and the signals that it has had.
// Each is a row, told apart by its key.

const (
	activitiesTable, activityKey = "activity_info_maps", "schedule_id"
	timersTable, timerKey        = "timer_info_maps", "timer_id"
	signalsTable, signalKey      = "signals_requested_sets", "signal_id"
)

// replace adds rows, or writes them anew.
func (r *record) replace(table, key string, rows ...[]any) sql.Result {
	return r.insert(table, "shard_id, namespace_id, workflow_id, run_id, "+key+", data, data_encoding",
		" ON CONFLICT (shard_id, namespace_id, workflow_id, run_id, "+key+
			") DO UPDATE SET data = excluded.data, data_encoding = excluded.data_encoding", rows...)
}

// remove deletes a run's rows that have one of the keys, a slice.
func (r *record) remove(table, key string, shard int32, namespace primitives.UUID, workflow string, run primitives.UUID, keys any) sql.Result {
	r.add("DELETE FROM "+table+" WHERE shard_id = ? AND namespace_id = ? AND workflow_id = ? AND run_id = ? AND "+key+" = ANY (?)",
		shard, []byte(namespace), workflow, []byte(run), keys)
	return driver.RowsAffected(0) // nobody asks how many there were
}

// ReplaceIntoActivityInfoMaps writes the state of activities.
func (r *record) ReplaceIntoActivityInfoMaps(_ context.Context, activities []sqlplugin.ActivityInfoMapsRow) (sql.Result, error) {
	rows := make([][]any, len(activities))
	for i, a := range activities {
		rows[i] = []any{a.ShardID, []byte(a.NamespaceID), a.WorkflowID, []byte(a.RunID), a.ScheduleID, a.Data, a.DataEncoding}
	}
	return r.replace(activitiesTable, activityKey, rows...), nil
}

// DeleteFromActivityInfoMaps removes activities that are over.
func (r *record) DeleteFromActivityInfoMaps(_ context.Context, f sqlplugin.ActivityInfoMapsFilter) (sql.Result, error) {
	return r.remove(activitiesTable, activityKey, f.ShardID, f.NamespaceID, f.WorkflowID, f.RunID, f.ScheduleIDs), nil
}

// ReplaceIntoTimerInfoMaps writes timers.
func (r *record) ReplaceIntoTimerInfoMaps(_ context.Context, timers []sqlplugin.TimerInfoMapsRow) (sql.Result, error) {
	rows := make([][]any, len(timers))
	for i, t := range timers {
		rows[i] = []any{t.ShardID, []byte(t.NamespaceID), t.WorkflowID, []byte(t.RunID), t.TimerID, t.Data, t.DataEncoding}
	}
	return r.replace(timersTable, timerKey, rows...), nil
}

// DeleteFromTimerInfoMaps removes timers that are over.
func (r *record) DeleteFromTimerInfoMaps(_ context.Context, f sqlplugin.TimerInfoMapsFilter) (sql.Result, error) {
	return r.remove(timersTable, timerKey, f.ShardID, f.NamespaceID, f.WorkflowID, f.RunID, f.TimerIDs), nil
}

// ReplaceIntoSignalsRequestedSets notes signals that have come in.
func (r *record) ReplaceIntoSignalsRequestedSets(_ context.Context, signals []sqlplugin.SignalsRequestedSetsRow) (sql.Result, error) {
	rows := make([][]any, len(signals))
	for i, s := range signals {
		rows[i] = []any{s.ShardID, []byte(s.NamespaceID), s.WorkflowID, []byte(s.RunID), s.SignalID}
	}
	return r.insert(signalsTable, "shard_id, namespace_id, workflow_id, run_id, "+signalKey, " ON CONFLICT DO NOTHING", rows...), nil
}

// DeleteFromSignalsRequestedSets forgets signals.
func (r *record) DeleteFromSignalsRequestedSets(_ context.Context, f sqlplugin.SignalsRequestedSetsFilter) (sql.Result, error) {
	return r.remove(signalsTable, signalKey, f.ShardID, f.NamespaceID, f.WorkflowID, f.RunID, f.SignalIDs), nil
}
