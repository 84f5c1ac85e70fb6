package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/durahook/durahook/api/types"
)

// WebhooksCommand has what can be done with webhooks.
type WebhooksCommand struct {
	Create       WebhooksCreate       `cmd:"" help:"Create a webhook."`
	List         WebhooksList         `cmd:"" help:"List webhooks."`
	Get          WebhooksGet          `cmd:"" help:"Show a webhook."`
	Update       WebhooksUpdate       `cmd:"" help:"Change what the flags name of a webhook; the rest stays."`
	Delete       WebhooksDelete       `cmd:"" help:"Delete a webhook. What waits for it is discarded."`
	Enable       WebhooksEnable       `cmd:"" help:"Send to a webhook again."`
	Disable      WebhooksDisable      `cmd:"" help:"Send nothing more to a webhook. What waits for it is discarded."`
	RotateSecret WebhooksRotateSecret `cmd:"" help:"Replace the signing secret; the old one signs along for 24 hours."`
	Test         WebhooksTest         `cmd:"" help:"Send an example to a webhook and show what it answers."`
	Stats        WebhooksStats        `cmd:"" help:"Show how deliveries to a webhook went."`
	Recover      WebhooksRecover      `cmd:"" help:"Retry all failed deliveries to a webhook since a time."`
}

// oneWebhook are the flags and the argument of a command for one webhook.
type oneWebhook struct {
	Remote `embed:""`
	ID     string `arg:"" name:"webhook" help:"ID of the webhook (whk_…)."`
}

// webhookFields are the flags for what a webhook consists of.
type webhookFields struct {
	Name      *string  `help:"What people call it." placeholder:"NAME"`
	URL       *string  `name:"url" help:"Where to send to." placeholder:"URL"`
	Events    []string `help:"Event types to send: names, prefixes such as 'call.*', or '*'. May be repeated." placeholder:"TYPE"`
	Filter    *string  `help:"Send only what this CEL expression is true of; @FILE and - read it, an empty one takes it away." placeholder:"CEL"`
	RateLimit *int     `help:"Send at most so many requests a second; 0 takes the limit away." placeholder:"N"`
	authenticationFlags
}

// body returns what the flags say of a webhook.
func (f *webhookFields) body(env *Env) (body, error) {
	b := body{}
	set(b, "name", f.Name)
	set(b, "url", f.URL)
	if f.Events != nil {
		b["events"] = f.Events
	}
	if err := b.setContents(env, "filter", "filter", f.Filter); err != nil {
		return nil, err
	}
	if b["filter"] == "" {
		b["filter"] = nil
	}
	set(b, "rate_limit", f.RateLimit)
	if f.RateLimit != nil && *f.RateLimit == 0 {
		b["rate_limit"] = nil
	}
	return b, f.add(env, b)
}

// WebhooksCreate creates a webhook.
type WebhooksCreate struct {
	webhookFields
	SigningAlgorithm *string `help:"hmac-sha256 (the default) or ed25519." placeholder:"NAME" values:"hmac-sha256,ed25519"`
	Disabled         bool    `help:"Send nothing to it until it is enabled."`
	Remote           `embed:""`
}

// Run creates the webhook and shows it with its signing secret.
func (c *WebhooksCreate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b, err := c.body(env)
	if err != nil {
		return err
	}
	set(b, "signing_algorithm", c.SigningAlgorithm)
	if c.Disabled {
		b["enabled"] = false
	}
	return s.showSecret(s.answer(s.api.CreateWebhookWithBody(env.Ctx, jsonType, b.reader())))
}

// showSecret shows a webhook whose signing secret is there in full.
func (s *session) showSecret(a answer, err error) error {
	if err := ask(s, s.webhook)(a, err); err != nil {
		return err
	}
	if !s.json {
		s.note("\nThe signing secret is shown this once. Receivers verify with it, or with the public key if there is one.")
	}
	return nil
}

// WebhooksList lists webhooks.
type WebhooksList struct {
	Remote `embed:""`
	Paging `embed:""`
}

// Run lists the webhooks.
func (c *WebhooksList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	columns := []column[types.Webhook]{
		{title: "ID", value: func(w types.Webhook) string { return w.ID }},
		{title: "STATUS", value: enabledWord, word: true},
		{title: "NAME", value: func(w types.Webhook) string { return w.Name }},
		{title: "EVENTS", value: func(w types.Webhook) string { return strings.Join(w.Events, ",") }},
		{title: "URL", value: func(w types.Webhook) string { return w.URL }},
	}
	return list(s, c.Paging, "There are no webhooks.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListWebhooks(env.Ctx, &types.ListWebhooksParams{Limit: limit, Cursor: cursor})
	})
}

func enabledWord(w types.Webhook) string {
	switch {
	case !w.Enabled:
		return "disabled"
	case w.FailingSince != nil:
		return "failing"
	}
	return "enabled"
}

// WebhooksGet shows a webhook.
type WebhooksGet struct{ oneWebhook }

// Run shows the webhook.
func (c *WebhooksGet) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.webhook)(s.answer(s.api.GetWebhook(env.Ctx, c.ID)))
}

// webhook returns a webhook as people read it.
func (s *session) webhook(w types.Webhook) string {
	status := enabledWord(w)
	if w.DisabledReason != nil {
		status += " (" + *w.DisabledReason + ")"
	}
	return s.fields().
		add("ID", w.ID).
		add("Name", w.Name).
		add("URL", w.URL).
		add("Events", strings.Join(w.Events, ", ")).
		add("Filter", text(w.Filter)).
		add("Rate limit", rateLimitWords(w.RateLimit)).
		addWord("Status", status).
		add("Failing since", clock(w.FailingSince)).
		add("Authentication", authenticationWords(w.Authentication)).
		add("Signing", string(w.SigningAlgorithm)).
		add("Signing secret", w.SigningSecret).
		add("Public key", text(w.PublicKey)).
		add("Old secret until", clock(w.PreviousSigningSecretUntil)).
		add("Created", at(w.CreatedAt)).
		add("Changed", at(w.UpdatedAt)).String()
}

// rateLimitWords are empty for no limit.
func rateLimitWords(limit *int) string {
	if limit == nil {
		return ""
	}
	return strconv.Itoa(*limit) + " a second"
}

// WebhooksUpdate changes a webhook.
type WebhooksUpdate struct {
	webhookFields
	oneWebhook
}

// Run changes what the flags name and shows the webhook.
func (c *WebhooksUpdate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b, err := c.body(env)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nothingToChange()
	}
	return ask(s, s.webhook)(s.answer(s.api.UpdateWebhookWithBody(env.Ctx, c.ID, jsonType, b.reader())))
}

// WebhooksDelete deletes a webhook.
type WebhooksDelete struct {
	oneWebhook
	Yes bool `short:"y" help:"Don't ask."`
}

// Run deletes the webhook, once that was confirmed.
func (c *WebhooksDelete) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	if err := s.confirm(c.Yes, "Delete the webhook %s and discard what waits for it?", c.ID); err != nil {
		return err
	}
	return s.gone("Deleted", c.ID)(s.answer(s.api.DeleteWebhook(env.Ctx, c.ID)))
}

// gone says that something was done of which the API has no more to say.
func (s *session) gone(done, what string) func(answer, error) error {
	return func(_ answer, err error) error {
		if err != nil || s.json {
			return err
		}
		return s.write(done + " " + what + ".\n")
	}
}

// WebhooksEnable enables a webhook.
type WebhooksEnable struct{ oneWebhook }

// Run enables the webhook and shows it.
func (c *WebhooksEnable) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	a, err := s.answer(s.api.EnableWebhook(env.Ctx, c.ID))
	if err != nil {
		return err
	}
	if err := show(s, a, s.webhook); err != nil || s.json {
		return err
	}
	w, err := read[types.Webhook](a.body)
	if err == nil && w.Missed != nil {
		s.noteMissed(w.ID, *w.Missed)
	}
	return err
}

// noteMissed says how to get what a webhook missed while it was disabled.
func (s *session) noteMissed(id string, m types.Missed) {
	statuses := make([]string, len(m.Status))
	for i, status := range m.Status {
		statuses[i] = string(status)
	}
	s.note("\nIt missed %d deliveries. To have them retried: durahook webhooks recover %s --since %s --status %s",
		m.Deliveries, id, m.Since.UTC().Truncate(time.Second).Format(time.RFC3339), strings.Join(statuses, ","))
}

// WebhooksDisable disables a webhook.
type WebhooksDisable struct{ oneWebhook }

// Run disables the webhook and shows it.
func (c *WebhooksDisable) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.webhook)(s.answer(s.api.DisableWebhook(env.Ctx, c.ID)))
}

// WebhooksRotateSecret replaces a webhook's signing secret.
type WebhooksRotateSecret struct {
	oneWebhook
	Secret           *string `help:"Secret of your own (whsec_… or whsk_…) instead of a new one; @FILE and - read it." placeholder:"SECRET"`
	SigningAlgorithm *string `help:"Move to hmac-sha256 or ed25519." placeholder:"NAME" values:"hmac-sha256,ed25519"`
}

// Run replaces the secret and shows the webhook with the new one.
func (c *WebhooksRotateSecret) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b := body{}
	set(b, "signing_algorithm", c.SigningAlgorithm)
	if err := b.setContents(env, "secret", "secret", c.Secret); err != nil {
		return err
	}
	return s.showSecret(s.answer(s.api.RotateSecretWithBody(env.Ctx, c.ID, jsonType, b.reader())))
}

// WebhooksTest sends an example.
type WebhooksTest struct {
	oneWebhook
	Event *string `help:"Event type whose example is sent; the first that the webhook subscribes to when left out." placeholder:"TYPE"`
}

// Run sends the example, waits for the answer and shows it. It fails unless the endpoint accepted.
func (c *WebhooksTest) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	s.http.Timeout += 5 * time.Minute // the longest that an endpoint can be given to answer
	a, err := s.answer(s.api.TestWebhook(env.Ctx, c.ID, types.WebhookTest{Event: c.Event}))
	if err != nil {
		return err
	}
	if err := show(s, a, s.testResult); err != nil {
		return err
	}
	result, err := read[types.WebhookTestResult](a.body)
	if err == nil && result.Outcome != types.OutcomeSuccess {
		return fmt.Errorf("the endpoint did not accept the test: %s", result.Outcome)
	}
	return err
}

func (s *session) testResult(r types.WebhookTestResult) string {
	f := s.fields().
		add("Delivery", r.DeliveryID).
		add("Event", r.Event).
		add("Passes filter", yesNo(r.PassesFilter)).
		addWord("Outcome", string(r.Outcome)).
		add("Status code", number(r.StatusCode)).
		add("Response time", milliseconds(&r.ResponseTimeMS)).
		add("Error", text(r.Error))
	for _, name := range sortedKeys(r.ResponseHeaders) {
		f.add("  "+name, strings.Join(r.ResponseHeaders[name], ", "))
	}
	return f.add("Response", r.ResponseBody).String()
}

// WebhooksStats shows statistics.
type WebhooksStats struct {
	oneWebhook
	Since *Past `help:"Beginning: a time, or how long ago, such as 7d." placeholder:"TIME"`
	Until *Past `help:"End: a time, or how long ago." placeholder:"TIME"`
}

// Run shows counts, success rate, response times, and the hours in which there were attempts.
func (c *WebhooksStats) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.stats)(s.answer(s.api.GetWebhookStats(env.Ctx, c.ID,
		&types.GetWebhookStatsParams{Since: c.Since.moment(), Until: c.Until.moment()})))
}

func (s *session) stats(w types.WebhookStats) string {
	d, a := w.Deliveries, w.Attempts
	summary := s.fields().
		add("Webhook", w.WebhookID).
		add("From", at(w.Since)).
		add("To", at(w.Until)).
		add("Deliveries", fmt.Sprintf("%d: %d delivered, %d waiting, %d pending, %d exhausted, %d cancelled, %d discarded",
			d.Total, d.Delivered, d.Waiting, d.Pending, d.Exhausted, d.Cancelled, d.Discarded)).
		add("Attempts", fmt.Sprintf("%d: %d succeeded, %d failed", a.Total, a.Succeeded, a.Failed)).
		add("Success rate", percent(a.SuccessRate)).
		add("Outcomes", outcomeWords(a.Outcomes)).
		add("Response time", responseTimes(a.ResponseTimeMS)).String()
	busy := slices.DeleteFunc(slices.Clone(w.Hours), func(h types.HourStats) bool { return h.Attempts == 0 })
	if len(busy) == 0 {
		return summary
	}
	return summary + "\n" + tableOf(s, []column[types.HourStats]{
		{title: "HOUR", value: func(h types.HourStats) string { return at(h.Start) }},
		{title: "ATTEMPTS", value: func(h types.HourStats) string { return number(&h.Attempts) }},
		{title: "FAILED", value: func(h types.HourStats) string { return number(&h.Failed) }},
		{title: "SUCCESS", value: func(h types.HourStats) string { return percent(h.SuccessRate) }},
		{title: "P50 MS", value: func(h types.HourStats) string { return number(h.ResponseTimeMS.P50) }},
		{title: "P95 MS", value: func(h types.HourStats) string { return number(h.ResponseTimeMS.P95) }},
		{title: "P99 MS", value: func(h types.HourStats) string { return number(h.ResponseTimeMS.P99) }},
	}, busy)
}

func outcomeWords(o types.OutcomeCounts) string {
	var words []string
	for _, outcome := range []struct {
		name  types.Outcome
		count int
	}{
		{types.OutcomeSuccess, o.Success},
		{types.OutcomeClientError, o.ClientError},
		{types.OutcomeServerError, o.ServerError},
		{types.OutcomeTimeout, o.Timeout},
		{types.OutcomeConnectionError, o.ConnectionError},
		{types.OutcomeBlocked, o.Blocked},
	} {
		if outcome.count > 0 {
			words = append(words, fmt.Sprintf("%d %s", outcome.count, outcome.name))
		}
	}
	return strings.Join(words, ", ")
}

func responseTimes(r types.ResponseTimes) string {
	if r.P50 == nil {
		return ""
	}
	return fmt.Sprintf("p50 %s ms, p90 %s ms, p95 %s ms, p99 %s ms, max %s ms",
		number(r.P50), number(r.P90), number(r.P95), number(r.P99), number(r.Max))
}

// WebhooksRecover retries what failed.
type WebhooksRecover struct {
	oneWebhook
	Since  Past     `required:"" help:"Retry deliveries made at this time or later: a time, or how long ago, such as 24h." placeholder:"TIME"`
	Until  *Past    `help:"Retry deliveries made before this time; now when left out." placeholder:"TIME"`
	Status []string `help:"Retry those with this status: exhausted (the default), cancelled, discarded, waiting. May be repeated." placeholder:"STATUS" values:"exhausted,cancelled,discarded,waiting"`
}

// Run starts the recovery and shows it.
func (c *WebhooksRecover) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	definition := types.RecoveryDefinition{Since: c.Since.Time, Until: c.Until.moment()}
	for _, status := range c.Status {
		definition.Status = append(definition.Status, types.RecoverableStatus(status))
	}
	return ask(s, s.recovery)(s.answer(s.api.RecoverWebhook(env.Ctx, c.ID, definition)))
}

// authenticationWords returns what a webhook's authentication is, its secrets masked as they come.
func authenticationWords(a types.Authentication) string {
	raw, err := a.MarshalJSON()
	if err != nil {
		return ""
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		return ""
	}
	words := []string{fmt.Sprint(members["type"])}
	delete(members, "type")
	for _, name := range sortedKeys(members) {
		words = append(words, fmt.Sprintf("%s=%v", name, members[name]))
	}
	return strings.Join(words, " ")
}
