package main

import (
	"net/http"
	"testing"

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
	endpoint := newEndpoint(t, answering(200, 500, 500, 500, 200))
	b := openBrowser(t, w.serve)
	b.signIn(a.keyFor("manage", "publish", "read"))

	secret := b.createsWebhook(endpoint.URL)
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

	b.endsWebhook(secret)
	require.Empty(t, b.found(), "the browser finds nothing wrong")
	_ = evaluate[bool](b, `document.body.setAttribute("style", "color: red") ?? true`)
	require.NotEmpty(t, b.found(), "and would say so: the pages' policy forbids this")
}

// createsWebhook fills the form, first wrongly, and returns the secret that is shown once.
func (b *tab) createsWebhook(url string) string {
	b.t.Helper()
	b.press("a", "Create Webhook")
	b.sees("Authentication")
	b.fill("input[name=name]", "Salesforce Sync")
	b.fill("input[name=url]", "ftp://example.com")
	b.press("button", "Create Webhook")
	b.do(chromedp.WaitVisible(chromedp.CSS("#url-problem")), chromedp.WaitVisible(chromedp.CSS("#events-problem")))
	require.Equal(b.t, "Salesforce Sync", evaluate[string](b, `document.querySelector("[name=name]").value`), "input is kept")
	require.Equal(b.t, "ftp://example.com", evaluate[string](b, `document.querySelector("[name=url]").value`), "input is kept")
	b.fill("input[name=url]", url)
	b.do(chromedp.Click(chromedp.CSS(`input[name=events][value="call.ended"]`)))
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

// endsWebhook disables, enables and deletes the webhook, and has its secret rotated in between.
func (b *tab) endsWebhook(secret string) {
	b.t.Helper()
	b.open("/console/webhooks")
	b.press("a", "Salesforce Sync")
	b.press("summary", "Disable")
	b.press("button", "Disable this webhook")
	b.sees("Nothing is sent to it until it is enabled again")
	b.press("button", "Enable")
	b.do(chromedp.WaitVisible(`//summary[starts-with(normalize-space(), "Disable")]`))
	b.press("summary", "Rotate secret")
	b.press("button", "Rotate the secret")
	b.sees("The secret before it signs along for 24 hours")
	b.lacks(secret)
	b.press("a", "Go to the webhook")
	b.press("summary", "Delete")
	b.press("button", "Delete this webhook")
	b.sees("No webhooks yet")
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
	b.press("summary", "Revoke… Night shift")
	b.press("button", "Revoke this key")
	b.do(chromedp.WaitNotPresent(`//summary[starts-with(normalize-space(), "Revoke… Night shift")]`))
	b.press("button", "Sign out")
	b.sees("You are signed out")
	b.fill("#key", key)
	b.press("button", "Sign in")
	b.do(chromedp.WaitVisible(chromedp.CSS("#key-error")))
	require.Empty(t, b.found())
}
