package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// watched returns a service with a webhook that had a good hour and a bad one.
func watched() (*fakeService, webhook.Webhook) {
	w := webhook.Webhook{
		ID: webhook.NewID(webhook.WebhookPrefix), Name: "Salesforce Sync", URL: "https://hooks.example/in", Enabled: true,
		SigningSecret: webhook.NewSigningSecret(),
	}
	since := time.Date(2026, 2, 2, 14, 0, 0, 0, time.UTC)
	var good, bad webhook.Figures
	fast, late := 46, 90 // about 80 ms and 5.3 s
	good.Count(90, webhook.OutcomeSuccess, &fast, 84)
	bad.Count(5, webhook.OutcomeServerError, &late, 5400)
	bad.Count(5, webhook.OutcomeTimeout, nil, 0)
	stats := webhook.Stats{
		WebhookID: w.ID, Since: since, Until: since.Add(4 * time.Hour), Deliveries: map[webhook.Status]int{webhook.StatusExhausted: 312},
		Hours: []webhook.Hour{
			{Start: since, Figures: good}, {Start: since.Add(time.Hour)}, {Start: since.Add(2 * time.Hour), Figures: bad}, {Start: since.Add(3 * time.Hour)},
		},
	}
	stats.Attempts.Add(good)
	stats.Attempts.Add(bad)
	return &fakeService{webhooks: []webhook.Webhook{w}, stats: stats}, w
}

func TestChartsOfAWebhook(t *testing.T) {
	t.Parallel()
	s, w := watched()
	v := signedIn(t, s)
	got := v.get("/console/webhooks/" + w.ID)
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "Salesforce Sync · durahook", got.text("head title"))
	assert.WithinDuration(t, time.Now().Add(-24*time.Hour), s.statsSince, time.Minute)

	assert.Equal(t, "100 attempts, 90 % succeeded", got.text("#outcomes figcaption"))
	assert.Equal(t, "100 attempts, 90 % succeeded", got.attr("#outcomes svg[role=img]", "aria-label"))
	assert.Equal(t, []string{"Success 90", "Server error 5", "Timeout 5"}, got.texts("#outcomes .legend li"))
	assert.Equal(t, []string{"2 Feb 14:00: 90 attempts, 90 succeeded", "2 Feb 16:00: 10 attempts, 0 succeeded"}, got.texts("#outcomes title"))
	var bars []string
	got.page.Find("#outcomes rect").Each(func(_ int, bar *goquery.Selection) {
		bars = append(bars, strings.Join([]string{bar.AttrOr("class", ""), bar.AttrOr("x", ""), bar.AttrOr("y", ""), bar.AttrOr("height", "")}, " "))
	})
	assert.Equal(t, []string{"success 1 100 900", "server_error 21 950 50", "timeout 21 900 50"}, bars)
	assert.Equal(t, "Deliveries made in this time: 312 Exhausted", got.text("#outcomes > p"))
	assert.Contains(t, got.attr("#outcomes > p a", "href"), "status=exhausted&webhook_id="+w.ID)
	assert.Equal(t, []string{"100", "50", "0"}, got.texts("#outcomes .scale li"))

	assert.Len(t, got.page.Find("#times svg path.p50, #times svg path.p95, #times svg path.p99").Nodes, 3)
	assert.Equal(t, "M0 260H40", got.attr("#times path.limit", "d"), "5 s on a scale of powers of ten from 1 ms to 100 s")
	assert.Contains(t, got.text("#times .legend"), "5 s: respond within")
	assert.Contains(t, got.text("#times figcaption"), "p50 84 ms")
	assert.Regexp(t, `^M5 \d+h0M25 \d+h0$`, got.attr("#times path.p50", "d"), "no line through an hour without answers")

	assert.Equal(t, "Show as a table", got.text("#hours summary"))
	assert.Equal(t, []string{
		"2 Feb 16:00 10 0 (0 %) 5 server error, 5 timeout 5.40 s 5.40 s 5.40 s 5.40 s", "2 Feb 14:00 90 90 (100 %) 0 84 ms 84 ms 84 ms 84 ms",
	}, rowsOf(got, "#hours tbody tr"))
	assert.Empty(t, got.page.Find("[style]").Nodes)
	assert.NotContains(t, got.body, string(w.SigningSecret))

	v.get("/console/webhooks/" + w.ID + "?span=7d")
	assert.WithinDuration(t, time.Now().Add(-7*24*time.Hour), s.statsSince, time.Minute)
	assert.Equal(t, http.StatusNotFound, v.get("/console/webhooks/"+webhook.NewID(webhook.WebhookPrefix)).status)
	assert.Equal(t, http.StatusSeeOther, visit(t, s, adminKey).get("/console/webhooks/"+w.ID).status)
}

// rowsOf returns the text of each row, with a space between the cells.
func rowsOf(got *answer, selector string) []string {
	return got.page.Find(selector).Map(func(_ int, row *goquery.Selection) string {
		cells := row.Find("th, td").Map(func(_ int, cell *goquery.Selection) string { return strings.TrimSpace(cell.Text()) })
		return strings.Join(cells, " ")
	})
}

func TestAWebhookWithoutAttempts(t *testing.T) {
	t.Parallel()
	s, w := watched()
	s.stats = webhook.Stats{WebhookID: w.ID, Hours: make([]webhook.Hour, 2)}
	got := signedIn(t, s).get("/console/webhooks/" + w.ID)
	assert.Equal(t, "0 attempts", got.text("#outcomes figcaption"))
	assert.Equal(t, "No answers yet", got.text("#times figcaption"))
	assert.Contains(t, got.text("#hours"), "There were no attempts")
	assert.Empty(t, got.page.Find("#recover button").Nodes)
	assert.Contains(t, got.text("#recover"), "Nothing that was made since")
}

func TestRecovering(t *testing.T) {
	t.Parallel()
	s, w := watched()
	v := signedIn(t, s)
	path := "/console/webhooks/" + w.ID
	got := v.get(path + "?span=7d")
	assert.Contains(t, got.text("#recover"), "312 deliveries made since 2 Feb 14:00:00 UTC failed for good.", "the count comes before the question")
	assert.Equal(t, "Retry the 312 that failed since 14:00", got.text("#recover details button"))
	form := url.Values{"since": {got.attr("#recover [name=since]", "value")}, "back": {got.attr("#recover [name=back]", "value")}}
	action := got.attr("#recover details button", "formaction")
	form.Set("status", got.attr("#recover details button", "value"))
	assert.Empty(t, s.recovered)

	got = v.post(action, form)
	assert.Equal(t, path+"?span=7d", got.header.Get("Location"))
	assert.Equal(t, []webhook.RecoveryDefinition{{Since: "2026-02-02T14:00:00Z", Status: []webhook.Status{webhook.StatusExhausted}}}, s.recovered)
	s.recoveries = []webhook.Recovery{{ID: "rec_1", Status: webhook.RecoveryRunning, Matched: 312, Retried: 100, Skipped: 20, Since: s.stats.Since}}
	got = v.get(path)
	assert.Equal(t, "✓ Retrying what was made since 2 Feb 14:00 UTC, oldest first.", got.text("#notice p"))
	assert.Equal(t, "120 of 312 retried", got.text("#recover label"))
	assert.Equal(t, []string{"312", "120"}, []string{got.attr("progress", "max"), got.attr("progress", "value")})
	assert.Empty(t, got.page.Find("#recover details").Nodes, "one at a time")

	v.post(got.attr("#recover button", "formaction"), url.Values{"back": {path}})
	assert.Equal(t, []string{"rec_1"}, s.cancelledRec)
	s.recoveries[0].Status, s.recoveries[0].Reason = webhook.RecoveryFailed, "The webhook <b>was</b> disabled."
	s.webhooks[0].Enabled = false
	got = v.get(path)
	assert.Equal(t, "✓ Cancelled after 120 of 312.", got.text("#notice p"))
	assert.Contains(t, got.text("#recover"), "The last recovery is failed: of 312, 100 were retried and 20 had been seen to before. The webhook <b>was</b> disabled.")
	assert.Empty(t, got.page.Find("#recover button").Nodes, "a disabled webhook is sent nothing")

	s.webhooks[0].Enabled, s.stats.Deliveries = true, map[webhook.Status]int{webhook.StatusWaiting: 1}
	got = v.get(path)
	assert.Contains(t, got.text("#recover"), "1 delivery made since 2 Feb 14:00:00 UTC failed so far.")
	v.post(action, url.Values{"since": form["since"], "back": {path}, "status": {got.attr("#recover button[name=status]", "value")}})
	assert.Equal(t, []webhook.Status{webhook.StatusWaiting}, s.recovered[1].Status)
	assert.Contains(t, v.get(path).text("#notice"), "Retrying what was made since 2 Feb 14:00 UTC")

	s.recoverErr = &webhook.Error{Code: webhook.CodeConflict, Message: "Another recovery is running."}
	v.post(action, form)
	assert.Equal(t, "! Nothing is retried. Another recovery is running.", v.get(path).text("#notice.bad p"))
}

func TestWhoMayNotManageRecoversNothing(t *testing.T) {
	t.Parallel()
	s, w := watched()
	v := signedInWith(t, s, webhook.ScopeRead)
	path := "/console/webhooks/" + w.ID
	got := v.get(path)
	require.Equal(t, http.StatusOK, got.status)
	assert.Contains(t, got.text("#recover"), "lacks the scope manage")
	assert.Empty(t, got.page.Find("#recover button").Nodes)
	assert.Equal(t, http.StatusForbidden, v.post(path+"/recover", url.Values{"since": {"2026-02-02T14:00:00Z"}}).status)
	assert.Equal(t, http.StatusForbidden, v.post("/console/recoveries/rec_1/cancel", nil).status)
	assert.Empty(t, s.recovered)
	assert.Empty(t, s.cancelledRec)
	s.recoveries = []webhook.Recovery{{ID: "rec_1", Status: webhook.RecoveryRunning, Matched: 312}}
	assert.Empty(t, v.get(path).page.Find("#recover button").Nodes)
	assert.Equal(t, http.StatusForbidden, signedInWith(t, s, webhook.ScopePublish).get(path).status)
}

func TestWatchingAWebhook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, w := watched()
		v := signedIn(t, s)
		page := v.get("/console/webhooks/" + w.ID)
		stream := v.watch(page.attr("#live", "data-url")+"?seen="+page.attr("#live", "data-etag"), nil)
		<-time.After(5 * time.Second)
		synctest.Wait()
		assert.Len(t, stream.events(t), 1)
		s.mu.Lock()
		s.recoveries = []webhook.Recovery{{ID: "rec_1", Status: webhook.RecoveryRunning, Matched: 312, Retried: 100}}
		s.mu.Unlock()
		<-time.After(time.Second)
		synctest.Wait()
		events := stream.events(t)
		require.Len(t, events, 2)
		assert.Contains(t, events[1].data, "100 of 312 retried")
		stream.leave()
		<-stream.ended
	})
}

func TestVerificationSnippets(t *testing.T) {
	t.Parallel()
	s, w := watched()
	got := signedIn(t, s).get("/console/webhooks/" + w.ID)
	assert.Equal(t, []string{"Go", "JavaScript", "Python"}, got.texts(".verify summary"))
	assert.Len(t, got.page.Find(".verify .copyable button.copy").Nodes, 3)
	assert.Contains(t, got.page.Find(".verify pre").First().Text(), "func Verify(key string")
	assert.Contains(t, got.text(".verify"), "HMAC-SHA256")
	assert.Contains(t, got.text(".verify"), "answer with 200 within 5 seconds")
	assert.Equal(t, "/console/alerts", got.attr(".verify p a", "href"))

	secret := webhook.SigningEd25519.NewSecret()
	s.webhooks[0].SigningSecret = secret
	got = signedIn(t, s).get("/console/webhooks/" + w.ID)
	assert.Equal(t, secret.PublicKey(), got.text(".verify p.copyable code"))
	assert.NotContains(t, got.body, string(secret))
}

func TestStrangersWordsOnAWebhooksPageShowAsText(t *testing.T) {
	t.Parallel()
	const script = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	s, w := watched()
	s.webhooks[0].Name, s.webhooks[0].URL, s.webhooks[0].DisabledReason, s.webhooks[0].Enabled = script, "https://a.example/"+script, script, false
	got := signedIn(t, s).get("/console/webhooks/" + w.ID + "?span=" + url.QueryEscape(script))
	assert.Empty(t, got.page.Find("main script, main img, [onerror]").Nodes)
	assert.Equal(t, script, got.text("h1"))
}
