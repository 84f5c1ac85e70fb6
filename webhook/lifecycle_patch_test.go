package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func patched(t *testing.T, before webhook.Webhook, body string) (webhook.Webhook, error) {
	t.Helper()
	patch, err := webhook.ParsePatch([]byte(body))
	if err != nil {
		return before, err
	}
	return before, patch.Apply(&before, webhook.BuiltIn, false)
}

func lifecycleWebhook(t *testing.T) webhook.Webhook {
	t.Helper()
	limit := 5
	w, err := webhook.Define("acc_1", webhook.Definition{
		Name: "Sync", URL: "https://example.com/a", Events: []string{"call.ended"},
		Filter:         "data.ok == true",
		RateLimit:      &limit,
		Authentication: webhook.Authentication{Type: "bearer", Token: "token-of-the-receiver"},
	}, webhook.BuiltIn, false)
	require.NoError(t, err)
	return w
}

func TestPatchChangesWhatItGives(t *testing.T) {
	t.Parallel()
	for body, change := range map[string]func(w *webhook.Webhook){
		`{}`:                                 func(*webhook.Webhook) {},
		`{"name":" New "}`:                   func(w *webhook.Webhook) { w.Name = "New" },
		`{"url":"https://new.example/"}`:     func(w *webhook.Webhook) { w.URL = "https://new.example/" },
		`{"events":["*"]}`:                   func(w *webhook.Webhook) { w.Events = []string{"*"} },
		`{"filter":"data.duration > 60"}`:    func(w *webhook.Webhook) { w.Filter = "data.duration > 60" },
		`{"filter":null}`:                    func(w *webhook.Webhook) { w.Filter = "" },
		`{"filter":" "}`:                     func(w *webhook.Webhook) { w.Filter = "" },
		`{"rate_limit":20}`:                  func(w *webhook.Webhook) { w.RateLimit = 20 },
		`{"rate_limit":null}`:                func(w *webhook.Webhook) { w.RateLimit = 0 },
		`{"authentication":null}`:            func(w *webhook.Webhook) { w.Authentication = webhook.Authentication{Type: "none"} },
		`{"authentication":{"type":"none"}}`: func(w *webhook.Webhook) { w.Authentication = webhook.Authentication{Type: "none"} },
		`{"authentication":{"type":"basic","username":"u","password":"p"}}`: func(w *webhook.Webhook) {
			w.Authentication = webhook.Authentication{Type: "basic", Username: "u", Password: "p"}
		},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			want := lifecycleWebhook(t)
			got, err := patched(t, want, body)
			change(&want)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestPatchIsRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]map[string]string{
		`{"name":null,"url":null,"events":null}`: {"/name": "cannot be taken away", "/url": "cannot be taken away", "/events": "cannot be taken away"},
		`{"signing_algorithm":"ed25519"}`:        {"/signing_algorithm": "cannot be changed here; POST …/rotate-secret"},
		`{"name":7,"url":null,"enabled":false}`:  {"/name": "must be a string", "/url": "cannot be taken away", "/enabled": "/enable or POST /v1/webhooks/{id}/disable"},
		`{"name":"","url":"ftp://x/","events":["call.ended","no"],"authentication":{"type":"basic","username":"a:b"}}`: {
			"/name": "is missing", "/url": "must start with https://", "/events/1": "is not a known event type",
			"/authentication/username": "colon", "/authentication/password": "is missing",
		},
		`{"rate_limit":0}`:          {"/rate_limit": "must be from 1 to 1000 requests a second, or null for no limit"},
		`{"rate_limit":1001}`:       {"/rate_limit": "must be from 1 to 1000"},
		`{"rate_limit":0.5}`:        {"/rate_limit": "must be a whole number"},
		`{"rate_limit":"5"}`:        {"/rate_limit": "must be a whole number, not a string"},
		`{"enabled":true}`:          {"/enabled": "cannot be changed here"},
		`{"enabled":1,"filter":{}}`: {"/enabled": "", "/filter": "must be a string"},
		// Taking away by mistake what proves where requests come from.
		`{"authentication":{}}`:            {"/authentication/type": "send null"},
		`{"authentication":{"type":null}}`: {"/authentication/type": "send null"},
		`{"authentication":{"type":""}}`:   {"/authentication/type": "send null"},
		`{"authentication":{"type":5}}`:    {"/authentication/type": "must be a string"},
		`{"authentication":"none"}`:        {"/authentication": "must be an object"},
		// An answer that was edited and sent back: of the stored secret, of a short one, of another.
		`{"authentication":{"type":"bearer","token":"••••iver"}}`:                        {"/authentication/token": "send the secret itself, or leave authentication out"},
		`{"authentication":{"type":"bearer","token":"••••"}}`:                            {"/authentication/token": "bullets"},
		`{"authentication":{"type":"hmac","secret":"••••abcd"}}`:                         {"/authentication/secret": "bullets"},
		`{"authentication":{"type":"api_key","header":"X-Key","value":"••••abcd"}}`:      {"/authentication/value": "bullets"},
		`{"authentication":{"type":"basic","username":"u","password":"••••abcd"}}`:       {"/authentication/password": "bullets"},
		`{"authentication":{"type":"bearer"},"url":"http://example.com"}`:                {"/authentication/token": "is missing", "/url": "must start with https://"},
		`{"authentication":{"type":"api_key","header":"webhook-id","value":"v"},"x":{}}`: {"/x": "is not a known field", "/authentication/header": "has a meaning of its own"},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			before := lifecycleWebhook(t)
			got, err := patched(t, before, body)
			requireFields(t, err, want)
			require.Equal(t, before, got, "nothing was changed")
		})
	}
	_, err := webhook.ParsePatch([]byte(`[]`))
	_ = requireCode(t, webhook.CodeMalformed, err)
}

func TestDisableAndEnable(t *testing.T) {
	t.Parallel()
	w := lifecycleWebhook(t)
	w.Disable("First.")
	w.Disable("Second.")
	require.False(t, w.Enabled)
	require.Equal(t, "First.", w.DisabledReason)
	w.Enable()
	require.True(t, w.Enabled)
	require.Empty(t, w.DisabledReason)
}

func TestRotateSignsWithBothForADay(t *testing.T) {
	t.Parallel()
	w, now := lifecycleWebhook(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	old, secret := w.SigningSecret, webhook.NewSigningSecret()
	requireFields(t, w.Rotate(old, now), map[string]string{"/secret": "in use already"})
	require.NoError(t, w.Rotate(secret, now))
	for at, want := range map[time.Time][]webhook.SigningSecret{
		now: {secret, old}, now.Add(24*time.Hour - time.Second): {secret, old}, now.Add(24 * time.Hour): {secret},
	} {
		got, err := w.Sign("evt_1", at, []byte("payload"))
		require.NoError(t, err)
		var signatures []string
		for _, s := range want {
			signature, err := s.Sign("evt_1", at, []byte("payload"))
			require.NoError(t, err)
			signatures = append(signatures, signature)
		}
		require.Equal(t, strings.Join(signatures, " "), got)
	}
}
