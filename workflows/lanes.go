package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

// quick is what an endpoint takes at most for its next attempt not to wait beside those of slow ones.
const quick = time.Second

// post runs the attempt activity in the fast lane when it may and else, or when that fails for want of our
// own infrastructure, in the queued lane. The activity may find that the endpoint has got into trouble meanwhile: then
// it makes no attempt, and that is made beside those of slow endpoints.
func (d *delivery) post(ctx workflow.Context, request webhook.AttemptRequest, summary string) (webhook.AttemptResult, error) {
	slow, reason := d.isSlow(), ""
	if d.input.FastLane && d.sequence == 1 && !request.Waited {
		request.MayMove, request.ChooseLane = true, d.input.LaneByWorker
		var result webhook.AttemptResult
		err := workflow.ExecuteLocalActivity(fastLane(ctx, summary), AttemptActivity, request).Get(ctx, &result)
		if err == nil && !result.Moved {
			return result, nil
		}
		slow, reason = result.Moved && !result.Quick, result.LaneReason
		request.ChooseLane, request.LaneReason = false, cmp.Or(reason, whyFastFailed)
	} else {
		request.LaneReason = d.laneReason(request)
	}
	if !slow {
		request.MayMove = true
		result, err := d.queue(ctx, AttemptTaskQueue, request, summary)
		if err != nil || !result.Moved {
			return result, err
		}
		reason = ""
	}
	if request.MayMove { // it was moved
		request.MayMove, request.LaneReason = false, cmp.Or(reason, whyTroubled)
	}
	return d.queue(ctx, SlowAttemptTaskQueue, request, summary)
}

func (d *delivery) queue(ctx workflow.Context, taskQueue string, request webhook.AttemptRequest, summary string) (result webhook.AttemptResult, err error) {
	err = workflow.ExecuteActivity(d.queuedLane(ctx, taskQueue, summary), AttemptActivity, request).Get(ctx, &result)
	return result, err
}

// Why an attempt is queued, beside what the starter of the delivery says about the first.
const (
	whyTroubled   = "its endpoint has been slow of late"
	whyFastFailed = "it could not be made in the fast lane"
	whyWaited     = "it waited for its turn under the webhook's rate limit"
	whyRetry      = "it is a retry"
	whySlow       = "it is a retry, and the attempt before it was slow"
)

// laneReason returns why an attempt is queued.
func (d *delivery) laneReason(request webhook.AttemptRequest) string {
	switch {
	case request.Waited:
		return whyWaited
	case d.last == nil:
		return d.input.LaneReason
	case d.isSlow():
		return whySlow
	default:
		return whyRetry
	}
}

// isSlow reports whether the endpoint is known to be slow: by the last attempt or, before the first, by who started
// the delivery.
func (d *delivery) isSlow() bool {
	if d.last == nil {
		return d.input.SlowLane
	}
	return d.last.Outcome == webhook.OutcomeTimeout || time.Duration(d.last.ResponseTimeMS)*time.Millisecond > quick
}
