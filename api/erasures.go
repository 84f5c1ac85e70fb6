package api

import (
	"encoding/hex"
	"net/http"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func newErasure(e webhook.Erasure) types.Erasure {
	answer := types.Erasure{
		ID: optional(e.ID), Events: e.Events, Deliveries: e.Deliveries, Attempts: e.Attempts, Discarded: e.Discarded, EventsLeft: e.Left,
		MatchedHash: optional(hex.EncodeToString(e.MatchedHash)), ErasedBy: optional(e.ErasedBy),
	}
	if e.ID != "" {
		at := e.CreatedAt.UTC()
		answer.CreatedAt = &at
	}
	return answer
}

func (a *API) erase(r *http.Request, accountID string) (int, any, error) {
	var definition webhook.ErasureDefinition
	if err := readJSON(r, maxDefinition, &definition); err != nil {
		return 0, nil, err
	}
	erasure, err := a.service.Erase(r.Context(), principalOf(r), accountID, definition)
	return http.StatusOK, newErasure(erasure), err
}

func (a *API) listErasures(r *http.Request, accountID string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.ErasurePrefix)
	return answerList(q, page, func(page store.Page) ([]webhook.Erasure, error) {
		return a.service.Erasures(r.Context(), accountID, page)
	}, newErasure, func(e webhook.Erasure) string { return e.ID })
}
