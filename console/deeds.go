package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/webhook"
)

// deed does what a form asks of a delivery and goes back to the page that the form was on, which says how that
// went.
func (c *Console) deed(w http.ResponseWriter, r *http.Request, s session) error {
	if mux.Vars(r)["deed"] == "cancel" {
		return c.steer(w, r, s, c.cancel)
	}
	return c.steer(w, r, s, c.retry)
}

// steer does what a form asks of what its address names, and goes back to the page that the form was on.
func (c *Console) steer(w http.ResponseWriter, r *http.Request, s session, do func(ctx context.Context, accountID, id string) (notice, error)) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	said, err := do(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	if err := c.leaveNotice(w, r, said); err != nil {
		return err
	}
	c.goTo(w, r, r.PostForm.Get("back"))
	return nil
}

// retry asks for an attempt now. It returns what there is to say about it, or an error that nobody but the log
// should hear of.
func (c *Console) retry(ctx context.Context, accountID, id string) (notice, error) {
	d, err := c.service.Retry(ctx, accountID, id)
	if err != nil {
		return c.notDone("Not retried. ", "retry", id, err)
	}
	return notice{Good: true, Text: "Retrying " + d.Event + " → " + d.WebhookName + " now."}, nil
}

// cancel gives up the attempts that are still to come, and returns what retry does.
func (c *Console) cancel(ctx context.Context, accountID, id string) (notice, error) {
	d, err := c.service.Cancel(ctx, accountID, id)
	if err != nil {
		return c.notDone("Not cancelled. ", "cancel", id, err)
	}
	if d.Status.Open() {
		return notice{Good: true, Text: "Cancelling " + d.Event + " → " + d.WebhookName + "."}, nil
	}
	return notice{Good: true, Text: "Cancelled " + d.Event + " → " + d.WebhookName + "."}, nil
}

// notDone says why something was not done where that is for people to know.
func (c *Console) notDone(words, doing, id string, err error) (notice, error) {
	var domain *webhook.Error
	if !errors.As(err, &domain) {
		return notice{}, err
	}
	return notice{Text: words + c.whyNot(doing, id, err)}, nil
}

// whyNot words why something was not done; nothing when it was. What isn't the visitor's mistake goes to the log.
func (c *Console) whyNot(doing, id string, err error) string {
	var domain *webhook.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &domain) {
		domain = &webhook.Error{Code: webhook.CodeInternal, Message: "Something went wrong on our side; the log says what it is."}
	}
	if domain.Code == webhook.CodeUnavailable || domain.Code == webhook.CodeInternal {
		c.log.Error("deed from the console", "deed", doing, "delivery", id, "error", err)
	}
	return domain.Message
}

// afterDeed leads to the page that shows what was done. A conflict is told there too.
func (c *Console) afterDeed(w http.ResponseWriter, r *http.Request, done, next string, err error) error {
	said := notice{Good: true, Text: done}
	var domain *webhook.Error
	if errors.As(err, &domain) && domain.Code == webhook.CodeConflict {
		said, err = notice{Text: domain.Message}, nil
	}
	if err != nil {
		return err
	}
	if err := c.leaveNotice(w, r, said); err != nil {
		return err
	}
	c.goTo(w, r, next)
	return nil
}
