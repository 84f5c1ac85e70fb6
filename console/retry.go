package console

import (
	"errors"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/webhook"
)

// retryDelivery asks for an attempt now and goes back to the list, which says how that went.
func (c *Console) retryDelivery(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	accountID, err := c.service.Account(r.Context(), "")
	if err != nil {
		return err
	}
	said, err := c.retry(r, accountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	if err := c.leaveNotice(w, r, said); err != nil {
		return err
	}
	//nolint:gosec // safeNext lets through nothing but paths of the console
	http.Redirect(w, r, safeNext(r.PostForm.Get("back")), http.StatusSeeOther)
	return nil
}

// retry returns what there is to say about it, or an error that nobody but the log should hear of.
func (c *Console) retry(r *http.Request, accountID, id string) (notice, error) {
	d, err := c.service.Retry(r.Context(), accountID, id)
	var domain *webhook.Error
	if errors.As(err, &domain) {
		if domain.Code == webhook.CodeUnavailable {
			c.log.Error("retry from the console", "delivery", id, "error", err)
		}
		return notice{Text: "Not retried. " + domain.Message}, nil
	}
	if err != nil {
		return notice{}, err
	}
	return notice{Good: true, Text: "Retrying " + d.Event + " → " + d.WebhookName + " now."}, nil
}
