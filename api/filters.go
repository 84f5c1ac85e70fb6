package api

import (
	"fmt"
	"slices"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// id reads a parameter that is an ID, of what is called noun. One that is well-formed need not exist.
func (q *query) id(name, prefix, noun string) string {
	id := q.get(name)
	if id != "" && webhook.CheckID(prefix, id) != nil {
		q.fields.Add("/"+name, fmt.Sprintf("is not the ID of %s; it begins with %s_", noun, prefix))
	}
	return id
}

// eventType reads a parameter that is the name of an event type, which need not exist.
func (q *query) eventType() string {
	name := q.get("event")
	if name != "" && !webhook.IsEventTypeName(name) {
		q.fields.Add("/event", `is not the name of an event type, such as "call.ended"`)
	}
	return name
}

func (q *query) status() webhook.Status {
	status := webhook.Status(q.get("status"))
	if status != "" && !slices.Contains(webhook.Statuses(), status) {
		q.fields.Add("/status", "must be one of pending, waiting, delivered, exhausted, cancelled, discarded")
	}
	return status
}

// statusCodes reads a status code, such as 503, or a class of them, such as 5xx.
func (q *query) statusCodes() store.StatusCodes {
	text := q.get("status_code")
	codes, ok := store.ParseStatusCodes(text)
	if text != "" && !ok {
		q.fields.Add("/status_code", "must be a status code from 100 to 599, or a class of them such as 5xx")
	}
	return codes
}

// span reads the stretch of time from since to until of time. The zero time stands for a parameter that is not there.
func (q *query) span() (since, until time.Time) {
	since, until = q.time("since"), q.time("until")
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		q.fields.Add("/until", "must be after since")
	}
	return since, until
}

func (q *query) time(name string) time.Time {
	text := q.get(name)
	at, ok := webhook.ParseTime(text)
	if text != "" && (!ok || at.Year() < 1 || at.Year() > 9999) {
		q.fields.Add("/"+name, `is not a time in RFC 3339; use the form "2025-02-02T14:30:00Z", with %2B for the + of an offset`)
		return time.Time{}
	}
	return at
}

// search reads what to look for.
func (q *query) search() string {
	value := q.get("q")
	if len(value) > webhook.MaxSearch {
		q.fields.Add("/q", fmt.Sprintf("must have at most %d bytes", webhook.MaxSearch))
	}
	return value
}
