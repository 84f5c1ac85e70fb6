package api

import (
	"bytes"
	"net/http"

	"github.com/durahook/durahook/webhook"
)

func (a *API) updateWebhook(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, maxDefinition)
	if err != nil {
		return 0, nil, err
	}
	patch, err := webhook.ParsePatch(body)
	if err != nil {
		return 0, nil, err
	}
	w, err := a.service.UpdateWebhook(r.Context(), accountID, pathID(r), patch)
	return http.StatusOK, newWebhookJSON(w), err
}

func (a *API) deleteWebhook(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.DeleteWebhook(r.Context(), accountID, pathID(r))
}

func (a *API) enableWebhook(r *http.Request, accountID string) (int, any, error) {
	w, err := a.service.EnableWebhook(r.Context(), accountID, pathID(r))
	return http.StatusOK, newWebhookJSON(w), err
}

func (a *API) disableWebhook(r *http.Request, accountID string) (int, any, error) {
	w, err := a.service.DisableWebhook(r.Context(), accountID, pathID(r))
	return http.StatusOK, newWebhookJSON(w), err
}

// rotation is the body of a request for another signing secret. It may be left out.
type rotation struct {
	Secret *string `json:"secret"` // the client's own; without it one is made
}

// maxRotation is the most bytes that a rotation may have.
const maxRotation = 4 << 10

func (a *API) rotateSecret(r *http.Request, accountID string) (int, any, error) {
	secret, err := readRotation(r)
	if err != nil {
		return 0, nil, err
	}
	w, err := a.service.RotateSecret(r.Context(), accountID, pathID(r), secret)
	answer := newWebhookJSON(w)
	answer.SigningSecret = string(w.SigningSecret)
	return http.StatusOK, answer, err
}

// readRotation returns the secret that the client sent, empty when it sent none.
func readRotation(r *http.Request) (webhook.SigningSecret, error) {
	body, err := readBody(r, maxRotation)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return "", err
	}
	var wanted rotation
	if err := webhook.DecodeJSON(body, &wanted); err != nil || wanted.Secret == nil {
		return "", err
	}
	return webhook.CheckSigningSecret("/secret", *wanted.Secret)
}
