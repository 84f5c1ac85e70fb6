package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// eventTypesPage is what the template event_types shows: a page of the catalogue, by name.
type eventTypesPage struct {
	pager
	Query     string
	Groups    []eventTypeGroup
	MayManage bool
}

// shownDescription is how much of a description the list shows, in bytes of HTML: the first sentences.
const shownDescription = 400

// eventTypeGroup are the event types that begin alike.
type eventTypeGroup struct {
	Name  string
	Types []webhook.EventType
}

// eventTypes shows the catalogue of the account.
func (c *Console) eventTypes(w http.ResponseWriter, r *http.Request, s session) error {
	query, mistake := readQuery(url.Values{"q": r.URL.Query()["q"]}, webhook.EventPrefix)
	view := page{Title: "Event types", Session: &s, Notice: c.takeNotice(w, r)}
	if query.Cursor = r.URL.Query().Get("cursor"); query.Cursor != "" && !webhook.IsEventTypeName(query.Cursor) {
		query.Cursor, mistake = "", "There is no such place in the list; the first event types are shown."
	}
	if mistake != "" {
		view.Notice = &notice{Text: mistake}
	}
	types, err := c.service.SearchEventTypes(r.Context(), s.AccountID, query.Query, store.Page{Before: query.Cursor, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	body := eventTypesPage{Query: query.Query, MayManage: s.May(webhook.ScopeManage)}
	types, body.pager = onePage(types, pageSize, query.Cursor, func(t webhook.EventType) string { return t.Name },
		func(cursor string) string { return query.from(cursor).url(eventTypesPath) })
	body.ByName = true
	for _, t := range types {
		t.Description = fitting(text{Text: t.Description}, shownDescription).Text
		name, _, _ := strings.Cut(t.Name, ".")
		if last := len(body.Groups) - 1; last < 0 || body.Groups[last].Name != name {
			body.Groups = append(body.Groups, eventTypeGroup{Name: name})
		}
		group := &body.Groups[len(body.Groups)-1]
		group.Types = append(group.Types, t)
	}
	view.Body = body
	return c.show(w, r, http.StatusOK, "event_types.html", view)
}

// eventTypePage is what the page of one event type shows.
type eventTypePage struct {
	webhook.EventType
	ShownExample, ShownSchema text
	MayManage, MayPublish     bool
}

// eventType shows one event type with its example and schema.
func (c *Console) eventType(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.EventType(r.Context(), s.AccountID, mux.Vars(r)["name"])
	if err != nil {
		return err
	}
	view := page{Title: found.Name, Session: &s, Notice: c.takeNotice(w, r), Body: eventTypePage{
		EventType: found, ShownExample: newText(found.Example, false, shownPayload), ShownSchema: newText(found.Schema.Text(), false, shownPayload),
		MayManage: s.May(webhook.ScopeManage), MayPublish: s.May(webhook.ScopePublish),
	}}
	return c.show(w, r, http.StatusOK, "event_type.html", view)
}

// eventTypeForm is what the form for an event type shows, a new one or one that is there.
type eventTypeForm struct {
	*form
	New             bool
	Action, BackURL string
}

// newEventType shows the form for a new event type.
func (c *Console) newEventType(w http.ResponseWriter, r *http.Request, s session) error {
	return c.showEventTypeForm(w, r, s, http.StatusOK, "", newForm(url.Values{}))
}

// createEventType makes an event type, or shows the form again with what is wrong.
func (c *Console) createEventType(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxEventTypeForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	body, err := eventTypeBody(filled)
	if err != nil {
		return err
	}
	var definition webhook.EventTypeDefinition
	if err := webhook.DecodeJSON(body, &definition); err != nil {
		return err
	}
	definition.Name = strings.TrimSpace(filled.Value("name"))
	if len(filled.problems) == 0 {
		_, err = c.service.CreateEventType(r.Context(), s.AccountID, definition)
	}
	if err != nil || len(filled.problems) > 0 {
		return c.refuseEventType(w, r, s, "", filled, err)
	}
	return c.afterDeed(w, r, definition.Name+" is in the catalogue: it can be published and subscribed to.", eventTypeURL(definition.Name), nil)
}

// editEventType shows the form for an event type that is there.
func (c *Console) editEventType(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.EventType(r.Context(), s.AccountID, mux.Vars(r)["name"])
	if err != nil {
		return err
	}
	filled := url.Values{
		"description": {found.Description}, "example": {string(laidOut(found.Example))}, "schema": {string(laidOut(found.Schema.Text()))},
	}
	if found.DeprecatedAt != nil {
		filled.Set("deprecated", "true")
	}
	return c.showEventTypeForm(w, r, s, http.StatusOK, found.Name, newForm(filled))
}

// updateEventType changes an event type, or shows the form again with what is wrong.
func (c *Console) updateEventType(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxEventTypeForm); err != nil {
		return err
	}
	name, filled := mux.Vars(r)["name"], newForm(r.PostForm)
	body, err := eventTypeBody(filled)
	if err != nil {
		return err
	}
	patch, err := webhook.ParseEventTypePatch(body)
	if err != nil {
		return err
	}
	if len(filled.problems) == 0 {
		_, err = c.service.UpdateEventType(r.Context(), s.AccountID, name, patch)
	}
	if err != nil || len(filled.problems) > 0 {
		return c.refuseEventType(w, r, s, name, filled, err)
	}
	return c.afterDeed(w, r, name+" is saved.", eventTypeURL(name), nil)
}

// deleteEventType takes an event type of its own away from the account.
func (c *Console) deleteEventType(w http.ResponseWriter, r *http.Request, s session) error {
	name := mux.Vars(r)["name"]
	err := c.service.DeleteEventType(r.Context(), s.AccountID, name)
	if err != nil {
		return c.afterDeed(w, r, "", eventTypeURL(name), err)
	}
	return c.afterDeed(w, r, name+" is deleted.", eventTypesPath, nil)
}

func eventTypeURL(name string) string { return eventTypesPath + "/" + name }

// maxEventTypeForm leaves room for an example and a schema, of whose bytes each may become three in a form.
const maxEventTypeForm = 1 << 20

// eventTypeBody returns what is filled in as the API would be told, without what is no JSON: that is noted.
func eventTypeBody(filled *form) ([]byte, error) {
	values := map[string]any{"description": filled.Value("description"), "deprecated": filled.Is("deprecated", "true")}
	for _, name := range []string{"example", "schema"} {
		value := unixLines(filled.Value(name))
		switch {
		case strings.TrimSpace(value) == "":
			values[name] = nil
		case json.Valid([]byte(value)):
			values[name] = json.RawMessage(value)
		default:
			filled.wrong(name, "is not valid JSON")
		}
	}
	body, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode an event type: %w", err)
	}
	return body, nil
}

// refuseEventType shows the form again with what is wrong; err may be nil when it never came to asking.
func (c *Console) refuseEventType(w http.ResponseWriter, r *http.Request, s session, name string, filled *form, err error) error {
	if filled.gone(err, "The event type", "Create event type") {
		filled.values.Set("name", name)
		return c.showEventTypeForm(w, r, s, http.StatusNotFound, "", filled)
	}
	if err != nil {
		if err := filled.refused(err); err != nil {
			return err
		}
	}
	if filled.Message == "" {
		filled.Message = "Some fields are not right."
	}
	return c.showEventTypeForm(w, r, s, http.StatusUnprocessableEntity, name, filled)
}

// showEventTypeForm shows the form; the name is empty for a new event type.
func (c *Console) showEventTypeForm(w http.ResponseWriter, r *http.Request, s session, status int, name string, filled *form) error {
	body := eventTypeForm{form: filled, New: name == "", Action: eventTypesPath, BackURL: eventTypesPath}
	view := page{Title: "Create event type", Session: &s}
	if name != "" {
		view.Title = "Edit " + name
		view.Crumbs = []crumb{{name, eventTypeURL(name)}}
		body.Action, body.BackURL = eventTypeURL(name)+"/edit", eventTypeURL(name)
	}
	view.Body = body
	return c.show(w, r, status, "event_type_form.html", view)
}
