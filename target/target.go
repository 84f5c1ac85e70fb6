// Package target decides which addresses webhooks may be delivered to: public ones over HTTPS, unless
// development asks for less or the operator allows or denies networks. What counts is the address that a name resolves to at the moment of the
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
	"slices"
	"strings"
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
	insecure    Insecure
	allow, deny []netip.Prefix
	public      *ssrf.Guardian
	resolver    *net.Resolver
}

// Option changes what a guard admits.
type Option func(*Guard)

// Allow has a guard admit these networks too, over HTTPS.
func Allow(networks ...netip.Prefix) Option {
	return func(g *Guard) { g.allow = append(g.allow, networks...) }
}

// Deny has a guard refuse these networks, whatever else admits them. A network of IPv4 is denied also where its
// addresses are embedded in IPv6 ones.
func Deny(networks ...netip.Prefix) Option {
	return func(g *Guard) { g.deny = append(g.deny, networks...) }
}

// NewGuard returns a guard that admits public addresses over HTTPS and what insecure adds, changed by options.
func NewGuard(insecure Insecure, options ...Option) *Guard {
	g := &Guard{
		insecure: insecure,
		public:   ssrf.New(ssrf.WithAnyPort()),
		resolver: net.DefaultResolver,
	}
	for _, option := range options {
		option(g)
	}
	return g
}

// AllowsHTTP reports whether some targets may be reached without TLS.
func (g *Guard) AllowsHTTP() bool {
	return g.insecure != InsecureNone
}

// CheckURL refuses, with a [webhook.Error] for the field at pointer, a well-formed URL whose host is or
// resolves to an address that may not be sent to. A name that doesn't resolve at the moment is admitted: its
// DNS may be set up later, and each connection is checked again. Not so names that public DNS never holds, and
// URLs without TLS where that is for loopback addresses only, which need no DNS.
func (g *Guard) CheckURL(ctx context.Context, pointer, rawURL string) error {
	parsed, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("parse the URL at %s: %w", pointer, err)
	}
	host := parsed.Hostname()
	if ascii, err := idna.Lookup.ToASCII(host); err == nil { // as the transport will
		host = ascii
	}
	addresses, err := g.lookUp(ctx, host)
	secure := parsed.Scheme == "https"
	admitted := err == nil || g.insecure == InsecureAll || secure && !isLocalName(host)
	for _, address := range addresses {
		admitted = admitted && g.admits(address, secure)
	}
	if !admitted {
		var fields webhook.Fields
		fields.Add(pointer, g.refusal(parsed.Scheme))
		return fields.Err()
	}
	return nil
}

// lookUp returns the addresses of a host, which may be an address itself.
func (g *Guard) lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	const longest = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	return g.resolver.LookupNetIP(ctx, "ip", host)
}

// isLocalName reports whether a name means something in a private network only: it has a single label, as the
// aliases of localhost in a hosts file do, or ends in what public DNS leaves to private networks (RFC 6761, RFC
// 6762, RFC 8375, and .internal).
func isLocalName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return true
	}
	return slices.ContainsFunc([]string{
		"localhost", "localdomain", "localdomain4", "localdomain6", "local", "home.arpa",
		"internal", "intranet", "private", "corp", "home", "lan", "metadata.goog",
	}, func(suffix string) bool { return host == suffix || strings.HasSuffix(host, "."+suffix) })
}

func (g *Guard) refusal(scheme string) string {
	switch {
	case g.insecure == InsecureLoopback && scheme == "http":
		return "must start with https://, except for loopback addresses"
	case g.insecure == InsecureLoopback:
		return "must have a public address or a loopback one"
	case len(g.allow)+len(g.deny) > 0:
		return "must have an address that may be sent to; this one is not public, or its network is denied"
	default:
		return "must have a public address; this one is private, loopback, link-local or reserved"
	}
}

// admits reports whether a connection to an address may be made, with or without TLS.
func (g *Guard) admits(address netip.Addr, secure bool) bool {
	hasZone := address.Zone() != ""
	address = address.WithZone("").Unmap() // no network contains an address with a zone
	switch {
	case g.isDenied(address):
		return false
	case g.insecure == InsecureAll:
		return true
	case hasZone: // which only addresses of the machine's own links have
		return false
	case g.insecure == InsecureLoopback && address.IsLoopback():
		return true
	default:
		return secure && g.isOpen(address)
	}
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
