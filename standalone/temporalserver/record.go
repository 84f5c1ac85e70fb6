package temporalserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/primitives"
)

// A workflow is created, and its events and state are written, in some ten statements: locks are taken, what they
// hold is compared, rows are written. Here Temporal's store takes those steps on a record, which tells it what it
// wants to hear of the locks and notes down all that is written. In the end that is done by one statement, which
// fails as a whole if anything is not as the store was told. Then, and where a step cannot be recorded, the store
// takes its steps on the database as ever, and learns the truth.

// record is a transaction, or several that follow each other, that becomes one statement.
type record struct {
	sqlplugin.TableCRUD // fails, for steps that are not recorded

	expected expectation
	left     int // how many transactions are still to be committed
	exec     func(ctx context.Context, query string, args ...any) (sql.Result, error)

	parts []string
	musts []string // what must have found a row
	args  []any
}

// expectation is what the locks are expected to hold.
type expectation struct {
	rangeID         int64
	runID           primitives.UUID // the workflow's current run; nil if it has none
	dbRecordVersion int64
}

type recordKey struct{}

func recordOf(ctx context.Context) *record {
	r, _ := ctx.Value(recordKey{}).(*record)
	return r
}

// atOnce has f's transactions, of which there are this many, done by one statement. It reports false when nothing
// was done and f has to be called again without.
func atOnce(ctx context.Context, transactions int, expected expectation, f func(context.Context) error) (done bool, err error) {
	r := &record{expected: expected, left: transactions}
	if err := f(context.WithValue(ctx, recordKey{}, r)); err != nil || r.left != 0 {
		return false, nil //nolint:nilerr // f says so again
	}
	err = r.send(ctx)
	switch {
	case err == nil:
		return true, nil
	case refused(err):
		return false, nil
	default: // as Temporal's store says it of a commit: it may have happened
		return true, serviceerror.NewUnavailable(fmt.Sprintf("write a workflow: %v", err))
	}
}

// refused reports whether Postgres has undone the statement because of what it found.
func refused(err error) bool {
	const divisionByZero, uniqueViolation = "22012", "23505"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == divisionByZero || pg.Code == uniqueViolation)
}

// on has the record written to a database.
func (r *record) on(db *mainDB) *record {
	r.TableCRUD, r.exec = db.closed, db.exec
	return r
}

// Commit ends a transaction.
func (r *record) Commit() error {
	r.left--
	return nil
}

// Rollback drops what was recorded: nothing was sent, and more transactions are not committed.
func (r *record) Rollback() error { return nil }

// send sends the statement.
func (r *record) send(ctx context.Context) error {
	var query strings.Builder
	query.WriteString("WITH ")
	for i, part := range r.parts {
		if i > 0 {
			query.WriteString(", ")
		}
		fmt.Fprintf(&query, "p%d AS (%s)", i, part)
	}
	query.WriteString(" SELECT 1 / CASE WHEN " + strings.Join(r.musts, " AND ") + " THEN 1 ELSE 0 END")
	_, err := r.exec(ctx, query.String(), r.args...)
	return err
}

// add adds a part with the values for its question marks.
func (r *record) add(part string, values ...any) {
	var text strings.Builder
	for {
		before, after, more := strings.Cut(part, "?")
		text.WriteString(before)
		if !more {
			break
		}
		r.args = append(r.args, values[0])
		fmt.Fprintf(&text, "$%d", len(r.args))
		values, part = values[1:], after
	}
	r.parts = append(r.parts, text.String())
}

// must adds a part that has to find a row.
func (r *record) must(part string, values ...any) {
	r.musts = append(r.musts, fmt.Sprintf("EXISTS (SELECT FROM p%d)", len(r.parts)))
	r.add(part, values...)
}

// one is the result of a step that must find a row.
const one = driver.RowsAffected(1)

// insert adds rows to a table.
func (r *record) insert(table, columns, conflict string, rows ...[]any) sql.Result {
	row := "(?" + strings.Repeat(", ?", strings.Count(columns, ",")) + ")"
	values := strings.TrimSuffix(strings.Repeat(row+", ", len(rows)), ", ")
	r.add("INSERT INTO "+table+" ("+columns+") VALUES "+values+conflict, slices.Concat(rows...)...)
	return driver.RowsAffected(len(rows))
}
