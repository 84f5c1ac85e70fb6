package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func (f *fixture) newTest(w webhook.Webhook) webhook.Delivery {
	f.t.Helper()
	event := *f.newEvent(w.AccountID)
	event.Test = true
	d := webhook.NewDelivery(event, w.ID, w.Name)
	require.NoError(f.t, f.CreateTest(f.t.Context(), event, &d, lease))
	require.WithinDuration(f.t, time.Now(), d.CreatedAt, near)
	return d
}

func TestCreateTest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.failed")
	d := f.newTest(w)
	require.Equal(t, d, f.delivery(d.ID))
	require.True(t, d.Test)
	event, err := f.Event(t.Context(), f.account, d.EventID)
	require.NoError(t, err)
	require.True(t, event.Test)
	require.Equal(t, f.newEvent(f.account).Payload, event.Payload)
	listed, err := f.DeliveriesOf(t.Context(), f.account, d.EventID)
	require.NoError(t, err)
	require.Equal(t, []webhook.Delivery{d}, listed)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries WHERE sweep_at - created_at = interval '1 hour'`))

	other := f.newDelivery()
	require.False(t, f.delivery(other.ID).Test)
}

// A test is sent to a disabled webhook, but not to a deleted one, and waits for nothing that could be discarded.
func TestTestOfADisabledWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	d, published := f.newTest(w), f.publish(f.account)[0]
	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "Test."))
	later := f.newTest(w)
	for id, want := range map[string]bool{d.ID: true, later.ID: true, published.ID: false} {
		prepared, err := f.PrepareAttempt(t.Context(), id, "run", 1)
		require.NoError(t, err)
		require.Equal(t, want, prepared.Delivery.Test)
		require.Equal(t, want, prepared.Webhook.Enabled)
		require.Equal(t, !want, prepared.Discarded)
	}
	at, err := f.DisabledAt(t.Context(), w.ID)
	require.NoError(t, err)
	open, err := f.OpenDeliveries(t.Context(), w.ID, at.Add(time.Hour), "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{published.ID}, open)

	require.NoError(t, f.DeleteWebhook(t.Context(), f.account, w.ID))
	prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run", 1)
	require.NoError(t, err)
	require.False(t, prepared.Webhook.Enabled)
}
