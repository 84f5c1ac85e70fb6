package api

import (
	"net/http"

	"github.com/durahook/durahook/api/answers"
	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func newAPIKey(key webhook.APIKey) types.APIKey {
	scopes := make([]types.Scope, len(key.Scopes))
	for i, scope := range key.Scopes {
		scopes[i] = types.Scope(scope)
	}
	return types.APIKey{
		ID: key.ID, Name: key.Name, Prefix: key.Prefix, Scopes: scopes, ExpiresAt: answers.UTC(key.ExpiresAt),
		RevokedAt: answers.UTC(key.RevokedAt), LastUsedAt: answers.UTC(key.LastUsedAt), CreatedAt: key.CreatedAt.UTC(),
	}
}

func (a *API) createAPIKey(r *http.Request, accountID string) (int, any, error) {
	var definition webhook.APIKeyDefinition
	if err := readJSON(r, maxDefinition, &definition); err != nil {
		return 0, nil, err
	}
	key, text, err := a.service.CreateAPIKey(r.Context(), principalOf(r), accountID, definition)
	if err != nil {
		return 0, nil, err
	}
	answer := newAPIKey(key)
	answer.Key = &text
	return http.StatusCreated, answer, nil
}

func (a *API) listAPIKeys(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.APIKeyPrefix)
	return answerList(q, page, func(page store.Page) ([]webhook.APIKey, error) {
		return a.service.APIKeys(r.Context(), accountID, page)
	}, newAPIKey, func(key webhook.APIKey) string { return key.ID })
}

func (a *API) revokeAPIKey(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.RevokeAPIKey(r.Context(), accountID, pathID(r))
}
