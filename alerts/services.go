package alerts

import (
	"strings"
	"time"
)

// The services take a POST with JSON each, so there is nothing to a library for them but its HTTP client, which has to
// be ours: it connects to public addresses only, in bounded time.

// slack is what incoming webhooks of Slack take, and of others that understand the same.
func slack(m Message) any {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗").Replace
	return map[string]string{"text": m.text("*"+escape(m.Title)+"*", "\n• ", func(line Line) string {
		if line.URL == "" {
			return escape(line.Text)
		}
		return escape(line.Text) + " <" + line.URL + "|" + line.Label + ">"
	})}
}

// discord is what webhooks of Discord take: at most 2,000 characters. Nobody is mentioned, whatever a name says.
func discord(m Message) any {
	const most = 2000
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, "[", `\[`, "]", `\]`, "<", `\<`).Replace
	text := m.text("**"+escape(m.Title)+"**", "\n- ", func(line Line) string {
		if line.URL == "" {
			return escape(line.Text)
		}
		return escape(line.Text) + " [" + line.Label + "](<" + line.URL + ">)"
	})
	return map[string]any{"content": short(text, most), "allowed_mentions": map[string]any{"parse": []string{}}}
}

// short cuts a text to so many characters.
func short(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// text joins a message's lines, each written by a function.
func (m Message) text(title, bullet string, write func(Line) string) string {
	var text strings.Builder
	text.WriteString(title)
	for _, line := range m.Lines {
		text.WriteString(bullet + write(line))
	}
	if m.More != "" {
		text.WriteString("\n" + m.More)
	}
	return text.String()
}

// teams is what a workflow of Microsoft Teams takes that posts what its webhook gets: a message with an adaptive card.
func teams(m Message) any {
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`").Replace
	block := func(text string) map[string]any {
		return map[string]any{"type": "TextBlock", "text": text, "wrap": true}
	}
	title := block(escape(m.Title))
	title["weight"], title["size"] = "Bolder", "Medium"
	body := []any{title}
	for _, line := range m.Lines {
		text := escape(line.Text)
		if line.URL != "" {
			text += " [" + line.Label + "](" + line.URL + ")"
		}
		body = append(body, block(text))
	}
	if m.More != "" {
		body = append(body, block(m.More))
	}
	return map[string]any{"type": "message", "attachments": []any{map[string]any{
		"contentType": "application/vnd.microsoft.card.adaptive",
		"content": map[string]any{
			"type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.4", "body": body,
		},
	}}}
}

// pagerDutyURL is where events of PagerDuty's Events API v2 go.
func pagerDutyURL(region string) string {
	if region == "eu" {
		return "https://events.eu.pagerduty.com/v2/enqueue"
	}
	return "https://events.pagerduty.com/v2/enqueue"
}

// pagerDuty is an event of PagerDuty's Events API v2 for each line. What happens to the same webhook again, while its
// incident is open, is added to that.
func pagerDuty(routingKey string, m Message) []any {
	const most = 1024 // characters of a summary
	var events []any
	for _, line := range m.Lines {
		event := map[string]any{
			"routing_key": routingKey, "event_action": "trigger", "dedup_key": line.Incident, "client": "durahook",
			"payload": map[string]any{
				"summary": short(line.Text, most), "source": "durahook", "severity": line.Severity, "timestamp": line.At.UTC().Format(time.RFC3339),
			},
		}
		if line.URL != "" {
			event["client_url"] = line.URL
			event["links"] = []any{map[string]string{"href": line.URL, "text": line.Label}}
		}
		events = append(events, event)
	}
	return events
}
