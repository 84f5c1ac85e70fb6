package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

const alertURL = "https://hooks.slack.com/services/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"

func (f *fixture) newAlertChannel(account string, events ...string) webhook.AlertChannel {
	f.t.Helper()
	c, err := webhook.DefineAlertChannel(account, webhook.AlertChannelDefinition{
		Name: "On call", Type: webhook.AlertSlack, URL: alertURL, Events: events,
	}, false)
	require.NoError(f.t, err)
	require.NoError(f.t, f.CreateAlertChannel(f.t.Context(), &c))
	return c
}

// exhaust records the last attempt of a new delivery to a webhook, and tells of it.
func (f *fixture) exhaust(w webhook.Webhook) webhook.Delivery {
	f.t.Helper()
	d := f.attempted(w, 0, 503)
	require.NoError(f.t, f.TellExhausted(f.t.Context(), attempt(d, "run-1", 1, 503)))
	return d
}

// gather makes alerts without waiting, and returns those that are to be started.
func (f *fixture) gather(quiet time.Duration) []webhook.Alert {
	f.t.Helper()
	_, more, err := f.GatherAlerts(f.t.Context(), 0, quiet)
	require.NoError(f.t, err)
	require.False(f.t, more)
	claimed, err := f.ClaimAlerts(f.t.Context(), 10, time.Minute)
	require.NoError(f.t, err)
	alerts := make([]webhook.Alert, len(claimed))
	for i, one := range claimed {
		require.NoError(f.t, f.AlertStarted(f.t.Context(), one.ID))
		alert, found, err := f.Alert(f.t.Context(), one.ID)
		require.NoError(f.t, err)
		require.True(f.t, found)
		require.Equal(f.t, one.Channel.ID, alert.Channel.ID)
		alerts[i] = alert
	}
	return alerts
}

func TestAlertChannels(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.newAccount("Rival")
	c := f.newAlertChannel(f.account)
	got, err := f.AlertChannel(t.Context(), f.account, c.ID)
	require.NoError(t, err)
	require.Equal(t, alertURL, got.Address.URL)
	require.Nil(t, got.LastSent)
	require.NotContains(t, f.dump(), "s4VxJ8o5aTTo2GkkAZ9CQw3z", "addresses lie encrypted")
	listed, err := f.AlertChannels(t.Context(), f.account, store.Page{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []webhook.AlertChannel{got}, listed)

	rename := func(c *webhook.AlertChannel) error { c.Name = "Others"; return nil }
	changed, err := f.UpdateAlertChannel(t.Context(), f.account, c.ID, rename)
	require.NoError(t, err)
	require.Equal(t, "Others", changed.Name)
	require.Equal(t, alertURL, changed.Address.URL)

	_, err = f.AlertChannel(t.Context(), rival, c.ID)
	require.ErrorContains(t, err, "There is no alert channel")
	_, err = f.UpdateAlertChannel(t.Context(), rival, c.ID, rename)
	require.ErrorContains(t, err, "There is no alert channel")
	require.ErrorContains(t, f.DeleteAlertChannel(t.Context(), rival, c.ID), "There is no alert channel")
	listed, err = f.AlertChannels(t.Context(), rival, store.Page{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, listed)

	for range webhook.MaxAlertChannels - 1 {
		f.newAlertChannel(f.account)
	}
	err = f.CreateAlertChannel(t.Context(), &webhook.AlertChannel{ID: webhook.NewID(webhook.AlertChannelPrefix), AccountID: f.account})
	require.ErrorContains(t, err, "20 alert channels already")
	require.NoError(t, f.DeleteAlertChannel(t.Context(), f.account, c.ID))
	require.ErrorContains(t, f.DeleteAlertChannel(t.Context(), f.account, c.ID), "There is no alert channel")
}

// However much fails at once, it is one alert for each channel, and none again for a while.
func TestAlertsAreGroupedAndRare(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, other, foreign := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "call.ended"), f.newWebhook(f.newAccount("Rival"), "call.ended")
	f.exhaust(w)
	require.Zero(t, f.count(`SELECT count(*) FROM alert_causes`), "nobody is to be alerted")

	all, urgent := f.newAlertChannel(f.account), f.newAlertChannel(f.account, webhook.EventWebhookDisabled)
	f.exhaust(w)
	f.exhaust(w)
	last := f.exhaust(w)
	f.exhaust(other)
	f.exhaust(foreign)
	_, _, err := f.GatherAlerts(t.Context(), time.Hour, time.Hour)
	require.NoError(t, err)
	require.Zero(t, f.count(`SELECT count(*) FROM alerts`), "it is gathered for a while")
	require.Equal(t, 2, f.count(`SELECT count(*) FROM alert_groups`))
	alerts := f.gather(time.Hour)
	require.Len(t, alerts, 1)
	require.Equal(t, all.ID, alerts[0].Channel.ID)
	require.Equal(t, alertURL, alerts[0].Channel.Address.URL)
	require.Len(t, alerts[0].Groups, 2)
	group := alerts[0].Groups[0]
	require.Equal(t, webhook.EventDeliveryExhausted, group.Event)
	require.Equal(t, w.ID, group.WebhookID)
	require.Equal(t, 3, group.Count)
	var data webhook.ExhaustedData
	require.NoError(t, json.Unmarshal(group.Data, &data))
	require.Equal(t, last.ID, data.DeliveryID, "the newest is told")
	require.Equal(t, 1, alerts[0].Groups[1].Count)

	f.exhaust(w)
	require.Empty(t, f.gather(time.Hour), "of the same there is no alert for a while")
	require.NoError(t, f.DisableWebhook(t.Context(), w.ID, "The endpoint answered 410 Gone."))
	alerts = f.gather(time.Hour)
	require.Len(t, alerts, 2, "but of another kind, for both channels")
	for _, alert := range alerts {
		require.Len(t, alert.Groups, 1)
		require.Equal(t, webhook.EventWebhookDisabled, alert.Groups[0].Event)
	}
	f.exhaust(w)
	alerts = f.gather(0)
	require.Len(t, alerts, 1, "the while is over")
	require.Equal(t, 2, alerts[0].Groups[0].Count, "what came meanwhile was counted")

	end := webhook.AlertEnd{AlertRequest: webhook.AlertRequest{ChannelID: all.ID, AlertID: alerts[0].ID}}
	kind, err := f.EndAlert(t.Context(), end)
	require.NoError(t, err)
	require.Equal(t, webhook.AlertSlack, kind)
	_, found, err := f.Alert(t.Context(), alerts[0].ID)
	require.NoError(t, err)
	require.False(t, found)
	got, err := f.AlertChannel(t.Context(), f.account, all.ID)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), *got.LastSent, near)
	end.Error = "the service answered 404"
	_, err = f.EndAlert(t.Context(), end)
	require.NoError(t, err)
	got, err = f.AlertChannel(t.Context(), f.account, all.ID)
	require.NoError(t, err)
	require.Equal(t, end.Error, got.LastError)
	require.NotNil(t, got.LastSent)

	require.NoError(t, f.DeleteAlertChannel(t.Context(), f.account, urgent.ID))
	require.Equal(t, 2, f.count(`SELECT count(*) FROM alerts`), "what is on its way to a channel goes with it")
	kind, err = f.EndAlert(t.Context(), webhook.AlertEnd{AlertRequest: webhook.AlertRequest{ChannelID: urgent.ID}})
	require.NoError(t, err)
	require.Empty(t, kind)
}

// Who disables a webhook knows it; that a delivery of an operational event is exhausted is told to people alone.
func TestWhatIsAlertedOf(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newAlertChannel(f.account)
	w := f.newWebhook(f.account, "call.ended")
	f.update(w, func(w *webhook.Webhook) { w.Disable(webhook.DisabledByOwner) })
	require.Zero(t, f.count(`SELECT count(*) FROM alert_causes`))

	f.newWebhook(f.account, webhook.EventDeliveryExhausted)
	d := f.exhaust(w)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM alert_causes`))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM operational_events`))
	require.NoError(t, f.TellExhausted(t.Context(), attempt(d, "run-1", 1, 503)))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM alert_causes`), "told twice, it is one")
	f.exec(`DELETE FROM operational_events`)
	f.exec(`UPDATE deliveries SET event = '` + webhook.EventWebhookEnabled + `'`)
	f.exec(`DELETE FROM alert_causes`)
	require.NoError(t, f.TellExhausted(t.Context(), attempt(d, "run-1", 1, 503)))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM alert_causes`))
	require.Zero(t, f.count(`SELECT count(*) FROM operational_events`))
}

func TestResealAlertChannels(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 1)
	c := r.newAlertChannel(r.account)
	require.ErrorContains(t, open(t, r.url, r.new).CheckKeys(t.Context()), r.webhooks[0].ID)
	r.exec(`DELETE FROM webhooks`)
	require.ErrorContains(t, open(t, r.url, r.new).CheckKeys(t.Context()), "such as those of alert channel "+c.ID)

	done, err := open(t, r.url, r.new, newKey(t)).Reseal(t.Context(), ignore)
	require.NoError(t, err)
	require.Equal(t, store.Resealed{Unopened: []string{c.ID}}, done)
	done, err = open(t, r.url, r.new, r.old).Reseal(t.Context(), ignore)
	require.NoError(t, err)
	require.Equal(t, store.Resealed{AlertChannels: 1, Secrets: 1}, done)
	s := open(t, r.url, r.new)
	require.NoError(t, s.CheckKeys(t.Context()))
	got, err := s.AlertChannel(t.Context(), r.account, c.ID)
	require.NoError(t, err)
	require.Equal(t, alertURL, got.Address.URL)
	require.True(t, c.UpdatedAt.Equal(got.UpdatedAt), "a rotation is no change of the channel")
}

// While there is nothing to do, whoever alerts people asks no more than this.
func TestAlertsDue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	due := func(window, quiet time.Duration) bool {
		t.Helper()
		due, err := f.AlertsDue(t.Context(), window, quiet)
		require.NoError(t, err)
		return due
	}
	w := f.newWebhook(f.account, "call.ended")
	f.exhaust(w)
	require.False(t, due(0, 0), "nobody is to be alerted")
	f.newAlertChannel(f.account)
	f.exhaust(w)
	require.True(t, due(time.Hour, time.Hour), "something is to be counted")
	_, _, err := f.GatherAlerts(t.Context(), time.Hour, time.Hour)
	require.NoError(t, err)
	require.False(t, due(time.Hour, time.Hour), "it is gathered for a while")
	require.True(t, due(0, time.Hour), "the while is over")
	_, _, err = f.GatherAlerts(t.Context(), 0, time.Hour)
	require.NoError(t, err)
	require.True(t, due(time.Hour, time.Hour), "an alert is to be started")
	require.Len(t, f.gather(time.Hour), 1)
	require.False(t, due(time.Hour, time.Hour))
	require.True(t, due(time.Hour, 0), "the group is to be forgotten")
	f.exec(`UPDATE alerts SET created_at = now() - interval '3 days'`)
	require.True(t, due(time.Hour, time.Hour), "and so is an alert that nobody is done with")
	require.Empty(t, f.gather(0))
	require.False(t, due(0, 0))
}
