package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestFailingIsDue(t *testing.T) {
	t.Parallel()
	const after = 5 * 24 * time.Hour
	since := time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)
	for name, scenario := range map[string]struct {
		lasted time.Duration
		warned bool
		want   webhook.Due
	}{
		"a blip":          {0, false, webhook.DueNothing},
		"before halfway":  {after/2 - time.Second, false, webhook.DueNothing},
		"halfway":         {after / 2, false, webhook.DueWarning},
		"warned":          {after - time.Second, true, webhook.DueNothing},
		"for too long":    {after, true, webhook.DueDisabling},
		"nobody had seen": {2 * after, false, webhook.DueDisabling},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := webhook.Failing{Since: since, Last: since.Add(scenario.lasted), Warned: scenario.warned}
			require.Equal(t, scenario.want, f.Due(after))
		})
	}
}

func TestDisableReason(t *testing.T) {
	t.Parallel()
	code, refused := 503, "the connection was refused: nothing listens there."
	since := time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)
	for want, f := range map[string]webhook.Failing{
		"No attempt has succeeded since 2026-03-01 02:30 UTC, for 5 days; the last one ended as server_error, 503.": {
			Last: since.Add(125 * time.Hour), LastFailure: webhook.LastFailure{Outcome: webhook.OutcomeServerError, StatusCode: &code},
		},
		"No attempt has succeeded since 2026-03-01 02:30 UTC, for 1 hour; the last one ended as connection_error, the connection was refused: nothing listens there.": {
			Last: since.Add(time.Hour), LastFailure: webhook.LastFailure{Outcome: webhook.OutcomeConnectionError, Error: &refused},
		},
		"No attempt has succeeded since 2026-03-01 02:30 UTC, for less than a second; the last one ended as timeout.": {
			Last: since, LastFailure: webhook.LastFailure{Outcome: webhook.OutcomeTimeout},
		},
	} {
		f.Since = since
		require.Equal(t, want, f.DisableReason())
	}
}

func TestHealthInterval(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]time.Duration{
		5 * 24 * time.Hour: 5 * time.Minute, time.Hour: 36 * time.Second, 2 * time.Second: time.Second, 0: 5 * time.Minute,
	} {
		require.Equal(t, want, webhook.HealthInterval(after))
	}
}
