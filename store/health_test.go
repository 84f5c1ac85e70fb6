package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// attempted records an attempt of a new delivery to a webhook that began so long ago and ended with a status code.
func (f *fixture) attempted(w webhook.Webhook, ago time.Duration, code int) webhook.Delivery {
	f.t.Helper()
	event := f.newEvent(w.AccountID)
	d := webhook.NewDelivery(*event, w.ID, w.Name)
	fresh, err := f.Publish(f.t.Context(), store.Publication{
		AccountID: w.AccountID, Published: []webhook.Published{{Event: *event, Deliveries: []webhook.Delivery{d}}},
	})
	require.NoError(f.t, err)
	require.True(f.t, fresh)
	made := attempt(d, "run-1", 1, code)
	made.StartedAt, made.EndedAt = made.StartedAt.Add(-ago), made.EndedAt.Add(-ago)
	status := webhook.StatusExhausted
	if made.Outcome == webhook.OutcomeSuccess {
		status = webhook.StatusDelivered
	}
	require.NoError(f.t, f.RecordAttempt(f.t.Context(), made, status, nil))
	return d
}

// look has the health of all webhooks noted and returns since when one fails, nil if it doesn't.
func (f *fixture) look(w webhook.Webhook) *time.Time {
	f.t.Helper()
	for last := ""; ; {
		var err error
		last, err = f.NoteHealth(f.t.Context(), last, time.Hour)
		require.NoError(f.t, err)
		if last == "" {
			break
		}
	}
	got, err := f.Webhook(f.t.Context(), w.AccountID, w.ID)
	require.NoError(f.t, err)
	return got.FailingSince
}

func (f *fixture) failing(atLeast time.Duration) []webhook.Failing {
	f.t.Helper()
	failing, err := f.Failing(f.t.Context(), atLeast)
	require.NoError(f.t, err)
	return failing
}

// requireSince requires a webhook to have failed for so long.
func requireSince(t *testing.T, ago time.Duration, got *time.Time) {
	t.Helper()
	require.NotNil(t, got)
	require.WithinDuration(t, time.Now().Add(-ago), *got, near)
}

func TestHealthOfAWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, other := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "call.ended")
	require.Nil(t, f.look(w), "nothing was sent yet")
	f.attempted(w, 50*time.Minute, 500)
	f.attempted(w, 40*time.Minute, 200)
	require.Nil(t, f.look(w))
	f.attempted(w, 30*time.Minute, 410)
	f.attempted(w, 20*time.Minute, 503)
	requireSince(t, 30*time.Minute, f.look(w))
	requireSince(t, 30*time.Minute, f.look(w))
	require.Empty(t, f.failing(11*time.Minute), "up to the last attempt, it has failed for ten minutes")
	failing := f.failing(9 * time.Minute)
	require.Len(t, failing, 1)
	require.Equal(t, w.ID, failing[0].Webhook.ID)
	require.Equal(t, "server_error, 503", failing[0].String())
	n, err := f.CountFailing(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)

	// A test counts neither for it nor against it.
	d := f.attempted(w, time.Minute, 200)
	f.exec(`UPDATE deliveries SET test = true WHERE id = $1`, d.ID)
	requireSince(t, 30*time.Minute, f.look(w))
	d = f.attempted(other, time.Minute, 500)
	f.exec(`UPDATE deliveries SET test = true WHERE id = $1`, d.ID)
	require.Nil(t, f.look(other))

	f.attempted(w, 10*time.Minute, 200)
	require.Nil(t, f.look(w))
	f.attempted(w, 0, 500)
	requireSince(t, 0, f.look(w))
}

func TestFailingWebhookIsWarnedOfAndDisabled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, watcher := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "webhook.failing", "webhook.disabled", "webhook.enabled")
	f.newWebhook(f.newAccount("rival"), "webhook.disabled")
	f.newWebhook(f.account, "*")
	f.attempted(w, 50*time.Minute, 500)
	f.attempted(w, time.Minute, 503)
	f.look(w)
	warned := f.failing(time.Minute)[0]
	at := warned.Since.Add(time.Hour)
	done, err := f.WarnFailing(t.Context(), warned, at)
	require.NoError(t, err)
	require.True(t, done)
	warned = f.failing(time.Minute)[0]
	require.True(t, warned.Warned)
	done, err = f.WarnFailing(t.Context(), warned, at)
	require.NoError(t, err)
	require.False(t, done, "it was told before")

	done, err = f.DisableFailing(t.Context(), warned)
	require.NoError(t, err)
	require.True(t, done)
	done, err = f.DisableFailing(t.Context(), warned)
	require.NoError(t, err)
	require.False(t, done)
	got, err := f.Webhook(t.Context(), f.account, w.ID)
	require.NoError(t, err)
	require.False(t, got.Enabled)
	require.Regexp(t, `^No attempt has succeeded since .* UTC, for 49 minutes; the last one ended as server_error, 503\.$`, got.DisabledReason)

	enabled := f.update(got, func(w *webhook.Webhook) { w.Enable() })
	require.Nil(t, enabled.FailingSince)
	require.Nil(t, f.look(w), "what failed before counts no more")
	f.attempted(w, -time.Second, 500) // begun after it was enabled
	requireSince(t, 0, f.look(w))

	told, err := f.ClaimOperationalEvents(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	var names []string
	for _, happened := range told {
		names = append(names, happened.Event)
		require.Equal(t, f.account, happened.AccountID)
		require.Equal(t, w.ID, happened.WebhookID)
		require.NotEqual(t, watcher.ID, happened.WebhookID)
	}
	require.ElementsMatch(t, []string{"webhook.failing", "webhook.disabled", "webhook.enabled"}, names)
	again, err := f.ClaimOperationalEvents(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, again, "they are in hand")
}

// Nobody looked for hours, and in them was a success: then the webhook is not disabled.
func TestSuccessThatNobodySaw(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	f.attempted(w, 10*time.Minute, 500)
	f.look(w)
	f.exec(`UPDATE webhooks SET failing_since = now() - interval '9 hours' WHERE id = $1`, w.ID)
	f.attempted(w, 5*time.Hour, 200)
	requireSince(t, 9*time.Hour, f.look(w))
	done, err := f.DisableFailing(t.Context(), f.failing(time.Hour)[0])
	require.NoError(t, err)
	require.False(t, done)
	requireSince(t, 10*time.Minute, f.look(w))
}

// What nobody subscribes to is not written down, and a webhook is not told of itself.
func TestNothingIsToldWithoutSomebodyToTell(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended", "webhook.disabled", "webhook.enabled", "delivery.exhausted")
	f.newWebhook(f.account, "*")
	f.newWebhook(f.account, "webhook.*", "delivery.*")
	f.newWebhook(f.newAccount("rival"), "webhook.disabled", "delivery.exhausted")
	off := f.newWebhook(f.account, "webhook.disabled")
	require.NoError(t, f.DisableWebhook(t.Context(), off.ID, "Test."))
	f.exec(`DELETE FROM operational_events`) // w was told of that
	d := f.attempted(w, 0, 500)
	require.NoError(t, f.TellExhausted(t.Context(), attempt(d, "run-1", 1, 500)))
	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "The endpoint answered 410 Gone."))
	require.Zero(t, f.count(`SELECT count(*) FROM operational_events`))
}

func TestExhaustedDeliveryIsToldOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, watcher := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "delivery.exhausted")
	d := f.attempted(w, 0, 503)
	made := attempt(d, "run-1", 1, 503)
	for range 2 {
		require.NoError(t, f.TellExhausted(t.Context(), made))
	}
	told, err := f.ClaimOperationalEvents(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, told, 1)
	require.NoError(t, webhook.CheckID(webhook.EventPrefix, told[0].ID))
	var got webhook.ExhaustedData
	require.NoError(t, json.Unmarshal(told[0].Data, &got))
	code := 503
	require.Equal(t, webhook.ExhaustedData{
		DeliveryID: d.ID, WebhookID: w.ID, WebhookName: w.Name, EventID: d.EventID, Event: "call.ended", Attempts: 1,
		LastFailure: webhook.LastFailure{Outcome: webhook.OutcomeServerError, StatusCode: &code},
	}, got)

	event, err := told[0].Publish()
	require.NoError(t, err)
	published := webhook.Published{Event: event, Deliveries: []webhook.Delivery{webhook.NewDelivery(event, watcher.ID, watcher.Name)}}
	done, err := f.PublishOperationalEvent(t.Context(), published)
	require.NoError(t, err)
	require.True(t, done)
	done, err = f.PublishOperationalEvent(t.Context(), published)
	require.NoError(t, err)
	require.False(t, done)
	require.NoError(t, f.TellExhausted(t.Context(), made), "the worker died, and tells it again")
	require.Zero(t, f.count(`SELECT count(*) FROM operational_events`))
	stored, err := f.Event(t.Context(), f.account, event.ID)
	require.NoError(t, err)
	require.JSONEq(t, string(event.Payload), string(stored.Payload))

	// No loop: that this delivery is exhausted is not told, nor that a test is.
	toldOf := published.Deliveries[0]
	require.NoError(t, f.RecordAttempt(t.Context(), attempt(toldOf, "run-1", 1, 500), webhook.StatusExhausted, nil))
	require.NoError(t, f.TellExhausted(t.Context(), attempt(toldOf, "run-1", 1, 500)))
	test := f.attempted(w, 0, 500)
	f.exec(`UPDATE deliveries SET test = true WHERE id = $1`, test.ID)
	require.NoError(t, f.TellExhausted(t.Context(), attempt(test, "run-1", 1, 500)))
	require.Zero(t, f.count(`SELECT count(*) FROM operational_events`))
}

func TestMissed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account, "call.ended")
	missed := func() webhook.Missed {
		m, err := f.Missed(t.Context(), w.ID)
		require.NoError(t, err)
		return m
	}
	f.attempted(w, 0, 500)
	require.Zero(t, missed().Deliveries, "it was never disabled")
	f.exec(`UPDATE deliveries SET updated_at = now() - interval '1 hour'`) // long before
	f.attempted(w, 0, 500)
	f.look(w)
	first := f.attempted(w, 0, 500)
	f.publish(f.account)
	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "Test."))
	f.exec(`UPDATE deliveries SET status = 'discarded', updated_at = clock_timestamp() WHERE status = 'pending'`)
	require.Equal(t, 3, missed().Deliveries)
	require.Equal(t, []webhook.Status{webhook.StatusExhausted, webhook.StatusDiscarded}, missed().Statuses)
	require.WithinDuration(t, time.Now(), missed().Since, near)

	f.update(w, func(w *webhook.Webhook) { w.Enable() })
	require.Equal(t, 3, missed().Deliveries)
	f.exec(`UPDATE deliveries SET status = 'delivered' WHERE id = $1`, first.ID)
	require.Equal(t, 2, missed().Deliveries, "one was recovered")
}
