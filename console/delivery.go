package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/webhook"
)

// shownAttempts is how many attempts a delivery's page shows, the newest. Only manual ones can be more.
const shownAttempts = 15

// inspection is what a delivery's page shows; nearly all of it keeps itself up to date.
type inspection struct {
	row
	EventID, WebhookID string
	Updated            time.Time
	Open               bool
	RateLimited        bool // it waits for its turn
	MayManage          bool
	Erased             *time.Time // when the data were; nil when they were not
	CannotRetry        string     // why it cannot be retried, empty when it can
	Steps              []step
	Attempts           []attempt // newest first
	Left               int       // attempts that are not shown
	Request            request
	ListURL            string // back to the list, as it was left
	EventURL           string // the list, of this event
	WebhookURL         string // the list, of this webhook
	LiveURL            string
	Now                time.Time
	ETag               string
}

// delivery shows one delivery with its attempts.
func (c *Console) delivery(w http.ResponseWriter, r *http.Request, s session) error {
	shown, err := c.inspect(r, s)
	if err != nil {
		return err
	}
	title := shown.Event + " → " + shown.WebhookName
	view := page{Title: title, Session: &s, Notice: c.takeNotice(w, r), Body: shown}
	view.Crumbs = []crumb{{"Recent Deliveries", shown.ListURL}}
	return c.show(w, r, http.StatusOK, "delivery.html", view)
}

// liveDelivery sends the part of the page that changes, whenever it does.
func (c *Console) liveDelivery(w http.ResponseWriter, r *http.Request, s session) error {
	return c.watch(w, r, s, func(ctx context.Context) (part, error) {
		shown, err := c.inspect(r.WithContext(ctx), s)
		return c.part(r, "delivery.html", "inspection", shown.ETag, shown), err
	})
}

// inspect looks up what the page of the delivery in the address shows.
func (c *Console) inspect(r *http.Request, s session) (inspection, error) {
	found, err := c.service.Inspect(r.Context(), s.AccountID, mux.Vars(r)["id"])
	if err != nil {
		return inspection{}, err
	}
	list, _ := readQuery(r.URL.Query(), webhook.DeliveryPrefix)
	d := found.Delivery
	own := deliveriesPath + "/" + d.ID
	shown := inspection{
		row:     newRow(d, list.url(own), c.service.WorkflowURL(d.ID)),
		EventID: d.EventID, WebhookID: d.WebhookID, Updated: d.UpdatedAt.UTC(), Open: d.Status.Open(), RateLimited: d.RateLimitedSince != nil, MayManage: s.May(webhook.ScopeManage), Erased: d.ErasedAt,
		CannotRetry: cannotRetry(found, s), Steps: stepsOf(found), Request: requestOf(found),
		ListURL: list.url(deliveriesPath), LiveURL: list.url(own + live),
	}
	var of query
	of.EventID = d.EventID
	shown.EventURL = of.url(deliveriesPath)
	of = query{}
	of.WebhookID = d.WebhookID
	shown.WebhookURL = of.url(deliveriesPath)

	shown.Left = max(0, len(found.Attempts)-shownAttempts)
	shown.Attempts = shownInFull(found.Attempts[shown.Left:], d.Test, r.URL.Query().Get("attempt"), func(n string) string {
		return addParameter("attempt", n, list.url(own)) + "#attempt-" + n
	})
	for i := range shown.Attempts {
		shown.Attempts[i].Erased = d.ErasedAt != nil
	}
	if chosen := r.URL.Query().Get("attempt"); chosen != "" {
		shown.LiveURL = addParameter("attempt", chosen, shown.LiveURL)
	}
	if shown.ETag, err = c.etag("delivery.html", "inspection", shown); err != nil {
		return inspection{}, err
	}
	shown.Now = time.Now()
	return shown, nil
}

// shownInFull returns attempts as the page shows them, the newest first. Headers and answers are shown of as many as it
// has room for: the one that the address asks for, or the newest, and those that fit beside it. Of the others, the page
// that has them is at an address.
func shownInFull(attempts []webhook.Attempt, test bool, chosen string, at func(number string) string) (shown []attempt) {
	for _, a := range slices.Backward(attempts) {
		shown = append(shown, newAttempt(a, test))
	}
	open := max(0, slices.IndexFunc(shown, func(a attempt) bool { return strconv.Itoa(a.Number) == chosen }))
	left := shownAnswers
	if len(shown) > 0 {
		shown[open].Open = true
		left -= shown[open].size()
	}
	for i, a := range shown {
		if i == open {
			continue
		}
		if left -= a.size(); left < 0 {
			shown[i] = a.lay(at(strconv.Itoa(a.Number)))
		}
	}
	return shown
}

func cannotRetry(found service.Inspection, s session) string {
	if !s.May(webhook.ScopeManage) {
		return "Your API key may not: it lacks the scope manage."
	}
	if found.Delivery.ErasedAt != nil {
		return "The data of this event were erased; there is nothing to send."
	}
	if found.Webhook.Enabled {
		return ""
	}
	return "The webhook is disabled or deleted; nothing is sent to it. " + found.Webhook.DisabledReason
}

// step is an entry of the timeline: an attempt, or one that is still to come.
type step struct {
	State    string // one of the constants below, a class of the stylesheet
	Words    string
	Manual   bool
	Number   int       // of the attempt; 0 for one to come
	Answer   answer    // of the attempt
	Duration string    // of the attempt
	At       time.Time // when it was made or is due; zero when that is not known
	Gap      string    // how long after the one before it comes
}

// The states of a step.
const (
	stepGood    = "good"
	stepBad     = "bad"
	stepRunning = "running"
	stepNext    = "due"
	stepComing  = "coming"
	stepSkipped = "skipped"
)

// stepsOf returns the timeline: every attempt, of manual ones only those that the page shows, and those that the schedule
// still has.
func stepsOf(found service.Inspection) []step {
	d, total, scheduled := found.Delivery, len(found.Schedule), 0
	for _, a := range found.Attempts {
		if a.Trigger == webhook.TriggerSchedule {
			scheduled++
		}
	}
	total = max(total, scheduled) // the schedule may have been longer when this delivery began
	var steps []step
	made := 0
	for i, a := range found.Attempts {
		shown := madeStep(a)
		if !shown.Manual {
			made++
			shown.Words = stepWords(d, made, total)
		}
		if !shown.Manual || i >= len(found.Attempts)-shownAttempts {
			steps = append(steps, shown)
		}
	}
	// A closed delivery that somebody retries gets one attempt and no new schedule.
	reopened := d.Status == webhook.StatusPending && len(found.Attempts) > 0
	if reopened {
		steps = append(steps, step{State: stepRunning, Words: "Manual attempt", Manual: true})
	}
	for i := scheduled; i < total; i++ {
		coming := step{State: stepComing, Words: stepWords(d, i+1, total), Gap: gapWords(found.Schedule[i])}
		switch {
		case reopened || !d.Status.Open():
			coming.State = stepSkipped
		case i > scheduled:
		case d.NextAttemptAt != nil:
			coming.State, coming.At = stepNext, d.NextAttemptAt.UTC()
		default:
			coming.State = stepRunning
		}
		steps = append(steps, coming)
	}
	return steps
}

// stepWords names a step of the schedule. A test has but one.
func stepWords(d webhook.Delivery, number, total int) string {
	if d.Test {
		return "Test"
	}
	return fmt.Sprintf("Step %d of %d", number, total)
}

func madeStep(a webhook.Attempt) step {
	shown := step{
		State: stepBad, Words: "Manual attempt", Manual: a.Trigger == webhook.TriggerManual, Number: a.Number,
		Answer: answerOf(&a.Outcome, a.StatusCode), Duration: formatMilliseconds(a.ResponseTimeMS), At: a.StartedAt.UTC(),
	}
	if a.Outcome == webhook.OutcomeSuccess {
		shown.State = stepGood
	}
	return shown
}

// gapWords says how long after the attempt before it one comes.
func gapWords(gap time.Duration) string {
	switch {
	case gap == 0:
		return "at once"
	case gap%time.Hour == 0:
		return fmt.Sprintf("%d h later", int(gap.Hours()))
	case gap%time.Minute == 0:
		return fmt.Sprintf("%d min later", int(gap.Minutes()))
	default:
		return webhook.FormatGap(gap) + " later"
	}
}
