package temporalserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/server/common/persistence/sql/sqlplugin"
)

// A workflow is entered for searches when it starts and again when it ends. Here many are entered in one
// statement, and a workflow that ends soon after its start is entered once, as nearly all deliveries are.
// Temporal's tasks wait until it is done, so a crash loses nothing: they are done again.

const (
	// startDelay is how long the start of a workflow waits for its end, and endDelay how long the end waits for
	// others. Nothing but searches see either.
	startDelay = 500 * time.Millisecond
	endDelay   = 50 * time.Millisecond
	// flushTimeout bounds one statement.
	flushTimeout = 10 * time.Second
)

// visibilityDB is the database of searches.
type visibilityDB struct {
	database
	exec    func(ctx context.Context, query string, args ...any) (sql.Result, error)
	upsert  string // upsertRows
	mu      sync.Mutex
	waiting map[string]*entry // by run
	timer   *time.Timer       // set for the first of them that is due; nil when there are none
	due     time.Time         // when that is
}

// entry is the newest row of a run that is not written yet.
type entry struct {
	row  *sqlplugin.VisibilityRow
	due  time.Time
	done chan struct{} // closed when it is written, or err says why not
	err  error
}

func newVisibilityDB(db database) (*visibilityDB, error) {
	executor, ok := db.(executor)
	if !ok {
		return nil, errors.New("the visibility database of this Temporal server runs no statements of others")
	}
	return &visibilityDB{
		database: db, exec: executor.ExecContext, upsert: upsertRows(), waiting: map[string]*entry{},
	}, nil
}

// InsertIntoVisibility enters the start of a workflow.
func (v *visibilityDB) InsertIntoVisibility(ctx context.Context, row *sqlplugin.VisibilityRow) (sql.Result, error) {
	return v.write(ctx, row, startDelay)
}

// ReplaceIntoVisibility enters a change or the end of a workflow.
func (v *visibilityDB) ReplaceIntoVisibility(ctx context.Context, row *sqlplugin.VisibilityRow) (sql.Result, error) {
	return v.write(ctx, row, endDelay)
}

// write returns when the row is written, or one of the same run that is newer.
func (v *visibilityDB) write(ctx context.Context, row *sqlplugin.VisibilityRow, delay time.Duration) (sql.Result, error) {
	e := v.enter(context.WithoutCancel(ctx), row, time.Now().Add(delay))
	select {
	case <-e.done:
		return driver.RowsAffected(1), e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (v *visibilityDB) enter(ctx context.Context, row *sqlplugin.VisibilityRow, due time.Time) *entry {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.waiting[row.RunID]
	switch {
	case e == nil:
		e = &entry{row: row, due: due, done: make(chan struct{})}
		v.waiting[row.RunID] = e
	case row.Version > e.row.Version:
		e.row = row
	}
	if due.Before(e.due) {
		e.due = due
	}
	if v.timer == nil || e.due.Before(v.due) {
		v.schedule(ctx, e.due)
	}
	return e
}

// schedule has what is due by then written then. The lock must be held.
func (v *visibilityDB) schedule(ctx context.Context, due time.Time) {
	if v.timer != nil {
		v.timer.Stop()
	}
	v.due = due
	v.timer = time.AfterFunc(time.Until(due), func() { v.flush(ctx) })
}

// flush writes what is due.
func (v *visibilityDB) flush(ctx context.Context) {
	entries := v.take(ctx)
	if len(entries) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := v.writeAll(ctx, entries); err != nil {
		// One of them may be at fault: the others shall not suffer from it.
		for _, e := range entries {
			_, e.err = v.database.ReplaceIntoVisibility(ctx, e.row)
		}
	}
	for _, e := range entries {
		close(e.done)
	}
}

// take returns what is due and leaves the rest waiting.
func (v *visibilityDB) take(ctx context.Context) []*entry {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	var entries []*entry
	var next time.Time
	for run, e := range v.waiting {
		switch {
		case !e.due.After(now):
			entries = append(entries, e)
			delete(v.waiting, run)
		case next.IsZero() || e.due.Before(next):
			next = e.due
		}
	}
	v.timer = nil
	if !next.IsZero() {
		v.schedule(ctx, next)
	}
	return entries
}

func (v *visibilityDB) writeAll(ctx context.Context, entries []*entry) error {
	rows := make([]map[string]any, len(entries))
	for i, e := range entries {
		rows[i] = columns(e.row)
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	_, err = v.exec(ctx, v.upsert, string(text))
	return err
}

// upsertRows writes rows unless there are newer ones. One statement serves any number of them.
func upsertRows() string {
	fields := strings.Join(sqlplugin.DbFields, ", ")
	var sets []string
	for _, field := range sqlplugin.DbFields {
		sets = append(sets, field+" = excluded."+field)
	}
	return "INSERT INTO executions_visibility (" + fields + ") SELECT " + fields +
		" FROM jsonb_populate_recordset(NULL::executions_visibility, $1::jsonb)" +
		" ON CONFLICT (namespace_id, run_id) DO UPDATE SET " + strings.Join(sets, ", ") +
		" WHERE executions_visibility._version < excluded._version"
}

// columns is the row as JSON. A column that is missing is null.
func columns(row *sqlplugin.VisibilityRow) map[string]any {
	values := map[string]any{
		"namespace_id": row.NamespaceID, "run_id": row.RunID, "_version": row.Version,
		"workflow_type_name": row.WorkflowTypeName, "workflow_id": row.WorkflowID,
		"start_time": microseconds(row.StartTime), "execution_time": microseconds(row.ExecutionTime),
		"status": row.Status, "history_length": row.HistoryLength, "history_size_bytes": row.HistorySizeBytes,
		"execution_duration": row.ExecutionDuration, "state_transition_count": row.StateTransitionCount,
		"encoding": row.Encoding, "task_queue": row.TaskQueue, "search_attributes": attributeValues(row),
		"parent_workflow_id": row.ParentWorkflowID, "parent_run_id": row.ParentRunID,
		"root_workflow_id": row.RootWorkflowID, "root_run_id": row.RootRunID,
	}
	if row.CloseTime != nil {
		values["close_time"] = microseconds(*row.CloseTime)
	}
	if row.Memo != nil {
		values["memo"] = `\x` + hex.EncodeToString(row.Memo)
	}
	return values
}

// attributeValues are the search attributes as Temporal stores them: times with nanoseconds.
func attributeValues(row *sqlplugin.VisibilityRow) any {
	if row.SearchAttributes == nil {
		return nil
	}
	values := make(map[string]any, len(*row.SearchAttributes))
	for name, value := range *row.SearchAttributes {
		if at, ok := value.(time.Time); ok {
			value = at.Format(time.RFC3339Nano)
		}
		values[name] = value
	}
	return values
}

// microseconds is a time as Temporal has Postgres keep it, where the year 1000 stands for no time.
func microseconds(at time.Time) string {
	if at.IsZero() {
		return "1000-01-01T00:00:00Z"
	}
	return at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}
