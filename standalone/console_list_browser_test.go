package main

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Rows come in without moving what somebody looks at; many are selected and retried; what failed is recovered.
func TestManyDeliveriesInABrowser(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint, mend := failing(t)
	created := a.createWebhook(endpoint.URL)
	exhausting := a
	exhausting.url = w.api // two attempts
	const more = 100       // so many that it takes some seconds to retry them
	waiting := a.publishMany(more)
	for _, id := range waiting {
		a.eventually(id, "waiting", 2)
	}
	var ids []string
	for range 3 {
		_, id := exhausting.publish()
		ids = append(ids, id)
	}
	for _, id := range ids {
		a.eventually(id, "exhausted", 2)
	}
	b := openBrowser(t, w.serve)
	b.signIn(a.keyFor("manage", "publish", "read"))

	// On a phone, where not all of the list can be seen.
	b.do(chromedp.EmulateViewport(360, 500))
	b.open("/console/deliveries?status=exhausted")
	b.press("a", "Last hour")
	b.press("button", "Filter")
	b.sees("Live", "Exhausted")
	require.Equal(t, "Last hour", evaluate[string](b, `document.querySelector(".spans [aria-current]").textContent`), "filtering keeps the time")
	require.Equal(t, "1h", evaluate[string](b, `new URL(document.querySelector("#live").dataset.url, location).searchParams.get("since")`))
	b.do(chromedp.Click(chromedp.CSS("#" + ids[0] + " .pick input")))
	// Where it is in the next frame: the browser scrolls along when it paints.
	const at = `new Promise((tell) => requestAnimationFrame(() => requestAnimationFrame(() => tell(Math.round(document.activeElement.getBoundingClientRect().top)))))`
	before := evaluate[int](b, at)
	_, id := exhausting.publish()
	b.do(chromedp.WaitReady(chromedp.CSS("#" + id)))
	require.Equal(t, ids[0], evaluate[string](b, `document.querySelector(".pick :checked").value`))
	require.Equal(t, ids[0], evaluate[string](b, `document.activeElement.value`))
	require.InDelta(t, before, evaluate[int](b, at), 2, "what somebody looks at stays where it is")
	b.do(chromedp.EmulateViewport(1200, 900))

	mend()
	b.do(chromedp.Click(chromedp.CSS("#" + ids[1] + " .pick input")))
	b.sees("2 selected")
	b.press("button", "Retry selected")
	b.sees("Retrying 2 deliveries now.")
	for _, id := range ids[:2] {
		a.eventually(id, "delivered", 3)
	}
	b.do(chromedp.WaitNotPresent(chromedp.CSS("#" + ids[0])))

	b.open("/console/webhooks?q=salesforce")
	b.press("a", "Salesforce Sync")
	b.sees("2 deliveries", "failed for good", "100 deliveries", "failed so far", "Live")
	b.press("button", "Retry the 100…")
	b.press("dialog[@open]//button", "Retry the 100 that wait")
	b.do(chromedp.WaitVisible(chromedp.CSS("progress")))
	b.sees("of 100 retried") // while it runs
	b.sees("The last recovery is completed: of 100, 100 were retried")
	b.open("/console/deliveries?status=exhausted&since=1h&webhook_id=" + created.ID)
	b.press("button", "Retry all 2 that match…")
	b.press("dialog[@open]//button", "Retry all 2")
	b.sees("The last recovery is completed: of 2, 2 were retried")
	for _, id := range append(waiting, ids[2], id) {
		a.eventually(id, "delivered", 3)
	}
	_, last := a.publish()
	b.do(chromedp.WaitVisible(chromedp.CSS("#" + last))) // comes in by itself there, too
	a.eventually(last, "delivered", 1)
	b.open("/console/webhooks")
	b.press("a", "7 days")
	b.sees("All webhooks", "succeeded")
	b.press("a", "105 Delivered") // with the two that were selected, the two that were exhausted, and the last
	b.do(chromedp.WaitVisible(chromedp.CSS("#" + last)))
	b.open("/console/webhooks?q=nothing")
	b.sees("No webhooks here")
	b.lacks(created.ID)
	require.Empty(t, b.found())
}

// Whatever strangers write into names, events and answers is text.
func TestInjectionInABrowser(t *testing.T) {
	t.Parallel()
	const script = `</code><script>document.title="hacked"</script><img src=x onerror='document.title="hacked"'>`
	w, a := newAccount(t)
	endpoint := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("X-Note", script)
		w.Header().Set("X-'&lt-Onerror", "a name may have these")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, script)
	})
	a.do(http.MethodPost, "/v1/event-types", map[string]any{"name": "note.taken", "description": script}, http.StatusCreated, nil)
	var created createdWebhook
	a.do(http.MethodPost, "/v1/webhooks", map[string]any{"name": script, "url": endpoint.URL, "events": []string{"note.taken"}}, http.StatusCreated, &created)
	var event publishedEvent
	a.do(http.MethodPost, "/v1/events", map[string]any{
		"event": "note.taken", "timestamp": "2025-02-02T14:30:00Z", "data": map[string]any{script: script},
	}, http.StatusAccepted, &event)
	delivery := event.Deliveries[0].ID
	a.eventually(delivery, "waiting", 2)
	var key struct{ Key string }
	a.do(http.MethodPost, "/v1/api-keys", map[string]any{"name": script, "scopes": []string{"manage", "publish", "read"}}, http.StatusCreated, &key)
	b := openBrowser(t, w.serve)
	b.signIn(key.Key)
	for path, words := range map[string]int{
		"/console/api-keys": 2, "/console/search?q=" + url.QueryEscape(script): 3, "/console/search?q=Onerror": 2,
		"/console/webhooks": 1, "/console/webhooks/" + created.ID: 2, "/console/deliveries": 1, "/console/event-types": 1, "/console/event-types/note.taken": 1,
		"/console/deliveries/" + delivery: 6, "/console/events/" + event.ID: 2, "/console/deliveries?q=%3Cscript%3E": 0, "/console/events/" + event.ID + "/payload": 1,
	} {
		b.open(path)
		require.NotEqual(t, "hacked", evaluate[string](b, `document.title`), path)
		require.Zero(t, evaluate[int](b, `document.querySelectorAll("main script, main img, [onerror]").length`), path)
		require.GreaterOrEqual(t, evaluate[int](b, `document.body.textContent.split("onerror").length - 1`), words, "%s shows it", path)
	}
	require.Empty(t, b.found())
}
