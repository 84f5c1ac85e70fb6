package activities

import (
	"context"
	"runtime"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/time/rate"

	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/webhook"
)

// Attempts that took long, and those in the queued lane that failed, are told to their workflows, after they were recorded,
// at a pace of endingsPerCPU a second. An endpoint that closes all its connections, or a burst that runs into its timeouts, ends
// hundreds of attempts at the same moment, and what follows each, up to the timer for the next, would keep the deliveries
// to all other endpoints waiting for a second. Nothing about these is urgent: the next attempt is a minute away. Their
// timers are as far apart, then, and so are the retries.
const (
	endingsPerCPU = 50
	endingsAtOnce = 10
)

// endInTurn waits for the turn of an attempt that is not urgent.
func (a *Activities) endInTurn(ctx context.Context, result webhook.AttemptResult) {
	quick := time.Duration(result.ResponseTimeMS)*time.Millisecond <= lanes.Quick
	if fast := activity.GetInfo(ctx).IsLocalActivity; !quick || (result.Outcome != webhook.OutcomeSuccess && !fast) {
		a.endings.wait(ctx, activity.GetWorkerStopChannel(ctx))
	}
}

// pace spreads what comes at the same moment.
type pace struct{ limiter *rate.Limiter }

func newPace() *pace {
	return &pace{rate.NewLimiter(rate.Limit(endingsPerCPU*runtime.GOMAXPROCS(0)), endingsAtOnce)}
}

// wait returns when it is the caller's turn, which is after those who called before, or when ctx is done or the worker stops.
func (p *pace) wait(ctx context.Context, stopping <-chan struct{}) {
	delay := p.limiter.Reserve().Delay()
	if delay == 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stopping:
	case <-ctx.Done():
	}
}
