package api

import (
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

// webhookJSON is a webhook as clients see it: without secrets, but for the answers to its creation and to
// the rotation of its signing secret.
type webhookJSON struct {
	ID             string                 `json:"id"`
	Name           string                 `json:"name"`
	URL            string                 `json:"url"`
	Events         []string               `json:"events"`
	Filter         *string                `json:"filter"` // null without
	Authentication webhook.Authentication `json:"authentication"`
	// SigningAlgorithm and PublicKey are of the present secret; only ed25519 has a public key.
	SigningAlgorithm webhook.SigningAlgorithm `json:"signing_algorithm"`
	SigningSecret    string                   `json:"signing_secret"`
	PublicKey        string                   `json:"public_key,omitempty"`
	// PreviousSigningSecretUntil is how long the secret before signs along; only while it does.
	PreviousSigningSecretUntil *time.Time `json:"previous_signing_secret_until,omitempty"`
	Enabled                    bool       `json:"enabled"`
	DisabledReason             string     `json:"disabled_reason,omitempty"`
	CreatedAt                  time.Time  `json:"created_at"`
	UpdatedAt                  time.Time  `json:"updated_at"`
}

func newWebhookJSON(w webhook.Webhook) webhookJSON {
	answer := webhookJSON{
		ID: w.ID, Name: w.Name, URL: w.URL, Events: w.Events, Authentication: w.Authentication.Masked(),
		SigningAlgorithm: w.SigningSecret.Algorithm(), SigningSecret: webhook.Mask(string(w.SigningSecret)),
		PublicKey: w.SigningSecret.PublicKey(), Enabled: w.Enabled, DisabledReason: w.DisabledReason,
		CreatedAt: w.CreatedAt.UTC(), UpdatedAt: w.UpdatedAt.UTC(),
	}
	if w.Filter != "" {
		answer.Filter = &w.Filter
	}
	if w.SignsWithPrevious(time.Now()) {
		answer.PreviousSigningSecretUntil = utc(&w.PreviousSigningSecretUntil)
	}
	return answer
}

// maxDefinition is the most bytes that the definition of a webhook may have.
const maxDefinition = 64 << 10

func (a *API) createWebhook(r *http.Request, accountID string) (int, any, error) {
	var definition webhook.Definition
	if err := readJSON(r, maxDefinition, &definition); err != nil {
		return 0, nil, err
	}
	w, err := a.service.CreateWebhook(r.Context(), accountID, definition)
	if err != nil {
		return 0, nil, err
	}
	answer := newWebhookJSON(w)
	answer.SigningSecret = string(w.SigningSecret)
	return http.StatusCreated, answer, nil
}

func (a *API) getWebhook(r *http.Request, accountID string) (int, any, error) {
	w, err := a.service.Webhook(r.Context(), accountID, pathID(r))
	return http.StatusOK, newWebhookJSON(w), err
}

func (a *API) listWebhooks(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.WebhookPrefix)
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	limit := page.Limit
	page.Limit++
	webhooks, err := a.service.Webhooks(r.Context(), accountID, page)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, newList(webhooks, limit, newWebhookJSON, func(w webhook.Webhook) string { return w.ID }), nil
}
