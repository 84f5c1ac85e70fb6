package receiver

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/durahook/durahook/webhook"
)

// verifier holds one entry for each secret that is good at the moment: two while one replaces the other.
type verifier []verifyingKey

// verifyingKey verifies one kind of signature. Its errors are those of the published library.
type verifyingKey interface {
	Verify(body []byte, header http.Header) error
}

type signatureState int

const (
	signatureNotChecked signatureState = iota
	signatureOK
	signatureBad
)

// verdict is what is to be said of a signature.
type verdict struct {
	state  signatureState
	reason string // why it is bad, in plain words
}

// newVerifier reads signing secrets and public keys with commas between them; of an empty text it makes a
// verifier that checks nothing. The error says which secret is wrong without showing it.
func newVerifier(text string) (verifier, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var v verifier
	secrets := strings.Split(text, ",")
	for i, secret := range secrets {
		secret = strings.TrimSpace(secret)
		which := "the secret"
		if len(secrets) > 1 {
			which = fmt.Sprintf("secret %d of %d", i+1, len(secrets))
		}
		if secret == "" {
			return nil, fmt.Errorf("%s is empty", which)
		}
		one, err := newKey(secret)
		if err != nil {
			return nil, fmt.Errorf("%s %w", which, err)
		}
		v = append(v, one)
	}
	return v, nil
}

// newKey reads what a receiver verifies with: a secret for HMAC or a public key of ed25519.
func newKey(text string) (verifyingKey, error) {
	switch {
	case strings.HasPrefix(text, publicKeyPrefix):
		return newPublicKey(text)
	case strings.HasPrefix(text, "whsk_"):
		return nil, errors.New("is a private key, which stays with the sender: use the webhook's public_key, whpk_ and base64")
	}
	shared, err := standardwebhooks.NewWebhook(text)
	if err != nil {
		return nil, errors.New("is not a signing secret: use the webhook's signing_secret, whsec_ and base64, or its public_key, whpk_ and base64")
	}
	return shared, nil
}

// verify checks a body and its headers. One secret that fits is enough.
func (v verifier) verify(body []byte, header http.Header) verdict {
	if len(v) == 0 {
		return verdict{state: signatureNotChecked}
	}
	var err error
	for _, secret := range v {
		if err = secret.Verify(body, header); err == nil {
			return verdict{state: signatureOK}
		}
	}
	// Headers are the same for every secret, so the last error is as good as any.
	return verdict{state: signatureBad, reason: explain(err, header)}
}

func explain(err error, header http.Header) string {
	switch {
	case errors.Is(err, standardwebhooks.ErrRequiredHeaders):
		return "no " + strings.Join(missingHeaders(header), ", no ") + " header"
	case errors.Is(err, standardwebhooks.ErrInvalidHeaders):
		return webhook.HeaderTimestamp + " is not a number of seconds"
	case errors.Is(err, standardwebhooks.ErrMessageTooOld):
		return webhook.HeaderTimestamp + " is " + distance(header) + " ago, and at most 5 minutes are accepted"
	case errors.Is(err, standardwebhooks.ErrMessageTooNew):
		return webhook.HeaderTimestamp + " is " + distance(header) + " ahead, and at most 5 minutes are accepted"
	case errors.Is(err, standardwebhooks.ErrNoMatchingSignature):
		return webhook.HeaderSignature + " does not match: another secret or key, or the body was changed"
	default:
		return "it could not be verified: " + err.Error()
	}
}

func missingHeaders(header http.Header) []string {
	var missing []string
	for _, name := range []string{webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature} {
		if header.Get(name) == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// distance returns how far the timestamp is from now. The library has read it before, so it is a number.
func distance(header http.Header) string {
	seconds, err := strconv.ParseInt(header.Get(webhook.HeaderTimestamp), 10, 64)
	if err != nil {
		return "some time"
	}
	return time.Since(time.Unix(seconds, 0)).Abs().Round(time.Second).String()
}
