package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/durahook/durahook/webhook"
)

const defaultAccountName = "default"

// EnsureDefaultAccount returns the ID of the account "default" and makes it first if need be.
func (s *Store) EnsureDefaultAccount(ctx context.Context) (string, error) {
	id, err := s.defaultAccount(ctx)
	if !errors.Is(err, errNoRows) {
		return id, err
	}
	_, err = s.db.ExecContext(ctx,
		`INSERT INTO accounts (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
		webhook.NewID(webhook.AccountPrefix), defaultAccountName)
	if err != nil {
		return "", fmt.Errorf("make the account default: %w", err)
	}
	return s.defaultAccount(ctx)
}

func (s *Store) defaultAccount(ctx context.Context) (id string, err error) {
	if err := s.db.GetContext(ctx, &id, `SELECT id FROM accounts WHERE name = $1`, defaultAccountName); err != nil {
		return "", fmt.Errorf("find the account default: %w", err)
	}
	return id, nil
}

// CheckAccount returns a not-found error when there is no account with this ID.
func (s *Store) CheckAccount(ctx context.Context, id string) error {
	var found string
	err := s.db.GetContext(ctx, &found, `SELECT id FROM accounts WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("find account: %w", notFound(err, webhook.AccountPrefix, id))
	}
	return nil
}

// CreateAccount inserts the account and fills in when it was created. Conflict: the name is taken.
func (s *Store) CreateAccount(ctx context.Context, account *webhook.Account) error {
	err := s.db.GetContext(ctx, &account.CreatedAt, `
		INSERT INTO accounts (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING created_at`,
		account.ID, account.Name)
	if errors.Is(err, errNoRows) {
		err = webhook.Taken("There is an account with this name already.")
	}
	if err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	return nil
}

// Account returns one account.
func (s *Store) Account(ctx context.Context, id string) (webhook.Account, error) {
	var account webhook.Account
	err := s.db.GetContext(ctx, &account, `SELECT id, name, created_at FROM accounts WHERE id = $1`, id)
	if err != nil {
		return webhook.Account{}, fmt.Errorf("find account: %w", notFound(err, webhook.AccountPrefix, id))
	}
	return account, nil
}

// Accounts returns a page of all accounts, newest first.
func (s *Store) Accounts(ctx context.Context, page Page) ([]webhook.Account, error) {
	return s.SearchAccounts(ctx, "", page)
}

// SearchAccounts returns a page of the accounts whose ID is the text, or whose name has it, in capitals or not; of all
// with an empty text.
func (s *Store) SearchAccounts(ctx context.Context, text string, page Page) ([]webhook.Account, error) {
	accounts := []webhook.Account{}
	err := s.db.SelectContext(ctx, &accounts, `
		SELECT id, name, created_at FROM accounts
		WHERE ($1 = '' OR id < $1) AND ($3 = '' OR id = $3 OR strpos(lower(name), lower($3)) > 0)
		ORDER BY id DESC LIMIT $2`,
		page.Before, page.Limit, text)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return accounts, nil
}

// lockAccount has those who create things of which an account can have only so many wait for each other, so
// that together they don't exceed the limit. The lock is one that publishing doesn't wait for.
func lockAccount(ctx context.Context, tx *sqlx.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, `SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	return nil
}
