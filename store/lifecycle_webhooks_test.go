package store_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func (f *fixture) update(w webhook.Webhook, change func(*webhook.Webhook)) webhook.Webhook {
	f.t.Helper()
	got, err := f.UpdateWebhook(f.t.Context(), w.AccountID, w.ID, func(w *webhook.Webhook) error { change(w); return nil })
	require.NoError(f.t, err)
	stored, err := f.Webhook(f.t.Context(), w.AccountID, w.ID)
	require.NoError(f.t, err)
	require.Equal(f.t, stored, got, "what is returned is what is stored")
	return got
}

func TestUpdateWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, untouched := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "*")
	got := f.update(w, func(w *webhook.Webhook) {
		w.Name, w.URL, w.Events = "New", "https://new.example/", []string{"call.failed", "call.started"}
		w.Authentication = webhook.Authentication{Type: "bearer", Token: "token"}
		w.Filter = "data.duration > 60"
	})
	require.Equal(t, "data.duration > 60", got.Filter)
	require.Equal(t, "New", got.Name)
	require.True(t, got.UpdatedAt.After(w.UpdatedAt))
	require.Equal(t, w.SigningSecret, got.SigningSecret)

	require.Equal(t, got, f.update(w, func(*webhook.Webhook) {}), "nothing changed, so it was not updated")
	again, err := f.Webhook(t.Context(), f.account, untouched.ID)
	require.NoError(t, err)
	require.Equal(t, untouched, again)

	refusal := errors.New("refused")
	_, err = f.UpdateWebhook(t.Context(), f.account, w.ID, func(w *webhook.Webhook) error { w.Name = "x"; return refusal })
	require.ErrorIs(t, err, refusal)
	_, err = f.UpdateWebhook(t.Context(), f.newAccount("other"), w.ID, func(*webhook.Webhook) error { panic("not theirs") })
	requireNotFound(t, w.ID, err)
}

// No change is lost: each is made on top of the one before.
func TestUpdateWebhookAtTheSameMoment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "*")
	const writers = 4
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			_, err := f.UpdateWebhook(t.Context(), f.account, w.ID, func(w *webhook.Webhook) error { w.Name += "+"; return nil })
			return err
		})
	}
	require.NoError(t, group.Wait())
	got, err := f.Webhook(t.Context(), f.account, w.ID)
	require.NoError(t, err)
	require.Equal(t, w.Name+strings.Repeat("+", writers), got.Name)
}

func TestUpdateWebhookGivesUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "*")
	_, err := f.UpdateWebhook(t.Context(), f.account, w.ID, func(w *webhook.Webhook) error {
		w.Name = "Mine"
		f.exec(`UPDATE webhooks SET updated_at = clock_timestamp()`)
		return nil
	})
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeConflict, domain.Code)
}

func TestRotatedSecretIsKeptSealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	secret := webhook.NewSigningSecret()
	got := f.update(w, func(w *webhook.Webhook) { require.NoError(t, w.Rotate(secret, time.Now())) })
	require.Equal(t, secret, got.SigningSecret)
	require.Equal(t, w.SigningSecret, got.PreviousSigningSecret)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), got.PreviousSigningSecretUntil, near)

	prepared, err := f.PrepareAttempt(t.Context(), f.publish(f.account)[0].ID, "run", 1)
	require.NoError(t, err)
	require.Equal(t, w.SigningSecret, prepared.Webhook.PreviousSigningSecret)
	require.True(t, prepared.Webhook.SignsWithPrevious(time.Now()))

	dump := f.dump()
	for _, s := range []webhook.SigningSecret{secret, w.SigningSecret} {
		key := strings.TrimPrefix(string(s), "whsec_")
		raw, err := base64.StdEncoding.DecodeString(key)
		require.NoError(t, err)
		for _, spelling := range append(spellings(key), spellings(string(raw))...) {
			require.NotContains(t, dump, spelling)
		}
	}
}

func TestDeleteWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, untouched := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "call.failed")
	d := f.publish(f.account)[0]
	requireNotFound(t, w.ID, f.DeleteWebhook(t.Context(), f.newAccount("other"), w.ID))
	require.NoError(t, f.DeleteWebhook(t.Context(), f.account, w.ID))
	requireNotFound(t, w.ID, f.DeleteWebhook(t.Context(), f.account, w.ID))
	_, err := f.UpdateWebhook(t.Context(), f.account, w.ID, func(w *webhook.Webhook) error { w.Enable(); return nil })
	requireNotFound(t, w.ID, err)
	_, err = f.Webhook(t.Context(), f.account, untouched.ID)
	require.NoError(t, err)

	require.Empty(t, f.publish(f.account), "it gets no more events")
	require.Equal(t, w.Name, f.delivery(d.ID).WebhookName, "what it got stays to be seen")
	prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run", 1)
	require.NoError(t, err)
	require.False(t, prepared.Webhook.Enabled)
}

// What was published before a webhook was disabled stays discarded when it is enabled again.
func TestDisabledAtDecides(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	discarded := func(d webhook.Delivery) bool {
		prepared, err := f.PrepareAttempt(t.Context(), d.ID, "run", 1)
		require.NoError(t, err)
		return prepared.Discarded
	}
	first := f.publish(f.account)[0]
	require.False(t, discarded(first))
	f.update(w, func(w *webhook.Webhook) { w.Disable("Test.") })
	require.True(t, discarded(first))
	require.Empty(t, f.publish(f.account))
	f.update(w, func(w *webhook.Webhook) { w.Enable() })
	second := f.publish(f.account)[0]
	require.True(t, discarded(first))
	require.False(t, discarded(second))
	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "The endpoint answered 410 Gone."))
	require.True(t, discarded(second))
}

func TestDiscardsAreClaimedUntilTheyAreFinished(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	claim := func(lease time.Duration) (ids []string) {
		webhooks, err := f.ClaimDiscards(t.Context(), 10, lease)
		require.NoError(t, err)
		for _, w := range webhooks {
			require.Equal(t, f.account, w.AccountID)
			require.Equal(t, "Salesforce Sync", w.Name)
			ids = append(ids, w.ID)
		}
		return ids
	}
	f.newWebhook(f.account, "*")
	gone, off, deleted := f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*"), f.newWebhook(f.account, "*")
	require.Empty(t, claim(0))
	require.NoError(t, f.DisableWebhook(t.Context(), gone.ID, "The endpoint answered 410 Gone."))
	f.update(off, func(w *webhook.Webhook) { w.Disable("Test.") })
	require.NoError(t, f.DeleteWebhook(t.Context(), f.account, deleted.ID))
	all := []string{gone.ID, off.ID, deleted.ID}
	require.ElementsMatch(t, all, claim(0))
	require.ElementsMatch(t, all, claim(time.Hour), "whoever claimed them died")
	require.Empty(t, claim(time.Hour), "somebody is at it")

	before, err := f.DisabledAt(t.Context(), gone.ID)
	require.NoError(t, err)
	f.update(gone, func(w *webhook.Webhook) { w.Enable() })
	f.update(gone, func(w *webhook.Webhook) { w.Disable("Again.") })
	require.NoError(t, f.FinishDiscard(t.Context(), gone.ID, before))
	require.Equal(t, []string{gone.ID}, claim(0), "it was disabled once more")
	again, err := f.DisabledAt(t.Context(), gone.ID)
	require.NoError(t, err)
	require.True(t, again.After(before))
	require.NoError(t, f.FinishDiscard(t.Context(), gone.ID, again))
	require.Empty(t, claim(0))
	never, err := f.DisabledAt(t.Context(), webhook.NewID(webhook.WebhookPrefix))
	require.NoError(t, err)
	require.Zero(t, never)
}

func TestOpenDeliveriesAndDiscardOpen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	var all []string
	for range 5 {
		all = append(all, f.publish(f.account)[0].ID)
	}
	f.exec(`UPDATE deliveries SET status = 'waiting', next_attempt_at = now() WHERE id = $1`, all[1])
	f.exec(`UPDATE deliveries SET status = 'delivered' WHERE id = $1`, all[2])
	f.exec(`UPDATE deliveries SET created_at = now() + interval '1 hour' WHERE id = $1`, all[4])
	page := func(after string, limit int) []string {
		ids, err := f.OpenDeliveries(t.Context(), w.ID, time.Now().Add(time.Minute), after, limit)
		require.NoError(t, err)
		return ids
	}
	require.Equal(t, []string{all[0], all[1]}, page("", 2))
	require.Equal(t, []string{all[3]}, page(all[1], 2))

	for _, id := range all {
		require.NoError(t, f.DiscardOpen(t.Context(), id))
	}
	require.Equal(t, webhook.StatusDelivered, f.delivery(all[2]).Status)
	require.Equal(t, webhook.StatusDiscarded, f.delivery(all[1]).Status)
	require.Nil(t, f.delivery(all[1]).NextAttemptAt)
	require.Empty(t, page("", 10))
}

func TestLifecycleNeedsTheDatabase(t *testing.T) {
	t.Parallel()
	ctx, id, account := t.Context(), webhook.NewID(webhook.WebhookPrefix), webhook.NewID(webhook.AccountPrefix)
	s, err := store.Open(ctx, testdb.New(t), newKey(t))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for name, call := range map[string]func() error{
		"UpdateWebhook":  func() error { _, err := s.UpdateWebhook(ctx, account, id, nil); return err },
		"DeleteWebhook":  func() error { return s.DeleteWebhook(ctx, account, id) },
		"ClaimDiscards":  func() error { _, err := s.ClaimDiscards(ctx, 1, 0); return err },
		"DisabledAt":     func() error { _, err := s.DisabledAt(ctx, id); return err },
		"OpenDeliveries": func() error { _, err := s.OpenDeliveries(ctx, id, time.Now(), "", 1); return err },
		"DiscardOpen":    func() error { return s.DiscardOpen(ctx, id) },
		"FinishDiscard":  func() error { return s.FinishDiscard(ctx, id, time.Now()) },
	} {
		require.ErrorContains(t, call(), "database is closed", name)
	}
}
