package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// overdue returns the IDs of all overdue deliveries, page by page.
func (f *fixture) overdue(limit int) []string {
	f.t.Helper()
	ids := []string{}
	var since time.Time
	for after := ""; ; {
		page, err := f.Overdue(f.t.Context(), since, after, limit)
		require.NoError(f.t, err)
		require.LessOrEqual(f.t, len(page), limit)
		for _, d := range page {
			ids, since, after = append(ids, d.ID), d.Since, d.ID
		}
		if len(page) < limit {
			return ids
		}
	}
}

// waits has a delivery wait for an attempt that is due in so long.
func (f *fixture) waits(id, due string) {
	f.t.Helper()
	f.exec(`UPDATE deliveries SET status = 'waiting', attempt_count = 1, next_attempt_at = now() + $2 WHERE id = $1`, id, due)
}

func TestOverdue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Empty(t, f.overdue(10))

	waiting, longer, soon, later := f.newDelivery().ID, f.newDelivery().ID, f.newDelivery().ID, f.newDelivery().ID
	f.waits(waiting, "-1 h")
	f.waits(longer, "-3 h")
	f.waits(soon, "-1 min")
	f.waits(later, "1 h")
	started, fresh, unstarted, ended := f.newDelivery().ID, f.newDelivery().ID, f.newDelivery().ID, f.newDelivery().ID
	f.exec(`UPDATE deliveries SET sweep_at = NULL, updated_at = now() - interval '2 h' WHERE id = $1`, started)
	f.exec(`UPDATE deliveries SET sweep_at = NULL WHERE id = $1`, fresh)
	f.exec(`UPDATE deliveries SET updated_at = now() - interval '2 h' WHERE id = $1`, unstarted)
	f.exec(`UPDATE deliveries SET status = 'exhausted', next_attempt_at = now() - interval '2 h', sweep_at = NULL WHERE id = $1`, ended)
	for limit := 1; limit <= 4; limit++ {
		require.Equal(t, []string{longer, started, waiting}, f.overdue(limit))
	}
	page, err := f.Overdue(t.Context(), time.Time{}, "", 10)
	require.NoError(t, err)
	require.Equal(t, f.delivery(longer), page[0].Delivery)
	require.WithinDuration(t, *page[0].NextAttemptAt, page[0].Since, 0)
}

// What waits or is delivered is not looked through for what is overdue.
func TestOverdueIsCheap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.newDelivery().ID
	f.exec(`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, next_attempt_at, sweep_at)
		SELECT 'dlv_' || n, account_id, event_id, webhook_id, event,
			CASE WHEN n % 2 = 0 THEN 'waiting' ELSE 'delivered' END, now() + n * interval '1 s', NULL
		FROM deliveries, generate_series(1, 20000) AS n WHERE id = $1`, id)
	f.waits(id, "-1 h")
	f.exec(`VACUUM ANALYZE deliveries`)
	require.Equal(t, []string{id}, f.overdue(10))
	c := &crowd{fixture: f}
	done, text := c.explain(store.OverdueQuery(10))
	done.check(t, text)
	require.Contains(t, text, `"deliveries_by_next_attempt"`)
	require.Contains(t, text, `"deliveries_started"`)
	require.Less(t, done.Hit+done.Read, 50, text)
}

func TestStartAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.newDelivery().ID
	f.waits(id, "-1 h")
	f.exec(`UPDATE deliveries SET sweep_at = NULL`)
	d := f.delivery(id)
	f.exec(`UPDATE deliveries SET updated_at = updated_at + interval '1 s'`)
	again, err := f.StartAgain(t.Context(), d)
	require.NoError(t, err)
	require.False(t, again, "it has changed since it was read")

	again, err = f.StartAgain(t.Context(), f.delivery(id))
	require.NoError(t, err)
	require.True(t, again)
	require.Empty(t, f.overdue(10), "now it is the sweep's")
	f.due()
	claimed, err := f.ClaimUnstarted(t.Context(), 10, lease)
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	require.Equal(t, webhook.StatusPending, claimed[0].Status)
	require.Equal(t, d.NextAttemptAt, claimed[0].NextAttemptAt, "by which the sweep knows that the schedule goes on")
}

func TestEndOpen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.newDelivery().ID
	f.waits(id, "1 h")
	read := f.delivery(id)
	for _, want := range []bool{true, false} {
		ended, err := f.EndOpen(t.Context(), read, webhook.StatusCancelled)
		require.NoError(t, err)
		require.Equal(t, want, ended)
		require.Equal(t, webhook.StatusCancelled, f.delivery(id).Status)
		require.Nil(t, f.delivery(id).NextAttemptAt)
	}
	ended, err := f.EndOpen(t.Context(), f.delivery(id), webhook.StatusExhausted)
	require.NoError(t, err)
	require.False(t, ended, "it has ended already")
}

func TestDeliveriesByID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	fresh, quiet := f.newDelivery().ID, f.newDelivery().ID
	f.newDelivery()
	f.exec(`UPDATE deliveries SET updated_at = now() - interval '1 h' WHERE id = $1`, quiet)
	all, isQuiet, err := f.DeliveriesByID(t.Context(), []string{fresh, quiet, "dlv_nobody"})
	require.NoError(t, err)
	require.ElementsMatch(t, []webhook.Delivery{f.delivery(fresh), f.delivery(quiet)}, all)
	require.Equal(t, map[string]bool{fresh: false, quiet: true}, isQuiet)
}
