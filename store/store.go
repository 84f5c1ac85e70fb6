// Package store keeps accounts, webhooks, events, deliveries and attempts in Postgres: one file a table.
// Every query for a client carries the account, so that nobody sees what is another's. Secrets are sealed
// before they are written and opened after they are read. It imports webhook and encryption.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/batch"
	"github.com/durahook/durahook/webhook"
)

// Store reads and writes durahook's database. It is safe for concurrent use.
type Store struct {
	db   *sqlx.DB
	keys *encryption.Keyring

	subscriptions subscriptions
	ahead         ahead
	knownKeys     knownKeys

	publications *batch.Batcher[searched, publishedRow]
	preparations *batch.Batcher[preparation, preparedRow]
	recordings   *batch.Batcher[recording, struct{}]
	turns        *batch.Batcher[turnAsked, Turn]
	keyLookups   *batch.Batcher[webhook.APIKeyHash, *webhook.APIKey]

	publish, prepare, record, findKeys                                          reused // of the hot path
	claimUnstarted, claimDiscards, claimRecoveries, claimOperational, alertsDue reused // once a second or so
}

// Open connects to the Postgres database at url and makes sure that it answers. The first key seals the secrets
// of webhooks, all of them open. The error never holds the URL's password.
func Open(ctx context.Context, url string, keys ...*encryption.Key) (*Store, error) {
	connector, err := pq.NewConnector(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read; use the form postgres://user:password@host:5432/durahook")
	}
	s := &Store{
		db: sqlx.NewDb(openDB(connector), "postgres"), keys: encryption.NewKeyring(keys...),
		publish: reused{text: publishStatement}, prepare: reused{text: prepareStatement},
		record: reused{text: recordStatement}, findKeys: reused{text: findKeysStatement},
		claimUnstarted: reused{text: claimUnstartedStatement}, claimDiscards: reused{text: claimDiscardsStatement},
		claimRecoveries: reused{text: claimRecoveriesStatement}, claimOperational: reused{text: claimOperationalStatement},
		alertsDue: reused{text: alertsDueStatement},
	}
	s.publications, s.preparations, s.recordings, s.turns, s.keyLookups =
		s.batchPublications(), s.batchPreparations(), s.batchRecordings(), s.batchTurns(), s.batchKeyLookups()
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// DB returns the database handle, for migrations.
func (s *Store) DB() *sqlx.DB { return s.db }

// Close closes all connections.
func (s *Store) Close() error { return s.db.Close() }

// Ping reports whether the database answers within 3 seconds.
func (s *Store) Ping(ctx context.Context) error {
	const longest = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// inTx runs do in a transaction, committed when it returns nil and rolled back otherwise.
func (s *Store) inTx(ctx context.Context, do func(tx *sqlx.Tx) error) (err error) {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreTxDone(tx.Rollback()))
		}
	}()
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// Page is a place in a list that is sorted from the newest to the oldest.
type Page struct {
	Before string // the ID after which the page begins; empty for the first page
	Limit  int    // at most this many entries
}

// DefaultLimit and MaxLimit are the sizes of a page of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 250
)

func notFound(err error, prefix, id string) error {
	if errors.Is(err, errNoRows) {
		return webhook.NotFound(prefix, id)
	}
	return err
}
