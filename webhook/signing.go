package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0 (https://www.standardwebhooks.com), and the two that durahook adds.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
	HeaderAttempt   = "webhook-attempt"
	HeaderEvent     = "webhook-event"
)

// The form of a signing secret; the sizes are in bytes before base64.
const (
	secretPrefix   = "whsec_"
	shortestSecret = 24
	longestSecret  = 64
)

// SigningSecret is the secret that a webhook's requests are signed with, in the form of Standard Webhooks:
// "whsec_" and 24 to 64 bytes in base64.
type SigningSecret string

// NewSigningSecret returns a random secret of 32 bytes.
func NewSigningSecret() SigningSecret {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: crypto/rand crashes the program rather than return an error
	return SigningSecret(secretPrefix + base64.StdEncoding.EncodeToString(key))
}

// CheckSigningSecret reads a secret that a client made itself. The error tells what the field at pointer has
// to look like, but never what was sent.
func CheckSigningSecret(pointer, text string) (SigningSecret, error) {
	secret := SigningSecret(text)
	if _, ok := secret.key(); !ok {
		var fields Fields
		fields.Add(pointer, fmt.Sprintf("must be %q and %d to %d random bytes in base64", secretPrefix, shortestSecret, longestSecret))
		return "", fields.Err()
	}
	return secret, nil
}

// key returns the bytes of the secret, and whether it has the form of Standard Webhooks.
func (s SigningSecret) key() (key []byte, ok bool) {
	text, ok := strings.CutPrefix(string(s), secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	return key, ok && err == nil && len(key) >= shortestSecret && len(key) <= longestSecret
}

// Sign returns one signature for the webhook-signature header: "v1," and, in base64, the HMAC-SHA256 over
// "id.timestamp.payload". The time counts in whole Unix seconds, as in the webhook-timestamp header. It
// fails for a secret that is not in the form of Standard Webhooks.
func (s SigningSecret) Sign(id string, at time.Time, payload []byte) (string, error) {
	key, ok := s.key()
	if !ok {
		return "", fmt.Errorf("signing secret is not %s and %d to %d bytes in base64", secretPrefix, shortestSecret, longestSecret)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(payload)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
