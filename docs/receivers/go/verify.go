// Package verify is an example of a receiver of durahook's webhooks.
package verify

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	tolerance = 5 * time.Minute
	maxBody   = 1 << 20
)

// Handler verifies each event and hands it to keep, which puts it where it is not lost, such as a queue or a
// table, and leaves the work for later. An event that keep fails for is sent again.
func Handler(key string, keep func(id string, event []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		switch {
		case err != nil:
			http.Error(w, "the body could not be read", http.StatusBadRequest)
		case Verify(key, body, r.Header) != nil:
			http.Error(w, "the signature could not be verified", http.StatusUnauthorized)
		case keep(r.Header.Get("webhook-id"), body) != nil:
			http.Error(w, "the event could not be kept", http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// Verify checks a request with the webhook's signing_secret (whsec_…) or public_key (whpk_…). The body is that
// which came, byte for byte.
func Verify(key string, body []byte, header http.Header) error {
	if text, ok := strings.CutPrefix(key, "whpk_"); ok {
		return verifyEd25519(text, body, header)
	}
	webhook, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		return err
	}
	return webhook.Verify(body, header)
}

// verifyEd25519 does what the library doesn't: it knows no public keys.
func verifyEd25519(text string, body []byte, header http.Header) error {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return errors.New("not a public key")
	}
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("a header is missing, or the request is too old or from the future")
	}
	signed := append([]byte(id+"."+timestamp+"."), body...)
	for one := range strings.SplitSeq(header.Get("webhook-signature"), " ") {
		text, ok := strings.CutPrefix(one, "v1a,")
		signature, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && ed25519.Verify(key, signed, signature) {
			return nil
		}
	}
	return standardwebhooks.ErrNoMatchingSignature
}
