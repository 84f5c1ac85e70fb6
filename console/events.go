package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// eventsPage is what the template events shows.
type eventsPage struct {
	pager
	Query      query
	Spans      []spanLink
	EventTypes []string // suggested; any can be looked for
	Rows       []eventRow
	MayPublish bool
	Filtered   bool
}

// eventRow is an event as the list shows it.
type eventRow struct {
	ID, URL, Event     string
	Test               bool
	Timestamp, Created time.Time
	DeliveriesURL      string
}

func newEventRow(e webhook.Event) eventRow {
	var of query
	of.EventID = e.ID
	return eventRow{
		ID: e.ID, URL: eventsPath + "/" + e.ID, Event: e.Event, Test: e.Test,
		Timestamp: e.Timestamp.UTC(), Created: e.CreatedAt.UTC(), DeliveriesURL: of.url(deliveriesPath),
	}
}

// events shows the list of what was published.
func (c *Console) events(w http.ResponseWriter, r *http.Request, s session) error {
	query, mistake := readQuery(r.URL.Query(), webhook.EventPrefix)
	filter := store.EventFilter{Event: query.Event, Since: query.Since, Until: query.Until, Query: query.Query}
	// One more than a page tells whether there is another.
	asked := store.Page{Before: query.Cursor, Limit: pageSize + 1}
	found, err := c.service.Events(r.Context(), s.AccountID, filter, asked)
	if words, ok := tooCommon(err); ok {
		query.Query, filter.Query, mistake = "", "", words
		found, err = c.service.Events(r.Context(), s.AccountID, filter, asked)
	}
	if err != nil {
		return err
	}
	names, err := c.eventTypeNames(r, s, mostOffered)
	if err != nil {
		return err
	}
	body := eventsPage{Query: query, Spans: query.spans(eventsPath), EventTypes: names, MayPublish: s.May(webhook.ScopePublish), Filtered: filter != store.EventFilter{}}
	found, body.pager = onePage(found, pageSize, query.Cursor, func(e webhook.Event) string { return e.ID },
		func(cursor string) string { return query.from(cursor).url(eventsPath) })
	for _, e := range found {
		body.Rows = append(body.Rows, newEventRow(e))
	}
	view := page{Title: "Events", Session: &s, Notice: c.takeNotice(w, r), Body: body}
	if mistake != "" {
		view.Notice = &notice{Text: mistake}
	}
	return c.show(w, r, http.StatusOK, "events.html", view)
}

// eventTypeNames returns the names of the account's event types, of so many at most.
func (c *Console) eventTypeNames(r *http.Request, s session, most int) ([]string, error) {
	types, err := c.service.EventTypes(r.Context(), s.AccountID, store.Page{Limit: most})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.Name
	}
	return names, nil
}

// eventPage is what the page of one event shows.
type eventPage struct {
	eventRow
	Payload    text
	Whole      string     // the address of all of it
	Erased     *time.Time // when its data were; nil when they were not
	Deliveries []row
	Webhooks   []option // that it can be sent to once more; empty for who may not
}

// event shows one event with what it was delivered as.
func (c *Console) event(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.Event(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	body := eventPage{eventRow: newEventRow(found.Event), Payload: newText(found.Event.Payload, false, shownAnswer), Whole: eventsPath + "/" + found.Event.ID + "/payload", Erased: found.Event.ErasedAt}
	for _, d := range found.Deliveries[:min(len(found.Deliveries), pageSize)] {
		body.Deliveries = append(body.Deliveries, newRow(d, deliveriesPath+"/"+d.ID, c.service.WorkflowURL(d.ID)))
	}
	if s.May(webhook.ScopeManage) && !found.Event.Test && found.Event.ErasedAt == nil {
		if body.Webhooks, err = c.republishTargets(r, s); err != nil {
			return err
		}
	}
	view := page{Title: found.Event.Event, Session: &s, Notice: c.takeNotice(w, r), Body: body}
	return c.show(w, r, http.StatusOK, "event.html", view)
}

// payload sends the payload of an event as it was published, as text: browsers show it, and curl saves it.
func (c *Console) payload(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.Event(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.send(w, http.StatusOK, found.Event.Payload)
	return nil
}

// republishTargets offers the enabled webhooks.
func (c *Console) republishTargets(r *http.Request, s session) (options []option, err error) {
	webhooks, err := c.service.Webhooks(r.Context(), s.AccountID, store.Page{Limit: mostOffered})
	if err != nil {
		return nil, err
	}
	for _, w := range webhooks {
		if w.Enabled {
			options = append(options, option{Value: w.ID, Label: w.Name})
		}
	}
	return options, nil
}

// republish delivers an event to one more webhook and shows that delivery.
func (c *Console) republish(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	d, err := c.service.Republish(r.Context(), s.AccountID, id, webhook.Republication{WebhookID: r.PostForm.Get("webhook_id")})
	if err != nil {
		return c.afterDeed(w, r, "", eventsPath+"/"+id, err)
	}
	return c.afterDeed(w, r, "Sending "+d.Event+" to "+d.WebhookName+" once more.", deliveriesPath+"/"+d.ID, nil)
}

// publishPage is the form that publishes an event by hand.
type publishPage struct {
	*form
	EventTypes []option
	Many       bool   // more of them than a select is good for
	LeftOut    string // the event type whose example is too long for the form; empty when none is
}

// publishForm shows the form with the example of the event type in the address.
func (c *Console) publishForm(w http.ResponseWriter, r *http.Request, s session) error {
	chosen := r.URL.Query().Get("event")
	if chosen == "" {
		chosen = firstEventType
	}
	found, err := c.service.EventType(r.Context(), s.AccountID, chosen)
	if err != nil {
		return err
	}
	filled := newForm(url.Values{"event": {chosen}})
	body := publishPage{form: filled}
	example := newText(found.Example, false, shownExample)
	if example.Cut {
		example = newText(webhook.EventWithoutData(chosen, time.Now()), false, shownExample)
		body.LeftOut = chosen
	}
	filled.values.Set("payload", example.Text)
	return c.showPublishForm(w, r, s, http.StatusOK, body)
}

// firstEventType is the one whose example the form begins with.
const firstEventType = "call.ended"

// publish publishes what the form has, as the API would, and shows the event.
func (c *Console) publish(w http.ResponseWriter, r *http.Request, s session) error {
	// Every byte of an event may become three in a form.
	if err := parseForm(w, r, 3*webhook.MaxPayload+maxForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	publication, err := c.service.Publish(r.Context(), s.Principal, s.AccountID, []byte(unixLines(filled.Value("payload"))), nil)
	if err != nil {
		if err := filled.refused(err); err != nil {
			return err
		}
		filled.Undone = "Nothing was published."
		inOneField(filled, "payload")
		return c.showPublishForm(w, r, s, http.StatusUnprocessableEntity, publishPage{form: filled})
	}
	published := publication.Published[0]
	said := "Published. No webhook wants this event, so nothing is sent."
	switch n := len(published.Deliveries); {
	case n == 1:
		said = "Published, and on its way to 1 webhook."
	case n > 1:
		said = "Published, and on its way to " + strconv.Itoa(n) + " webhooks."
	}
	next := eventsPath + "/" + published.Event.ID
	if !s.May(webhook.ScopeRead) {
		next = eventsPath + "/new"
	}
	return c.afterDeed(w, r, said, next, nil)
}

// inOneField puts all that is wrong beside the one field in which all of a request's body is written.
func inOneField(filled *form, name string) {
	detail, ofBody := strings.CutPrefix(filled.Message, "The body ")
	if details := filled.Others(); len(details) > 0 {
		clear(filled.problems)
		filled.wrong(name, "is not right: "+strings.Join(details, "; "))
	} else if ofBody {
		filled.wrong(name, strings.TrimSuffix(detail, "."))
	}
}

func (c *Console) showPublishForm(w http.ResponseWriter, r *http.Request, s session, status int, body publishPage) error {
	names, err := c.eventTypeNames(r, s, webhook.MaxEventTypes)
	if err != nil {
		return err
	}
	for _, name := range slices.DeleteFunc(names, webhook.IsOperational) {
		body.EventTypes = append(body.EventTypes, option{Value: name, Label: name, Selected: body.Is("event", name)})
	}
	body.EventTypes, body.Many = offered(body.EventTypes)
	return c.show(w, r, status, "event_form.html", page{Title: "Publish an event", Session: &s, Notice: c.takeNotice(w, r), Body: body})
}
