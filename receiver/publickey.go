package receiver

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/durahook/durahook/webhook"
)

const (
	publicKeyPrefix = "whpk_"
	// tolerance is how far a timestamp may be from now, as in the published library.
	tolerance = 5 * time.Minute
)

// publicKey verifies ed25519 signatures, which the published library for Go doesn't know.
type publicKey ed25519.PublicKey

func newPublicKey(text string) (publicKey, error) {
	bytes, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(text, publicKeyPrefix))
	if err != nil || len(bytes) != ed25519.PublicKeySize {
		return nil, errors.New("is not a public key: use the webhook's public_key, whpk_ and 32 bytes in base64")
	}
	return publicKey(bytes), nil
}

// Verify checks the signatures that begin with "v1a,"; one that fits is enough.
func (k publicKey) Verify(body []byte, header http.Header) error {
	if err := checkHeaders(header); err != nil {
		return err
	}
	signed := append([]byte(header.Get(webhook.HeaderID)+"."+header.Get(webhook.HeaderTimestamp)+"."), body...)
	for one := range strings.SplitSeq(header.Get(webhook.HeaderSignature), " ") {
		text, ok := strings.CutPrefix(one, "v1a,")
		signature, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && ed25519.Verify(ed25519.PublicKey(k), signed, signature) {
			return nil
		}
	}
	return standardwebhooks.ErrNoMatchingSignature
}

// checkHeaders checks that the three headers are there and the timestamp is of now.
func checkHeaders(header http.Header) error {
	if len(missingHeaders(header)) > 0 {
		return standardwebhooks.ErrRequiredHeaders
	}
	seconds, err := strconv.ParseInt(header.Get(webhook.HeaderTimestamp), 10, 64)
	if err != nil {
		return standardwebhooks.ErrInvalidHeaders
	}
	switch age := time.Since(time.Unix(seconds, 0)); {
	case age > tolerance:
		return standardwebhooks.ErrMessageTooOld
	case age < -tolerance:
		return standardwebhooks.ErrMessageTooNew
	}
	return nil
}
