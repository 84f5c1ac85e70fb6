package api

import (
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

// recoveryJSON is a recovery as clients see it.
type recoveryJSON struct {
	ID          string                 `json:"id"`
	WebhookID   string                 `json:"webhook_id"`
	Since       time.Time              `json:"since"`
	Until       time.Time              `json:"until"`
	Statuses    []webhook.Status       `json:"statuses"`
	Status      webhook.RecoveryStatus `json:"status"`
	Reason      string                 `json:"reason,omitempty"` // why it failed
	Matched     int                    `json:"matched"`
	Retried     int                    `json:"retried"`
	Skipped     int                    `json:"skipped"`
	WorkflowURL string                 `json:"workflow_url,omitempty"`
	CreatedAt   time.Time              `json:"created_at"`
	UpdatedAt   time.Time              `json:"updated_at"`
}

func (a *API) newRecoveryJSON(r webhook.Recovery) recoveryJSON {
	return recoveryJSON{
		ID: r.ID, WebhookID: r.WebhookID, Since: r.Since.UTC(), Until: r.Until.UTC(), Statuses: r.Statuses, Status: r.Status,
		Reason: r.Reason, Matched: r.Matched, Retried: r.Retried, Skipped: r.Skipped, WorkflowURL: a.service.WorkflowURL(r.ID),
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func (a *API) recoverWebhook(r *http.Request, accountID string) (int, any, error) {
	body, err := readBody(r, maxDefinition)
	if err != nil {
		return 0, nil, err
	}
	var definition webhook.RecoveryDefinition
	if err := webhook.DecodeJSON(body, &definition); err != nil {
		return 0, nil, err
	}
	recovery, err := a.service.Recover(r.Context(), accountID, pathID(r), definition)
	return http.StatusAccepted, a.newRecoveryJSON(recovery), err
}

func (a *API) listRecoveries(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.RecoveryPrefix)
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	limit := page.Limit
	page.Limit++
	recoveries, err := a.service.Recoveries(r.Context(), accountID, pathID(r), page)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, newList(recoveries, limit, a.newRecoveryJSON, func(r webhook.Recovery) string { return r.ID }), nil
}

func (a *API) getRecovery(r *http.Request, accountID string) (int, any, error) {
	recovery, err := a.service.Recovery(r.Context(), accountID, pathID(r))
	return http.StatusOK, a.newRecoveryJSON(recovery), err
}

func (a *API) cancelRecovery(r *http.Request, accountID string) (int, any, error) {
	recovery, err := a.service.CancelRecovery(r.Context(), accountID, pathID(r))
	return http.StatusAccepted, a.newRecoveryJSON(recovery), err
}
