package console_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/durahook/durahook/webhook"
)

func TestOverviewOfAllWebhooks(t *testing.T) {
	t.Parallel()
	s, _ := watched()
	s.stats.Deliveries = map[webhook.Status]int{webhook.StatusDelivered: 1001, webhook.StatusWaiting: 2, webhook.StatusExhausted: 3}
	s.accounts = []webhook.Account{{ID: "acc_other", Name: "Other"}}
	v := signedIn(t, s)
	got := v.get("/console/webhooks")
	assert.Equal(t, "acc_test", s.accountID)
	assert.WithinDuration(t, time.Now().Add(-24*time.Hour), s.statsSince, time.Minute)
	assert.Equal(t, "All webhooks", got.text("#overview h2"))
	assert.Equal(t, "100 attempts, 90 % succeeded", got.text("#overview figcaption"))
	assert.Equal(t, []string{"Success 90", "Server error 5", "Timeout 5"}, got.texts("#overview .legend li"))
	assert.Len(t, got.page.Find("#overview svg[role=img] rect").Nodes, 3)
	assert.Equal(t, "Deliveries made in this time: 2 Waiting · 1000+ Delivered · 3 Exhausted", got.text("#overview > p"))
	assert.Equal(t, "/console/deliveries?since=2026-02-02T14%3A00%3A00Z&status=waiting", got.attr("#overview > p a", "href"), "of all webhooks")
	assert.Equal(t, []string{"2 Feb 16:00 10 0 (0 %) 5 server error, 5 timeout", "2 Feb 14:00 90 90 (100 %) 0"}, rowsOf(got, "#overview tbody tr"))
	assert.Equal(t, []string{"Hour", "Attempts", "Succeeded", "Failed"}, got.texts("#overview thead th"))
	assert.Equal(t, "24 hours", got.text("#overview .spans [aria-current=true]"))
	assert.Equal(t, "/console/webhooks?span=7d", got.attr("#overview .spans li:last-child a", "href"))

	got = v.get("/console/webhooks?span=7d")
	assert.WithinDuration(t, time.Now().Add(-7*24*time.Hour), s.statsSince, time.Minute)
	assert.Equal(t, "7 days", got.text("#overview .spans [aria-current=true]"))
	assert.Contains(t, got.text("#overview caption"), "Times of 6 hours")

	assert.Empty(t, v.get("/console/webhooks?q=sales").page.Find("#overview").Nodes, "what is found is not all")
	assert.Empty(t, v.get("/console/webhooks?cursor="+s.webhooks[0].ID).page.Find("#overview").Nodes)
	v.get("/console/webhooks?account=acc_other")
	assert.Equal(t, "acc_other", s.accountID)

	s.stats = webhook.Stats{Hours: make([]webhook.Hour, 2)}
	got = v.get("/console/webhooks")
	assert.Equal(t, "All webhooks 24 hours7 days No attempts in the last 24 hours.", got.text("#overview"))
	s.stats = webhook.Stats{Deliveries: map[webhook.Status]int{webhook.StatusWaiting: 2}}
	got = v.get("/console/webhooks")
	assert.Contains(t, got.text("#overview"), "too many webhooks for one chart of 24 hours; each has its own. Deliveries made in this time: 2 Waiting")
	assert.Empty(t, got.page.Find("#overview svg").Nodes)
	s.webhooks = nil
	assert.Empty(t, v.get("/console/webhooks").page.Find("#overview").Nodes)
}
