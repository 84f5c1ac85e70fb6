package api

import (
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

// apiKeyJSON is an API key as clients see it: only the answer to its creation holds the key itself.
type apiKeyJSON struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Key        string          `json:"key,omitempty"`
	Prefix     string          `json:"prefix"`
	Scopes     []webhook.Scope `json:"scopes"`
	ExpiresAt  *time.Time      `json:"expires_at"`
	RevokedAt  *time.Time      `json:"revoked_at"`
	LastUsedAt *time.Time      `json:"last_used_at"`
	CreatedAt  time.Time       `json:"created_at"`
}

func newAPIKeyJSON(key webhook.APIKey) apiKeyJSON {
	return apiKeyJSON{
		ID: key.ID, Name: key.Name, Prefix: key.Prefix, Scopes: key.Scopes, ExpiresAt: utc(key.ExpiresAt),
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
	answer := newAPIKeyJSON(key)
	answer.Key = text
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
	return http.StatusOK, newList(keys, limit, newAPIKeyJSON, func(key webhook.APIKey) string { return key.ID }), nil
}

func (a *API) revokeAPIKey(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.RevokeAPIKey(r.Context(), accountID, pathID(r))
}
