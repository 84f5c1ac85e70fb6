package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

// CreateDatabase makes sure that there is a database of that name.
func (s *Server) CreateDatabase(ctx context.Context, name string) (err error) {
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var there bool
	const query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
	if err := db.QueryRowContext(ctx, query, name).Scan(&there); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if there {
		return nil
	}
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(name))
	if err != nil && !createdByAnother(err) {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// createdByAnother reports whether somebody else created the same database at the same time, which
// Postgres reports as a duplicate database or as a duplicate key of its catalogue.
func createdByAnother(err error) bool {
	var answer *pq.Error
	if !errors.As(err, &answer) {
		return false
	}
	return answer.Code.Name() == "duplicate_database" || answer.Code.Name() == "unique_violation"
}
