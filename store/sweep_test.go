package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/webhook"
)

const lease = time.Hour // longer than any test runs

// due makes all deliveries due for the sweep.
func (f *fixture) due() {
	f.t.Helper()
	f.exec(`UPDATE deliveries SET sweep_at = now() - interval '1 second' WHERE sweep_at IS NOT NULL`)
}

func (f *fixture) claim(limit int) []string {
	f.t.Helper()
	deliveries, err := f.ClaimUnstarted(f.t.Context(), limit, lease)
	require.NoError(f.t, err)
	ids := []string{}
	for _, d := range deliveries {
		ids = append(ids, d.ID)
	}
	return ids
}

// The sweep leaves the API a moment to start the workflow itself.
func TestFreshDeliveriesAreNotSwept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newDelivery()
	f.exec(`UPDATE deliveries SET sweep_at = sweep_at + interval '1 hour'`) // however slow this machine is
	require.Empty(t, f.claim(10))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries WHERE sweep_at - created_at = interval '01:00:05'`))
}

func TestClaimUnstarted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	f.due()
	claimed, err := f.ClaimUnstarted(t.Context(), 10, lease)
	require.NoError(t, err)
	require.Equal(t, []webhook.Delivery{f.delivery(d.ID)}, claimed, "all that is needed to start it")
	require.Empty(t, f.claim(10), "it is the first claimer's")
	require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries WHERE sweep_at BETWEEN now() + interval '59 minutes' AND now() + interval '1 hour'`))

	// The claimer died and its lease is over.
	f.due()
	require.Equal(t, []string{d.ID}, f.claim(10))
}

func TestReturnClaim(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	started, other, leased := f.newDelivery().ID, f.newDelivery().ID, f.newDelivery().ID
	f.due()
	require.Len(t, f.claim(10), 3)
	require.NoError(t, f.ReturnClaim(t.Context(), []string{started}, []string{other}))
	require.Equal(t, []string{other}, f.claim(10))

	f.due() // the claims of the rest are over
	require.ElementsMatch(t, []string{other, leased}, f.claim(10))
	require.NoError(t, f.ReturnClaim(t.Context(), []string{other, leased}, nil))
	f.due()
	require.Empty(t, f.claim(10))
	require.NoError(t, f.ReturnClaim(t.Context(), nil, []string{started}))
	require.Equal(t, []string{started}, f.claim(10))
}

func TestOnlyPendingDeliveriesAreSwept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range webhook.Statuses() {
		if status != webhook.StatusPending {
			f.exec(`UPDATE deliveries SET status = $2 WHERE id = $1`, f.newDelivery().ID, status)
		}
	}
	f.due()
	require.Empty(t, f.claim(10))
}

func TestClaimersGetDifferentDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account, "*")
	want := []string{}
	for range 100 {
		want = append(want, f.publish(f.account)[0].ID)
	}
	f.due()
	claims := make([][]string, 10)
	var group errgroup.Group
	for i := range claims {
		group.Go(func() error {
			deliveries, err := f.ClaimUnstarted(t.Context(), 10, lease)
			for _, d := range deliveries {
				claims[i] = append(claims[i], d.ID)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	var got []string
	for _, claim := range claims {
		require.LessOrEqual(t, len(claim), 10)
		got = append(got, claim...)
	}
	got = append(got, f.claim(100)...) // what was locked just then
	require.ElementsMatch(t, want, got)
}

func TestOldestClaimsComeFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account, "*")
	first, second := f.publish(f.account)[0], f.publish(f.account)[0]
	f.due()
	f.exec(`UPDATE deliveries SET sweep_at = now() - interval '1 hour' WHERE id = $1`, second.ID)
	require.Equal(t, []string{second.ID}, f.claim(1))
	require.Equal(t, []string{first.ID}, f.claim(1))
}
