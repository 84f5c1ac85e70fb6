package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// attemptAt records an attempt of a delivery that began at a time and took so long to be answered.
func (f *fixture) attemptAt(d webhook.Delivery, began time.Time, code, ms int) {
	f.t.Helper()
	made := attempt(d, webhook.NewID(webhook.AttemptPrefix), 1, code)
	made.StartedAt, made.EndedAt, made.ResponseTimeMS = began, began.Add(time.Duration(ms)*time.Millisecond), ms
	if code == 0 {
		made.StatusCode, made.Outcome = nil, webhook.OutcomeTimeout
	}
	require.NoError(f.t, f.RecordAttempt(f.t.Context(), made, webhook.StatusWaiting, nil))
}

func (f *fixture) stats(id string, since, until time.Time) webhook.Stats {
	f.t.Helper()
	stats, err := f.WebhookStats(f.t.Context(), id, since, until, 0)
	require.NoError(f.t, err)
	return stats
}

// anHourAgo is the beginning of an hour that ended long ago.
func anHourAgo() time.Time { return time.Now().UTC().Truncate(time.Hour).Add(-10 * time.Hour) }

func TestWebhookStats(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "*")
	d, hour := f.publish(f.account)[0], anHourAgo()
	other := f.newWebhook(f.account, "*")
	theirs := f.publish(f.account)[1]
	require.Equal(t, other.ID, theirs.WebhookID)
	f.attemptAt(theirs, hour, 200, 1)

	f.attemptAt(d, hour.Add(-time.Microsecond), 200, 1)
	for range 98 {
		f.attemptAt(d, hour, 200, 100)
	}
	f.attemptAt(d, hour.Add(time.Hour-time.Microsecond), 500, 1000)
	f.attemptAt(d, hour.Add(time.Hour), 404, 2000)
	f.attemptAt(d, hour.Add(2*time.Hour), 0, 30_000)
	f.attemptAt(d, hour.Add(3*time.Hour), 200, 1)

	for range 2 { // the second time from what was kept
		stats := f.stats(w.ID, hour, hour.Add(3*time.Hour))
		require.Len(t, stats.Hours, 3)
		require.Equal(t, map[webhook.Outcome]int{"success": 98, "server_error": 1, "client_error": 1, "timeout": 1}, stats.Attempts.Outcomes)
		require.Equal(t, 101, stats.Attempts.Total())
		require.InEpsilon(t, 100, *stats.Attempts.Percentile(0.5), 0.05)
		require.InEpsilon(t, 1000, *stats.Attempts.Percentile(0.99), 0.05)
		require.Equal(t, 2000, *stats.Attempts.Max(), "a timeout is no answer")
		for i, totals := range []struct{ attempts, succeeded int }{{99, 98}, {1, 0}, {1, 0}} {
			require.Equal(t, hour.Add(time.Duration(i)*time.Hour), stats.Hours[i].Start)
			require.Equal(t, totals.attempts, stats.Hours[i].Total())
			require.Equal(t, totals.succeeded, stats.Hours[i].Succeeded())
		}
		require.Nil(t, stats.Hours[2].Percentile(0.5))
		require.Equal(t, 3, f.count(`SELECT count(*) FROM webhook_hours WHERE figures IS NOT NULL`))
	}
}

func TestWebhookStatsCountDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "*")
	for i, status := range webhook.Statuses() {
		for range i + 1 {
			f.exec(`UPDATE deliveries SET status = $2 WHERE id = $1`, f.publish(f.account)[0].ID, status)
		}
	}
	now := time.Now().UTC().Truncate(time.Hour)
	stats := f.stats(w.ID, now.Add(-time.Hour), now.Add(2*time.Hour))
	want := map[webhook.Status]int{"pending": 1, "waiting": 2, "delivered": 3, "exhausted": 4, "cancelled": 5, "discarded": 6}
	require.Equal(t, want, stats.Deliveries)
	bounded, err := f.WebhookStats(t.Context(), w.ID, now.Add(-time.Hour), now.Add(2*time.Hour), 3)
	require.NoError(t, err)
	want = map[webhook.Status]int{"pending": 1, "waiting": 2, "delivered": 3, "exhausted": 3, "cancelled": 3, "discarded": 3}
	require.Equal(t, want, bounded.Deliveries)
	stats = f.stats(w.ID, now.Add(-2*time.Hour), now.Add(-time.Hour))
	require.Zero(t, stats.Deliveries[webhook.StatusDelivered])
}

// Hours that are over are read once; the one that goes on is read every time.
func TestHoursAreAddedUpOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, hour := f.newWebhook(f.account, "*"), anHourAgo()
	d, now := f.publish(f.account)[0], time.Now().UTC()
	f.attemptAt(d, hour, 200, 10)
	f.attemptAt(d, now, 200, 10)
	current := now.Truncate(time.Hour)
	require.Equal(t, 1, f.stats(w.ID, hour, hour.Add(time.Hour)).Attempts.Total())
	require.Equal(t, 1, f.stats(w.ID, current, current.Add(time.Hour)).Attempts.Total())
	f.exec(`UPDATE attempts SET outcome = 'server_error'`)
	require.Equal(t, 1, f.stats(w.ID, hour, hour.Add(time.Hour)).Attempts.Succeeded(), "from what was kept")
	require.Zero(t, f.stats(w.ID, current, current.Add(time.Hour)).Attempts.Succeeded())
	require.Equal(t, 0, f.count(`SELECT count(*) FROM webhook_hours WHERE hour >= $1`, current))
}

func TestLateAttemptsCount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, hour := f.newWebhook(f.account, "*"), anHourAgo()
	d := f.publish(f.account)[0]
	for i := range 3 {
		f.attemptAt(d, hour.Add(time.Duration(i)*time.Minute), 200, 10)
		require.Equal(t, i+1, f.stats(w.ID, hour, hour.Add(time.Hour)).Attempts.Total())
		require.Equal(t, 1, f.count(`SELECT count(*) FROM webhook_hours WHERE figures IS NOT NULL AND version = $1`, i+1))
	}
	// One that was recorded before is not late.
	made := attempt(d, "run-1", 1, 200)
	made.StartedAt = hour
	for range 2 {
		require.NoError(t, f.RecordAttempt(t.Context(), made, webhook.StatusWaiting, nil))
	}
	require.Equal(t, 4, f.count(`SELECT version FROM webhook_hours`))
	require.Equal(t, 4, f.stats(w.ID, hour, hour.Add(time.Hour)).Attempts.Total())
	// What is recorded in time leaves no trace.
	f.attemptAt(d, time.Now(), 200, 10)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM webhook_hours`))
}

// Whoever adds up while others record keeps nothing that lacks an attempt.
func TestLateAttemptsWhileOthersAddUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, hour := f.newWebhook(f.account, "*"), anHourAgo()
	d := f.publish(f.account)[0]
	const attempts = 40
	var group errgroup.Group
	group.Go(func() error {
		for i := range attempts {
			made := attempt(d, fmt.Sprint("run-", i), 1, 200)
			made.StartedAt = hour
			if err := f.RecordAttempt(t.Context(), made, webhook.StatusWaiting, nil); err != nil {
				return err
			}
		}
		return nil
	})
	for range 2 {
		group.Go(func() error {
			for range attempts {
				if _, err := f.WebhookStats(t.Context(), w.ID, hour, hour.Add(time.Hour), 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, attempts, f.stats(w.ID, hour, hour.Add(time.Hour)).Attempts.Total())
}

// The figures that were read before an attempt was recorded late are not kept.
func TestOutdatedFiguresAreNotKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, hour := f.newWebhook(f.account, "*"), anHourAgo()
	d := f.publish(f.account)[0]
	outdated := map[time.Time]webhook.Figures{hour: {}}
	f.attemptAt(d, hour, 200, 10)
	require.NoError(t, store.KeepHours(t.Context(), f.Store, w.ID, outdated, nil))
	require.Equal(t, 1, f.stats(w.ID, hour, hour.Add(time.Hour)).Attempts.Total())
	require.NoError(t, store.KeepHours(t.Context(), f.Store, w.ID, outdated, map[time.Time]int{hour: 1}))
	require.Equal(t, 1, f.stats(w.ID, hour, hour.Add(time.Hour)).Attempts.Total(), "others were first, with the same")
}

// The list of webhooks asks for all of them at once.
func TestHoursOfManyWebhooks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, other, third := f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*")
	hour := anHourAgo()
	for _, d := range f.publish(f.account) {
		switch d.WebhookID {
		case one.ID:
			f.attemptAt(d, hour, 200, 10)
			f.attemptAt(d, hour.Add(time.Hour), 500, 10)
		case other.ID:
			f.attemptAt(d, hour.Add(time.Hour), 200, 10)
		}
	}
	for range 2 { // the second time from what was kept
		hours, err := f.WebhooksHours(t.Context(), []string{one.ID, other.ID}, hour, hour.Add(2*time.Hour))
		require.NoError(t, err)
		require.Len(t, hours, 2)
		require.NotContains(t, hours, third.ID)
		for id, want := range map[string][]int{one.ID: {1, 1, 1, 0}, other.ID: {0, 0, 1, 1}} {
			require.Len(t, hours[id], 2)
			for i, of := range hours[id] {
				require.Equal(t, hour.Add(time.Duration(i)*time.Hour), of.Start)
				require.Equal(t, want[2*i], of.Total())
				require.Equal(t, want[2*i+1], of.Succeeded())
			}
		}
		require.Equal(t, 4, f.count(`SELECT count(*) FROM webhook_hours WHERE figures IS NOT NULL`))
	}
	hours, err := f.WebhooksHours(t.Context(), nil, hour, hour.Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, hours)
}
