package webhook

import "errors"

// Republication is what a client sends to have an event delivered once more.
type Republication struct {
	Input
	WebhookID string `json:"webhook_id"`
}

const pointerOfWebhookID = "/webhook_id"

// Check tells what is wrong with a republication.
func (r Republication) Check() error {
	fields := r.Wrong()
	switch {
	case r.WebhookID == "":
		fields.Add(pointerOfWebhookID, "is missing; name the webhook to deliver the event to")
	case CheckID(WebhookPrefix, r.WebhookID) != nil:
		fields.Add(pointerOfWebhookID, `is not the ID of a webhook, such as "whk_01kaxb3v5efx8tqk6w0nqfd6vd"`)
	}
	return fields.Err()
}

// Unknown tells of a not-found error of its webhook that the field is wrong: what was asked for by the path is
// there. Other errors stay as they are.
func (r Republication) Unknown(err error) error {
	var domain *Error
	if !errors.As(err, &domain) || domain.Code != CodeNotFound {
		return err
	}
	fields := r.Wrong()
	fields.Add(pointerOfWebhookID, "is not a webhook of this account")
	return fields.Err()
}
