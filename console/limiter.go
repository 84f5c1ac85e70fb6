package console

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/durahook/durahook/internal/ratelimit"
)

// How often an address may try to sign in, and how many addresses are remembered.
const (
	attemptsAtOnce  = 10
	attemptEvery    = 6 * time.Second
	addressesAtMost = 4096
)

// limiter bounds how often an address may try to sign in, so that a stranger who guesses keys neither gets
// far nor keeps everybody else out. Behind a proxy all visitors share the proxy's address: the headers that
// would tell them apart can be made up by anyone.
type limiter struct {
	mu        sync.Mutex
	addresses ratelimit.Keyed
}

func newLimiter() *limiter {
	every := rate.Every(attemptEvery)
	return &limiter{addresses: ratelimit.Keyed{
		Limit: every, Burst: attemptsAtOnce, Most: addressesAtMost, Crowd: rate.NewLimiter(every, attemptsAtOnce),
	}}
}

// wait counts an attempt and returns zero, or returns how long the address has to wait for its next one.
func (l *limiter) wait(address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	reservation := l.addresses.Of(address, now).ReserveN(now, 1)
	delay := reservation.DelayFrom(now)
	if delay > 0 {
		reservation.CancelAt(now)
	}
	return delay
}

// forgive forgets the attempts of an address that turned out to know the key.
func (l *limiter) forgive(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addresses.Forget(address)
}

// addressOf returns who a request comes from: an IPv4 address or the /64 of an IPv6 one, since whoever has
// one of those has all of it.
func addressOf(r *http.Request) string {
	const network = 64
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	return netip.PrefixFrom(address, network).Masked().String()
}
