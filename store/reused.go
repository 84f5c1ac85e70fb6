package store

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// reused is a statement of the hot path: it is prepared once for each connection and then only executed, which
// spares a round trip and the parsing. It is prepared when it is first used, since the schema may be made by then only.
type reused struct {
	text string

	mu       sync.Mutex
	prepared *sqlx.Stmt
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
