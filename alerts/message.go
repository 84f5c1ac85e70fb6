package alerts

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/durahook/durahook/webhook"
)

// mostLines is how many things a message tells one by one.
const mostLines = 20

// Message is an alert in words.
type Message struct {
	ID    string // of the alert: sent again after a crash, it is the same
	Title string
	Lines []Line
	More  string // what is told of those that have no line; empty for nothing
}

// Line is what happened to one webhook.
type Line struct {
	Text     string
	URL      string // of the page that shows it; empty when it is not known where the console is
	Label    string // what the page is
	Severity Severity
	Incident string // the same for all that happens to the webhook of this kind
	At       time.Time
}

// Severity is how bad it is, in the words of PagerDuty.
type Severity string

// The severities.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityError    Severity = "error"
	SeverityCritical Severity = "critical"
)

// details are the data of the operational events that people are alerted of, which see.
type details struct {
	WebhookName string    `json:"webhook_name"`
	DeliveryID  string    `json:"delivery_id"`
	Event       string    `json:"event"`
	Attempts    int       `json:"attempts"`
	Reason      string    `json:"reason"`
	Since       time.Time `json:"failing_since"`
	DisableAt   time.Time `json:"disable_at"`
	webhook.LastFailure
}

// Compose puts an alert into words. Console is the address of the console, for links to it; empty for none.
func Compose(alert webhook.Alert, console string) (Message, error) {
	message := Message{ID: alert.ID}
	names := make(map[string]string)
	for _, group := range alert.Groups {
		var d details
		if err := json.Unmarshal(group.Data, &d); err != nil {
			return Message{}, fmt.Errorf("read what happened to %s: %w", group.WebhookID, err)
		}
		names[group.WebhookID] = d.WebhookName
		message.Title = d.WebhookName + " needs attention"
		if len(alert.Groups) == 1 {
			message.Title = titleOf(group, d)
		}
		if len(message.Lines) < mostLines {
			message.Lines = append(message.Lines, newLine(alert.Channel.AccountID, group, d, console))
		}
	}
	if len(names) > 1 {
		message.Title = fmt.Sprintf("%d webhooks need attention", len(names))
	}
	if left := len(alert.Groups) - len(message.Lines); left > 0 {
		message.More = fmt.Sprintf("And %d more.", left)
	}
	return message, nil
}

// ComposeTest returns the message that a test sends to a channel.
func ComposeTest(c webhook.AlertChannel, console string) Message {
	return Message{
		ID: webhook.NewID(webhook.AlertPrefix), Title: "Test of the alert channel " + c.Name,
		Lines: []Line{{
			Text:     "This is what alerts of durahook look like here. Nothing has happened: somebody has asked for this test.",
			URL:      link(console, c.AccountID, "/console/alerts", nil),
			Label:    "Alert channels",
			Severity: SeverityInfo, Incident: "durahook test of " + c.ID, At: time.Now(),
		}},
	}
}

func titleOf(group webhook.AlertGroup, d details) string {
	switch group.Event {
	case webhook.EventWebhookDisabled:
		return d.WebhookName + " was disabled"
	case webhook.EventWebhookFailing:
		return d.WebhookName + " keeps failing"
	default:
		return deliveries(group.Count) + " to " + d.WebhookName + " failed"
	}
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}

func newLine(accountID string, group webhook.AlertGroup, d details, console string) Line {
	line := Line{
		URL: link(console, accountID, "/console/webhooks/"+group.WebhookID, nil), Label: "The webhook",
		Incident: "durahook " + group.WebhookID + " " + group.Event, At: group.FirstAt,
	}
	switch group.Event {
	case webhook.EventWebhookDisabled:
		line.Severity = SeverityCritical
		line.Text = fmt.Sprintf("%s was disabled and gets no events. %s Mend its endpoint, enable it, and have what it missed retried.", d.WebhookName, d.Reason)
	case webhook.EventWebhookFailing:
		line.Severity = SeverityWarning
		line.Text = fmt.Sprintf("No attempt of %s has succeeded since %s; the last one ended as %s. It will be disabled if it still fails at %s.",
			d.WebhookName, day(d.Since), d.LastFailure, day(d.DisableAt))
	default:
		line.Severity, line.Label = SeverityError, "The deliveries"
		line.URL = link(console, accountID, "/console/deliveries", url.Values{"webhook_id": {group.WebhookID}, "status": {string(webhook.StatusExhausted)}})
		line.Text = fmt.Sprintf("%s to %s were not accepted in any attempt, the first at %s; the last one ended as %s.",
			deliveries(group.Count), d.WebhookName, day(group.FirstAt), d.LastFailure)
		if group.Count == 1 {
			line.URL, line.Label = link(console, accountID, "/console/deliveries/"+d.DeliveryID, nil), "The delivery"
			line.Text = fmt.Sprintf("%s to %s was not accepted in any attempt; the last one, at %s, ended as %s.",
				d.Event, d.WebhookName, day(group.FirstAt), d.LastFailure)
		}
	}
	if line.URL == "" {
		line.Text += " (" + group.WebhookID + ")"
	}
	return line
}

func day(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 MST") }

// link returns the address of a page of the console for an account.
func link(console, accountID, path string, query url.Values) string {
	if console == "" {
		return ""
	}
	if query == nil {
		query = url.Values{}
	}
	query.Set("account", accountID)
	return strings.TrimSuffix(console, "/") + path + "?" + query.Encode()
}
