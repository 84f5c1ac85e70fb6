package activities_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// verifies reports whether a receiver that has the key of this secret alone accepts the request: with the
// published library, or, as that knows no ed25519, with the standard library.
func verifies(t *testing.T, secret webhook.SigningSecret, request received) bool {
	t.Helper()
	if secret.Algorithm() == webhook.SigningEd25519 {
		return verifiesEd25519(t, secret.PublicKey(), request)
	}
	verifier, err := standardwebhooks.NewWebhook(string(secret))
	require.NoError(t, err)
	return verifier.Verify(request.body, request.header) == nil
}

func verifiesEd25519(t *testing.T, publicKey string, request received) bool {
	t.Helper()
	text, ok := strings.CutPrefix(publicKey, "whpk_")
	require.True(t, ok)
	key, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	signed := request.header.Get("webhook-id") + "." + request.header.Get("webhook-timestamp") + "." + string(request.body)
	return slices.ContainsFunc(strings.Fields(request.header.Get("webhook-signature")), func(one string) bool {
		text, ok := strings.CutPrefix(one, "v1a,")
		signature, err := base64.StdEncoding.DecodeString(text)
		return ok && err == nil && ed25519.Verify(key, []byte(signed), signature)
	})
}

// Receivers that know the old secret, the new one or both accept what is sent while a rotation is under way,
// also from one algorithm to the other.
func TestBothSecretsSignWhileOneIsRotated(t *testing.T) {
	t.Parallel()
	const shared, public = webhook.SigningHMACSHA256, webhook.SigningEd25519
	for name, scenario := range map[string]struct {
		from, to webhook.SigningAlgorithm
		ago      time.Duration
		both     bool
	}{
		"just now": {shared, shared, 0, true}, "23 h ago": {shared, shared, 23 * time.Hour, true},
		"a day ago":  {shared, shared, 24 * time.Hour, false},
		"to ed25519": {shared, public, 0, true}, "to ed25519, a day ago": {shared, public, 24 * time.Hour, false},
		"to HMAC": {public, shared, 0, true}, "to HMAC, a day ago": {public, shared, 24 * time.Hour, false},
		"ed25519 keys": {public, public, 0, true}, "ed25519 keys, a day ago": {public, public, 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, status(http.StatusOK))
			s := newFakeStore(t, e.URL, webhook.Authentication{})
			w := &s.prepared.Webhook
			old, secret := scenario.from.NewSecret(), scenario.to.NewSecret()
			w.SigningSecret = old
			require.NoError(t, w.Rotate(secret, time.Now().Add(-scenario.ago)))
			_, _ = send(t, s, target.InsecureLoopback, time.Minute)
			request := e.received()[0]
			require.True(t, verifies(t, secret, request))
			require.Equal(t, scenario.both, verifies(t, old, request))
			require.False(t, verifies(t, shared.NewSecret(), request))
			require.False(t, verifies(t, public.NewSecret(), request))

			signatures := strings.Split(request.header.Get("webhook-signature"), " ")
			request.header.Set("webhook-signature", signatures[0])
			require.True(t, verifies(t, secret, request), "the new one comes first")
			require.Equal(t, scenario.both, len(signatures) == 2)
		})
	}
}

// What was erased is not sent, not even by hand; what became of it before is kept.
func TestErasedDeliveryIsNotSent(t *testing.T) {
	t.Parallel()
	for before, want := range map[webhook.Status]webhook.Status{"waiting": "discarded", "pending": "discarded", "delivered": "delivered", "exhausted": "exhausted"} {
		e := newEndpoint(t, status(http.StatusOK))
		s := newFakeStore(t, e.URL, webhook.Authentication{})
		s.prepared.Delivery.Status, s.prepared.Erased = before, true
		request := scheduled(s.prepared.Delivery.ID, 2)
		request.Trigger = webhook.TriggerManual
		result, err := newHarness(s, target.InsecureLoopback, time.Minute).attempt(request)
		require.NoError(t, err)
		require.Equal(t, want, result.Status)
		require.Empty(t, e.received())
	}
}

// The webhook is enabled again, but its schedule is over: only what somebody asks for is sent.
func TestDiscardedDeliveryIsSentByHandOnly(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(http.StatusOK))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	s.prepared.Discarded = true
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	request := scheduled(s.prepared.Delivery.ID, 2)
	result, err := h.attempt(request)
	require.NoError(t, err)
	require.Equal(t, webhook.StatusDiscarded, result.Status)
	require.Equal(t, []webhook.Status{webhook.StatusDiscarded}, s.ended)
	require.Empty(t, e.received())

	request.Trigger = webhook.TriggerManual
	result, err = h.attempt(request)
	require.NoError(t, err)
	require.Equal(t, webhook.StatusDelivered, result.Status)
	require.Len(t, e.received(), 1)
}

// What follows from an attempt that was recorded is done once more if the worker died in the middle of it.
func TestExhaustedDeliveryIsTold(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(503))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Second)
	request := scheduled(s.prepared.Delivery.ID, 1)
	_, err := h.attempt(request)
	require.NoError(t, err)
	require.Empty(t, s.exhausted, "another attempt is to come")

	request.NextGap = nil
	_, err = h.attempt(request)
	require.NoError(t, err)
	require.Equal(t, []string{request.DeliveryID}, s.exhausted)

	s.prepared.Recorded = &s.recordings[1].attempt
	_, err = h.attempt(request)
	require.NoError(t, err)
	require.Len(t, s.exhausted, 2)
	require.Len(t, e.received(), 2, "nothing was sent again")
}

// openDeliveries is a webhook with many open deliveries; those in gone have no workflow.
type openDeliveries struct {
	ids        []string
	gone       map[string]bool
	disabledAt time.Time
	failAt     string
	signalled  []string
	discarded  []string
	finished   []time.Time
}

func (o *openDeliveries) DisabledAt(context.Context, string) (time.Time, error) {
	return o.disabledAt, nil
}

func (o *openDeliveries) OpenDeliveries(_ context.Context, _ string, by time.Time, after string, limit int) ([]string, error) {
	if !by.Equal(o.disabledAt) {
		return nil, fmt.Errorf("open deliveries by %s", by)
	}
	var page []string
	for _, id := range o.ids {
		if id > after && len(page) < limit {
			page = append(page, id)
		}
	}
	return page, nil
}

func (o *openDeliveries) DiscardOpen(_ context.Context, id string) error {
	o.discarded = append(o.discarded, id)
	return nil
}

func (o *openDeliveries) FinishDiscard(_ context.Context, _ string, at time.Time) error {
	o.finished = append(o.finished, at)
	return nil
}

func (o *openDeliveries) signal(_ context.Context, id string) error {
	switch {
	case id == o.failAt:
		return errors.New("Temporal is down")
	case o.gone[id]:
		return serviceerror.NewNotFound("workflow not found")
	}
	o.signalled = append(o.signalled, id)
	return nil
}

func newOpenDeliveries(n int) *openDeliveries {
	o := &openDeliveries{gone: map[string]bool{}, disabledAt: time.Now().UTC()}
	for i := range n {
		o.ids = append(o.ids, fmt.Sprintf("dlv_%04d", i))
	}
	return o
}

func (o *openDeliveries) environment() (*testsuite.TestActivityEnvironment, *activities.Discards) {
	suite := new(testsuite.WorkflowTestSuite)
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	discards := activities.NewDiscards(o, o.signal, slog.New(slog.DiscardHandler))
	env.RegisterActivity(discards)
	return env, discards
}

func TestSignalDiscard(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100, 201} {
		o := newOpenDeliveries(n)
		env, discards := o.environment()
		value, err := env.ExecuteActivity(discards.SignalDiscard, webhook.DiscardRequest{WebhookID: "whk_1"})
		require.NoError(t, err)
		var signalled int
		require.NoError(t, value.Get(&signalled))
		require.Equal(t, n, signalled)
		require.Equal(t, o.ids, o.signalled)
		require.Equal(t, []time.Time{o.disabledAt}, o.finished)
	}
}

func TestSignalDiscardWithoutWorkflow(t *testing.T) {
	t.Parallel()
	o := newOpenDeliveries(3)
	o.gone[o.ids[1]] = true
	env, discards := o.environment()
	_, err := env.ExecuteActivity(discards.SignalDiscard, webhook.DiscardRequest{WebhookID: "whk_1"})
	require.NoError(t, err)
	require.Equal(t, []string{o.ids[0], o.ids[2]}, o.signalled)
	require.Equal(t, []string{o.ids[1]}, o.discarded, "nothing else would end it")
}

func TestSignalDiscardFailsAndGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	o := newOpenDeliveries(5)
	o.failAt = o.ids[2]
	env, discards := o.environment()
	_, err := env.ExecuteActivity(discards.SignalDiscard, webhook.DiscardRequest{WebhookID: "whk_1"})
	require.ErrorContains(t, err, "Temporal is down")
	require.Empty(t, o.finished)

	o.failAt = ""
	env, discards = o.environment()
	env.SetHeartbeatDetails(map[string]any{"disabled_at": o.disabledAt, "after": o.ids[1], "signalled": 2})
	value, err := env.ExecuteActivity(discards.SignalDiscard, webhook.DiscardRequest{WebhookID: "whk_1"})
	require.NoError(t, err)
	var signalled int
	require.NoError(t, value.Get(&signalled))
	require.Equal(t, 5, signalled)
	require.Equal(t, o.ids, o.signalled, "each was signalled once")
}

func TestSignalDiscardStopsWithItsWorker(t *testing.T) {
	t.Parallel()
	o := newOpenDeliveries(500)
	env, discards := o.environment()
	stop := make(chan struct{})
	close(stop)
	env.SetWorkerStopChannel(stop)
	_, err := env.ExecuteActivity(discards.SignalDiscard, webhook.DiscardRequest{WebhookID: "whk_1"})
	require.ErrorContains(t, err, "the worker stops")
	require.Less(t, len(o.signalled), len(o.ids))
	require.Empty(t, o.finished)
}

func TestSignalDiscardOfAWebhookThatWasNeverDisabled(t *testing.T) {
	t.Parallel()
	o := newOpenDeliveries(1)
	o.disabledAt = time.Time{}
	env, discards := o.environment()
	_, err := env.ExecuteActivity(discards.SignalDiscard, webhook.DiscardRequest{WebhookID: "whk_1"})
	require.NoError(t, err)
	require.Empty(t, o.signalled)
}
