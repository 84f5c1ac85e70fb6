package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/durahook/durahook/api/answers"
	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// newWebhook returns a webhook as clients see it: without secrets, but for the answers to its creation and to
// the rotation of its signing secret.
func newWebhook(w webhook.Webhook) types.Webhook {
	answer := types.Webhook{
		ID: w.ID, Name: w.Name, URL: w.URL, Events: w.Events, Authentication: newAuthentication(w.Authentication),
		SigningAlgorithm: types.SigningAlgorithm(w.SigningSecret.Algorithm()), SigningSecret: webhook.Mask(string(w.SigningSecret)),
		PublicKey: optional(w.SigningSecret.PublicKey()), Enabled: w.Enabled, DisabledReason: optional(w.DisabledReason),
		FailingSince: answers.UTC(w.FailingSince), RateLimit: optional(w.RateLimit),
		CreatedAt: w.CreatedAt.UTC(), UpdatedAt: w.UpdatedAt.UTC(),
	}
	if w.Filter != "" {
		answer.Filter = &w.Filter
	}
	if w.SignsWithPrevious(time.Now()) {
		answer.PreviousSigningSecretUntil = answers.UTC(&w.PreviousSigningSecretUntil)
	}
	return answer
}

// newAuthentication returns an authentication without its secrets. Its JSON is that of one of the types that it
// can be of.
func newAuthentication(authentication webhook.Authentication) types.Authentication {
	var answer types.Authentication
	text, _ := json.Marshal(authentication.Masked()) //nolint:gosec,errchkjson // secrets are masked; texts can be encoded
	_ = answer.UnmarshalJSON(text)                   // keeps it as it is
	return answer
}

// maxDefinition is the most bytes that the definition of a webhook may have.
const maxDefinition = 64 << 10

func (a *API) createWebhook(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, maxDefinition)
	if err != nil {
		return 0, nil, err
	}
	definition, err := webhook.ParseDefinition(body)
	if err != nil {
		return 0, nil, err
	}
	w, err := a.service.CreateWebhook(r.Context(), accountID, definition)
	if err != nil {
		return 0, nil, err
	}
	answer := newWebhook(w)
	answer.SigningSecret = string(w.SigningSecret)
	return http.StatusCreated, answer, nil
}

func (a *API) getWebhook(r *http.Request, accountID string) (int, any, error) {
	w, err := a.service.Webhook(r.Context(), accountID, pathID(r))
	return http.StatusOK, newWebhook(w), err
}

func (a *API) listWebhooks(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.WebhookPrefix)
	return answerList(q, page, func(page store.Page) ([]webhook.Webhook, error) {
		return a.service.Webhooks(r.Context(), accountID, page)
	}, newWebhook, func(w webhook.Webhook) string { return w.ID })
}
