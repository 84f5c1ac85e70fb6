package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// aged makes a delivery with one attempt that ended a while ago, with this status.
func (f *fixture) aged(status webhook.Status) webhook.Delivery {
	f.t.Helper()
	d := f.newDelivery()
	require.NoError(f.t, f.RecordAttempt(f.t.Context(), webhook.Attempt{
		DeliveryID: d.ID, RunID: "run", Sequence: 1, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeSuccess,
		StartedAt: time.Now(), EndedAt: time.Now(),
	}, webhook.StatusDelivered, nil))
	f.exec(`UPDATE deliveries SET status = $2, sweep_at = NULL, updated_at = now() - interval '1 hour' WHERE id = $1`, d.ID, status)
	return d
}

// soon is a time before which everything was published.
func soon() time.Time { return time.Now().Add(time.Second) }

func (f *fixture) expired(limit int, after string) store.Expired {
	f.t.Helper()
	expired, err := f.Expired(f.t.Context(), after, soon(), limit)
	require.NoError(f.t, err)
	return expired
}

func TestExpired(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	delivered, waiting, exhausted := f.aged("delivered"), f.aged("waiting"), f.aged("exhausted")
	fresh := f.aged("delivered")
	f.exec(`UPDATE deliveries SET updated_at = now() WHERE id = $1`, fresh.ID)
	unwanted := f.newEvent(f.account) // nobody subscribes to it
	unwanted.Event = "contact.created"
	_, err := f.publishEvent(unwanted)
	require.NoError(t, err)

	all := f.expired(10, "")
	require.Equal(t, []string{delivered.EventID, exhausted.EventID, unwanted.ID}, all.IDs)
	require.Equal(t, 2, all.Kept)
	require.Empty(t, all.Last)

	first := f.expired(2, "")
	require.Equal(t, store.Expired{IDs: []string{delivered.EventID}, Changed: first.Changed, Kept: 1, Last: waiting.EventID, AsOf: first.AsOf}, first)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries WHERE id = $1 AND updated_at = $2`, delivered.ID, first.Changed))
	require.Equal(t, []string{exhausted.EventID, unwanted.ID}, f.expired(10, first.Last).IDs)

	none, err := f.Expired(t.Context(), "", time.Now().Add(-time.Hour), 10)
	require.NoError(t, err)
	require.Empty(t, none)
}

// An event with more deliveries than are deleted at once has a batch of its own.
func TestExpiredEventsWithManyDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	small, large := f.aged("delivered"), f.aged("delivered")
	f.exec(`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, updated_at)
		SELECT 'dlv_' || n, account_id, event_id, webhook_id, event, 'delivered', updated_at FROM deliveries, generate_series(1, 2500) AS n
		WHERE id = $1`, large.ID)
	first := f.expired(10, "")
	require.Equal(t, []string{small.EventID}, first.IDs)
	second := f.expired(10, first.Last)
	require.Equal(t, []string{large.EventID}, second.IDs)
	deleted, err := f.DeleteEvents(t.Context(), second)
	require.NoError(t, err)
	require.Equal(t, webhook.Deleted{Events: 1, Deliveries: 2501, Attempts: 1}, deleted)
}

func TestDeleteEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	gone, retried, republished, held := f.aged("delivered"), f.aged("exhausted"), f.aged("delivered"), f.aged("discarded")
	expired := f.expired(10, "")
	require.Len(t, expired.IDs, 4)

	// What happens after the look at them.
	require.NoError(t, f.Reopen(t.Context(), retried.ID, 1))
	again := webhook.NewDelivery(webhook.Event{ID: republished.EventID, AccountID: f.account, Event: "call.ended"}, republished.WebhookID, "")
	require.NoError(t, f.CreateDelivery(t.Context(), &again))
	tx, err := f.DB().BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `SELECT FROM deliveries WHERE id = $1 FOR NO KEY UPDATE`, held.ID)
	require.NoError(t, err)

	deleted, err := f.DeleteEvents(t.Context(), expired)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.Equal(t, webhook.Deleted{Events: 1, Deliveries: 1, Attempts: 1}, deleted)
	_, err = f.Event(t.Context(), f.account, gone.EventID)
	requireNotFound(t, gone.EventID, err)
	_, err = f.Delivery(t.Context(), f.account, gone.ID)
	requireNotFound(t, gone.ID, err)
	require.Equal(t, 3, f.count(`SELECT count(*) FROM event_payloads`))
	require.Equal(t, 4, f.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, 3, f.count(`SELECT count(*) FROM attempts`))

	late := webhook.NewDelivery(webhook.Event{ID: gone.EventID, AccountID: f.account, Event: "call.ended"}, gone.WebhookID, "")
	requireNotFound(t, gone.EventID, f.CreateDelivery(t.Context(), &late))
	_, err = f.PrepareAttempt(t.Context(), gone.ID, "run", 2)
	requireNotFound(t, gone.ID, err)

	deleted, err = f.DeleteEvents(t.Context(), expired)
	require.NoError(t, err)
	require.Equal(t, webhook.Deleted{Events: 1, Deliveries: 1, Attempts: 1}, deleted, "the one that was held")
	deleted, err = f.DeleteEvents(t.Context(), store.Expired{})
	require.NoError(t, err)
	require.Zero(t, deleted)
}

func TestDeleteRest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	used, unused := f.aged("delivered"), f.newWebhook(f.account, "call.ended")
	for _, id := range []string{used.WebhookID, unused.ID} {
		require.NoError(t, f.DeleteWebhook(t.Context(), f.account, id))
		f.exec(`UPDATE webhooks SET deleted_at = now() - interval '10 days', discard_at = NULL WHERE id = $1`, id)
	}
	kept := f.newWebhook(f.account, "call.ended")
	f.exec(`INSERT INTO webhook_hours (webhook_id, hour) SELECT $1, now() - n * interval '1 hour' FROM generate_series(1, 48) AS n`, unused.ID)
	for status, age := range map[string]time.Duration{"running": 48 * time.Hour, "failed": 48 * time.Hour, "completed": time.Hour} {
		f.exec(`INSERT INTO recoveries (id, account_id, webhook_id, since, until, statuses, status)
			VALUES ($1, $2, $3, now() - interval '1 hour', now(), '{exhausted}', $4)`,
			webhook.FirstID(webhook.RecoveryPrefix, time.Now().Add(-age)), f.account, kept.ID, status)
	}
	yesterday := time.Now().Add(-24*time.Hour - time.Minute)
	more, err := f.DeleteRest(t.Context(), yesterday, 10)
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, 38, f.count(`SELECT count(*) FROM webhook_hours`))
	for more {
		more, err = f.DeleteRest(t.Context(), yesterday, 10)
		require.NoError(t, err)
	}
	require.Equal(t, 24, f.count(`SELECT count(*) FROM webhook_hours`))
	require.Equal(t, 2, f.count(`SELECT count(*) FROM recoveries WHERE status IN ('running', 'completed')`))
	require.Equal(t, 2, f.count(`SELECT count(*) FROM recoveries`))
	require.Equal(t, 3, f.count(`SELECT count(*) FROM webhooks`), "hours refer to the one, a delivery to the other")

	f.exec(`DELETE FROM webhook_hours`)
	_, err = f.DeleteRest(t.Context(), yesterday, 10)
	require.NoError(t, err)
	require.Zero(t, f.count(`SELECT count(*) FROM webhooks WHERE id = $1`, unused.ID))
	require.Equal(t, 2, f.count(`SELECT count(*) FROM webhooks`))
}
