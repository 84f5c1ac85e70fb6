package console

import (
	"net/http"
	"net/url"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// testPage is what Test Webhook shows: which event to send and, when one was sent, how that went.
type testPage struct {
	*form
	Name, Target, Action, BackURL string
	Disabled                      string // why the webhook is, empty while it is not
	Types                         []option
	Many                          bool // more of them than a select is good for
	Result                        *testResult
}

// testResult is how a test went.
type testResult struct {
	Event, URL   string
	Passed       bool
	PassesFilter bool
	Attempt      attempt
	Request      request
}

// testForm offers the events that a webhook can be tested with.
func (c *Console) testForm(w http.ResponseWriter, r *http.Request, s session) error {
	return c.showTest(w, r, s, http.StatusOK, newForm(url.Values{}), nil)
}

// testWebhook sends an example, waits for the answer and shows both.
func (c *Console) testWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	filled := newForm(r.PostForm)
	result, err := c.service.TestWebhook(r.Context(), s.AccountID, mux.Vars(r)["id"], webhook.TestRequest{Event: filled.Value("event")})
	if err != nil {
		if err := filled.refused(err); err != nil {
			return err
		}
		return c.showTest(w, r, s, http.StatusUnprocessableEntity, filled, nil)
	}
	found, err := c.service.Inspect(r.Context(), s.AccountID, result.Delivery.ID)
	if err != nil {
		return err
	}
	return c.showTest(w, r, s, http.StatusOK, filled, &testResult{
		Event: result.Delivery.Event, URL: deliveriesPath + "/" + result.Delivery.ID,
		Passed: result.Attempt.Outcome == webhook.OutcomeSuccess, PassesFilter: result.PassesFilter,
		Attempt: opened(newAttempt(result.Attempt, true)), Request: requestOf(found),
	})
}

func (c *Console) showTest(w http.ResponseWriter, r *http.Request, s session, status int, filled *form, result *testResult) error {
	found, err := c.service.Webhook(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	types, err := c.service.EventTypes(r.Context(), s.AccountID, store.Page{Limit: webhook.MaxEventTypes})
	if err != nil {
		return err
	}
	own := webhooksPath + "/" + found.ID
	body := testPage{
		form: filled, Name: found.Name, Target: found.URL, Action: own + "/test", BackURL: own, Disabled: found.DisabledReason, Result: result,
	}
	var others []option
	for _, t := range types {
		choice := option{Value: t.Name, Label: t.Name, Selected: filled.Is("event", t.Name)}
		if webhook.Subscribes(found.Events, t.Name) {
			body.Types = append(body.Types, choice)
			continue
		}
		choice.Label += " (not subscribed to)"
		others = append(others, choice)
	}
	body.Types = append(body.Types, others...)
	body.Types, body.Many = offered(body.Types)
	view := page{Title: "Test " + found.Name, Session: &s, Crumbs: []crumb{{found.Name, own}}, Body: body}
	return c.show(w, r, status, "webhook_test.html", view)
}
