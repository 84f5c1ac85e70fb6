package webhook

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxWebhooks is how many webhooks an account can have.
const MaxWebhooks = 2000

// Limits of a webhook's fields.
const (
	MaxName   = 100  // characters
	MaxURL    = 2048 // bytes
	MaxEvents = 100
	// MaxRateLimit is how many attempts a second a webhook may be limited to; one that can take more needs no limit.
	MaxRateLimit = 1000
)

// Webhook is a subscription: where an account wants which events delivered, and how requests prove who
// they come from.
type Webhook struct {
	ID             string
	AccountID      string
	Name           string
	URL            string
	Events         []string // names of event types and patterns, or AllEvents alone
	Filter         string   // the condition, of package filter, that events have to fulfil; empty for none
	RateLimit      int      // how many attempts a second its endpoint gets at most; 0 for no limit
	Authentication Authentication
	SigningSecret  SigningSecret
	// PreviousSigningSecret signs along until its time is over, so that receivers need not change secrets in
	// the moment of a rotation. Empty when there was none.
	PreviousSigningSecret      SigningSecret
	PreviousSigningSecretUntil time.Time
	Enabled                    bool
	DisabledReason             string // why it is not enabled, in plain words; empty while it is
	// FailingSince is since when no attempt has succeeded, nil while the last one did. It is up to date but for a few
	// minutes.
	FailingSince *time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Definition is what a client says of a webhook when it creates one.
type Definition struct {
	Input
	Name           string         `json:"name"`
	URL            string         `json:"url"`
	Events         []string       `json:"events"`
	Filter         string         `json:"filter"`
	RateLimit      *int           `json:"rate_limit"` // nil: none
	Authentication Authentication `json:"authentication"`
	Enabled        *bool          `json:"enabled"` // nil: it is
	// SigningAlgorithm is hmac-sha256 when it is left out. It cannot be patched: that takes another secret, see
	// [Rotation].
	SigningAlgorithm *SigningAlgorithm `json:"signing_algorithm"`
}

// ParseDefinition reads a definition, which may have wrong fields: Define tells them. What isn't a JSON object is an
// [Error] with CodeMalformed.
func ParseDefinition(body []byte) (Definition, error) {
	var d Definition
	if err := DecodeJSON(body, &d); err != nil {
		return Definition{}, err
	}
	for name, value := range members(body) {
		if name == fieldAuthentication && kindOf(value) == object && reflect.DeepEqual(d.Authentication, Authentication{}) {
			d.wrong.Add(authenticationPointer+"/type", "is missing; to have no authentication, leave authentication out or send null")
		}
	}
	return d, nil
}

// Define checks a definition and returns a new webhook of the account with an ID and a signing secret of its
// own. Catalogue is the account's; allowHTTP admits http:// URLs, for development. Everything wrong with the
// definition comes back in one [Error]. Whether the URL's host has an address that may be sent to is not
// checked here but by package target, and the filter by package filter.
func Define(accountID string, d Definition, catalogue Catalogue, allowHTTP bool) (Webhook, error) {
	fields := d.Wrong()
	d.Name = strings.TrimSpace(d.Name)
	checkName(&fields, d.Name)
	checkURL(&fields, "/url", d.URL, allowHTTP)
	checkEvents(&fields, d.Events, catalogue)
	checkRateLimit(&fields, d.RateLimit)
	d.Authentication.check(&fields, allowHTTP)
	algorithm := SigningHMACSHA256
	if d.SigningAlgorithm != nil {
		algorithm = *d.SigningAlgorithm
		checkSigningAlgorithm(&fields, algorithm)
	}
	if err := fields.Err(); err != nil {
		return Webhook{}, err
	}
	w := Webhook{
		ID:             NewID(WebhookPrefix),
		AccountID:      accountID,
		Name:           d.Name,
		URL:            d.URL,
		Events:         d.Events,
		Filter:         cleanFilter(d.Filter),
		RateLimit:      d.rateLimit(),
		Authentication: d.Authentication,
		SigningSecret:  algorithm.NewSecret(),
		Enabled:        true,
	}
	if d.Enabled != nil && !*d.Enabled {
		w.Disable(DisabledByOwner)
	}
	return w, nil
}

// Target is a URL that a client wants durahook to connect to.
type Target struct {
	Pointer string // to the field that names it
	URL     string
}

// Targets returns the URLs that a definition names.
func (d Definition) Targets() []Target {
	return append([]Target{{"/url", d.URL}}, d.Authentication.targets()...)
}

// cleanFilter takes a blank filter for none.
func cleanFilter(expression string) string {
	if strings.TrimSpace(expression) == "" {
		return ""
	}
	return expression
}

// DisabledByOwner is why a webhook is disabled that its account disabled.
const DisabledByOwner = "Disabled by its owner."

// Enable lets a webhook get events again, from now on.
func (w *Webhook) Enable() {
	w.Enabled, w.DisabledReason = true, ""
}

// Disable ends deliveries to a webhook; reason says in plain words why. The first reason stays.
func (w *Webhook) Disable(reason string) {
	if w.Enabled {
		w.Enabled, w.DisabledReason = false, reason
	}
}

// RotationOverlap is how long a replaced signing secret signs along.
const RotationOverlap = 24 * time.Hour

// Rotate replaces the signing secret. The one before signs along for [RotationOverlap]; one that was
// replaced earlier is done with.
func (w *Webhook) Rotate(secret SigningSecret, now time.Time) error {
	if secret == w.SigningSecret {
		var fields Fields
		fields.Add("/secret", "is the secret in use already; send another, or none to have one made")
		return fields.Err()
	}
	w.PreviousSigningSecret, w.PreviousSigningSecretUntil = w.SigningSecret, now.Add(RotationOverlap)
	w.SigningSecret = secret
	return nil
}

// Sign returns the value of the webhook-signature header: the signatures of all secrets that are valid at
// this moment, the newest first. They may be of different algorithms: a receiver takes the ones that it has a
// key for. See [SigningSecret.Sign].
func (w *Webhook) Sign(id string, at time.Time, payload []byte) (string, error) {
	signature, err := w.SigningSecret.Sign(id, at, payload)
	if err != nil || !w.SignsWithPrevious(at) {
		return signature, err
	}
	previous, err := w.PreviousSigningSecret.Sign(id, at, payload)
	return signature + " " + previous, err
}

// SignsWithPrevious reports whether the signing secret before the current one is valid at this moment.
func (w *Webhook) SignsWithPrevious(at time.Time) bool {
	return w.PreviousSigningSecret != "" && at.Before(w.PreviousSigningSecretUntil)
}

func checkName(fields *Fields, name string) { checkNameLike(fields, name, "Salesforce Sync") }

// checkNameLike checks a name of whatever kind; example is a good one.
func checkNameLike(fields *Fields, name, example string) {
	switch {
	case name == "":
		fields.Add("/name", `is missing; use a descriptive one, such as "`+example+`"`)
	case utf8.RuneCountInString(name) > MaxName:
		fields.Add("/name", fmt.Sprintf("is longer than %d characters", MaxName))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		fields.Add("/name", "must not contain control characters")
	}
}

func checkURL(fields *Fields, pointer, raw string, allowHTTP bool) {
	if raw == "" {
		fields.Add(pointer, `is missing; use your endpoint's HTTPS URL, such as "https://example.com/webhooks"`)
		return
	}
	if len(raw) > MaxURL {
		fields.Add(pointer, fmt.Sprintf("is longer than %d bytes", MaxURL))
		return
	}
	parsed, err := url.Parse(raw)
	switch {
	case err != nil || !utf8.ValidString(raw) || strings.ContainsFunc(raw, isControlOrSpace),
		parsed.Hostname() == "", !isPort(parsed.Port()):
		fields.Add(pointer, `is not a URL; use the form "https://example.com/webhooks"`)
	case !isPlainHost(parsed):
		fields.Add(pointer, "must have a host name or a plain IP address, such as 203.0.113.7")
	case parsed.User != nil:
		fields.Add(pointer, "must not contain a user name or password; they belong in authentication")
	case parsed.Scheme == "http" && allowHTTP, parsed.Scheme == "https":
	default:
		fields.Add(pointer, "must start with https://")
	}
}

func isControlOrSpace(r rune) bool {
	return unicode.IsControl(r) || unicode.IsSpace(r)
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && port > 0
}
