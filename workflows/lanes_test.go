package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// Where the attempts of a delivery are made, which is one after another in the schedule whatever the lane.
func TestLanes(t *testing.T) {
	t.Parallel()
	const fast, quick, slow = "fast", workflows.AttemptTaskQueue, workflows.SlowAttemptTaskQueue
	for name, scenario := range map[string]struct {
		fast, slow, trouble bool
		took                int
		want                []string
	}{
		"fast, then queued":                    {fast: true, want: []string{fast, quick}},
		"queued":                               {want: []string{quick, quick}},
		"queued beside slow ones":              {slow: true, want: []string{slow, quick}},
		"moved, from the fast lane too":        {fast: true, trouble: true, want: []string{fast, slow, quick, slow}},
		"moved":                                {trouble: true, want: []string{quick, slow, quick, slow}},
		"known to be slow":                     {slow: true, trouble: true, took: 1001, want: []string{slow, slow}},
		"slow answers move the attempts after": {fast: true, took: 1001, want: []string{fast, slow}},
		"at the limit":                         {fast: true, took: 1000, want: []string{fast, quick}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(t, 500, 200)
			d.trouble, d.took = scenario.trouble, scenario.took
			result, err := d.runInput(workflows.DeliveryInput{
				AccountID: "acc_1", WebhookID: "whk_1", EventID: "evt_1", Schedule: sixSteps, FastLane: scenario.fast, SlowLane: scenario.slow,
			})
			require.NoError(t, err)
			require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDelivered, Attempts: 2}, result)
			require.Equal(t, scenario.want, d.queues)
			require.Equal(t, []time.Duration{0, min1}, d.offsets())
		})
	}
}
