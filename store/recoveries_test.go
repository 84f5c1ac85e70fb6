package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// newRecovery returns a stored recovery of what was made in the last hour.
func (f *fixture) newRecovery(webhookID string, statuses ...webhook.Status) webhook.Recovery {
	f.t.Helper()
	r := f.unstored(webhookID, statuses...)
	require.NoError(f.t, f.CreateRecovery(f.t.Context(), &r))
	return r
}

func (f *fixture) unstored(webhookID string, statuses ...webhook.Status) webhook.Recovery {
	f.t.Helper()
	now := time.Now().Add(near) // whatever the database's clock says
	r, err := webhook.DefineRecovery(f.account, webhookID, webhook.RecoveryDefinition{
		Since: now.Add(-time.Hour).Format(time.RFC3339), Status: statuses,
	}, now)
	require.NoError(f.t, err)
	return r
}

// exhausted returns the IDs of n deliveries of the only webhook that are exhausted after an attempt.
func (f *fixture) exhausted(n int) (ids []string) {
	f.t.Helper()
	for range n {
		id := f.publish(f.account)[0].ID
		f.exec(`UPDATE deliveries SET status = 'exhausted', attempt_count = 1 WHERE id = $1`, id)
		ids = append(ids, id)
	}
	return ids
}

// next takes the recovery's next delivery in hand and returns its ID, and where the recovery stands.
func (f *fixture) next(id string) (string, webhook.RecoveryProgress) {
	f.t.Helper()
	r, d, err := f.NextToRecover(f.t.Context(), id)
	require.NoError(f.t, err)
	stored, err := f.Recovery(f.t.Context(), f.account, id)
	require.NoError(f.t, err)
	require.Equal(f.t, stored, r, "what is returned is what is stored")
	if d == nil {
		return "", r.Progress()
	}
	require.Equal(f.t, f.delivery(d.ID), *d)
	return d.ID, r.Progress()
}

// rest takes everything in hand that is left.
func (f *fixture) rest(id string) (ids []string) {
	f.t.Helper()
	for {
		d, _ := f.next(id)
		if d == "" {
			return ids
		}
		ids = append(ids, d)
	}
}

func TestRecoveryTakesEachDeliveryOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	ids := f.exhausted(3)
	f.publish(f.account) // pending
	r := f.newRecovery(w.ID)
	require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryRunning}, r.Progress())
	for _, status := range []string{"delivered", "exhausted"} {
		counted, err := f.CountRecovery(t.Context(), r.ID)
		require.NoError(t, err)
		require.Equal(t, 3, counted.Matched, "it is counted once")
		f.exec(`UPDATE deliveries SET status = $2 WHERE id = $1`, ids[2], status)
	}
	for i, want := range ids {
		got, progress := f.next(r.ID)
		require.Equal(t, want, got, "oldest first")
		require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryRunning, Matched: 3, Retried: i + 1}, progress)
	}
	for range 2 {
		got, progress := f.next(r.ID)
		require.Empty(t, got)
		require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: 3, Retried: 3}, progress)
	}
}

func TestRecoveryTakesOnlyWhatMatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	all := f.exhausted(6)
	r := f.unstored(w.ID)
	f.exec(`UPDATE deliveries SET created_at = $2 WHERE id = $1`, all[0], r.Since.Add(-time.Microsecond))
	f.exec(`UPDATE deliveries SET created_at = $2 WHERE id = $1`, all[1], r.Since)
	f.exec(`UPDATE deliveries SET created_at = $2 WHERE id = $1`, all[2], r.Until.Add(-time.Microsecond))
	f.exec(`UPDATE deliveries SET created_at = $2 WHERE id = $1`, all[3], r.Until)
	f.newWebhook(f.account, "call.ended")
	for _, d := range f.publish(f.account) {
		if d.WebhookID != w.ID {
			f.exec(`UPDATE deliveries SET status = 'exhausted' WHERE id = $1`, d.ID)
		}
	}
	require.NoError(t, f.CreateRecovery(t.Context(), &r))
	require.Equal(t, []string{all[1], all[2], all[4], all[5]}, f.rest(r.ID))
}

func TestRecoveryTakesTheStatusesThatItNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	byStatus := map[webhook.Status]string{}
	for i, id := range f.exhausted(len(webhook.Statuses())) {
		status := webhook.Statuses()[i]
		f.exec(`UPDATE deliveries SET status = $2 WHERE id = $1`, id, status)
		byStatus[status] = id
	}
	for _, status := range webhook.RecoverableStatuses() {
		require.Equal(t, []string{byStatus[status]}, f.rest(f.newRecovery(w.ID, status).ID))
	}
	require.Len(t, f.rest(f.newRecovery(w.ID, webhook.RecoverableStatuses()...).ID), 4)
}

// Once something has happened to a delivery it is no longer what the recovery was asked to retry.
func TestRecoverySkipsWhatOthersSawTo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	ids := f.exhausted(4)
	r := f.newRecovery(w.ID)
	_, err := f.CountRecovery(t.Context(), r.ID)
	require.NoError(t, err)
	first, _ := f.next(r.ID)
	require.Equal(t, ids[0], first)
	f.exec(`UPDATE deliveries SET updated_at = now() WHERE id = $1`, ids[1]) // retried by hand, and failed
	_, err = f.EndDelivery(t.Context(), ids[2], webhook.StatusDelivered)
	require.NoError(t, err)
	f.exhausted(1) // later than the recovery
	require.Equal(t, []string{ids[3]}, f.rest(r.ID))
	_, progress := f.next(r.ID)
	require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: 4, Retried: 2, Skipped: 2}, progress)
}

func TestInHand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	ids := f.exhausted(1)
	r := f.newRecovery(w.ID)
	inHand := func() *webhook.Delivery {
		d, err := f.InHand(t.Context(), r.ID)
		require.NoError(t, err)
		return d
	}
	require.Nil(t, inHand(), "nothing was taken yet")
	f.next(r.ID)
	want := f.delivery(ids[0])
	require.Equal(t, &want, inHand())
	f.next(r.ID)
	require.Equal(t, &want, inHand(), "also when it was the last")
	require.NoError(t, f.Reopen(t.Context(), ids[0], 1))
	require.Nil(t, inHand(), "its retry is under way")
	f.exec(`UPDATE deliveries SET status = 'exhausted', attempt_count = 2`)
	require.Nil(t, inHand(), "its retry was made")
}

func TestRecoveryFailsWithoutItsWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, end := range map[string]func(w webhook.Webhook){
		"disabled": func(w webhook.Webhook) { f.update(w, func(w *webhook.Webhook) { w.Disable("Test.") }) },
		"deleted":  func(w webhook.Webhook) { require.NoError(t, f.DeleteWebhook(t.Context(), f.account, w.ID)) },
	} {
		d := f.newDelivery()
		f.exec(`UPDATE deliveries SET status = 'exhausted' WHERE id = $1`, d.ID)
		r := f.newRecovery(d.WebhookID)
		w, err := f.Webhook(t.Context(), f.account, d.WebhookID)
		require.NoError(t, err)
		end(w)
		for range 2 {
			got, progress := f.next(r.ID)
			require.Empty(t, got, name)
			require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryFailed, Reason: "The webhook was disabled or deleted."}, progress)
		}
	}
}

func TestEndRecovery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	f.exhausted(1)
	r := f.newRecovery(w.ID)
	ended, err := f.EndRecovery(t.Context(), r.ID, webhook.RecoveryCancelled, "")
	require.NoError(t, err)
	require.Equal(t, webhook.RecoveryCancelled, ended.Status)
	again, err := f.EndRecovery(t.Context(), r.ID, webhook.RecoveryFailed, "Too late.")
	require.NoError(t, err)
	require.Equal(t, ended, again, "the first end counts")
	require.Empty(t, f.rest(r.ID))
	_, err = f.EndRecovery(t.Context(), webhook.NewID(webhook.RecoveryPrefix), webhook.RecoveryFailed, "")
	require.ErrorContains(t, err, "no recovery")
}

func TestOneRecoveryOfAWebhookAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, other := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "call.ended")
	const asking = 4
	refusals := make([]error, asking)
	var group errgroup.Group
	for i := range refusals {
		r := f.unstored(w.ID)
		group.Go(func() error { refusals[i] = f.CreateRecovery(t.Context(), &r); return nil })
	}
	require.NoError(t, group.Wait())
	page, err := f.Recoveries(t.Context(), f.account, w.ID, store.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, page, 1)
	refused := 0
	for _, err := range refusals {
		var domain *webhook.Error
		if err != nil {
			require.ErrorAs(t, err, &domain)
			require.Equal(t, webhook.CodeConflict, domain.Code)
			require.Contains(t, domain.Message, page[0].ID)
			refused++
		}
	}
	require.Equal(t, asking-1, refused)
	f.newRecovery(other.ID)
	f.rest(page[0].ID)
	f.newRecovery(w.ID)
}

// Whatever an account asks for, it finds only its own.
func TestRecoveriesOfAnotherAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	f.exhausted(1)
	rival := f.newAccount("rival")
	r := f.unstored(w.ID)
	r.AccountID = rival
	requireNotFound(t, w.ID, f.CreateRecovery(t.Context(), &r))
	r = f.newRecovery(w.ID)
	_, err := f.Recovery(t.Context(), rival, r.ID)
	requireNotFound(t, r.ID, err)
	page, err := f.Recoveries(t.Context(), rival, w.ID, store.Page{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, page)
	require.NoError(t, f.DeleteWebhook(t.Context(), f.account, w.ID))
	r = f.unstored(w.ID)
	requireNotFound(t, w.ID, f.CreateRecovery(t.Context(), &r))
}

func TestPagesOfRecoveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	var all []webhook.Recovery
	for range 3 {
		r := f.newRecovery(w.ID, webhook.StatusWaiting, webhook.StatusDiscarded)
		f.rest(r.ID)
		stored, err := f.Recovery(t.Context(), f.account, r.ID)
		require.NoError(t, err)
		require.Equal(t, r.Statuses, stored.Statuses)
		require.True(t, r.Since.Equal(stored.Since))
		require.True(t, r.Until.Equal(stored.Until))
		all = append([]webhook.Recovery{stored}, all...)
	}
	first, err := f.Recoveries(t.Context(), f.account, w.ID, store.Page{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, all[:2], first)
	second, err := f.Recoveries(t.Context(), f.account, w.ID, store.Page{Limit: 2, Before: first[1].ID})
	require.NoError(t, err)
	require.Equal(t, all[2:], second)
}

func TestRunningRecoveriesAreClaimed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	r := f.newRecovery(w.ID)
	claim := func(lease time.Duration) []webhook.Recovery {
		recoveries, err := f.ClaimRecoveries(t.Context(), 10, lease)
		require.NoError(t, err)
		return recoveries
	}
	stored, err := f.Recovery(t.Context(), f.account, r.ID)
	require.NoError(t, err)
	stored.WebhookName = w.Name
	require.Equal(t, []webhook.Recovery{stored}, claim(0), "at once")
	require.Len(t, claim(lease), 1, "whoever claimed it died")
	require.Empty(t, claim(lease), "somebody is at it")
	f.rest(r.ID)
	f.exec(`UPDATE recoveries SET sweep_at = now()`)
	require.Empty(t, claim(lease), "it is completed")
}

// Two workers may be at the same recovery for a moment, when one of them was taken for dead.
func TestTwoWorkersTakeDifferentDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	ids := f.exhausted(40)
	r := f.newRecovery(w.ID)
	taken := make([][]string, 4)
	var group errgroup.Group
	for i := range taken {
		group.Go(func() error {
			for {
				_, d, err := f.NextToRecover(t.Context(), r.ID)
				if err != nil || d == nil {
					return err
				}
				taken[i] = append(taken[i], d.ID)
			}
		})
	}
	require.NoError(t, group.Wait())
	var all []string
	for _, some := range taken {
		all = append(all, some...)
	}
	require.ElementsMatch(t, ids, all)
}

func TestRecoveriesNeedTheDatabase(t *testing.T) {
	t.Parallel()
	ctx, id := t.Context(), webhook.NewID(webhook.RecoveryPrefix)
	s, err := store.Open(ctx, testdb.New(t), newKey(t))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for name, call := range map[string]func() error{
		"CreateRecovery":  func() error { return s.CreateRecovery(ctx, &webhook.Recovery{}) },
		"Recovery":        func() error { _, err := s.Recovery(ctx, id, id); return err },
		"Recoveries":      func() error { _, err := s.Recoveries(ctx, id, id, store.Page{}); return err },
		"ClaimRecoveries": func() error { _, err := s.ClaimRecoveries(ctx, 1, 0); return err },
		"CountRecovery":   func() error { _, err := s.CountRecovery(ctx, id); return err },
		"NextToRecover":   func() error { _, _, err := s.NextToRecover(ctx, id); return err },
		"InHand":          func() error { _, err := s.InHand(ctx, id); return err },
		"EndRecovery":     func() error { _, err := s.EndRecovery(ctx, id, webhook.RecoveryFailed, ""); return err },
	} {
		require.ErrorContains(t, call(), "database is closed", name)
	}
}

// What is counted before is what a recovery then retries.
func TestCountRecoverable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "*")
	ids := f.exhausted(5)
	f.exec(`UPDATE deliveries SET status = 'waiting' WHERE id = $1`, ids[0])
	f.exec(`UPDATE deliveries SET test = true WHERE id = $1`, ids[1])
	f.exec(`UPDATE deliveries SET created_at = created_at - interval '2 hours' WHERE id = $1`, ids[2])
	for want, statuses := range map[int][]webhook.Status{2: {webhook.StatusExhausted}, 3: {webhook.StatusExhausted, webhook.StatusWaiting}} {
		n, err := f.CountRecoverable(t.Context(), f.unstored(w.ID, statuses...), 10)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	n, err := f.CountRecoverable(t.Context(), f.unstored(w.ID, webhook.StatusExhausted), 1)
	require.NoError(t, err)
	require.Equal(t, 1, n, "no more are counted")
	require.Len(t, f.rest(f.newRecovery(w.ID, webhook.StatusExhausted).ID), 2)

	theirs := f.unstored(w.ID, webhook.StatusExhausted)
	theirs.AccountID = f.newAccount("stranger")
	n, err = f.CountRecoverable(t.Context(), theirs, 10)
	require.NoError(t, err)
	require.Zero(t, n, "another account's are not counted")
}
