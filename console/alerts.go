package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// alertsPage is what the template alerts shows.
type alertsPage struct {
	Rows []alertChannelRow
	Full bool // the account can have no further ones
}

// alertChannelRow is an alert channel as the list shows it.
type alertChannelRow struct {
	ID, Name, Type, Address string
	Events                  []string
	Tone, State             string
	Error                   string     // why the last alert did not arrive
	LastSent                *time.Time // nil for never
}

// alertTypes are the types of alert channels, in people's words.
func alertTypes() []option {
	return []option{
		{Value: string(webhook.AlertSlack), Label: "Slack"},
		{Value: string(webhook.AlertTeams), Label: "Microsoft Teams"},
		{Value: string(webhook.AlertDiscord), Label: "Discord"},
		{Value: string(webhook.AlertPagerDuty), Label: "PagerDuty"},
		{Value: string(webhook.AlertEmail), Label: "E-mail"},
	}
}

func newAlertChannelRow(c webhook.AlertChannel) alertChannelRow {
	address := c.Address.Masked()
	row := alertChannelRow{
		ID: c.ID, Name: c.Name, Events: c.Events, Address: address.URL + address.RoutingKey + strings.Join(address.To, ", "),
		Tone: "calm", State: "Not used yet", Error: c.LastError, LastSent: c.LastSent,
	}
	for _, t := range alertTypes() {
		if t.Value == string(c.Type) {
			row.Type = t.Label
		}
	}
	switch {
	case c.LastError != "":
		row.Tone, row.State = "bad", "Failing"
	case c.LastSent != nil:
		row.Tone, row.State = "good", "Working"
	}
	return row
}

// alerts shows the alert channels of the account: all of them, since there are few.
func (c *Console) alerts(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.AlertChannels(r.Context(), s.AccountID, store.Page{Limit: webhook.MaxAlertChannels})
	if err != nil {
		return err
	}
	body := alertsPage{Full: len(found) == webhook.MaxAlertChannels}
	for _, channel := range found {
		body.Rows = append(body.Rows, newAlertChannelRow(channel))
	}
	return c.show(w, r, http.StatusOK, "alerts.html", page{Title: "Alerts", Session: &s, Notice: c.takeNotice(w, r), Body: body})
}

// alertForm is what the form for an alert channel shows, a new one or one that is there.
type alertForm struct {
	*form
	New       bool
	Action    string
	Types     []option // of a new one
	Type      string   // of one that is there
	Kept      string   // the help of what is kept when it is left empty
	Events    []webhook.EventType
	SendsMail bool
}

// Address returns a field of the address, which stays as it is where it is left empty.
func (f alertForm) Address(name, label, help string) field {
	if f.Kept != "" {
		help = f.Kept
	}
	return f.Secret(name, label, help)
}

// Has reports whether the form has the fields of a type: a new channel may be of any.
func (f alertForm) Has(types ...string) bool {
	for _, t := range types {
		if f.New || f.Type == t {
			return true
		}
	}
	return false
}

// newAlertChannel shows the form for a new alert channel.
func (c *Console) newAlertChannel(w http.ResponseWriter, r *http.Request, s session) error {
	filled := url.Values{"type": {string(webhook.AlertSlack)}, "events": webhook.AlertEvents()}
	return c.showAlertForm(w, r, s, http.StatusOK, webhook.AlertChannel{}, newForm(filled))
}

// createAlertChannel makes an alert channel, or shows the form again with what is wrong.
func (c *Console) createAlertChannel(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	kind := webhook.AlertType(filled.Value("type"))
	values := alertValues(filled, kind)
	values["type"] = kind
	body, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("encode the definition of an alert channel: %w", err)
	}
	var definition webhook.AlertChannelDefinition
	if err := webhook.DecodeJSON(body, &definition); err != nil {
		return err
	}
	created, err := c.service.CreateAlertChannel(r.Context(), s.AccountID, definition)
	if err != nil {
		if err := filled.refused(err); err != nil {
			return err
		}
		return c.showAlertForm(w, r, s, http.StatusUnprocessableEntity, webhook.AlertChannel{}, filled)
	}
	return c.afterDeed(w, r, "People are alerted by "+created.Name+" from now on. Send a test to see that they are.", alertsPath, nil)
}

// editAlertChannel shows the form for an alert channel that is there.
func (c *Console) editAlertChannel(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.AlertChannel(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	filled := url.Values{
		"name": {found.Name}, "events": found.Events, "to": {strings.Join(found.Address.To, "\n")}, "region": {found.Address.Region},
	}
	return c.showAlertForm(w, r, s, http.StatusOK, found, newForm(filled))
}

// updateAlertChannel changes an alert channel, or shows the form again with what is wrong.
func (c *Console) updateAlertChannel(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	found, err := c.service.AlertChannel(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return c.offerAlertChannelAnew(w, r, s, filled, err)
	}
	body, err := json.Marshal(alertValues(filled, found.Type))
	if err != nil {
		return fmt.Errorf("encode the changes of an alert channel: %w", err)
	}
	patch, err := webhook.ParseAlertChannelPatch(body)
	if err != nil {
		return err
	}
	changed, err := c.service.UpdateAlertChannel(r.Context(), s.AccountID, found.ID, patch)
	if err != nil {
		if err := filled.refused(err); err != nil {
			return c.offerAlertChannelAnew(w, r, s, filled, err)
		}
		return c.showAlertForm(w, r, s, http.StatusUnprocessableEntity, found, filled)
	}
	return c.afterDeed(w, r, changed.Name+" is saved.", alertsPath, nil)
}

// offerAlertChannelAnew shows what was filled in for an alert channel that was deleted meanwhile as the form for a new one.
// Any other error is returned.
func (c *Console) offerAlertChannelAnew(w http.ResponseWriter, r *http.Request, s session, filled *form, err error) error {
	if !filled.gone(err, "The alert channel", "Create alert channel") {
		return err
	}
	return c.showAlertForm(w, r, s, http.StatusNotFound, webhook.AlertChannel{}, filled)
}

// alertValues returns what is filled in as the API would be told: of the fields of the address, those of the type.
// What is left empty is left out.
func alertValues(filled *form, t webhook.AlertType) map[string]any {
	events := filled.values["events"]
	if events == nil {
		events = []string{}
	}
	values := map[string]any{"name": filled.Value("name"), "events": events}
	set := func(name string) {
		if value := strings.TrimSpace(filled.Value(name)); value != "" {
			values[name] = value
		}
	}
	switch t {
	case webhook.AlertEmail:
		values["to"] = strings.FieldsFunc(filled.Value("to"), func(r rune) bool { return strings.ContainsRune("\r\n,; ", r) })
	case webhook.AlertPagerDuty:
		set("routing_key")
		set("region")
	default:
		set("url")
	}
	return values
}

// showAlertForm shows the form; found is zero for a new alert channel.
func (c *Console) showAlertForm(w http.ResponseWriter, r *http.Request, s session, status int, found webhook.AlertChannel, filled *form) error {
	body := alertForm{
		form: filled, New: found.ID == "", Action: alertsPath, Types: alertTypes(), Type: string(found.Type), SendsMail: c.service.SendsMail(),
		Events: []webhook.EventType{
			{Name: webhook.EventDeliveryExhausted, Description: "a delivery was not accepted in any attempt"},
			{Name: webhook.EventWebhookFailing, Description: "a webhook has failed for half of the time after which it is disabled"},
			{Name: webhook.EventWebhookDisabled, Description: "a webhook was disabled, unless by its owner"},
		},
	}
	view := page{Title: "Create alert channel", Session: &s}
	if !body.New {
		view.Title = "Edit " + found.Name
		body.Action = alertsPath + "/" + found.ID + "/edit"
		body.Kept = "Leave it empty to keep the one that is set."
	}
	view.Body = body
	return c.show(w, r, status, "alert_form.html", view)
}

// testAlertChannel sends a test and says, on the list, how that went.
func (c *Console) testAlertChannel(w http.ResponseWriter, r *http.Request, s session) error {
	id := mux.Vars(r)["id"]
	failure, err := c.service.TestAlertChannel(r.Context(), s.AccountID, id)
	said := notice{Good: true, Text: "The test was taken. See whether it has arrived."}
	switch {
	case err != nil:
		if said, err = c.notDone("No test was sent. ", "test alert channel", id, err); err != nil {
			return err
		}
	case failure != "":
		said = notice{Text: "The test did not arrive: " + failure + "."}
	}
	if err := c.leaveNotice(w, r, said); err != nil {
		return err
	}
	c.goTo(w, r, alertsPath)
	return nil
}

// deleteAlertChannel takes an alert channel away.
func (c *Console) deleteAlertChannel(w http.ResponseWriter, r *http.Request, s session) error {
	err := c.service.DeleteAlertChannel(r.Context(), s.AccountID, mux.Vars(r)["id"])
	return c.afterDeed(w, r, "The alert channel is deleted: nobody is alerted by it any more.", alertsPath, err)
}
