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
	const first, retry, slowRetry = "many requests are in flight", "it is a retry", "it is a retry, and the attempt before it was slow"
	const troubled = "its endpoint has been slow of late"
	for name, scenario := range map[string]struct {
		fast, slow, trouble bool
		byWorker            bool
		full                string
		took                int
		want, why           []string
	}{
		"fast, then queued":                    {fast: true, want: []string{fast, quick}, why: []string{"", retry}},
		"queued":                               {want: []string{quick, quick}, why: []string{first, retry}},
		"queued beside slow ones":              {slow: true, want: []string{slow, quick}, why: []string{first, retry}},
		"moved, from the fast lane too":        {fast: true, trouble: true, want: []string{fast, slow, quick, slow}, why: []string{"", troubled, retry, troubled}},
		"moved":                                {trouble: true, want: []string{quick, slow, quick, slow}, why: []string{first, troubled, retry, troubled}},
		"known to be slow":                     {slow: true, trouble: true, took: 1001, want: []string{slow, slow}, why: []string{first, slowRetry}},
		"slow answers move the attempts after": {fast: true, took: 1001, want: []string{fast, slow}, why: []string{"", slowRetry}},
		"by the worker, which has a place":     {fast: true, byWorker: true, want: []string{fast, quick}, why: []string{"", retry}},
		"by the worker, which is full":         {fast: true, byWorker: true, full: quick, want: []string{fast, quick, quick}, why: []string{"", "it is full", retry}},
		"by the worker, which knows it slow":   {fast: true, byWorker: true, full: slow, want: []string{fast, slow, quick}, why: []string{"", "it is full", retry}},
		"full, and in trouble":                 {fast: true, byWorker: true, full: quick, trouble: true, want: []string{fast, quick, slow, quick, slow}, why: []string{"", "it is full", troubled, retry, troubled}},
		"at the limit":                         {fast: true, took: 1000, want: []string{fast, quick}, why: []string{"", retry}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(t, 500, 200)
			d.trouble, d.full, d.took = scenario.trouble, scenario.full, scenario.took
			result, err := d.runInput(workflows.DeliveryInput{
				AccountID: "acc_1", WebhookID: "whk_1", EventID: "evt_1", Schedule: sixSteps, FastLane: scenario.fast, LaneByWorker: scenario.byWorker,
				SlowLane: scenario.slow, LaneReason: scenario.why[0],
			})
			require.NoError(t, err)
			require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDelivered, Attempts: 2}, result)
			require.Equal(t, scenario.want, d.queues)
			require.Equal(t, scenario.why, d.reasons)
			require.Equal(t, []time.Duration{0, min1}, d.offsets())
		})
	}
}
