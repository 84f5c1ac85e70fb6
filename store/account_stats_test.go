package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestAccountStats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, other := f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*")
	gone, stranger := f.newWebhook(f.account, "*"), f.newAccount("stranger")
	f.newWebhook(stranger, "*")
	hour := anHourAgo()
	f.attemptAt(f.publish(stranger)[0], hour, 500, 10)
	var late webhook.Delivery
	for _, d := range f.publish(f.account) {
		switch d.WebhookID {
		case one.ID:
			f.attemptAt(d, hour, 200, 10)
			f.attemptAt(d, hour.Add(time.Hour), 500, 10)
			late = d
		case other.ID:
			f.attemptAt(d, hour.Add(time.Hour), 200, 10)
			f.attemptAt(d, hour.Add(2*time.Hour), 200, 10) // after the span
		case gone.ID:
			f.attemptAt(d, hour, 0, 30_000)
		}
	}
	require.NoError(t, f.DeleteWebhook(t.Context(), f.account, gone.ID)) // but it was there then
	f.stats(one.ID, hour, hour.Add(time.Hour))                           // keeps an hour of one of them

	look := func(since time.Time) webhook.Stats {
		stats, err := f.AccountStats(t.Context(), f.account, since, hour.Add(2*time.Hour), 0)
		require.NoError(t, err)
		return stats
	}
	for range 2 { // the second time from what was kept
		stats := look(hour)
		require.Len(t, stats.Hours, 2)
		require.Equal(t, hour, stats.Hours[0].Start)
		require.Equal(t, map[webhook.Outcome]int{"success": 1, "timeout": 1}, stats.Hours[0].Outcomes)
		require.Equal(t, map[webhook.Outcome]int{"success": 1, "server_error": 1}, stats.Hours[1].Outcomes)
		require.Equal(t, 4, stats.Attempts.Total())
		require.Equal(t, 6, f.count(`SELECT count(*) FROM webhook_hours WHERE figures IS NOT NULL`))
	}
	f.attemptAt(late, hour, 404, 10) // takes the kept hour away
	require.Equal(t, 1, look(hour).Hours[0].Outcomes[webhook.OutcomeClientError])

	now := time.Now()
	f.exec(`UPDATE deliveries SET status = 'exhausted' WHERE webhook_id = $1`, one.ID)
	stats, err := f.AccountStats(t.Context(), f.account, now.Add(-time.Hour), now.Add(time.Hour), 1)
	require.NoError(t, err)
	require.Equal(t, 1, stats.Deliveries[webhook.StatusExhausted])
	require.Equal(t, 1, stats.Deliveries[webhook.StatusWaiting], "no more are counted")
	f.exec(`UPDATE webhooks SET deleted_at = $2 WHERE id = $1`, gone.ID, hour.Add(time.Minute))
	require.Zero(t, look(hour.Add(time.Hour)).Hours[0].Outcomes[webhook.OutcomeTimeout])
	require.Equal(t, 1, look(hour).Hours[0].Outcomes[webhook.OutcomeTimeout])
	f.exec(`INSERT INTO webhooks SELECT (jsonb_populate_record(w, jsonb_build_object('id', w.id || n))).* FROM webhooks w CROSS JOIN generate_series(1, $2) AS n WHERE w.id = $1`,
		one.ID, store.MostTogether/2)
	require.Empty(t, look(hour).Hours, "so many would take too long")
	require.NotEmpty(t, look(hour).Deliveries)
	empty, err := f.AccountStats(t.Context(), f.newAccount("empty"), hour, hour.Add(time.Hour), 0)
	require.NoError(t, err)
	require.Zero(t, empty.Attempts.Total())
	require.Len(t, empty.Hours, 1)
}
