package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/service"
)

// Why call.ended never came, and sending it again, in the Temporal Web UI: by a documented search and the retry signal.
func TestTemporalWebUIInABrowser(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	a.createWebhook(newEndpoint(t, answering(500, 500, 200)).URL)
	_, id := a.publish()
	a.eventually(id, "waiting", 2)
	_, other := newAccount(t)
	other.createWebhook(newEndpoint(t, answering(500)).URL)
	_, elsewhere := other.publish()
	other.eventually(elsewhere, "waiting", 2)
	search := ""
	for _, s := range service.Searches() {
		if s.Name == "Waiting for another attempt" {
			search = s.Query(a.account, "", time.Now())
		}
	}
	require.Eventually(t, func() bool { return len(w.found(t, search)) == 1 }, patience, pollInterval)

	b := openBrowser(t, w.infrastructure.UIURL())
	b.open("/namespaces/default/workflows?query=" + url.QueryEscape(search))
	b.sees(id, "RUNNING")
	b.lacks(elsewhere)
	b.press("a", id)
	b.sees("More Actions", "durahook-deliveries")
	b.press("a", "User Metadata")
	const told = `[...document.querySelectorAll("iframe")].map((part) => part.contentDocument?.body?.innerHTML).join("\n")`
	link := w.serve + "/console/deliveries/" + id + "?account=" + a.account
	for _, words := range []string{"call.ended → Salesforce Sync", "While it runs, signal <code>retry</code>", "Once it has ended, Reset, or Retry in the console", `href="` + link + `"`, "attempt 2 of 3 failed: <strong>500</strong>", "next at "} {
		require.True(t, eventually(patience, func() bool { return strings.Contains(evaluate[string](b, told), words) }), words)
	}

	b.clicks("button", "More Actions")
	b.clicks("li", "Send a Signal")
	b.clicks(`[data-testid="signal-select-button"]`, "")
	b.sees("Attempt the delivery now. The schedule goes on from there.")
	b.clicks("li", "retry")
	b.clicks("dialog[open] button", "Submit")
	a.eventually(id, "delivered", 3)
	b.sees("COMPLETED")

	// The receiver lost it: the run that has ended is repeated from its beginning.
	const open = `document.querySelector("dialog[open]") !== null`
	require.True(t, eventually(patience, func() bool { // the button is there before what it does
		b.clicks("button", "Reset")
		return evaluate[bool](b, open)
	}))
	b.clicks(`[data-testid="workflow-reset-event-id-select-button"]`, "")
	b.clicks("dialog[open] li[role=option]", "4 - WorkflowTaskCompleted") // docs/operating.md says why not 3
	b.clicks("dialog[open] button", "Confirm")
	again := a.eventually(id, "delivered", 4)
	require.Equal(t, "manual", again.Attempts[3].Trigger, "it is recorded as somebody's doing")

	b.url = ""
	b.open(link)
	b.fill("#key", a.keyFor("read"))
	b.press("button", "Sign in")
	b.sees("call.ended", "Attempt 4", "Manual", "Delivered")
}

// clicks presses the first that is seen of the elements that a selector finds and whose text begins so: the Web UI has
// some twice, one of them unseen.
func (b *tab) clicks(selector, text string) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll(%q)]
			.find((one) => one.checkVisibility() && !one.disabled && one.textContent.trim().startsWith(%q));
		found?.click();
		return Boolean(found);
	})()`, selector, text)
	require.True(b.t, eventually(patience, func() bool { return evaluate[bool](b, script) }), "%s %s", selector, text)
}
