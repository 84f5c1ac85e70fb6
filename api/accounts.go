package api

import (
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

// accountJSON is an account as the operator sees it.
type accountJSON struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func newAccountJSON(account webhook.Account) accountJSON {
	return accountJSON{ID: account.ID, Name: account.Name, CreatedAt: account.CreatedAt.UTC()}
}

func (a *API) createAccount(r *http.Request, _ string) (int, any, error) {
	var definition webhook.AccountDefinition
	if err := readJSON(r, maxDefinition, &definition); err != nil {
		return 0, nil, err
	}
	account, err := a.service.CreateAccount(r.Context(), definition)
	return http.StatusCreated, newAccountJSON(account), err
}

func (a *API) getAccount(r *http.Request, _ string) (int, any, error) {
	account, err := a.service.AccountByID(r.Context(), pathID(r))
	return http.StatusOK, newAccountJSON(account), err
}

func (a *API) listAccounts(r *http.Request, _ string) (int, any, error) {
	q := newQuery(r)
	page := q.page(webhook.AccountPrefix)
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	limit := page.Limit
	page.Limit++
	accounts, err := a.service.Accounts(r.Context(), page)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, newList(accounts, limit, newAccountJSON, func(one webhook.Account) string { return one.ID }), nil
}
