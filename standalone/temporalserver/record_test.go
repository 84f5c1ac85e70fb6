package temporalserver

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	enumsspb "go.temporal.io/server/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/chasm"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	temporalsql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/service/history/tasks"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	someNamespace = "32049b68-7872-4094-8e63-d0dd59896a83"
	someRun       = "b3e5f0a4-3d40-4a9b-9d1e-6a8e0a0f5a11"
	otherRun      = "b3e5f0a4-3d40-4a9b-9d1e-6a8e0a0f5a22"
	rangeID       = 7
)

func blob(text string) *commonpb.DataBlob {
	return &commonpb.DataBlob{EncodingType: enums.ENCODING_TYPE_PROTO3, Data: []byte(text)}
}

func executionState(run string, state enumsspb.WorkflowExecutionState, status enums.WorkflowExecutionStatus) *persistencespb.WorkflowExecutionState {
	return &persistencespb.WorkflowExecutionState{
		RunId: run, CreateRequestId: "request", State: state, Status: status,
		StartTime: timestamppb.New(time.Date(2026, 2, 2, 14, 30, 0, 123456789, time.UTC)),
	}
}

func queued(first int64) map[tasks.Category][]persistence.InternalHistoryTask {
	task := func(id int64) persistence.InternalHistoryTask {
		at := time.Date(2026, 2, 2, 14, 30, int(id), 987654321, time.FixedZone("", 3600))
		return persistence.InternalHistoryTask{Key: tasks.NewKey(at, id), Blob: blob(fmt.Sprint("task ", id))}
	}
	return map[tasks.Category][]persistence.InternalHistoryTask{
		tasks.CategoryTransfer:   {task(first), task(first + 1)},
		tasks.CategoryTimer:      {task(first + 2), task(first + 3)},
		tasks.CategoryVisibility: {task(first + 4)},
	}
}

func newEvents(node int64, branch bool) []*persistence.InternalAppendHistoryNodesRequest {
	return []*persistence.InternalAppendHistoryNodesRequest{{
		IsNewBranch: branch, ShardID: 1, TreeInfo: blob("tree"),
		BranchInfo: &persistencespb.HistoryBranch{TreeId: someRun, BranchId: otherRun},
		Node:       persistence.InternalHistoryNode{NodeID: node, Events: blob("events"), TransactionID: 40 + node, PrevTransactionID: 39},
	}}
}

func creation(run string) *persistence.InternalCreateWorkflowExecutionRequest {
	return &persistence.InternalCreateWorkflowExecutionRequest{
		ShardID: 1, RangeID: rangeID, Mode: persistence.CreateWorkflowModeBrandNew, ArchetypeID: chasm.WorkflowArchetypeID,
		NewWorkflowNewEvents: newEvents(1, true),
		NewWorkflowSnapshot: persistence.InternalWorkflowSnapshot{
			NamespaceID: someNamespace, WorkflowID: "w", RunID: run, ExecutionInfoBlob: blob("info"), ExecutionStateBlob: blob("state"),
			ExecutionState: executionState(run, enumsspb.WORKFLOW_EXECUTION_STATE_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_RUNNING),
			NextEventID:    4, LastWriteVersion: 1, DBRecordVersion: 1, Tasks: queued(100),
		},
	}
}

func completion(run string, version int64) *persistence.InternalUpdateWorkflowExecutionRequest {
	return &persistence.InternalUpdateWorkflowExecutionRequest{
		ShardID: 1, RangeID: rangeID, Mode: persistence.UpdateWorkflowModeUpdateCurrent, ArchetypeID: chasm.WorkflowArchetypeID,
		UpdateWorkflowNewEvents: append(newEvents(4, false), newEvents(5, false)...),
		UpdateWorkflowMutation: persistence.InternalWorkflowMutation{
			NamespaceID: someNamespace, WorkflowID: "w", RunID: run, ExecutionInfoBlob: blob("new info"), ExecutionStateBlob: blob("new state"),
			ExecutionState: executionState(run, enumsspb.WORKFLOW_EXECUTION_STATE_COMPLETED, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED),
			NextEventID:    7, LastWriteVersion: 1, DBRecordVersion: version, Condition: 4, Tasks: queued(200),
		},
	}
}

// step is what happens to a running workflow: what it waits for changes. It is in its first state, the version 1, before.
func step(version int64, change func(*persistence.InternalWorkflowMutation)) *persistence.InternalUpdateWorkflowExecutionRequest {
	request := completion(someRun, version)
	request.UpdateWorkflowNewEvents = newEvents(10*version, false)
	update := &request.UpdateWorkflowMutation
	update.ExecutionState = executionState(someRun, enumsspb.WORKFLOW_EXECUTION_STATE_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_RUNNING)
	update.Tasks = queued(200 * version)
	change(update)
	return request
}

// steps are those of a workflow that has activities, timers and signals; each leaves traces, and the last but one of all.
func steps() []*persistence.InternalUpdateWorkflowExecutionRequest {
	started := step(3, func(u *persistence.InternalWorkflowMutation) {
		u.UpsertActivityInfos = map[int64]*commonpb.DataBlob{5: blob("started")}
	})
	started.UpdateWorkflowNewEvents = nil
	return []*persistence.InternalUpdateWorkflowExecutionRequest{
		step(2, func(u *persistence.InternalWorkflowMutation) {
			u.UpsertActivityInfos = map[int64]*commonpb.DataBlob{5: blob("scheduled"), 6: blob("scheduled too")}
			u.UpsertTimerInfos = map[string]*commonpb.DataBlob{"1": blob("first"), "2": blob("second")}
		}),
		started,
		step(4, func(u *persistence.InternalWorkflowMutation) {
			u.UpsertSignalRequestedIDs = map[string]struct{}{"a": {}, "b": {}}
			u.DeleteActivityInfos = map[int64]struct{}{5: {}, 7: {}}
			u.DeleteTimerInfos = map[string]struct{}{"1": {}}
		}),
		step(5, func(u *persistence.InternalWorkflowMutation) {
			u.UpsertSignalRequestedIDs = map[string]struct{}{"b": {}}
			u.DeleteSignalRequestedIDs = map[string]struct{}{"a": {}}
			u.UpsertTimerInfos = map[string]*commonpb.DataBlob{"2": blob("changed")}
		}),
		completion(someRun, 6),
	}
}

// executionStores are Temporal's own store and that of this package, on one database.
func executionStores(t *testing.T) (own, ours persistence.ExecutionStore, plain *sql.DB) {
	t.Helper()
	p := prepared(t)
	cfg := p.sql(p.Database, 4)
	cfg.PluginName = postgresql.PluginNamePGX
	temporals, err := temporalsql.NewSQLDB(sqlplugin.DbKindMain, cfg, resolver.NewNoopResolver(), p.logger, metrics.NoopMetricsHandler)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporals.Close()) })
	for _, db := range []sqlplugin.DB{temporals, openPlugin(t, p, sqlplugin.DbKindMain, p.Database)} {
		store, err := temporalsql.NewSQLExecutionStore(db, p.logger, serialization.NewSerializer())
		require.NoError(t, err)
		own, ours = ours, store
	}
	plain, err = openDatabase(p, p.Database)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, plain.Close()) })
	_, err = plain.ExecContext(within(t), "INSERT INTO shards VALUES (1, $1, '', '')", rangeID)
	require.NoError(t, err)
	return own, newExecutionStore(ours), plain
}

// written is all that is in the tables, by table.
func written(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, table := range []string{
		"executions", "current_executions", "history_tree", "history_node", "transfer_tasks", "timer_tasks", "visibility_tasks", "shards",
		"activity_info_maps", "timer_info_maps", "signals_requested_sets",
	} {
		var rows string
		require.NoError(t, db.QueryRowContext(within(t), "SELECT COALESCE(string_agg(t::text, ' ' ORDER BY t::text), '') FROM "+table+" t").Scan(&rows))
		all[table] = rows
	}
	return all
}

func empty(t *testing.T, db *sql.DB) {
	t.Helper()
	_, err := db.ExecContext(within(t), `TRUNCATE executions, current_executions, history_tree, history_node, transfer_tasks, timer_tasks,
		visibility_tasks, activity_info_maps, timer_info_maps, signals_requested_sets`)
	require.NoError(t, err)
}

// What is written in one statement is what Temporal's own store writes in many.
func TestWrittenAtOnce(t *testing.T) {
	t.Parallel()
	own, ours, db := executionStores(t)
	var truth []map[string]string // after each step
	for _, store := range []persistence.ExecutionStore{own, ours} {
		empty(t, db)
		_, err := store.CreateWorkflowExecution(within(t), creation(someRun))
		require.NoError(t, err)
		rows := []map[string]string{written(t, db)}
		for _, request := range steps() {
			require.NoError(t, store.UpdateWorkflowExecution(within(t), request))
			rows = append(rows, written(t, db))
			require.NotEqual(t, rows[len(rows)-2], rows[len(rows)-1])
		}
		if store == own {
			truth = rows
			for table, text := range rows[3] {
				require.NotEmpty(t, text, table)
			}
		}
		require.Equal(t, truth, rows)
	}
}

// The timers that a workflow was created with are of no use when its first task has completed it, and only then.
func TestTimersOfACompletedWorkflow(t *testing.T) {
	t.Parallel()
	_, store, db := executionStores(t)
	timers := func() (ids string) {
		require.NoError(t, db.QueryRowContext(within(t), "SELECT string_agg(task_id::text, ' ' ORDER BY task_id) FROM timer_tasks").Scan(&ids))
		return ids
	}
	read := &persistence.GetWorkflowExecutionRequest{ShardID: 1, NamespaceID: someNamespace, WorkflowID: "w", RunID: someRun}
	for name, scenario := range map[string]struct {
		request *persistence.InternalUpdateWorkflowExecutionRequest
		left    string
	}{
		"completed":          {completion(someRun, 2), "202 203"},
		"goes on":            {step(2, func(*persistence.InternalWorkflowMutation) {}), "102 103 402 403"},
		"of another version": {completion(someRun, 3), "102 103"},
	} {
		empty(t, db)
		_, err := store.CreateWorkflowExecution(within(t), creation(someRun))
		require.NoError(t, err)
		_, err = store.GetWorkflowExecution(within(t), read)
		require.NoError(t, err)
		require.Equal(t, "102 103", timers(), name)
		_ = store.UpdateWorkflowExecution(within(t), scenario.request)
		require.Equal(t, scenario.left, timers(), name)
	}
}

// All steps of a workflow's life are taken at once: none falls back to Temporal's own.
func TestEachStepAtOnce(t *testing.T) {
	t.Parallel()
	_, ours, _ := executionStores(t)
	inner := ours.(*executionStore).ExecutionStore
	_, err := ours.CreateWorkflowExecution(within(t), creation(someRun))
	require.NoError(t, err)
	run, err := primitives.ParseUUID(someRun)
	require.NoError(t, err)
	for _, request := range steps() {
		expected := expectation{rangeID: rangeID, runID: run, dbRecordVersion: request.UpdateWorkflowMutation.DBRecordVersion - 1}
		done, err := atOnce(within(t), 1, expected, func(ctx context.Context) error {
			return inner.UpdateWorkflowExecution(ctx, request)
		})
		require.NoError(t, err)
		require.True(t, done, "version %d", request.UpdateWorkflowMutation.DBRecordVersion)
	}
}

// What was not done is told apart from what may have been.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	_, ours, db := executionStores(t)
	inner := ours.(*executionStore).ExecutionStore
	expected := expectation{rangeID: rangeID}
	create := func(ctx context.Context) error {
		_, err := inner.CreateWorkflowExecution(ctx, creation(someRun))
		return err
	}
	done, err := atOnce(within(t), 2, expected, create)
	require.NoError(t, err)
	require.True(t, done)
	before := written(t, db)

	// A second time it is refused, as with fewer transactions than are begun, and leaves no trace.
	for _, transactions := range []int{2, 1, 3} {
		done, err = atOnce(within(t), transactions, expected, create)
		require.NoError(t, err)
		require.False(t, done)
	}
	require.Equal(t, before, written(t, db))

	// Where Postgres cannot say what became of it, it is not done again.
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	done, err = atOnce(ctx, 2, expected, create)
	require.ErrorContains(t, err, "write a workflow: ")
	require.True(t, done)
}

// What is not as expected is found out as by Temporal's own store, and nothing is written.
func TestNotWrittenAtOnce(t *testing.T) {
	t.Parallel()
	own, ours, db := executionStores(t)
	_, err := ours.CreateWorkflowExecution(within(t), creation(someRun))
	require.NoError(t, err)
	before := written(t, db)
	lost := creation(otherRun)
	lost.NewWorkflowSnapshot.WorkflowID, lost.RangeID = "v", rangeID-1
	lostEnd := completion(someRun, 2)
	lostEnd.RangeID--
	for name, act := range map[string]func(persistence.ExecutionStore) error{
		"another run": func(s persistence.ExecutionStore) error {
			_, err := s.CreateWorkflowExecution(within(t), creation(otherRun))
			return err
		},
		"the same run": func(s persistence.ExecutionStore) error {
			_, err := s.CreateWorkflowExecution(within(t), creation(someRun))
			return err
		},
		"lost shard": func(s persistence.ExecutionStore) error {
			_, err := s.CreateWorkflowExecution(within(t), lost)
			return err
		},
		"lost shard at the end": func(s persistence.ExecutionStore) error { return s.UpdateWorkflowExecution(within(t), lostEnd) },
		"a state that is not the last": func(s persistence.ExecutionStore) error {
			return s.UpdateWorkflowExecution(within(t), completion(someRun, 3))
		},
		"a run that is not the current": func(s persistence.ExecutionStore) error {
			return s.UpdateWorkflowExecution(within(t), completion(otherRun, 2))
		},
	} {
		truth := act(own)
		require.Error(t, truth, name)
		if name != "another run" && name != "the same run" && name != "lost shard" {
			// Temporal's own store leaves the events behind: they are in a transaction before.
			_, err := db.ExecContext(within(t), "DELETE FROM history_node WHERE node_id > 1")
			require.NoError(t, err)
		}
		require.Equal(t, before, written(t, db), name)
		told := act(ours)
		require.Equal(t, fmt.Sprintf("%T: %v", truth, truth), fmt.Sprintf("%T: %v", told, told), name)
		require.Equal(t, before, written(t, db), name)
	}
}
