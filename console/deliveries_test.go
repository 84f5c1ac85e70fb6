package console_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestRecentDeliveries(t *testing.T) {
	t.Parallel()
	d := delivery(nil)
	s := &fakeService{deliveries: []webhook.Delivery{d}, uiURL: "https://temporal.example"}
	got := signedIn(t, s).get("/console/deliveries")
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "Recent Deliveries · durahook", got.text("title"))
	assert.Equal(t, "Flow Automation → Recent Deliveries", got.text("nav[aria-label=Breadcrumb]"))
	assert.Equal(t, []string{
		"Selected", "Status", "Event", "Webhook", "Code", "Response time", "Attempts", "Next attempt", "Created (UTC)", "Actions",
	}, got.texts("thead th"))
	assert.Equal(t, []string{
		"", "Delivered", "call.ended", "Salesforce Sync", "🟢 200 Success", "87 ms", "1", "–none", "2 Feb 14:30:05",
		"Workflow ↗ of call.ended, in a new tabRetry call.ended, 14:30:05",
	}, got.texts("tbody tr > *"))
	assert.Equal(t, "2026-02-02T14:30:05Z", got.attr(".created time", "datetime"))
	assert.Equal(t, "2026-02-02 14:30:05 UTC", got.attr(".created time", "title"))

	assert.Equal(t, "https://temporal.example/namespaces/default/workflows/"+d.ID, got.attr(".actions a", "href"))
	assert.Equal(t, "_blank", got.attr(".actions a", "target"))
	assert.Equal(t, "noopener", got.attr(".actions a", "rel"))
	assert.Equal(t, "/console/deliveries/"+d.ID+"/retry", got.attr(".actions button", "formaction"))
	assert.Equal(t, "post", got.attr("form#"+got.attr(".actions button", "form"), "method"))
	assert.Empty(t, got.page.Find(".pager").Nodes)

	assert.Equal(t, "Failed today ↗ in a new tab", got.text(".searches li:first-child a"))
	assert.Contains(t, got.attr(".searches a", "href"), "https://temporal.example/namespaces/default/workflows?query=DurahookAccount+%3D+%22acc_")
	got = signedIn(t, s).get("/console/deliveries?webhook_id=whk_01m8brmes4edrs4ar0jyqwrcq9")
	assert.Contains(t, got.attr(".searches a", "href"), "?query=DurahookWebhook+%3D+%22whk_01m8brmes4edrs4ar0jyqwrcq9%22+AND+")

	s.uiURL = ""
	assert.Empty(t, signedIn(t, s).get("/console/deliveries").page.Find(".actions a, .searches").Nodes)
}

func TestOutcomesInWords(t *testing.T) {
	t.Parallel()
	code := func(n int) *int { return &n }
	for _, test := range []struct {
		outcome webhook.Outcome
		code    *int
		want    string
	}{
		{webhook.OutcomeSuccess, code(204), "🟢 204 Success"},
		{webhook.OutcomeClientError, code(404), "🔴 404 Client error"},
		{webhook.OutcomeServerError, code(503), "🔴 503 Server error"},
		{webhook.OutcomeServerError, code(799), "🔴 799 Server error"},
		{webhook.OutcomeTimeout, nil, "🔴 Timeout"},
		{webhook.OutcomeConnectionError, nil, "🔴 No connection"},
		{webhook.OutcomeBlocked, nil, "🔴 Blocked"},
		{"from_the_future", nil, "🔴 from_the_future"},
	} {
		d := delivery(func(d *webhook.Delivery) { d.Outcome, d.StatusCode = &test.outcome, test.code })
		got := signedIn(t, &fakeService{deliveries: []webhook.Delivery{d}}).get("/console/deliveries")
		assert.Equal(t, test.want, got.text("tbody .code"))
	}
	d := delivery(func(d *webhook.Delivery) { d.Outcome, d.StatusCode, d.ResponseTimeMS = nil, nil, nil })
	got := signedIn(t, &fakeService{deliveries: []webhook.Delivery{d}}).get("/console/deliveries")
	assert.Equal(t, "–none", got.text("tbody .code"))
	assert.Equal(t, "–none", got.text("tbody .time"))
}

func TestStatusesInWords(t *testing.T) {
	t.Parallel()
	var all []webhook.Delivery
	for _, status := range webhook.Statuses() {
		all = append(all, delivery(func(d *webhook.Delivery) { d.Status = status }))
	}
	got := signedIn(t, &fakeService{deliveries: all}).get("/console/deliveries")
	want := []string{"Pending", "Waiting", "Delivered", "Exhausted", "Cancelled", "Discarded"}
	assert.Equal(t, want, got.texts("tbody .status"))
	assert.Equal(t, append([]string{"All"}, want...), got.texts("select[name=status] option"))
}

func TestNextAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for in, want := range map[time.Duration]string{
			-time.Minute:                   "due now",
			42 * time.Second:               "in 42 s",
			119 * time.Second:              "in 119 s",
			4*time.Minute + 12*time.Second: "in 4 min",
			11*time.Hour + 58*time.Minute:  "in 11 h 58 min",
		} {
			next := time.Now().Add(in)
			d := delivery(func(d *webhook.Delivery) { d.Status, d.NextAttemptAt = webhook.StatusWaiting, &next })
			got := signedIn(t, &fakeService{deliveries: []webhook.Delivery{d}}).get("/console/deliveries")
			assert.Equal(t, want, got.text("tbody .next time"))
			assert.Equal(t, next.UTC().Format("2006-01-02 15:04:05")+" UTC", got.attr("tbody .next time", "title"))
			assert.Equal(t, next.UTC().Format(time.RFC3339), got.attr("tbody .next time", "datetime"))
		}
	})
	d := delivery(func(d *webhook.Delivery) { d.Status = webhook.StatusPending })
	got := signedIn(t, &fakeService{deliveries: []webhook.Delivery{d}}).get("/console/deliveries")
	assert.Equal(t, "now", got.text("tbody .next"))
}

func TestWhatStrangersWriteShowsAsText(t *testing.T) {
	t.Parallel()
	const script = `<script>alert(1)</script>`
	const breakout = `"><img src=x onerror=alert(1)>`
	s := &fakeService{
		deliveries: []webhook.Delivery{
			delivery(func(d *webhook.Delivery) { d.WebhookName, d.Event = script, breakout }),
		},
		webhooks: []webhook.Webhook{{ID: webhook.NewID(webhook.WebhookPrefix), Name: script, Enabled: true}},
		uiURL:    "javascript:alert(1)",
	}
	v := signedIn(t, s)
	got := v.get("/console/deliveries?status=" + "%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
	assert.Equal(t, script, got.text("tbody .webhook"))
	assert.Equal(t, breakout, got.text("tbody .event"))
	assert.Contains(t, got.texts("select[name=webhook_id] option"), script)
	assert.Empty(t, got.page.Find("main script, main img, [onerror]").Nodes)
	assert.NotContains(t, got.attr(".actions a", "href"), "javascript:")

	s.retryErr = &webhook.Error{Code: webhook.CodeConflict, Message: "It said " + script}
	v.post("/console/deliveries/dlv_x/retry", nil)
	got = v.get("/console/deliveries")
	assert.Contains(t, got.text("#notice p"), script)
	assert.Empty(t, got.page.Find("#notice script").Nodes)
	assert.Empty(t, v.get("/console/%3Cscript%3Ealert(1)").page.Find("main script").Nodes)
}

func TestSecretsAreOnNoPage(t *testing.T) {
	t.Parallel()
	w := webhook.Webhook{
		ID: webhook.NewID(webhook.WebhookPrefix), Name: "HubSpot", URL: "https://example.com/secret-path", Enabled: true,
		SigningSecret:  "whsec_c2VjcmV0LW9mLXRoZS10ZXN0cw==",
		Authentication: webhook.Authentication{Type: "bearer", Token: "token-of-the-tests"},
	}
	s := &fakeService{webhooks: []webhook.Webhook{w}}
	v := signedIn(t, s)
	for _, deliveries := range [][]webhook.Delivery{nil, {delivery(nil)}} {
		s.deliveries = deliveries
		for _, path := range []string{
			"/console/sign-in", "/console/deliveries", "/console/deliveries/live", "/console/nothing",
			"/console/deliveries?webhook_id=" + w.ID,
		} {
			see := v.get
			if strings.HasSuffix(path, "/live") {
				see = v.glance
			}
			got := see(path)
			for _, secret := range []string{adminKey, "whsec_", "token-of-the-tests", "secret-path"} {
				assert.NotContains(t, got.body, secret, path)
			}
		}
	}
	assert.NotContains(t, v.log.String(), adminKey)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	salesforce := webhook.Webhook{ID: webhook.NewID(webhook.WebhookPrefix), Name: "Salesforce Sync", Enabled: true}
	slack := webhook.Webhook{ID: webhook.NewID(webhook.WebhookPrefix), Name: "Slack"}
	gone := webhook.NewID(webhook.WebhookPrefix)
	s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}, webhooks: []webhook.Webhook{slack, salesforce}}
	v := signedIn(t, s)

	got := v.get("/console/deliveries")
	assert.Equal(t, []string{"All", "Slack (disabled)", "Salesforce Sync"}, got.texts("select[name=webhook_id] option"))
	assert.Empty(t, got.page.Find(".filters > a").Nodes)
	assert.Equal(t, store.DeliveryFilter{}, s.filter)

	got = v.get("/console/deliveries?status=waiting&webhook_id=" + salesforce.ID)
	assert.Equal(t, store.DeliveryFilter{WebhookID: salesforce.ID, Status: webhook.StatusWaiting}, s.filter)
	assert.Equal(t, []string{"Waiting", "Salesforce Sync"}, got.texts(".filters option[selected]"))
	assert.Equal(t, "Clear", got.text(".filters > a"))
	assert.Equal(t, "/console/deliveries/live?status=waiting&webhook_id="+salesforce.ID, got.attr("#live", "data-url"))

	got = v.get("/console/deliveries?webhook_id=" + gone)
	assert.Equal(t, gone, got.text("select[name=webhook_id] option[selected]"))

	for _, nonsense := range []string{
		"status=lost", "webhook_id=dlv_1", "event_id=whk_1", "cursor=2", "event=%00", "status_code=6xx", "since=yesterday",
		"until=10000-01-01T00:00", "since=2h", "until=1h", "q=" + strings.Repeat("x", webhook.MaxSearch+1),
	} {
		got = v.get("/console/deliveries?" + nonsense)
		assert.Contains(t, got.text("#notice.bad p"), "There is no such", nonsense)
		assert.Equal(t, store.DeliveryFilter{}, s.filter)
		assert.Empty(t, s.page.Before)
	}
	got = v.get("/console/deliveries?since=2026-02-02T14:30&until=2026-02-01T14:30")
	assert.Contains(t, got.text("#notice.bad p"), "Until is before since")
	assert.Equal(t, "2026-02-01T14:30:00", got.attr("[name=until]", "value"), "what was filled in is still there")
}

func TestPaging(t *testing.T) {
	t.Parallel()
	var all []webhook.Delivery
	for range pageSize + 1 {
		all = append(all, delivery(nil))
	}
	s := &fakeService{deliveries: all}
	v := signedIn(t, s)
	got := v.get("/console/deliveries?status=delivered")
	assert.Len(t, got.page.Find("tbody tr").Nodes, pageSize)
	last := all[pageSize-1].ID
	older := "/console/deliveries?cursor=" + last + "&status=delivered"
	assert.Equal(t, []string{"Older ›"}, got.texts(".pager a"))
	assert.Equal(t, older, got.attr(".pager a", "href"))

	s.deliveries = all[:3]
	got = v.get(older)
	assert.Equal(t, last, s.page.Before)
	assert.Equal(t, []string{"« Newest"}, got.texts(".pager a"))
	assert.Equal(t, "/console/deliveries?status=delivered", got.attr(".pager a", "href"))
	assert.Equal(t, older, got.attr("#retry input[name=back]", "value"))
}

func TestEmptyListsSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	v := signedIn(t, s)
	got := v.get("http://hooks.example:8080/console/deliveries")
	assert.Equal(t, "No webhooks yet", got.text("h2"))
	assert.Equal(t, "/console/webhooks", got.attr(".empty a", "href"))
	s.webhooks = []webhook.Webhook{{ID: webhook.NewID(webhook.WebhookPrefix), Name: "HubSpot", Enabled: true}}
	got = v.get("https://hooks.example/console/deliveries")
	assert.Equal(t, "No deliveries yet", got.text("h2"))
	assert.Contains(t, got.text("pre"), "curl https://hooks.example/v1/events")
	assert.Contains(t, got.text("pre"), "Bearer $DURAHOOK_ADMIN_KEY")
	_, err := webhook.ParseEvent([]byte(strings.Split(got.page.Find("pre").Text(), "'")[1]), webhook.BuiltIn)
	require.NoError(t, err, "the example has to work as pasted")
	got = v.get("/console/deliveries?status=waiting")
	assert.Equal(t, "No deliveries here", got.text("h2"))
	assert.Equal(t, "/console/deliveries", got.attr(".empty a", "href"))
}

func TestRetry(t *testing.T) {
	t.Parallel()
	s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}}
	v := signedIn(t, s)
	back := map[string][]string{"back": {"/console/deliveries?status=exhausted"}}
	got := v.post("/console/deliveries/dlv_x/retry", back)
	assert.Equal(t, http.StatusSeeOther, got.status)
	assert.Equal(t, "/console/deliveries?status=exhausted", got.header.Get("Location"))
	assert.Equal(t, []string{"dlv_x"}, s.retried)
	v.glance("/console/deliveries/live") // what a script fetches takes the notice from nobody
	assert.Equal(t, "✓ Retrying call.ended → Salesforce Sync now.", v.get("/console/deliveries").text("#notice.good [role=status]"))
	assert.Empty(t, v.get("/console/deliveries").text("#notice p"), "a notice is shown once")
	got = v.post("/console/deliveries/dlv_x/retry", map[string][]string{"back": {"//evil.example"}})
	assert.Equal(t, "/console/webhooks", got.header.Get("Location"))
}

func TestRetryThatCannotBe(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 10.1.2.3:7233: connection refused")
	for _, test := range []struct {
		err    error
		want   string
		logged bool
	}{
		{&webhook.Error{Code: webhook.CodeConflict, Message: "The webhook is disabled."}, "! Not retried. The webhook is disabled.", false},
		{webhook.NotFound(webhook.DeliveryPrefix, "dlv_x"), "! Not retried. There is no delivery dlv_x in this account.", false},
		{errors.Join(&webhook.Error{Code: webhook.CodeUnavailable, Message: "Temporal cannot be reached."}, cause), "! Not retried. Temporal cannot be reached.", true},
	} {
		v := signedIn(t, &fakeService{retryErr: test.err})
		assert.Equal(t, http.StatusSeeOther, v.post("/console/deliveries/dlv_x/retry", nil).status)
		got := v.get("/console/deliveries")
		assert.Equal(t, test.want, got.text("#notice.bad p"))
		assert.NotContains(t, got.body, "10.1.2.3")
		assert.Equal(t, test.logged, strings.Contains(v.log.String(), "10.1.2.3"))
	}
	v := signedIn(t, &fakeService{retryErr: cause})
	assert.Equal(t, http.StatusInternalServerError, v.post("/console/deliveries/dlv_x/retry", nil).status)
}

func TestFiltersStayInTheAddress(t *testing.T) {
	t.Parallel()
	d := delivery(func(d *webhook.Delivery) { d.Test = true })
	s := &fakeService{deliveries: []webhook.Delivery{d}}
	got := signedIn(t, s).get("/console/deliveries?event=call.ended&status_code=5xx&since=2026-02-02T14:30&until=2026-02-02T17:00:00%2B01:00&q=%2B15551234567&status=&webhook_id=")
	assert.Equal(t, store.DeliveryFilter{
		Event: "call.ended", StatusCodes: store.StatusCodes{From: 500, To: 599}, Query: "+15551234567",
		Since: time.Date(2026, 2, 2, 14, 30, 0, 0, time.UTC), Until: time.Date(2026, 2, 2, 16, 0, 0, 0, time.UTC),
	}, s.filter)
	const query = "?event=call.ended&q=%2B15551234567&since=2026-02-02T14%3A30%3A00Z&status_code=5xx&until=2026-02-02T16%3A00%3A00Z"
	assert.Equal(t, "/console/deliveries/live"+query, got.attr("#live", "data-url"))
	assert.Equal(t, "/console/deliveries/"+d.ID+query, got.attr("tbody .event a", "href"))
	assert.Equal(t, "call.ended Test", got.text("tbody .event"))
	for name, want := range map[string]string{
		"event": "call.ended", "status_code": "5xx", "q": "+15551234567",
		"since": "2026-02-02T14:30:00", "until": "2026-02-02T16:00:00",
	} {
		assert.Equal(t, want, got.attr(".filters [name="+name+"]", "value"))
	}
	assert.Len(t, got.page.Find(".filters details[open]").Nodes, 1)
	assert.Len(t, got.page.Find("#event-types option").Nodes, 2)
	plain := signedIn(t, s).get("/console/deliveries")
	assert.Empty(t, plain.page.Find(".filters details[open]").Nodes)
}
