// Package encryption keeps the secrets of webhooks unreadable in the database: XChaCha20-Poly1305 by
// tink-go, with the owner of the secret as associated data, so that a sealed secret is useless in any
// other row. It imports no other package of durahook.
package encryption

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const keySize = 32

// keyIDSize bytes in front of each sealed secret say which key sealed it.
const keyIDSize = 4

// Key seals and opens secrets.
type Key struct {
	id   []byte
	aead tink.AEAD
	mac  []byte // the key of hashes, made of the key itself
}

// NewKeyText returns a random key in the form that [ParseKey] reads: 32 bytes in base64.
func NewKeyText() string {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: crypto/rand crashes the program rather than return an error
	return base64.StdEncoding.EncodeToString(key)
}

// ParseKey reads 32 bytes in base64, as `openssl rand -base64 32` prints them.
func ParseKey(text string) (*Key, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != keySize {
		return nil, errors.New("is not 32 bytes in base64; make one with: openssl rand -base64 32")
	}
	aead, err := subtle.NewXChaCha20Poly1305(raw)
	if err != nil {
		return nil, fmt.Errorf("set up XChaCha20-Poly1305: %w", err)
	}
	sum := sha256.Sum256(raw)
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte("durahook/hash"))
	return &Key{id: sum[:keyIDSize], aead: aead, mac: mac.Sum(nil)}, nil
}

// Hash returns a hash of a value for a purpose. Without the key nobody can find out the value by trying.
func (k *Key) Hash(purpose, value string) []byte {
	mac := hmac.New(sha256.New, k.mac)
	fmt.Fprintf(mac, "%d/%s/%s", len(purpose), purpose, value)
	return mac.Sum(nil)
}

// Seal encrypts a secret that belongs to owner.
func (k *Key) Seal(secret []byte, owner string) ([]byte, error) {
	sealed, err := k.aead.Encrypt(secret, []byte(owner))
	if err != nil {
		return nil, fmt.Errorf("seal secret of %s: %w", owner, err)
	}
	return append(bytes.Clone(k.id), sealed...), nil
}

// Open decrypts what Seal returned for the same owner. It fails when the secret was sealed with another
// key, for another owner, or was changed.
func (k *Key) Open(sealed []byte, owner string) ([]byte, error) {
	if !k.sealed(sealed) {
		return nil, fmt.Errorf("open secret of %s: it was sealed with another --encryption-key", owner)
	}
	secret, err := k.aead.Decrypt(sealed[keyIDSize:], []byte(owner))
	if err != nil {
		return nil, fmt.Errorf("open secret of %s: %w", owner, err)
	}
	return secret, nil
}

// sealed reports whether a sealed secret says that this key sealed it.
func (k *Key) sealed(secret []byte) bool { return bytes.HasPrefix(secret, k.id) }
