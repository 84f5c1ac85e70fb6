package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
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

func ignoreTxDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
