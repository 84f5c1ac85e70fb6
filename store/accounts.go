package store

import (
	"context"
	"errors"
	"fmt"

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
