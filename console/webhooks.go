package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// webhooksPage is what the template webhooks shows.
type webhooksPage struct {
	pager
	Query     query
	Rows      []webhookRow
	MayManage bool
	Overview  *overview // of all webhooks; only on the first page, of which nothing is left out
}

// overview says how all webhooks of the account fare.
type overview struct {
	Spans      []spanLink
	Span       string // the time that it is of
	TooMany    bool   // webhooks, for a chart
	Outcomes   chart
	Hours      hourTable
	Deliveries []statusCount
}

// overview looks up how all webhooks fare in the time that the address asks for.
func (c *Console) overview(r *http.Request, s session) (*overview, error) {
	span := spanOf(r)
	stats, err := c.service.AccountStats(r.Context(), s.AccountID, time.Now().Add(-span.length), time.Time{}, mostCounted+1)
	if err != nil {
		return nil, err
	}
	tooMany := len(stats.Hours) == 0
	stats.Hours = columnsOf(stats.Hours, span.column)
	return &overview{
		TooMany: tooMany, Spans: spanLinks(r, webhooksPath), Span: span.name, Outcomes: outcomeChart(stats),
		Hours: newHourTable(stats, span, false), Deliveries: statusCounts(stats),
	}, nil
}

// webhookRow is a webhook as the list shows it.
type webhookRow struct {
	ID, Name, Target, URL string
	Events                []string // the first few
	MoreEvents            int
	State                 webhookState
	Attempts              int    // in the last 24 hours
	Rate                  string // of those that succeeded; empty when there were none
	Tone                  string
	Spark                 spark
}

// webhookState says whether a webhook gets events.
type webhookState struct{ Tone, Words, Reason string }

func stateOf(w webhook.Webhook) webhookState {
	if w.Enabled {
		return webhookState{Tone: "good", Words: "Enabled"}
	}
	return webhookState{Tone: "calm", Words: "Disabled", Reason: w.DisabledReason}
}

// webhooks shows the list of webhooks.
func (c *Console) webhooks(w http.ResponseWriter, r *http.Request, s session) error {
	query, mistake := readQuery(url.Values{"q": r.URL.Query()["q"], "cursor": r.URL.Query()["cursor"]}, webhook.WebhookPrefix)
	view := page{Title: "Webhooks", Session: &s, Notice: c.takeNotice(w, r)}
	if mistake != "" {
		view.Notice = &notice{Text: mistake}
	}
	// One more than a page tells whether there is another.
	found, err := c.service.WebhooksWithHours(r.Context(), s.AccountID, query.Query, store.Page{Before: query.Cursor, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	body := webhooksPage{Query: query, MayManage: s.May(webhook.ScopeManage)}
	found, body.pager = onePage(found, pageSize, query.Cursor, func(w service.WebhookHours) string { return w.ID },
		func(cursor string) string { return query.from(cursor).url(webhooksPath) })
	for _, one := range found {
		body.Rows = append(body.Rows, newWebhookRow(one))
	}
	if len(body.Rows) > 0 && !query.narrows() {
		if body.Overview, err = c.overview(r, s); err != nil {
			return err
		}
	}
	view.Body = body
	return c.show(w, r, http.StatusOK, "webhooks.html", view)
}

func newWebhookRow(w service.WebhookHours) webhookRow {
	const few = 3
	row := webhookRow{
		ID: w.ID, Name: w.Name, Target: w.URL, URL: webhooksPath + "/" + w.ID, State: stateOf(w.Webhook),
		Events: w.Events[:min(few, len(w.Events))], MoreEvents: max(0, len(w.Events)-few), Spark: sparkOf(w.Hours),
	}
	var all webhook.Figures
	for _, hour := range w.Hours {
		all.Add(hour.Figures)
	}
	row.Attempts = all.Total()
	if rate := all.SuccessRate(); rate != nil {
		row.Rate, row.Tone = percent(*rate), "bad"
		if all.Succeeded() == all.Total() {
			row.Tone = "good"
		}
	}
	return row
}

// spark are the bars of a sparkline as paths: in each hour, the attempts that failed stand on those that succeeded.
type spark struct{ Good, Bad string }

// The measures of a sparkline, which the template and the stylesheet know too.
const (
	barStep   = 5
	barWidth  = 4
	sparkHigh = 24
)

// sparkOf returns the bars of a sparkline, as high as there were attempts compared to the busiest hour.
func sparkOf(hours []webhook.Hour) spark {
	most := 0
	for _, hour := range hours {
		most = max(most, hour.Total())
	}
	var good, bad strings.Builder
	draw := func(path *strings.Builder, hour, top, height int) {
		if height > 0 {
			fmt.Fprintf(path, "M%d %dh%dv%dh-%dz", hour*barStep, top, barWidth, height, barWidth)
		}
	}
	for i, hour := range hours {
		total := hour.Total()
		if total == 0 {
			continue
		}
		high := func(attempts int) int { return (attempts*sparkHigh + most - 1) / most }
		whole := max(high(total), 2)
		failed := total - hour.Succeeded()
		if failed > 0 {
			failed = max(whole*failed/total, 2)
		}
		draw(&bad, i, sparkHigh-whole, failed)
		draw(&good, i, sparkHigh-whole+failed, whole-failed)
	}
	return spark{good.String(), bad.String()}
}

// authenticationWords says in a few words how requests of a webhook prove who they come from. It shows no secret.
func authenticationWords(a webhook.Authentication) string {
	switch a.Type {
	case webhook.AuthenticationAPIKey:
		return "API Key Header: " + a.Header
	case webhook.AuthenticationBasic:
		return "Basic Auth: " + a.Username
	case webhook.AuthenticationBearer:
		if a.FetchesTokens() {
			return "OAuth Token, by client credentials from " + a.TokenURL
		}
		return "OAuth Token: a fixed bearer token"
	case webhook.AuthenticationHMAC:
		return fmt.Sprintf("HMAC Signature: %s in %s", cmp.Or(a.Algorithm, "sha256"), a.Header)
	default:
		return "None"
	}
}

// signingWords says how requests of a webhook are signed.
func signingWords(w webhook.Webhook, now time.Time) string {
	words := string(w.SigningSecret.Algorithm())
	if w.SignsWithPrevious(now) {
		words += "; the secret before signs along until " + w.PreviousSigningSecretUntil.UTC().Format("2 Jan 15:04") + " UTC"
	}
	return words
}
