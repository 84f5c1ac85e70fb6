package webhook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]webhook.Outcome{
		200: webhook.OutcomeSuccess, 204: webhook.OutcomeSuccess, 299: webhook.OutcomeSuccess,
		300: webhook.OutcomeClientError, 301: webhook.OutcomeClientError, 308: webhook.OutcomeClientError,
		400: webhook.OutcomeClientError, 410: webhook.OutcomeClientError, 499: webhook.OutcomeClientError,
		500: webhook.OutcomeServerError, 503: webhook.OutcomeServerError, 599: webhook.OutcomeServerError,
		199: webhook.OutcomeServerError, 600: webhook.OutcomeServerError, 999: webhook.OutcomeServerError,
	} {
		require.Equal(t, want, webhook.OutcomeOf(code), code)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	var open []webhook.Status
	for _, status := range webhook.Statuses() {
		if status.Open() {
			open = append(open, status)
		}
	}
	require.Equal(t, []webhook.Status{webhook.StatusPending, webhook.StatusWaiting}, open)
	require.Len(t, webhook.Statuses(), 6)
}
