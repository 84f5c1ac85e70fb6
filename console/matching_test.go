package console_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestRetryAllThatMatch(t *testing.T) {
	t.Parallel()
	s, w := watched()
	s.deliveries, s.recoverable = []webhook.Delivery{delivery(nil)}, 312
	v := signedIn(t, s)
	own := "/console/webhooks/" + w.ID
	got := v.get("/console/deliveries?status=exhausted&since=1h&webhook_id=" + w.ID)
	assert.Equal(t, "Retry all 312 that match?", got.attr("#matching details.confirm", "data-title"), "it asks first")
	assert.Equal(t, "Retry all 312 that match…", got.text("#matching summary"))
	assert.Contains(t, got.text("#matching details"), "at most 20 a second")
	assert.Equal(t, own, got.attr(".aside a", "href"))
	form := url.Values{"status": {got.attr("#matching button", "value")}}
	for _, name := range []string{"since", "until", "back"} {
		form.Set(name, got.attr("#matching [name="+name+"]", "value"))
	}
	got = v.post(got.attr("#matching", "action"), form)
	assert.Equal(t, own, got.header.Get("Location"), "to its progress")
	require.Len(t, s.recovered, 1)
	since, ok := webhook.ParseTime(s.recovered[0].Since)
	require.True(t, ok)
	assert.WithinDuration(t, time.Now().Add(-time.Hour), since, time.Minute)
	until, ok := webhook.ParseTime(s.recovered[0].Until)
	require.True(t, ok)
	assert.WithinDuration(t, time.Now(), until, time.Minute, "no more than were counted")
	assert.Equal(t, []webhook.Status{webhook.StatusExhausted}, s.recovered[0].Status)

	got = v.get("/console/deliveries?status=waiting&since=2026-02-02T14:30&until=2026-02-02T15:30&webhook_id=" + w.ID)
	assert.Equal(t, "2026-02-02T15:30:00Z", got.attr("#matching [name=until]", "value"))
	v.get("/console/deliveries?status=waiting&since=1h&until=9999-01-01T00:00&webhook_id=" + w.ID)

	s.recoverErr = &webhook.Error{Code: webhook.CodeConflict, Message: "The webhook is disabled; enable it first."}
	got = v.get("/console/deliveries?status=exhausted&since=1h&webhook_id=" + w.ID)
	assert.Contains(t, got.text(".aside"), "The webhook is disabled; enable it first.")
	assert.Empty(t, got.page.Find("#matching").Nodes)
	s.recoverErr = webhook.NotFound(webhook.WebhookPrefix, w.ID)
	got = v.get("/console/deliveries?status=exhausted&since=1h&webhook_id=" + w.ID)
	assert.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "The webhook’s page shows how it fares.", got.text(".aside"))
	s.recoverErr, s.recoverable = nil, 0 // tests, say
	assert.Empty(t, v.get("/console/deliveries?status=exhausted&since=1h&webhook_id="+w.ID).page.Find("#matching").Nodes)
}

func TestWhatToNarrowToRetryAllThatMatch(t *testing.T) {
	t.Parallel()
	s, w := watched()
	s.deliveries, s.recoverable = []webhook.Delivery{delivery(nil)}, 312
	v := signedIn(t, s)
	for address, want := range map[string]string{
		"":                                   "",
		"?status=delivered&since=1h":         "",
		"?status=exhausted":                  "To retry all that match at once, choose a webhook and a time.",
		"?since=1h&webhook_id=" + w.ID:       "The webhook’s page shows how it fares. To retry all that match at once, choose a status that can be retried, such as Exhausted.",
		"?status=pending&webhook_id=" + w.ID: "The webhook’s page shows how it fares.",
		"?status=waiting&since=24h&q=call_abc123&webhook_id=" + w.ID: "The webhook’s page shows how it fares. To retry all that match at once, leave out the search, the event and the code.",
		"?status=waiting&event=call.ended&webhook_id=" + w.ID:        "The webhook’s page shows how it fares. To retry all that match at once, choose a time, and leave out the search, the event and the code.",
	} {
		got := v.get("/console/deliveries" + address)
		assert.Equal(t, want, got.text(".aside"), address)
		assert.Empty(t, got.page.Find("#matching").Nodes, address)
	}
	reader := signedInWith(t, s, webhook.ScopeRead)
	assert.Empty(t, reader.get("/console/deliveries?status=exhausted").page.Find(".aside").Nodes)
	assert.Empty(t, reader.get("/console/deliveries?status=exhausted&since=1h&webhook_id="+w.ID).page.Find("#matching").Nodes)
	s.deliveries = nil
	assert.Empty(t, v.get("/console/deliveries?status=exhausted").page.Find(".aside").Nodes, "nothing to retry")
}
