package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// executed counts how often the statements of the hot path were executed, each in a transaction of its own.
func (f *fixture) executed() int {
	f.t.Helper()
	return f.count(`SELECT coalesce(sum(generic_plans + custom_plans), 0) FROM pg_prepared_statements`)
}

// At load, what a delivery costs in transactions is a fraction of one: that is what batches are for.
func TestTransactionsOfADelivery(t *testing.T) {
	t.Parallel()
	const clients, rounds, most = 64, 10, 0.2
	f := newFixture(t)
	f.DB().SetMaxOpenConns(1) // statements are counted by connection
	accounts := []string{f.account, f.newAccount("second"), f.newAccount("third")}
	for _, account := range accounts {
		f.newWebhook(account, "call.ended")
	}
	before := f.executed()
	var group errgroup.Group
	for i := range clients {
		group.Go(func() error {
			for range rounds {
				if err := f.deliver(t.Context(), accounts[i%len(accounts)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	const deliveries = clients * rounds
	require.Equal(t, deliveries, f.count(`SELECT count(*) FROM deliveries WHERE status = 'delivered' AND attempt_count = 1`))
	require.Equal(t, deliveries, f.count(`SELECT count(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.webhook_id = d.webhook_id`))
	require.Equal(t, deliveries, f.count(`SELECT count(*) FROM events e JOIN event_payloads ON event_id = id
		JOIN deliveries d ON d.event_id = e.id AND d.account_id = e.account_id`))
	executed := float64(f.executed() - before)
	t.Logf("%.3f transactions a delivery", executed/deliveries)
	require.LessOrEqual(t, executed/deliveries, most)
}

// deliver publishes an event of an account, prepares its attempt and records it.
func (f *fixture) deliver(ctx context.Context, account string) error {
	deliveries, err := f.publishEvent(f.newEvent(account))
	if err != nil {
		return err
	}
	d := deliveries[0]
	prepared, err := f.PrepareAttempt(ctx, d.ID, "run-1", 1)
	if err != nil {
		return err
	}
	if prepared.Delivery.ID != d.ID || prepared.Webhook.AccountID != account || len(prepared.Payload) == 0 {
		return fmt.Errorf("%s of %s was prepared as %+v", d.ID, account, prepared.Delivery)
	}
	return f.RecordAttempt(ctx, attempt(d, "run-1", 1, 200), webhook.StatusDelivered, nil)
}

// What is wrong with one publication is nobody else's trouble, however many come in with it.
func TestABadPublicationFailsAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account, "*")
	var good errgroup.Group
	bad := make(chan error, 20)
	for i := range 60 {
		event := f.newEvent(f.account)
		if i%3 == 0 {
			event.AccountID = webhook.NewID(webhook.AccountPrefix)
			go func() {
				_, err := f.Publish(t.Context(), store.Publication{AccountID: event.AccountID, Published: []webhook.Published{{Event: *event}}})
				bad <- err
			}()
			continue
		}
		good.Go(func() error {
			_, err := f.publishEvent(event)
			return err
		})
	}
	require.NoError(t, good.Wait())
	for range cap(bad) {
		require.ErrorContains(t, <-bad, "publish: ")
	}
	require.Equal(t, 40, f.count(`SELECT count(*) FROM deliveries`))
}

// A caller who leaves may find his event published, but never half of it.
func TestPublishersThatLeave(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account, "*")
	var group errgroup.Group
	for range 50 {
		published := []webhook.Published{f.match(*f.newEvent(f.account))}
		group.Go(func() error {
			ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
			defer leave()
			_, _ = f.Publish(ctx, store.Publication{AccountID: f.account, Published: published})
			return nil
		})
	}
	require.NoError(t, group.Wait())
	f.publish(f.account) // comes after all that was under way
	events := f.count(`SELECT count(*) FROM events`)
	require.Equal(t, events, f.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, events, f.count(`SELECT count(*) FROM event_payloads`))
}

// What hundreds of webhooks get of one event is looked up at once, and the payload comes along once.
func TestPrepareAttemptsOfOneEvent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const webhooks = 150
	secrets := map[string]webhook.SigningSecret{}
	for range webhooks {
		w := f.newWebhook(f.account, "*")
		secrets[w.ID] = w.SigningSecret
	}
	event := f.newEvent(f.account)
	deliveries, err := f.publishEvent(event)
	require.NoError(t, err)
	require.Len(t, deliveries, webhooks)
	var group errgroup.Group
	for _, d := range deliveries {
		group.Go(func() error {
			prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run-1", 1)
			if err == nil && (prepared.Webhook.SigningSecret != secrets[d.WebhookID] || string(prepared.Payload) != string(event.Payload)) {
				err = fmt.Errorf("%s got what is not its own", d.ID)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
}

func TestPrepareAhead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, unknown := f.newDelivery(), webhook.NewID(webhook.DeliveryPrefix)
	f.PrepareAhead(t.Context(), []string{d.ID, unknown})
	f.exec(`UPDATE event_payloads SET payload = '{}'`) // while it is being looked up, or after it
	prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run-1", 1)
	require.NoError(t, err)
	require.Equal(t, d.ID, prepared.Delivery.ID)
	require.Equal(t, d.WebhookID, prepared.Webhook.ID)
	_, err = f.PrepareAttempt(t.Context(), unknown, "run-1", 1)
	requireNotFound(t, unknown, err)

	prepared, err = f.PrepareAttempt(t.Context(), d.ID, "run-1", 1)
	require.NoError(t, err)
	require.Equal(t, "{}", string(prepared.Payload), "it is taken once")
}

// What this process changes counts for the next attempt, also when that was prepared ahead.
func TestChangesCountForWhatWasPreparedAhead(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		change func(f *fixture, d webhook.Delivery) error
		check  func(t *testing.T, p store.Prepared)
	}{
		"the URL is edited": {
			func(f *fixture, d webhook.Delivery) error {
				_, err := f.UpdateWebhook(f.t.Context(), f.account, d.WebhookID, func(w *webhook.Webhook) error {
					w.URL = "https://new.example/"
					return nil
				})
				return err
			},
			func(t *testing.T, p store.Prepared) { require.Equal(t, "https://new.example/", p.Webhook.URL) },
		},
		"the webhook is disabled": {
			func(f *fixture, d webhook.Delivery) error {
				return f.DisableWebhook(f.t.Context(), d.WebhookID, "Test.")
			},
			func(t *testing.T, p store.Prepared) { require.False(t, p.Webhook.Enabled) },
		},
		"the webhook is deleted": {
			func(f *fixture, d webhook.Delivery) error {
				return f.DeleteWebhook(f.t.Context(), f.account, d.WebhookID)
			},
			func(t *testing.T, p store.Prepared) { require.False(t, p.Webhook.Enabled) },
		},
		"the delivery is cancelled": {
			func(f *fixture, d webhook.Delivery) error {
				_, err := f.CancelUnattempted(f.t.Context(), d.ID)
				return err
			},
			func(t *testing.T, p store.Prepared) { require.Equal(t, webhook.StatusCancelled, p.Delivery.Status) },
		},
		"the delivery is ended": {
			func(f *fixture, d webhook.Delivery) error {
				_, err := f.EndDelivery(f.t.Context(), d.ID, webhook.StatusDiscarded)
				return err
			},
			func(t *testing.T, p store.Prepared) { require.Equal(t, webhook.StatusDiscarded, p.Delivery.Status) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			d := f.newDelivery()
			f.PrepareAhead(t.Context(), []string{d.ID})
			require.NoError(t, scenario.change(f, d))
			prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run-1", 1)
			require.NoError(t, err)
			scenario.check(t, prepared)
		})
	}
}
