// Package target decides which addresses webhooks may be delivered to: public ones over HTTPS, unless
// development asks for less. What counts is the address that a name resolves to at the moment of the
// connection, so that neither DNS rebinding nor another spelling of an address gets round it. It imports
// only package webhook.
package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/idna"

	"github.com/durahook/durahook/webhook"
)

// Insecure says which targets are admitted beyond public addresses over HTTPS.
type Insecure string

// The values of --allow-insecure-targets.
const (
	InsecureNone     Insecure = "none"     // HTTPS to public addresses only
	InsecureLoopback Insecure = "loopback" // also this machine's loopback addresses, with or without TLS
	InsecureAll      Insecure = "all"      // any address, with or without TLS
)

// ParseInsecure reads a value of --allow-insecure-targets.
func ParseInsecure(text string) (Insecure, error) {
	switch value := Insecure(text); value {
	case InsecureNone, InsecureLoopback, InsecureAll:
		return value, nil
	}
	return "", errors.New("must be none, loopback or all")
}

// ErrBlocked is wrapped by the error of a connection that the guard refused.
var ErrBlocked = errors.New("the address is not a public one")

// Guard checks addresses before anything is sent to them.
type Guard struct {
	insecure Insecure
	public   *ssrf.Guardian
	resolver *net.Resolver
}

// NewGuard returns a guard that admits public addresses over HTTPS and what insecure adds.
func NewGuard(insecure Insecure) *Guard {
	return &Guard{
		insecure: insecure,
		public:   ssrf.New(ssrf.WithAnyPort()),
		resolver: net.DefaultResolver,
	}
}

// AllowsHTTP reports whether some targets may be reached without TLS.
func (g *Guard) AllowsHTTP() bool {
	return g.insecure != InsecureNone
}

// CheckURL refuses, with a [webhook.Error] for the field /url, a well-formed URL whose host is or resolves
// to an address that may not be sent to. A name that doesn't resolve at the moment is admitted: its DNS
// may be set up later, and each connection is checked again. Not so without TLS where that is for loopback
// addresses only, which need no DNS.
func (g *Guard) CheckURL(ctx context.Context, rawURL string) error {
	parsed, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("parse URL of webhook: %w", err)
	}
	host := parsed.Hostname()
	if ascii, err := idna.Lookup.ToASCII(host); err == nil { // as the transport will
		host = ascii
	}
	const longestLookup = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longestLookup)
	defer cancel()
	addresses, err := g.resolver.LookupNetIP(ctx, "ip", host)
	secure := parsed.Scheme == "https"
	admitted := secure || g.insecure == InsecureAll || err == nil
	for _, address := range addresses {
		admitted = admitted && g.admits(address, secure)
	}
	if !admitted {
		var fields webhook.Fields
		fields.Add("/url", g.refusal(parsed.Scheme))
		return fields.Err()
	}
	return nil
}

func (g *Guard) refusal(scheme string) string {
	switch {
	case g.insecure == InsecureLoopback && scheme == "http":
		return "must start with https://, except for loopback addresses"
	case g.insecure == InsecureLoopback:
		return "must have a public address or a loopback one"
	default:
		return "must have a public address; this one is private, loopback, link-local or reserved"
	}
}

func (g *Guard) admits(address netip.Addr, secure bool) bool {
	if g.insecure == InsecureAll {
		return true
	}
	address = address.Unmap().WithZone("")
	if g.insecure == InsecureLoopback && address.IsLoopback() {
		return true
	}
	return secure && g.public.SafeAddr(address) == nil
}

// Transport returns an HTTP transport that connects only to addresses that the guard admits, each checked
// after it was resolved. It ignores proxies from the environment, which would resolve names themselves,
// and doesn't decompress answers.
func (g *Guard) Transport() http.RoundTripper {
	return &transport{plain: g.newTransport(false), secure: g.newTransport(true)}
}

// transport keeps plain and secure connections apart, because the guard may admit different addresses.
type transport struct {
	plain, secure *http.Transport
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "https" {
		return t.secure.RoundTrip(request)
	}
	return t.plain.RoundTrip(request)
}

func (g *Guard) newTransport(secure bool) *http.Transport {
	dialer := &net.Dialer{
		Timeout:  10 * time.Second,
		Resolver: g.resolver,
		Control: func(_, address string, _ syscall.RawConn) error {
			resolved, err := netip.ParseAddrPort(address)
			if err != nil || !g.admits(resolved.Addr(), secure) {
				return ErrBlocked
			}
			return nil
		},
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           1000,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        time.Minute,
	}
}
