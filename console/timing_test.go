package console_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/durahook/durahook/webhook"
)

func milliseconds(ms int) *int { return &ms }

func TestTimingOfAnAttempt(t *testing.T) {
	t.Parallel()
	fresh := failed(503)
	fresh.ResponseTimeMS = 100
	fresh.Timing = &webhook.Timing{
		DNSMS: milliseconds(0), ConnectMS: milliseconds(10), TLSMS: milliseconds(25), FirstByteMS: milliseconds(60),
	}
	fast := "fast"
	fresh.Lane = &fast
	reused := failed(200)
	queued, reason := "queued", "it is a retry"
	reused.Lane, reused.LaneReason = &queued, &reason
	reused.Timing = &webhook.Timing{FirstByteMS: milliseconds(812), Reused: true}
	refused := webhook.Attempt{Outcome: webhook.OutcomeConnectionError, Timing: &webhook.Timing{ConnectMS: milliseconds(0)}}
	silent := webhook.Attempt{Outcome: webhook.OutcomeTimeout, ResponseTimeMS: 30_001, Timing: &webhook.Timing{FirstByteMS: milliseconds(30_000), Reused: true}}
	trickling := webhook.Attempt{Outcome: webhook.OutcomeTimeout, ResponseTimeMS: 30_000, Timing: &webhook.Timing{FirstByteMS: milliseconds(10_000), Reused: true}}
	got := see(t, inspection(webhook.StatusDelivered, fresh, reused, refused, failed(500), silent, trickling))

	assert.Equal(t, []string{
		"DNS < 1 ms", "Connect 10 ms", "TLS 25 ms", "First byte 60 ms", "Rest 5 ms", "Total 100 ms",
	}, got.texts("#attempt-1 .timing > div"))
	var bars [][2]string
	for _, bar := range got.page.Find("#attempt-1 .timing rect").EachIter() {
		bars = append(bars, [2]string{bar.AttrOr("x", ""), bar.AttrOr("width", "")})
	}
	assert.Equal(t, [][2]string{{"0", "6"}, {"0", "100"}, {"100", "250"}, {"350", "600"}, {"950", "50"}}, bars)
	assert.Equal(t, []string{"Connect reused", "First byte 812 ms", "Rest < 1 ms", "Total 812 ms"}, got.texts("#attempt-2 .timing > div"))
	assert.Equal(t, []string{"Connect < 1 ms", "Rest < 1 ms", "Total < 1 ms"}, got.texts("#attempt-3 .timing > div"))
	assert.Equal(t, []string{"Connect reused", "No answer 30.0 s", "Rest 1 ms", "Total 30.0 s"}, got.texts("#attempt-5 .timing > div"))
	assert.Equal(t, []string{"Connect reused", "First byte 10.0 s", "Rest 20.0 s", "Total 30.0 s"}, got.texts("#attempt-6 .timing > div"))
	assert.Empty(t, got.page.Find("#attempt-4 .timing").Nodes, "what isn't known isn't shown")
	assert.Equal(t, "true", got.attr("#attempt-1 .timing svg", "aria-hidden"))
	assert.Equal(t, "Lane: fast", got.text("#attempt-1 .lane"))
	assert.Equal(t, "Lane: queued, since it is a retry", got.text("#attempt-2 .lane"))
	assert.Empty(t, got.page.Find("#attempt-3 .lane").Nodes)
}

// What waits for its turn says so, and since when.
func TestRateLimitedDelivery(t *testing.T) {
	t.Parallel()
	found := inspection(webhook.StatusPending)
	assert.NotContains(t, see(t, found).text("#timeline .running"), "rate limit")
	since := found.Delivery.CreatedAt
	found.Delivery.RateLimitedSince = &since
	assert.Contains(t, see(t, found).text("#timeline .running"), "Waits for its turn under the webhook’s rate limit")
}

func TestRequestHeadersOfAnAttempt(t *testing.T) {
	t.Parallel()
	const script = `<script>alert(1)</script>`
	sent := failed(503)
	sent.RequestHeaders = map[string][]string{
		"Webhook-Signature": {"v1,••••"}, "Authorization": {"Bearer ••••"}, script: {script},
	}
	got := see(t, inspection(webhook.StatusExhausted, sent, failed(500)))
	assert.Equal(t, []string{script + " " + script, "Authorization Bearer ••••", "Webhook-Signature v1,••••"}, got.texts("#attempt-1 .headers > div"))
	assert.Equal(t, "Request headers", got.text("#attempt-1 details:first-of-type summary"))
	assert.Empty(t, got.page.Find("main script").Nodes)
	assert.NotContains(t, got.text("#attempt-2"), "Request headers")
}
