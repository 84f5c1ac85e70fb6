package activities_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// What a receiver sees, all of it.
func TestRequest(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL+"/in/box?a=b", webhook.Authentication{})
	s.prepared.Delivery.AttemptCount = 2
	result, made := send(t, s, target.InsecureLoopback, time.Minute)
	require.Equal(t, 3, result.Number)

	requests := e.received()
	require.Len(t, requests, 1)
	got := requests[0]
	require.Equal(t, http.MethodPost, got.method)
	require.True(t, bytes.Equal([]byte(payload), got.body), "byte for byte")
	require.Equal(t, []string{
		"Content-Length", "Content-Type", "User-Agent", "Webhook-Attempt", "Webhook-Event", "Webhook-Id", "Webhook-Signature",
		"Webhook-Timestamp",
	}, slices.Sorted(maps.Keys(got.header)))
	for name, want := range map[string]string{
		"Content-Length": fmt.Sprint(len(payload)), "Content-Type": "application/json", "User-Agent": "durahook/1.2.3",
		"webhook-attempt": "3", "webhook-event": "call.ended", "webhook-id": s.prepared.Delivery.EventID,
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}

	kept := got.header.Clone()
	kept.Set("Webhook-Signature", "v1,••••")
	kept.Set("Host", strings.TrimPrefix(e.URL, "http://"))
	require.Equal(t, map[string][]string(kept), made.RequestHeaders, "what is kept is what was sent, without the signature")

	verifier, err := standardwebhooks.NewWebhook(string(s.prepared.Webhook.SigningSecret))
	require.NoError(t, err)
	require.NoError(t, verifier.Verify(got.body, got.header))
	require.Error(t, verifier.Verify([]byte(strings.TrimSpace(payload)), got.header))
	another, err := standardwebhooks.NewWebhook(string(webhook.NewSigningSecret()))
	require.NoError(t, err)
	require.Error(t, another.Verify(got.body, got.header))
}

// The same event keeps its ID in every attempt; the time of the signature is that of the attempt.
func TestEachAttemptIsSignedAnew(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(500))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	for sequence := range 2 {
		_, err := h.attempt(scheduled(s.prepared.Delivery.ID, sequence+1))
		require.NoError(t, err)
		s.prepared.Webhook.SigningSecret = webhook.NewSigningSecret() // rotated meanwhile
		s.prepared.Delivery.AttemptCount++
	}
	requests := e.received()
	require.Len(t, requests, 2)
	require.Equal(t, requests[0].header.Get("webhook-id"), requests[1].header.Get("webhook-id"))
	require.Equal(t, "2", requests[1].header.Get("webhook-attempt"))
	require.NotEqual(t, requests[0].header.Get("webhook-signature"), requests[1].header.Get("webhook-signature"))
}

func TestAuthenticationOfTheRequest(t *testing.T) {
	t.Parallel()
	mac := hmac.New(sha512.New, []byte("hmac-secret"))
	mac.Write([]byte(payload))
	for name, scenario := range map[string]struct {
		authentication     webhook.Authentication
		header, want, kept string
	}{
		"api_key": {webhook.Authentication{Type: "api_key", Header: "X-Api-Key", Value: "key-secret"}, "X-Api-Key", "key-secret", "••••"},
		"api_key in authorization": {
			webhook.Authentication{Type: "api_key", Header: "authorization", Value: "Bearer your_secret_key"}, "Authorization", "Bearer your_secret_key", "••••",
		},
		"basic":  {webhook.Authentication{Type: "basic", Username: "Aladdin", Password: "open sesame"}, "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic ••••"},
		"bearer": {webhook.Authentication{Type: "bearer", Token: "token-secret"}, "Authorization", "Bearer token-secret", "Bearer ••••"},
		"hmac": {
			webhook.Authentication{Type: "hmac", Secret: "hmac-secret", Header: "X-Sum", Algorithm: "sha512"}, "X-Sum",
			"sha512=" + hex.EncodeToString(mac.Sum(nil)), "sha512=••••",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, status(200))
			s := newFakeStore(t, e.URL, scenario.authentication)
			_, made := send(t, s, target.InsecureLoopback, time.Minute)
			got := e.received()[0]
			require.Equal(t, []string{scenario.want}, got.header.Values(scenario.header))
			require.Equal(t, []string{scenario.kept}, http.Header(made.RequestHeaders).Values(scenario.header))
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
			verifier, err := standardwebhooks.NewWebhook(string(s.prepared.Webhook.SigningSecret))
			require.NoError(t, err)
			require.NoError(t, verifier.Verify(got.body, got.header), "whatever the authentication, it is signed")
		})
	}
}

// Cookies would tie deliveries to one another.
func TestCookiesAreForgotten(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(http.StatusInternalServerError)
	})
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	h := newHarness(s, target.InsecureLoopback, time.Minute)
	for range 2 {
		_, err := h.attempt(scheduled(s.prepared.Delivery.ID, 1))
		require.NoError(t, err)
	}
	require.Empty(t, e.received()[1].header.Get("Cookie"))
}

func TestWithoutSigningSecretNothingIsSent(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	s.prepared.Webhook.SigningSecret = "whsec_"
	result, _ := send(t, s, target.InsecureLoopback, time.Minute)
	require.Equal(t, webhook.OutcomeConnectionError, result.Outcome)
	require.Empty(t, e.received())
}
