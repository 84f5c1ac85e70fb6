package console

import (
	"slices"
	"strconv"
	"strings"

	"github.com/durahook/durahook/internal/version"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/webhook"
)

// request is what an endpoint is sent, with bullets for what is secret.
type request struct {
	Number  int // of the attempt that it is of; the first, when there is none yet
	Made    bool
	URL     string
	Headers []header
	Payload text
	Curl    string // the command that repeats it
}

const bullets = "••••"

// requestOf returns the request of the last attempt, to where and as whom the webhook sends now.
func requestOf(found service.Inspection) request {
	d := found.Delivery
	shown := request{Number: 1, URL: found.Webhook.URL, Payload: newText(found.Payload, false)}
	timestamp := ""
	if n := len(found.Attempts); n > 0 {
		last := found.Attempts[n-1]
		shown.Number, shown.Made, timestamp = last.Number, true, strconv.FormatInt(last.StartedAt.Unix(), 10)
	}
	shown.Headers = []header{
		{"content-type", "application/json"},
		{"user-agent", "durahook/" + version.Version()},
		{webhook.HeaderID, d.EventID},
		{webhook.HeaderEvent, d.Event},
		{webhook.HeaderAttempt, strconv.Itoa(shown.Number)},
	}
	if timestamp != "" {
		shown.Headers = append(shown.Headers, header{webhook.HeaderTimestamp, timestamp})
	}
	repeated := slices.Clone(shown.Headers)
	secret := func(name, prefix, placeholder string) {
		shown.Headers = append(shown.Headers, header{name, prefix + bullets})
		repeated = append(repeated, header{name, prefix + placeholder})
	}
	secret(webhook.HeaderSignature, "", "SIGNATURE")
	if name, prefix := found.Webhook.Authentication.ShownHeader(); name != "" {
		secret(strings.ToLower(name), prefix, "SECRET")
	}
	shown.Curl = curl(shown.URL, repeated, found.Payload)
	return shown
}

// curl returns the command that makes a request. A payload that is too long for a command is read from a file.
func curl(url string, headers []header, payload []byte) string {
	var command strings.Builder
	command.WriteString("curl --include " + quote(url))
	for _, h := range headers {
		command.WriteString(" \\\n  -H " + quote(h.Name+": "+h.Value))
	}
	if len(payload) > webhook.KeptBody {
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
