package api

import (
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

// statsJSON are the figures of a webhook as clients see them.
type statsJSON struct {
	WebhookID  string             `json:"webhook_id"`
	Since      time.Time          `json:"since"`
	Until      time.Time          `json:"until"`
	Deliveries deliveryCountsJSON `json:"deliveries"`
	Attempts   attemptFiguresJSON `json:"attempts"`
	Hours      []attemptsInAnHour `json:"hours"`
}

type deliveryCountsJSON struct {
	Total     int `json:"total"`
	Pending   int `json:"pending"`
	Waiting   int `json:"waiting"`
	Delivered int `json:"delivered"`
	Exhausted int `json:"exhausted"`
	Cancelled int `json:"cancelled"`
	Discarded int `json:"discarded"`
}

type attemptFiguresJSON struct {
	Total          int                     `json:"total"`
	Succeeded      int                     `json:"succeeded"`
	Failed         int                     `json:"failed"`
	SuccessRate    *float64                `json:"success_rate"` // null without attempts
	Outcomes       map[webhook.Outcome]int `json:"outcomes"`
	ResponseTimeMS responseTimesJSON       `json:"response_time_ms"`
}

// responseTimesJSON are null when no attempt was answered.
type responseTimesJSON struct {
	P50 *int `json:"p50"`
	P90 *int `json:"p90"`
	P95 *int `json:"p95"`
	P99 *int `json:"p99"`
	Max *int `json:"max"`
}

type attemptsInAnHour struct {
	Start          time.Time             `json:"start"`
	Attempts       int                   `json:"attempts"`
	Succeeded      int                   `json:"succeeded"`
	Failed         int                   `json:"failed"`
	SuccessRate    *float64              `json:"success_rate"`
	ResponseTimeMS responseTimesInAnHour `json:"response_time_ms"`
}

type responseTimesInAnHour struct {
	P50 *int `json:"p50"`
	P95 *int `json:"p95"`
	P99 *int `json:"p99"`
}

// The shares of answers whose times are shown.
const (
	p50 = 0.50
	p90 = 0.90
	p95 = 0.95
	p99 = 0.99
)

func newStatsJSON(stats webhook.Stats) statsJSON {
	answer := statsJSON{
		WebhookID: stats.WebhookID, Since: stats.Since, Until: stats.Until,
		Deliveries: newDeliveryCountsJSON(stats.Deliveries), Attempts: newAttemptFiguresJSON(stats.Attempts),
		Hours: []attemptsInAnHour{},
	}
	for _, hour := range stats.Hours {
		answer.Hours = append(answer.Hours, attemptsInAnHour{
			Start: hour.Start, Attempts: hour.Total(), Succeeded: hour.Succeeded(), Failed: hour.Total() - hour.Succeeded(),
			SuccessRate:    hour.SuccessRate(),
			ResponseTimeMS: responseTimesInAnHour{hour.Percentile(p50), hour.Percentile(p95), hour.Percentile(p99)},
		})
	}
	return answer
}

func newDeliveryCountsJSON(counts map[webhook.Status]int) deliveryCountsJSON {
	answer := deliveryCountsJSON{
		Pending: counts[webhook.StatusPending], Waiting: counts[webhook.StatusWaiting],
		Delivered: counts[webhook.StatusDelivered], Exhausted: counts[webhook.StatusExhausted],
		Cancelled: counts[webhook.StatusCancelled], Discarded: counts[webhook.StatusDiscarded],
	}
	for _, count := range counts {
		answer.Total += count
	}
	return answer
}

func newAttemptFiguresJSON(f webhook.Figures) attemptFiguresJSON {
	answer := attemptFiguresJSON{
		Total: f.Total(), Succeeded: f.Succeeded(), Failed: f.Total() - f.Succeeded(), SuccessRate: f.SuccessRate(),
		Outcomes: make(map[webhook.Outcome]int),
		ResponseTimeMS: responseTimesJSON{
			f.Percentile(p50), f.Percentile(p90), f.Percentile(p95), f.Percentile(p99), f.Max(),
		},
	}
	for _, outcome := range webhook.Outcomes() {
		answer.Outcomes[outcome] = f.Outcomes[outcome]
	}
	return answer
}

func (a *API) getWebhookStats(r *http.Request, accountID string) (int, any, error) {
	q := newQueryOfOne(r, "since", "until")
	since, until := q.span()
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	stats, err := a.service.WebhookStats(r.Context(), accountID, pathID(r), since, until)
	return http.StatusOK, newStatsJSON(stats), err
}
