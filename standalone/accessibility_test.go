package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axe returns axe-core, which finds on a page what keeps people with disabilities from using it. Without npm the
// test is skipped, except in CI, which installs it.
func axe(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		require.Empty(t, os.Getenv("CI"), "there is no npm: .ci/run has to install it")
		t.Skip("not tested, for want of npm")
	}
	dir := t.TempDir()
	for _, name := range []string{".npmrc", "package.json", "package-lock.json"} {
		content, err := os.ReadFile(filepath.Join("accessibility", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--silent", "--ignore-scripts", "--prefer-offline")
	install.Dir = dir
	output, err := install.CombinedOutput()
	require.NoError(t, err, string(output))
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	require.NoError(t, err)
	return string(script)
}

// violations are the rules that a page breaks, each with what breaks it.
const violations = `axe.run().then((found) => found.violations.flatMap((v) => v.nodes.map((n) =>
	v.id + ": " + n.html.slice(0, 200) + " " + n.any.concat(n.all, n.none).map((c) => c.message).join("; "))))`

// shifted is how much of a page has moved since it began to load, by nobody's doing.
const shifted = `new Promise((tell) => {
	let sum = 0;
	new PerformanceObserver((list) => list.getEntries().forEach((e) => { sum += e.hadRecentInput ? 0 : e.value; }))
		.observe({ type: "layout-shift", buffered: true });
	requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => tell(sum), 50)));
})`

// mostShift is far below the 0.1 that count as good: a button that comes in late makes more.
const mostShift = 0.01

// opensStill opens a page and returns how much of it moves. What moves by the page's doing does so each time that it is
// loaded; a busy machine now and then shows a page of which it has read only a part, so that is looked at once more.
func (b *tab) opensStill(page string) (least float64) {
	b.t.Helper()
	const times = 4
	least = 1
	for i := 0; i < times && least >= mostShift; i++ {
		b.open(page)
		least = min(least, evaluate[float64](b, shifted))
	}
	return least
}

// overflowing are the elements that make a page wider than the window, if it is.
const overflowing = `document.documentElement.scrollWidth <= innerWidth ? [] : ["the page", ...[...document.querySelectorAll("body *")]
	.filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 100))]`

// samples fills an account with webhooks and deliveries of all kinds, and returns the pages that show them.
func (a api) samples(good, bad string) []string {
	a.t.Helper()
	var sync, alerts createdWebhook
	for name, made := range map[string]*createdWebhook{"Salesforce Sync": &sync, "Slack alerts": &alerts} {
		url := good
		if name == "Slack alerts" {
			url = bad
		}
		a.do(http.MethodPost, "/v1/webhooks", map[string]any{"name": name, "url": url, "events": []string{"call.*", "contact.created"}},
			http.StatusCreated, made)
	}
	var event publishedEvent
	var delivery string
	for _, name := range []string{"call.started", "call.answered", "contact.created", "call.failed", "call.ended"} {
		a.do(http.MethodPost, "/v1/events", string(exampleOf(a.t, name)), http.StatusAccepted, &event)
		for _, d := range event.Deliveries {
			require.Eventually(a.t, func() bool {
				found := a.delivery(d.ID)
				return found.Status == "delivered" || found.Status == "waiting" && found.AttemptCount == 2
			}, patience, pollInterval)
			if a.delivery(d.ID).Status == "waiting" {
				delivery = d.ID
			}
		}
	}
	a.do(http.MethodPost, "/v1/webhooks/"+sync.ID+"/test", nil, http.StatusOK, nil)
	working, broken := a.alertBy(good), a.alertBy(bad)
	a.do(http.MethodPost, "/v1/alert-channels/"+working.ID+"/test", nil, http.StatusOK, nil)
	a.do(http.MethodPost, "/v1/alert-channels/"+broken.ID+"/test", nil, http.StatusOK, nil)
	return []string{
		"/console/webhooks", "/console/webhooks/" + alerts.ID, "/console/deliveries", "/console/deliveries/" + delivery,
		"/console/webhooks/new", "/console/webhooks/" + sync.ID + "/edit", "/console/webhooks/" + sync.ID + "/test",
		"/console/deliveries?status=waiting&since=1h&webhook_id=" + alerts.ID, "/console/deliveries?q=nothing", "/console/events", "/console/events/" + event.ID, "/console/events/new",
		"/console/event-types", "/console/event-types/call.ended", "/console/event-types/new",
		"/console/alerts", "/console/alerts/new", "/console/alerts/" + working.ID + "/edit",
		"/console/api-keys", "/console/api-keys/new", "/console/accounts", "/console/accounts/new", "/console/nowhere",
		"/console/search?q=salesforce", "/console/search?q=nothing",
	}
}

// No page keeps anybody out: light or dark, on a phone or on a desk.
func TestAccessibility(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	_, err := w.db.Exec(`UPDATE accounts SET name = $1 WHERE id = $2`, strings.Repeat("W", 50), a.account) // there is no blank to break it at
	require.NoError(t, err)
	script := axe(t)
	good, bad := newEndpoint(t, answering(200)), newEndpoint(t, answering(503))
	pages := a.samples(good.URL, bad.URL)
	a.do(http.MethodPost, "/v1/api-keys", map[string]any{"name": strings.Repeat("W", 50), "scopes": []string{"read"}}, http.StatusCreated, nil)
	b := openBrowser(t, w.serve)
	b.open("/console/sign-in")
	b.accessible("/console/sign-in", script)
	b.signIn(testAdminKey)
	for _, page := range pages {
		separator := "?"
		if strings.Contains(page, "?") {
			separator = "&"
		}
		assert.Less(t, b.opensStill(page+separator+"account="+a.account), mostShift, "%s moves while it is loaded", page)
		b.accessible(page, script)
	}
	_ = evaluate[bool](b, `document.documentElement.removeAttribute("lang") ?? true`)
	require.NotEmpty(t, evaluate[[]string](b, violations), "a page without a language would be found")
	b.open(pages[1] + "?account=" + a.account)
	b.press("button", "Delete…")
	b.do(chromedp.WaitVisible(chromedp.CSS("dialog[open]")))
	b.accessible("a dialog", script)
}

// accessible checks the page that is open.
func (b *tab) accessible(page, script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script))
	for _, width := range []int64{320, 1440} {
		b.do(chromedp.EmulateViewport(width, 900))
		for _, scheme := range []string{"light", "dark"} {
			b.paints(scheme)
			assert.Empty(b.t, evaluate[[]string](b, violations), "%s, %d px, %s", page, width, scheme)
		}
		assert.Empty(b.t, evaluate[[]string](b, overflowing), "%s is wider than %d px", page, width)
	}
}
