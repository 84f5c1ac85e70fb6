package console

import (
	"net/url"
	"slices"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// query is what the address of a list asks for, in the API's words.
type query struct {
	store.DeliveryFilter
	Cursor string // the ID of the last entry of the page before
}

// readQuery reads the parameters of a list. Those that make no sense are left out; mistake says so.
func readQuery(values url.Values) (read query, mistake string) {
	read.Status = webhook.Status(values.Get("status"))
	read.WebhookID = values.Get("webhook_id")
	read.Cursor = values.Get("cursor")
	if read.Status != "" && !slices.Contains(webhook.Statuses(), read.Status) {
		read.Status, mistake = "", "There is no such status; deliveries with any are shown."
	}
	if read.WebhookID != "" && webhook.CheckID(webhook.WebhookPrefix, read.WebhookID) != nil {
		read.WebhookID, mistake = "", "There is no such webhook; deliveries to all of them are shown."
	}
	if read.Cursor != "" && webhook.CheckID(webhook.DeliveryPrefix, read.Cursor) != nil {
		read.Cursor, mistake = "", "There is no such place in the list; the newest deliveries are shown."
	}
	return read, mistake
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
		"status": string(q.Status), "webhook_id": q.WebhookID, "cursor": q.Cursor,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return (&url.URL{Path: path, RawQuery: values.Encode()}).String()
}
