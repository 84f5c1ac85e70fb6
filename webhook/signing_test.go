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

func TestSignRefusesWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	ofSize := func(size int) webhook.SigningSecret {
		return webhook.SigningSecret("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, size)))
	}
	for _, size := range []int{24, 32, 64} {
		_, err := ofSize(size).Sign("evt_1", time.Now(), nil)
		require.NoError(t, err)
	}
	for _, secret := range []webhook.SigningSecret{
		"", "whsec_", "whsec", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_not+base64!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", ofSize(23), ofSize(65),
	} {
		signature, err := secret.Sign("evt_1", time.Now(), nil)
		require.EqualError(t, err, "signing secret is not whsec_ and 24 to 64 bytes in base64", "%q", secret)
		require.Empty(t, signature)
	}
}

func TestNewSigningSecretsDiffer(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, webhook.NewSigningSecret(), webhook.NewSigningSecret())
}
