package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
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

// SigningAlgorithm is how a webhook's requests are signed.
type SigningAlgorithm string

// The algorithms of Standard Webhooks.
const (
	SigningHMACSHA256 SigningAlgorithm = "hmac-sha256" // sender and receiver share one secret
	SigningEd25519    SigningAlgorithm = "ed25519"     // the receiver has a public key, which can sign nothing
)

// The form of signing secrets and public keys; the sizes are in bytes before base64.
const (
	secretPrefix     = "whsec_"
	privateKeyPrefix = "whsk_"
	publicKeyPrefix  = "whpk_"
	shortestSecret   = 24
	longestSecret    = 64
)

// SigningSecret is the secret that a webhook's requests are signed with, in the form of Standard Webhooks. Its
// prefix says for which algorithm: "whsec_" and 24 to 64 bytes in base64 for HMAC-SHA256, "whsk_" and the 64
// bytes of a private key, which are its seed and its public key, for ed25519.
type SigningSecret string

// NewSigningSecret returns a random secret of 32 bytes for HMAC-SHA256.
func NewSigningSecret() SigningSecret { return SigningHMACSHA256.NewSecret() }

// NewSecret returns a random secret for the algorithm.
func (a SigningAlgorithm) NewSecret() SigningSecret {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails: crypto/rand crashes the program rather than return an error
	if a == SigningEd25519 {
		return privateKeySecret(ed25519.NewKeyFromSeed(random))
	}
	return SigningSecret(secretPrefix + base64.StdEncoding.EncodeToString(random))
}

func privateKeySecret(key ed25519.PrivateKey) SigningSecret {
	return SigningSecret(privateKeyPrefix + base64.StdEncoding.EncodeToString(key))
}

// checkSigningAlgorithm notes a name that is no algorithm's.
func checkSigningAlgorithm(fields *Fields, algorithm SigningAlgorithm) {
	if algorithm != SigningHMACSHA256 && algorithm != SigningEd25519 {
		fields.Add("/signing_algorithm", fmt.Sprintf("must be %q or %q", SigningHMACSHA256, SigningEd25519))
	}
}

// checkSigningSecret reads a secret that a client made itself; of an ed25519 key the seed alone will do. What
// is wrong is noted at pointer, but never what was sent.
func checkSigningSecret(fields *Fields, pointer, text string) SigningSecret {
	secret := SigningSecret(text)
	key, err := readPrivateKey(text)
	_, shared := secret.hmacKey()
	switch {
	case err == nil:
		return privateKeySecret(key)
	case errors.Is(err, errPublicHalf):
		fields.Add(pointer, "is not an ed25519 key: its second half is not the public key of the first")
	case !shared:
		fields.Add(pointer, fmt.Sprintf("must be %q and %d to %d random bytes in base64, or %q and an ed25519 private key of 64 bytes (or its seed of 32) in base64",
			secretPrefix, shortestSecret, longestSecret, privateKeyPrefix))
	}
	return secret
}

// Algorithm returns what the secret is for.
func (s SigningSecret) Algorithm() SigningAlgorithm {
	if strings.HasPrefix(string(s), privateKeyPrefix) {
		return SigningEd25519
	}
	return SigningHMACSHA256
}

// PublicKey returns what receivers verify signatures of an ed25519 secret with: "whpk_" and the 32 bytes of the
// public key in base64. It is no secret. For other algorithms it is empty.
func (s SigningSecret) PublicKey() string {
	key, err := readPrivateKey(string(s))
	if err != nil {
		return ""
	}
	return publicKeyPrefix + base64.StdEncoding.EncodeToString(key[ed25519.SeedSize:])
}

// VerificationKey returns what receivers verify with: the public key, or for HMAC the secret itself.
func (s SigningSecret) VerificationKey() string {
	if s.Algorithm() == SigningEd25519 {
		return s.PublicKey()
	}
	return string(s)
}

// Sign returns one signature for the webhook-signature header over "id.timestamp.payload": "v1," and an
// HMAC-SHA256, or "v1a," and an ed25519 signature, in base64. The time counts in whole Unix seconds, as in
// the webhook-timestamp header. It fails for a secret that is not in the form of Standard Webhooks.
func (s SigningSecret) Sign(id string, at time.Time, payload []byte) (string, error) {
	head := id + "." + strconv.FormatInt(at.Unix(), 10) + "."
	if s.Algorithm() == SigningEd25519 {
		key, err := readPrivateKey(string(s))
		if err != nil {
			return "", fmt.Errorf("signing secret: %w", err)
		}
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(key, append([]byte(head), payload...))), nil
	}
	key, ok := s.hmacKey()
	if !ok {
		return "", fmt.Errorf("signing secret is not %s and %d to %d bytes in base64", secretPrefix, shortestSecret, longestSecret)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(head))
	mac.Write(payload)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// hmacKey returns the bytes of a secret for HMAC, and whether it is one.
func (s SigningSecret) hmacKey() (key []byte, ok bool) {
	text, ok := strings.CutPrefix(string(s), secretPrefix)
	key, err := strictBase64(text)
	return key, ok && err == nil && len(key) >= shortestSecret && len(key) <= longestSecret
}

// errPublicHalf is why a key is refused that would give itself away: who gets two signatures of the same text
// with different public halves can compute the private one.
var errPublicHalf = errors.New("the public half of the ed25519 key does not fit its seed")

// readPrivateKey reads "whsk_" and an ed25519 private key of 64 bytes, or its seed of 32, in base64.
func readPrivateKey(text string) (ed25519.PrivateKey, error) {
	text, ok := strings.CutPrefix(text, privateKeyPrefix)
	bytes, err := strictBase64(text)
	if !ok || err != nil || len(bytes) != ed25519.SeedSize && len(bytes) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("not %s and an ed25519 private key in base64", privateKeyPrefix)
	}
	key := ed25519.NewKeyFromSeed(bytes[:ed25519.SeedSize])
	if len(bytes) == ed25519.PrivateKeySize && !hmac.Equal(bytes, key) {
		return nil, errPublicHalf
	}
	return key, nil
}

// strictBase64 decodes base64 with its padding and nothing else: the decoders of other languages take line
// breaks and stray bits differently.
func strictBase64(text string) ([]byte, error) {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(decoded) != text {
		return nil, errors.New("not strict base64")
	}
	return decoded, nil
}
