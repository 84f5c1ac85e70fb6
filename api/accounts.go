package api

import (
	"net/http"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func newAccount(account webhook.Account) types.Account {
	return types.Account{ID: account.ID, Name: account.Name, CreatedAt: account.CreatedAt.UTC()}
}

func (a *API) createAccount(r *http.Request, _ string) (int, any, error) {
	var definition webhook.AccountDefinition
	if err := readJSON(r, maxDefinition, &definition); err != nil {
		return 0, nil, err
	}
	account, err := a.service.CreateAccount(r.Context(), definition)
	return http.StatusCreated, newAccount(account), err
}

func (a *API) getAccount(r *http.Request, _ string) (int, any, error) {
	account, err := a.service.AccountByID(r.Context(), pathID(r))
	return http.StatusOK, newAccount(account), err
}

func (a *API) listAccounts(r *http.Request, _ string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.AccountPrefix)
	return answerList(q, page, func(page store.Page) ([]webhook.Account, error) {
		return a.service.Accounts(r.Context(), page)
	}, newAccount, func(one webhook.Account) string { return one.ID })
}
