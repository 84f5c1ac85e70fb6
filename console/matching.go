package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// matching says how all that a list shows, on this page and others, can be retried at once: by a recovery of a webhook.
type matching struct {
	CannotRetry  string // why that cannot be, or what to narrow first; empty when it can
	Count        string
	Status       webhook.Status
	Since, Until string
	RecoverURL   string
	BackURL      string // the page that shows how far it is
}

// matching looks up how what a query finds can be retried. It is nil for who may not, and where nobody would: what was
// delivered, or is about to be, need not be retried.
func (c *Console) matching(r *http.Request, s session, query query) (*matching, error) {
	canBe := slices.Contains(webhook.RecoverableStatuses(), query.Status)
	if !s.May(webhook.ScopeManage) || !canBe && (query.Status != "" || query.WebhookID == "") {
		return nil, nil //nolint:nilnil // there is nothing to offer, which is no mistake
	}
	if words := toNarrow(query); words != "" {
		return &matching{CannotRetry: words}, nil
	}
	definition := webhook.RecoveryDefinition{Since: writeTime(query.Since, time.RFC3339Nano), Status: []webhook.Status{query.Status}}
	if query.Until.Before(time.Now()) {
		definition.Until = writeTime(query.Until, time.RFC3339Nano)
	}
	recovery, found, err := c.service.Recoverable(r.Context(), s.AccountID, query.WebhookID, definition, mostCounted+1)
	var domain *webhook.Error
	switch {
	case errors.As(err, &domain) && domain.Code == webhook.CodeConflict:
		return &matching{CannotRetry: domain.Message}, nil
	case errors.As(err, &domain) && (domain.Code == webhook.CodeNotFound || domain.Code == webhook.CodeInvalid):
		return nil, nil //nolint:nilnil // the webhook was deleted, or it is a time in which there is nothing
	case err != nil || found == 0:
		return nil, err
	}
	own := webhooksPath + "/" + query.WebhookID
	return &matching{
		Count: counted(found), Status: query.Status, RecoverURL: own + "/recover", BackURL: own,
		Since: writeTime(recovery.Since, time.RFC3339Nano), Until: writeTime(recovery.Until, time.RFC3339Nano),
	}, nil
}

// toNarrow says what a query has to be like for all that it finds to be retried; nothing when it is.
func toNarrow(query query) string {
	var choose []string
	if query.WebhookID == "" {
		choose = append(choose, "a webhook")
	}
	if query.Status == "" {
		choose = append(choose, "a status that can be retried, such as Exhausted")
	}
	if query.Since.IsZero() {
		choose = append(choose, "a time")
	}
	words := ""
	if len(choose) > 0 {
		words = "choose " + strings.Join(choose, " and ")
	}
	if query.Event != "" || query.EventID != "" || query.Query != "" || query.StatusCodes != (store.StatusCodes{}) {
		words = joinWords(words, "leave out the search, the event and the code")
	}
	if words == "" {
		return ""
	}
	return "To retry all that match at once, " + words + "."
}

func joinWords(first, second string) string {
	if first == "" {
		return second
	}
	return first + ", and " + second
}
