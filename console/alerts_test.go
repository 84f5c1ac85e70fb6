package console_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestAlerts(t *testing.T) {
	t.Parallel()
	const secret = "s4VxJ8o5aTTo2GkkAZ9CQw3z"
	s, account := newService(t)
	v := signedIn(t, s)
	assert.Contains(t, v.get("/console/alerts").text(".empty"), "Nobody is alerted yet")

	form := v.get("/console/alerts/new")
	assert.Equal(t, "slack", form.attr("input[name=type][checked]", "value"))
	assert.Len(t, form.texts("input[name=events][checked]"), 3)
	assert.Contains(t, form.text(".methods"), "needs a mail server")
	for name, values := range map[string]url.Values{
		"nothing":  {"type": {"slack"}},
		"inside":   {"name": {"On call"}, "type": {"slack"}, "events": {"webhook.disabled"}, "url": {"https://10.0.0.1/" + secret}},
		"mail":     {"name": {"On call"}, "type": {"email"}, "events": {"webhook.disabled"}, "to": {"a@example.com"}},
		"no event": {"name": {"On call"}, "type": {"slack"}, "url": {"https://8.8.8.8/" + secret}},
	} {
		got := v.post("/console/alerts", values)
		assert.Equal(t, http.StatusUnprocessableEntity, got.status, name)
		assert.NotEmpty(t, got.text(".field-error")+got.text(".refused"), name)
		assert.NotContains(t, got.body, secret, name)
	}
	require.Equal(t, http.StatusSeeOther, v.post("/console/alerts", url.Values{
		"name": {script}, "type": {"slack"}, "events": {"webhook.disabled"}, "url": {"https://8.8.8.8/" + secret},
	}).status)
	page := v.get("/console/alerts")
	assert.Contains(t, page.text("tbody tr"), "Not used yet "+script+" Slack https://8.8.8.8/••••Qw3z webhook.disabled never")
	assert.NotContains(t, page.body, secret)
	assert.NotContains(t, page.body, script, "names are texts")

	found, err := s.AlertChannels(t.Context(), account, store.Page{Limit: 1})
	require.NoError(t, err)
	own := "/console/alerts/" + found[0].ID
	edit := v.get(own + "/edit")
	assert.Equal(t, 0, edit.page.Find("input[name=type][type=radio], textarea[name=to], input[name=routing_key]").Length(), "what belongs to other types")
	assert.Empty(t, edit.attr("input[name=url]", "value"))
	require.Equal(t, http.StatusSeeOther, v.post(own+"/edit", url.Values{"name": {"Night shift"}, "events": {"webhook.failing"}}).status)
	changed, err := s.AlertChannel(t.Context(), account, found[0].ID)
	require.NoError(t, err)
	assert.Equal(t, "Night shift", changed.Name)
	assert.Equal(t, []string{"webhook.failing"}, changed.Events)
	assert.Equal(t, "https://8.8.8.8/"+secret, changed.Address.URL, "left empty, it is kept")

	require.Equal(t, http.StatusSeeOther, v.post(own+"/test", nil).status)
	assert.Contains(t, v.get("/console/alerts").text(".notice"), "No test was sent. Temporal cannot be reached")
	require.Equal(t, http.StatusSeeOther, v.post(own+"/delete", nil).status)
	assert.Contains(t, v.get("/console/alerts").text(".empty"), "Nobody is alerted yet")
	assert.Equal(t, http.StatusNotFound, v.get(own+"/edit").status)

	gone := v.post(own+"/edit", url.Values{"name": {"Day shift"}, "type": {edit.attr("input[name=type]", "value")}, "events": {"webhook.failing"}, "url": {"https://8.8.8.8/" + secret}})
	assert.Equal(t, http.StatusNotFound, gone.status, "deleted in another tab")
	assert.Contains(t, gone.text(".refused"), "The alert channel was deleted in the meantime.")
	assert.Equal(t, "/console/alerts", gone.attr("form.form", "action"))
	assert.Equal(t, []string{"Day shift", "slack", ""}, []string{gone.attr("#name", "value"), gone.attr("input[name=type][checked]", "value"), gone.attr("#url", "value")})
	assert.Equal(t, []string{"webhook.failing"}, values(gone, "input[name=events][checked]"))
	assert.NotContains(t, gone.body, secret)
}

// Who may read only is neither offered the page nor shown it.
func TestAlertsAreForThoseWhoManage(t *testing.T) {
	t.Parallel()
	v := signedInWith(t, &fakeService{}, webhook.ScopeRead)
	assert.NotContains(t, v.get("/console/webhooks").text("nav"), "Alerts")
	assert.Equal(t, http.StatusForbidden, v.get("/console/alerts").status)
}
