package target_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
)

func networks(t *testing.T, text string) []netip.Prefix {
	t.Helper()
	parsed, err := target.ParseNetworks(text)
	require.NoError(t, err)
	return parsed
}

func TestParseNetworks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"": nil, " , ": nil, "10.0.0.0/8": {"10.0.0.0/8"}, "10.1.2.3": {"10.1.2.3/32"}, "fd00::1": {"fd00::1/128"},
		" 10.0.0.0/8 ,fd00::/8, 0.0.0.0/0,": {"10.0.0.0/8", "fd00::/8", "0.0.0.0/0"},
		"::ffff:10.0.0.0/104":               {"10.0.0.0/8"}, "::ffff:10.1.2.3": {"10.1.2.3/32"}, "::ffff:0:0/96": {"0.0.0.0/0"}, "::/0": {"::/0"},
	} {
		var got []string
		for _, network := range networks(t, text) {
			got = append(got, network.String())
		}
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"10.0.0.0/33":          `"10.0.0.0/33" is not a network; use the form 10.0.0.0/8, fd00::/8 or 10.1.2.3`,
		"10.0.0.0/8,example":   `"example" is not a network`,
		"10/8":                 `"10/8" is not a network`,
		"10.0.0.0/8 fd00::/8":  `"10.0.0.0/8 fd00::/8" is not a network`,
		"010.0.0.0/8":          `"010.0.0.0/8" is not a network`,
		"fe80::1%eth0":         `"fe80::1%eth0" is not a network`,
		"10.0.0.1/8":           `"10.0.0.1/8" has an address inside of the network; did you mean 10.0.0.0/8?`,
		"fd00::1/8":            `"fd00::1/8" has an address inside of the network; did you mean fd00::/8?`,
		"https://10.0.0.0":     `"https://10.0.0.0" is not a network`,
		"10.0.0.0-10.0.0.9":    `"10.0.0.0-10.0.0.9" is not a network`,
		"10.0.0.0/8;127.0.0.1": `"10.0.0.0/8;127.0.0.1" is not a network`,
	} {
		_, err := target.ParseNetworks(text)
		require.ErrorContains(t, err, want, text)
	}
}

// What the operator says of networks counts when a webhook is saved and when a connection is made.
func TestNetworks(t *testing.T) {
	t.Parallel()
	const none, loopback, all = target.InsecureNone, target.InsecureLoopback, target.InsecureAll
	for name, scenario := range map[string]struct {
		insecure            target.Insecure
		allow, deny         string
		admitted, forbidden []string
	}{
		"allow": {none, "10.0.0.0/8, fd00::/8", "",
			[]string{"https://10.1.2.3", "https://[::ffff:10.1.2.3]", "https://[fd00::1]", "https://8.8.8.8"},
			[]string{"http://10.1.2.3", "https://192.168.1.1", "https://127.0.0.1", "https://[64:ff9b::a01:203]",
				"https://[2002:a01:203::]", "https://[fe80::1]", "https://[fd00::1%25eth0]", "http://8.8.8.8"}},
		"allow does not change what http is for": {loopback, "10.0.0.0/8", "",
			[]string{"https://10.1.2.3", "https://127.0.0.1", "http://127.0.0.1"}, []string{"http://10.1.2.3", "http://8.8.8.8"}},
		"allow loopback": {none, "127.0.0.0/8,::1", "", []string{"https://127.0.0.1", "https://[::1]"}, []string{"http://127.0.0.1", "http://[::1]"}},
		"deny":           {none, "", "8.8.8.0/24,2606:4700::/32", []string{"https://8.8.4.4", "https://1.1.1.1"}, []string{"https://8.8.8.8", "https://[::ffff:808:808]", "https://[2606:4700::1111]"}},
		"deny wins": {none, "10.0.0.0/8", "10.1.0.0/16",
			[]string{"https://10.2.0.1"}, []string{"https://10.1.0.1", "https://[::ffff:10.1.0.1]"}},
		"deny wins over all": {all, "", "10.0.0.0/8",
			[]string{"http://192.168.1.1", "http://127.0.0.1", "http://[2002:808:808::]", "http://[fe80::1%25eth0]"},
			[]string{"http://10.0.0.1", "https://10.0.0.1", "http://[::ffff:10.0.0.1]", "http://[64:ff9b::a00:1]", "http://[64:ff9b:1::a00:1]",
				"http://[2002:a00:1::]", "http://[::10.0.0.1]", "http://[2001:0:a00:1::]", "http://[2001::f5ff:fffe]", "http://[fe80::5efe:a00:1]",
				"http://[fe80::5efe:a00:1%25eth0]", "http://[2001:db8::200:5efe:a00:1]"}},
		"deny wins over loopback": {loopback, "", "127.0.0.1", []string{"http://127.0.0.2", "http://[::1]"}, []string{"http://127.0.0.1", "https://[::ffff:7f00:1]"}},
		"deny with a zone":        {all, "", "fe80::/10", nil, []string{"http://[fe80::1%25eth0]", "http://[fe80::1]"}},
		"IPv6 over NAT64":         {none, "64:ff9b::/96", "1.1.1.1", []string{"https://[64:ff9b::808:808]"}, []string{"https://[64:ff9b::a00:1]", "https://[64:ff9b::a9fe:a9fe]", "https://[64:ff9b::a83f:8110]", "https://[64:ff9b::101:101]"}},
		"a network's own NAT64":   {none, "64:ff9b:1:fffe::/96", "", []string{"https://[64:ff9b:1:fffe::808:808]"}, []string{"https://[64:ff9b:1:fffe::a00:1]", "https://[64:ff9b:1::808:808]"}},
		"without its place":       {none, "64:ff9b:1::/48", "", nil, []string{"https://[64:ff9b:1::808:808]"}},
		"6to4 and Teredo":         {none, "2002::/16,2001::/32", "", []string{"https://[2002:808:808::]", "https://[2001:0:808:808::f7f7:f7f7]"}, []string{"https://[2002:a00:1::]", "https://[2001:0:808:808::f5ff:fffe]", "https://[2001:0:a00:1::f7f7:f7f7]"}},
		"metadata services are not meant": {none, "100.64.0.0/10,fd00::/8,169.254.0.0/16,0.0.0.0/0", "", []string{"https://100.100.100.201", "https://[fd00::1]"},
			[]string{"https://100.100.100.200", "https://[fd00:ec2::254]", "https://169.254.169.254", "https://168.63.129.16", "https://[::ffff:a9fe:a9fe]"}},
		"unless named": {none, "169.254.169.254,fd00:ec2::254/128", "", []string{"https://169.254.169.254", "https://[fd00:ec2::254]"}, []string{"https://169.254.169.253"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guard := target.NewGuard(scenario.insecure, target.Allow(networks(t, scenario.allow)...), target.Deny(networks(t, scenario.deny)...))
			for _, address := range scenario.admitted {
				require.NoError(t, guard.CheckURL(t.Context(), "/url", address), address)
			}
			for _, address := range scenario.forbidden {
				require.Error(t, guard.CheckURL(t.Context(), "/url", address), address)
				_, err := get(t, guard, address+":9/")
				require.ErrorIs(t, err, target.ErrBlocked, address)
			}
		})
	}
}

// An allowed network is connected to.
func TestAllowedNetworkIsReached(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, "127.0.0.1", true)
	_, err := get(t, target.NewGuard(target.InsecureNone, target.Allow(networks(t, "127.0.0.0/8")...)), e.URL)
	require.ErrorContains(t, err, "certificate", "it is reached, and its certificate is checked")
	require.EqualValues(t, 1, e.connections.Load())

	plain := newEndpoint(t, "127.0.0.1", false)
	_, err = get(t, target.NewGuard(target.InsecureLoopback, target.Deny(networks(t, "127.0.0.1")...)), plain.URL)
	require.ErrorIs(t, err, target.ErrBlocked)
	status, err := get(t, target.NewGuard(target.InsecureLoopback, target.Deny(networks(t, "127.0.0.2")...)), plain.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, status)
}

// The refusal names the field that it is about, whichever that is, and says that networks count.
func TestCheckURLNamesTheField(t *testing.T) {
	t.Parallel()
	guard := target.NewGuard(target.InsecureNone, target.Deny(networks(t, "8.8.8.8")...))
	err := guard.CheckURL(t.Context(), "/authentication/token_url", "https://8.8.8.8/token")
	require.EqualError(t, err, "One field is not valid. /authentication/token_url: must have an address that may be sent to; "+
		"this one is not public, or its network is denied")
}
