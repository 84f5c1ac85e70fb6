package console

import (
	"bytes"
	"encoding/json"
	"html"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/durahook/durahook/webhook"
)

// attempt is one of a delivery's as its page shows it.
type attempt struct {
	Number   int
	Manual   bool
	Why      string // it was made: by whom or what
	Open     bool   // its answer is shown at once
	Answer   answer
	Duration string
	Error    string // why no answer came
	Hint     string // what it means and what to do; empty when all is well
	Started  time.Time
	Sent     []header // empty where nothing was, or it isn't known
	Lane     string   // and why; empty where it isn't known
	Timing   []span   // empty where it isn't known
	Headers  []header
	Answered bool
	Body     text
	// Elsewhere is the address of the page on which its headers and answer are, where this one has no room for them.
	Elsewhere string
	Erased    bool // what was answered
}

// header is one line of a request's or an answer's head.
type header struct{ Name, Value string }

// text is a body as it is shown.
type text struct {
	Text string
	Cut  bool // there was more
}

// A page is to stay under 100 KB, whatever endpoints answer. So much of it is for payloads and answers, in bytes of HTML.
const (
	shownPayload = 10 << 10
	shownExample = 24 << 10 // in the form that publishes it: not at all, if there is more
	shownAnswer  = 16 << 10
	shownAnswers = 20 << 10 // with the headers, of all attempts of a delivery; the others' are a link away
)

// newAttempt returns an attempt of a delivery, which may be a test.
func newAttempt(a webhook.Attempt, test bool) attempt {
	shown := attempt{
		Number: a.Number, Manual: a.Trigger == webhook.TriggerManual, Why: whyMade(a.Trigger, test),
		Answer:   answerOf(&a.Outcome, a.StatusCode),
		Duration: formatMilliseconds(a.ResponseTimeMS), Hint: hintOf(a), Started: a.StartedAt.UTC(),
		Sent: newHeaders(a.RequestHeaders), Timing: spansOf(a), Headers: newHeaders(a.ResponseHeaders),
		Answered: a.StatusCode != nil, Body: newText(a.ResponseBody, len(a.ResponseBody) >= webhook.KeptBody, shownAnswer),
	}
	shown.Lane = laneWords(a)
	if a.Error != nil {
		shown.Error = *a.Error
	}
	return shown
}

// whyMade says what made an attempt happen. A test has a schedule too, of one attempt; but it was a person who asked for it.
func whyMade(trigger webhook.Trigger, test bool) string {
	switch {
	case trigger == webhook.TriggerManual:
		return "somebody asked for it"
	case test:
		return "by Test Webhook"
	default:
		return "by the schedule"
	}
}

// laneWords says in which lane an attempt was made, and why.
func laneWords(a webhook.Attempt) string {
	switch {
	case a.Lane == nil:
		return ""
	case a.LaneReason == nil:
		return *a.Lane
	default:
		return *a.Lane + ", since " + *a.LaneReason
	}
}

func newHeaders(head map[string][]string) (shown []header) {
	for _, name := range slices.Sorted(maps.Keys(head)) {
		for _, value := range head[name] {
			shown = append(shown, header{name, strings.ToValidUTF8(value, "\uFFFD")})
		}
	}
	return shown
}

// size is how many bytes of HTML the headers and the answer take, about.
func (a attempt) size() (bytes int) {
	for _, h := range slices.Concat(a.Sent, a.Headers) {
		const around = 40
		bytes += around + len(html.EscapeString(h.Name)) + len(html.EscapeString(h.Value))
	}
	return bytes + len(html.EscapeString(a.Body.Text))
}

// opened returns an attempt whose answer is shown at once.
func opened(a attempt) attempt {
	a.Open = true
	return a
}

// lay returns an attempt without its headers and answer, which are at this address.
func (a attempt) lay(elsewhere string) attempt {
	a.Sent, a.Headers, a.Body, a.Elsewhere = nil, nil, text{}, elsewhere
	return a
}

// newText returns a body as text, laid out when it is JSON, of which so many bytes of HTML are shown at most.
func newText(body []byte, cut bool, most int) text {
	if len(body) > webhook.KeptBody {
		body, cut = body[:webhook.KeptBody], true
	}
	if !cut {
		body = laidOut(body)
	}
	return fitting(text{strings.ToValidUTF8(string(body), "\uFFFD"), cut}, most)
}

// laidOut returns JSON with a line for each value, and anything else as it is.
func laidOut(body []byte) []byte {
	var lines bytes.Buffer
	if shallow(body) && json.Indent(&lines, body, "", "  ") == nil {
		return lines.Bytes()
	}
	return body
}

// fitting cuts a text to so many bytes of HTML.
func fitting(t text, most int) text {
	for i, r := range t.Text {
		if most -= len(html.EscapeString(string(r))); most < 0 {
			return text{t.Text[:i], true}
		}
	}
	return t
}

// shallow reports whether JSON is nested so little that laying it out cannot make it much larger.
func shallow(body []byte) bool {
	const deepest = 24
	depth := 0
	for _, b := range body { // brackets in strings count too: that is on the safe side
		switch b {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > deepest {
			return false
		}
	}
	return true
}

// slow is from when on an endpoint should answer first and work afterwards.
const slow = 5 * time.Second

const hintSlow = "Answer within 5 seconds: take the event in, answer with success, and process it afterwards."

// hintOf says what an attempt's outcome means and what to do.
func hintOf(a webhook.Attempt) string {
	late := time.Duration(a.ResponseTimeMS)*time.Millisecond > slow
	hint := ""
	switch a.Outcome {
	case webhook.OutcomeSuccess:
	case webhook.OutcomeClientError:
		hint = hintClientError(a.StatusCode)
	case webhook.OutcomeServerError:
		hint = "The endpoint's server has an issue: its log of that moment says which. Once it is mended, retry."
	case webhook.OutcomeTimeout:
		return "The response took too long. " + hintSlow
	case webhook.OutcomeConnectionError:
		return "Nothing was answered. Check that the URL's host name is right, that the server runs and can be reached " +
			"from outside, and that its TLS certificate is valid."
	case webhook.OutcomeBlocked:
		return "The URL leads to an address that is not public. Use one that is, or have the operator admit it with --allow-networks."
	}
	if late {
		return strings.TrimSpace(hint + " " + hintSlow)
	}
	return hint
}

func hintClientError(code *int) string {
	switch {
	case code == nil:
		return ""
	case *code < 400:
		return "Redirects are not followed. Set the webhook's URL to where the endpoint is now."
	case *code == 401 || *code == 403 || *code == 407:
		return "The endpoint did not accept who is asking. Check the webhook's authentication, and how the endpoint verifies the signature."
	case *code == 404 || *code == 405:
		return "Check the webhook's URL: nothing takes a POST there."
	case *code == 410:
		return "The endpoint says that it is gone for good, and so the webhook was disabled."
	case *code == 413:
		return "The endpoint takes no body of this size. Raise its limit."
	case *code == 429:
		return "The endpoint is asked too often. Raise its limit; the time in Retry-After is waited for."
	default:
		return "Check your endpoint: it refused what it was sent. What it answered often says why."
	}
}
