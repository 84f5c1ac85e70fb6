package temporalserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lib/pq"
)

// Temporal's visibility table comes with an index for everything that any of its users may search by, 73 in
// all, and every workflow that starts or ends is entered in each: a third of what a delivery costs Postgres.
// Here it has those for what operators search by, and an index that serves few rows holds only those.

// fullIndexes are Temporal's own that stay: for the Web UI's list, for an ID, for a type.
func fullIndexes() []string { return []string{"default_idx", "by_workflow_id", "by_workflow_type"} }

// partialIndexes are columns whose index holds only rows that fulfil a condition: those of the namespace's search
// attributes, for the rows that have the attribute, and some of Temporal's.
func partialIndexes(attributes []string) map[string]string {
	conditions := map[string]string{"status": "status <> 2"} // all but "completed", which the Web UI's list serves
	for _, column := range slices.Concat(attributes, []string{
		"parent_workflow_id", "BatcherUser", "TemporalReportedProblems", "TemporalScheduledById",
		"TemporalNamespaceDivision", // the server's own workflows
	}) {
		conditions[strings.ToLower(column)] = column + " IS NOT NULL" // Postgres infers it from any comparison
	}
	return conditions
}

// ownIndex is in front of the names of the indexes that are made here.
const ownIndex = "durahook_"

// setAsideTable remembers Temporal's indexes that were dropped.
const setAsideTable = "durahook_set_aside_indexes"

// trimIndexes drops the indexes of the visibility table that nobody needs, after noting how they are made
// again, and makes the partial ones. It may be called again, with further columns.
func trimIndexes(ctx context.Context, p *plan, columns []string) (err error) {
	db, err := openDatabase(p, p.VisibilityDatabase)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := lockedTx(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after Commit
	if err := setAside(ctx, tx, p.progress); err != nil {
		return err
	}
	if err := makePartial(ctx, tx, partialIndexes(columns)); err != nil {
		return err
	}
	return tx.Commit()
}

// setAside drops the indexes that are Temporal's and not among fullIndexes, and remembers them.
func setAside(ctx context.Context, tx *sql.Tx, progress func(string)) error {
	const remember = `
CREATE TABLE IF NOT EXISTS ` + setAsideTable + ` (
  name       TEXT PRIMARY KEY,
  column_name TEXT NOT NULL, -- the one that the index is for; all begin with the namespace
  definition TEXT NOT NULL
)`
	if _, err := tx.ExecContext(ctx, remember); err != nil {
		return fmt.Errorf("remember indexes: %w", err)
	}
	const note = `
INSERT INTO ` + setAsideTable + `
SELECT relname, trim(BOTH '"' FROM pg_get_indexdef(indexrelid, 2, true)), pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'executions_visibility'::regclass AND NOT indisprimary
  AND NOT starts_with(relname, $1) AND relname <> ALL ($2)
ON CONFLICT (name) DO UPDATE SET column_name = excluded.column_name, definition = excluded.definition
RETURNING name`
	names, err := queryStrings(ctx, tx, note, ownIndex, pq.Array(fullIndexes()))
	if err != nil {
		return fmt.Errorf("note indexes: %w", err)
	}
	if len(names) > 0 {
		progress(fmt.Sprintf("setting aside %d indexes of the visibility table", len(names)))
	}
	for _, name := range names {
		if _, err := tx.ExecContext(ctx, "DROP INDEX "+pq.QuoteIdentifier(name)); err != nil { //nolint:gosec // quoted
			return fmt.Errorf("drop index %s: %w", name, err)
		}
	}
	return nil
}

// makePartial makes the index of every column that has a condition, like Temporal's own but for the condition.
func makePartial(ctx context.Context, tx *sql.Tx, conditions map[string]string) error {
	const define = `
SELECT replace(definition, ' ' || name || ' ', ' IF NOT EXISTS ' || $1 || name || ' ') || ' WHERE ' || $2
FROM ` + setAsideTable + ` WHERE column_name = $3`
	for _, column := range slices.Sorted(maps.Keys(conditions)) {
		statements, err := queryStrings(ctx, tx, define, ownIndex, conditions[column], column)
		if err != nil {
			return fmt.Errorf("look how to make the index of %s: %w", column, err)
		}
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil { //nolint:gosec // made of what Postgres said
				return fmt.Errorf("make the index of %s: %w", column, err)
			}
		}
	}
	return nil
}

// restoreIndexes makes the table as Temporal made it, for an upgrade of the schema, which counts on that.
func restoreIndexes(ctx context.Context, tx *sql.Tx) error {
	var trimmed bool
	const look = "SELECT to_regclass($1) IS NOT NULL"
	if err := tx.QueryRowContext(ctx, look, setAsideTable).Scan(&trimmed); err != nil || !trimmed {
		return err
	}
	own, err := queryStrings(ctx, tx, `
SELECT 'DROP INDEX ' || relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'executions_visibility'::regclass AND starts_with(relname, $1)`, ownIndex)
	if err != nil {
		return err
	}
	theirs, err := queryStrings(ctx, tx, "SELECT definition FROM "+setAsideTable)
	if err != nil {
		return err
	}
	for _, statement := range slices.Concat(own, theirs, []string{"DROP TABLE " + setAsideTable}) {
		if _, err := tx.ExecContext(ctx, statement); err != nil { //nolint:gosec // made of what Postgres said
			return fmt.Errorf("restore indexes: %w", err)
		}
	}
	return nil
}

// queryStrings returns the first column of what a query returns.
func queryStrings(ctx context.Context, tx *sql.Tx, query string, args ...any) (_ []string, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
