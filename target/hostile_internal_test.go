package target

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/durahook/durahook/webhook"
)

// hostile are URLs whose host is this machine, a private network or a metadata service, to some program at
// least. PORT stands for the port of a server on this machine.
func hostile() []string {
	hosts := strings.Fields(`
		127.0.0.1 127.0.0.2 127.1.1.1 127.255.255.254 0.0.0.0 0.0.0.1 0.255.255.255
		10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 100.64.0.1 100.127.255.255
		169.254.0.1 169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 192.0.0.8 192.0.2.1
		192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
		224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255

		2130706433 017700000001 0x7f000001 0X7F000001 0x7f.0x0.0x0.0x1 0177.0.0.1 0177.0.0.01 00000177.0.0.1 127.1 127.0.1
		0x7f.1 0x7f.0.1 127.0x0.1 127.0.0.0x1 127.0.0.01 127.0.0.001 127.000.000.001 0 0x0 00 0.0 0.0.0 4294967295
		2852039166 0xa9fea9fe 0xA9.0xFE.0xA9.0xFE 0251.0376.0251.0376 169.254.43518 169.16689662 425.510.425.510
		10.1 167772161 0xa.1 012.1 3232235777 0xc0a80101 192.168.257 6425673729 256.256.256.256 127.0.0.1.2 1.2.3.4.5 127.0.0.0x
		127.0.0.1. 127.0.0.1.. 127.1. 2130706433. 0x7f000001. .127.0.0.1 127..0.0.1 127.0.0.1.%00 ...

		%31%32%37.0.0.1 %6c%6f%63%61%6c%68%6f%73%74 127%2e0%2e0%2e1 127.0.0.1%20 127.0.0.1%09 127.0.0.1%2f 127.0.0.1%23
		%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1 loc%C2%ADalhost

		[::] [::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::1%251] [::1%25lo] [::1%lo]
		[::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:0001] [::FFFF:127.0.0.1] [::ffff:0:127.0.0.1] [::ffff:10.0.0.1]
		[::ffff:a9fe:a9fe] [::ffff:169.254.169.254] [::ffff:0.0.0.0] [::127.0.0.1] [::7f00:1] [::a9fe:a9fe] [::8.8.8.8]
		[64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b::8.8.8.8] [64:ff9b:1::a00:1] [64:ff9b:1:fffe::a9fe:a9fe]
		[2002:7f00:1::] [2002:a00:1::1] [2002:a9fe:a9fe::] [2002:808:808::] [2001::1] [2001:0:a00:1::] [2001::80ff:fffe] [2001:10::1] [2001:20::1]
		[2001:db8::1] [3fff::1] [5f00::1] [100::1] [100:0:0:1::1] [fc00::1] [fd00::1] [fd00:ec2::254] [fd20:ce::254] [fd00:c1::a9fe:a9fe]
		[fe80::1] [fe80::1%25eth0] [febf::1] [fec0::1] [feff::1] [ff02::1] [ff0e::1] [2620:4f:8000::1] [2606:4700::5efe:7f00:1] [4000::1] [1000::1]
		[127.0.0.1] [2130706433] [localhost] [::1 ::1] [[::1]] [] [v1.fe80] ::1 [::1].example.com

		localhost LOCALHOST LocalHost localhost. localhost.. foo.localhost foo.LOCALHOST. a.b.localhost localhost.localdomain localhost4
		localhost6 localhost6.localdomain6 ip6-localhost ip6-loopback loopback broadcasthost host.docker.internal
		gateway.docker.internal metadata metadata.google.internal metadata.google.internal. METADATA.google.INTERNAL metadata.goog
		instance-data instance-data.ec2.internal kubernetes kubernetes.default.svc.cluster.local printer.local router.home.arpa nas.lan
		intranet server.corp postgres rebound.example

		user@127.0.0.1 user:password@127.0.0.1 @127.0.0.1 :@127.0.0.1 example.com@127.0.0.1 example.com:443@127.0.0.1 example.com%40@127.0.0.1
		8.8.8.8@127.0.0.1 127.0.0.1\@8.8.8.8 8.8.8.8\@127.0.0.1 127.0.0.1#@127.0.0.1 8.8.8.8:80:80 8.8.8.8:PORT:PORT 127.0.0.1:0 8.8.8.8:65536
		8.8.8.8:-1 8.8.8.8:http
	`)
	hosts = append(hosts, // digits, letters and dots of other scripts
		"\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1",
		"127\uff610\uff610\uff611", "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
		"local\u200bhost", "loc\u00adalhost", "127.0.0.1\u3002", "0\uff587f.1", "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1", "localhost\u3002",
		"\u0661\u0662\u0667.0.0.1", "127.0.0.1\u2024", "\u00b9\u00b2\u2077.0.0.1", "127.0.0.\u0031\u20e3", "8.8.8.8\u2100127.0.0.1", "8.8.8.8\uff0f127.0.0.1",
		" 127.0.0.1", "127.0.0.1 ", "127.0.0.1\t", "127.0.0.1\r\nHost: example.com", "127.0.0.1\x00", "\u3000127.0.0.1", "lo\ncalhost",
	)
	urls := []string{
		"https:127.0.0.1:PORT/", "https:/127.0.0.1:PORT/", "https:///127.0.0.1:PORT/", "//127.0.0.1:PORT/", "127.0.0.1:PORT", "https://", "https:",
		"https:\\\\127.0.0.1:PORT\\", "https://127.0.0.1:PORT\\@8.8.8.8/", "https://8.8.8.8\\@127.0.0.1:PORT/", "https://#@127.0.0.1:PORT/",
		"https://?@127.0.0.1:PORT/", "\thttps://127.0.0.1:PORT/", "file:///etc/passwd", "gopher://127.0.0.1:PORT/_", "ftp://127.0.0.1/", "dict://127.0.0.1:11211/",
		"unix:///run/docker.sock", "http+unix://%2frun%2fdocker.sock/", "data:text/plain,x", "javascript:alert(1)", "jar:https://127.0.0.1!/", "ldap://127.0.0.1",
		"http://127.0.0.1:PORT/", "http://8.8.8.8/", "HTTP://8.8.8.8/", "http://localhost:PORT/", "http://example.com/", "wss://127.0.0.1:PORT/", "h2c://127.0.0.1:PORT/",
	}
	for _, host := range hosts {
		urls = append(urls, "https://"+host+":PORT/", "https://"+host+"/")
	}
	return urls
}

// save does what saving a webhook with this URL does.
func save(ctx context.Context, guard *Guard, url string) error {
	return saveAll(ctx, guard, webhook.Definition{Name: "Hostile", URL: url, Events: []string{"*"}})
}

// saveTokenURL does what saving a webhook does that fetches its tokens from this URL.
func saveTokenURL(ctx context.Context, guard *Guard, url string) error {
	return saveAll(ctx, guard, webhook.Definition{
		Name: "Hostile", URL: "https://8.8.8.8/", Events: []string{"*"},
		Authentication: webhook.Authentication{Type: webhook.AuthenticationBearer, TokenURL: url, ClientID: "id", ClientSecret: "secret"},
	})
}

func saveAll(ctx context.Context, guard *Guard, d webhook.Definition) error {
	if _, err := webhook.Define("acc_1", d, webhook.BuiltIn, guard.AllowsHTTP()); err != nil {
		return err
	}
	for _, target := range d.Targets() {
		if err := guard.CheckURL(ctx, target.Pointer, target.URL); err != nil {
			return err
		}
	}
	return nil
}

// No hostile URL can be saved, and if one stood in the database all the same, nothing would be connected to:
// not even where the resolver takes every host for this machine.
func TestHostileURLs(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			reached.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)

	all := hostile()
	require.Greater(t, len(all), 400)
	for _, raw := range all {
		address := strings.ReplaceAll(raw, "PORT", port)
		guard := newGuardWithNames(InsecureNone, map[string][][]string{everyName: {{"127.0.0.1", "::1"}}})
		for pointer, err := range map[string]error{
			"/url": save(t.Context(), guard, address), "/authentication/token_url": saveTokenURL(t.Context(), guard, address),
		} {
			var domain *webhook.Error
			require.ErrorAs(t, err, &domain, raw)
			require.Equal(t, webhook.CodeInvalid, domain.Code, raw)
			require.Len(t, domain.Fields, 1, raw)
			require.Equal(t, pointer, domain.Fields[0].Pointer, raw)
		}
		parsed, err := url.Parse(address)
		if err != nil || parsed.Hostname() == "8.8.8.8" || parsed.Host == "" || !strings.HasPrefix(parsed.Scheme, "http") {
			continue // no request can be made, or only a harmless one
		}
		err = get(t, guard, address)
		var unknown *net.DNSError // Go's resolver asks for no name that looks like an address
		require.True(t, errors.Is(err, ErrBlocked) || errors.As(err, &unknown), "%s: %v", raw, err)
	}
	require.Zero(t, reached.Load())
}

// Local names stay refused where DNS does not know them.
func TestLocalNamesAreNotExcused(t *testing.T) {
	t.Parallel()
	guard := newGuardWithNames(InsecureNone, nil)
	for _, host := range strings.Fields(`foo.localhost foo.LOCALHOST. ip6-localhost ip6-loopback host.docker.internal metadata
		metadata.google.internal METADATA.google.INTERNAL. metadata.goog instance-data printer.local router.home.arpa postgres
		localhost6.localdomain6` + " \uff46oo.localhost foo\u3002localhost") {
		require.ErrorContains(t, save(t.Context(), guard, "https://"+host+"/"), "must have a public address", host)
	}
	for _, host := range []string{"example.com", "local.example.com", "localhost.example.com", "internal.example", "mylocalhost.example", "xinternal.example"} {
		require.NoError(t, save(t.Context(), guard, "https://"+host+"/"), host)
	}
	allowing := newGuardWithNames(InsecureNone, map[string][][]string{"hooks.corp": {{"10.1.2.3"}}})
	allowing.allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	require.NoError(t, save(t.Context(), allowing, "https://hooks.corp/"), "what resolves to an allowed network is admitted")
}

// registries are the special-purpose registries of IANA for IPv4 and IPv6, the blocks for multicast and what
// is reserved, as they stand; two networks within are global, but not for webhooks.
func registries() []netip.Prefix {
	var networks []netip.Prefix
	for _, text := range strings.Fields(`
		0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24
		192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
		::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20
		5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8 168.63.129.16/32`) {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	return networks
}

func isSpecial(address netip.Addr) bool {
	address = address.WithZone("").Unmap()
	for _, network := range registries() {
		if network.Contains(address) {
			return true
		}
	}
	return address.Is6() && !netip.MustParsePrefix("2000::/3").Contains(address)
}

// lastOf is the last address of a network.
func lastOf(network netip.Prefix) netip.Addr {
	bytes := network.Addr().AsSlice()
	for bit := network.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// Every special network is refused from its first to its last address, and its public neighbours are not.
func TestRegistriesOfSpecialAddresses(t *testing.T) {
	t.Parallel()
	guard := NewGuard(InsecureNone)
	for _, network := range registries() {
		first, last := network.Masked().Addr(), lastOf(network)
		for _, address := range []netip.Addr{first, first.Next(), last.Prev(), last} {
			if network.Contains(address) {
				require.False(t, guard.admits(address, true), address)
			}
		}
		for _, neighbour := range []netip.Addr{first.Prev(), last.Next()} {
			if neighbour.IsValid() {
				require.Equal(t, !isSpecial(neighbour), guard.admits(neighbour, true), neighbour)
			}
		}
	}
}

// meant returns the address that the most lenient program takes a host for: as inet_aton does, after undoing
// percent-encodings and other scripts' digits and dots.
func meant(host string) (netip.Addr, bool) {
	if decoded, err := url.PathUnescape(host); err == nil {
		host = decoded
	}
	host = norm.NFKC.String(host)
	host = strings.NewReplacer("\u3002", ".", "\uff61", ".", "\u00ad", "", "\u200b", "", "\u200d", "", "\u2060", "").Replace(host)
	host = strings.Trim(host, ". \t[]")
	if address, err := netip.ParseAddr(host); err == nil {
		return address, true
	}
	parts := strings.Split(host, ".")
	const most = 4
	if len(parts) > most {
		return netip.Addr{}, false
	}
	var value uint64
	for i, part := range parts {
		part = strings.ToLower(part)
		if strings.HasPrefix(part, "0o") || strings.HasPrefix(part, "0b") || strings.Contains(part, "_") {
			return netip.Addr{}, false // numbers to Go only
		}
		n, err := strconv.ParseUint(part, 0, 33)
		size := 8
		if i == len(parts)-1 {
			size = 8 * (most - i)
		}
		if err != nil || n >= 1<<size {
			return netip.Addr{}, false
		}
		value = value<<size | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// Whatever may be saved is, to no program, a spelling of an address that may not be sent to.
func FuzzGuard(f *testing.F) {
	for _, url := range hostile() {
		f.Add(strings.ReplaceAll(url, "PORT", "443"))
	}
	for _, url := range []string{"https://example.com/", "https://8.8.8.8:8443/a?b#c", "https://[2606:4700:4700::1111]/", "https://b\u00fccher.example/"} {
		f.Add(url)
	}
	guard := newGuardWithNames(InsecureNone, nil)
	guard.resolver.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
	f.Fuzz(func(t *testing.T, raw string) {
		if save(t.Context(), guard, raw) != nil {
			return
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, raw, nil)
		require.NoError(t, err)
		require.Equal(t, "https", request.URL.Scheme)
		require.Nil(t, request.URL.User)
		host := request.URL.Hostname()
		require.NotContains(t, "."+strings.ToLower(norm.NFKC.String(host))+"$", ".localhost$")
		if address, ok := meant(host); ok {
			require.False(t, isSpecial(address), "%s is %s", host, address)
			require.True(t, guard.admits(address, true))
			plain, err := netip.ParseAddr(host)
			require.NoError(t, err, "an address is saved in its usual form only")
			require.Equal(t, plain, address)
		}
	})
}
