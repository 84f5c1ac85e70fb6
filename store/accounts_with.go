package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

const (
	// mostSearched is in how many accounts, the newest, a value is looked for at once.
	mostSearched = 1000
	// longestSearch is for how long: a value that is in millions of events tells no accounts apart.
	longestSearch = 2 * time.Second
)

// AccountsWith returns accounts that a text is about, the newest first and so many at most: what it is the ID of is
// theirs, or it is in their name, in the name or URL of a webhook of theirs, or a value in the data of an event. The last
// is left out when it takes long. It crosses the boundaries of accounts, and so is for the admin alone.
func (s *Store) AccountsWith(ctx context.Context, text string, most int) ([]webhook.Account, error) {
	withEvent, err := s.accountsWithEvent(ctx, text)
	if err != nil {
		return nil, err
	}
	accounts := []webhook.Account{}
	err = s.db.SelectContext(ctx, &accounts, `
		SELECT id, name, created_at FROM accounts
		WHERE id = $1 OR strpos(lower(name), lower($1)) > 0 OR id = ANY($2)
			OR id IN (SELECT account_id FROM deliveries WHERE id = $1) OR id IN (SELECT account_id FROM events WHERE id = $1)
			OR id IN (SELECT account_id FROM webhooks WHERE deleted_at IS NULL
				AND (id = $1 OR strpos(lower(name), lower($1)) > 0 OR strpos(lower(url), lower($1)) > 0))
		ORDER BY id DESC LIMIT $3`, text, pq.StringArray(withEvent), most)
	if err != nil {
		return nil, fmt.Errorf("find accounts: %w", err)
	}
	return accounts, nil
}

// accountsWithEvent returns the IDs of the accounts that have an event with a value in its data. Each account has the
// value in the index under a number of its own.
func (s *Store) accountsWithEvent(ctx context.Context, value string) (ids []string, err error) {
	accounts, err := s.Accounts(ctx, Page{Limit: mostSearched})
	if err != nil {
		return nil, err
	}
	terms := make(pq.Int64Array, len(accounts))
	for i, account := range accounts {
		terms[i] = webhook.SearchTerm(account.ID, value)
	}
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		for _, setting := range []string{`SET LOCAL enable_seqscan = off`, fmt.Sprintf(`SET LOCAL statement_timeout = %d`, longestSearch.Milliseconds())} {
			if _, err := tx.ExecContext(ctx, setting); err != nil {
				return err
			}
		}
		return tx.SelectContext(ctx, &ids, `
			SELECT DISTINCT account_id FROM events
			WHERE id = ANY(ARRAY(SELECT event_id FROM event_payloads WHERE search && $1 LIMIT $2))`, terms, mostFound)
	})
	if err != nil && !isTimeout(err) {
		return nil, fmt.Errorf("search the events of all accounts: %w", err)
	}
	return ids, nil
}
