package encryption

import (
	"errors"
	"fmt"
	"slices"
)

// Keyring is what secrets are sealed and opened with while keys change: the first key seals, all of them open.
type Keyring struct{ keys []*Key }

// NewKeyring returns a keyring of these keys. One without keys neither seals nor opens anything.
func NewKeyring(keys ...*Key) *Keyring { return &Keyring{keys: slices.Clone(keys)} }

// Seal encrypts a secret that belongs to owner with the first key.
func (r *Keyring) Seal(secret []byte, owner string) ([]byte, error) {
	if len(r.keys) == 0 {
		return nil, errors.New("seal secret of " + owner + ": there is no key")
	}
	return r.keys[0].Seal(secret, owner)
}

// Hash returns [Key.Hash] by the first key.
func (r *Keyring) Hash(purpose, value string) ([]byte, error) {
	if len(r.keys) == 0 {
		return nil, errors.New("hash for " + purpose + ": there is no key")
	}
	return r.keys[0].Hash(purpose, value), nil
}

// Open decrypts what [Key.Seal] returned for the same owner, whichever of the keys sealed it.
func (r *Keyring) Open(sealed []byte, owner string) ([]byte, error) {
	err := fmt.Errorf("open secret of %s: it was sealed with another --encryption-key", owner)
	for _, key := range r.keys {
		if !key.sealed(sealed) {
			continue
		}
		var secret []byte
		if secret, err = key.Open(sealed, owner); err == nil {
			return secret, nil
		}
	}
	return nil, err
}

// IDs returns what secrets begin with that the keys sealed, the first key's first.
func (r *Keyring) IDs() [][]byte {
	ids := make([][]byte, len(r.keys))
	for i, key := range r.keys {
		ids[i] = slices.Clone(key.id)
	}
	return ids
}
