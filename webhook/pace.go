package webhook

import (
	"fmt"
	"time"
)

// Pace spreads the attempts of a webhook evenly: one every 1/PerSecond of a second, none of them saved up.
type Pace struct {
	PerSecond int       // 0 for no limit
	Next      time.Time // when the next attempt may be made at the earliest
}

func (p *Pace) gap() time.Duration { return time.Second / time.Duration(p.PerSecond) }

// Take gives the next turn and returns how long it is until then.
func (p *Pace) Take(now time.Time) time.Duration {
	if p.PerSecond == 0 {
		return 0
	}
	at := p.Next
	if at.Before(now) {
		at = now
	}
	p.Next = at.Add(p.gap())
	return at.Sub(now)
}

// Due returns how many turns come up within a time.
func (p *Pace) Due(now time.Time, within time.Duration) int {
	open := within
	if p.Next.After(now) {
		open -= p.Next.Sub(now)
	}
	if open <= 0 {
		return 0
	}
	return int((open-1)/p.gap()) + 1
}

// checkRateLimit checks a limit that a client wants; nil is none.
func checkRateLimit(fields *Fields, limit *int) {
	if limit != nil && (*limit < 1 || *limit > MaxRateLimit) {
		fields.Add("/"+fieldRateLimit, fmt.Sprintf("must be from 1 to %d requests a second, or null for no limit", MaxRateLimit))
	}
}

func (d Definition) rateLimit() int {
	if d.RateLimit == nil {
		return 0
	}
	return *d.RateLimit
}
