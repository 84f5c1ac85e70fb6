package store

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// reused is a statement of the hot path, or one that is executed every second: it is prepared once for each connection and
// then only executed, which spares a round trip, a transaction and the parsing. It is prepared when it is first used,
// since the schema may be made by then only.
type reused struct {
	text string

	mu       sync.Mutex
	prepared *sqlx.Stmt
}

// into has the statement's rows scanned into a slice.
func (r *reused) into(ctx context.Context, db *sqlx.DB, rows any, args ...any) error {
	statement, err := r.on(ctx, db) //nolint:sqlclosecheck // it is kept for the next time
	if err != nil {
		return err
	}
	return statement.SelectContext(ctx, rows, args...)
}

func (r *reused) exec(ctx context.Context, db *sqlx.DB, args ...any) error {
	statement, err := r.on(ctx, db) //nolint:sqlclosecheck // it is kept for the next time
	if err != nil {
		return err
	}
	_, err = statement.ExecContext(ctx, args...)
	return err
}

func (r *reused) on(ctx context.Context, db *sqlx.DB) (*sqlx.Stmt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.prepared == nil {
		prepared, err := db.PreparexContext(ctx, r.text)
		if err != nil {
			return nil, err
		}
		r.prepared = prepared
	}
	return r.prepared, nil
}
