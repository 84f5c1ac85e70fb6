package target

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ParseNetworks reads a value of --allow-networks or --deny-networks: networks such as 10.0.0.0/8 and single
// addresses, separated by commas. IPv4 networks in their IPv6-mapped form are what they stand for.
func ParseNetworks(text string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		network, err := parseNetwork(part)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if address, notOne := netip.ParseAddr(text); notOne == nil && address.Zone() == "" {
		network, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a network; use the form 10.0.0.0/8, fd00::/8 or 10.1.2.3", text)
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has an address inside of the network; did you mean %s?", text, network.Masked())
	}
	const mapped = 96 // bits in front of an IPv4 address that is written as an IPv6 one
	if network.Addr().Is4In6() && network.Bits() >= mapped {
		network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mapped)
	}
	return network, nil
}

// isPublic reports whether an address is a public one that nobody but its owner can give a meaning to.
func (g *Guard) isPublic(address netip.Addr) bool {
	return g.public.SafeAddr(address) == nil && !isMetadata(address)
}

// isOpen reports whether an address may be sent to over HTTPS: it is public or allowed by the operator, and
// so is every IPv4 address in it.
func (g *Guard) isOpen(address netip.Addr) bool {
	if !g.isPublic(address) && !g.isAllowed(address) {
		return false
	}
	return !slices.ContainsFunc(embedded(address), func(inner netip.Addr) bool { return !g.isOpen(inner) })
}

// isAllowed reports whether the operator allows an address. Those of metadata services, which hand out a
// machine's credentials, have to be allowed one by one: whoever allows the network around them hardly means
// them. The prefix for a network's own NAT64 has to be allowed as a /96 or longer, for only then it is known
// where the IPv4 address stands in it.
func (g *Guard) isAllowed(address netip.Addr) bool {
	least := 0
	switch {
	case isMetadata(address):
		least = address.BitLen()
	case localNAT64().Contains(address):
		least = 96
	}
	return slices.ContainsFunc(g.allow, func(network netip.Prefix) bool {
		return network.Bits() >= least && network.Contains(address)
	})
}

// isDenied reports whether the operator denies an address, or one that is embedded in it.
func (g *Guard) isDenied(address netip.Addr) bool {
	inNetwork := func(network netip.Prefix) bool { return network.Contains(address) }
	return slices.ContainsFunc(g.deny, inNetwork) || slices.ContainsFunc(embedded(address), g.isDenied)
}

// isMetadata reports whether a cloud answers at this address with what is its customer's secret. The first is
// not in any range that is special to the Internet.
func isMetadata(address netip.Addr) bool {
	return slices.Contains([]string{
		"168.63.129.16",                                    // Azure's WireServer
		"169.254.169.254", "fd00:ec2::254", "fd20:ce::254", // AWS and nearly everybody, AWS, Google Cloud
		"169.254.170.2", "169.254.170.23", "fd00:ec2::23", // AWS: credentials of containers
		"100.100.100.200",                   // Alibaba Cloud
		"192.0.0.192", "fd00:c1::a9fe:a9fe", // Oracle Cloud
		"169.254.42.42", "fd00:42::42", "169.254.0.23", // Scaleway, Tencent Cloud
	}, address.String())
}

func localNAT64() netip.Prefix { return netip.MustParsePrefix("64:ff9b:1::/48") }

// embedded returns the IPv4 addresses in an IPv6 address, to which a tunnel or translator on the way may send
// what is meant for it.
func embedded(address netip.Addr) []netip.Addr {
	if !address.Is6() {
		return nil
	}
	bytes := address.As16()
	v4 := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(bytes[at : at+4])) }
	within := func(network string) bool { return netip.MustParsePrefix(network).Contains(address) }
	const last = 12 // where the last 32 bits begin
	switch {
	case address.IsLoopback() || address.IsUnspecified():
		return nil
	case within("2002::/16"): // 6to4
		return []netip.Addr{v4(2)}
	case within("2001::/32"): // Teredo: server and, with all bits inverted, client
		client := v4(last).As4()
		for i := range client {
			client[i] = ^client[i]
		}
		return []netip.Addr{v4(4), netip.AddrFrom4(client)}
	case within("64:ff9b::/96"), localNAT64().Contains(address), within("::/96"), isISATAP(bytes):
		return []netip.Addr{v4(last)}
	default:
		return nil
	}
}

// isISATAP reports whether the interface identifier of an IPv6 address is that of an ISATAP tunnel (RFC 5214).
func isISATAP(address [16]byte) bool {
	const universal = 0x02
	return address[8]&^universal == 0 && address[9] == 0 && address[10] == 0x5e && address[11] == 0xfe
}
