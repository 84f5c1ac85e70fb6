package api

import (
	"net/http"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/webhook"
)

// The shares of answers whose times are shown.
const (
	p50 = 0.50
	p90 = 0.90
	p95 = 0.95
	p99 = 0.99
)

func newStats(stats webhook.Stats) types.WebhookStats {
	answer := types.WebhookStats{
		WebhookID: stats.WebhookID, Since: stats.Since, Until: stats.Until,
		Deliveries: newDeliveryCounts(stats.Deliveries), Attempts: newAttemptStats(stats.Attempts), Hours: []types.HourStats{},
	}
	for _, hour := range stats.Hours {
		answer.Hours = append(answer.Hours, types.HourStats{
			Start: hour.Start, Attempts: hour.Total(), Succeeded: hour.Succeeded(), Failed: hour.Total() - hour.Succeeded(),
			SuccessRate:    hour.SuccessRate(),
			ResponseTimeMS: types.HourResponseTimes{P50: hour.Percentile(p50), P95: hour.Percentile(p95), P99: hour.Percentile(p99)},
		})
	}
	return answer
}

func newDeliveryCounts(counts map[webhook.Status]int) types.DeliveryCounts {
	answer := types.DeliveryCounts{
		Pending: counts[webhook.StatusPending], Waiting: counts[webhook.StatusWaiting],
		Delivered: counts[webhook.StatusDelivered], Exhausted: counts[webhook.StatusExhausted],
		Cancelled: counts[webhook.StatusCancelled], Discarded: counts[webhook.StatusDiscarded],
	}
	for _, count := range counts {
		answer.Total += count
	}
	return answer
}

func newAttemptStats(f webhook.Figures) types.AttemptStats {
	return types.AttemptStats{
		Total: f.Total(), Succeeded: f.Succeeded(), Failed: f.Total() - f.Succeeded(), SuccessRate: f.SuccessRate(),
		Outcomes: types.OutcomeCounts{
			Success: f.Outcomes[webhook.OutcomeSuccess], ClientError: f.Outcomes[webhook.OutcomeClientError],
			ServerError: f.Outcomes[webhook.OutcomeServerError], Timeout: f.Outcomes[webhook.OutcomeTimeout],
			ConnectionError: f.Outcomes[webhook.OutcomeConnectionError], Blocked: f.Outcomes[webhook.OutcomeBlocked],
		},
		ResponseTimeMS: types.ResponseTimes{
			P50: f.Percentile(p50), P90: f.Percentile(p90), P95: f.Percentile(p95), P99: f.Percentile(p99), Max: f.Max(),
		},
	}
}

func (a *API) getWebhookStats(r *http.Request, accountID string) (int, any, error) {
	q := newQueryOfOne(r, "since", "until")
	since, until := q.span()
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	stats, err := a.service.WebhookStats(r.Context(), accountID, pathID(r), since, until, 0)
	return http.StatusOK, newStats(stats), err
}
