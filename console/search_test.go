package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// One field, on every page, for whatever somebody was told.
func TestSearchOfEverything(t *testing.T) {
	t.Parallel()
	s, account := newService(t)
	sync := createWebhook(t, s, account, "Salesforce Sync")
	createWebhook(t, s, account, "Slack alerts")
	published, err := s.Publish(t.Context(), webhook.Principal{Admin: true}, account,
		[]byte(`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"call_id":"call_abc123"}}`), nil)
	require.NoError(t, err)
	delivery := published.Published[0].Deliveries[0].ID
	other, err := s.CreateAccount(t.Context(), webhook.AccountDefinition{Name: "Acme & Sons"})
	require.NoError(t, err)
	hidden := createWebhook(t, s, other.ID, "Their CRM")
	_, err = s.Publish(t.Context(), webhook.Principal{Admin: true}, other.ID,
		[]byte(`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"call_id":"call_xyz789"}}`), nil)
	require.NoError(t, err)
	v := signedIn(t, s)
	form := v.get("/console/webhooks").page.Find("form.find")
	require.Equal(t, "/console/search", form.AttrOr("action", ""))
	require.Len(t, form.Find("input[name=q]").Nodes, 1)

	search := func(v *visitor, text string) *answer {
		return v.get("/console/search?" + url.Values{"q": {text}}.Encode())
	}
	got := search(v, " call_abc123 ")
	assert.Len(t, got.page.Find(".deliveries tbody tr").Nodes, 2)
	assert.Equal(t, "call_abc123", got.attr("form.find input[name=q]", "value"), "it can be refined")
	assert.NotEmpty(t, got.page.Find(`tbody button[formaction$="/retry"]`).Nodes, "it is retried right here")
	assert.Empty(t, got.text(".webhooks"))

	got = search(v, "SALESF")
	assert.Equal(t, "Salesforce Sync", got.text(".webhooks th a"))
	assert.Equal(t, "Recent Deliveries of Salesforce Sync", got.text("#deliveries-heading"))
	assert.Len(t, got.page.Find(".deliveries tbody tr").Nodes, 1)
	assert.Len(t, search(v, "8.8.8.8").page.Find(".webhooks tbody tr").Nodes, 2, "by URL")

	for text, path := range map[string]string{delivery: "/console/deliveries/" + delivery, sync.ID: "/console/webhooks/" + sync.ID} {
		got := search(v, text)
		assert.Equal(t, http.StatusSeeOther, got.status, text)
		assert.Equal(t, path, got.header.Get("Location"))
	}

	for _, text := range []string{"call_xyz789", "their", "acme & s", hidden.ID} {
		got := search(v, text)
		assert.Contains(t, got.text(".empty"), "Not in this account, but elsewhere Acme & Sons", text)
		link := got.attr(".empty a", "href")
		there := v.get(link)
		if there.status == http.StatusSeeOther {
			assert.Equal(t, "/console/webhooks/"+hidden.ID+"?account="+other.ID, there.header.Get("Location"))
			continue
		}
		assert.Len(t, there.page.Find(".deliveries tbody tr").Nodes, 1, "%s: %s", text, there.text("main"))
	}
	assert.Empty(t, search(v, "call_nothing").page.Find(`script[src*="live"]`).Nodes, "there is nothing to keep up to date")
	assert.Contains(t, search(v, "call_nothing").text(".empty"), "Found in no account")
	assert.Contains(t, search(v, "").text(".empty"), "by a part of their name or URL")
	assert.NotEmpty(t, search(v, "a\x00b").text("#notice.bad"))
	assert.NotEmpty(t, search(v, strings.Repeat("x", webhook.MaxSearch+1)).text("#notice.bad"))
	assert.Empty(t, search(v, script).page.Find("main script").Nodes)

	_, text, err := s.CreateAPIKey(t.Context(), webhook.Principal{Admin: true}, account, webhook.APIKeyDefinition{Name: "Night shift", Scopes: []webhook.Scope{webhook.ScopeRead}})
	require.NoError(t, err)
	clerk := visit(t, s, adminKey)
	require.Equal(t, http.StatusSeeOther, clerk.signIn(text).status)
	assert.Len(t, search(clerk, "call_abc123").page.Find(".deliveries tbody tr").Nodes, 2)
	for _, text := range []string{"call_xyz789", "their", "acme", hidden.ID, other.ID} {
		got := search(clerk, text)
		assert.Contains(t, got.text(".empty"), "Nothing found", text)
		assert.NotContains(t, got.body, "Sons", "other accounts are nobody's business")
	}
	_, text, err = s.CreateAPIKey(t.Context(), webhook.Principal{Admin: true}, account, webhook.APIKeyDefinition{Name: "Calls", Scopes: []webhook.Scope{webhook.ScopePublish}})
	require.NoError(t, err)
	program := visit(t, s, adminKey)
	require.Equal(t, http.StatusSeeOther, program.signIn(text).status)
	assert.Equal(t, http.StatusForbidden, search(program, "call_abc123").status)
	assert.Empty(t, program.get("/console/events/new").page.Find("form.find").Nodes)
}

// A catalogue of any size is read a page at a time, and searched.
func TestCatalogueByPages(t *testing.T) {
	t.Parallel()
	s, account := newService(t)
	for i := range pageSize {
		_, err := s.CreateEventType(t.Context(), account, webhook.EventTypeDefinition{Name: fmt.Sprintf("invoice.step_%02d", i), Description: fmt.Sprintf("Step %d of an Invoice", i)})
		require.NoError(t, err)
	}
	v := signedIn(t, s)
	first := v.get("/console/event-types")
	assert.Len(t, first.page.Find(".rows li").Nodes, pageSize)
	assert.Equal(t, "Next ›", first.text(".pager"))
	second := v.get(first.attr(".pager a", "href"))
	assert.Equal(t, "invoice.step_16", second.page.Find(".rows li code").First().Text())
	assert.Equal(t, "« First", second.text(".pager"))
	got := v.get("/console/event-types?q=step+7+OF")
	assert.Equal(t, []string{"invoice.step_07 Step 7 of an Invoice Own"}, got.texts(".rows li"))
	assert.Contains(t, v.get("/console/event-types?q=nothing").text(".empty"), "No event types here")
	assert.NotEmpty(t, v.get("/console/event-types?cursor=A").text("#notice.bad"))
}

// Where there are more event types than a form is good for, the others are written.
func TestFormsWithManyEventTypes(t *testing.T) {
	t.Parallel()
	s := newFullService()
	v := signedIn(t, s)
	form := v.get("/console/webhooks/new")
	assert.Len(t, form.page.Find(`input[name="events"]`).Nodes, 100+2) // with all, and the group
	got := v.post("/console/webhooks", url.Values{
		"name": {"Billing"}, "url": {"https://8.8.8.8/"}, "events": {"call.started"}, "more_events": {"call.ended\r\n call.failed "}, "method": {"none"},
		"signing_algorithm": {"hmac-sha256"},
	})
	require.Equal(t, http.StatusCreated, got.status, got.text("main"))
	assert.Equal(t, []string{"call.started", "call.ended", "call.failed"}, s.changed.Events)
	got = v.post("/console/webhooks", url.Values{"events": {"invoice.number_700"}, "more_events": {"invoice.x"}})
	assert.Equal(t, "invoice.x", got.text("#more_events"))
	assert.Len(t, got.page.Find(`input[value="invoice.number_700"][checked]`).Nodes, 1, "what is chosen is listed")
	for _, path := range []string{"/console/webhooks/" + s.webhooks[0].ID + "/test", "/console/events/new"} {
		list := v.get(path).page.Find("main form").FilterFunction(func(_ int, form *goquery.Selection) bool { return form.Find("[name=event][list]").Length() > 0 })
		assert.Len(t, list.Find("datalist option").Nodes, 30, path)
	}
}
