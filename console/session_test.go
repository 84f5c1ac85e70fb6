package console_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestRevokedKeyEndsTheSession(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	v := signedInWith(t, s, webhook.ScopeRead)
	got := v.get("/console/deliveries")
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "Signed in with the API key Billing service", got.text(".who .key"))
	assert.Equal(t, "acc_test", s.accountID)
	for _, cookie := range v.cookies {
		assert.NotContains(t, cookie.Value, "dhk_test")
	}

	s.keys["key_test"].revoked = true
	assert.Equal(t, http.StatusUnauthorized, v.get("/console/deliveries/live").status)
	got = v.get("/console/deliveries")
	assert.Equal(t, "/console/sign-in?next=%2Fconsole%2Fdeliveries", got.header.Get("Location"))
	assert.Contains(t, v.get(got.header.Get("Location")).text("#notice.bad p"), "revoked or has expired")
	assert.Equal(t, http.StatusForbidden, v.signIn("dhk_test").status)
}

func TestPagesDoWhatTheKeyMay(t *testing.T) {
	t.Parallel()
	found := inspection(webhook.StatusWaiting, failed(500))
	s := &fakeService{deliveries: []webhook.Delivery{found.Delivery}, inspection: found}
	path := "/console/deliveries/" + found.Delivery.ID

	reader := signedInWith(t, s, webhook.ScopeRead)
	assert.Empty(t, reader.get("/console/deliveries").page.Find("main [formaction]").Nodes)
	got := reader.get(path)
	assert.Empty(t, got.page.Find("main button[formaction]:not([disabled])").Nodes)
	assert.Contains(t, got.text("#cannot-retry"), "lacks the scope manage")
	got = reader.post(path+"/retry", nil)
	assert.Equal(t, http.StatusForbidden, got.status)
	assert.Contains(t, got.text("main"), "This needs an API key with the scope manage; this one has read.")
	assert.NotEmpty(t, got.page.Find(".sections a").Nodes)
	assert.Empty(t, s.retried)

	publisher := signedInWith(t, s, webhook.ScopePublish)
	got = publisher.get("/console/deliveries")
	assert.Equal(t, http.StatusForbidden, got.status)
	assert.NotContains(t, got.body, found.Delivery.ID)
	assert.NotContains(t, got.texts(".sections a"), "Recent Deliveries")

	manager := signedInWith(t, s, webhook.ScopeRead, webhook.ScopeManage)
	assert.Len(t, manager.get("/console/deliveries").page.Find("main tbody button").Nodes, 1)
	assert.Equal(t, http.StatusSeeOther, manager.post(path+"/retry", nil).status)
}

func TestAdminChoosesTheAccount(t *testing.T) {
	t.Parallel()
	acme := webhook.Account{ID: webhook.NewID(webhook.AccountPrefix), Name: "Acme <b>Inc.</b>"}
	own := webhook.Account{ID: "acc_test", Name: "default"}
	s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}, accounts: []webhook.Account{own}}
	v := signedIn(t, s)
	assert.Empty(t, v.get("/console/deliveries").page.Find(".accounts").Nodes, "there is nothing to choose")

	s.accounts = append(s.accounts, acme)
	got := v.get("/console/deliveries")
	assert.Equal(t, "acc_test", s.accountID)
	assert.Equal(t, "Account default ▾", got.text(".accounts summary"))
	assert.Equal(t, []string{acme.Name}, got.texts(".accounts a"))
	link := got.attr(".accounts a", "href")
	assert.Equal(t, "/console/deliveries?account="+acme.ID, link)

	got = v.get(link + "&status=delivered")
	assert.Equal(t, acme.ID, s.accountID)
	assert.Equal(t, []string{"default"}, got.texts(".accounts a"))
	account := "account=" + acme.ID
	for selector, attribute := range map[string]string{
		".sections a": "href", ".brand": "href", "#live": "data-url", "tbody .event a": "href", "tbody button": "formaction",
	} {
		assert.Contains(t, got.attr(selector, attribute), account, selector)
	}
	assert.Equal(t, acme.ID, got.attr("form.filters input[name=account]", "value"))
	assert.NotContains(t, got.attr("link[rel=stylesheet]", "href"), account)
	retried := v.post(got.attr("tbody button", "formaction"), map[string][]string{"back": {"/console/deliveries?status=waiting"}})
	assert.Equal(t, acme.ID, s.accountID)
	assert.Equal(t, "/console/deliveries?status=waiting&"+account, retried.header.Get("Location"))

	nobody := webhook.NewID(webhook.AccountPrefix)
	assert.Equal(t, http.StatusNotFound, v.get("/console/deliveries?account="+nobody).status)
	got = v.get(`/console/nothing?account="><script>alert(1)</script>`)
	assert.Empty(t, got.page.Find("script:not([src])").Nodes)
}

func TestKeysStayInTheirAccount(t *testing.T) {
	t.Parallel()
	acme := webhook.Account{ID: webhook.NewID(webhook.AccountPrefix), Name: "Acme Inc."}
	s := &fakeService{accounts: []webhook.Account{{ID: "acc_test", Name: "default"}, acme}}
	v := signedInWith(t, s, webhook.ScopeRead, webhook.ScopeManage)
	got := v.get("/console/deliveries?account=acc_test")
	assert.Equal(t, http.StatusOK, got.status)
	assert.Empty(t, got.page.Find(".accounts").Nodes)
	assert.NotContains(t, got.body, acme.Name)
	s.accountID = ""
	got = v.get("/console/deliveries?account=" + acme.ID)
	assert.Equal(t, http.StatusForbidden, got.status)
	assert.Empty(t, s.accountID)
	assert.NotContains(t, got.body, acme.Name)
}
