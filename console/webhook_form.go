package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// maxWebhookForm is how many bytes the form for a webhook may have, with a long filter and many events.
const maxWebhookForm = 64 << 10

// webhookForm is what the form for a webhook shows, a new one or one that is there.
type webhookForm struct {
	*form
	New        bool
	Action     string
	BackURL    string
	Groups     []eventGroup
	More       bool // there are event types that the groups don't list
	Methods    []method
	Algorithms []option // of a new webhook
	HasSecrets string   // the method whose secrets are kept when their fields are left empty
}

// eventGroup are the event types that begin alike.
type eventGroup struct {
	Pattern string // that stands for all of them; empty for the group of what no group has
	Types   []webhook.EventType
}

// KeptSecret returns the field of a secret, which stays as it is where it is left empty.
func (f webhookForm) KeptSecret(name, label string) field {
	method, _, _ := strings.Cut(name, "/")
	help := ""
	if method == f.HasSecrets {
		help = "Leave it empty to keep the one that is set."
	}
	shown := f.Secret(name, label, help)
	if !f.Is("method", method) {
		shown.Problem = "" // of a method that was not chosen in the end
	}
	return shown
}

// methodOAuth is bearer with tokens that are fetched: another method to people, the same type to the API.
const methodOAuth = "oauth"

// method is a way in which requests prove who they come from.
type method struct{ Value, Label, About string }

func methods() []method {
	return []method{
		{Value: webhook.AuthenticationNone, Label: "None", About: "the signature of every request is enough"},
		{Value: webhook.AuthenticationAPIKey, Label: "API Key Header", About: "a custom header with a secret key"},
		{Value: webhook.AuthenticationBasic, Label: "Basic Auth", About: "a username and a password"},
		{Value: webhook.AuthenticationBearer, Label: "OAuth Token: a fixed bearer token", About: "Authorization: Bearer your_secret_key"},
		{Value: methodOAuth, Label: "OAuth Token: by client credentials", About: "bearer tokens that are fetched and renewed"},
		{Value: webhook.AuthenticationHMAC, Label: "HMAC Signature", About: "a cryptographic signature of the body, in a header of your own"},
	}
}

// newWebhook shows the form for a new webhook.
func (c *Console) newWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	filled := url.Values{"method": {webhook.AuthenticationNone}, "signing_algorithm": {string(webhook.SigningHMACSHA256)}}
	return c.showWebhookForm(w, r, s, http.StatusOK, webhook.Webhook{}, newForm(filled))
}

// createWebhook makes a webhook and shows its secret, or the form again with what is wrong.
func (c *Console) createWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxWebhookForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	values := definitionOf(filled, webhook.Authentication{})
	values["signing_algorithm"] = filled.Value("signing_algorithm")
	body, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("encode the definition of a webhook: %w", err)
	}
	var definition webhook.Definition
	if err := webhook.DecodeJSON(body, &definition); err != nil {
		return err
	}
	created, err := c.service.CreateWebhook(r.Context(), s.AccountID, definition)
	if err != nil {
		return c.refuseWebhook(w, r, s, webhook.Webhook{}, filled, err)
	}
	return c.showSecret(w, r, s, http.StatusCreated, created, false)
}

// editWebhook shows the form for a webhook that is there.
func (c *Console) editWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.Webhook(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	a := found.Authentication
	filled := url.Values{
		"name": {found.Name}, "url": {found.URL}, "events": found.Events, "filter": {found.Filter}, "rate_limit": {rateLimitText(found.RateLimit)},
		"method": {methodOf(a)}, "api_key/header": {a.Header}, "basic/username": {a.Username},
		"oauth/token_url": {a.TokenURL}, "oauth/client_id": {a.ClientID}, "oauth/scopes": {strings.Join(a.Scopes, " ")},
		"hmac/header": {a.Header}, "hmac/algorithm": {a.Algorithm},
	}
	return c.showWebhookForm(w, r, s, http.StatusOK, found, newForm(filled))
}

// updateWebhook changes a webhook, or shows the form again with what is wrong.
func (c *Console) updateWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxWebhookForm); err != nil {
		return err
	}
	id, filled := mux.Vars(r)["id"], newForm(r.PostForm)
	found, err := c.service.Webhook(r.Context(), s.AccountID, id)
	if err != nil {
		return c.offerWebhookAnew(w, r, s, filled, err)
	}
	body, err := json.Marshal(definitionOf(filled, found.Authentication))
	if err != nil {
		return fmt.Errorf("encode the changes of a webhook: %w", err)
	}
	patch, err := webhook.ParsePatch(body)
	if err != nil {
		return err
	}
	changed, err := c.service.UpdateWebhook(r.Context(), s.AccountID, id, patch)
	if err != nil {
		return c.refuseWebhook(w, r, s, found, filled, err)
	}
	return c.afterDeed(w, r, changed.Name+" is saved. Attempts that are still to come use what it says now.", webhookURL(r), nil)
}

func methodOf(a webhook.Authentication) string {
	if a.FetchesTokens() {
		return methodOAuth
	}
	return a.Type
}

// fieldsOf returns the fields of a method, in the API's names; those that are secret are true.
func fieldsOf(method string) map[string]bool {
	return map[string]map[string]bool{
		webhook.AuthenticationAPIKey: {"header": false, "value": true},
		webhook.AuthenticationBasic:  {"username": false, "password": true},
		webhook.AuthenticationBearer: {"token": true},
		methodOAuth:                  {"token_url": false, "client_id": false, "client_secret": true, "scopes": false},
		webhook.AuthenticationHMAC:   {"header": false, "secret": true, "algorithm": false},
	}[method]
}

// definitionOf returns what is filled in as the API would be told. Secrets that are left empty are those of the
// authentication that there is, as long as they go where they went before.
func definitionOf(filled *form, present webhook.Authentication) map[string]any {
	method := filled.Value("method")
	authentication := map[string]any{"type": method}
	kept := map[string]string{
		"value": present.Value, "password": present.Password, "token": present.Token, "secret": present.Secret, "client_secret": present.ClientSecret,
	}
	if method == methodOAuth {
		authentication["type"] = webhook.AuthenticationBearer
	}
	for name, secret := range fieldsOf(method) {
		value := filled.Value(method + "/" + name)
		if secret && value == "" && keepsSecrets(filled, present) {
			value = kept[name]
		}
		switch {
		case name == "scopes":
			authentication[name] = strings.Fields(value)
		case value != "":
			authentication[name] = value
		}
	}
	events := append([]string{}, filled.values["events"]...)
	events = append(events, strings.Fields(filled.Value("more_events"))...)
	return map[string]any{
		"name": filled.Value("name"), "url": strings.TrimSpace(filled.Value("url")), "events": events,
		"filter": filled.Value("filter"), "rate_limit": rateLimitOf(filled.Value("rate_limit")), "authentication": authentication,
	}
}

// rateLimitOf returns a limit that is filled in as the API would be told: what is no number is refused there.
func rateLimitOf(text string) any {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	if limit, err := strconv.Atoi(text); err == nil {
		return limit
	}
	return text
}

// rateLimitText is empty for no limit.
func rateLimitText(limit int) string {
	if limit == 0 {
		return ""
	}
	return strconv.Itoa(limit)
}

// keepsSecrets reports whether secrets that are left empty stay as they are: the method is the same, and a client's
// secret is not sent to another token URL by whom it was never shown to.
func keepsSecrets(filled *form, present webhook.Authentication) bool {
	return filled.Value("method") == methodOf(present) &&
		(!present.FetchesTokens() || filled.Value("oauth/token_url") == present.TokenURL)
}

// refuseWebhook shows the form again with what is wrong.
func (c *Console) refuseWebhook(w http.ResponseWriter, r *http.Request, s session, found webhook.Webhook, filled *form, err error) error {
	if err := filled.refused(err); err != nil {
		return c.offerWebhookAnew(w, r, s, filled, err)
	}
	const authentication = "authentication/"
	method := filled.Value("method")
	for name, detail := range maps.Clone(filled.problems) {
		of, ok := strings.CutPrefix(name, authentication)
		if !ok {
			continue
		}
		delete(filled.problems, name)
		if method == methodOAuth && of == "token" { // none of the fields is filled in, which is a fixed token to the API
			filled.Message = "Some fields are not valid."
			for _, missing := range []string{"token_url", "client_id", "client_secret"} {
				filled.wrong(methodOAuth+"/"+missing, "is missing")
			}
			continue
		}
		detail, _, _ = strings.Cut(detail, "; authentication of type ") // the form shows which fields a type needs
		filled.wrong(method+"/"+of, detail)
	}
	return c.showWebhookForm(w, r, s, http.StatusUnprocessableEntity, found, filled)
}

// offerWebhookAnew shows what was filled in for a webhook that was deleted meanwhile as the form for a new one. Any other
// error is returned.
func (c *Console) offerWebhookAnew(w http.ResponseWriter, r *http.Request, s session, filled *form, err error) error {
	if !filled.gone(err, "The webhook", "Create Webhook") {
		return err
	}
	return c.showWebhookForm(w, r, s, http.StatusNotFound, webhook.Webhook{}, filled)
}

func (c *Console) showWebhookForm(w http.ResponseWriter, r *http.Request, s session, status int, found webhook.Webhook, filled *form) error {
	types, err := c.service.EventTypes(r.Context(), s.AccountID, store.Page{Limit: webhook.MaxEventTypes})
	if err != nil {
		return err
	}
	body := webhookForm{
		form: filled, New: found.ID == "", Action: webhooksPath, BackURL: webhooksPath,
		Methods: methods(),
		Algorithms: []option{
			{Value: string(webhook.SigningHMACSHA256), Label: "HMAC-SHA256: a secret that both sides know"},
			{Value: string(webhook.SigningEd25519), Label: "Ed25519: receivers verify with a public key"},
		},
	}
	body.Groups, body.More = listed(groupsOf(types, filled.values["events"]), filled.values["events"])
	view := page{Title: "Create Webhook", Session: &s}
	if !body.New {
		view.Title = "Edit " + found.Name
		body.Action = webhooksPath + "/" + found.ID + "/edit"
		body.BackURL = webhooksPath + "/" + found.ID
		body.HasSecrets = methodOf(found.Authentication)
		view.Crumbs = []crumb{{found.Name, body.BackURL}}
	}
	view.Body = body
	return c.show(w, r, status, "webhook_form.html", view)
}

// groupsOf returns the event types by what stands before the first dot. Operational events come last and have no
// pattern: webhooks get them only by name. What is chosen and in no group, such as
// patterns that somebody set over the API, is a group of its own, so that saving keeps it.
func groupsOf(types []webhook.EventType, chosen []string) []eventGroup {
	byPattern := map[string][]webhook.EventType{}
	known := map[string]bool{webhook.AllEvents: true}
	for _, t := range types {
		before, _, dotted := strings.Cut(t.Name, ".")
		pattern := ""
		if dotted && !t.Operational {
			pattern = before + ".*"
		}
		byPattern[pattern] = append(byPattern[pattern], t)
		known[t.Name], known[pattern] = true, true
	}
	for _, name := range chosen {
		if !known[name] {
			byPattern[""] = append(byPattern[""], webhook.EventType{Name: name})
			known[name] = true
		}
	}
	var groups []eventGroup
	byName := func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), 0)-cmp.Compare(len(a), 0), strings.Compare(a, b))
	}
	for _, pattern := range slices.SortedFunc(maps.Keys(byPattern), byName) {
		group := eventGroup{pattern, byPattern[pattern]}
		slices.SortFunc(group.Types, func(a, b webhook.EventType) int { return strings.Compare(a.Name, b.Name) })
		groups = append(groups, group)
	}
	return groups
}

// listed returns groups with as many event types as a form lists, and all that are chosen; more is true when there are
// others.
func listed(groups []eventGroup, chosen []string) (shown []eventGroup, more bool) {
	left := mostListed
	for _, group := range groups {
		all := len(group.Types)
		group.Types = slices.DeleteFunc(group.Types, func(t webhook.EventType) bool {
			if slices.Contains(chosen, t.Name) {
				return false
			}
			left--
			return left < 0
		})
		more = more || len(group.Types) < all
		if shown = append(shown, group); len(shown) == mostListed {
			return shown, more || len(groups) > mostListed
		}
	}
	return shown, more
}
