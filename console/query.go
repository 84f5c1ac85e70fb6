package console

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// query is what the address of a list asks for, in the API's words.
type query struct {
	store.DeliveryFilter
	Last   string // the recent time, see [recentTimes], that Since is the beginning of; empty for a time of its own
	Cursor string // the ID of the last entry of the page before
}

// readQuery reads the parameters of a list of what has IDs with this prefix. Those that make no sense are left out;
// mistake says so.
func readQuery(values url.Values, prefix string) (read query, mistake string) {
	read.Status = webhook.Status(values.Get("status"))
	read.WebhookID, read.EventID = values.Get("webhook_id"), values.Get("event_id")
	read.Event, read.Query = values.Get("event"), values.Get("q")
	read.Cursor = values.Get("cursor")
	for _, name := range []struct {
		value   *string
		fits    func(string) bool
		mistake string
	}{
		{(*string)(&read.Status), isStatus, "There is no such status; deliveries with any are shown."},
		{&read.WebhookID, isID(webhook.WebhookPrefix), "There is no such webhook; deliveries to all of them are shown."},
		{&read.EventID, isID(webhook.EventPrefix), "There is no such event; deliveries of all of them are shown."},
		{&read.Event, webhook.IsEventTypeName, "There is no such event type; deliveries of all of them are shown."},
		{&read.Cursor, isID(prefix), "There is no such place in the list; the newest entries are shown."},
	} {
		if *name.value != "" && !name.fits(*name.value) {
			*name.value, mistake = "", name.mistake
		}
	}
	if len(read.Query) > webhook.MaxSearch || !utf8.ValidString(read.Query) || strings.ContainsRune(read.Query, 0) {
		read.Query, mistake = "", "There is no such value: none that can be looked for is that long, or of such characters."
	}
	codes, ok := store.ParseStatusCodes(values.Get("status_code"))
	if read.StatusCodes = codes; !ok && values.Get("status_code") != "" {
		mistake = "There is no such status code; use one such as 503, or a class of them such as 5xx."
	}
	sinceOK := read.readSince(values["since"])
	var untilOK bool
	read.Until, untilOK = readTime(values.Get("until"))
	if !sinceOK || !untilOK {
		mistake = "There is no such time; use the form 2025-02-02T14:30, in UTC, or 1h, 24h or 7d for what is that recent."
	}
	if mistake == "" && !read.Until.IsZero() && read.Until.Before(read.Since) {
		mistake = "Until is before since, so nothing can be in between."
	}
	return read, mistake
}

// readSince reads when the list begins, which a form may send twice: the recent time that was chosen before, and what
// is in the field, which counts.
func (q *query) readSince(texts []string) (ok bool) {
	text := ""
	for _, one := range texts {
		text = cmp.Or(one, text)
	}
	if q.Since, ok = recentSince(text, time.Now()); ok {
		q.Last = text
		return true
	}
	q.Since, ok = readTime(text)
	return ok
}

func isStatus(text string) bool { return slices.Contains(webhook.Statuses(), webhook.Status(text)) }

func isID(prefix string) func(string) bool {
	return func(text string) bool { return webhook.CheckID(prefix, text) == nil }
}

// fieldTime is the form in which a browser's field for a time sends it; it is in UTC here.
const fieldTime = "2006-01-02T15:04"

// readTime reads a time as the API or a browser's field writes it. It is zero, and fine, when there is none.
func readTime(text string) (at time.Time, ok bool) {
	if text == "" {
		return time.Time{}, true
	}
	for _, form := range []string{fieldTime, fieldTime + ":05"} {
		if at, err := time.Parse(form, text); err == nil && at.Year() > 0 {
			return at, true
		}
	}
	if at, ok := webhook.ParseTime(text); ok && at.Year() > 0 && at.Year() <= 9999 {
		return at, true
	}
	return time.Time{}, false
}

// writeTime returns a time in a form of [time.Time.Format], or nothing for none.
func writeTime(at time.Time, form string) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(form)
}

// SinceField and UntilField are the times as a browser's field wants them. It knows no recent ones.
func (q query) SinceField() string {
	if q.Last != "" {
		return ""
	}
	return writeTime(q.Since, fieldTime+":05")
}

// UntilField is like SinceField.
func (q query) UntilField() string { return writeTime(q.Until, fieldTime+":05") }

// More reports whether the query filters by what the page shows only when it is asked for more.
func (q query) More() bool {
	return q.Event != "" || q.StatusCodes != store.StatusCodes{} || q.SinceField() != "" || !q.Until.IsZero()
}

// narrows reports whether the query leaves deliveries out.
func (q query) narrows() bool { return q != query{} }

// from is the query for the page after the delivery with this ID, or for the first one.
func (q query) from(cursor string) query {
	q.Cursor = cursor
	return q
}

// url returns the path with the query.
func (q query) url(path string) string {
	values := url.Values{}
	for name, value := range map[string]string{
		"status": string(q.Status), "webhook_id": q.WebhookID, "event_id": q.EventID, "event": q.Event,
		"status_code": q.StatusCodes.String(), "since": cmp.Or(q.Last, writeTime(q.Since, time.RFC3339Nano)),
		"until": writeTime(q.Until, time.RFC3339Nano), "q": q.Query, "cursor": q.Cursor,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return (&url.URL{Path: path, RawQuery: values.Encode()}).String()
}
