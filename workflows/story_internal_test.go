package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestTell(t *testing.T) {
	t.Parallel()
	code := func(c int) *int { return &c }
	for want, result := range map[string]webhook.AttemptResult{
		"attempt 3 of 6 failed: **503** in 812 ms (server_error)": {
			Outcome: webhook.OutcomeServerError, StatusCode: code(503), ResponseTimeMS: 812, Status: webhook.StatusWaiting,
		},
		"attempt 3 of 6 delivered: **200** in 12 ms": {
			Outcome: webhook.OutcomeSuccess, StatusCode: code(200), ResponseTimeMS: 12, Status: webhook.StatusDelivered,
		},
		"attempt 3 of 6 failed: **timeout**, no answer within 15 s": {
			Outcome: webhook.OutcomeTimeout, Error: "no answer within 15 s", Status: webhook.StatusWaiting,
		},
		"attempt 3 of 6 failed: **404** in 9 ms (client_error); no further attempt is scheduled. Reset, or Retry in the console, sends it again.": {
			Outcome: webhook.OutcomeClientError, StatusCode: code(404), ResponseTimeMS: 9, Status: webhook.StatusExhausted,
		},
		"attempt 3 of 6: **410** in 9 ms (client_error); the webhook is disabled or deleted": {
			Outcome: webhook.OutcomeClientError, StatusCode: code(410), ResponseTimeMS: 9, Status: webhook.StatusDiscarded,
		},
		"attempt 3 of 6: nothing was sent; the webhook is disabled or deleted": {Status: webhook.StatusDiscarded},
		"attempt 3 of 6: nothing was sent":                                     {Status: webhook.StatusCancelled},
	} {
		require.Equal(t, want, tell("attempt 3 of 6", result))
	}
}
