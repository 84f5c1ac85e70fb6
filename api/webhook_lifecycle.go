package api

import (
	"bytes"
	"net/http"

	"github.com/durahook/durahook/api/types"
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
	return http.StatusOK, newWebhook(w), err
}

func (a *API) deleteWebhook(r *http.Request, accountID string) (int, any, error) {
	return http.StatusNoContent, nil, a.service.DeleteWebhook(r.Context(), accountID, pathID(r))
}

func (a *API) enableWebhook(r *http.Request, accountID string) (int, any, error) {
	w, err := a.service.EnableWebhook(r.Context(), accountID, pathID(r))
	if err != nil {
		return 0, nil, err
	}
	missed, err := a.service.Missed(r.Context(), accountID, w.ID)
	answer := newWebhook(w)
	answer.Missed = newMissed(missed)
	return http.StatusOK, answer, err
}

func (a *API) disableWebhook(r *http.Request, accountID string) (int, any, error) {
	w, err := a.service.DisableWebhook(r.Context(), accountID, pathID(r))
	return http.StatusOK, newWebhook(w), err
}

// newMissed returns nil if nothing was missed.
func newMissed(m webhook.Missed) *types.Missed {
	if m.Deliveries == 0 {
		return nil
	}
	answer := types.Missed{Deliveries: m.Deliveries, Since: m.Since.UTC()}
	for _, status := range m.Statuses {
		answer.Status = append(answer.Status, types.RecoverableStatus(status))
	}
	return &answer
}

// maxRotation is the most bytes that a rotation may have.
const maxRotation = 4 << 10

func (a *API) rotateSecret(r *http.Request, accountID string) (int, any, error) {
	rotation, err := readRotation(r)
	if err != nil {
		return 0, nil, err
	}
	w, err := a.service.RotateSecret(r.Context(), accountID, pathID(r), rotation)
	answer := newWebhook(w)
	answer.SigningSecret = string(w.SigningSecret)
	return http.StatusOK, answer, err
}

// readRotation reads the body, which may be left out.
func readRotation(r *http.Request) (webhook.Rotation, error) {
	var rotation webhook.Rotation
	body, err := readBody(r, maxRotation)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return rotation, err
	}
	return rotation, webhook.DecodeJSON(body, &rotation)
}
