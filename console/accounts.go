package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// accountsPage is what the template accounts shows.
type accountsPage struct {
	pager
	Query string
	Rows  []accountRow
}

// accountRow is an account as the list shows it.
type accountRow struct {
	ID, Name, URL string
	Current       bool // the page is of it
	Created       time.Time
}

// newAccount shows the form for a new account.
func (c *Console) newAccount(w http.ResponseWriter, r *http.Request, s session) error {
	return c.showAccountForm(w, r, s, http.StatusOK, newForm(url.Values{}))
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
		return c.showAccountForm(w, r, s, http.StatusUnprocessableEntity, filled)
	}
	// To the new account's keys: without one, its programs cannot publish.
	return c.afterDeed(w, r, created.Name+" is created. Make a key for its programs.", addAccount(created.ID, apiKeysPath), nil)
}

func (c *Console) showAccountForm(w http.ResponseWriter, r *http.Request, s session, status int, filled *form) error {
	return c.show(w, r, status, "account_form.html", page{Title: "Create account", Session: &s, Body: filled})
}

// accounts shows all accounts, newest first, or those with a text in their name.
func (c *Console) accounts(w http.ResponseWriter, r *http.Request, s session) error {
	query, mistake := readQuery(url.Values{"q": r.URL.Query()["q"], "cursor": r.URL.Query()["cursor"]}, webhook.AccountPrefix)
	view := page{Title: "Accounts", Session: &s, Notice: c.takeNotice(w, r)}
	if mistake != "" {
		view.Notice = &notice{Text: mistake}
	}
	found, err := c.service.SearchAccounts(r.Context(), query.Query, store.Page{Before: query.Cursor, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	body := accountsPage{Query: query.Query}
	found, body.pager = onePage(found, pageSize, query.Cursor, func(a webhook.Account) string { return a.ID },
		func(cursor string) string { return query.from(cursor).url(accountsPath) })
	for _, a := range found {
		body.Rows = append(body.Rows, accountRow{a.ID, a.Name, addAccount(a.ID, home()), a.ID == s.AccountID, a.CreatedAt.UTC()})
	}
	view.Body = body
	return c.show(w, r, http.StatusOK, "accounts.html", view)
}
