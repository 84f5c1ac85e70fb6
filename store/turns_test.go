package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// limited returns a webhook with a rate limit and open deliveries to it.
func (f *fixture) limited(perSecond, deliveries int) (webhookID string, ids []string) {
	f.t.Helper()
	w := f.update(f.newWebhook(f.account, "call.ended"), func(w *webhook.Webhook) { w.RateLimit = perSecond })
	require.Equal(f.t, perSecond, w.RateLimit)
	for range deliveries {
		ids = append(ids, f.publish(f.account)[0].ID)
	}
	return w.ID, ids
}

func (f *fixture) take(deliveryID, webhookID string) store.Turn {
	f.t.Helper()
	turn, err := f.TakeTurn(f.t.Context(), deliveryID, webhookID)
	require.NoError(f.t, err)
	return turn
}

func (f *fixture) give() []string {
	f.t.Helper()
	given, _, err := f.GiveTurns(f.t.Context())
	require.NoError(f.t, err)
	return given
}

// later makes it later for a webhook's turns.
func (f *fixture) later(webhookID string, by time.Duration) {
	f.t.Helper()
	f.exec(`UPDATE webhooks SET next_turn_at = next_turn_at - make_interval(secs => $2) WHERE id = $1`, webhookID, by.Seconds())
	f.exec(`UPDATE turns SET given_at = given_at - make_interval(secs => $2) WHERE webhook_id = $1`, webhookID, by.Seconds())
}

// line has deliveries wait for a webhook with no turn to give, and lets the time pass until there are turns.
func (f *fixture) line(webhookID string, ids ...string) {
	f.t.Helper()
	f.exec(`UPDATE webhooks SET next_turn_at = now() + interval '1 hour' WHERE id = $1`, webhookID)
	for _, id := range ids {
		require.False(f.t, f.take(id, webhookID).Taken)
	}
	f.later(webhookID, 2*time.Hour)
}

// The first of a burst goes at once; the others wait, are told in the order in which they came, and the rate holds
// however long that takes.
func TestTurnsOfABurst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const hour = time.Hour
	w, ids := f.limited(1, 4)
	f.exec(`UPDATE webhooks SET next_turn_at = now() + interval '1 hour' WHERE id = $1`, w) // however slow this machine is
	for _, id := range ids {
		require.Equal(t, store.Turn{}, f.take(id, w))
	}
	require.Equal(t, 4, f.count(`SELECT count(*) FROM deliveries WHERE sweep_at IS NULL`), "their workflows are known to be at work")
	require.Empty(t, f.give(), "it is nobody's turn yet")

	for _, id := range ids {
		f.later(w, hour)
		require.Equal(t, []string{id}, f.give())
		require.Empty(t, f.give(), "it is one's turn only")
		require.True(t, f.take(id, w).Taken)
		require.Equal(t, 1, f.count(`SELECT count(*) FROM webhooks WHERE id = $1 AND next_turn_at > now()`, w))
		f.exec(`UPDATE webhooks SET next_turn_at = now() + interval '1 hour' WHERE id = $1`, w)
	}
	require.Zero(t, f.count(`SELECT count(*) FROM turns`))
	_, more, err := f.GiveTurns(t.Context())
	require.NoError(t, err)
	require.False(t, more)
}

// Whoever comes while others wait waits behind them, even if there is a turn.
func TestNobodyOvertakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, ids := f.limited(1, 2)
	f.line(w, ids[0])
	require.False(t, f.take(ids[1], w).Taken)
	require.False(t, f.take(ids[0], w).Taken, "to ask without having been told is no way either")
	require.Equal(t, ids[:1], f.give())
}

// A turn that nobody takes is given again, to the same one first.
func TestTurnsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, ids := f.limited(1, 2)
	f.line(w, ids...)
	require.Equal(t, ids[:1], f.give())
	f.exec(`UPDATE turns SET given_at = given_at - interval '16 seconds'`)
	require.Empty(t, f.give())
	require.Equal(t, ids[:1], f.give())

	require.NoError(t, f.DropTurn(t.Context(), ids[0]))
	require.Equal(t, ids[1:], f.give())
}

// A limit that was lowered counts also for whom it was the turn of; one that was taken away lets all go.
func TestTurnsWhenTheLimitChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, ids := f.limited(10, 8)
	f.line(w, ids...)
	require.ElementsMatch(t, ids[:5], f.give(), "those of the next half second")
	f.exec(`UPDATE webhooks SET rate_limit = 1, next_turn_at = now() + interval '1 hour' WHERE id = $1`, w)
	require.Equal(t, store.Turn{}, f.take(ids[0], w), "it is not kept beside others for so long")
	f.exec(`UPDATE turns SET given_at = NULL`)

	f.exec(`UPDATE webhooks SET rate_limit = NULL WHERE id = $1`, w)
	f.later(w, 2*time.Hour)
	require.ElementsMatch(t, ids, f.give())
	for _, id := range ids {
		require.Equal(t, store.Turn{Taken: true}, f.take(id, w))
	}
	require.Zero(t, f.count(`SELECT count(*) FROM turns`))
}

// However many processes ask at the same moment, each turn is one's.
func TestTurnsOfManyAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const limit = 1
	w, ids := f.limited(limit, 40)
	var group errgroup.Group
	taken := make(chan string, len(ids))
	began := time.Now()
	for _, id := range ids {
		group.Go(func() error {
			turn, err := f.TakeTurn(t.Context(), id, w)
			if turn.Taken {
				taken <- id
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	most := limit*int(time.Since(began).Seconds()+1) + 1
	require.LessOrEqual(t, len(taken), most)
	require.Equal(t, len(ids)-len(taken), f.count(`SELECT count(*) FROM turns`))
}

// What ends without an attempt waits no more, and what waits for its turn is not overdue.
func TestTurnsOfDeliveriesThatEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, ids := f.limited(1, 2)
	f.exec(`UPDATE webhooks SET next_turn_at = now() + interval '1 hour' WHERE id = $1`, w)
	for _, id := range ids {
		require.False(t, f.take(id, w).Taken)
	}
	f.exec(`UPDATE deliveries SET updated_at = now() - interval '1 hour'`)
	require.NotNil(t, f.delivery(ids[0]).RateLimitedSince)
	require.Empty(t, f.overdue(10))
	f.exec(`UPDATE deliveries SET created_at = now() - interval '1 hour'`)
	backlog, err := f.Backlog(t.Context())
	require.NoError(t, err)
	require.Equal(t, webhook.OpenDeliveries{Count: 2}, backlog.Pending, "nobody is called at night for it")

	_, err = f.EndDelivery(t.Context(), ids[0], webhook.StatusDiscarded)
	require.NoError(t, err)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM turns`))
	require.NoError(t, f.DropTurn(t.Context(), ids[1]))
	require.Equal(t, ids[1:], f.overdue(10))
}
