package api

import (
	"net/http"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func (a *API) newRecovery(r webhook.Recovery) types.Recovery {
	answer := types.Recovery{
		ID: r.ID, WebhookID: r.WebhookID, Since: r.Since.UTC(), Until: r.Until.UTC(), Status: types.RecoveryStatus(r.Status),
		Reason: optional(r.Reason), Matched: r.Matched, Retried: r.Retried, Skipped: r.Skipped,
		WorkflowURL: optional(a.service.WorkflowURL(r.ID)), CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	for _, status := range r.Statuses {
		answer.Statuses = append(answer.Statuses, types.RecoverableStatus(status))
	}
	return answer
}

func (a *API) recoverWebhook(r *http.Request, accountID string) (int, any, error) {
	var definition webhook.RecoveryDefinition
	if err := readJSON(r, maxDefinition, &definition); err != nil {
		return 0, nil, err
	}
	recovery, err := a.service.Recover(r.Context(), accountID, pathID(r), definition)
	return http.StatusAccepted, a.newRecovery(recovery), err
}

func (a *API) listRecoveries(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.RecoveryPrefix)
	return answerList(q, page, func(page store.Page) ([]webhook.Recovery, error) {
		return a.service.Recoveries(r.Context(), accountID, pathID(r), page)
	}, a.newRecovery, func(r webhook.Recovery) string { return r.ID })
}

func (a *API) getRecovery(r *http.Request, accountID string) (int, any, error) {
	recovery, err := a.service.Recovery(r.Context(), accountID, pathID(r))
	return http.StatusOK, a.newRecovery(recovery), err
}

func (a *API) cancelRecovery(r *http.Request, accountID string) (int, any, error) {
	recovery, err := a.service.CancelRecovery(r.Context(), accountID, pathID(r))
	return http.StatusAccepted, a.newRecovery(recovery), err
}
