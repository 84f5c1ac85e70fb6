package activities

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/durahook/durahook/webhook"
)

// stopwatch takes the times of a request's phases. A transport may try more than one connection, report on
// several at once, and go on with one after the request has ended.
type stopwatch struct {
	mu                      sync.Mutex
	dns, connect, tls, wait phase
	connected, reused       bool
}

type phase struct {
	begun, ended time.Time
	good         bool
}

// trace is what the transport reports to.
func (s *stopwatch) trace() *httptrace.ClientTrace {
	dialed := func(p *phase, change func(*phase)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.connected { // otherwise it is a connection for others, made too late for this request
			change(p)
		}
	}
	begin := func(p *phase) { dialed(p, (*phase).begin) }
	end := func(p *phase, good bool) { dialed(p, func(p *phase) { p.end(good) }) }
	return &httptrace.ClientTrace{
		GetConn:              func(string) { s.reset() },
		DNSStart:             func(httptrace.DNSStartInfo) { begin(&s.dns) },
		DNSDone:              func(info httptrace.DNSDoneInfo) { end(&s.dns, info.Err == nil) },
		ConnectStart:         func(string, string) { begin(&s.connect) },
		ConnectDone:          func(_, _ string, err error) { end(&s.connect, err == nil) },
		TLSHandshakeStart:    func() { begin(&s.tls) },
		TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { end(&s.tls, err == nil) },
		GotConn:              func(info httptrace.GotConnInfo) { s.got(info.Reused) },
		GotFirstResponseByte: s.answered,
	}
}

// begin begins a phase with the first connection that is tried.
func (p *phase) begin() {
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	if !p.good {
		p.ended = time.Time{}
	}
}

// end ends a phase with the first success, or else the last failure.
func (p *phase) end(good bool) {
	if !p.good {
		p.ended, p.good = time.Now(), good
	}
}

// ms is how long the phase took, in milliseconds; until now if it has not ended, nil if it never began.
func (p *phase) ms(now time.Time) *int {
	if p.begun.IsZero() {
		return nil
	}
	if p.ended.IsZero() {
		p.ended = now
	}
	ms := int(p.ended.Sub(p.begun).Milliseconds())
	return &ms
}

// reset begins anew: a connection that was kept can turn out to be dead, and another is tried.
func (s *stopwatch) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dns, s.connect, s.tls, s.wait = phase{}, phase{}, phase{}, phase{}
	s.connected, s.reused = false, false
}

func (s *stopwatch) got(reused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connected, s.reused = true, reused; reused {
		s.dns, s.connect, s.tls = phase{}, phase{}, phase{}
	}
	s.wait.begin()
}

func (s *stopwatch) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait.end(true)
}

// timing returns the times as they are now, when the request has ended.
func (s *stopwatch) timing() *webhook.Timing {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	return &webhook.Timing{
		DNSMS: s.dns.ms(now), ConnectMS: s.connect.ms(now), TLSMS: s.tls.ms(now), FirstByteMS: s.wait.ms(now), Reused: s.reused,
	}
}
