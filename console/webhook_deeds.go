package console

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/webhook"
)

// webhookFacts are the settings of a webhook as its page shows them, without its secrets.
type webhookFacts struct {
	ID, Name, URL, Filter string
	Events                []string
	RateLimit             int // requests a second; 0 for no limit
	Authentication        string
	Signing               string
	SigningSecret         string // masked
	Created               time.Time
	Enabled               bool
}

func factsOf(w webhook.Webhook) webhookFacts {
	return webhookFacts{
		ID: w.ID, Name: w.Name, URL: w.URL, Filter: w.Filter, Events: w.Events, RateLimit: w.RateLimit, Authentication: authenticationWords(w.Authentication),
		Signing: signingWords(w, time.Now()), SigningSecret: webhook.Mask(string(w.SigningSecret)),
		Created: w.CreatedAt.UTC(), Enabled: w.Enabled,
	}
}

// enableWebhook lets a webhook get events again.
func (c *Console) enableWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.EnableWebhook(r.Context(), s.AccountID, mux.Vars(r)["id"])
	return c.afterDeed(w, r, found.Name+" is enabled: it gets the events that are published from now on.", webhookURL(r), err)
}

// disableWebhook stops deliveries to a webhook.
func (c *Console) disableWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.DisableWebhook(r.Context(), s.AccountID, mux.Vars(r)["id"])
	return c.afterDeed(w, r, found.Name+" is disabled: nothing is sent to it, and what waited for it is discarded.", webhookURL(r), err)
}

// deleteWebhook takes a webhook away.
func (c *Console) deleteWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	err := c.service.DeleteWebhook(r.Context(), s.AccountID, mux.Vars(r)["id"])
	return c.afterDeed(w, r, "The webhook is deleted. Its deliveries stay in the list.", webhooksPath, err)
}

func webhookURL(r *http.Request) string { return webhooksPath + "/" + mux.Vars(r)["id"] }

// secretPage shows a signing secret, this once.
type secretPage struct {
	Heading, URL, TestURL string
	Secret, PublicKey     string
	Rotated               bool
}

// rotateSecret gives a webhook another signing secret and shows it. The page is the answer to the form itself: a
// redirect would have to keep the secret somewhere in between.
func (c *Console) rotateSecret(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.RotateSecret(r.Context(), s.AccountID, mux.Vars(r)["id"], webhook.Rotation{})
	if err != nil {
		return err
	}
	return c.showSecret(w, r, s, http.StatusOK, found, true)
}

func (c *Console) showSecret(w http.ResponseWriter, r *http.Request, s session, status int, of webhook.Webhook, rotated bool) error {
	own := webhooksPath + "/" + of.ID
	body := secretPage{
		Heading: of.Name + " is created", URL: own, TestURL: own + "/test", Secret: string(of.SigningSecret),
		PublicKey: of.SigningSecret.PublicKey(), Rotated: rotated,
	}
	if rotated {
		body.Heading = of.Name + " has a new signing secret"
	}
	view := page{Title: body.Heading, Session: &s, Crumbs: []crumb{{of.Name, own}}, Body: body}
	return c.show(w, r, status, "webhook_secret.html", view)
}
