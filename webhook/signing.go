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

// Sign returns the value of the webhook-signature header: "v1," and, in base64, the HMAC-SHA256 over
// "id.timestamp.payload". The time counts in whole Unix seconds, as in the webhook-timestamp header. It
// fails for a secret that is not in the form of Standard Webhooks.
func (s SigningSecret) Sign(id string, at time.Time, payload []byte) (string, error) {
	text, ok := strings.CutPrefix(string(s), secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < shortestSecret || len(key) > longestSecret {
		return "", fmt.Errorf("signing secret is not %s and %d to %d bytes in base64", secretPrefix, shortestSecret, longestSecret)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(payload)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
