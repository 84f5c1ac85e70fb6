package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// fullService has more of everything than a page shows.
type fullService struct{ *fakeService }

const fullName = "Salesforce Sync of the branch office in Rotterdam"

func newFullService() fullService {
	hours := func(n int) (hours []webhook.Hour) {
		since := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(n) * time.Hour)
		for i := range n {
			hour := webhook.Hour{Start: since.Add(time.Duration(i) * time.Hour)}
			hour.Outcomes, hour.Times = map[webhook.Outcome]int{}, map[int]int{40 + i%9: 10_000 + i*i}
			for _, outcome := range webhook.Outcomes() {
				hour.Outcomes[outcome] = 10_000 + i*i
			}
			hours = append(hours, hour)
		}
		return hours
	}
	stats := webhook.Stats{Hours: hours(7 * 24), Deliveries: map[webhook.Status]int{}}
	for _, status := range webhook.Statuses() {
		stats.Deliveries[status] = 100_000
	}
	s := &fakeService{uiURL: "https://temporal.example.com", hours: hours(24), stats: stats}
	for range store.MaxLimit {
		s.webhooks = append(s.webhooks, webhook.Webhook{
			ID: webhook.NewID(webhook.WebhookPrefix), Name: fullName, URL: "https://hooks.example.com/in/" + strings.Repeat("x", 100), Enabled: true,
			Events: []string{"call.started", "call.answered", "call.ended", "call.failed"},
		})
	}
	for i := range 60 {
		s.deliveries = append(s.deliveries, delivery(func(d *webhook.Delivery) {
			d.WebhookName = fullName
			outcome, code, next := webhook.OutcomeServerError, http.StatusServiceUnavailable, time.Now().Add(4*time.Minute)
			if d.Status = webhook.StatusExhausted; i%3 > 0 {
				d.Status, d.NextAttemptAt = webhook.StatusWaiting, &next
			}
			d.Outcome, d.StatusCode = &outcome, &code
		}))
	}
	for i := range 60 {
		s.accounts = append(s.accounts, webhook.Account{ID: webhook.NewID(webhook.AccountPrefix), Name: fmt.Sprintf("%s %d", fullName, i)})
	}
	s.accounts[0].ID = "acc_test"
	var attempts []webhook.Attempt
	for range 60 {
		a := failed(http.StatusInternalServerError)
		a.Trigger = webhook.TriggerManual
		a.RequestHeaders = http.Header{"Content-Type": {"application/json"}, "Webhook-Signature": {"v1,••••"}, "User-Agent": {"durahook/1.0"}}
		a.ResponseHeaders = http.Header{"Content-Type": {"text/html"}, "Set-Cookie": {strings.Repeat("c", 2000)}}
		a.ResponseBody = []byte(strings.Repeat(`<p class="x">`, webhook.KeptBody/13))
		a.Timing = &webhook.Timing{}
		attempts = append(attempts, a)
	}
	s.inspection = inspection(webhook.StatusWaiting, attempts...)
	s.inspection.Payload = full().Payload
	return fullService{s}
}

// full is an event as large as one can be.
func full() webhook.Event {
	payload := `{"event":"call.ended","data":{"transcript":"` + strings.Repeat(`\"Hello\" `, webhook.MaxPayload/20) + `"}}`
	return webhook.Event{ID: webhook.NewID(webhook.EventPrefix), Event: "call.ended", Payload: json.RawMessage(payload), CreatedAt: time.Now()}
}

func (f fullService) WebhookStats(_ context.Context, _, _ string, since, _ time.Time, _ int) (webhook.Stats, error) {
	stats := f.stats
	for len(stats.Hours) > 0 && stats.Hours[0].Start.Before(since.Truncate(time.Hour)) {
		stats.Hours = stats.Hours[1:]
	}
	return stats, nil
}

func (f fullService) AccountStats(ctx context.Context, _ string, since, until time.Time, _ int) (webhook.Stats, error) {
	return f.WebhookStats(ctx, "", "", since, until, 0)
}

func (f fullService) Events(_ context.Context, _ string, _ store.EventFilter, page store.Page) (events []webhook.Event, err error) {
	for range page.Limit {
		events = append(events, full())
	}
	return events, nil
}

func (f fullService) Event(context.Context, string, string) (webhook.Published, error) {
	return webhook.Published{Event: full(), Deliveries: f.deliveries}, nil
}

func (f fullService) EventTypes(_ context.Context, _ string, page store.Page) (types []webhook.EventType, err error) {
	for i := range min(page.Limit, webhook.MaxEventTypes) {
		types = append(types, webhook.EventType{Name: fmt.Sprintf("invoice.number_%d", i), Description: "An invoice was sent to whom it is meant for"})
	}
	return types, nil
}

func (f fullService) SearchEventTypes(ctx context.Context, accountID, _ string, page store.Page) ([]webhook.EventType, error) {
	types, err := f.EventTypes(ctx, accountID, page)
	for i := range types {
		types[i].Description = strings.Repeat(`"'`, webhook.MaxEventTypeDescription/2)
	}
	return types, err
}

func (f fullService) EventType(context.Context, string, string) (webhook.EventType, error) {
	return webhook.EventType{Name: "call.ended", Example: full().Payload}, nil
}

func (f fullService) APIKeys(_ context.Context, _ string, page store.Page) (keys []webhook.APIKey, err error) {
	now := time.Now()
	for range page.Limit {
		keys = append(keys, webhook.APIKey{ID: webhook.NewID(webhook.APIKeyPrefix), Name: fullName, Prefix: "dhk_abcd", Scopes: webhook.Scopes(), LastUsedAt: &now})
	}
	return keys, nil
}

// Every page stays under 100 KB with all that it loads, as it is before anything is compressed, however much there is.
func TestPagesAreLight(t *testing.T) {
	t.Parallel()
	const most = 100_000 // bytes
	s := newFullService()
	v := signedIn(t, s)
	webhookPage, deliveryPage := "/console/webhooks/"+s.webhooks[0].ID, "/console/deliveries/"+s.inspection.Delivery.ID
	for _, path := range []string{
		"/console/sign-in", "/console/webhooks", "/console/webhooks?span=7d", "/console/webhooks/new", webhookPage, webhookPage + "?span=7d", webhookPage + "/edit", webhookPage + "/test",
		"/console/deliveries", "/console/deliveries?status=exhausted&q=call_abc123&since=2026-02-02T14:30&webhook_id=" + s.webhooks[0].ID,
		deliveryPage, deliveryPage + "?attempt=40&status=exhausted", "/console/events", "/console/events/new", "/console/events/" + full().ID, "/console/event-types",
		"/console/event-types/call.ended", "/console/event-types/new", "/console/api-keys", "/console/api-keys/new", "/console/accounts",
		"/console/accounts/new", "/console/search?q=salesforce", "/console/nowhere",
	} {
		page := v.get(path)
		require.Contains(t, []int{http.StatusOK, http.StatusNotFound}, page.status, path)
		weight := len(page.body)
		loaded := page.page.Find("script[src], link[href], img[src]")
		require.GreaterOrEqual(t, len(loaded.Nodes), 3)
		counted := map[string]bool{}
		for _, node := range loaded.Nodes {
			for _, attribute := range node.Attr {
				if (attribute.Key == "src" || attribute.Key == "href") && !counted[attribute.Val] {
					counted[attribute.Val] = true
					weight += len(v.get(attribute.Val).body)
				}
			}
		}
		t.Logf("%6d bytes, %6d of them HTML: %s", weight, len(page.body), path)
		assert.Less(t, weight, most, path)
	}
}
