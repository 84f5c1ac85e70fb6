package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// "call.ended never came", somebody says at night. Whoever has the admin key and the ID of the call, or no more than the
// customer's name, sends it again within a minute, in four steps from any page.
func TestCallEndedNeverCame(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	customer, call := "Acme "+a.account, "call_"+a.account
	_, err := w.db.Exec(`UPDATE accounts SET name = $1 WHERE id = $2`, customer, a.account)
	require.NoError(t, err)
	a.createWebhook(newEndpoint(t, answering(503, 503, 200, 503, 503, 200)).URL)
	publish := func() string {
		var event publishedEvent
		a.do(http.MethodPost, "/v1/events", map[string]any{
			"event": "call.ended", "timestamp": "2025-02-02T14:30:00Z", "data": map[string]any{"call_id": call},
		}, http.StatusAccepted, &event)
		a.eventually(event.Deliveries[0].ID, "waiting", 2)
		return event.Deliveries[0].ID
	}
	b := openBrowser(t, w.serve)
	b.signIn(testAdminKey)
	for what, told := range map[string]string{"the call's ID": call, "the customer's name": customer} {
		id := publish()
		b.open("/console/event-types") // wherever one happens to be
		b.sees("call.ended")
		began := time.Now()
		b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(2)), chromedp.WaitVisible(chromedp.CSS("#find:focus"))) // with Ctrl
		b.do(chromedp.KeyEvent(told), chromedp.KeyEvent(kb.Enter))
		b.sees("Not in this account, but elsewhere")
		b.press("main//a", customer)
		b.sees("call.ended", "Waiting", "503", "Server error", "Salesforce Sync", "Live")
		b.do(chromedp.Click(chromedp.CSS("#" + id + " .actions button")))
		b.sees("Retrying call.ended → Salesforce Sync now.")
		a.eventually(id, "delivered", 3)
		b.do(chromedp.WaitVisible(`//tr[@id="` + id + `"]//td[normalize-space() = "Delivered"]`))
		took := time.Since(began)
		t.Logf("by %s: sent again and seen to have arrived %s after the first key", what, took.Round(time.Millisecond))
		require.Less(t, took, time.Minute)
	}
	require.Empty(t, b.found())
}
