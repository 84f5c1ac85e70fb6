package console_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// hush is in every secret of the tests.
const hush = "hush-hush-hush"

// subscribed returns a webhook with secrets.
func subscribed(change func(*webhook.Webhook)) webhook.Webhook {
	w := webhook.Webhook{
		ID: webhook.NewID(webhook.WebhookPrefix), AccountID: "acc_test", Name: "Salesforce Sync", URL: "https://hooks.example/in",
		Events: []string{"call.ended", "call.failed", "contact.*", "campaign.started"}, Enabled: true,
		Authentication: webhook.Authentication{Type: webhook.AuthenticationAPIKey, Header: "X-Key", Value: hush},
		SigningSecret:  webhook.NewSigningSecret(), CreatedAt: time.Date(2026, 2, 2, 14, 30, 0, 0, time.UTC),
	}
	if change != nil {
		change(&w)
	}
	return w
}

func TestListOfWebhooks(t *testing.T) {
	t.Parallel()
	good, off := subscribed(nil), subscribed(func(w *webhook.Webhook) {
		w.Name, w.Events = "Slack", []string{"*"}
		w.Disable("Disabled since its endpoint answered 410 Gone.")
	})
	var hour webhook.Figures
	hour.Count(3, webhook.OutcomeSuccess, nil, 0)
	hour.Count(1, webhook.OutcomeServerError, nil, 0)
	s := &fakeService{webhooks: []webhook.Webhook{good, off}, hours: []webhook.Hour{{}, {Figures: hour}}}
	v := signedIn(t, s)
	got := v.get("/console/webhooks")
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "Flow Automation → Webhooks", got.text("nav[aria-label=Breadcrumb]"))
	assert.Equal(t, []string{"Webhooks", "Recent Deliveries"}, got.texts(".sections a")[:2])
	assert.Equal(t, "Webhooks", got.text(".sections [aria-current=page]"))
	assert.Equal(t, "/console/webhooks/new", got.attr(".heading a.primary", "href"))
	assert.Equal(t, "Create Webhook", got.text(".heading a.primary"))
	assert.Equal(t, []string{"Enabled", "Disabled"}, got.texts("tbody .status"))
	assert.Equal(t, []string{
		"Salesforce Sync https://hooks.example/in", "Slack https://hooks.example/in Disabled since its endpoint answered 410 Gone.",
	}, got.texts("tbody th"))
	assert.Equal(t, "/console/webhooks/"+good.ID, got.attr("tbody th a", "href"))
	assert.Equal(t, []string{"call.ended call.failed contact.* and 1 more", "*"}, got.texts("tbody .events"))
	assert.Equal(t, "75 %", got.texts("tbody .rate")[0])
	assert.Equal(t, "4 attempts", got.texts("tbody .spark")[0])
	assert.Equal(t, "M5 6h4v18h-4z", got.attr("tbody tr:first-child .sparkline .good", "d"))
	assert.Equal(t, "M5 0h4v6h-4z", got.attr("tbody tr:first-child .sparkline .bad", "d"))
	assert.NotContains(t, got.body, "hush")
	assert.NotContains(t, got.body, "whsec_")

	s.hours = nil
	assert.Equal(t, "–none", v.get("/console/webhooks").texts("tbody .rate")[0])
	reader := signedInWith(t, s, webhook.ScopeRead)
	assert.NotContains(t, reader.get("/console/webhooks").text("main"), "Create Webhook")
	s.webhooks = nil
	assert.Equal(t, "No webhooks yet", v.get("/console/webhooks").text("h2"))
	assert.Contains(t, reader.get("/console/webhooks").text(".empty"), "lacks the scope manage")
}

func TestPagesOfWebhooks(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	for range pageSize + 1 {
		s.webhooks = append(s.webhooks, subscribed(nil))
	}
	v := signedIn(t, s)
	got := v.get("/console/webhooks")
	assert.Len(t, got.page.Find("tbody tr").Nodes, pageSize)
	assert.Equal(t, "/console/webhooks?cursor="+s.webhooks[pageSize-1].ID, got.attr(".pager a", "href"))
	assert.Less(t, len(got.body), 100<<10)
	got = v.get(got.attr(".pager a", "href"))
	assert.Equal(t, s.webhooks[pageSize-1].ID, s.page.Before)
	assert.Equal(t, []string{"« Newest", "Older ›"}, got.texts(".pager a"))
	assert.Contains(t, v.get("/console/webhooks?cursor=nonsense").text("#notice.bad"), "There is no such place")
	assert.Empty(t, s.page.Before)
}

func TestCreateWebhook(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	v := signedIn(t, s)
	got := v.get("/console/webhooks/new")
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "Flow Automation → Webhooks", got.text("nav[aria-label=Breadcrumb]"))
	assert.Contains(t, got.texts("[name=events] + span code"), "call.ended")
	assert.Equal(t, []string{"*", "call.*", "call.ended", "call.started"}, values(got, "[name=events]"))
	assert.Equal(t, []string{"none", "api_key", "basic", "bearer", "oauth", "hmac"}, values(got, "[name=method]"))
	assert.Contains(t, got.text(".methods"), "API Key Header a custom header with a secret key Basic Auth a username and a password OAuth Token")

	form := url.Values{
		"name": {"HubSpot"}, "url": {" https://hooks.example/in "}, "events": {"call.*", "contact.created"},
		"filter": {"data.duration > 60"}, "rate_limit": {" 25 "}, "method": {"bearer"}, "bearer/token": {hush}, "signing_algorithm": {"hmac-sha256"},
		"hmac/algorithm": {"sha256"}, // the fields of the other methods are sent too
	}
	got = v.post("/console/webhooks", form)
	require.Equal(t, http.StatusCreated, got.status)
	require.NotNil(t, s.changed)
	assert.Equal(t, webhook.Authentication{Type: "bearer", Token: hush}, s.changed.Authentication)
	assert.Equal(t, []string{"call.*", "contact.created"}, s.changed.Events)
	assert.Equal(t, "https://hooks.example/in", s.changed.URL)
	assert.Equal(t, "data.duration > 60", s.changed.Filter)
	assert.Equal(t, 25, s.changed.RateLimit)
	assert.Equal(t, string(s.changed.SigningSecret), got.text(".secret code"), "this once")
	assert.Equal(t, "Copy the signing secret", got.text(".secret button.copy"))
	assert.Equal(t, "/console/webhooks/"+s.changed.ID+"/test", got.attr("main a.primary", "href"))
	assert.NotContains(t, got.body, hush)
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))

	form.Set("signing_algorithm", "ed25519")
	got = v.post("/console/webhooks", form)
	assert.Contains(t, got.texts(".secret code"), s.changed.SigningSecret.PublicKey())
	reader := signedInWith(t, s, webhook.ScopeRead)
	for _, path := range []string{"/console/webhooks/new", "/console/webhooks/" + s.changed.ID + "/edit"} {
		assert.Equal(t, http.StatusForbidden, reader.get(path).status)
	}
	s.changed = nil
	assert.Equal(t, http.StatusForbidden, reader.post("/console/webhooks", form).status)
	assert.Nil(t, s.changed)
}

func values(got *answer, selector string) []string {
	return got.page.Find(selector).Map(func(_ int, found *goquery.Selection) string { return found.AttrOr("value", "") })
}

func TestWhatIsWrongStandsBesideTheFields(t *testing.T) {
	t.Parallel()
	const script = `"><script>alert(1)</script>`
	s := &fakeService{}
	v := signedIn(t, s)
	got := v.post("/console/webhooks", url.Values{
		"name": {""}, "url": {script}, "events": {"call.ended", "call.ende"}, "method": {"basic"}, "basic/username": {script}, "basic/password": {hush + "\x01"},
		"signing_algorithm": {"ed25519"}, "filter": {script}, "rate_limit": {"fast"},
	})
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
	assert.Contains(t, got.text("[role=alert]"), "Some fields are not valid.")
	for id, want := range map[string]string{
		"name": "Name is missing", "url": "URL is not a URL", "events": "Events is not a known event type", "rate_limit": "Most requests a second must be a whole number.", "basic-password": "Password must not contain control characters",
	} {
		assert.Contains(t, got.text("#"+id+"-problem"), want)
	}
	assert.Equal(t, []string{"name"}, got.page.Find("[autofocus]").Map(func(_ int, found *goquery.Selection) string { return found.AttrOr("id", "") }),
		"one goes on at the first field that is wrong")
	assert.Equal(t, "true", got.attr("#url", "aria-invalid"))
	assert.Contains(t, got.attr("#url", "aria-describedby"), "url-problem")
	assert.Equal(t, script, got.attr("#url", "value"), "what was filled in is kept")
	assert.Equal(t, script, got.attr("#basic-username", "value"))
	assert.Equal(t, script, got.page.Find("#filter").Text())
	assert.Equal(t, []string{"call.ended", "call.ende"}, values(got, "[name=events][checked]"))
	assert.Equal(t, []string{"basic"}, values(got, "[name=method][checked]"))
	assert.Equal(t, "ed25519", got.attr("[name=signing_algorithm] [selected]", "value"))
	assert.Empty(t, got.attr("#basic-password", "value"))
	assert.NotContains(t, got.body, hush)
	assert.Empty(t, got.page.Find("script:not([src])").Nodes)

	got = v.post("/console/webhooks", url.Values{"name": {"x"}, "method": {"oauth"}})
	for _, name := range []string{"token_url", "client_id", "client_secret"} {
		assert.Contains(t, got.text("#oauth-"+name+"-problem"), "is missing")
	}
	assert.Len(t, got.page.Find(".refused").Nodes, 1, "every problem stands beside its field")
	got = v.post("/console/webhooks", url.Values{
		"name": {"x"}, "url": {"https://hooks.example/in"}, "rate_limit": {"0"}, "method": {"bearer"}, "bearer/token": {hush}, "basic/password": {hush},
	})
	assert.Equal(t, "! Most requests a second must be from 1 to 1000; left empty, there is no limit.", got.text("#rate_limit-problem"))
	assert.Equal(t, "! Events is missing; choose at least one, or all.", got.text("#events-problem"))
	assert.Equal(t, "*", got.attr("[autofocus]", "value"))
	assert.Contains(t, got.text("#bearer-token-problem"), "has to be filled in again", "a secret does not come back unnoticed as the one before")
	assert.Empty(t, got.page.Find("#basic-password-problem").Nodes, "that is of another method")
	assert.NotContains(t, got.body, hush)
	got = v.post("/console/webhooks", url.Values{"name": {"x"}, "method": {"bearer"}})
	assert.Equal(t, "! Token is missing.", got.text("#bearer-token-problem"))

	var fields webhook.Fields
	fields.Add("/filter", "is not a condition: at line 1, column 5, an operator is missing")
	s.saveErr = fields.Err()
	got = v.post("/console/webhooks", url.Values{"name": {"x"}, "method": {"oauth"}})
	assert.Contains(t, got.text("#filter-problem"), "line 1, column 5")
	s.saveErr = &webhook.Error{Code: webhook.CodeConflict, Message: "The account has 2000 webhooks already."}
	assert.Contains(t, v.post("/console/webhooks", url.Values{"method": {"none"}}).text("[role=alert][autofocus]"), "2000 webhooks")
}

func TestEditWebhook(t *testing.T) {
	t.Parallel()
	w := subscribed(func(w *webhook.Webhook) {
		w.RateLimit, w.Events = 25, []string{"call.ended", "call.deep.*"}
	})
	s := &fakeService{webhooks: []webhook.Webhook{w}}
	v, path := signedIn(t, s), "/console/webhooks/"+w.ID
	got := v.get(path + "/edit")
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "Salesforce Sync", got.attr("#name", "value"))
	assert.Equal(t, []string{"call.ended", "call.deep.*"}, values(got, "[name=events][checked]"), "what no box is for is kept")
	assert.Equal(t, []string{"api_key"}, values(got, "[name=method][checked]"))
	assert.Equal(t, "X-Key", got.attr("#api_key-header", "value"))
	assert.Equal(t, "25", got.attr("#rate_limit", "value"))
	assert.Contains(t, got.text("#api_key-value-help"), "Leave it empty")
	assert.Empty(t, got.page.Find("#basic-password-help, [name=signing_algorithm]").Nodes)
	assert.NotContains(t, got.body, "hush")
	assert.NotContains(t, got.body, "whsec_")

	assert.Contains(t, v.get(path).text("#facts"), "25 requests a second")
	form := url.Values{"name": {"Renamed"}, "url": {w.URL}, "rate_limit": {""}, "events": {"call.ended"}, "method": {"api_key"}, "api_key/header": {"X-Other"}, "api_key/value": {""}}
	got = v.post(path+"/edit", form)
	require.Equal(t, http.StatusSeeOther, got.status)
	assert.Equal(t, path, got.header.Get("Location"))
	assert.Equal(t, webhook.Authentication{Type: "api_key", Header: "X-Other", Value: hush}, s.changed.Authentication, "the secret is kept")
	assert.Equal(t, "Renamed", s.changed.Name)
	assert.Zero(t, s.changed.RateLimit, "empty is no limit")
	assert.Equal(t, "✓ Renamed is saved. Attempts that are still to come use what it says now.", v.get(path).text("#notice p"))

	form.Set("method", "hmac")
	got = v.post(path+"/edit", form)
	assert.Equal(t, http.StatusUnprocessableEntity, got.status, "the secret of another method is none")
	assert.Contains(t, got.text("#hmac-secret-problem"), "is missing")
	form.Set("method", "none")
	require.Equal(t, http.StatusSeeOther, v.post(path+"/edit", form).status)
	assert.Equal(t, webhook.Authentication{Type: "none"}, s.changed.Authentication)
}

// What somebody filled in for a webhook that was deleted in another tab is not lost: a new one can be made of it.
func TestWebhookThatWasDeletedWhileItWasEdited(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	v := signedIn(t, s)
	form := url.Values{
		"name": {"Renamed"}, "url": {"https://hooks.example/in"}, "events": {"call.ended"}, "filter": {"data.duration > 60"}, "rate_limit": {"25"},
		"method": {"api_key"}, "api_key/header": {"X-Other"}, "api_key/value": {hush},
	}
	got := v.post("/console/webhooks/"+webhook.NewID(webhook.WebhookPrefix)+"/edit", form)
	require.Equal(t, http.StatusNotFound, got.status)
	assert.Equal(t, "Create Webhook", got.text("h1"))
	assert.Equal(t, "Nothing was saved. The webhook was deleted in the meantime. “Create Webhook” makes a new one of what is filled in here.", got.text(".refused"))
	assert.Equal(t, "/console/webhooks", got.attr("form.form", "action"))
	for selector, want := range map[string]string{
		"#name": "Renamed", "#url": "https://hooks.example/in", "#rate_limit": "25", "#api_key-header": "X-Other", "#api_key-value": "",
	} {
		assert.Equal(t, want, got.attr(selector, "value"), selector)
	}
	assert.Equal(t, "data.duration > 60", got.text("#filter"))
	assert.Equal(t, []string{"call.ended"}, values(got, "[name=events][checked]"))
	assert.Equal(t, []string{"api_key"}, values(got, "[name=method][checked]"))
	assert.Contains(t, got.text("#api_key-value-problem"), "has to be filled in again")
	assert.Empty(t, got.page.Find("#api_key-value-help").Nodes, "there is no secret that could be kept")
	assert.NotContains(t, got.body, hush)

	form.Set("signing_algorithm", "hmac-sha256")
	require.Equal(t, http.StatusCreated, v.post(got.attr("form.form", "action"), form).status)
	assert.Equal(t, "Renamed", s.changed.Name)
}

func TestSecretOfAClientIsNotSentElsewhere(t *testing.T) {
	t.Parallel()
	w := subscribed(func(w *webhook.Webhook) {
		w.Authentication = webhook.Authentication{Type: "bearer", TokenURL: "https://id.example/token", ClientID: "me", ClientSecret: hush}
	})
	s := &fakeService{webhooks: []webhook.Webhook{w}}
	v, path := signedIn(t, s), "/console/webhooks/"+w.ID+"/edit"
	form := url.Values{
		"name": {w.Name}, "url": {w.URL}, "events": {"*"}, "method": {"oauth"}, "oauth/token_url": {"https://id.example/token"},
		"oauth/client_id": {"you"}, "oauth/scopes": {"a b"},
	}
	require.Equal(t, http.StatusSeeOther, v.post(path, form).status)
	assert.Equal(t, webhook.Authentication{
		Type: "bearer", TokenURL: "https://id.example/token", ClientID: "you", ClientSecret: hush, Scopes: []string{"a", "b"},
	}, s.changed.Authentication)
	form.Set("oauth/token_url", "https://evil.example/token")
	got := v.post(path, form)
	assert.Equal(t, http.StatusUnprocessableEntity, got.status)
	assert.Contains(t, got.text("#oauth-client_secret-problem"), "is missing")
}

func TestWhatCanBeDoneWithAWebhook(t *testing.T) {
	t.Parallel()
	w := subscribed(nil)
	s := &fakeService{webhooks: []webhook.Webhook{w}}
	v, path := signedIn(t, s), "/console/webhooks/"+w.ID
	got := v.get(path)
	assert.Contains(t, got.text("#facts"), "API Key Header: X-Key")
	assert.Contains(t, got.text("#facts"), "••••")
	assert.NotContains(t, got.body, "hush")
	assert.NotContains(t, got.body, string(w.SigningSecret))
	assert.Equal(t, "No deliveries here", got.text("section[aria-labelledby=recent-heading] .empty h2"))
	for range 11 {
		s.deliveries = append(s.deliveries, delivery(nil))
	}
	recent := v.get(path)
	assert.Equal(t, w.ID, s.filter.WebhookID)
	assert.Len(t, recent.page.Find("table.deliveries tbody tr").Nodes, 8)
	assert.Empty(t, recent.page.Find(".pager").Nodes)
	assert.Equal(t, path, recent.attr("#retry [name=back]", "value"))
	assert.Equal(t, "/console/deliveries?webhook_id="+w.ID, recent.attr("#recent-heading + a", "href"))
	for _, deed := range []string{"disable", "rotate-secret", "delete"} {
		assert.Equal(t, path+"/"+deed, got.attr("details.confirm button[formaction$='"+deed+"']", "formaction"), "asks first")
	}

	v.post(path+"/disable", nil)
	assert.False(t, s.changed.Enabled)
	assert.Contains(t, v.get(path).text("#notice.good"), "Salesforce Sync is disabled")
	got = v.post(path+"/rotate-secret", nil)
	assert.Equal(t, string(s.changed.SigningSecret), got.text(".secret code"))
	assert.NotContains(t, got.body, string(w.SigningSecret))
	assert.Contains(t, got.text("main"), "signs along for 24 hours")
	s.webhooks[0].Disable(webhook.DisabledByOwner)
	assert.Equal(t, "Disabled", v.get(path).text(".heading .pill"))
	v.post(path+"/enable", nil)
	assert.True(t, s.changed.Enabled)

	reader := signedInWith(t, s, webhook.ScopeRead)
	assert.Empty(t, reader.get(path).page.Find("main .heading .deeds").Nodes)
	for _, deed := range []string{"/enable", "/disable", "/rotate-secret", "/delete", "/test", "/edit"} {
		assert.Equal(t, http.StatusForbidden, reader.post(path+deed, nil).status, deed)
		assert.Equal(t, http.StatusNotFound, v.post("/console/webhooks/"+webhook.NewID(webhook.WebhookPrefix)+deed, nil).status, deed)
	}
	v.header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, v.post(path+"/delete", nil).status)
	require.Len(t, s.webhooks, 1)
	v.header.Del("Sec-Fetch-Site")
	assert.Equal(t, "/console/webhooks", v.post(path+"/delete", nil).header.Get("Location"))
	assert.Empty(t, s.webhooks)
}

func TestTestWebhook(t *testing.T) {
	t.Parallel()
	w := subscribed(nil)
	attempt := failed(401)
	attempt.Number, attempt.ResponseBody = 1, []byte("<script>alert(1)</script>")
	found := inspection(webhook.StatusExhausted, attempt)
	s := &fakeService{webhooks: []webhook.Webhook{w}, inspection: found}
	s.test.Delivery, s.test.Attempt, s.test.PassesFilter = found.Delivery, attempt, true
	v, path := signedIn(t, s), "/console/webhooks/"+w.ID+"/test"
	got := v.get(path)
	assert.Equal(t, []string{"call.ended", "call.started (not subscribed to)"}, got.texts("[name=event] option"))
	assert.NotEmpty(t, got.attr("main form button", "data-busy"))

	got = v.post(path, url.Values{"event": {"call.ended"}})
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "The test failed", got.text(".verdict-box h2"))
	assert.Contains(t, got.text("#attempt-1 .outcome"), "401 Client error")
	assert.Contains(t, got.text("#attempt-1 .outcome"), "by Test Webhook")
	assert.Contains(t, got.text("#attempt-1 .hint"), "did not accept who is asking")
	assert.Equal(t, string(attempt.ResponseBody), got.page.Find("#attempt-1 pre").Text())
	assert.Contains(t, got.text("#request"), "webhook-signature ••••")
	assert.Equal(t, "/console/deliveries/"+found.Delivery.ID, got.attr(".verdict-box a", "href"))
	assert.NotContains(t, got.body, "hush")

	s.test.Attempt.Outcome, s.test.PassesFilter = webhook.OutcomeSuccess, false
	got = v.post(path, url.Values{"event": {"call.started"}})
	assert.Equal(t, "Your endpoint accepted the test", got.text(".verdict-box.good h2"))
	assert.Contains(t, got.text(".verdict-box"), "filter leaves this example out")
	assert.Equal(t, "call.started", got.attr("[name=event] [selected]", "value"))
	got = v.post(path, url.Values{"event": {"call.ende"}})
	assert.Equal(t, http.StatusUnprocessableEntity, got.status)
	assert.Contains(t, got.text("#event-problem"), "did you mean")
}

func TestSearchOfWebhooks(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	for range pageSize + 1 {
		s.webhooks = append(s.webhooks, webhook.Webhook{ID: webhook.NewID(webhook.WebhookPrefix), Name: "Sync"})
	}
	v := signedIn(t, s)
	got := v.get("/console/webhooks?q=Sync")
	assert.Equal(t, "Sync", s.filter.Query)
	assert.Equal(t, "Sync", got.attr("main input[name=q]", "value"))
	assert.Equal(t, "/console/webhooks?cursor="+s.webhooks[pageSize-1].ID+"&q=Sync", got.attr(".pager a", "href"))
	assert.Equal(t, "Clear", got.text(".filters a"))
	s.webhooks = nil
	got = v.get("/console/webhooks?q=Sync")
	assert.Contains(t, got.text(".empty"), "No webhooks here")
	assert.Equal(t, "/console/webhooks", got.attr(".empty a", "href"))
	assert.Empty(t, v.get("/console/webhooks").page.Find("main input[name=q]").Nodes, "nothing to search in")
}
