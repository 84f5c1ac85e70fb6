package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/alerts"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

const alertSecret = "s4VxJ8o5aTTo2GkkAZ9CQw3z"

// fakeAlerts has one alert for one channel.
type fakeAlerts struct {
	channel webhook.AlertChannel
	found   bool
	ended   []webhook.AlertEnd
}

func (s *fakeAlerts) Alert(_ context.Context, id string) (webhook.Alert, bool, error) {
	return webhook.Alert{ID: id, Channel: s.channel, Groups: []webhook.AlertGroup{{
		Event: webhook.EventDeliveryExhausted, WebhookID: "whk_1", Count: 3, Data: json.RawMessage(`{"webhook_name":"Salesforce Sync","outcome":"timeout"}`),
	}}}, s.found, nil
}

func (s *fakeAlerts) AlertChannelByID(_ context.Context, id string) (webhook.AlertChannel, error) {
	if !s.found {
		return webhook.AlertChannel{}, webhook.NotFound(webhook.AlertChannelPrefix, id)
	}
	return s.channel, nil
}

func (s *fakeAlerts) EndAlert(_ context.Context, end webhook.AlertEnd) (webhook.AlertType, error) {
	s.ended = append(s.ended, end)
	return s.channel.Type, nil
}

// alerting runs the activities over a store, and returns what they log and count too.
func alerting(s *fakeAlerts, insecure target.Insecure) (*testsuite.TestActivityEnvironment, *activities.Alerts, *bytes.Buffer, *metrics.Metrics) {
	log, m := new(bytes.Buffer), metrics.New("1.2.3")
	sender := alerts.NewSender(target.NewGuard(insecure).Transport(), nil)
	a := activities.NewAlerts(s, sender, "https://durahook.example.com", m, slog.New(slog.NewTextHandler(log, nil)))
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a)
	return env, a, log, m
}

func TestSendAlert(t *testing.T) {
	t.Parallel()
	var got []string
	codes := []int{429, 200, 200}
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got = append(got, string(text))
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(codes[len(got)-1])
	}))
	t.Cleanup(there.Close)
	s := &fakeAlerts{found: true, channel: webhook.AlertChannel{
		ID: "alc_1", AccountID: "acc_1", Name: "On call", Type: webhook.AlertSlack, Address: webhook.AlertAddress{URL: there.URL + "/" + alertSecret},
	}}
	env, a, log, m := alerting(s, target.InsecureLoopback)
	request := webhook.AlertRequest{ChannelID: "alc_1", AlertID: "alt_1"}
	_, err := env.ExecuteActivity(a.SendAlert, request)
	var refused *temporal.ApplicationError
	require.ErrorAs(t, err, &refused)
	require.False(t, refused.NonRetryable())
	require.Equal(t, 7*time.Second, refused.NextRetryDelay())
	require.Equal(t, "the service answered 429", refused.Message())

	for _, request := range []webhook.AlertRequest{request, {ChannelID: "alc_1"}} {
		value, err := env.ExecuteActivity(a.SendAlert, request)
		require.NoError(t, err)
		var sent bool
		require.NoError(t, value.Get(&sent))
		require.True(t, sent)
	}
	require.Contains(t, got[1], "3 deliveries to Salesforce Sync")
	require.Contains(t, got[2], "Test of the alert channel On call")
	require.NotContains(t, log.String(), alertSecret)
	require.NotContains(t, log.String(), "On call")

	test := webhook.AlertRequest{ChannelID: "alc_1"}
	for _, end := range []webhook.AlertEnd{
		{AlertRequest: request}, {AlertRequest: request, Error: "the service answered 404"}, {AlertRequest: test, Error: "the service answered 404"},
	} {
		_, err = env.ExecuteActivity(a.EndAlert, end)
		require.NoError(t, err)
		require.Equal(t, end, s.ended[len(s.ended)-1])
	}
	counted, err := testutil.GatherAndCount(m.Registry(), "durahook_alerts_total")
	require.NoError(t, err)
	require.Equal(t, 2*len(webhook.AlertTypes()), counted)
	require.InDelta(t, 2, count(t, m, "durahook_alerts_total"), 0, "without the test")
}

// Alerts go to public addresses only, like everything that accounts have sent, and nothing of the address is told.
func TestSendAlertIsGuarded(t *testing.T) {
	t.Parallel()
	there := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(there.Close)
	s := &fakeAlerts{found: true, channel: webhook.AlertChannel{ID: "alc_1", Type: webhook.AlertSlack, Address: webhook.AlertAddress{URL: there.URL + "/" + alertSecret}}}
	env, a, log, _ := alerting(s, target.InsecureNone)
	_, err := env.ExecuteActivity(a.SendAlert, webhook.AlertRequest{ChannelID: "alc_1", AlertID: "alt_1"})
	require.ErrorContains(t, err, "the address is not a public one")
	require.NotContains(t, err.Error()+log.String(), alertSecret)
	require.NotContains(t, err.Error()+log.String(), "127.0.0.1")
}

func TestSendAlertOfADeletedChannel(t *testing.T) {
	t.Parallel()
	env, a, _, _ := alerting(&fakeAlerts{}, target.InsecureNone)
	value, err := env.ExecuteActivity(a.SendAlert, webhook.AlertRequest{ChannelID: "alc_1", AlertID: "alt_1"})
	require.NoError(t, err)
	var sent bool
	require.NoError(t, value.Get(&sent))
	require.False(t, sent)
	_, err = env.ExecuteActivity(a.SendAlert, webhook.AlertRequest{ChannelID: "alc_1"})
	var gone *temporal.ApplicationError
	require.ErrorAs(t, err, &gone)
	require.True(t, gone.NonRetryable())
}
