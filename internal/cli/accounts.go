package cli

import (
	"net/http"

	"github.com/durahook/durahook/api/types"
)

// AccountsCommand has what can be done with accounts, with the admin key only.
type AccountsCommand struct {
	List   AccountsList   `cmd:"" help:"List accounts."`
	Create AccountsCreate `cmd:"" help:"Create an account."`
	Get    AccountsGet    `cmd:"" help:"Show an account."`
}

// AccountsList lists accounts.
type AccountsList struct {
	Remote `embed:""`
	Paging `embed:""`
}

// Run lists the accounts, newest first.
func (c *AccountsList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	columns := []column[types.Account]{
		{title: "ID", value: func(a types.Account) string { return a.ID }},
		{title: "CREATED", value: func(a types.Account) string { return at(a.CreatedAt) }},
		{title: "NAME", value: func(a types.Account) string { return a.Name }},
	}
	return list(s, c.Paging, "There are no accounts.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListAccounts(env.Ctx, &types.ListAccountsParams{Limit: limit, Cursor: cursor})
	})
}

// AccountsCreate creates an account.
type AccountsCreate struct {
	Remote `embed:""`
	Name   *string `help:"Its name; no two have the same." placeholder:"NAME"`
}

// Run creates the account and shows it.
func (c *AccountsCreate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b := body{}
	set(b, "name", c.Name)
	return ask(s, s.account)(s.answer(s.api.CreateAccountWithBody(env.Ctx, jsonType, b.reader())))
}

// AccountsGet shows an account.
type AccountsGet struct {
	Remote `embed:""`
	ID     string `arg:"" name:"id" help:"ID of the account (acc_…)."`
}

// Run shows the account.
func (c *AccountsGet) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.account)(s.answer(s.api.GetAccount(env.Ctx, c.ID)))
}

func (s *session) account(a types.Account) string {
	return s.fields().add("ID", a.ID).add("Name", a.Name).add("Created", at(a.CreatedAt)).String()
}
