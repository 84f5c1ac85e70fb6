package service

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/durahook/durahook/internal/ratelimit"
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
	keys      ratelimit.Keyed
}

// newPublishLimits returns limits of so many events a second. Also with a low rate, a whole batch may be published at
// once.
func newPublishLimits(perSecond int) *publishLimits {
	window := max(int(publishWindow.Seconds())*perSecond, webhook.MaxBatch)
	return &publishLimits{perSecond: perSecond, keys: ratelimit.Keyed{Limit: rate.Limit(perSecond), Burst: window, Most: limitedKeys}}
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
	limiter := l.keys.Of(by.KeyID, now)
	reservation := limiter.ReserveN(now, events)
	delay := reservation.DelayFrom(now)
	if delay > 0 {
		reservation.CancelAt(now)
	}
	window, left := l.keys.Burst, max(limiter.TokensAt(now), 0)
	limit := &webhook.RateLimit{
		Quota: window, Window: time.Duration(window) * time.Second / time.Duration(l.perSecond), Remaining: int(left),
		Reset: time.Duration((float64(window) - left) / float64(l.perSecond) * float64(time.Second)), RetryAfter: delay,
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
