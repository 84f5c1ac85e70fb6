package temporalserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
)

// Temporal's stores for SQL write the events of a workflow in one transaction and its state in the next. Here
// a unit makes one of them: half as many commits, each of which waits for the disk, and after a crash no
// events without a state.

// unit is a transaction that stands for several which follow each other.
type unit struct {
	left int          // how many of them are still to begin
	tx   sqlplugin.Tx // nil before the first
	done bool         // committed or rolled back
}

type unitKey struct{}

// inUnit has f's transactions, of which it must begin this many, committed by the last. What is written
// beside them, the nodes of a history, belongs to them too.
func inUnit(ctx context.Context, transactions int, f func(context.Context) error) error {
	u := &unit{left: transactions}
	err := f(context.WithValue(ctx, unitKey{}, u))
	if u.tx == nil || u.done {
		return err
	}
	failed := u.tx.Rollback()
	if err == nil {
		err = serviceerror.NewUnavailable(fmt.Sprintf("%d transactions fewer than expected were begun", u.left))
	}
	return errors.Join(err, failed)
}

func unitOf(ctx context.Context) *unit {
	u, _ := ctx.Value(unitKey{}).(*unit)
	return u
}

// mainDB is the database of workflows, histories and tasks.
type mainDB struct {
	database
	exec   func(ctx context.Context, query string, args ...any) (sql.Result, error)
	closed sqlplugin.TableCRUD // fails
}

// newMainDB makes use of a database and of another connection to it that is closed already.
func newMainDB(db, closed database) (*mainDB, error) {
	executor, ok := db.(executor)
	if !ok {
		return nil, errors.New("the main database of this Temporal server runs no statements of others")
	}
	return &mainDB{database: db, exec: executor.ExecContext, closed: closed}, nil
}

// BeginTx begins a transaction, or goes on with the record or with that of the unit.
func (db *mainDB) BeginTx(ctx context.Context) (sqlplugin.Tx, error) {
	if r := recordOf(ctx); r != nil {
		return r.on(db), nil
	}
	u := unitOf(ctx)
	if u == nil {
		return db.database.BeginTx(ctx)
	}
	if err := db.open(ctx, u); err != nil {
		return nil, err
	}
	u.left--
	return &part{Tx: u.tx, unit: u}, nil
}

// InsertIntoHistoryNode writes events, on the record or in the transaction of the unit if there is one.
func (db *mainDB) InsertIntoHistoryNode(ctx context.Context, row *sqlplugin.HistoryNodeRow) (sql.Result, error) {
	if r := recordOf(ctx); r != nil {
		return r.on(db).InsertIntoHistoryNode(ctx, row)
	}
	u := unitOf(ctx)
	if u == nil {
		return db.database.InsertIntoHistoryNode(ctx, row)
	}
	if err := db.open(ctx, u); err != nil {
		return nil, err
	}
	return u.tx.InsertIntoHistoryNode(ctx, row)
}

func (db *mainDB) open(ctx context.Context, u *unit) (err error) {
	if u.tx == nil {
		u.tx, err = db.database.BeginTx(ctx)
	}
	return err
}

// part is one of the transactions that a unit stands for.
type part struct {
	sqlplugin.Tx
	unit *unit
}

// Commit commits the unit if this is the last part of it.
func (p *part) Commit() error {
	if p.unit.left > 0 {
		return nil
	}
	p.unit.done = true
	return p.Tx.Commit()
}

// Rollback gives up the whole unit.
func (p *part) Rollback() error {
	p.unit.done = true
	return p.Tx.Rollback()
}
