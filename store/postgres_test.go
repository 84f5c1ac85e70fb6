package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
)

func TestIsOutage(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), "postgres://durahook@127.0.0.1:1/durahook?sslmode=disable", newKey(t))
	require.True(t, store.IsOutage(err), "nothing listens there: %v", err)
	for code, outage := range map[string]bool{
		"08006": true, "57P01": true, "57P03": true, "53300": true, // connection lost, shutting down, starting, too many
		"53100": true, "53200": true, "58030": true, // the disk or the memory is full, the disk fails
		"23505": false, "42P01": false, "57014": false, // duplicate, no such table, query cancelled
	} {
		err := fmt.Errorf("publish: %w", &pq.Error{Code: pqerror.Code(code)})
		require.Equal(t, outage, store.IsOutage(err), code)
	}
	require.False(t, store.IsOutage(sql.ErrNoRows))
	require.False(t, store.IsOutage(errors.New("boom")))
	require.False(t, store.IsOutage(nil))
}
