package webhook

import (
	"encoding/json"
	"slices"
	"strings"
)

// Patch is what a client wants changed about a webhook: a JSON merge patch (RFC 7396) of its definition.
type Patch struct {
	definition Definition
	given      given
}

// given are the names of the fields that are there in a JSON merge patch.
type given []string

// add notes a field, and tells that one which has to have a value, a lasting one, cannot be taken away.
func (g *given) add(wrong *Fields, name string, value json.RawMessage, lasting bool) {
	*g = append(*g, name)
	if lasting && string(value) == "null" {
		wrong.Add("/"+name, "cannot be taken away; leave it out to keep it as it is")
	}
}

func (g given) has(field string) bool { return slices.Contains(g, field) }

// ParsePatch reads a patch, which may have wrong fields: Apply tells them. Fields that are left out stay as they are; "authentication": null takes the
// authentication away, and any other value replaces it as a whole; "filter": null takes the filter away, and "rate_limit": null the
// limit. The other fields cannot be taken away.
func ParsePatch(body []byte) (Patch, error) {
	var p Patch
	if err := DecodeJSON(body, &p.definition); err != nil {
		return Patch{}, err
	}
	for name, value := range members(body) {
		p.given.add(&p.definition.wrong, name, value, slices.Contains([]string{fieldName, fieldURL, fieldEvents}, name))
		if name == fieldAuthentication && kindOf(value) == object && p.definition.Authentication.Type == "" {
			p.definition.wrong.Add("/authentication/type", "is missing; to take the authentication away, send null for authentication")
		}
		if name == fieldSigningAlgorithm {
			p.definition.wrong.Add("/"+name, "cannot be changed here; POST …/rotate-secret moves to another algorithm")
		}
		if name == fieldEnabled {
			p.definition.wrong.Add("/"+name, "cannot be changed here; use POST /v1/webhooks/{id}/enable or POST /v1/webhooks/{id}/disable")
		}
	}
	return p, nil
}

// The fields of a definition.
const (
	fieldName           = "name"
	fieldURL            = "url"
	fieldEvents         = "events"
	fieldFilter         = "filter"
	fieldRateLimit      = "rate_limit"
	fieldAuthentication = "authentication"
	fieldEnabled        = "enabled"

	fieldSigningAlgorithm = "signing_algorithm"
)

// Targets returns the URLs that the patch sets.
func (p Patch) Targets() []Target {
	var targets []Target
	if p.given.has(fieldURL) {
		targets = append(targets, Target{"/url", p.definition.URL})
	}
	return append(targets, p.definition.Authentication.targets()...)
}

// Filter returns the filter that the patch sets, if it sets one; empty for none.
func (p Patch) Filter() (expression string, given bool) {
	return cleanFilter(p.definition.Filter), p.given.has(fieldFilter)
}

// Apply changes the webhook as the patch says, with the checks of [Define]. When it fails, the webhook is
// as it was, and everything wrong with the patch is in one [Error].
func (p Patch) Apply(w *Webhook, catalogue Catalogue, allowHTTP bool) error {
	changed, d := *w, p.definition
	fields := p.definition.Wrong()
	if p.given.has(fieldName) {
		changed.Name = strings.TrimSpace(d.Name)
		checkName(&fields, changed.Name)
	}
	if p.given.has(fieldURL) {
		changed.URL = d.URL
		checkURL(&fields, "/url", d.URL, allowHTTP)
	}
	if p.given.has(fieldEvents) {
		changed.Events = d.Events
		checkEvents(&fields, d.Events, catalogue)
	}
	if expression, given := p.Filter(); given {
		changed.Filter = expression
	}
	if p.given.has(fieldRateLimit) {
		changed.RateLimit = d.rateLimit()
		checkRateLimit(&fields, d.RateLimit)
	}
	if p.given.has(fieldAuthentication) {
		changed.Authentication = d.Authentication
		changed.Authentication.check(&fields, allowHTTP)
	}
	if err := fields.Err(); err != nil {
		return err
	}
	*w = changed
	return nil
}
