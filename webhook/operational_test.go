package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestOperationalEventsAreForThoseWhoNameThem(t *testing.T) {
	t.Parallel()
	for _, name := range webhook.OperationalEvents() {
		require.True(t, webhook.IsOperational(name))
		require.True(t, webhook.Subscribes([]string{"call.ended", name}, name))
		require.False(t, webhook.Subscribes([]string{"*"}, name))
		require.False(t, webhook.Subscribes([]string{"webhook.*", "delivery.*"}, name))
		require.Empty(t, webhook.NamedEventTypes([]string{name}), "it is not the account's own")
	}
	require.False(t, webhook.IsOperational("webhook.else"))
	require.True(t, webhook.Subscribes([]string{"webhook.*"}, "webhook.else"))
}

// What is published has the form of its example.
func TestOperationalEventIsPublished(t *testing.T) {
	t.Parallel()
	since := time.Date(2025, 1, 31, 2, 30, 0, 0, time.UTC)
	code := 503
	last := webhook.LastFailure{Outcome: webhook.OutcomeServerError, StatusCode: &code}
	w := webhook.Webhook{ID: "whk_01jk3vqzt0e8xs5bq1v4zj6m7n", AccountID: "acc_1", Name: "Salesforce Sync"}
	for name, scenario := range map[string]struct {
		at   time.Time
		data any
	}{
		webhook.EventWebhookFailing: {time.Date(2025, 2, 2, 14, 30, 0, 0, time.UTC), webhook.FailingData{
			WebhookID: w.ID, WebhookName: w.Name, FailingSince: since, DisableAt: since.Add(5 * 24 * time.Hour), LastFailure: last,
		}},
		webhook.EventWebhookDisabled: {time.Date(2025, 2, 5, 2, 31, 0, 0, time.UTC), webhook.DisabledData{
			WebhookID: w.ID, WebhookName: w.Name, Cause: webhook.CauseFailing, FailingSince: &since,
			Reason: webhook.Failing{Since: since, Last: since.Add(5 * 24 * time.Hour), LastFailure: last}.DisableReason(),
		}},
		webhook.EventWebhookEnabled: {time.Date(2025, 2, 5, 8, 0, 0, 0, time.UTC), webhook.EnabledData{WebhookID: w.ID, WebhookName: w.Name}},
	} {
		happened, err := webhook.NewOperationalEvent(name, w, scenario.data)
		require.NoError(t, err)
		happened.CreatedAt = scenario.at
		event, err := happened.Publish()
		require.NoError(t, err)
		example, known := webhook.BuiltIn(name)
		require.True(t, known)
		require.JSONEq(t, string(example.Example), string(event.Payload))
		require.Equal(t, happened.ID, event.ID)
		require.Equal(t, "acc_1", event.AccountID)
	}
}
