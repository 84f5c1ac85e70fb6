package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// keyFor returns an API key of the account.
func (a api) keyFor(scopes ...string) string {
	a.t.Helper()
	var made struct{ Key string }
	a.do(http.MethodPost, "/v1/api-keys", map[string]any{"name": "Operator", "scopes": scopes}, http.StatusCreated, &made)
	return made.Key
}

// What an operator does with a webhook, from creating it to deleting it, in a real browser.
func TestConsoleInABrowser(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	_, other := newAccount(t)
	foreign := other.createWebhook("http://127.0.0.1:1/foreign")
	endpoint := newEndpoint(t, answering(200, 500, 500, 500, 200, 500))
	b := openBrowser(t, w.serve)
	key := a.keyFor("manage", "publish", "read")
	b.signIn(key)

	secret := b.createsWebhook(endpoint.URL, key)
	b.press("a", "Test Webhook")
	b.press("button", "Send the test")
	b.sees("Your endpoint accepted the test", "200")
	verify(t, secret, endpoint.eventually(t, 1)[0])
	b.press("button", "Send again")
	b.sees("The test failed", "500")
	b.press("a", "Back to the webhook")
	b.sees("Salesforce Sync")
	b.lacks(secret)

	b.publishes()
	b.open("/console/deliveries?status=waiting")
	b.sees("call.ended", "Salesforce Sync", "500", "Server error", "ms")
	b.lacks(foreign.ID, "127.0.0.1:1/foreign", other.account)
	b.press("a", "call.ended")
	b.sees("Attempt 2", "answer 4", "Next attempt")
	b.press("button", "Retry")
	b.sees("Attempt 3", "answer 5", "Delivered")
	b.open("/console/deliveries?status=waiting")
	b.sees("No deliveries here")

	b.editsWebhook(endpoint.URL)
	b.publishesItsOwn()
	b.cancels()
	require.Equal(t, "Bearer your_secret_key", endpoint.eventually(t, 6)[5].header.Get("Authorization"))
	b.lacks("your_secret_key")
	b.endsWebhook(secret)
	require.Empty(t, b.found(), "the browser finds nothing wrong")
	_ = evaluate[bool](b, `document.body.setAttribute("style", "color: red") ?? true`)
	require.True(t, eventually(patience, func() bool { return len(b.found()) > 0 }), "and would say so: the pages' policy forbids this")
}

// createsWebhook fills the form, first wrongly and then with a session that has ended, and returns the secret that is
// shown once.
func (b *tab) createsWebhook(url, key string) string {
	b.t.Helper()
	b.press("a", "Create Webhook")
	b.sees("Authentication")
	b.fill("input[name=name]", "Salesforce Sync")
	b.fill("input[name=url]", "ftp://example.com")
	b.press("button", "Create Webhook")
	b.do(chromedp.WaitVisible(chromedp.CSS("#url-problem")), chromedp.WaitVisible(chromedp.CSS("#events-problem")))
	require.Equal(b.t, "Salesforce Sync", evaluate[string](b, `document.querySelector("[name=name]").value`), "input is kept")
	require.Equal(b.t, "ftp://example.com", evaluate[string](b, `document.querySelector("[name=url]").value`), "input is kept")
	b.says("url", `document.activeElement.id`) // one goes on at what is wrong
	b.fill("input[name=url]", url)
	b.do(chromedp.Click(chromedp.CSS(`input[name=events][value="call.ended"]`)))
	require.Equal(b.t, 200, evaluate[int](b, `fetch("/console/sign-out", {method: "POST"}).then((answer) => answer.status)`))
	b.press("button", "Create Webhook")
	b.fill("#key", key)
	b.press("button", "Sign in")
	b.sees("You had to sign in again, and nothing was saved yet.")
	require.Equal(b.t, "Salesforce Sync", evaluate[string](b, `document.querySelector("[name=name]").value`), "input is kept")
	b.press("button", "Create Webhook")
	b.sees("It is shown this once")
	secret := evaluate[string](b, `document.querySelector(".secret code").textContent`)
	require.Contains(b.t, secret, "whsec_")
	return secret
}

// publishes sends an event by hand: its example as it is offered.
func (b *tab) publishes() {
	b.t.Helper()
	b.open("/console/events/new?event=call.ended")
	b.sees("Publish an event")
	b.press("button", "Publish")
	b.sees("call.ended", "Deliveries", "Salesforce Sync")
}

// editsWebhook has the webhook bring a token, and get events of all types; first with a mistake.
func (b *tab) editsWebhook(url string) {
	b.t.Helper()
	b.open("/console/webhooks")
	b.press("a", "Salesforce Sync")
	b.press("a", "Edit")
	b.fill("input[name=name]", "CRM Sync")
	b.do(chromedp.Click(chromedp.CSS(`input[name=method][value=bearer]`)))
	b.press("button", "Save")
	b.do(chromedp.WaitVisible(chromedp.CSS("#bearer-token-problem")))
	require.Equal(b.t, "CRM Sync", evaluate[string](b, `document.querySelector("[name=name]").value`), "input is kept")
	b.fill("#bearer-token", "your_secret_key")
	b.do(chromedp.Click(chromedp.CSS(`input[name=events][value="*"]`)), chromedp.Click(chromedp.CSS(`input[name=events][value="call.ended"]`)))
	b.press("button", "Save")
	b.sees("CRM Sync is saved", "OAuth Token", url)
	b.lacks("your_secret_key")
}

// publishesItsOwn makes an event type, and publishes an event that doesn't fit its schema, and then one that does.
func (b *tab) publishesItsOwn() {
	b.t.Helper()
	b.press("a", "Event types")
	b.press("a", "Create event type")
	b.fill("input[name=name]", "invoice.paid")
	b.fill("#description", "An invoice was paid")
	b.fill("#example", `{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{"invoice_id":"inv_1"}}`)
	b.fill("#schema", `{"required":["invoice_id"]`)
	b.press("button", "Create event type")
	b.do(chromedp.WaitVisible(chromedp.CSS("#schema-problem")))
	b.fill("#schema", `{"required":["invoice_id"]}`)
	b.press("button", "Create event type")
	b.sees("invoice.paid is in the catalogue", "An invoice was paid", "inv_1")
	b.press("a", "Publish one")
	b.sees("Publish an event")
	b.fill("#payload", `{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{}}`)
	b.press("button", "Publish")
	b.sees("Nothing was published", "invoice_id")
	b.fill("#payload", `{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{"invoice_id":"inv_2"}}`)
	b.press("button", "Publish")
	b.sees("on its way to 1 webhook", "CRM Sync", "inv_2")
}

// cancels gives up the delivery of invoice.paid once it waits: not at the first thought.
func (b *tab) cancels() {
	b.t.Helper()
	b.open("/console/deliveries?event=invoice.paid")
	b.sees("Waiting")
	b.press("a", "invoice.paid")
	b.sees("Attempt 1", "Live")
	b.press("button", "Cancel…")
	b.do(chromedp.WaitVisible(chromedp.CSS("dialog[open]")))
	b.press("dialog[@open]//button", "Go back")
	b.do(chromedp.WaitNotVisible(chromedp.CSS("dialog")))
	b.press("button", "Cancel…")
	b.press("dialog[@open]//button", "Cancel this delivery")
	b.sees("Cancelled", "Not made")
}

// endsWebhook disables, enables and deletes the webhook, and has its secret rotated in between.
func (b *tab) endsWebhook(secret string) {
	b.t.Helper()
	b.open("/console/webhooks")
	b.press("a", "CRM Sync")
	b.press("button", "Disable…")
	b.press("dialog[@open]//button", "Disable this webhook")
	b.sees("Nothing is sent to it until it is enabled again")
	b.press("button", "Enable")
	b.do(chromedp.WaitVisible(`//button[starts-with(normalize-space(), "Disable…")]`))
	b.press("button", "Rotate secret…")
	b.press("dialog[@open]//button", "Rotate the secret")
	b.sees("The secret before it signs along for 24 hours")
	b.lacks(secret)
	b.press("a", "Go to the webhook")
	b.press("button", "Delete…")
	b.press("dialog[@open]//button", "Delete this webhook")
	b.sees("No webhooks yet")
}

// What was filled in for a webhook that was deleted in another tab becomes a new one, even if one has to sign in again for it.
func TestEditOfADeletedWebhookInABrowser(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	created := a.createWebhook("http://127.0.0.1:1/webhooks")
	key := a.keyFor("manage", "read")
	b := openBrowser(t, w.serve)
	b.signIn(key)
	b.open("/console/webhooks/" + created.ID + "/edit")
	b.fill("#name", "CRM Sync")
	a.do(http.MethodDelete, "/v1/webhooks/"+created.ID, nil, http.StatusNoContent, nil)
	b.press("button", "Save")
	b.sees("The webhook was deleted in the meantime.")
	require.Equal(t, 200, evaluate[int](b, `fetch("/console/sign-out", {method: "POST"}).then((answer) => answer.status)`))
	b.press("button", "Create Webhook")
	b.fill("#key", key)
	b.press("button", "Sign in")
	b.sees("You had to sign in again, and nothing was saved yet.")
	require.Equal(t, "CRM Sync", evaluate[string](b, `document.querySelector("#name").value`), "input is kept")
	b.press("button", "Create Webhook")
	b.sees("CRM Sync is created")
	require.Empty(t, b.found())
}

// A key is made, used to look, and revoked; who may only read is offered nothing else.
func TestAPIKeysInABrowser(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	a.createWebhook("http://127.0.0.1:1/webhooks")
	operator := a.keyFor("manage", "publish", "read")
	b := openBrowser(t, w.serve)
	b.signIn(operator)
	b.press("a", "API keys")
	b.press("a", "Create API key")
	b.fill("input[name=name]", "Night shift")
	b.press("button", "Create API key")
	b.do(chromedp.WaitVisible(chromedp.CSS("#scopes-problem")))
	b.do(chromedp.Click(chromedp.CSS("input[name=scopes][value=read]")))
	b.press("button", "Create API key")
	b.sees("It is shown this once")
	key := evaluate[string](b, `document.querySelector(".secret code").textContent`)
	b.press("button", "Sign out")
	b.sees("You are signed out")

	b.signIn(key)
	b.press("a", "Salesforce Sync")
	b.sees("How it fares")
	b.lacks("Rotate secret", "Test Webhook", "/disable", "/delete", "API keys")
	b.open("/console/webhooks/new")
	b.sees("403")
	b.press("button", "Sign out")
	b.sees("You are signed out")

	b.signIn(operator)
	b.open("/console/api-keys")
	b.press("button", "Revoke… Night shift")
	b.press("dialog[@open]//button", "Revoke this key")
	b.do(chromedp.WaitNotPresent(`//button[starts-with(normalize-space(), "Revoke… Night shift")]`))
	b.press("button", "Sign out")
	b.sees("You are signed out")
	b.fill("#key", key)
	b.press("button", "Sign in")
	b.do(chromedp.WaitVisible(chromedp.CSS("#key-error")))
	require.Empty(t, b.found())
}

// The admin makes an account and a key for its programs, which expires.
func TestAccountsInABrowser(t *testing.T) {
	t.Parallel()
	w, err := theWorld()
	require.NoError(t, err)
	b := openBrowser(t, w.serve)
	b.signIn(testAdminKey)
	b.press("a", "Accounts")
	b.press("a", "Create account")
	b.press("button", "Create account")
	b.do(chromedp.WaitVisible(chromedp.CSS("#name-problem")))
	b.fill("#name", "Acme Logistics of "+t.Name())
	b.press("button", "Create account")
	b.sees("Make a key for its programs", "No API keys yet", "Acme Logistics of")

	b.press("a", "Create API key")
	b.fill("#name", "Call platform")
	b.do(chromedp.Click(chromedp.CSS("input[name=scopes][value=read]")), chromedp.Click(chromedp.CSS("input[name=scopes][value=publish]")))
	expires := func(at string) {
		_ = evaluate[string](b, fmt.Sprintf(`document.querySelector("#expires_at").value = %q`, at))
		b.press("button", "Create API key")
	}
	expires("2001-01-01T00:00")
	b.do(chromedp.WaitVisible(chromedp.CSS("#expires_at-problem")))
	until := time.Now().UTC().AddDate(0, 1, 0).Format("2006-01-02T15:04")
	expires(until)
	b.sees("It is shown this once")
	key := evaluate[string](b, `document.querySelector(".secret code").textContent`)
	b.press("a", "Go to the API keys")
	b.sees("Call platform", strings.Replace(until, "T", " ", 1))
	b.lacks(key)

	b.press("button", "Sign out")
	b.sees("You are signed out")
	b.signIn(key)
	b.sees("No webhooks yet")
	b.lacks("Accounts", "Acme Logistics of") // whose key it is, it knows
	require.Empty(t, b.found())
}
