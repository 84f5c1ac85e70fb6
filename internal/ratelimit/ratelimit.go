// Package ratelimit bounds how often something happens, for each of many keys by itself: API keys, accounts, addresses.
// It imports none of our packages.
package ratelimit

import (
	"time"

	"golang.org/x/time/rate"
)

// Keyed has a limiter for each key. It is not safe for concurrent use.
type Keyed struct {
	Limit rate.Limit // a second
	Burst int
	Most  int           // keys that are remembered before those that are idle are forgotten
	Crowd *rate.Limiter // is shared by the keys that come when so many are in use; nil where each has its own even then

	byKey map[string]*rate.Limiter
}

// Of returns the limiter of a key.
func (k *Keyed) Of(key string, now time.Time) *rate.Limiter {
	if known, ok := k.byKey[key]; ok {
		return known
	}
	if len(k.byKey) >= k.Most {
		k.forgetIdle(now)
	}
	if len(k.byKey) >= k.Most && k.Crowd != nil {
		return k.Crowd
	}
	if k.byKey == nil {
		k.byKey = make(map[string]*rate.Limiter)
	}
	k.byKey[key] = rate.NewLimiter(k.Limit, k.Burst)
	return k.byKey[key]
}

// Forget forgets what has happened for a key.
func (k *Keyed) Forget(key string) { delete(k.byKey, key) }

// forgetIdle drops the keys whose limiters are as good as new.
func (k *Keyed) forgetIdle(now time.Time) {
	for key, known := range k.byKey {
		if known.TokensAt(now) >= float64(k.Burst) {
			delete(k.byKey, key)
		}
	}
}
