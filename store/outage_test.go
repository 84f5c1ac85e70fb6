package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// While the database is down, no method may say that all is well, or that there is nothing.
func TestNothingSucceedsWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testdb.New(t), newKey(t))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	ctx, page := t.Context(), store.Page{Limit: 10}
	account, w, d := webhook.NewID(webhook.AccountPrefix), webhook.NewID(webhook.WebhookPrefix), webhook.NewID(webhook.DeliveryPrefix)
	for name, call := range map[string]func() error{
		"EnsureDefaultAccount": func() error { _, err := s.EnsureDefaultAccount(ctx); return err },
		"CheckAccount":         func() error { return s.CheckAccount(ctx, account) },
		"CreateWebhook":        func() error { return s.CreateWebhook(ctx, &webhook.Webhook{ID: w, AccountID: account}) },
		"Webhook":              func() error { _, err := s.Webhook(ctx, account, w); return err },
		"Webhooks":             func() error { _, err := s.Webhooks(ctx, account, page); return err },
		"SetWebhookURL":        func() error { return s.SetWebhookURL(ctx, account, w, "https://example.com") },
		"DisableWebhook":       func() error { return s.DisableWebhook(ctx, w, "Test.") },
		"Subscriptions":        func() error { _, err := s.Subscriptions(ctx, account, "call.ended"); return err },
		"Publish":              func() error { _, err := s.Publish(ctx, store.Publication{AccountID: account}); return err },
		"PublishedBefore":      func() error { _, err := s.PublishedBefore(ctx, account, new(webhook.IdempotencyKey)); return err },
		"Event":                func() error { _, err := s.Event(ctx, account, d); return err },
		"DeliveriesOf":         func() error { _, err := s.DeliveriesOf(ctx, account, d); return err },
		"CreateTest":           func() error { return s.CreateTest(ctx, webhook.Event{}, &webhook.Delivery{ID: d}, lease) },
		"CreateDelivery":       func() error { return s.CreateDelivery(ctx, &webhook.Delivery{ID: d}) },
		"Delivery":             func() error { _, err := s.Delivery(ctx, account, d); return err },
		"Deliveries":           func() error { _, err := s.Deliveries(ctx, account, store.DeliveryFilter{}, page); return err },
		"EndDelivery":          func() error { _, err := s.EndDelivery(ctx, d, webhook.StatusCancelled); return err },
		"CancelUnattempted":    func() error { _, err := s.CancelUnattempted(ctx, d); return err },
		"Reopen":               func() error { return s.Reopen(ctx, d, 1) },
		"ClaimUnstarted":       func() error { _, err := s.ClaimUnstarted(ctx, 1, lease); return err },
		"ReturnClaim":          func() error { return s.ReturnClaim(ctx, []string{d}, nil) },
		"PrepareAttempt":       func() error { _, err := s.PrepareAttempt(ctx, d, "run", 1); return err },
		"RecordAttempt": func() error {
			return s.RecordAttempt(ctx, webhook.Attempt{DeliveryID: d}, webhook.StatusDelivered, nil)
		},
		"Attempts": func() error { _, err := s.Attempts(ctx, account, d); return err },
	} {
		err := call()
		require.ErrorContains(t, err, "database is closed", name)
		var domain *webhook.Error
		require.NotErrorAs(t, err, &domain, "%s: it is nobody's mistake", name)
	}
}
