package service

import (
	"context"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// CreateAccount makes an account. Conflict: the name is taken.
func (s *Service) CreateAccount(ctx context.Context, d webhook.AccountDefinition) (webhook.Account, error) {
	account, err := webhook.DefineAccount(d)
	if err != nil {
		return webhook.Account{}, err
	}
	return account, s.store.CreateAccount(ctx, &account)
}

// AccountByID returns one account.
func (s *Service) AccountByID(ctx context.Context, id string) (webhook.Account, error) {
	if err := webhook.CheckID(webhook.AccountPrefix, id); err != nil {
		return webhook.Account{}, err
	}
	return s.store.Account(ctx, id)
}

// Accounts returns a page of all accounts, newest first.
func (s *Service) Accounts(ctx context.Context, page store.Page) ([]webhook.Account, error) {
	return s.store.Accounts(ctx, page)
}

// SearchAccounts returns a page of the accounts whose ID is a text or whose name has it, newest first.
func (s *Service) SearchAccounts(ctx context.Context, text string, page store.Page) ([]webhook.Account, error) {
	return s.store.SearchAccounts(ctx, text, page)
}

// AccountsWith returns accounts that a text is about (see [store.Store.AccountsWith]). It is for the admin alone.
func (s *Service) AccountsWith(ctx context.Context, text string, most int) ([]webhook.Account, error) {
	return s.store.AccountsWith(ctx, text, most)
}
