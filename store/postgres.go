package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/lib/pq"
)

var errNoRows = sql.ErrNoRows

// openDB returns a pool that a handful of processes can share one Postgres with.
func openDB(connector driver.Connector) *sql.DB {
	const connections = 20
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// batchTimeout bounds what is done for many callers at once.
const batchTimeout = 20 * time.Second

// isSingle reports whether one row of a batch may be to blame for an error: a value that cannot be, a constraint, or
// two that get in each other's way.
func isSingle(err error) bool {
	var postgres *pq.Error
	if !errors.As(err, &postgres) {
		return false
	}
	switch postgres.Code.Class() {
	case "21", "22", "23", "40", "54": // cardinality, data, integrity, rollback (deadlock), program limit
		return true
	default:
		return false
	}
}

// IsOutage reports whether an error of the store means that Postgres could not be reached, doesn't come to it, has no
// room left or is shutting down, so that the same call may work later.
func IsOutage(err error) bool {
	var network net.Error
	var postgres *pq.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &postgres):
		// Class 08 is a lost connection, 53 a lack of disk, memory or connections, 57P an operator's intervention, and
		// 58030 a disk that fails.
		code := string(postgres.Code)
		return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P") || code == "58030"
	default:
		return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.As(err, &network)
	}
}

// refersToNothing reports whether a row was refused because what it refers to by a foreign key is not there.
func refersToNothing(err error, constraint string) bool {
	const violation = "23503"
	var postgres *pq.Error
	return errors.As(err, &postgres) && postgres.Code == violation && postgres.Constraint == constraint
}

// isTimeout reports whether a statement was ended because it took too long.
func isTimeout(err error) bool {
	const cancelled = "57014"
	var postgres *pq.Error
	return errors.As(err, &postgres) && postgres.Code == cancelled
}

func ignoreTxDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
