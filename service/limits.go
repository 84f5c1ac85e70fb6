package service

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/durahook/durahook/webhook"
)

// DefaultPublishRate is how many events a second may be published with one API key, on average.
const DefaultPublishRate = 1000

// publishWindow is over how long the rate is averaged: a key that was idle may use up the window's events at
// once.
const publishWindow = 2 * time.Second

// limitedKeys is how many API keys are remembered; more than that are hardly in use at the same time.
const limitedKeys = 10_000

// publishLimits bounds how many events are published with each API key through this process.
type publishLimits struct {
	perSecond int
	mu        sync.Mutex
	byKey     map[string]*rate.Limiter
}

func newPublishLimits(perSecond int) *publishLimits {
	return &publishLimits{perSecond: perSecond, byKey: make(map[string]*rate.Limiter)}
}

// window is how many events may be published at once: also with a low rate, a whole batch.
func (l *publishLimits) window() int {
	return max(int(publishWindow.Seconds())*l.perSecond, webhook.MaxBatch)
}

// take counts events that a key publishes and returns what is left then. It fails, and counts nothing, when
// they are too many at the moment. The admin is not limited: nil is returned.
func (l *publishLimits) take(by webhook.Principal, events int) (*webhook.RateLimit, error) {
	if by.Admin {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	limiter := l.of(by.KeyID, now)
	reservation := limiter.ReserveN(now, events)
	delay := reservation.DelayFrom(now)
	if delay > 0 {
		reservation.CancelAt(now)
	}
	left := max(limiter.TokensAt(now), 0)
	limit := &webhook.RateLimit{
		Quota: l.window(), Window: time.Duration(l.window()) * time.Second / time.Duration(l.perSecond), Remaining: int(left),
		Reset: time.Duration((float64(l.window()) - left) / float64(l.perSecond) * float64(time.Second)), RetryAfter: delay,
	}
	if delay > 0 {
		return nil, &webhook.Error{
			Code:      webhook.CodeTooManyRequests,
			Message:   fmt.Sprintf("This API key may publish %d events a second; wait as long as Retry-After says.", l.perSecond),
			RateLimit: limit,
		}
	}
	return limit, nil
}

func (l *publishLimits) of(keyID string, now time.Time) *rate.Limiter {
	if known, ok := l.byKey[keyID]; ok {
		return known
	}
	if len(l.byKey) >= limitedKeys {
		l.forgetIdle(now)
	}
	l.byKey[keyID] = rate.NewLimiter(rate.Limit(l.perSecond), l.window())
	return l.byKey[keyID]
}

// forgetIdle drops the keys that have published nothing for as long as is counted.
func (l *publishLimits) forgetIdle(now time.Time) {
	for keyID, known := range l.byKey {
		if known.TokensAt(now) >= float64(l.window()) {
			delete(l.byKey, keyID)
		}
	}
}
