package console

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/docs/receivers"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// webhookPage is what a webhook's page shows; what changes keeps itself up to date.
type webhookPage struct {
	ID, Name  string
	State     webhookState
	Facts     webhookFacts
	MayManage bool
	Spans     []spanLink
	Live      webhookLive
	Algorithm webhook.SigningAlgorithm
	PublicKey string
	Snippets  []snippet
}

// webhookLive is the part of the page that keeps itself up to date.
type webhookLive struct {
	Figures figures
	Recent  table
	ListURL string // the list of its deliveries
	LiveURL string
	ETag    string
}

// snippet is code with which a receiver verifies what it gets.
type snippet struct{ Language, Code string }

// figures are the part of the page that changes.
type figures struct {
	BackURL         string
	RecoverURL      string
	Outcomes, Times chart
	Hours           hourTable
	Deliveries      []statusCount
	Recoverable     []recoverable
	Since           time.Time // of the time
	MayRecover      bool
	CannotRecover   string    // why nothing can be recovered, empty when it can
	Recovery        *recovery // the last one
	Now             time.Time
}

// statusCount is how many deliveries of the time stand where.
type statusCount struct {
	Name, URL string
	Count     string
}

// recoverable are deliveries of the time that can be retried at once.
type recoverable struct {
	statusCount
	Status webhook.Status
	State  string // what has become of them, to go on a sentence
	Those  string // which of them are retried
}

// recovery is one as the page shows it.
type recovery struct {
	ID                              string
	Running                         bool
	Status                          webhook.RecoveryStatus
	Reason                          string
	Since                           time.Time
	Matched, Retried, Skipped, Seen int // Seen is how many of Matched are done with
}

// webhook shows a webhook: how it fares, what can be recovered, how its receiver verifies.
func (c *Console) webhook(w http.ResponseWriter, r *http.Request, s session) error {
	found, err := c.service.Webhook(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	shown := webhookPage{
		ID: found.ID, Name: found.Name,
		Algorithm: found.SigningSecret.Algorithm(), PublicKey: found.SigningSecret.PublicKey(),
		Snippets: []snippet{{"Go", receivers.Go}, {"JavaScript", receivers.JavaScript}, {"Python", receivers.Python}},
	}
	shown.State, shown.Facts, shown.MayManage = stateOf(found), factsOf(found), s.May(webhook.ScopeManage)
	shown.Spans = spanLinks(r, webhooksPath+"/"+found.ID)
	if shown.Live, err = c.webhookLive(r, s); err != nil {
		return err
	}
	return c.show(w, r, http.StatusOK, "webhook.html", page{Title: found.Name, Session: &s, Notice: c.takeNotice(w, r), Body: shown})
}

// recent looks up the last few deliveries of a webhook, for its page. Retrying them comes back to it.
func (c *Console) recent(r *http.Request, s session, id string) (table, error) {
	const few = 8
	var of query
	of.WebhookID = id
	shown, err := c.table(r, s, of, few)
	shown.BackURL, shown.OlderURL = webhooksPath+"/"+id+spanOf(r).query, ""
	return shown, err
}

// webhookLive looks up how the webhook in the address fares, and its last deliveries.
func (c *Console) webhookLive(r *http.Request, s session) (webhookLive, error) {
	id := mux.Vars(r)["id"]
	shown := webhookLive{LiveURL: webhooksPath + "/" + id + live + spanOf(r).query, ListURL: ofWebhook(id, "", time.Time{})}
	var err error
	if shown.Figures, err = c.figures(r, s); err != nil {
		return webhookLive{}, err
	}
	if shown.Recent, err = c.recent(r, s, id); err != nil {
		return webhookLive{}, err
	}
	timeless := shown
	timeless.Figures.Now, timeless.Recent.Now = time.Time{}, time.Time{}
	shown.ETag, err = c.etag("webhook.html", "webhook-live", timeless)
	return shown, err
}

// liveWebhook sends figures and deliveries whenever they change.
func (c *Console) liveWebhook(w http.ResponseWriter, r *http.Request, s session) error {
	return c.watch(w, r, s, func(ctx context.Context) (part, error) {
		shown, err := c.webhookLive(r.WithContext(ctx), s)
		return c.part(r, "webhook.html", "webhook-live", shown.ETag, shown), err
	})
}

// ofWebhook returns the address of the list of a webhook's deliveries, or of all webhooks', with a status and since a
// time or not.
func ofWebhook(id string, status webhook.Status, since time.Time) string {
	var q query
	q.WebhookID, q.Status, q.Since = id, status, since
	return q.url(deliveriesPath)
}

// figures looks up how the webhook in the address fares.
func (c *Console) figures(r *http.Request, s session) (figures, error) {
	id := mux.Vars(r)["id"]
	found, err := c.service.Webhook(r.Context(), s.AccountID, id)
	if err != nil {
		return figures{}, err
	}
	stats, err := c.service.WebhookStats(r.Context(), s.AccountID, id, time.Now().Add(-spanOf(r).length), time.Time{}, mostCounted+1)
	if err != nil {
		return figures{}, err
	}
	stats.Hours = columnsOf(stats.Hours, spanOf(r).column)
	recoveries, err := c.service.Recoveries(r.Context(), s.AccountID, id, store.Page{Limit: 1})
	if err != nil {
		return figures{}, err
	}
	own := webhooksPath + "/" + id
	query := spanOf(r).query
	shown := figures{
		BackURL: own + query, RecoverURL: own + "/recover",
		Outcomes: outcomeChart(stats), Times: timeChart(stats), Hours: newHourTable(stats, spanOf(r), true),
		Since: stats.Since.UTC(), Deliveries: statusCounts(stats),
	}
	for _, those := range []recoverable{
		{Status: webhook.StatusExhausted, State: "failed for good", Those: "that failed"},
		{Status: webhook.StatusWaiting, State: "failed so far", Those: "that wait"},
		{Status: webhook.StatusDiscarded, State: "came to nothing while it was disabled", Those: "that were discarded"},
	} {
		if those.Count = counted(stats.Deliveries[those.Status]); those.Count != "" {
			those.URL = ofWebhook(id, those.Status, stats.Since)
			shown.Recoverable = append(shown.Recoverable, those)
		}
	}
	shown.MayRecover = s.May(webhook.ScopeManage)
	switch {
	case !shown.MayRecover:
		shown.CannotRecover = "Your API key lacks the scope manage, which recovering takes."
	case !found.Enabled:
		shown.CannotRecover = "The webhook is disabled; enable it first, and recover then."
	}
	if len(recoveries) > 0 {
		shown.Recovery = newRecovery(recoveries[0])
	}
	shown.Now = time.Now()
	return shown, nil
}

// statusCounts says how many deliveries of the time stand where, and leads to each.
func statusCounts(stats webhook.Stats) (counts []statusCount) {
	for _, status := range webhook.Statuses() {
		if n := counted(stats.Deliveries[status]); n != "" {
			counts = append(counts, statusCount{statusOf(status).Words, ofWebhook(stats.WebhookID, status, stats.Since), n})
		}
	}
	return counts
}

// mostCounted is how many deliveries of a status the page counts: counting hundreds of thousands at every look takes
// longer than the page may.
const mostCounted = 1000

// counted words how many there are; empty when there are none.
func counted(n int) string {
	switch {
	case n == 0:
		return ""
	case n > mostCounted:
		return strconv.Itoa(mostCounted) + "+"
	default:
		return strconv.Itoa(n)
	}
}

func newRecovery(r webhook.Recovery) *recovery {
	return &recovery{
		ID: r.ID, Running: r.Status == webhook.RecoveryRunning, Status: r.Status, Reason: r.Reason, Since: r.Since.UTC(),
		Matched: r.Matched, Retried: r.Retried, Skipped: r.Skipped, Seen: min(r.Retried+r.Skipped, r.Matched),
	}
}

// recover has what failed since a time retried and goes back to the webhook's page.
func (c *Console) recover(w http.ResponseWriter, r *http.Request, s session) error {
	return c.steer(w, r, s, func(ctx context.Context, accountID, id string) (notice, error) {
		definition := webhook.RecoveryDefinition{Since: r.PostForm.Get("since"), Until: r.PostForm.Get("until")}
		if status := r.PostForm.Get("status"); status != "" {
			definition.Status = []webhook.Status{webhook.Status(status)}
		}
		made, err := c.service.Recover(ctx, accountID, id, definition)
		if err != nil {
			return c.notDone("Nothing is retried. ", "recover", id, err)
		}
		return notice{Good: true, Text: "Retrying what was made since " + made.Since.UTC().Format("2 Jan 15:04") + " UTC, oldest first."}, nil
	})
}

// cancelRecovery ends a recovery and goes back to the webhook's page.
func (c *Console) cancelRecovery(w http.ResponseWriter, r *http.Request, s session) error {
	return c.steer(w, r, s, func(ctx context.Context, accountID, id string) (notice, error) {
		ended, err := c.service.CancelRecovery(ctx, accountID, id)
		if err != nil {
			return c.notDone("Not cancelled. ", "cancel recovery", id, err)
		}
		return notice{Good: true, Text: fmt.Sprintf("Cancelled after %d of %d.", ended.Retried, ended.Matched)}, nil
	})
}
