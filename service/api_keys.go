package service

import (
	"context"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

const (
	// useEvery is how exactly is known when a key was last used.
	useEvery = time.Minute
	// useTimeout bounds writing that down, and useNotes is how many do at the same time.
	useTimeout = 5 * time.Second
	useNotes   = 4
)

// CreateAPIKey makes an API key of the account for a principal who has all of its scopes. The text, which
// the API is called with, is to be shown this once. Conflict: there are too many keys.
func (s *Service) CreateAPIKey(ctx context.Context, by webhook.Principal, accountID string, d webhook.APIKeyDefinition) (key webhook.APIKey, text string, err error) {
	key, text, err = webhook.DefineAPIKey(accountID, d, time.Now())
	if err != nil {
		return webhook.APIKey{}, "", err
	}
	if err := by.CheckGrant(key.Scopes); err != nil {
		return webhook.APIKey{}, "", err
	}
	if err := s.store.CreateAPIKey(ctx, &key); err != nil {
		return webhook.APIKey{}, "", err
	}
	return key, text, nil
}

// APIKeys returns a page of the account's API keys, newest first, with those that are expired or revoked.
func (s *Service) APIKeys(ctx context.Context, accountID string, page store.Page) ([]webhook.APIKey, error) {
	return s.store.APIKeys(ctx, accountID, page)
}

// RevokeAPIKey has a key of the account open nothing any more: here from the next request on, in other processes within a
// second.
func (s *Service) RevokeAPIKey(ctx context.Context, accountID, id string) error {
	if err := webhook.CheckID(webhook.APIKeyPrefix, id); err != nil {
		return err
	}
	return s.store.RevokeAPIKey(ctx, accountID, id)
}

// Authenticate returns who presents the text of an API key. Unauthorized, in the same words: there is no
// such key, it is expired, or it is revoked.
func (s *Service) Authenticate(ctx context.Context, text string) (webhook.Principal, error) {
	invalid := &webhook.Error{Code: webhook.CodeUnauthorized, Message: "This API key is not valid."}
	hash, ok := webhook.HashAPIKey(text)
	if !ok {
		return webhook.Principal{}, invalid
	}
	key, found, err := s.store.APIKeyByHash(ctx, hash)
	if err != nil {
		return webhook.Principal{}, err
	}
	if !found {
		return webhook.Principal{}, invalid
	}
	return s.used(ctx, key), nil
}

// PrincipalOfAPIKey returns whom the API key with this ID stands for. Unauthorized: it is expired or revoked. Only
// the ID of a key whose text was presented before may be asked for: it is no secret.
func (s *Service) PrincipalOfAPIKey(ctx context.Context, id string) (webhook.Principal, error) {
	key, found, err := s.store.APIKeyByID(ctx, id)
	if err != nil {
		return webhook.Principal{}, err
	}
	if !found {
		return webhook.Principal{}, &webhook.Error{Code: webhook.CodeUnauthorized, Message: "This API key was revoked or has expired."}
	}
	return s.used(ctx, key), nil
}

// used returns whom a key in force stands for, and has it written down that the key is in use.
func (s *Service) used(ctx context.Context, key webhook.APIKey) webhook.Principal {
	if key.LastUsedAt == nil || time.Since(*key.LastUsedAt) >= useEvery {
		s.noteUse(ctx, key.ID)
	}
	return webhook.Principal{AccountID: key.AccountID, KeyID: key.ID, KeyName: key.Name, Scopes: key.Scopes}
}

// noteUse writes down that a key is in use, beside the request, which neither waits for it nor fails with
// it. When several are at it already, a later request will do.
func (s *Service) noteUse(ctx context.Context, keyID string) {
	select {
	case s.noting <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-s.noting }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), useTimeout)
		defer cancel()
		if err := s.store.NoteUseOfAPIKey(ctx, keyID, useEvery); err != nil {
			s.log.Warn("note use of API key", "api_key", keyID, "error", err)
		}
	}()
}
