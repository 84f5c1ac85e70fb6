package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/webhook"
)

const (
	// mostRetries is how many deliveries can be retried with one form. A page has fewer, unless some were kept
	// selected while others came in.
	mostRetries = 100
	// retriesAtOnce is how many of them are asked for at the same moment.
	retriesAtOnce = 8
	// mostReasons is how many different reasons are told why some could not be retried.
	mostReasons = 3
)

// retrySelected retries the deliveries that are selected in the list and goes back to it.
func (c *Console) retrySelected(w http.ResponseWriter, r *http.Request, s session) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	ids := r.PostForm["id"]
	slices.Sort(ids)
	if err := c.leaveNotice(w, r, c.retryAll(r.Context(), s.AccountID, slices.Compact(ids))); err != nil {
		return err
	}
	c.goTo(w, r, r.PostForm.Get("back"))
	return nil
}

// retryAll asks for an attempt of each delivery. It says for how many, and why not for the others.
func (c *Console) retryAll(ctx context.Context, accountID string, ids []string) notice {
	switch {
	case len(ids) == 0:
		return notice{Text: "Nothing is selected. Tick the deliveries to retry first."}
	case len(ids) > mostRetries:
		return notice{Text: fmt.Sprintf("Not retried. At most %d deliveries can be retried at once.", mostRetries)}
	}
	reasons := make([]string, len(ids)) // why each was not retried
	var unavailable atomic.Pointer[string]
	var group errgroup.Group
	group.SetLimit(retriesAtOnce)
	for i, id := range ids {
		group.Go(func() error {
			if reason := unavailable.Load(); reason != nil { // nor would it be for this one, after the same wait
				reasons[i] = *reason
				return nil
			}
			_, err := c.service.Retry(ctx, accountID, id)
			if reasons[i] = c.whyNot("retry", id, err); isUnavailable(err) {
				unavailable.Store(&reasons[i])
			}
			return nil
		})
	}
	_ = group.Wait() // no function returns an error: each has its reason
	return retried(reasons)
}

func isUnavailable(err error) bool {
	var domain *webhook.Error
	return errors.As(err, &domain) && domain.Code == webhook.CodeUnavailable
}

// retried words what became of deliveries, of which each has a reason why it was not retried, or none.
func retried(reasons []string) notice {
	done := 0
	var told []string
	for _, reason := range reasons {
		switch {
		case reason == "":
			done++
		case !slices.Contains(told, reason):
			told = append(told, reason)
		}
	}
	slices.Sort(told)
	if len(told) > mostReasons {
		told = append(told[:mostReasons], "…")
	}
	failed := len(reasons) - done
	switch {
	case failed == 0 && done == 1:
		return notice{Good: true, Text: "Retrying 1 delivery now."}
	case failed == 0:
		return notice{Good: true, Text: fmt.Sprintf("Retrying %d deliveries now.", done)}
	case done == 0:
		return notice{Text: "Not retried. " + strings.Join(told, " ")}
	default:
		return notice{Text: fmt.Sprintf("Retrying %d; %d could not be: %s", done, failed, strings.Join(told, " "))}
	}
}
