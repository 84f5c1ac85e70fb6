package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/durahook/durahook/internal/terminal"
	"github.com/durahook/durahook/webhook"
)

const (
	clock  = "15:04:05.000"
	indent = "      "

	maxShownHeader  = 200      // bytes of a header's value
	maxShownHeaders = 20       // of one delivery
	maxShownBody    = 16 << 10 // bytes, after indentation
)

// show writes a delivery for a person to read, in one piece.
func (r *Receiver) show(d *delivery) error {
	var text bytes.Buffer
	r.writeHeading(&text, d)
	if d.request.Method == http.MethodPost {
		r.writeFields(&text, d)
		r.writeBody(&text, d.body)
	}
	r.writeAnswer(&text, d)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.output.Write(text.Bytes()); err != nil {
		return fmt.Errorf("show a delivery: %w", err)
	}
	return nil
}

func (r *Receiver) writeHeading(text *bytes.Buffer, d *delivery) {
	what := d.request.Method + " " + d.request.URL.RequestURI()
	if event := eventName(d); event != "" {
		what = event
	}
	fmt.Fprintf(text, "%s  %s", r.paint.Dim(d.at.Format(clock)), r.paint.Bold(header(what)))
	if attempt := d.request.Header.Get(webhook.HeaderAttempt); attempt != "" {
		fmt.Fprintf(text, "  attempt %s", header(attempt))
	}
	text.WriteByte('\n')
}

// eventName takes the event from its header, or from the body when the sender isn't durahook.
func eventName(d *delivery) string {
	if name := d.request.Header.Get(webhook.HeaderEvent); name != "" {
		return name
	}
	var body struct {
		Event string `json:"event"`
	}
	if err := json.Unmarshal(d.body, &body); err != nil {
		return "" // not JSON, or an event that is not a string: the body is shown as it is
	}
	return body.Event
}

func (r *Receiver) writeFields(text *bytes.Buffer, d *delivery) {
	if id := d.request.Header.Get(webhook.HeaderID); id != "" {
		r.writeField(text, "webhook-id", header(id))
	} else {
		r.writeField(text, "webhook-id", r.paint.Yellow("none"))
	}
	if !d.firstSeen.IsZero() {
		r.writeField(text, "duplicate", r.paint.Yellow("the same webhook-id came at "+d.firstSeen.Format(clock)))
	}
	if d.body != nil {
		r.writeField(text, "signature", r.signature(d.signature))
	}
	for i, line := range credentials(d.request.Header) {
		label := ""
		if i == 0 {
			label = "headers"
		}
		r.writeField(text, label, line)
	}
}

func (r *Receiver) writeField(text *bytes.Buffer, label, value string) {
	fmt.Fprintf(text, "  %s  %s\n", r.paint.Dim(fmt.Sprintf("%-10s", label)), value)
}

func (r *Receiver) signature(v verdict) string {
	switch v.state {
	case signatureOK:
		return r.paint.Green("ok")
	case signatureBad:
		return r.paint.Red("bad: " + terminal.Visible(v.reason))
	default:
		return r.paint.Yellow("not verified: no --secret given")
	}
}

// plainHeaders prove nothing about the sender and are not shown.
func plainHeaders() []string {
	return []string{
		"Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Forwarded",
		"Traceparent", "Tracestate", "User-Agent", "Via", "X-Real-Ip",
	}
}

// credentials lists the headers that may prove who the sender is – all but the usual ones – with their
// values masked.
func credentials(headers http.Header) []string {
	var lines []string
	for name, values := range headers {
		if slices.Contains(plainHeaders(), name) || strings.HasPrefix(name, "Webhook-") ||
			strings.HasPrefix(name, "X-Forwarded-") {
			continue
		}
		for _, value := range values {
			lines = append(lines, header(name)+": "+header(masked(name, value)))
		}
	}
	slices.Sort(lines)
	if more := len(lines) - maxShownHeaders; more > 0 {
		lines = append(lines[:maxShownHeaders], fmt.Sprintf("and %d more", more))
	}
	return lines
}

// masked leaves of a credential what a person can recognise it by: the scheme and the last four characters.
func masked(name, value string) string {
	scheme, secret, found := strings.Cut(value, " ")
	if found && (name == "Authorization" || name == "Proxy-Authorization") {
		return scheme + " " + webhook.Mask(secret)
	}
	return webhook.Mask(value)
}

func (r *Receiver) writeBody(text *bytes.Buffer, body []byte) {
	if body == nil {
		return
	}
	if len(body) == 0 {
		r.writeField(text, "body", "empty")
		return
	}
	r.writeField(text, "body", fmt.Sprintf("%d bytes", len(body)))
	shown := pretty(body)
	rest := 0
	if len(shown) > maxShownBody {
		rest = len(shown) - maxShownBody
		shown = shown[:maxShownBody]
	}
	for line := range strings.Lines(shown) {
		text.WriteString(indent + terminal.Visible(strings.TrimSuffix(line, "\n")) + "\n")
	}
	if rest > 0 {
		text.WriteString(indent + r.paint.Dim(fmt.Sprintf("… and %d bytes more", rest)) + "\n")
	}
}

func (r *Receiver) writeAnswer(text *bytes.Buffer, d *delivery) {
	line := fmt.Sprintf("%d %s", d.status, http.StatusText(d.status))
	if d.status < 300 {
		line = r.paint.Green(line)
	} else {
		line = r.paint.Red(line)
	}
	if d.slept > 0 {
		line += " after " + d.slept.Round(time.Millisecond).String()
	}
	if d.reason != "" && d.signature.state != signatureBad { // which says it already
		line += ": " + terminal.Visible(d.reason)
	}
	r.writeField(text, "answered", line)
	text.WriteByte('\n')
}
