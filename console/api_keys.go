package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// apiKeysPage is what the template api_keys shows.
type apiKeysPage struct {
	pager
	Rows []apiKeyRow
}

// apiKeyRow is an API key as the list shows it.
type apiKeyRow struct {
	ID, Name, Prefix, Scopes string
	Tone, State              string
	InForce                  bool
	Own                      bool // the visitor is signed in with it
	Created                  time.Time
	LastUsed, Expires        *time.Time // nil for never
}

func newAPIKeyRow(k webhook.APIKey, s session, now time.Time) apiKeyRow {
	row := apiKeyRow{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: webhook.JoinScopes(k.Scopes), Tone: "good", State: "In force", InForce: true,
		Own: k.ID == s.KeyID, Created: k.CreatedAt.UTC(), LastUsed: k.LastUsedAt, Expires: k.ExpiresAt,
	}
	switch {
	case k.RevokedAt != nil:
		row.Tone, row.State, row.InForce = "calm", "Revoked", false
	case k.ExpiresAt != nil && !k.ExpiresAt.After(now):
		row.Tone, row.State, row.InForce = "calm", "Expired", false
	}
	return row
}

// apiKeys shows the API keys of the account, newest first.
func (c *Console) apiKeys(w http.ResponseWriter, r *http.Request, s session) error {
	cursor := r.URL.Query().Get("cursor")
	view := page{Title: "API keys", Session: &s, Notice: c.takeNotice(w, r)}
	if cursor != "" && !isID(webhook.APIKeyPrefix)(cursor) {
		cursor, view.Notice = "", &notice{Text: "There is no such place in the list; the newest keys are shown."}
	}
	found, err := c.service.APIKeys(r.Context(), s.AccountID, store.Page{Before: cursor, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	var body apiKeysPage
	found, body.pager = onePage(found, pageSize, cursor, func(k webhook.APIKey) string { return k.ID }, after(apiKeysPath))
	now := time.Now()
	for _, k := range found {
		body.Rows = append(body.Rows, newAPIKeyRow(k, s, now))
	}
	view.Body = body
	return c.show(w, r, http.StatusOK, "api_keys.html", view)
}

// apiKeyForm is the form for a new API key.
type apiKeyForm struct {
	*form
	Scopes []scopeChoice
}

// scopeChoice is a scope with what it is for; one that the visitor doesn't have can't be handed on.
type scopeChoice struct {
	Name, Meaning string
	Mine          bool
}

// newAPIKey shows the form for a new API key.
func (c *Console) newAPIKey(w http.ResponseWriter, r *http.Request, s session) error {
	return c.showAPIKeyForm(w, r, s, http.StatusOK, newForm(url.Values{}))
}

// apiKeyPage shows the text of a new API key, this once.
type apiKeyPage struct {
	apiKeyRow
	Text   string
	Origin string // of this server, for the command that uses the key
	Can    []string
}

// createAPIKey makes an API key and shows its text. The page is the answer to the form itself: a redirect would have
// to keep the text somewhere in between.
func (c *Console) createAPIKey(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	definition := webhook.APIKeyDefinition{Name: filled.Value("name"), ExpiresAt: expiryOf(filled.Value("expires_at"))}
	for _, scope := range filled.values["scopes"] {
		definition.Scopes = append(definition.Scopes, webhook.Scope(scope))
	}
	key, text, err := c.service.CreateAPIKey(r.Context(), s.Principal, s.AccountID, definition)
	if err != nil {
		if err := filled.refused(err); err != nil {
			return err
		}
		return c.showAPIKeyForm(w, r, s, http.StatusUnprocessableEntity, filled)
	}
	body := apiKeyPage{apiKeyRow: newAPIKeyRow(key, s, time.Now()), Text: text, Origin: originOf(r), Can: filled.values["scopes"]}
	return c.show(w, r, http.StatusCreated, "api_key.html", page{Title: key.Name + " is created", Session: &s, Body: body})
}

// expiryOf returns the time of a browser's field as the API wants it. What is no time stays as it is, to be refused.
func expiryOf(text string) string {
	if at, ok := readTime(text); ok {
		return writeTime(at, time.RFC3339)
	}
	return text
}

func (c *Console) showAPIKeyForm(w http.ResponseWriter, r *http.Request, s session, status int, filled *form) error {
	body := apiKeyForm{form: filled}
	meanings := map[webhook.Scope]string{
		webhook.ScopePublish: "publish events",
		webhook.ScopeManage:  "create and change webhooks, event types and keys; retry and cancel deliveries",
		webhook.ScopeRead:    "see webhooks, events and deliveries",
	}
	for _, scope := range webhook.Scopes() {
		body.Scopes = append(body.Scopes, scopeChoice{string(scope), meanings[scope], s.May(scope)})
	}
	return c.show(w, r, status, "api_key_form.html", page{Title: "Create API key", Session: &s, Body: body})
}

// revokeAPIKey has a key open nothing any more.
func (c *Console) revokeAPIKey(w http.ResponseWriter, r *http.Request, s session) error {
	id := mux.Vars(r)["id"]
	err := c.service.RevokeAPIKey(r.Context(), s.AccountID, id)
	return c.afterDeed(w, r, "The key is revoked: it opens nothing any more.", apiKeysPath, err)
}

// Has reports whether the new key may do what a scope says, for the next step that the page names.
func (p apiKeyPage) Has(scope string) bool { return slices.Contains(p.Can, scope) }
