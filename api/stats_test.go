package api_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestGetWebhookStats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	ids := []string{f.publish(f.account).Deliveries[0].ID, f.publish(f.account).Deliveries[0].ID, f.publish(f.account).Deliveries[0].ID}
	f.record(ids[0], webhook.StatusExhausted, nil) // on 2 February 2025 at half past two, with 503 after 812 ms
	f.record(ids[1], webhook.StatusWaiting, nil)
	f.exec(`UPDATE attempts SET outcome = 'success', status_code = 200, response_time_ms = 0 WHERE delivery_id = $1`, ids[1])

	path := "/v1/webhooks/" + w.ID + "/stats"
	got := decode[map[string]any](f.get(path+"?since=2025-02-02T13:20:00Z&until=2025-02-02T14:59:59.9Z"), 200)
	require.Equal(t, map[string]any{
		"webhook_id": w.ID, "since": "2025-02-02T13:00:00Z", "until": "2025-02-02T15:00:00Z",
		"deliveries": map[string]any{
			"total": 0.0, "pending": 0.0, "waiting": 0.0, "delivered": 0.0, "exhausted": 0.0, "cancelled": 0.0, "discarded": 0.0,
		},
		"attempts": map[string]any{
			"total": 2.0, "succeeded": 1.0, "failed": 1.0, "success_rate": 0.5,
			"outcomes": map[string]any{
				"success": 1.0, "client_error": 0.0, "server_error": 1.0, "timeout": 0.0, "connection_error": 0.0, "blocked": 0.0,
			},
			"response_time_ms": map[string]any{"p50": 1.0, "p90": 812.0, "p95": 812.0, "p99": 812.0, "max": 812.0},
		},
		"hours": []any{
			map[string]any{
				"start": "2025-02-02T13:00:00Z", "attempts": 0.0, "succeeded": 0.0, "failed": 0.0, "success_rate": nil,
				"response_time_ms": map[string]any{"p50": nil, "p95": nil, "p99": nil},
			},
			map[string]any{
				"start": "2025-02-02T14:00:00Z", "attempts": 2.0, "succeeded": 1.0, "failed": 1.0, "success_rate": 0.5,
				"response_time_ms": map[string]any{"p50": 1.0, "p95": 812.0, "p99": 812.0},
			},
		},
	}, got)

	today := decode[map[string]any](f.get(path), 200)
	require.Equal(t, map[string]any{
		"total": 3.0, "pending": 1.0, "waiting": 1.0, "delivered": 0.0, "exhausted": 1.0, "cancelled": 0.0, "discarded": 0.0,
	}, today["deliveries"])
	require.Equal(t, map[string]any{"p50": nil, "p90": nil, "p95": nil, "p99": nil, "max": nil},
		today["attempts"].(map[string]any)["response_time_ms"])
	require.GreaterOrEqual(t, len(today["hours"].([]any)), 24)
}

func TestStatsRefuse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := "/v1/webhooks/" + f.newWebhook(f.account).ID + "/stats?"
	type fields = map[string]string
	for query, want := range map[string]fields{
		"since=x&until=y&limit=1":                                                           {"/since": "RFC 3339", "/until": "RFC 3339", "/limit": "is not a known parameter; known are since, until"},
		"since=2025-02-02T14:30:00Z&until=2025-02-02T14:30:00Z":                             {"/until": "must be after since"},
		"since=2999-01-01T00:00:00Z":                                                        {"/until": "since must be in the past"},
		"since=2025-02-02T14:30:00Z":                                                        {"/since": "at most 31 days ago"},
		"since=2025-01-01T00:00:00Z&until=2025-02-01T00:00:01Z":                             {"/since": "at most 31 days before until"},
		"since=" + url.QueryEscape(time.Now().UTC().AddDate(0, -2, 0).Format(time.RFC3339)): {"/since": "at most 31 days"},
	} {
		requireProblem(f.get(path+query), 422, "invalid", want)
	}
	other := f.newAccount()
	requireProblem(f.call(http.MethodGet, path, "", "X-Account", other), 404, "not_found", nil)
	requireProblem(f.get("/v1/webhooks/whk_1/stats"), 404, "not_found", nil)
}
