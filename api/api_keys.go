package api

import (
	"net/http"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/webhook"
)

func newAPIKey(key webhook.APIKey) types.APIKey {
	scopes := make([]types.Scope, len(key.Scopes))
	for i, scope := range key.Scopes {
		scopes[i] = types.Scope(scope)
	}
	return types.APIKey{
		ID: key.ID, Name: key.Name, Prefix: key.Prefix, Scopes: scopes, ExpiresAt: utc(key.ExpiresAt),
		RevokedAt: utc(key.RevokedAt), LastUsedAt: utc(key.LastUsedAt), CreatedAt: key.CreatedAt.UTC(),
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
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	limit := page.Limit
	page.Limit++
	keys, err := a.service.APIKeys(r.Context(), accountID, page)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, newList(keys, limit, newAPIKey, func(key webhook.APIKey) string { return key.ID }), nil
}

func (a *API) revokeAPIKey(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.RevokeAPIKey(r.Context(), accountID, pathID(r))
}
