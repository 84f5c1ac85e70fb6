package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// passes has time pass for all that is in the database: everything in it becomes so much older.
func (f *fixture) passes(passed time.Duration) {
	f.t.Helper()
	var columns []struct{ Table, Column string }
	require.NoError(f.t, f.DB().SelectContext(f.t.Context(), &columns, `
		SELECT c.table_name AS table, c.column_name AS column FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type = 'timestamp with time zone'`))
	require.NotEmpty(f.t, columns)
	for _, c := range columns {
		f.exec(fmt.Sprintf(`UPDATE %q SET %[2]q = %[2]q - make_interval(secs => $1)`, c.Table, c.Column), passed.Seconds())
	}
}

// What has its time is over when that has passed, and only then.
func TestADayPasses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, half := t.Context(), 12*time.Hour
	w := f.newWebhook(f.account, "call.ended")
	rotated := f.update(w, func(w *webhook.Webhook) { require.NoError(t, w.Rotate(webhook.NewSigningSecret(), time.Now())) })
	require.True(t, rotated.SignsWithPrevious(time.Now()))
	lasting, _ := f.newAPIKey(f.account)
	passing, _ := f.newAPIKey(f.account)
	f.exec(`UPDATE api_keys SET expires_at = now() + interval '13 hours' WHERE id = $1`, passing.ID)
	key := idempotencyKey(t, "key", "body")
	_, err := f.Publish(ctx, store.Publication{AccountID: f.account, Key: key, Published: []webhook.Published{f.match(*f.newEvent(f.account))}})
	require.NoError(t, err)
	waiting, next := f.publish(f.account)[0], time.Now().Add(half)
	f.exec(`UPDATE deliveries SET sweep_at = NULL`)
	require.NoError(t, f.RecordAttempt(ctx, attempt(waiting, "run-1", 1, 500), webhook.StatusWaiting, &next))
	late := func() (ids []string) {
		overdue, err := f.Overdue(ctx, time.Time{}, "", 10)
		require.NoError(t, err)
		for _, d := range overdue {
			ids = append(ids, d.ID)
		}
		return ids
	}

	f.passes(half - time.Minute)
	got, err := f.Webhook(ctx, f.account, w.ID)
	require.NoError(t, err)
	require.True(t, got.SignsWithPrevious(time.Now()), "the old secret signs along for 24 h")
	_, found := f.byHash(passing)
	require.True(t, found)
	before, err := f.PublishedBefore(ctx, f.account, key)
	require.NoError(t, err)
	require.NotNil(t, before, "safe to repeat for 24 h")
	require.NotContains(t, late(), waiting.ID, "its attempt is not due yet")

	f.passes(half + 2*time.Minute)
	got, err = f.Webhook(ctx, f.account, w.ID)
	require.NoError(t, err)
	require.False(t, got.SignsWithPrevious(time.Now()))
	require.Eventually(t, func() bool {
		_, found := f.byHash(passing)
		return !found
	}, time.Minute, 50*time.Millisecond, "it was remembered for a moment")
	_, found = f.byHash(lasting)
	require.True(t, found)
	before, err = f.PublishedBefore(ctx, f.account, key)
	require.NoError(t, err)
	require.Nil(t, before)
	require.Contains(t, late(), waiting.ID)
	require.NotContains(t, f.expired(10, "").IDs, waiting.EventID, "what waits is kept, however old it is")
}

func TestDaysWithoutASuccess(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const day, enough = 24 * time.Hour, 5 * 24 * time.Hour
	w := f.newWebhook(f.account, "call.ended")
	for range 5 {
		f.attempted(w, 0, 500)
		f.look(w)
		require.Empty(t, f.failing(enough))
		f.passes(day)
	}
	require.Empty(t, f.failing(enough), "it may work by now: nobody has tried")
	f.attempted(w, 0, 500)
	f.look(w)
	require.Len(t, f.failing(enough), 1)
	f.attempted(w, 0, 200)
	f.look(w)
	require.Empty(t, f.failing(0))
}
