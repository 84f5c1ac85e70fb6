package console

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// deliveriesPage is what the template deliveries shows: the filters and, below them, the table.
type deliveriesPage struct {
	Query       query
	Spans       []spanLink
	Statuses    []option
	Webhooks    []option
	MoreThanMax bool     // there are more webhooks than the filter offers
	EventTypes  []string // suggested; any can be looked for
	Filtered    bool
	Searches    []service.SearchLink // in the Temporal Web UI
	Matching    *matching
	Table       table
}

// option is an entry of a select.
type option struct {
	Value, Label string
	Selected     bool
}

// table is the part of the page that keeps itself up to date.
type table struct {
	pager
	Rows     []row
	MayRetry bool
	Empty    string    // why there are no rows: one of the constants below
	LiveURL  string    // where this part alone is served
	BackURL  string    // the page that this part belongs to
	Origin   string    // of this server, for the commands of a first start
	Now      time.Time // relative times are counted from here
	ETag     string
}

// Why a table has no rows.
const (
	emptyNoWebhooks   = "no webhooks"
	emptyNoDeliveries = "no deliveries"
	emptyFiltered     = "filtered"
)

// deliveries shows "Recent Deliveries".
func (c *Console) deliveries(w http.ResponseWriter, r *http.Request, s session) error {
	query, mistake := readQuery(r.URL.Query(), webhook.DeliveryPrefix)
	body, err := c.deliveriesPage(r, s, query)
	if words, ok := tooCommon(err); ok {
		query.Query, mistake = "", words
		body, err = c.deliveriesPage(r, s, query)
	}
	if err != nil {
		return err
	}
	view := page{Title: "Recent Deliveries", Session: &s, Notice: c.takeNotice(w, r), Body: body}
	if mistake != "" {
		view.Notice = &notice{Text: mistake}
	}
	return c.show(w, r, http.StatusOK, "deliveries.html", view)
}

func (c *Console) deliveriesPage(r *http.Request, s session, query query) (deliveriesPage, error) {
	webhooks, err := c.service.Webhooks(r.Context(), s.AccountID, store.Page{Limit: mostOffered})
	if err != nil {
		return deliveriesPage{}, err
	}
	names, err := c.eventTypeNames(r, s, mostOffered)
	if err != nil {
		return deliveriesPage{}, err
	}
	shown, err := c.liveTable(r, s, query)
	if err != nil {
		return deliveriesPage{}, err
	}
	var all *matching
	if len(shown.Rows) > 0 {
		if all, err = c.matching(r, s, query); err != nil {
			return deliveriesPage{}, err
		}
	}
	return deliveriesPage{
		Matching: all, Query: query, Spans: query.spans(deliveriesPath), EventTypes: names,
		Statuses: statusOptions(query.Status), Webhooks: webhookOptions(webhooks, query.WebhookID),
		MoreThanMax: len(webhooks) == mostOffered,
		Filtered:    query.DeliveryFilter != store.DeliveryFilter{}, Table: shown,
		Searches: c.service.SearchLinks(s.AccountID, query.WebhookID),
	}, nil
}

// liveDeliveries sends the table whenever it changes.
func (c *Console) liveDeliveries(w http.ResponseWriter, r *http.Request, s session) error {
	return c.watch(w, r, s, func(ctx context.Context) (part, error) {
		query, _ := readQuery(r.URL.Query(), webhook.DeliveryPrefix) // each time: what is recent moves on
		shown, err := c.liveTable(r.WithContext(ctx), s, query)
		return c.part(r, "deliveries.html", "table", shown.ETag, shown), err
	})
}

// liveTable looks up a page of what the table shows for a query, with its ETag.
func (c *Console) liveTable(r *http.Request, s session, query query) (table, error) {
	shown, err := c.table(r, s, query, pageSize)
	if err != nil {
		return table{}, err
	}
	timeless := shown
	timeless.Now = time.Time{}
	shown.ETag, err = c.etag("deliveries.html", "table", timeless)
	return shown, err
}

// table looks up what the table shows for a query, up to limit rows.
func (c *Console) table(r *http.Request, s session, query query, limit int) (table, error) {
	// One more than a page tells whether there is another.
	deliveries, err := c.service.Deliveries(r.Context(), s.AccountID, query.DeliveryFilter,
		store.Page{Before: query.Cursor, Limit: limit + 1})
	if err != nil {
		return table{}, err
	}
	shown := table{
		LiveURL: query.url(deliveriesPath + live), BackURL: query.url(deliveriesPath), Origin: originOf(r), Now: time.Now(),
		MayRetry: s.May(webhook.ScopeManage),
	}
	deliveries, shown.pager = onePage(deliveries, limit, query.Cursor, func(d webhook.Delivery) string { return d.ID },
		func(cursor string) string { return query.from(cursor).url(deliveriesPath) })
	for _, d := range deliveries {
		shown.Rows = append(shown.Rows, newRow(d, query.url(deliveriesPath+"/"+d.ID), c.service.WorkflowURL(d.ID)))
	}
	if len(shown.Rows) == 0 {
		if shown.Empty, err = c.whyEmpty(r.Context(), s.AccountID, query); err != nil {
			return table{}, err
		}
	}
	return shown, nil
}

func (c *Console) whyEmpty(ctx context.Context, accountID string, query query) (string, error) {
	if query.narrows() {
		return emptyFiltered, nil
	}
	webhooks, err := c.service.Webhooks(ctx, accountID, store.Page{Limit: 1})
	if err != nil {
		return "", err
	}
	if len(webhooks) == 0 {
		return emptyNoWebhooks, nil
	}
	return emptyNoDeliveries, nil
}

// etag changes when anything that a part of a page shows does. Data is without what changes as time passes.
func (c *Console) etag(name, part string, data any) (string, error) {
	text, err := c.pages.render(name, part, data)
	if err != nil {
		return "", err
	}
	const enough = 16
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:enough]) + `"`, nil
}

func statusOptions(selected webhook.Status) []option {
	options := []option{{Label: "All", Selected: selected == ""}}
	for _, status := range webhook.Statuses() {
		options = append(options, option{string(status), statusOf(status).Words, status == selected})
	}
	return options
}

// webhookOptions offers the webhooks by name. One that the list is narrowed to is offered even when it was
// deleted or is too old to be among them.
func webhookOptions(webhooks []webhook.Webhook, selected string) []option {
	options := []option{{Label: "All", Selected: selected == ""}}
	found := selected == ""
	for _, w := range webhooks {
		label := w.Name
		if !w.Enabled {
			label += " (disabled)"
		}
		options = append(options, option{w.ID, label, w.ID == selected})
		found = found || w.ID == selected
	}
	if !found {
		options = append(options, option{selected, selected, true})
	}
	return options
}

// originOf returns the address of this server as the visitor's browser knows it.
func originOf(r *http.Request) string {
	if encrypted(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
