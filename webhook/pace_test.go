package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

var midday = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// A burst is spread evenly, and what was not used in a quiet time is not saved up for the next one.
func TestPaceSpreads(t *testing.T) {
	t.Parallel()
	p := webhook.Pace{PerSecond: 4}
	for _, now := range []time.Time{midday, midday.Add(time.Hour)} {
		for i := range 9 {
			require.Equal(t, time.Duration(i)*250*time.Millisecond, p.Take(now))
		}
	}
	require.Equal(t, midday.Add(time.Hour+9*250*time.Millisecond), p.Next)

	// As time goes on, those who come when it is their turn don't wait.
	now := p.Next
	for range 5 {
		require.Zero(t, p.Take(now))
		now = now.Add(250 * time.Millisecond)
	}
	require.Equal(t, 50*time.Millisecond, p.Take(now.Add(-50*time.Millisecond)))
}

// No second has more turns than the limit, however they are asked for.
func TestPaceHoldsInEverySecond(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3, 7, 1000} {
		p := webhook.Pace{PerSecond: limit}
		var turns []time.Time
		for i := range 3 * limit {
			now := midday.Add(time.Duration(i*i%17) * 10 * time.Millisecond)
			turns = append(turns, now.Add(p.Take(now)))
		}
		for i, turn := range turns {
			if j := i + limit; j < len(turns) {
				require.GreaterOrEqual(t, turns[j].Sub(turn), time.Second-time.Microsecond, "limit %d", limit)
			}
		}
	}
}

func TestPaceDue(t *testing.T) {
	t.Parallel()
	p := webhook.Pace{PerSecond: 10}
	require.Equal(t, 5, p.Due(midday, 500*time.Millisecond))
	require.Equal(t, 1, p.Due(midday, time.Millisecond))
	p.Take(midday)
	require.Zero(t, p.Due(midday, 100*time.Millisecond), "the next is at 100 ms")
	require.Equal(t, 4, p.Due(midday, 500*time.Millisecond))
	require.Equal(t, 5, p.Due(midday.Add(time.Minute), 500*time.Millisecond))

	// A new limit counts from the next turn on.
	p.PerSecond = 1
	require.Equal(t, 1, p.Due(midday, time.Second))
	require.Equal(t, 100*time.Millisecond, p.Take(midday))
	require.Equal(t, 1100*time.Millisecond, p.Take(midday))
	p.PerSecond = 0
	require.Zero(t, p.Take(midday), "no limit any more")
}
