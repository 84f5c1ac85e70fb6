package store

import (
	"maps"
	"sync"
	"time"

	"github.com/durahook/durahook/webhook"
)

const (
	// keyKnownFor is how long a key that was found in force is taken to be so without asking again. What this process
	// revokes counts at once; so this is how long a key that another process has revoked may go on opening something.
	keyKnownFor = time.Second
	// mostKnownKeys is how many keys are remembered: some 300 bytes each.
	mostKnownKeys = 10_000
)

// knownKeys remembers API keys that were found in force a moment ago, since who publishes does so again and again. It
// is safe for concurrent use, and the zero value is ready for it.
type knownKeys struct {
	mu      sync.Mutex
	keys    map[webhook.APIKeyHash]knownKey
	changes int // how often this process has changed a key
}

type knownKey struct {
	key   webhook.APIKey
	until time.Time
}

// get returns a key that is known to be in force. For one that isn't, version is what [knownKeys.put] needs.
func (k *knownKeys) get(hash webhook.APIKeyHash) (key webhook.APIKey, known bool, version int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.keys[hash]
	return found.key, ok && time.Now().Before(found.until), k.changes
}

// put remembers a key that was found in force, unless one was changed since version.
func (k *knownKeys) put(hash webhook.APIKeyHash, key webhook.APIKey, version int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if version != k.changes {
		return
	}
	if k.keys == nil || len(k.keys) >= mostKnownKeys {
		k.keys = make(map[webhook.APIKeyHash]knownKey)
	}
	until := time.Now().Add(keyKnownFor)
	if key.ExpiresAt != nil && key.ExpiresAt.Before(until) {
		until = *key.ExpiresAt
	}
	k.keys[hash] = knownKey{key, until}
}

// changed has a key looked up again: this process has changed it.
func (k *knownKeys) changed(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changes++
	maps.DeleteFunc(k.keys, func(_ webhook.APIKeyHash, known knownKey) bool { return known.key.ID == id })
}
