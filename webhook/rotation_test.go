package webhook_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

const (
	anyHMAC      = webhook.SigningHMACSHA256
	anyEd25519   = webhook.SigningEd25519
	secretNeeded = `must be "whsec_" and 24 to 64 random bytes in base64, or "whsk_" and an ed25519 private key`
)

func rotation(t *testing.T, body string) webhook.Rotation {
	t.Helper()
	var r webhook.Rotation
	require.NoError(t, webhook.DecodeJSON([]byte(body), &r))
	return r
}

func TestRotationMakesASecret(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]map[webhook.SigningAlgorithm]webhook.SigningAlgorithm{
		`{}`:                                  {anyHMAC: anyHMAC, anyEd25519: anyEd25519},
		`{"secret":null}`:                     {anyHMAC: anyHMAC, anyEd25519: anyEd25519},
		`{"signing_algorithm":"ed25519"}`:     {anyHMAC: anyEd25519, anyEd25519: anyEd25519},
		`{"signing_algorithm":"hmac-sha256"}`: {anyHMAC: anyHMAC, anyEd25519: anyHMAC},
	} {
		for present, algorithm := range want {
			got, err := rotation(t, body).NewSecret(present)
			require.NoError(t, err)
			require.Equal(t, algorithm, got.Algorithm(), "%s after %s", body, present)
			another, err := rotation(t, body).NewSecret(present)
			require.NoError(t, err)
			require.NotEqual(t, got, another)
		}
	}
}

func TestRotationTakesOnesOwnSecret(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{hmacOf(24): hmacOf(24), hmacOf(64): hmacOf(64), rfcKey: rfcKey, rfcSeed: rfcKey} {
		for _, algorithm := range []string{`null`, `"` + string(webhook.SigningSecret(want).Algorithm()) + `"`} {
			for _, present := range []webhook.SigningAlgorithm{anyHMAC, anyEd25519} {
				got, err := rotation(t, `{"secret":"`+text+`","signing_algorithm":`+algorithm+`}`).NewSecret(present)
				require.NoError(t, err)
				require.Equal(t, want, string(got))
			}
		}
	}
}

func TestRotationIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range append(noSecrets(), "whsec_••••abcd", "••••abcd", "whpk_"+hmacOf(32)[6:]) {
		for _, present := range []webhook.SigningAlgorithm{anyHMAC, anyEd25519} {
			r := webhook.Rotation{Secret: &text}
			_, err := r.NewSecret(present)
			requireFields(t, err, map[string]string{"/secret": secretNeeded})
			if len(text) > len("whsec_") {
				require.NotContains(t, err.Error(), text)
			}
		}
	}
	foreign := foreignHalf(t)
	for body, want := range map[string]map[string]string{
		`{"secret":"` + foreign + `"}`:                                     {"/secret": "second half is not the public key"},
		`{"secret":"` + rfcKey + `","signing_algorithm":"hmac-sha256"}`:    {"/signing_algorithm": "is not that of the secret"},
		`{"secret":"` + hmacOf(24) + `","signing_algorithm":"ed25519"}`:    {"/signing_algorithm": "is not that of the secret"},
		`{"signing_algorithm":"rsa"}`:                                      {"/signing_algorithm": `must be "hmac-sha256" or "ed25519"`},
		`{"signing_algorithm":""}`:                                         {"/signing_algorithm": `must be "hmac-sha256" or "ed25519"`},
		`{"signing_algorithm":7,"secret":7,"x":1}`:                         {"/signing_algorithm": "must be a string", "/secret": "must be a string", "/x": "is not a known field"},
		`{"signing_algorithm":"ED25519","secret":"hush"}`:                  {"/signing_algorithm": "must be", "/secret": secretNeeded},
		`{"signing_algorithm":"hmac-sha256","secret":"` + foreign + `"}`:   {"/signing_algorithm": "is not that of the secret", "/secret": "second half"},
		`{"signing_algorithm":"ed25519","secret":"` + rfcKey + `=","y":1}`: {"/secret": secretNeeded, "/y": "is not a known field"},
	} {
		_, err := rotation(t, body).NewSecret(anyHMAC)
		requireFields(t, err, want)
		require.NotContains(t, err.Error(), foreign[6:])
	}
}

// A seed and the key that it makes are one secret.
func TestRotateToTheSeedOfTheSecretInUse(t *testing.T) {
	t.Parallel()
	w := lifecycleWebhook(t)
	w.SigningSecret = rfcKey
	seed := rfcSeed
	secret, err := webhook.Rotation{Secret: &seed}.NewSecret(anyEd25519)
	require.NoError(t, err)
	requireFields(t, w.Rotate(secret, time.Now()), map[string]string{"/secret": "in use already"})
}

func TestDefineChoosesTheAlgorithm(t *testing.T) {
	t.Parallel()
	define := func(member string) (webhook.Webhook, error) {
		var d webhook.Definition
		require.NoError(t, webhook.DecodeJSON([]byte(`{"name":"Sync","url":"https://example.com/","events":["*"]`+member+`}`), &d))
		return webhook.Define("acc_1", d, webhook.BuiltIn, false)
	}
	for member, want := range map[string]webhook.SigningAlgorithm{
		"": anyHMAC, `,"signing_algorithm":null`: anyHMAC, `,"signing_algorithm":"hmac-sha256"`: anyHMAC, `,"signing_algorithm":"ed25519"`: anyEd25519,
	} {
		w, err := define(member)
		require.NoError(t, err)
		require.Equal(t, want, w.SigningSecret.Algorithm())
	}
	for member, want := range map[string]string{
		`,"signing_algorithm":"v1a"`: "must be", `,"signing_algorithm":""`: "must be", `,"signing_algorithm":true`: "must be a string",
	} {
		_, err := define(member)
		requireFields(t, err, map[string]string{"/signing_algorithm": want})
	}
}

// Of a private key even less than of other secrets: the end of it is the end of the public key.
func TestMaskedSigningSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []webhook.SigningSecret{anyHMAC.NewSecret(), anyEd25519.NewSecret(), webhook.SigningSecret(hmacOf(24))} {
		shown := strings.TrimPrefix(webhook.Mask(string(secret)), "••••")
		require.Len(t, shown, 4)
		require.LessOrEqual(t, 3*len(shown), len(secret)-len("whsec_"))
	}
	key, err := base64.StdEncoding.DecodeString(rfcKey[len("whsk_"):])
	require.NoError(t, err)
	require.NotContains(t, webhook.Mask(rfcKey), base64.StdEncoding.EncodeToString(key[:32])[:4])
}
