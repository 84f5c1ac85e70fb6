package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/webhook"
)

func TestDefaultAccountIsMadeOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(`DELETE FROM accounts`)
	ids := make([]string, 10)
	var group errgroup.Group
	for i := range ids {
		group.Go(func() (err error) {
			ids[i], err = f.EnsureDefaultAccount(t.Context())
			return err
		})
	}
	require.NoError(t, group.Wait())
	for _, id := range ids {
		require.Equal(t, ids[0], id)
		require.NoError(t, webhook.CheckID(webhook.AccountPrefix, id))
	}
	require.Equal(t, 1, f.count(`SELECT count(*) FROM accounts WHERE name = 'default'`))
}

func TestCheckAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.NoError(t, f.CheckAccount(t.Context(), f.account))
	unknown := webhook.NewID(webhook.AccountPrefix)
	requireNotFound(t, unknown, f.CheckAccount(t.Context(), unknown))
}
