package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

func (d *delivery) turnAfter(delay time.Duration) {
	d.RegisterDelayedCallback(func() { d.SignalWorkflow(workflows.TurnSignal, nil) }, delay)
}

// A delivery that the rate limit keeps waiting asks again when it is told that it is its turn, then in the queued lane,
// and has used up no step meanwhile.
func TestWaitingForATurn(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500, 200)
	d.turn = time.Minute + 30*time.Second
	d.turnAfter(time.Minute) // told too early: the limit was lowered meanwhile
	d.turnAfter(2 * time.Minute)
	result, err := d.runInput(workflows.DeliveryInput{WebhookID: "whk_1", Schedule: sixSteps, FastLane: true})
	require.NoError(t, err)
	require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDelivered, Attempts: 2}, result)
	require.Equal(t, []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute}, d.asked)
	require.Equal(t, []string{"fast", workflows.AttemptTaskQueue, workflows.AttemptTaskQueue, workflows.AttemptTaskQueue}, d.queues)
	const waited = "it waited for its turn under the webhook's rate limit"
	require.Equal(t, []string{"", waited, waited, "it is a retry"}, d.reasons)
	require.Equal(t, []time.Duration{2 * time.Minute, 3 * time.Minute}, d.offsets())
	require.Equal(t, 5*time.Minute, *d.gaps[1], "the schedule goes on from the attempt")
}

// Should nobody tell it, it asks by itself after a while.
func TestATurnThatNobodyTells(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	d.turn = 25 * time.Minute
	result, err := d.run(sixSteps...)
	require.NoError(t, err)
	require.Equal(t, webhook.StatusDelivered, result.Status)
	require.Equal(t, []time.Duration{0, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute}, d.asked)
}

func TestRetryWhileWaitingForATurnIsTheSameAttempt(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	d.turn = time.Minute
	d.retryAfter(10*time.Second, webhook.RetryRequest{})
	d.retryAfter(20*time.Second, webhook.RetryRequest{AfterAttempt: 0})
	d.turnAfter(time.Minute)
	result, err := d.run(sixSteps...)
	require.NoError(t, err)
	require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDelivered, Attempts: 1}, result)
	require.Equal(t, []time.Duration{time.Minute}, d.offsets())
}

func TestCancelWhileWaitingForATurn(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	d.turn = time.Hour
	d.RegisterDelayedCallback(d.CancelWorkflow, 10*time.Second)
	_, err := d.run(sixSteps...)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Empty(t, d.times)
	require.Equal(t, []webhook.Status{webhook.StatusCancelled}, d.ended)
	require.Equal(t, 10*time.Second, d.Now().Sub(d.start).Round(time.Second))
}

// It asks at once when its webhook is disabled, and finds that nothing is to be sent any more.
func TestDiscardWhileWaitingForATurn(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	d.turn = time.Hour
	d.RegisterDelayedCallback(func() {
		d.discard = true
		d.SignalWorkflow(workflows.DiscardSignal, nil)
	}, 10*time.Second)
	result, err := d.run(sixSteps...)
	require.NoError(t, err)
	require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDiscarded}, result)
	require.Empty(t, d.times)
	require.Equal(t, 10*time.Second, d.Now().Sub(d.start).Round(time.Second))
}
