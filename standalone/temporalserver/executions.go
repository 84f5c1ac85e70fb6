package temporalserver

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	enumsspb "go.temporal.io/server/api/enums/v1"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/persistence"
	persistenceclient "go.temporal.io/server/common/persistence/client"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/service/history/tasks"
)

// newPersistence is Temporal's own persistence with executionStore in it.
func newPersistence(params persistenceclient.NewFactoryParams) persistenceclient.Factory {
	params.DataStoreFactory = &stores{DataStoreFactory: params.DataStoreFactory}
	return persistenceclient.FactoryProvider(params)
}

type stores struct {
	persistence.DataStoreFactory
}

// NewExecutionStore returns the store of workflows.
func (s *stores) NewExecutionStore() (persistence.ExecutionStore, error) {
	store, err := s.DataStoreFactory.NewExecutionStore()
	if err != nil {
		return nil, err
	}
	return newExecutionStore(store), nil
}

func newExecutionStore(store persistence.ExecutionStore) *executionStore {
	return &executionStore{
		ExecutionStore: store,
		created:        map[executionKey]remembered{},
		read:           map[int32]time.Time{},
		background:     make(chan struct{}, backgroundReads),
	}
}

// backgroundReads is how many workflows are read at the same time for Temporal's own queues. After a crash these want
// thousands at once, each of nine queries and within three seconds: all together they would take the connections from
// each other and from everybody else, and none would be done in time.
const backgroundReads = mainConnections / 3

// executionStore remembers what it has just created. Temporal drops the state of a workflow that it has
// started and reads it again, in nine queries, as soon as the worker answers. When that completes the workflow, the timers
// that it was created with (for its first task, in ten seconds) are of no use any more, and leave with the same statement:
// else each is taken up again when it fires, for which the state has to be read if it isn't in memory any more.
//
// That is sound because the history service of this process is the only one there is, and all that it writes
// goes through here: an entry is forgotten at the first write after it, and its state by whoever reads it.
type executionStore struct {
	persistence.ExecutionStore
	mu      sync.Mutex
	created map[executionKey]remembered
	read    map[int32]time.Time // when a shard's queue for visibility was last read

	background chan struct{} // has one in it for each workflow that is read for a queue
}

type executionKey struct {
	shard                    int32
	namespace, workflow, run string
}

// remembered is an execution that has just been created.
type remembered struct {
	state  *persistence.InternalWorkflowMutableState // nil once it was read
	timers []tasks.Key
}

// maxCreated is how many executions are remembered, of a few kilobytes each. Beyond them all are forgotten.
const maxCreated = 4096

// CreateWorkflowExecution writes a new execution and its first events in one transaction, if possible in one statement.
func (s *executionStore) CreateWorkflowExecution(
	ctx context.Context, request *persistence.InternalCreateWorkflowExecutionRequest,
) (response *persistence.InternalCreateWorkflowExecutionResponse, err error) {
	create := func(ctx context.Context) error {
		response, err = s.ExecutionStore.CreateWorkflowExecution(ctx, request)
		return err
	}
	done, transactions := false, 1+branches(request.NewWorkflowNewEvents)
	if request.Mode == persistence.CreateWorkflowModeBrandNew && request.PreviousRunID == "" {
		done, err = atOnce(ctx, transactions, expectation{rangeID: request.RangeID}, create)
	}
	if !done {
		err = inUnit(ctx, transactions, create)
	}
	if err != nil {
		return nil, err
	}
	s.remember(request.ShardID, &request.NewWorkflowSnapshot)
	return response, nil
}

// UpdateWorkflowExecution writes what became of an execution and its new events in one transaction, if possible in one
// statement.
func (s *executionStore) UpdateWorkflowExecution(
	ctx context.Context, request *persistence.InternalUpdateWorkflowExecutionRequest,
) error {
	update := request.UpdateWorkflowMutation
	timers := s.forget(executionKey{request.ShardID, update.NamespaceID, update.WorkflowID, update.RunID}).timers
	transactions := 1 + branches(request.UpdateWorkflowNewEvents) + branches(request.NewWorkflowNewEvents)
	write := func(ctx context.Context) error { return s.ExecutionStore.UpdateWorkflowExecution(ctx, request) }
	runID, err := primitives.ParseUUID(update.ExecutionState.GetRunId())
	if err == nil && request.Mode == persistence.UpdateWorkflowModeUpdateCurrent && request.NewWorkflowSnapshot == nil && update.DBRecordVersion > 0 {
		expected := expectation{rangeID: request.RangeID, runID: runID, dbRecordVersion: update.DBRecordVersion - 1}
		done, err := atOnce(ctx, transactions, expected, func(ctx context.Context) error {
			if update.ExecutionState.GetState() == enumsspb.WORKFLOW_EXECUTION_STATE_COMPLETED {
				recordOf(ctx).deleteTimers(request.ShardID, timers)
			}
			return write(ctx)
		})
		if done {
			return err
		}
	}
	return inUnit(ctx, transactions, write)
}

// ConflictResolveWorkflowExecution writes an execution anew.
func (s *executionStore) ConflictResolveWorkflowExecution(
	ctx context.Context, request *persistence.InternalConflictResolveWorkflowExecutionRequest,
) error {
	s.forgetAll()
	return s.ExecutionStore.ConflictResolveWorkflowExecution(ctx, request)
}

// SetWorkflowExecution writes an execution anew.
func (s *executionStore) SetWorkflowExecution(ctx context.Context, request *persistence.InternalSetWorkflowExecutionRequest) error {
	s.forgetAll()
	return s.ExecutionStore.SetWorkflowExecution(ctx, request)
}

// DeleteWorkflowExecution deletes an execution.
func (s *executionStore) DeleteWorkflowExecution(ctx context.Context, request *persistence.DeleteWorkflowExecutionRequest) error {
	s.forget(executionKey{request.ShardID, request.NamespaceID, request.WorkflowID, request.RunID})
	return s.ExecutionStore.DeleteWorkflowExecution(ctx, request)
}

// GetWorkflowExecution returns the state of an execution.
func (s *executionStore) GetWorkflowExecution(
	ctx context.Context, request *persistence.GetWorkflowExecutionRequest,
) (*persistence.InternalGetWorkflowExecutionResponse, error) {
	if state := s.take(executionKey{request.ShardID, request.NamespaceID, request.WorkflowID, request.RunID}); state != nil {
		return &persistence.InternalGetWorkflowExecutionResponse{State: state, DBRecordVersion: state.DBRecordVersion}, nil
	}
	if inBackground(ctx) {
		select {
		case s.background <- struct{}{}:
			defer func() { <-s.background }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.ExecutionStore.GetWorkflowExecution(ctx, request)
}

// inBackground reports whether what is done is done for one of Temporal's queues and not for a caller.
func inBackground(ctx context.Context) bool {
	switch headers.GetCallerInfo(ctx).CallerType {
	case headers.CallerTypeBackgroundHigh, headers.CallerTypeBackgroundLow, headers.CallerTypePreemptable:
		return true
	default:
		return false
	}
}

// GetHistoryTasks reads a queue. That of visibility, which nobody waits for, is read once in a while for many tasks: else
// it would be with each that is added.
func (s *executionStore) GetHistoryTasks(
	ctx context.Context, request *persistence.GetHistoryTasksRequest,
) (*persistence.InternalGetHistoryTasksResponse, error) {
	if request.TaskCategory.ID() == tasks.CategoryIDVisibility && len(request.NextPageToken) == 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(s.rest(request.ShardID)):
		}
	}
	return s.ExecutionStore.GetHistoryTasks(ctx, request)
}

// rest is how long a shard's queue for visibility is not to be read yet.
func (s *executionStore) rest(shard int32) time.Duration {
	const interval = 100 * time.Millisecond
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	at := s.read[shard].Add(interval)
	if at.Before(now) {
		at = now
	}
	s.read[shard] = at
	return at.Sub(now)
}

func (s *executionStore) remember(shard int32, created *persistence.InternalWorkflowSnapshot) {
	state := &persistence.InternalWorkflowMutableState{
		ActivityInfos:       created.ActivityInfos,
		TimerInfos:          created.TimerInfos,
		ChildExecutionInfos: created.ChildExecutionInfos,
		RequestCancelInfos:  created.RequestCancelInfos,
		SignalInfos:         created.SignalInfos,
		ChasmNodes:          created.ChasmNodes,
		SignalRequestedIDs:  slices.Collect(maps.Keys(created.SignalRequestedIDs)),
		ExecutionInfo:       created.ExecutionInfoBlob,
		ExecutionState:      created.ExecutionStateBlob,
		NextEventID:         created.NextEventID,
		DBRecordVersion:     created.DBRecordVersion,
	}
	if state.ExecutionInfo == nil || state.ExecutionState == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.created) >= maxCreated {
		clear(s.created)
	}
	entry := remembered{state: state}
	for _, timer := range created.Tasks[tasks.CategoryTimer] {
		entry.timers = append(entry.timers, timer.Key)
	}
	s.created[executionKey{shard, created.NamespaceID, created.WorkflowID, created.RunID}] = entry
}

// take returns the state that was remembered, once, or nil.
func (s *executionStore) take(key executionKey) *persistence.InternalWorkflowMutableState {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, known := s.created[key]
	if known {
		s.created[key] = remembered{timers: entry.timers}
	}
	return entry.state
}

// forget forgets what was remembered, and returns it.
func (s *executionStore) forget(key executionKey) remembered {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := s.created[key]
	delete(s.created, key)
	return entry
}

func (s *executionStore) forgetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.created)
}

// branches counts the requests that Temporal's store writes in a transaction each.
func branches(requests []*persistence.InternalAppendHistoryNodesRequest) int {
	n := 0
	for _, request := range requests {
		if request.IsNewBranch {
			n++
		}
	}
	return n
}
