package console

import "github.com/durahook/durahook/webhook"

// span is a part of an attempt's time, in the order in which they come. The bar that shows it lies on a line of
// [spanLine].
type span struct {
	Name, Words  string
	Start, Width int // of the bar; nothing is drawn without a width
}

// spanLine is how long the line is on which an attempt's whole time is drawn.
const spanLine = 1000

// spansOf returns where the time of an attempt went; nothing where that isn't known.
func spansOf(a webhook.Attempt) []span {
	if a.Timing == nil {
		return nil
	}
	var spans []span
	spent := 0
	add := func(name string, ms *int) {
		if ms == nil {
			return
		}
		start := min(spent*spanLine/max(a.ResponseTimeMS, 1), spanLine-visible)
		width := max(min(*ms*spanLine/max(a.ResponseTimeMS, 1), spanLine-start), visible)
		spent += *ms
		spans = append(spans, span{name, formatMilliseconds(*ms), start, width})
	}
	add("DNS", a.Timing.DNSMS)
	if a.Timing.Reused {
		spans = append(spans, span{Name: "Connect", Words: "reused"})
	}
	add("Connect", a.Timing.ConnectMS)
	add("TLS", a.Timing.TLSMS)
	firstByte := "First byte"
	waited := a.Timing.FirstByteMS
	if a.Outcome == webhook.OutcomeTimeout && waited != nil && a.ResponseTimeMS-spent-*waited < givingUp {
		firstByte = "No answer" // it never came
	}
	add(firstByte, waited)
	rest := max(0, a.ResponseTimeMS-spent)
	add("Rest", &rest)
	return append(spans, span{Name: "Total", Words: formatMilliseconds(a.ResponseTimeMS)})
}

// givingUp is how many milliseconds it may take at most from the end of the wait to the end of the attempt.
const givingUp = 500

// visible is how wide a bar is at least.
const visible = 6
