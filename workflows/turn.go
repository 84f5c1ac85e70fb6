package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

const turnDescription = "It is the delivery's turn under its webhook's rate limit. Sent by durahook itself; needs no input."

// askAgain is after how long a delivery asks again whether it is its turn, should nobody have told it.
const askAgain = 10 * time.Minute

// awaitTurn returns when a delivery that the rate limit of its webhook keeps waiting is to ask again: it is told that
// it is its turn, or its webhook has been disabled or deleted, which the attempt finds out. A retry that is asked for
// meanwhile changes nothing, as the attempt is still to come. It fails only when the workflow is cancelled.
func (d *delivery) awaitTurn(ctx workflow.Context) error {
	d.details.waitingForTurn(ctx)
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	timer := workflow.NewTimerWithOptions(timerCtx, askAgain, workflow.TimerOptions{Summary: "waits for its turn under the rate limit"})
	var err error
	receive := func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }
	workflow.NewSelector(ctx).
		AddFuture(timer, func(f workflow.Future) { err = f.Get(ctx, nil) }).
		AddReceive(d.turns, receive).
		AddReceive(d.discards, receive).
		Select(ctx)
	return err
}
