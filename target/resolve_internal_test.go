package target

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// names is a DNS server in memory: each look-up of a name, of which A and AAAA are asked, takes the next of
// its lists of addresses; the last one stays. A name that isn't there does not exist, unless everyName is.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
	asked   map[string]int
}

const everyName = "*"

func newGuardWithNames(insecure Insecure, answers map[string][][]string) *Guard {
	guard := NewGuard(insecure)
	n := &names{answers: answers, asked: make(map[string]int)}
	guard.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.serve(server)
		return client, nil
	}}
	return guard
}

// serve answers the questions of one connection, in the form that DNS has over TCP.
func (n *names) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // in memory
	for {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		question := make([]byte, size)
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		var message dnsmessage.Message
		if message.Unpack(question) != nil || len(message.Questions) != 1 {
			return
		}
		n.answer(&message)
		packed, err := message.Pack()
		if err != nil || binary.Write(conn, binary.BigEndian, uint16(len(packed))) != nil {
			return
		}
		if _, err := conn.Write(packed); err != nil {
			return
		}
	}
}

func (n *names) answer(message *dnsmessage.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	question := message.Questions[0]
	name := strings.TrimSuffix(question.Name.String(), ".")
	message.Response, message.RecursionAvailable = true, true
	lists, ok := n.answers[name]
	if !ok {
		lists, ok = n.answers[everyName]
	}
	if !ok {
		message.RCode = dnsmessage.RCodeNameError
		return
	}
	lookup := n.asked[name] / 2
	n.asked[name]++
	for _, text := range lists[min(lookup, len(lists)-1)] {
		address := netip.MustParseAddr(text)
		header := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, Type: question.Type}
		switch {
		case question.Type == dnsmessage.TypeA && address.Is4():
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
		case question.Type == dnsmessage.TypeAAAA && address.Is6():
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
		}
	}
}

func TestNamesThatResolveToForbiddenAddresses(t *testing.T) {
	t.Parallel()
	for name, addresses := range map[string][]string{
		"loopback.test": {"127.0.0.1"}, "loopback6.test": {"::1"}, "metadata.test": {"169.254.169.254"},
		"private.test": {"10.1.2.3"}, "mapped.test": {"::ffff:10.1.2.3"}, "nat64.test": {"64:ff9b::a00:1"},
		"b\u00fccher.test": {"10.0.0.1"},
		"0x7f.1":           {"127.0.0.1"}, // a name for Go; resolvers of some systems take it for an address
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inDNS := strings.Replace(name, "b\u00fccher", "xn--bcher-kva", 1)
			guard := newGuardWithNames(InsecureNone, map[string][][]string{inDNS: {addresses}})
			require.ErrorContains(t, guard.CheckURL(t.Context(), "/url", "https://"+name+"/"), "must have a public address")
			require.ErrorIs(t, get(t, guard, "https://"+name+":9/"), ErrBlocked)
		})
	}
}

// Go takes these neither for addresses nor for names, resolvers of some systems for 127.0.0.1.
func TestOddAddressesAreNeverReached(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"2130706433", "0177.0.0.1", "017700000001", "127.1", "127.0.0.1.", "0x7f000001", "\uff11\uff12\uff17.0.0.1"} {
		guard := newGuardWithNames(InsecureNone, map[string][][]string{host: {{"127.0.0.1"}}})
		require.Error(t, get(t, guard, "http://"+host+":"+port+"/"), host)
	}
	require.Empty(t, reached)
}

func TestNamesThatResolveToPublicAddresses(t *testing.T) {
	t.Parallel()
	guard := newGuardWithNames(InsecureLoopback, map[string][][]string{"public.test": {{"8.8.8.8", "2606:4700:4700::1111"}}})
	require.NoError(t, guard.CheckURL(t.Context(), "/url", "https://public.test/"))
	require.ErrorContains(t, guard.CheckURL(t.Context(), "/url", "http://public.test/"), "must start with https://")
	require.ErrorIs(t, get(t, guard, "http://public.test:9/"), ErrBlocked)

	guard = newGuardWithNames(InsecureNone, map[string][][]string{"mixed.test": {{"8.8.8.8", "10.0.0.1"}}})
	require.ErrorContains(t, guard.CheckURL(t.Context(), "/url", "https://mixed.test/"), "must have a public address")
}

// DNS rebinding: the name has a public address when it is checked, and another when it is used.
func TestRebindingIsBlocked(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)

	guard := newGuardWithNames(InsecureNone, map[string][][]string{"rebind.test": {{"8.8.8.8"}, {"127.0.0.1"}}})
	require.NoError(t, guard.CheckURL(t.Context(), "/url", "https://rebind.test/"))
	require.ErrorIs(t, get(t, guard, "https://rebind.test:"+port+"/"), ErrBlocked)
	require.Empty(t, reached)
}

func TestUnknownNamesAreAdmittedUntilTheyResolve(t *testing.T) {
	t.Parallel()
	guard := newGuardWithNames(InsecureNone, nil)
	require.NoError(t, guard.CheckURL(t.Context(), "/url", "https://later.test/"))
	var missing *net.DNSError
	err := get(t, guard, "https://later.test/")
	require.ErrorAs(t, err, &missing)
	require.True(t, missing.IsNotFound)
	require.NotErrorIs(t, err, ErrBlocked)
}

func get(t *testing.T, guard *Guard, url string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := guard.Transport().RoundTrip(request)
	if err == nil {
		require.NoError(t, response.Body.Close())
	}
	return err
}
