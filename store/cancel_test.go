package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// What is cancelled while its attempt is under way doesn't wait for another one, but an attempt that
// succeeded did.
func TestCancelDuringAnAttempt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for code, want := range map[int]webhook.Status{503: webhook.StatusCancelled, 200: webhook.StatusDelivered} {
		d := f.newDelivery()
		cancelled, err := f.CancelUnattempted(t.Context(), d.ID)
		require.NoError(t, err)
		require.True(t, cancelled)
		made, status := attempt(d, "run-1", 1, code), webhook.StatusDelivered
		var next *time.Time
		if code == 503 {
			at := made.EndedAt.Add(time.Minute)
			status, next = webhook.StatusWaiting, &at
		}
		require.NoError(t, f.RecordAttempt(t.Context(), made, status, next))
		after := f.delivery(d.ID)
		require.Equal(t, want, after.Status)
		require.Equal(t, 1, after.AttemptCount)
		require.Nil(t, after.NextAttemptAt)
	}
}
