package webhook

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MaxAlertChannels is how many alert channels an account can have.
const MaxAlertChannels = 20

// Limits of an alert channel's fields.
const (
	maxAlertTo      = 10  // addresses
	maxMailAddress  = 254 // bytes
	maxRoutingKey   = 128 // bytes
	shortRoutingKey = 16  // bytes; what is shorter is another thing of PagerDuty's
)

// AlertType is the kind of service that a channel reaches people by.
type AlertType string

// The types of alert channels.
const (
	AlertEmail     AlertType = "email"     // addresses; the mail server is the operator's
	AlertSlack     AlertType = "slack"     // an incoming webhook of Slack, or of what understands the same, such as Mattermost
	AlertTeams     AlertType = "teams"     // a workflow of Microsoft Teams that posts what its webhook gets
	AlertDiscord   AlertType = "discord"   // a webhook of a Discord channel
	AlertPagerDuty AlertType = "pagerduty" // an integration of a PagerDuty service, by its routing key
)

// AlertTypes lists them all.
func AlertTypes() []AlertType {
	return []AlertType{AlertEmail, AlertSlack, AlertTeams, AlertDiscord, AlertPagerDuty}
}

// AlertEvents are the operational events that people can be alerted of. That a webhook was disabled is alerted of
// unless its owner did it.
func AlertEvents() []string {
	return []string{EventDeliveryExhausted, EventWebhookFailing, EventWebhookDisabled}
}

// The regions of PagerDuty.
const (
	regionUS = "us"
	regionEU = "eu"
)

// AlertChannel is where an account wants people to be alerted.
type AlertChannel struct {
	ID        string
	AccountID string
	Name      string
	Type      AlertType
	Events    []string // some of [AlertEvents]
	Address   AlertAddress
	LastSent  *time.Time // when the last alert arrived; nil for never
	LastError string     // why the last alert did not, in plain words; empty when it did
	CreatedAt time.Time
	UpdatedAt time.Time
}

// AlertAddress is where exactly a channel sends to: which fields count depends on its type. All of it lies encrypted.
type AlertAddress struct {
	To         []string `json:"to,omitempty"`          // email
	URL        string   `json:"url,omitempty"`         // slack, teams, discord; whoever knows it may post there
	RoutingKey string   `json:"routing_key,omitempty"` // pagerduty; likewise
	Region     string   `json:"region,omitempty"`      // pagerduty: us or eu
}

// Masked returns the address as it may be shown: of a URL its beginning and end, of a routing key its end.
func (a AlertAddress) Masked() AlertAddress {
	a.RoutingKey = Mask(a.RoutingKey)
	if parsed, err := url.Parse(a.URL); a.URL != "" && err == nil {
		a.URL = parsed.Scheme + "://" + parsed.Host + "/" + Mask(strings.TrimPrefix(parsed.RequestURI(), "/"))
	}
	return a
}

// AlertChannelDefinition is what a client says of an alert channel when it creates one.
type AlertChannelDefinition struct {
	Input
	Name   string    `json:"name"`
	Type   AlertType `json:"type"`
	Events []string  `json:"events"` // all of [AlertEvents] when left out

	To         []string `json:"to"`
	URL        string   `json:"url"`
	RoutingKey string   `json:"routing_key"`
	Region     string   `json:"region"`
}

// DefineAlertChannel checks a definition and returns a new alert channel of the account. Everything wrong with the
// definition comes back in one [Error]; that the URL's host has an address that may be sent to is checked by package
// target.
func DefineAlertChannel(accountID string, d AlertChannelDefinition, allowHTTP bool) (AlertChannel, error) {
	fields := d.Wrong()
	c := AlertChannel{
		ID: NewID(AlertChannelPrefix), AccountID: accountID, Name: strings.TrimSpace(d.Name), Type: d.Type, Events: d.Events,
		Address: AlertAddress{To: d.To, URL: d.URL, RoutingKey: d.RoutingKey, Region: d.Region},
	}
	if c.Events == nil {
		c.Events = AlertEvents()
	}
	checkNameLike(&fields, c.Name, "On-call team")
	checkAlertEvents(&fields, c.Events)
	if !slices.Contains(AlertTypes(), d.Type) {
		fields.Add("/type", "must be one of email, slack, teams, discord, pagerduty")
	} else {
		c.Address.check(&fields, d.Type, allowHTTP)
	}
	if err := fields.Err(); err != nil {
		return AlertChannel{}, err
	}
	return c, nil
}

// Targets returns the URLs that a definition names.
func (d AlertChannelDefinition) Targets() []Target {
	if d.URL == "" {
		return nil
	}
	return []Target{{"/url", d.URL}}
}

func checkAlertEvents(fields *Fields, events []string) {
	const pointer = "/events"
	if len(events) == 0 {
		fields.Add(pointer, "is empty; name some of "+strings.Join(AlertEvents(), ", "))
	}
	for i, event := range events {
		at := fmt.Sprintf("%s/%d", pointer, i)
		switch {
		case i >= len(AlertEvents()):
			fields.Add(pointer, fmt.Sprintf("has more than %d entries", len(AlertEvents())))
			return
		case !slices.Contains(AlertEvents(), event):
			fields.Add(at, "is nothing to be alerted of; use some of "+strings.Join(AlertEvents(), ", "))
		case slices.Contains(events[:i], event):
			fields.Add(at, "is there twice")
		}
	}
}

// check fills in defaults and adds what is wrong with an address of a type to fields.
func (a *AlertAddress) check(fields *Fields, t AlertType, allowHTTP bool) {
	belongs := map[AlertType][]string{
		AlertEmail: {"to"}, AlertSlack: {fieldURL}, AlertTeams: {fieldURL}, AlertDiscord: {fieldURL},
		AlertPagerDuty: {"routing_key", "region"},
	}[t]
	given := []struct {
		name  string
		there bool
	}{
		{"to", len(a.To) > 0}, {fieldURL, a.URL != ""}, {"routing_key", a.RoutingKey != ""}, {"region", a.Region != ""},
	}
	for _, field := range given {
		if field.there && !slices.Contains(belongs, field.name) {
			fields.Add("/"+field.name, fmt.Sprintf("does not belong to an alert channel of type %s", t))
		}
	}
	switch t {
	case AlertEmail:
		checkTo(fields, a.To)
	case AlertPagerDuty:
		a.checkPagerDuty(fields)
	default:
		a.checkURL(fields, allowHTTP)
	}
}

func (a *AlertAddress) checkURL(fields *Fields, allowHTTP bool) {
	const pointer = "/url"
	switch {
	case a.URL == "":
		fields.Add(pointer, `is missing; use the address that the service gave you for posting, such as "https://hooks.slack.com/services/…"`)
	case strings.Contains(a.URL, bullets):
		fields.Add(pointer, "is the address as answers show it, with bullets; send the address itself, or leave it out to keep it")
	default:
		checkURL(fields, pointer, a.URL, allowHTTP)
	}
}

func (a *AlertAddress) checkPagerDuty(fields *Fields) {
	const pointer = "/routing_key"
	if a.Region == "" {
		a.Region = regionUS
	}
	if a.Region != regionUS && a.Region != regionEU {
		fields.Add("/region", "must be us or eu")
	}
	isOutsideKey := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}
	switch key := a.RoutingKey; {
	case key == "":
		fields.Add(pointer, "is missing; it is the integration key of an Events API v2 integration")
	case isMasked(key):
		fields.Add(pointer, "is a secret as answers show it, with bullets; send the key itself, or leave it out to keep it")
	case len(key) < shortRoutingKey || len(key) > maxRoutingKey || strings.ContainsFunc(key, isOutsideKey):
		fields.Add(pointer, "is not an integration key of PagerDuty: 32 letters and digits")
	}
}

func checkTo(fields *Fields, to []string) {
	const pointer = "/to"
	if len(to) == 0 {
		fields.Add(pointer, `is missing; name at least one address, such as "oncall@example.com"`)
	}
	if len(to) > maxAlertTo {
		fields.Add(pointer, fmt.Sprintf("has more than %d entries", maxAlertTo))
		return
	}
	for i, address := range to {
		at := fmt.Sprintf("%s/%d", pointer, i)
		parsed, err := mail.ParseAddress(address)
		switch {
		case err != nil || parsed.Address != address || len(address) > maxMailAddress || strings.ContainsFunc(address, isControlOrSpace):
			fields.Add(at, `is not an e-mail address, such as "oncall@example.com"`)
		case slices.Contains(to[:i], address):
			fields.Add(at, "is there twice")
		}
	}
}
