package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

func (d *delivery) discardAfter(delay time.Duration) {
	d.RegisterDelayedCallback(func() { d.SignalWorkflow(workflows.DiscardSignal, nil) }, delay)
}

// The endpoint would accept: a webhook that was enabled again meanwhile gets nothing all the same.
func TestDiscardDuringEachTimer(t *testing.T) {
	t.Parallel()
	for timer, begins := range []time.Duration{0, min1, min6, min36, min36 + 2*time.Hour} {
		d := newDelivery(t, append(make([]int, timer+1), 200)...)
		d.discardAfter(begins + 30*time.Second)
		result, err := d.run(sixSteps...)
		require.NoError(t, err)
		require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDiscarded, Attempts: timer + 1}, result)
		require.Len(t, d.times, timer+1)
		require.Equal(t, []webhook.Status{webhook.StatusDiscarded}, d.ended)
		require.Equal(t, begins+30*time.Second, d.Now().Sub(d.start).Round(time.Second), "it did not wait for the timer")
	}
}

func TestDiscardBeforeTheFirstAttempt(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	d.discardAfter(time.Second)
	result, err := d.run("1m")
	require.NoError(t, err)
	require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDiscarded}, result)
	require.Empty(t, d.times)
}

// A request that is under way is let end, and counts.
func TestDiscardDuringAnAttempt(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]webhook.Status{200: webhook.StatusDelivered, 500: webhook.StatusDiscarded} {
		d := newDelivery(t, code)
		d.meanwhile[1] = func() { d.SignalWorkflow(workflows.DiscardSignal, nil) }
		result, err := d.run(sixSteps...)
		require.NoError(t, err)
		require.Equal(t, workflows.DeliveryResult{Status: want, Attempts: 1}, result)
		require.Len(t, d.times, 1)
	}
}

// What somebody asks for by hand after the webhook was enabled again is not lost, and is one attempt.
func TestRetryRightAfterDiscard(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]webhook.Status{200: webhook.StatusDelivered, 500: webhook.StatusExhausted} {
		d := newDelivery(t, 500, code)
		d.RegisterDelayedCallback(func() {
			d.SignalWorkflow(workflows.DiscardSignal, nil)
			d.SignalWorkflow(workflows.RetrySignal, webhook.RetryRequest{AfterAttempt: 1})
		}, 30*time.Second)
		result, err := d.run(sixSteps...)
		require.Equal(t, []time.Duration{0, 30 * time.Second}, d.offsets())
		if want == webhook.StatusDelivered {
			require.NoError(t, err)
			require.Equal(t, want, result.Status)
			continue
		}
		require.ErrorContains(t, err, "did not accept the event in 2 attempts")
	}
}

func TestDiscardOfAManualRunIsIgnored(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	d.discardAfter(0)
	result, err := d.run()
	require.NoError(t, err)
	require.Equal(t, webhook.StatusDelivered, result.Status)
	require.Empty(t, d.ended)
}

func TestDiscardDeliveries(t *testing.T) {
	t.Parallel()
	suite := new(testsuite.WorkflowTestSuite)
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.DiscardDeliveries)
	env.RegisterActivityWithOptions(func(_ context.Context, request webhook.DiscardRequest) (int, error) {
		require.Equal(t, "whk_1", request.WebhookID)
		return 7, nil
	}, activity.RegisterOptions{Name: workflows.SignalDiscardActivity})
	env.ExecuteWorkflow(workflows.DiscardDeliveries, webhook.DiscardRequest{WebhookID: "whk_1"})
	require.NoError(t, env.GetWorkflowError())
	var signalled int
	require.NoError(t, env.GetWorkflowResult(&signalled))
	require.Equal(t, 7, signalled)
}
