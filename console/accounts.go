package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// accountsPage is what the template accounts shows: all accounts, and the form for a new one.
type accountsPage struct {
	*form
	pager
	Rows []accountRow
}

// accountRow is an account as the list shows it.
type accountRow struct {
	ID, Name, URL string
	Current       bool // the page is of it
	Created       time.Time
}

// accounts shows all accounts, to the admin.
func (c *Console) accounts(w http.ResponseWriter, r *http.Request, s session) error {
	return c.showAccounts(w, r, s, http.StatusOK, newForm(url.Values{}))
}

// createAccount makes an account, or shows the form again with what is wrong.
func (c *Console) createAccount(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	created, err := c.service.CreateAccount(r.Context(), webhook.AccountDefinition{Name: filled.Value("name")})
	if err != nil {
		if err := filled.refused(err); err != nil {
			return err
		}
		return c.showAccounts(w, r, s, http.StatusUnprocessableEntity, filled)
	}
	// To the new account's keys: without one, its programs cannot publish.
	return c.afterDeed(w, r, created.Name+" is created. Make a key for its programs.", addAccount(created.ID, apiKeysPath), nil)
}

func (c *Console) showAccounts(w http.ResponseWriter, r *http.Request, s session, status int, filled *form) error {
	cursor := r.URL.Query().Get("cursor")
	if !isID(webhook.AccountPrefix)(cursor) {
		cursor = ""
	}
	found, err := c.service.Accounts(r.Context(), store.Page{Before: cursor, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	body := accountsPage{form: filled}
	found, body.pager = onePage(found, pageSize, cursor, func(a webhook.Account) string { return a.ID }, after(accountsPath))
	for _, a := range found {
		body.Rows = append(body.Rows, accountRow{a.ID, a.Name, addAccount(a.ID, home()), a.ID == s.AccountID, a.CreatedAt.UTC()})
	}
	return c.show(w, r, status, "accounts.html", page{Title: "Accounts", Session: &s, Notice: c.takeNotice(w, r), Body: body})
}
