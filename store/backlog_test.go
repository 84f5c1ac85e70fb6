package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestBacklog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	empty, err := f.Backlog(t.Context())
	require.NoError(t, err)
	require.Zero(t, empty)

	pending, started, waiting, ended := f.newDelivery(), f.newDelivery(), f.newDelivery(), f.newDelivery()
	f.newDelivery()
	f.exec(`UPDATE deliveries SET created_at = now() - interval '1 h' WHERE id = $1`, pending.ID)
	f.exec(`UPDATE deliveries SET sweep_at = NULL WHERE id = $1`, started.ID)
	f.exec(`UPDATE deliveries SET created_at = now() - interval '3 h', status = 'waiting' WHERE id = $1`, waiting.ID)
	f.exec(`UPDATE deliveries SET created_at = now() - interval '4 h', status = 'exhausted' WHERE id = $1`, ended.ID)
	f.newAccount("has nothing")

	got, err := f.Backlog(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{3, 1}, []int{got.Pending.Count, got.Waiting.Count})
	require.InDelta(t, time.Hour, got.OldestUnstarted, float64(30*time.Minute))
	require.InDelta(t, time.Hour, got.Pending.Oldest, float64(30*time.Minute))
	require.InDelta(t, 3*time.Hour, got.Waiting.Oldest, float64(30*time.Minute))
	f.exec(`UPDATE deliveries SET status = 'delivered'`)
	got, err = f.Backlog(t.Context())
	require.NoError(t, err)
	require.Equal(t, webhook.Backlog{}, got)
}
