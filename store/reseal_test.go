package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// rotation is a database with webhooks whose secrets an old key sealed, and that is to get a new one.
type rotation struct {
	*fixture
	url      string
	old, new *encryption.Key
	webhooks []webhook.Webhook
}

func newRotation(t *testing.T, webhooks int) *rotation {
	t.Helper()
	r := &rotation{url: testdb.New(t), old: newKey(t), new: newKey(t)}
	s := open(t, r.url, r.old)
	_, err := migrations.Up(t.Context(), s.DB().DB)
	require.NoError(t, err)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	r.fixture = &fixture{Store: s, t: t, account: account}
	for i := range webhooks {
		w, err := webhook.Define(account, webhook.Definition{
			Name: "Webhook", URL: "https://example.com/", Events: []string{"*"},
			Authentication: webhook.Authentication{Type: "bearer", Token: fmt.Sprintf("token-%d", i)},
		}, webhook.BuiltIn, false)
		require.NoError(t, err)
		require.NoError(t, s.CreateWebhook(t.Context(), &w))
		r.webhooks = append(r.webhooks, w)
	}
	return r
}

// rotate gives a second secret to the first webhook, as a rotation of its signing secret does.
func (r *rotation) rotateFirst() {
	r.t.Helper()
	w, err := r.UpdateWebhook(r.t.Context(), r.account, r.webhooks[0].ID, func(w *webhook.Webhook) error {
		return w.Rotate(webhook.NewSigningSecret(), time.Now())
	})
	require.NoError(r.t, err)
	r.webhooks[0] = w
}

// requireSecrets makes sure that a store opens all secrets, and that they are what they were.
func (r *rotation) requireSecrets(s *store.Store) {
	r.t.Helper()
	for _, want := range r.webhooks {
		got, err := s.Webhook(r.t.Context(), r.account, want.ID)
		require.NoError(r.t, err)
		require.Equal(r.t, want.Authentication, got.Authentication)
		require.Equal(r.t, want.SigningSecret, got.SigningSecret)
		require.Equal(r.t, want.PreviousSigningSecret, got.PreviousSigningSecret)
		require.True(r.t, want.UpdatedAt.Equal(got.UpdatedAt), "a rotation is no change of the webhook")
	}
}

func ignore(store.Resealed) {}

func TestReseal(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 250)
	r.rotateFirst()
	rotating := open(t, r.url, r.new, r.old)
	r.requireSecrets(rotating)
	var steps []int
	done, err := rotating.Reseal(t.Context(), func(now store.Resealed) { steps = append(steps, now.Webhooks) })
	require.NoError(t, err)
	require.Equal(t, store.Resealed{Webhooks: 250, Secrets: 501}, done)
	require.Equal(t, []int{100, 200, 250}, steps)
	r.requireSecrets(open(t, r.url, r.new))
	_, err = r.Webhook(t.Context(), r.account, r.webhooks[0].ID)
	require.ErrorContains(t, err, "it was sealed with another --encryption-key", "the old key is of no use any more")

	sealed := r.dump()
	done, err = rotating.Reseal(t.Context(), ignore)
	require.NoError(t, err)
	require.Equal(t, store.Resealed{}, done, "once more, nothing is left to do")
	require.Equal(t, sealed, r.dump())
}

// Deliveries that wait for a webhook which was deleted need its secrets still.
func TestResealDeletedWebhooks(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 1)
	require.NoError(t, r.DeleteWebhook(t.Context(), r.account, r.webhooks[0].ID))
	done, err := open(t, r.url, r.new, r.old).Reseal(t.Context(), ignore)
	require.NoError(t, err)
	require.Equal(t, store.Resealed{Webhooks: 1, Secrets: 2}, done)
	require.NoError(t, open(t, r.url, r.new).CheckKeys(t.Context()))
}

// Every column with bytes in it is sealed, and has to be thought of when the key is changed.
func TestResealKnowsAllColumns(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 0)
	var columns []string
	require.NoError(t, r.DB().SelectContext(t.Context(), &columns, `
		SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND data_type = 'bytea' ORDER BY 1`))
	require.Subset(t, []string{
		"api_keys.hash", "attempts.response_body", "event_payloads.payload", "idempotency_keys.key", "idempotency_keys.request", "erasures.matched_hash", // not sealed
		"alert_channels.address", "webhooks.authentication", "webhooks.previous_signing_secret", "webhooks.signing_secret",
	}, columns, "a new column: add it to one of these lists, and to Reseal and CheckKeys if it is sealed")
}

// Stopped in the middle, everything can be read with both keys, and the next call goes on.
func TestResealIsStopped(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 250)
	rotating := open(t, r.url, r.new, r.old)
	ctx, cancel := context.WithCancel(t.Context())
	done, err := rotating.Reseal(ctx, func(store.Resealed) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 100, done.Webhooks)
	r.requireSecrets(rotating)
	r.requireSecrets(open(t, r.url, r.old, r.new))
	require.Error(t, open(t, r.url, r.new).CheckKeys(t.Context()))
	require.Error(t, open(t, r.url, r.old).CheckKeys(t.Context()))

	done, err = rotating.Reseal(t.Context(), ignore)
	require.NoError(t, err)
	require.Equal(t, store.Resealed{Webhooks: 150, Secrets: 300}, done)
	r.requireSecrets(open(t, r.url, r.new))
}

// Two at once share the work, and webhooks that are changed meanwhile, by processes with the key before or
// with the new one, keep their changes.
func TestResealBesideOthers(t *testing.T) {
	t.Parallel()
	const count = 300
	r := newRotation(t, count)
	results := make([]store.Resealed, 2)
	var group sync.WaitGroup
	for i := range results {
		rotating := open(t, r.url, r.new, r.old)
		group.Go(func() {
			var err error
			results[i], err = rotating.Reseal(t.Context(), ignore)
			if err != nil {
				t.Error(err)
			}
		})
	}
	for i, s := range []*store.Store{open(t, r.url, r.old, r.new), open(t, r.url, r.new, r.old)} {
		group.Go(func() {
			for at := i; at < count; at += 20 {
				w, err := s.UpdateWebhook(t.Context(), r.account, r.webhooks[at].ID, func(w *webhook.Webhook) error {
					w.Authentication.Token += "-changed"
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				r.webhooks[at] = w
			}
		})
	}
	group.Wait()
	require.GreaterOrEqual(t, results[0].Webhooks+results[1].Webhooks, count-count/20, "what a process with the new key changed needs nothing")
	last, err := open(t, r.url, r.new, r.old).Reseal(t.Context(), ignore)
	require.NoError(t, err)
	require.LessOrEqual(t, last.Webhooks, count/20, "what a process with the old key changed last")
	r.requireSecrets(open(t, r.url, r.new))
}

// A process that still seals with the key before is caught up with in the same call.
func TestResealCatchesUp(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 101)
	late := false
	done, err := open(t, r.url, r.new, r.old).Reseal(t.Context(), func(now store.Resealed) {
		if now.Webhooks < 101 || late {
			return
		}
		late = true
		w, err := open(t, r.url, r.old, r.new).UpdateWebhook(t.Context(), r.account, r.webhooks[0].ID, func(w *webhook.Webhook) error {
			w.Name = "Changed"
			return nil
		})
		require.NoError(t, err)
		r.webhooks[0] = w
	})
	require.NoError(t, err)
	require.Equal(t, 102, done.Webhooks)
	r.requireSecrets(open(t, r.url, r.new))
}

// While secrets are sealed anew, events are published to the webhooks that are locked, and a change that was
// under way is waited for and not lost.
func TestResealLetsEventsBePublished(t *testing.T) {
	t.Parallel()
	const patience = time.Minute
	r := newRotation(t, 2)
	tx, err := r.DB().BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	changed := &r.webhooks[1]
	changed.SigningSecret = webhook.NewSigningSecret()
	sealed, err := r.old.Seal([]byte(changed.SigningSecret), r.account+"/"+changed.ID+"/signing_secret")
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `UPDATE webhooks SET signing_secret = $1 WHERE id = $2`, sealed, changed.ID)
	require.NoError(t, err)
	rotating, ended := open(t, r.url, r.new, r.old), make(chan error, 1)
	go func() {
		_, err := rotating.Reseal(t.Context(), ignore)
		ended <- err
	}()
	require.Eventually(t, func() bool { // it has locked the first webhook and waits for the second
		return r.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	}, patience, time.Millisecond)
	require.Len(t, r.publish(r.account), 2)
	require.NoError(t, tx.Commit())
	require.NoError(t, <-ended)
	r.requireSecrets(open(t, r.url, r.new))
}

// What none of the keys opens is named and left as it is, and everything else is done.
func TestResealLeavesWhatItCannotOpen(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 3)
	stranger := open(t, r.url, newKey(t))
	lost := webhook.Webhook{
		ID: webhook.NewID(webhook.WebhookPrefix), AccountID: r.account, Name: "Lost", URL: "https://example.com/", Events: []string{"*"},
		SigningSecret: webhook.NewSigningSecret(), Enabled: true,
	}
	require.NoError(t, stranger.CreateWebhook(t.Context(), &lost))
	// One secret of the second webhook is another's, which no key opens there.
	r.exec(`UPDATE webhooks SET signing_secret = (SELECT signing_secret FROM webhooks WHERE id = $1) WHERE id = $2`, r.webhooks[0].ID, r.webhooks[1].ID)
	row := func(id string) (text string) {
		require.NoError(t, r.DB().GetContext(t.Context(), &text, `SELECT w::text FROM webhooks w WHERE id = $1`, id))
		return text
	}
	before := row(lost.ID) + row(r.webhooks[1].ID)

	for _, want := range []int{2, 0} {
		done, err := open(t, r.url, r.new, r.old).Reseal(t.Context(), ignore)
		require.NoError(t, err)
		require.Equal(t, store.Resealed{Webhooks: want, Secrets: 2 * want, Unopened: []string{r.webhooks[1].ID, lost.ID}}, done)
		require.Equal(t, before, row(lost.ID)+row(r.webhooks[1].ID))
	}
	got, err := stranger.Webhook(t.Context(), r.account, lost.ID)
	require.NoError(t, err)
	require.Equal(t, lost.SigningSecret, got.SigningSecret)
}

func TestCheckKeys(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 0)
	require.NoError(t, open(t, r.url, r.new).CheckKeys(t.Context()), "an empty database fits every key")
	require.NoError(t, open(t, r.url).CheckKeys(t.Context()))
	w := r.newWebhook(r.account, "*")
	for _, keys := range [][]*encryption.Key{{r.old}, {r.new, r.old}, {r.old, r.new}} {
		require.NoError(t, open(t, r.url, keys...).CheckKeys(t.Context()))
	}
	for _, keys := range [][]*encryption.Key{nil, {r.new}, {r.new, newKey(t)}} {
		err := open(t, r.url, keys...).CheckKeys(t.Context())
		require.EqualError(t, err, "the database holds secrets that were encrypted with another --encryption-key, such as those of webhook "+
			w.ID+"; give that key, as --encryption-key or among --previous-encryption-keys")
	}
}

// One column that was sealed with another key is enough.
func TestCheckKeysLooksAtAllColumns(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"authentication", "signing_secret", "previous_signing_secret"} {
		r := newRotation(t, 2)
		r.rotateFirst()
		r.exec(`UPDATE webhooks SET ` + column + ` = 'other' || ` + column + ` WHERE id = '` + r.webhooks[0].ID + `'`)
		require.ErrorContains(t, r.CheckKeys(t.Context()), r.webhooks[0].ID, column)
	}
}
