package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	event := f.newEvent(f.account)
	deliveries, err := f.publishEvent(event)
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

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ended, started, all := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "call.started"), f.newWebhook(f.account, "*")
	f.newWebhook(f.account, "contact.created")
	f.newWebhook(f.newAccount("other"), "*")
	for eventType, want := range map[string]webhook.Webhook{"call.ended": ended, "call.started": started} {
		for range 2 { // the second time from memory
			got, err := f.Subscriptions(t.Context(), f.account, eventType)
			require.NoError(t, err)
			require.EqualValues(t, 4, got.Version)
			require.Equal(t, []webhook.Subscription{
				{WebhookID: want.ID, WebhookName: want.Name, Events: []string{eventType}},
				{WebhookID: all.ID, WebhookName: all.Name, Events: []string{"*"}},
			}, got.Subscriptions)
		}
	}
	got, err := f.Subscriptions(t.Context(), f.newAccount("empty"), "call.ended")
	require.NoError(t, err)
	require.Equal(t, store.Subscribed{}, got)
}

// Whatever changes about who gets which events counts for the next event, whichever process changed it: what was
// matched before is refused.
func TestPublishRefusesStaleSubscriptions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fixture, w webhook.Webhook){
		"a new one": func(f *fixture, _ webhook.Webhook) { f.newWebhook(f.account, "*") },
		"the events": func(f *fixture, w webhook.Webhook) {
			f.exec(`UPDATE webhooks SET events = '{call.failed}' WHERE id = $1`, w.ID)
		},
		"the filter": func(f *fixture, w webhook.Webhook) {
			f.exec(`UPDATE webhooks SET filter = 'data.duration > 60' WHERE id = $1`, w.ID)
		},
		"disabled": func(f *fixture, w webhook.Webhook) {
			require.NoError(f.t, f.DisableWebhook(f.t.Context(), w.ID, "Test."))
		},
		"deleted": func(f *fixture, w webhook.Webhook) {
			require.NoError(f.t, f.DeleteWebhook(f.t.Context(), f.account, w.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := f.newWebhook(f.account, "call.ended")
			other := f.newAccount("other")
			f.newWebhook(other, "*")
			publish := func(account string, version int64) error {
				_, err := f.Publish(t.Context(), store.Publication{
					AccountID: account, Published: []webhook.Published{{Event: *f.newEvent(account)}}, Version: &version,
				})
				return err
			}
			before, err := f.Subscriptions(t.Context(), f.account, "call.ended")
			require.NoError(t, err)
			require.NoError(t, publish(f.account, before.Version))
			change(f, w)
			require.ErrorIs(t, publish(f.account, before.Version), store.ErrStale)
			require.NoError(t, publish(other, 1), "others are not concerned")
			require.Equal(t, 2, f.count(`SELECT count(*) FROM events`), "what is refused is not written")

			after, err := f.Subscriptions(t.Context(), f.account, "call.ended")
			require.NoError(t, err)
			require.Equal(t, before.Version+1, after.Version, "it was looked up again")
			require.NotEqual(t, before.Subscriptions, after.Subscriptions)
			require.NoError(t, publish(f.account, after.Version))
		})
	}
}

// Secrets and URLs are looked up for each attempt: they don't concern who gets what.
func TestOtherChangesLeaveSubscriptionsAsTheyAre(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "*")
	require.NoError(t, f.SetWebhookURL(t.Context(), f.account, w.ID, "https://new.example/"))
	require.Equal(t, 1, f.count(`SELECT version FROM subscription_versions`))
}

// However many of the same requests come in at the same moment, one of them publishes.
func TestPublishOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account, "*")
	key := idempotencyKey(t, "key", "body")
	var fresh atomic.Int64
	var same sync.WaitGroup
	for range 20 {
		publication := store.Publication{AccountID: f.account, Published: []webhook.Published{f.match(*f.newEvent(f.account))}, Key: key}
		same.Go(func() {
			won, err := f.Publish(t.Context(), publication)
			if assert.NoError(t, err) && won {
				fresh.Add(1)
			}
		})
	}
	same.Wait()
	require.EqualValues(t, 1, fresh.Load())
	require.Equal(t, 1, f.count(`SELECT count(*) FROM events`))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM event_payloads`))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries`))

	before, err := f.PublishedBefore(t.Context(), f.account, key)
	require.NoError(t, err)
	require.Len(t, before, 1)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM events WHERE id = $1 AND event = $2`, before[0].Event.ID, before[0].Event.Event))
	require.Len(t, before[0].Deliveries, 1)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries WHERE id = $1 AND webhook_id = $2`, before[0].Deliveries[0].ID, before[0].Deliveries[0].WebhookID))
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := idempotencyKey(t, "key", "body")
	publish := func(account string, key *webhook.IdempotencyKey) bool {
		t.Helper()
		fresh, err := f.Publish(t.Context(), store.Publication{AccountID: account, Published: []webhook.Published{f.match(*f.newEvent(account))}, Key: key})
		require.NoError(t, err)
		return fresh
	}
	before, err := f.PublishedBefore(t.Context(), f.account, key)
	require.NoError(t, err)
	require.Nil(t, before)
	require.True(t, publish(f.account, key))
	require.False(t, publish(f.account, key))
	require.True(t, publish(f.newAccount("other"), key), "each account has keys of its own")
	require.True(t, publish(f.account, idempotencyKey(t, "another key", "body")))

	_, err = f.PublishedBefore(t.Context(), f.account, idempotencyKey(t, "key", "another body"))
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeKeyReused, domain.Code)

	// A day later it is a new key.
	f.exec(`UPDATE idempotency_keys SET created_at = created_at - interval '24 hours' WHERE account_id = $1`, f.account)
	before, err = f.PublishedBefore(t.Context(), f.account, idempotencyKey(t, "key", "another body"))
	require.NoError(t, err)
	require.Nil(t, before)
	require.True(t, publish(f.account, idempotencyKey(t, "key", "another body")))
	deleted, err := f.DeleteOldIdempotencyKeys(t.Context(), 10)
	require.NoError(t, err)
	require.EqualValues(t, 1, deleted)
	require.Equal(t, 2, f.count(`SELECT count(*) FROM idempotency_keys`))
}

func idempotencyKey(t *testing.T, key, body string) *webhook.IdempotencyKey {
	t.Helper()
	parsed, err := webhook.ParseIdempotencyKey([]string{key}, "/v1/events", []byte(body))
	require.NoError(t, err)
	return parsed
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
		"payload cannot be written": func(f *fixture, _ *webhook.Event) {
			f.exec(`ALTER TABLE event_payloads ADD CONSTRAINT none CHECK (event_id = '')`)
		},
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
			deliveries, err := f.publishEvent(event)
			require.ErrorContains(t, err, "publish: ")
			require.Nil(t, deliveries)
			require.Equal(t, before, f.count(`SELECT count(*) FROM events`))
			require.Zero(t, f.count(`SELECT count(*) FROM event_payloads`))
			require.Zero(t, f.count(`SELECT count(*) FROM deliveries`))
			require.NotContains(t, err.Error(), "+15551234567", "payloads do not get into errors")
		})
	}
}
