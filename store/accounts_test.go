package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestDefaultAccountIsMadeOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(`DELETE FROM accounts`)
	ids := make([]string, 10)
	var group errgroup.Group
	for i := range ids {
		group.Go(func() (err error) {
			ids[i], err = f.EnsureDefaultAccount(t.Context())
			return err
		})
	}
	require.NoError(t, group.Wait())
	for _, id := range ids {
		require.Equal(t, ids[0], id)
		require.NoError(t, webhook.CheckID(webhook.AccountPrefix, id))
	}
	require.Equal(t, 1, f.count(`SELECT count(*) FROM accounts WHERE name = 'default'`))
}

func TestCheckAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.NoError(t, f.CheckAccount(t.Context(), f.account))
	unknown := webhook.NewID(webhook.AccountPrefix)
	requireNotFound(t, unknown, f.CheckAccount(t.Context(), unknown))
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	account, err := webhook.DefineAccount(webhook.AccountDefinition{Name: "Acme Inc."})
	require.NoError(t, err)
	require.NoError(t, f.CreateAccount(t.Context(), &account))
	require.WithinDuration(t, time.Now(), account.CreatedAt, near)
	found, err := f.Account(t.Context(), account.ID)
	require.NoError(t, err)
	require.Equal(t, account, found)

	again, err := webhook.DefineAccount(webhook.AccountDefinition{Name: "Acme Inc."})
	require.NoError(t, err)
	err = f.CreateAccount(t.Context(), &again)
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeConflict, domain.Code)
	_, err = f.Account(t.Context(), again.ID)
	requireNotFound(t, again.ID, err)

	all, err := f.Accounts(t.Context(), store.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, account, all[0])
	all, err = f.Accounts(t.Context(), store.Page{Before: account.ID, Limit: 1})
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, f.account, all[0].ID)
}

func TestAccountsThatATextIsAbout(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, birch := f.newAccount("Acme Logistics"), f.newAccount("Birch Dental")
	with := func(text string) (ids []string) {
		t.Helper()
		found, err := f.AccountsWith(t.Context(), text, 5)
		require.NoError(t, err)
		for _, account := range found {
			ids = append(ids, account.ID)
		}
		return ids
	}
	w := f.newWebhook(birch, "*")
	for _, account := range []string{acme, birch} {
		f.exec(`INSERT INTO events (id, account_id, event, timestamp) VALUES ($1, $2, 'call.ended', now())`, "evt_"+account, account)
		f.exec(`INSERT INTO event_payloads (event_id, payload, search) VALUES ($1, '{}', ARRAY[$2::bigint])`, "evt_"+account, webhook.SearchTerm(account, "call_1"))
	}
	require.Equal(t, []string{acme}, with("ACME"))
	require.Equal(t, []string{acme}, with(acme))
	require.Equal(t, []string{birch}, with(w.ID))
	require.Equal(t, []string{birch}, with(strings.ToUpper(w.Name)))
	require.Equal(t, []string{acme}, with("evt_"+acme))
	require.Equal(t, []string{birch, acme}, with("call_1"))
	require.Empty(t, with("call_2"))

	found, err := f.SearchAccounts(t.Context(), "DENTAL", store.Page{Limit: 5})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, birch, found[0].ID)
}
