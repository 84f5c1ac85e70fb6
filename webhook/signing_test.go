package webhook_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// The example of the specification, which all its libraries test against.
func TestSignVector(t *testing.T) {
	t.Parallel()
	const secret = webhook.SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	signature, err := secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999_999_999), []byte(`{"test": 2432232314}`))
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", signature)
}

func TestSignatureSatisfiesThePublishedLibrary(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSigningSecret()
	verifier, err := standardwebhooks.NewWebhook(string(secret))
	require.NoError(t, err)
	now := time.Now()
	for _, payload := range []string{"", valid, "not JSON \x00\xff", strings.Repeat("x", webhook.MaxPayload)} {
		id := webhook.NewID(webhook.EventPrefix)
		signature, err := secret.Sign(id, now, []byte(payload))
		require.NoError(t, err)
		header := http.Header{}
		header.Set(webhook.HeaderID, id)
		header.Set(webhook.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
		header.Set(webhook.HeaderSignature, signature)
		require.NoError(t, verifier.Verify([]byte(payload), header))

		require.Error(t, verifier.Verify([]byte(payload+" "), header))
		header.Set(webhook.HeaderTimestamp, strconv.FormatInt(now.Unix()+1, 10))
		require.Error(t, verifier.Verify([]byte(payload), header))
		header.Set(webhook.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
		header.Set(webhook.HeaderID, id+"x")
		require.Error(t, verifier.Verify([]byte(payload), header))
	}
	other, err := standardwebhooks.NewWebhook(string(webhook.NewSigningSecret()))
	require.NoError(t, err)
	signature, err := secret.Sign("evt_1", now, nil)
	require.NoError(t, err)
	require.ErrorIs(t, other.Verify(nil, http.Header{
		"Webhook-Id": {"evt_1"}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
	}), standardwebhooks.ErrNoMatchingSignature)
}

// The key of test 1 in RFC 8032, section 7.1: its seed, its private and its public key.
const (
	rfcSeed   = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
	rfcKey    = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
	rfcPublic = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
)

// The specification has no vector for ed25519. The signature is what OpenSSL 3.0 makes (pkeyutl -sign -rawin)
// with the RFC's key of the specification's example for HMAC; ed25519 signatures are the same every time.
func TestSignEd25519Vector(t *testing.T) {
	t.Parallel()
	for _, secret := range []webhook.SigningSecret{rfcKey, rfcSeed} {
		signature, err := secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999_999_999), []byte(`{"test": 2432232314}`))
		require.NoError(t, err)
		require.Equal(t, "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==", signature)
		require.Equal(t, rfcPublic, secret.PublicKey())
		require.Equal(t, rfcPublic, secret.VerificationKey())
		require.Equal(t, webhook.SigningEd25519, secret.Algorithm())
	}
}

func TestOfHMACTheSecretItselfVerifies(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSigningSecret()
	require.Equal(t, webhook.SigningHMACSHA256, secret.Algorithm())
	require.Empty(t, secret.PublicKey())
	require.Equal(t, string(secret), secret.VerificationKey())
}

func hmacOf(size int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, size)) }

// foreignHalf is a private key with the public half of another.
func foreignHalf(t *testing.T) string {
	t.Helper()
	one, err := base64.StdEncoding.DecodeString(rfcKey[len("whsk_"):])
	require.NoError(t, err)
	other, err := base64.StdEncoding.DecodeString(string(webhook.SigningEd25519.NewSecret())[len("whsk_"):])
	require.NoError(t, err)
	return "whsk_" + base64.StdEncoding.EncodeToString(append(one[:32:32], other[32:]...))
}

// noSecrets are texts that are not in the form of Standard Webhooks, though some decoders would take them.
func noSecrets() []string {
	ed25519Of := func(size int) string { return "whsk_" + base64.StdEncoding.EncodeToString(make([]byte, size)) }
	return []string{
		"", "whsec_", "whsec", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_not+base64!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", hmacOf(23), hmacOf(65), " " + hmacOf(24),
		hmacOf(24) + "\n", hmacOf(24)[:20] + "\r\n" + hmacOf(24)[20:], strings.TrimRight(hmacOf(32), "="),
		hmacOf(32)[:48] + "B=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", // stray bits; base64url
		"whsk_", "whsk", "WHSK_" + rfcKey[5:], rfcKey[5:], rfcKey + "\n", strings.TrimRight(rfcKey, "="),
		ed25519Of(31), ed25519Of(33), ed25519Of(63), ed25519Of(65), rfcPublic,
		rfcKey[:len(rfcKey)-3] + "h==", // stray bits
		"whsec_" + rfcKey[5:len(rfcKey)-4] + "AAAA", "whpk_" + rfcKey[5:],
	}
}

func TestSignRefusesWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	for _, size := range []int{24, 32, 64} {
		_, err := webhook.SigningSecret(hmacOf(size)).Sign("evt_1", time.Now(), nil)
		require.NoError(t, err)
	}
	for _, secret := range append(noSecrets(), foreignHalf(t)) {
		signature, err := webhook.SigningSecret(secret).Sign("evt_1", time.Now(), nil)
		require.Error(t, err, "%q", secret)
		require.Empty(t, signature)
		require.Empty(t, webhook.SigningSecret(secret).PublicKey())
		if len(secret) > len("whsec_") {
			require.NotContains(t, err.Error(), secret)
		}
	}
}

func TestNewSigningSecretsDiffer(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, webhook.NewSigningSecret(), webhook.NewSigningSecret())
	require.NotEqual(t, webhook.SigningEd25519.NewSecret(), webhook.SigningEd25519.NewSecret())
}
