package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	event := f.newEvent(f.account)
	deliveries, err := f.Publish(t.Context(), event)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), event.CreatedAt, near)
	require.Len(t, deliveries, 1)
	d := deliveries[0]
	require.NoError(t, webhook.CheckID(webhook.DeliveryPrefix, d.ID))

	stored := f.delivery(d.ID)
	require.Equal(t, webhook.Delivery{
		ID: d.ID, AccountID: f.account, WebhookID: w.ID, WebhookName: w.Name, EventID: event.ID, Event: "call.ended",
		Status: webhook.StatusPending, CreatedAt: stored.CreatedAt, UpdatedAt: stored.UpdatedAt,
	}, stored)
	require.Equal(t, event.CreatedAt, stored.CreatedAt)
	d.UpdatedAt = stored.UpdatedAt
	require.Equal(t, stored, d, "what Publish returns is what was stored")

	var row webhook.Event
	require.NoError(t, f.DB().GetContext(t.Context(), &row, `
		SELECT e.*, p.payload FROM events e JOIN event_payloads p ON p.event_id = e.id`))
	require.Equal(t, event.Payload, row.Payload)
	require.Equal(t, event.ID, row.ID)
	require.True(t, event.Timestamp.Equal(row.Timestamp))
}

func TestPublishMatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.newAccount("other")
	one, two, all := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "call.started", "call.ended"), f.newWebhook(f.account, "*")
	f.newWebhook(f.account, "call.started", "call.failed")
	disabled := f.newWebhook(f.account, "call.ended")
	require.NoError(t, f.DisableWebhook(t.Context(), disabled.ID, "Test."))
	f.exec(`UPDATE webhooks SET deleted_at = now() WHERE id = $1`, f.newWebhook(f.account, "*").ID)
	theirs := f.newWebhook(other, "*")

	var got []string
	for _, d := range f.publish(f.account) {
		got = append(got, d.WebhookID)
	}
	require.ElementsMatch(t, []string{one.ID, two.ID, all.ID}, got)
	require.Equal(t, 3, f.count(`SELECT count(*) FROM deliveries`))

	deliveries := f.publish(other)
	require.Len(t, deliveries, 1)
	require.Equal(t, theirs.ID, deliveries[0].WebhookID)
}

func TestPublishWithoutSubscribers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Empty(t, f.publish(f.account))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM events`))
}

func TestPublishIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*fixture, *webhook.Event){
		"unknown account": func(_ *fixture, e *webhook.Event) { e.AccountID = webhook.NewID(webhook.AccountPrefix) },
		"event of that ID exists": func(f *fixture, e *webhook.Event) {
			f.exec(`INSERT INTO events (id, account_id, event, timestamp) VALUES ($1, $2, 'call.ended', now())`, e.ID, e.AccountID)
		},
		"no payload": func(_ *fixture, e *webhook.Event) { e.Payload = nil },
		"deliveries cannot be written": func(f *fixture, _ *webhook.Event) {
			f.exec(`ALTER TABLE deliveries ADD CONSTRAINT none CHECK (id = '')`)
		},
		"one of two deliveries cannot be written": func(f *fixture, _ *webhook.Event) {
			second := f.newWebhook(f.account, "*")
			f.exec(`ALTER TABLE deliveries ADD CONSTRAINT none CHECK (webhook_id <> '` + second.ID + `')`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.newWebhook(f.account, "call.ended")
			event := f.newEvent(f.account)
			breakIt(f, event)
			before := f.count(`SELECT count(*) FROM events`)
			deliveries, err := f.Publish(t.Context(), event)
			require.ErrorContains(t, err, "publish event: insert ")
			require.Nil(t, deliveries)
			require.Equal(t, before, f.count(`SELECT count(*) FROM events`))
			require.Zero(t, f.count(`SELECT count(*) FROM event_payloads`))
			require.Zero(t, f.count(`SELECT count(*) FROM deliveries`))
			require.NotContains(t, err.Error(), "+15551234567", "payloads do not get into errors")
		})
	}
}
