package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/durahook/durahook/internal/version"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/webhook"
)

// request is what an endpoint is sent, with bullets for what is secret.
type request struct {
	Origin  string // in words, where what is shown comes from: the attempt that was made, or the webhook of now
	URL     string
	Headers []header
	Payload text
	Whole   string // the address of the whole payload
	File    bool   // the command reads the payload from a file
	Erased  bool   // the payload
	Curl    string // the command that repeats it
}

const (
	bullets = "••••"
	// longestInCommand is how long a payload may be, in bytes, to stand in the command itself.
	longestInCommand = 3 << 10
)

// requestOf returns the request of the last attempt as it was sent, or, before the first and of attempts that kept no
// headers, as it is made now. Attempts don't keep the URL: it is the webhook's of now.
func requestOf(found service.Inspection) request {
	shown := request{
		URL: found.Webhook.URL, Payload: newText(found.Payload, false, shownPayload),
		Whole: eventsPath + "/" + found.Delivery.EventID + "/payload", File: len(found.Payload) > longestInCommand, Erased: found.Delivery.ErasedAt != nil,
	}
	last := webhook.Attempt{Number: 1}
	if n := len(found.Attempts); n > 0 {
		last = found.Attempts[n-1]
	}
	switch {
	case len(last.RequestHeaders) > 0:
		shown.Headers = newHeaders(last.RequestHeaders)
		shown.Origin = fmt.Sprintf("The headers are those that attempt %d sent, secrets masked. The URL is the webhook’s of now", last.Number)
		if found.Webhook.UpdatedAt.After(last.StartedAt) {
			shown.Origin += "; the webhook was changed since, so it may have been another"
		}
		shown.Origin += "."
	case len(found.Attempts) > 0:
		shown.Headers = rebuilt(found, last)
		shown.Origin = fmt.Sprintf("Attempt %d sent nothing, or what it sent was not kept. This is put together from the webhook of now, secrets masked.", last.Number)
	default:
		shown.Headers = rebuilt(found, last)
		shown.Origin = "As the first attempt will send it, put together from the webhook of now, secrets masked."
	}
	shown.Curl = curl(shown.URL, fillable(shown.Headers), found.Payload)
	return shown
}

// rebuilt returns the headers of an attempt as they would be made now.
func rebuilt(found service.Inspection, a webhook.Attempt) []header {
	headers := []header{
		{"content-type", "application/json"},
		{"user-agent", "durahook/" + version.Version()},
		{webhook.HeaderID, found.Delivery.EventID},
		{webhook.HeaderEvent, found.Delivery.Event},
		{webhook.HeaderAttempt, strconv.Itoa(a.Number)},
		{webhook.HeaderSignature, bullets},
	}
	if !a.StartedAt.IsZero() {
		headers = append(headers, header{webhook.HeaderTimestamp, strconv.FormatInt(a.StartedAt.Unix(), 10)})
	}
	if name, prefix := found.Webhook.Authentication.ShownHeader(); name != "" {
		headers = append(headers, header{strings.ToLower(name), prefix + bullets})
	}
	return headers
}

// fillable returns the headers for a command, with a word to fill in where a secret was, and without those that curl
// sets itself.
func fillable(headers []header) []header {
	headers = slices.DeleteFunc(slices.Clone(headers), func(h header) bool {
		return slices.Contains([]string{"host", "content-length", "accept-encoding"}, strings.ToLower(h.Name))
	})
	for i, h := range headers {
		switch {
		case strings.EqualFold(h.Name, webhook.HeaderSignature):
			headers[i].Value = "SIGNATURE"
		case strings.Contains(h.Value, bullets):
			headers[i].Value = strings.ReplaceAll(h.Value, bullets, "SECRET")
		}
	}
	return headers
}

// curl returns the command that makes a request. A payload that is too long for a command is read from a file.
func curl(url string, headers []header, payload []byte) string {
	var command strings.Builder
	command.WriteString("curl --include " + quote(url))
	for _, h := range headers {
		command.WriteString(" \\\n  -H " + quote(h.Name+": "+h.Value))
	}
	if len(payload) > longestInCommand {
		command.WriteString(" \\\n  --data-binary @payload.json")
	} else {
		command.WriteString(" \\\n  --data-binary " + quote(string(payload)))
	}
	return command.String()
}

// quote returns a text as one word of a shell's command.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
