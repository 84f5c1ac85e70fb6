package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

const retryDescription = "Attempt the delivery now. The schedule goes on from there. Needs no input."

// retryRequested takes the retry signals that came in while an attempt was under way and reports whether
// one asks for a further attempt. Those that the attempt has answered are done with.
func (d *delivery) retryRequested() bool {
	requested := false
	for {
		var raw converter.RawValue
		if !d.retries.ReceiveAsync(&raw) {
			return requested
		}
		if asksForAttempt(decodeRetry(raw), d.lastNumber(), false) {
			requested = true
		}
	}
}

// receiveRetry takes one retry signal that has come in.
func receiveRetry(ctx workflow.Context, retries workflow.ReceiveChannel) webhook.RetryRequest {
	var raw converter.RawValue
	retries.Receive(ctx, &raw)
	return decodeRetry(raw)
}

// decodeRetry reads the payload of a retry signal. Signals are also typed by hand in the Temporal Web UI:
// one with no payload, or with one that means nothing, is a plain request.
func decodeRetry(raw converter.RawValue) webhook.RetryRequest {
	var request webhook.RetryRequest
	if raw.Payload() == nil || converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &request) != nil {
		return webhook.RetryRequest{}
	}
	return request
}

// asksForAttempt decides whether a retry signal asks for an attempt after number last. A plain one does
// when it comes in while nothing is under way; one that names the last attempt that its sender knew of does
// until an attempt with a higher number was made.
func asksForAttempt(request webhook.RetryRequest, last int, idle bool) bool {
	if request.AfterAttempt == 0 {
		return idle
	}
	return request.AfterAttempt >= last
}
