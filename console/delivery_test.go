package console_test

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/webhook"
)

// inspection returns what there is to know of a delivery with these attempts, which are numbered here.
func inspection(status webhook.Status, attempts ...webhook.Attempt) service.Inspection {
	found := service.Inspection{
		Delivery: delivery(func(d *webhook.Delivery) {
			d.Status, d.AttemptCount = status, len(attempts)
			d.EventID, d.WebhookID = webhook.NewID(webhook.EventPrefix), webhook.NewID(webhook.WebhookPrefix)
		}),
		Webhook:  webhook.Webhook{Enabled: true, URL: "https://hooks.example/in"},
		Payload:  []byte(`{"event":"call.ended","data":{"duration":1.50}}`),
		Schedule: webhook.DefaultSchedule(),
	}
	for i, a := range attempts {
		a.Number = i + 1
		if a.Trigger == "" {
			a.Trigger = webhook.TriggerSchedule
		}
		found.Attempts = append(found.Attempts, a)
	}
	return found
}

func failed(code int) webhook.Attempt {
	return webhook.Attempt{Outcome: webhook.OutcomeOf(code), StatusCode: &code, ResponseTimeMS: 812}
}

func see(t *testing.T, found service.Inspection) *answer {
	t.Helper()
	got := signedIn(t, &fakeService{inspection: found, uiURL: "https://temporal.example"}).get("/console/deliveries/" + found.Delivery.ID)
	require.Equal(t, http.StatusOK, got.status)
	return got
}

func TestDeliveryPage(t *testing.T) {
	t.Parallel()
	first := failed(503)
	first.StartedAt = time.Date(2026, 2, 2, 14, 30, 6, 0, time.UTC)
	first.ResponseHeaders = http.Header{"Retry-After": {"120"}, "Content-Type": {"application/json"}}
	first.ResponseBody = []byte(`{"error":"overloaded","code":1.50}`)
	found := inspection(webhook.StatusExhausted, first)
	found.Delivery.Test, found.Schedule = true, webhook.Schedule{0}
	s := &fakeService{inspection: found, uiURL: "https://temporal.example"}
	v, id := signedIn(t, s), found.Delivery.ID
	got := v.get("/console/deliveries/" + id + "?status=exhausted&q=x")
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "call.ended → Salesforce Sync · durahook", got.text("title"))
	assert.Equal(t, "✕ Exhausted", got.text("#summary .pill"))
	assert.Equal(t, "Test", got.text(".heading .tag"))
	assert.Equal(t, []string{id, found.Delivery.EventID, found.Delivery.WebhookID}, got.texts(".facts code"))
	assert.Equal(t, "https://temporal.example/namespaces/default/workflows/"+id, got.attr(".deeds a", "href"))
	assert.Equal(t, "/console/deliveries?q=x&status=exhausted", got.attr(".crumbs a", "href"))
	assert.Equal(t, "/console/deliveries/"+id+"?q=x&status=exhausted", got.attr("input[name=back]", "value"))

	assert.Equal(t, "🔴 503 Server error in 812 ms · 2 Feb 14:30:06 UTC · by Test Webhook", got.text("#attempt-1 .outcome"))
	assert.Equal(t, []string{"Test"}, got.texts(".steps .words"))
	assert.Contains(t, got.text("#attempt-1 .hint"), "The endpoint's server has an issue")
	assert.Equal(t, []string{"Content-Type application/json", "Retry-After 120"}, got.texts("#attempt-1 .headers > div"))
	assert.Equal(t, []string{"{", `  "error": "overloaded",`, `  "code": 1.50`, "}"},
		strings.Split(got.page.Find("#attempt-1 pre").Text(), "\n"))
	assert.Contains(t, got.page.Find("#request pre").First().Text(), `"duration": 1.50`)

	for _, path := range []string{id + "x", webhook.NewID(webhook.DeliveryPrefix), "nonsense"} {
		got = v.get("/console/deliveries/" + path)
		assert.Equal(t, http.StatusNotFound, got.status)
		assert.Contains(t, got.text("main"), "There is no delivery")
	}
	stranger := visit(t, s, adminKey)
	assert.Equal(t, http.StatusSeeOther, stranger.get("/console/deliveries/"+id).status)
	assert.Equal(t, http.StatusUnauthorized, stranger.get("/console/deliveries/"+id+"/live").status)
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	manual := failed(401)
	manual.Trigger = webhook.TriggerManual
	synctest.Test(t, func(t *testing.T) {
		next := time.Now().Add(4*time.Minute + 12*time.Second)
		waiting := inspection(webhook.StatusWaiting, failed(503), manual, failed(500))
		waiting.Delivery.NextAttemptAt = &next
		got := see(t, waiting)
		assert.Equal(t, []string{
			"Step 1 of 6", "Manual attempt", "Step 2 of 6", "Step 3 of 6", "Step 4 of 6", "Step 5 of 6", "Step 6 of 6",
		}, got.texts(".steps .words"))
		assert.Equal(t, "Next in 4 min 12 s", got.text(".steps .due p:nth-child(2)"))
		assert.Equal(t, next.UTC().Format(time.RFC3339), got.attr(".steps .due time", "datetime"))
		assert.Equal(t, []string{"30 min later", "2 h later", "12 h later"}, got.texts(".steps .coming p:last-child"))
		assert.Equal(t, "Attempt 2 Manual", got.text("#attempt-2 h3"))
		assert.Contains(t, got.text("#attempt-2 .outcome"), "somebody asked for it")
		assert.Contains(t, got.text("#attempt-3 .outcome"), "by the schedule")
		assert.Equal(t, []string{"attempt-3", "attempt-2", "attempt-1"}, []string{
			got.page.Find("article").Eq(0).AttrOr("id", ""), got.page.Find("article").Eq(1).AttrOr("id", ""), got.page.Find("article").Eq(2).AttrOr("id", ""),
		})
	})
	for _, test := range []struct {
		found                            service.Inspection
		good, bad, running, due, skipped int
	}{
		{inspection(webhook.StatusPending), 0, 0, 1, 0, 0},
		{inspection(webhook.StatusDelivered, failed(503), failed(200)), 1, 1, 0, 0, 4},
		{inspection(webhook.StatusPending, failed(503), failed(503)), 0, 2, 1, 0, 4}, // somebody retries it
		{inspection(webhook.StatusCancelled, failed(503)), 0, 1, 0, 0, 5},
		{inspection(webhook.StatusExhausted, failed(503), failed(503), failed(503), failed(503), failed(503), failed(503), failed(503)), 0, 7, 0, 0, 0},
	} {
		got := see(t, test.found)
		for state, want := range map[string]int{"good": test.good, "bad": test.bad, "running": test.running, "due": test.due, "skipped": test.skipped} {
			assert.Len(t, got.page.Find(".steps > ."+state).Nodes, want, "%s of %s", state, test.found.Delivery.Status)
		}
	}
	got := see(t, inspection(webhook.StatusPending))
	assert.Contains(t, got.text("#attempts"), "None yet.")
	assert.Contains(t, got.text("#request"), "As the first attempt will send it")
}

func TestHintsSayWhatToDo(t *testing.T) {
	t.Parallel()
	late := failed(200)
	late.ResponseTimeMS = 5001
	refused := "the connection was refused: nothing listens there"
	for _, test := range []struct {
		attempt webhook.Attempt
		want    string
	}{
		{failed(301), "Redirects are not followed"},
		{failed(401), "authentication"},
		{failed(404), "Check the webhook's URL"},
		{failed(410), "gone for good"},
		{failed(413), "no body of this size"},
		{failed(422), "Check your endpoint"},
		{failed(429), "too often"},
		{failed(500), "server has an issue"},
		{late, "Answer within 5 seconds"},
		{webhook.Attempt{Outcome: webhook.OutcomeTimeout, ResponseTimeMS: 30_000}, "Answer within 5 seconds"},
		{webhook.Attempt{Outcome: webhook.OutcomeConnectionError, Error: &refused}, "Check that the URL's host name is right"},
		{webhook.Attempt{Outcome: webhook.OutcomeBlocked}, "--allow-networks"},
	} {
		got := see(t, inspection(webhook.StatusWaiting, test.attempt))
		assert.Contains(t, got.text(".hint"), test.want)
		if test.attempt.Error != nil {
			assert.Contains(t, got.text("article"), "Why: "+refused)
		}
	}
	assert.Empty(t, see(t, inspection(webhook.StatusDelivered, failed(200))).page.Find(".hint").Nodes)
}

func TestWhatStrangersAnswerShowsAsText(t *testing.T) {
	t.Parallel()
	const script = `</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>`
	a := failed(500)
	a.ResponseHeaders = http.Header{script: {script, "\xff"}}
	a.ResponseBody = []byte(script + "\xff")
	found := inspection(webhook.StatusWaiting, a)
	found.Payload = []byte(`{"data":{"note":"` + script + `"}}`)
	found.Delivery.Event, found.Delivery.WebhookName = script, script
	found.Webhook.URL, found.Webhook.DisabledReason, found.Webhook.Enabled = "https://hooks.example/"+script, script, false
	found.Webhook.Authentication = webhook.Authentication{Type: webhook.AuthenticationAPIKey, Header: script}
	got := see(t, found)
	assert.Empty(t, got.page.Find("main script, main img, [onerror], [style]").Nodes)
	assert.Equal(t, script+"\uFFFD", got.page.Find("#attempt-1 pre").Text())
	assert.Equal(t, script, got.text("#attempt-1 .headers div:first-child dd"))
	assert.Contains(t, got.text("h1"), script)
	assert.Contains(t, got.text("#cannot-retry"), script)
	assert.Contains(t, got.page.Find("#request pre").First().Text(), script)
}

func TestSecretsAreNotOnTheDeliverysPage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		authentication webhook.Authentication
		header         string
	}{
		{webhook.Authentication{Type: "none"}, ""},
		{webhook.Authentication{Type: "api_key", Header: "X-Key", Value: "hush-hush-hush"}, "x-key ••••"},
		{webhook.Authentication{Type: "basic", Username: "joe", Password: "hush-hush-hush"}, "authorization Basic ••••"},
		{webhook.Authentication{Type: "bearer", Token: "hush-hush-hush"}, "authorization Bearer ••••"},
		{webhook.Authentication{Type: "hmac", Secret: "hush-hush-hush", Header: "x-sig", Algorithm: "sha256"}, "x-sig sha256=••••"},
	} {
		found := inspection(webhook.StatusWaiting, failed(500))
		found.Webhook.Authentication, found.Webhook.SigningSecret = test.authentication, "whsec_c2VjcmV0LW9mLXRoZS10ZXN0cw=="
		got := see(t, found)
		assert.NotContains(t, got.body, "hush")
		assert.NotContains(t, got.body, "whsec_")
		headers := got.texts("#request .headers > div")
		assert.Contains(t, headers, "webhook-signature ••••")
		assert.Contains(t, headers, "webhook-id "+found.Delivery.EventID)
		assert.Contains(t, headers, "webhook-attempt 1")
		if test.header != "" {
			assert.Contains(t, headers, test.header)
			assert.Contains(t, got.text("#request .copyable pre"), "SECRET'")
		}
		assert.NotContains(t, got.text("#request .copyable pre"), "••••")
	}
}

// What is shown was sent; of what can only be put together anew, the page says so.
func TestRequestIsTheOneThatWasSent(t *testing.T) {
	t.Parallel()
	sent := failed(500)
	sent.StartedAt = time.Now()
	sent.RequestHeaders = http.Header{
		"User-Agent": {"durahook/0.9"}, "Webhook-Id": {"evt_1"}, "Webhook-Signature": {"v1,•••• v1,••••"}, "X-Old-Key": {"••••"},
	}
	found := inspection(webhook.StatusWaiting, sent)
	found.Webhook.Authentication = webhook.Authentication{Type: webhook.AuthenticationAPIKey, Header: "X-New-Key", Value: "hush-hush-hush"}
	got := see(t, found)
	assert.Equal(t, []string{"User-Agent durahook/0.9", "Webhook-Id evt_1", "Webhook-Signature v1,•••• v1,••••", "X-Old-Key ••••"}, got.texts("#request .headers > div"))
	assert.Contains(t, got.text("#request"), "The headers are those that attempt 1 sent, secrets masked. The URL is the webhook’s of now.")
	command := got.page.Find("#request .copyable pre").Text()
	assert.Contains(t, command, "'Webhook-Signature: SIGNATURE'")
	assert.Contains(t, command, "'X-Old-Key: SECRET'")
	assert.NotContains(t, got.body, "X-New-Key")

	found.Webhook.UpdatedAt = sent.StartedAt.Add(time.Second)
	assert.Contains(t, see(t, found).text("#request"), "the webhook was changed since, so it may have been another.")
	found.Attempts[0].RequestHeaders = nil
	got = see(t, found)
	assert.Contains(t, got.text("#request"), "Attempt 1 sent nothing, or what it sent was not kept.")
	assert.Contains(t, got.texts("#request .headers > div"), "x-new-key ••••")
}

// The command has to reach the shell as it is meant, whatever stands in the event.
func TestCurlRepeatsThePayload(t *testing.T) {
	t.Parallel()
	found := inspection(webhook.StatusWaiting, failed(500))
	found.Payload = []byte("{\"data\":{\"note\":\"it's $(id) `id` \\\\ !\"},\n\"event\":\"call.ended\"}")
	found.Webhook.URL = "https://hooks.example/?a=1&b='2'"
	command := see(t, found).page.Find("#request .copyable pre").Text()
	words, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "curl", `printf '%s\0'`, 1)).Output()
	require.NoError(t, err)
	parts := strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00")
	assert.Equal(t, found.Webhook.URL, parts[1])
	assert.Equal(t, string(found.Payload), parts[len(parts)-1])
	assert.Contains(t, parts, "webhook-signature: SIGNATURE")
}

func TestLongBodiesAreCut(t *testing.T) {
	t.Parallel()
	a := failed(500)
	a.ResponseBody = []byte(strings.Repeat("x", webhook.KeptBody))
	found := inspection(webhook.StatusWaiting, a)
	found.Payload = []byte(`{"data":"` + strings.Repeat("y", 200<<10) + `"}`)
	got := see(t, found)
	assert.Len(t, got.page.Find("#attempt-1 pre").Text(), webhook.KeptBody)
	assert.Contains(t, got.text("#attempt-1"), "Only the beginning is shown.")
	assert.Contains(t, got.text("#request .copyable pre"), "--data-binary @payload.json")
	assert.Equal(t, "/console/events/"+found.Delivery.EventID+"/payload", got.attr("#request p > a", "href"))

	found.Attempts[0].ResponseBody = []byte(strings.Repeat("[", 8000) + strings.Repeat("]", 8000))
	assert.Less(t, len(see(t, found).body), 50_000, "laid out, it would be 128 MB")
	for i := range 30 {
		a := failed(500)
		a.Number, a.ResponseBody = i+2, []byte(strings.Repeat("<", 1500))
		found.Attempts = append(found.Attempts, a)
	}
	got = see(t, found)
	assert.Len(t, got.page.Find("#attempt-31 details[open]").Nodes, 1)
	assert.Len(t, got.page.Find("#attempt-30 details").Nodes, 1)
	assert.Empty(t, got.page.Find("#attempt-19 details").Nodes, "there is no room for them all")
	own := "/console/deliveries/" + found.Delivery.ID + "?attempt=19"
	assert.Equal(t, own+"#attempt-19", got.attr("#attempt-19 > p > a", "href"))
	got = signedIn(t, &fakeService{inspection: found}).get(own)
	assert.Len(t, got.page.Find("#attempt-19 details[open]").Nodes, 1)
	assert.Contains(t, got.attr("#live", "data-url"), "/live?attempt=19")
	got = see(t, found)
	assert.Len(t, got.page.Find("article").Nodes, 15)
	assert.Contains(t, got.text("#left"), "16 older ones")
}

func TestWhatCanBeDoneWithADelivery(t *testing.T) {
	t.Parallel()
	for _, status := range webhook.Statuses() {
		got := see(t, inspection(status))
		assert.Empty(t, got.page.Find(".deeds .primary[disabled]").Nodes, status)
		cancels := len(got.page.Find(".confirm button[formaction$='/cancel']").Nodes)
		assert.Equal(t, status.Open(), cancels == 1, status)
		assert.Equal(t, status.Open(), len(got.page.Find(".deeds > button[disabled]").Nodes) == 0, status)
	}
	found := inspection(webhook.StatusDiscarded)
	found.Webhook.Enabled = false
	got := see(t, found)
	assert.Len(t, got.page.Find(".deeds .primary[disabled]").Nodes, 1)
	assert.Contains(t, got.text("#cannot-retry"), "disabled or deleted")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	found := inspection(webhook.StatusWaiting, failed(500))
	s := &fakeService{inspection: found}
	v, path := signedIn(t, s), "/console/deliveries/"+found.Delivery.ID
	back := map[string][]string{"back": {path + "?status=waiting"}}
	got := v.post(path+"/cancel", back)
	assert.Equal(t, http.StatusSeeOther, got.status)
	assert.Equal(t, path+"?status=waiting", got.header.Get("Location"))
	assert.Equal(t, []string{found.Delivery.ID}, s.cancels)
	assert.Equal(t, "✓ Cancelled call.ended → Salesforce Sync.", v.get(path).text("#notice.good p"))

	s.cancelErr = &webhook.Error{Code: webhook.CodeConflict, Message: "This delivery is delivered."}
	v.post(path+"/cancel", back)
	assert.Equal(t, "! Not cancelled. This delivery is delivered.", v.get(path).text("#notice.bad p"))
	s.cancelErr = errors.New("dial tcp 10.1.2.3")
	assert.Equal(t, http.StatusInternalServerError, v.post(path+"/cancel", back).status)

	v.header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, v.post(path+"/cancel", back).status)
	assert.Len(t, s.cancels, 1)
}

// Of what was erased, the page says so, and shows what became of it.
func TestErasedDeliveryPage(t *testing.T) {
	t.Parallel()
	found := inspection(webhook.StatusExhausted, failed(503))
	at := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	found.Delivery.ErasedAt = &at
	got := see(t, found)
	require.Contains(t, got.text("#summary .hint"), "Data erased 2026-11-26 09:00:00 UTC")
	require.Contains(t, got.text("#cannot-retry"), "there is nothing to send")
	require.Contains(t, got.text("#attempt-1"), "Data erased.")
	require.Contains(t, got.text("#attempt-1"), "503")
	require.Contains(t, got.text("#request"), "Data erased.")
	require.NotContains(t, got.text("#request"), "curl")
	require.NotContains(t, got.text("#request"), "1.50")
}
