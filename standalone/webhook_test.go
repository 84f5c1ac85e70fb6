package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// Disabling a webhook ends what waits for it, without a request and without waiting for the timers. What is
// published after it was enabled again is sent, and a discarded delivery when somebody asks for it.
func TestDisabledWebhookDiscardsWhatWaits(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	endpoint := newEndpoint(t, answering(500, 500, 200))
	created := a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "waiting", 2)

	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/disable", nil, http.StatusOK, nil)
	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/enable", nil, http.StatusOK, nil)
	a.eventually(deliveryID, "discarded", 2)
	var result workflows.DeliveryResult
	require.NoError(t, w.temporal.GetWorkflow(t.Context(), deliveryID, "").Get(t.Context(), &result))
	require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDiscarded, Attempts: 2}, result)
	require.NoError(t, w.temporal.GetWorkflow(t.Context(), workflows.DiscardID(created.ID), "").Get(t.Context(), nil))
	require.Len(t, endpoint.received(), 2)

	_, newer := a.publish()
	a.eventually(newer, "delivered", 1)
	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/retry", nil, http.StatusAccepted, nil)
	a.eventually(deliveryID, "delivered", 3)
}

// A webhook that is deleted while a process dies and Temporal is down still ends what waits for it.
func TestDeletedWebhookDiscardsWhatWaitsWhateverDies(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	endpoint := newEndpoint(t, answering(500))
	serve, a := startServe(t, infrastructure, "0s,10m")
	created := a.createWebhook(endpoint.URL)
	var deliveries []string
	for range 3 {
		_, deliveryID := a.publish()
		deliveries = append(deliveries, deliveryID)
	}
	for _, deliveryID := range deliveries {
		a.eventually(deliveryID, "waiting", 1)
	}
	require.NoError(t, infrastructure.StopTemporal(t.Context()))
	a.do(http.MethodDelete, "/v1/webhooks/"+created.ID, nil, http.StatusNoContent, nil)
	serve.kill()
	require.NoError(t, infrastructure.StartTemporal(t.Context()))

	_, a = startServe(t, infrastructure, "0s,10m")
	for _, deliveryID := range deliveries {
		a.eventually(deliveryID, "discarded", 1)
	}
	require.Len(t, endpoint.received(), 3)
}

// Until the old secret has run out, both verify.
func TestRotatedSecretVerifies(t *testing.T) {
	t.Parallel()
	_, a := newAccount(t)
	endpoint := newEndpoint(t, answering(500, 500, 200))
	created := a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "waiting", 2)
	var rotated createdWebhook
	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/rotate-secret", nil, http.StatusOK, &rotated)
	require.NotEqual(t, created.SigningSecret, rotated.SigningSecret)
	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/retry", nil, http.StatusAccepted, nil)
	a.eventually(deliveryID, "delivered", 3)
	verify(t, created.SigningSecret, endpoint.received()[2])
	verify(t, rotated.SigningSecret, endpoint.received()[2])
}

// A key of an account publishes for it and sees nothing of another's.
func TestAPIKeyOfAnAccount(t *testing.T) {
	t.Parallel()
	_, a := newAccount(t)
	_, other := newAccount(t)
	endpoint := newEndpoint(t, answering(200))
	a.createWebhook(endpoint.URL)
	other.createWebhook(endpoint.URL)
	var key struct {
		Key string `json:"key"`
	}
	a.do(http.MethodPost, "/v1/api-keys", map[string]any{"name": "Platform", "scopes": []string{"publish", "read"}},
		http.StatusCreated, &key)
	_, foreign := other.publish()
	a.key, a.account = key.Key, ""
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "delivered", 1)
	a.do(http.MethodGet, "/v1/deliveries/"+foreign, nil, http.StatusNotFound, nil)
	a.do(http.MethodPost, "/v1/deliveries/"+deliveryID+"/retry", nil, http.StatusForbidden, nil)
}
