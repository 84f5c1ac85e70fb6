package temporalserver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// reserve makes sure that addr, an IP:port, can be listened on, by doing so until release. Port 0
// becomes a free one. The error names who wants to listen.
//
// Temporal and its Web UI end the whole process when they cannot listen, so this is where it must
// come out.
func (p *plan) reserve(who, addr string) (*net.TCPAddr, error) {
	if _, err := netip.ParseAddrPort(addr); err != nil {
		return nil, fmt.Errorf("%s cannot listen on %q: it must be an IP address and a port, such as 127.0.0.1:7233",
			who, addr)
	}
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s cannot listen on %s because the port is in use; choose another one, or 0 for any",
			who, addr)
	case err != nil:
		return nil, fmt.Errorf("%s cannot listen on %s: %w", who, addr, err)
	}
	tcp := l.Addr().(*net.TCPAddr) //nolint:forcetypeassert // a TCP listener's address is one
	p.reserved[tcp] = l
	if err := linger(l, tcp); err != nil {
		return nil, fmt.Errorf("reserve port %d for %s: %w", tcp.Port, who, err)
	}
	return tcp, nil
}

// linger leaves a closed connection behind on the listener's side. For the minute that the system
// remembers it (TIME_WAIT), it hands the port to nobody who asks for just any, be it to listen or to
// connect from, so that it is still free when the server asks for it by number.
func linger(l net.Listener, addr *net.TCPAddr) error {
	client, err := net.Dial("tcp", reachable(addr))
	if err != nil {
		return err
	}
	accepted, err := l.Accept()
	if err == nil {
		err = accepted.Close() // this side first: the first to close is the one who remembers
	}
	return errors.Join(err, client.Close())
}

// release makes a reserved address free for who wants to listen on it.
func (p *plan) release(addr *net.TCPAddr) {
	if l := p.reserved[addr]; l != nil {
		_ = l.Close() // nothing was sent through it
		delete(p.reserved, addr)
	}
}

// releaseAll makes all of them free.
func (p *plan) releaseAll() {
	for addr := range p.reserved {
		p.release(addr)
	}
}

// reachable is the address under which this process reaches what listens on addr: itself, unless
// that means "all interfaces".
func reachable(addr *net.TCPAddr) string {
	if !addr.IP.IsUnspecified() {
		return addr.String()
	}
	local := *addr
	local.IP = net.IPv6loopback
	if addr.IP.To4() != nil {
		local.IP = net.IPv4(127, 0, 0, 1)
	}
	return local.String()
}
