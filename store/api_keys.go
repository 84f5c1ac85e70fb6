package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/internal/batch"
	"github.com/durahook/durahook/webhook"
)

// apiKeyRow is an API key as it lies in the table, without its hash: nobody needs to see it.
type apiKeyRow struct {
	ID         string         `db:"id"`
	AccountID  string         `db:"account_id"`
	Name       string         `db:"name"`
	Prefix     string         `db:"prefix"`
	Scopes     pq.StringArray `db:"scopes"`
	ExpiresAt  *time.Time     `db:"expires_at"`
	RevokedAt  *time.Time     `db:"revoked_at"`
	LastUsedAt *time.Time     `db:"last_used_at"`
	CreatedAt  time.Time      `db:"created_at"`
}

func (row apiKeyRow) apiKey() webhook.APIKey {
	key := webhook.APIKey{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, Prefix: row.Prefix, ExpiresAt: row.ExpiresAt,
		RevokedAt: row.RevokedAt, LastUsedAt: row.LastUsedAt, CreatedAt: row.CreatedAt,
	}
	for _, scope := range row.Scopes {
		key.Scopes = append(key.Scopes, webhook.Scope(scope))
	}
	return key
}

const keyColumns = `id, account_id, name, prefix, scopes, expires_at, revoked_at, last_used_at, created_at`

// inForce is the condition for a key that opens anything.
const inForce = `revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`

// CreateAPIKey inserts the key and fills in when it was created. Conflict: the account has as many keys in
// force as it can have.
func (s *Store) CreateAPIKey(ctx context.Context, key *webhook.APIKey) error {
	scopes := make(pq.StringArray, len(key.Scopes))
	for i, scope := range key.Scopes {
		scopes[i] = string(scope)
	}
	return s.inTx(ctx, func(tx *sqlx.Tx) error {
		if err := checkRoomForAPIKey(ctx, tx, key.AccountID); err != nil {
			return err
		}
		err := tx.GetContext(ctx, &key.CreatedAt, `
			INSERT INTO api_keys (id, account_id, name, hash, prefix, scopes, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING created_at`,
			key.ID, key.AccountID, key.Name, key.Hash[:], key.Prefix, scopes, key.ExpiresAt)
		if err != nil {
			return fmt.Errorf("insert API key: %w", err)
		}
		return nil
	})
}

func checkRoomForAPIKey(ctx context.Context, tx *sqlx.Tx, accountID string) error {
	if err := lockAccount(ctx, tx, accountID); err != nil {
		return err
	}
	var keys int
	err := tx.GetContext(ctx, &keys, `SELECT count(*) FROM api_keys WHERE account_id = $1 AND `+inForce, accountID)
	if err != nil {
		return fmt.Errorf("count API keys: %w", err)
	}
	if keys >= webhook.MaxAPIKeys {
		return &webhook.Error{Code: webhook.CodeConflict, Message: fmt.Sprintf(
			"The account has %d API keys already, the most it can have; revoke one that nobody uses.", webhook.MaxAPIKeys)}
	}
	return nil
}

// APIKeys returns a page of the account's API keys, newest first, with those that are expired or revoked.
func (s *Store) APIKeys(ctx context.Context, accountID string, page Page) ([]webhook.APIKey, error) {
	var rows []apiKeyRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT `+keyColumns+` FROM api_keys
		WHERE account_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3`,
		accountID, page.Before, page.Limit)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	keys := make([]webhook.APIKey, len(rows))
	for i, row := range rows {
		keys[i] = row.apiKey()
	}
	return keys, nil
}

// RevokeAPIKey has a key of the account open nothing any more. What was revoked before stays so.
func (s *Store) RevokeAPIKey(ctx context.Context, accountID, id string) error {
	result, err := s.db.ExecContext(ctx, `
		UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE account_id = $1 AND id = $2`, accountID, id)
	if err != nil {
		return fmt.Errorf("revoke API key: %w", err)
	}
	s.knownKeys.changed(id)
	changed, err := result.RowsAffected()
	if err == nil && changed == 0 {
		err = webhook.NotFound(webhook.APIKeyPrefix, id)
	}
	return err
}

// APIKeyByHash returns the key with this hash, if it is in force; found is false for any other. A key that was found a
// moment ago is remembered: one that another process has revoked may be found for a second more, one that this process
// has revoked isn't. Lookups that come in at the same time are made together.
func (s *Store) APIKeyByHash(ctx context.Context, hash webhook.APIKeyHash) (key webhook.APIKey, found bool, err error) {
	key, known, version := s.knownKeys.get(hash)
	if known {
		return key, true, nil
	}
	inForce, err := s.keyLookups.Do(ctx, hash)
	if err != nil {
		return webhook.APIKey{}, false, fmt.Errorf("find API key: %w", err)
	}
	if inForce == nil {
		return webhook.APIKey{}, false, nil
	}
	s.knownKeys.put(hash, *inForce, version)
	return *inForce, true, nil
}

// APIKeyByID returns the key with this ID, of whichever account, if it is in force; found is false for any other.
func (s *Store) APIKeyByID(ctx context.Context, id string) (key webhook.APIKey, found bool, err error) {
	var row apiKeyRow
	err = s.db.GetContext(ctx, &row, `SELECT `+keyColumns+` FROM api_keys WHERE id = $1 AND `+inForce, id)
	if errors.Is(err, errNoRows) {
		return webhook.APIKey{}, false, nil
	}
	if err != nil {
		return webhook.APIKey{}, false, fmt.Errorf("find API key: %w", err)
	}
	return row.apiKey(), true, nil
}

func (s *Store) batchKeyLookups() *batch.Batcher[webhook.APIKeyHash, *webhook.APIKey] {
	const most = 200
	return batch.New(batch.Options[webhook.APIKeyHash]{Most: most, Gather: 5 * time.Millisecond, Timeout: batchTimeout}, s.findAllKeys)
}

const findKeysStatement = `SELECT ` + keyColumns + `, hash FROM api_keys WHERE hash = ANY ($1) AND ` + inForce

func (s *Store) findAllKeys(ctx context.Context, hashes []webhook.APIKeyHash) ([]*webhook.APIKey, error) {
	var wanted column
	for _, hash := range hashes {
		wanted.bytes(hash[:])
	}
	var rows []struct {
		apiKeyRow
		Hash []byte `db:"hash"`
	}
	if err := s.findKeys.into(ctx, s.db, &rows, wanted); err != nil {
		return nil, err
	}
	found := make([]*webhook.APIKey, len(hashes))
	for _, row := range rows {
		key := row.apiKey()
		for n, hash := range hashes {
			if bytes.Equal(hash[:], row.Hash) {
				found[n] = &key
			}
		}
	}
	return found, nil
}

// NoteUseOfAPIKey writes down that the key is in use, unless that was done less than every ago.
func (s *Store) NoteUseOfAPIKey(ctx context.Context, id string, every time.Duration) error {
	_, err := s.db.ExecContext(ctx, `
		UPDATE api_keys SET last_used_at = now()
		WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= now() - make_interval(secs => $2))`,
		id, every.Seconds())
	if err != nil {
		return fmt.Errorf("note use of API key: %w", err)
	}
	s.knownKeys.changed(id)
	return nil
}
