package console_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const script = `"><script>alert(1)</script>`

// newService returns a service over an empty, migrated database, while Temporal is down, and its account.
func newService(t *testing.T) (*service.Service, string) {
	t.Helper()
	key, err := encryption.ParseKey(encryption.NewKeyText())
	require.NoError(t, err)
	s, err := store.Open(t.Context(), testdb.New(t), key)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = migrations.Up(t.Context(), s.DB().DB)
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	temporal, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: sdklog.NewStructuredLogger(quiet)})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	made := service.New(service.Options{
		Store: s, Temporal: temporal, Guard: target.NewGuard(target.InsecureNone), Namespace: "default",
		Starter: service.NewStarter(s, temporal, webhook.DefaultSchedule(), nil, quiet),
	})
	account, err := made.Account(t.Context(), "")
	require.NoError(t, err)
	return made, account
}

// createWebhook makes a webhook that subscribes to everything.
func createWebhook(t *testing.T, s *service.Service, account, name string) webhook.Webhook {
	t.Helper()
	w, err := s.CreateWebhook(t.Context(), account, webhook.Definition{
		Name: name, URL: "https://8.8.8.8/", Events: []string{"*"}, Authentication: webhook.Authentication{Type: webhook.AuthenticationNone},
	})
	require.NoError(t, err)
	return w
}

func TestPublishByHand(t *testing.T) {
	t.Parallel()
	s, account := newService(t)
	v := signedIn(t, s)
	assert.Contains(t, v.get("/console/events").text(".empty"), "No events yet")
	createWebhook(t, s, account, "Salesforce Sync")

	form := v.get("/console/events/new?event=contact.created")
	assert.Contains(t, form.text("textarea"), `"event": "contact.created"`)
	assert.Equal(t, "contact.created", form.page.Find("option[selected]").AttrOr("value", ""))

	for payload, says := range map[string]string{
		`{"event":`: "Event is not valid JSON", `[]`: "Event must be a JSON object, not an array.", "": "Event is empty",
		`{"event":"call.eneded","timestamp":"2025-02-02T14:30:00Z","data":{}}`: `Event is not right: event is not a known event type; did you mean "call.ended"?`,
		`{"event":"call.ended"}`: "data is missing; it must be an object with the event's details; timestamp is missing",
	} {
		got := v.post("/console/events", url.Values{"payload": {payload}})
		assert.Equal(t, http.StatusUnprocessableEntity, got.status, payload)
		assert.Contains(t, got.text(".refused"), "Nothing was published.")
		assert.Contains(t, got.text("#payload-problem"), says)
		assert.Len(t, got.page.Find("textarea[aria-invalid][autofocus]").Nodes, 1)
		assert.Equal(t, payload, got.page.Find("textarea").Text(), "what was filled in is still there")
	}
	assert.Contains(t, v.get("/console/events").text(".empty"), "No events yet", "nothing was stored")

	payload := "{\r\n\"event\":\"call.ended\",\"timestamp\":\"2025-02-02T14:30:00Z\",\"data\":{\"call_id\":\"" + `\u003cscript>` + "\"}}"
	got := v.post("/console/events", url.Values{"payload": {payload}})
	require.Equal(t, http.StatusSeeOther, got.status, got.body)
	page := v.get(got.header.Get("Location"))
	assert.Contains(t, page.text("#notice"), "on its way to 1 webhook")
	assert.Contains(t, page.text(".rows li"), "Salesforce Sync")
	assert.Contains(t, page.text("pre"), `"call_id"`)
	assert.Empty(t, page.page.Find("main script").Nodes)
	assert.Contains(t, v.get("/console/events?event=call.ended").text("tbody"), "call.ended")
	assert.Contains(t, v.get("/console/events?event=call.failed").text(".empty"), "None match")
	assert.Contains(t, v.get("/console/events?cursor=x").text("#notice.bad"), "no such place")
}

func TestRepublish(t *testing.T) {
	t.Parallel()
	s, account := newService(t)
	publication, err := s.Publish(t.Context(), webhook.Principal{Admin: true}, account,
		[]byte(`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}}`), nil)
	require.NoError(t, err)
	later := createWebhook(t, s, account, "Came later")
	v := signedIn(t, s)
	path := "/console/events/" + publication.Published[0].Event.ID
	assert.Contains(t, v.get(path).text("main"), "No webhook wanted this event")
	got := v.post(path+"/republish", url.Values{"webhook_id": {later.ID}})
	require.Equal(t, http.StatusSeeOther, got.status)
	assert.Regexp(t, "^/console/deliveries/dlv_", got.header.Get("Location"))
	assert.Contains(t, v.get(got.header.Get("Location")).text("#notice"), "Sending call.ended to Came later once more.")

	other, err := s.CreateAccount(t.Context(), webhook.AccountDefinition{Name: "Other"})
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, v.get(path+"?account="+other.ID).status, "events of other accounts are nobody's")
}

func TestEventTypesOfOnesOwn(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	v := signedIn(t, s)
	assert.Contains(t, v.get("/console/event-types").text("main"), "call.ended When call completes")
	assert.Contains(t, v.get("/console/event-types/call.ended").text("pre"), `"recording_url"`)

	got := v.post("/console/event-types", url.Values{"name": {"Invoice"}, "description": {script}, "schema": {"{"}})
	assert.Equal(t, http.StatusUnprocessableEntity, got.status)
	assert.Contains(t, got.text("#schema-problem"), "is not valid JSON")
	assert.Equal(t, "Invoice", got.page.Find("#name").AttrOr("value", ""))
	assert.Empty(t, got.page.Find("main script").Nodes)
	assert.NotContains(t, v.get("/console/event-types").text("main"), "Invoice")

	got = v.post("/console/event-types", url.Values{"name": {"call.ended"}, "description": {"Mine"}})
	assert.Contains(t, got.text("[role=alert]"), "There is an event type call.ended already.")
	assert.Equal(t, "! Name is taken; choose another.", got.text("#name-problem"))
	assert.Equal(t, "Mine", got.attr("#description", "value"))
	got = v.post("/console/event-types", url.Values{"name": {"Invoice"}})
	assert.Contains(t, got.text("#name-problem"), "lower-case words")
	filled := url.Values{"name": {"invoice.paid"}, "description": {script}, "schema": {`{"required":["invoice_id"]}`},
		"example": {`{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{"invoice_id":"inv_1"}}`}}
	got = v.post("/console/event-types", filled)
	require.Equal(t, http.StatusSeeOther, got.status, got.text(".refused"))
	page := v.get(got.header.Get("Location"))
	assert.Contains(t, page.text("main"), script)
	assert.Empty(t, page.page.Find("main script").Nodes)

	filled.Set("deprecated", "true")
	require.Equal(t, http.StatusSeeOther, v.post("/console/event-types/invoice.paid/edit", filled).status)
	assert.Contains(t, v.get("/console/event-types/invoice.paid").text(".heading"), "Deprecated")
	require.Equal(t, http.StatusSeeOther, v.post("/console/event-types/invoice.paid/delete", nil).status)
	assert.Equal(t, http.StatusNotFound, v.get("/console/event-types/invoice.paid").status)
	filled.Del("name") // which stands in the address
	got = v.post("/console/event-types/invoice.paid/edit", filled)
	assert.Equal(t, http.StatusNotFound, got.status, "deleted in another tab")
	assert.Contains(t, got.text(".refused"), "The event type was deleted in the meantime.")
	assert.Equal(t, []string{"invoice.paid", script}, []string{got.attr("#name", "value"), got.attr("#description", "value")})
	assert.Equal(t, "/console/event-types", got.attr("form.form", "action"))
	assert.Contains(t, got.text("#schema"), "invoice_id")

	require.Equal(t, http.StatusSeeOther, v.post("/console/event-types/call.ended/delete", nil).status)
	assert.NotEmpty(t, v.get("/console/event-types/call.ended").text("#notice.bad"), "built-in ones stay")
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	s, account := newService(t)
	v := signedIn(t, s)
	assert.Contains(t, v.get("/console/api-keys").text(".empty"), "No API keys yet")
	got := v.post("/console/api-keys", url.Values{"name": {""}, "expires_at": {"2001-01-01T00:00"}})
	assert.Equal(t, http.StatusUnprocessableEntity, got.status)
	for _, id := range []string{"#name-problem", "#expires_at-problem", "#scopes-problem"} {
		assert.NotEmpty(t, got.text(id), id)
	}

	got = v.post("/console/api-keys", url.Values{"name": {"Call platform"}, "scopes": {"publish", "manage"}})
	require.Equal(t, http.StatusCreated, got.status, got.text("main"))
	text := regexp.MustCompile(`dhk_[a-z2-7]{52}`).FindString(got.body)
	require.NotEmpty(t, text)
	list := v.get("/console/api-keys")
	assert.Contains(t, list.text("tbody"), "Call platform")
	assert.NotContains(t, list.body, text, "it is shown once")

	program := visit(t, s, adminKey)
	require.Equal(t, http.StatusSeeOther, program.signIn(text).status)
	assert.Equal(t, http.StatusForbidden, program.get("/console/accounts").status)
	form := program.get("/console/api-keys/new")
	assert.Len(t, form.page.Find(`input[name="scopes"][disabled]`).Nodes, 1, "read is not its own to hand on")
	assert.Contains(t, program.post("/console/api-keys", url.Values{"name": {"More"}, "scopes": {"read"}}).text(".refused"), "cannot grant read")

	keys, err := s.APIKeys(t.Context(), account, store.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, v.post("/console/api-keys/"+keys[0].ID+"/revoke", nil).status)
	assert.Contains(t, v.get("/console/api-keys").text("tbody"), "Revoked")
	assert.Equal(t, http.StatusSeeOther, program.get("/console/api-keys").status, "the key opens nothing any more")
}

func TestAccountsPage(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	v := signedIn(t, s)
	got := v.post("/console/accounts", url.Values{"name": {"default"}})
	assert.Equal(t, http.StatusUnprocessableEntity, got.status)
	assert.Contains(t, got.text("#name-problem"), "is taken")
	got = v.post("/console/accounts", url.Values{"name": {script}})
	require.Equal(t, http.StatusSeeOther, got.status)
	assert.Regexp(t, `^/console/api-keys\?account=acc_`, got.header.Get("Location"))
	page := v.get("/console/accounts?q=SCRIPT")
	assert.Contains(t, page.text("tbody"), script)
	assert.NotContains(t, page.text("tbody"), "default")
	assert.Contains(t, v.get("/console/accounts?q=nobody").text(".empty"), "No accounts here")
	assert.Empty(t, page.page.Find("main script").Nodes)
}
