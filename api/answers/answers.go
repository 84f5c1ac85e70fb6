// Package answers turns events, deliveries and attempts into what the API answers, for all who show them in that form.
// It imports webhook and api/types.
package answers

import (
	"strings"
	"time"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/webhook"
)

// Event returns an event without its payload.
func Event(event webhook.Event) types.Event {
	return types.Event{ID: event.ID, Event: event.Event, Timestamp: event.Timestamp.UTC(), Test: event.Test, CreatedAt: event.CreatedAt.UTC()}
}

// Delivery returns a delivery without its attempts, and without the address of its workflow.
func Delivery(d webhook.Delivery) types.Delivery {
	return types.Delivery{
		ID: d.ID, EventID: d.EventID, Event: d.Event, WebhookID: d.WebhookID, WebhookName: d.WebhookName,
		Status: types.DeliveryStatus(d.Status), Test: d.Test, AttemptCount: d.AttemptCount, NextAttemptAt: UTC(d.NextAttemptAt),
		Outcome: (*types.Outcome)(d.Outcome), StatusCode: d.StatusCode, ResponseTimeMS: d.ResponseTimeMS,
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(), ErasedAt: UTC(d.ErasedAt),
	}
}

// Attempts returns the attempts of a delivery; none is an empty list.
func Attempts(attempts []webhook.Attempt) []types.Attempt {
	answer := make([]types.Attempt, len(attempts))
	for i, attempt := range attempts {
		answer[i] = types.Attempt{
			ID: attempt.ID, Number: attempt.Number, Trigger: types.Trigger(attempt.Trigger), Outcome: types.Outcome(attempt.Outcome),
			StatusCode: attempt.StatusCode, ResponseTimeMS: attempt.ResponseTimeMS, Error: attempt.Error,
			RequestHeaders: attempt.RequestHeaders, ResponseHeaders: attempt.ResponseHeaders, Timing: timing(attempt.Timing),
			Lane: (*types.AttemptLane)(attempt.Lane), LaneReason: attempt.LaneReason,
			ResponseBody: strings.ToValidUTF8(string(attempt.ResponseBody), "\uFFFD"),
			StartedAt:    attempt.StartedAt.UTC(), EndedAt: attempt.EndedAt.UTC(),
		}
	}
	return answer
}

func timing(t *webhook.Timing) *types.AttemptTiming {
	if t == nil {
		return nil
	}
	return &types.AttemptTiming{DNSMS: t.DNSMS, ConnectMS: t.ConnectMS, TLSMS: t.TLSMS, FirstByteMS: t.FirstByteMS, ConnectionReused: t.Reused}
}

// UTC returns a time in UTC; nil for none.
func UTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	inUTC := t.UTC()
	return &inUTC
}
