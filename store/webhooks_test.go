package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestWebhookRoundTrip(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i, authentication := range []webhook.Authentication{
		{}, {Type: "api_key", Header: "X-Api-Key", Value: "v"}, {Type: "basic", Username: "u", Password: "ä✓"},
		{Type: "bearer", Token: "t"}, {Type: "hmac", Secret: "s"},
	} {
		w, err := webhook.Define(f.account, webhook.Definition{
			Name: fmt.Sprint("Größe ", i), URL: "https://example.com/?a=b", Events: []string{"call.ended", "call.failed"},
			Authentication: authentication, Filter: `event == "ä"`, Enabled: new(bool),
		}, webhook.BuiltIn, false)
		require.NoError(t, err)
		require.NoError(t, f.CreateWebhook(t.Context(), &w))
		require.WithinDuration(t, time.Now(), w.CreatedAt, near)
		require.Equal(t, w.CreatedAt, w.UpdatedAt)

		got, err := f.Webhook(t.Context(), f.account, w.ID)
		require.NoError(t, err)
		require.Equal(t, w, got)
	}
}

func TestCreateWebhookFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	require.ErrorContains(t, f.CreateWebhook(t.Context(), &w), "insert webhook: ", "the ID is taken")
	w = webhook.Webhook{ID: webhook.NewID(webhook.WebhookPrefix), AccountID: "acc_nobody"}
	require.Error(t, f.CreateWebhook(t.Context(), &w), "the account does not exist")
	require.Equal(t, 1, f.count(`SELECT count(*) FROM webhooks`))
}

func TestWebhooksPaging(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.newAccount("other")
	var want []string
	for range 7 {
		w := f.newWebhook(f.account, "*")
		want = append(want, w.ID)
		f.newWebhook(other, "*")
	}
	f.exec(`UPDATE webhooks SET deleted_at = now() WHERE id = $1`, f.newWebhook(f.account, "*").ID)

	var got []string
	page := store.Page{Limit: 3}
	for {
		webhooks, err := f.Webhooks(t.Context(), f.account, page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(webhooks), 3)
		if len(webhooks) == 0 {
			break
		}
		for _, w := range webhooks {
			got = append(got, w.ID)
		}
		page.Before = got[len(got)-1]
	}
	require.ElementsMatch(t, want, got)
	require.IsDecreasing(t, got)
}

func TestSearchOfWebhooks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*")
	f.newWebhook(f.newAccount("other"), "*")
	f.exec(`UPDATE webhooks SET name = 'Salesforce 100%', url = 'https://hooks.example.com/In' WHERE id = $1`, one.ID)
	f.exec(`UPDATE webhooks SET name = 'Slack', url = 'https://slack.example.com/' WHERE id = $1`, two.ID)
	for text, want := range map[string][]string{
		"": {two.ID, one.ID}, "salesFORCE": {one.ID}, "100%": {one.ID}, "%": {one.ID}, "example.com/in": {one.ID}, "EXAMPLE": {two.ID, one.ID},
		two.ID: {two.ID}, two.ID[:10]: {}, "nothing": {},
	} {
		got := []string{}
		found, err := f.SearchWebhooks(t.Context(), f.account, text, store.Page{Limit: 10})
		require.NoError(t, err)
		for _, w := range found {
			got = append(got, w.ID)
		}
		require.Equal(t, want, got, text)
	}
	found, err := f.SearchWebhooks(t.Context(), f.account, "example", store.Page{Before: two.ID, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, one.ID, found[0].ID)
}

func TestWebhooksOfOtherAccountsDoNotExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.newAccount("other")
	w := f.newWebhook(other, "*")
	_, err := f.Webhook(t.Context(), f.account, w.ID)
	requireNotFound(t, w.ID, err)
	webhooks, err := f.Webhooks(t.Context(), f.account, store.Page{Limit: 10})
	require.NoError(t, err)
	require.NotNil(t, webhooks)
	require.Empty(t, webhooks)

	require.NoError(t, f.SetWebhookURL(t.Context(), f.account, w.ID, "https://evil.example/"))
	got, err := f.Webhook(t.Context(), other, w.ID)
	require.NoError(t, err)
	require.Equal(t, w, got)
}

func TestDeletedWebhooksDoNotExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "*")
	f.exec(`UPDATE webhooks SET deleted_at = now()`)
	_, err := f.Webhook(t.Context(), f.account, w.ID)
	requireNotFound(t, w.ID, err)
}

func TestSetWebhookURL(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, untouched := f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*")
	require.NoError(t, f.SetWebhookURL(t.Context(), f.account, w.ID, "https://new.example/"))
	got, err := f.Webhook(t.Context(), f.account, w.ID)
	require.NoError(t, err)
	require.Equal(t, "https://new.example/", got.URL)
	require.Equal(t, w.SigningSecret, got.SigningSecret)
	require.True(t, got.UpdatedAt.After(w.UpdatedAt))
	again, err := f.Webhook(t.Context(), f.account, untouched.ID)
	require.NoError(t, err)
	require.Equal(t, untouched, again)
}

func TestDisableWebhookKeepsTheFirstReason(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, untouched := f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*")
	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "The endpoint answered 410 Gone."))
	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "Another reason."))
	got, err := f.Webhook(t.Context(), f.account, w.ID)
	require.NoError(t, err)
	require.False(t, got.Enabled)
	require.Equal(t, "The endpoint answered 410 Gone.", got.DisabledReason)
	again, err := f.Webhook(t.Context(), f.account, untouched.ID)
	require.NoError(t, err)
	require.True(t, again.Enabled)
}

// With another key nothing can be read, and the error says so; with the database moved to another row or
// account, a sealed secret is worthless.
func TestSecretsAreBoundToTheirWebhookAndKey(t *testing.T) {
	t.Parallel()
	url, key := testdb.New(t), newKey(t)
	s := open(t, url, key)
	_, err := migrations.Up(t.Context(), s.DB().DB)
	require.NoError(t, err)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	f := &fixture{Store: s, t: t, account: account}
	w, other := f.newWebhook(account, "*"), f.newWebhook(account, "*")

	stranger := open(t, url, newKey(t))
	_, err = stranger.Webhook(t.Context(), account, w.ID)
	require.ErrorContains(t, err, "it was sealed with another --encryption-key")
	_, err = stranger.Webhooks(t.Context(), account, store.Page{Limit: 10})
	require.ErrorContains(t, err, "it was sealed with another --encryption-key")

	for _, column := range []string{"signing_secret", "authentication"} {
		f.exec(`UPDATE webhooks SET `+column+` = (SELECT `+column+` FROM webhooks WHERE id = $1) WHERE id = $2`, other.ID, w.ID)
		_, err = s.Webhook(t.Context(), account, w.ID)
		require.ErrorContains(t, err, "open secret of "+account+"/"+w.ID)
		require.NotContains(t, err.Error(), string(other.SigningSecret))
	}
}
