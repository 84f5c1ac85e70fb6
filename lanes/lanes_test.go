package lanes_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/lanes"
)

const inFlight = 16 // that many requests to a webhook may be in flight in the fast lane

func TestManyRequestsInFlightQueueOneWebhookOnly(t *testing.T) {
	t.Parallel()
	var tracker lanes.Tracker
	require.Equal(t, lanes.Fast, tracker.Choose("whk_busy"))
	var ends []func()
	for range inFlight {
		require.Equal(t, lanes.Fast, tracker.Choose("whk_busy"))
		ends = append(ends, tracker.Begin("whk_busy"))
	}
	require.Equal(t, lanes.Queued, tracker.Choose("whk_busy"))
	require.Equal(t, lanes.Fast, tracker.Choose("whk_other"))

	another := tracker.Begin("whk_busy")
	ends[0]()
	require.Equal(t, lanes.Queued, tracker.Choose("whk_busy"), "16 are still in flight")
	another()
	require.Equal(t, lanes.Fast, tracker.Choose("whk_busy"))
	for _, end := range ends[1:] {
		end()
	}
	require.Equal(t, lanes.Fast, tracker.Choose("whk_busy"))
}

func TestTrackerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var tracker lanes.Tracker
	held := make([]func(), inFlight-1)
	for i := range held {
		held[i] = tracker.Begin("whk_1")
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 100 {
				end := tracker.Begin("whk_1")
				tracker.Choose("whk_1")
				end()
			}
		})
	}
	group.Wait()
	require.Equal(t, lanes.Fast, tracker.Choose("whk_1"), "15 are in flight")
	end := tracker.Begin("whk_1")
	require.Equal(t, lanes.Queued, tracker.Choose("whk_1"), "16 are in flight")
	end()
}
