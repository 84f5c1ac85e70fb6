package webhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func defineURL(url string) error {
	_, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.URL = url }), webhook.BuiltIn, true)
	return err
}

func TestHostsOfURLs(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for _, host := range []string{
		"example.com", "EXAMPLE.com", "example.com.", "localhost", "a_b.example", "-a.example", "1.example", "1e3.example", "b\u00fccher.example",
		"xn--bcher-kva.example", "\u4f8b\u3048.jp", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[2606:4700:4700::1111]", "0xa.example", "a.0xg", label + ".example",
		strings.Repeat("a.", 126) + "a",
	} {
		require.NoError(t, defineURL("https://"+host+"/"), host)
		require.NoError(t, defineURL("http://"+host+":8443"), host)
	}
	for _, host := range []string{
		"1", "127.1", "0x7f.1", "a.0x", "a.0x1", "a.1", "127.0.0.1.", "127.0.0.01", "a..b", ".a", "a..", ".", "a b", "a!b", "a%20b", "a,b", "a;b", "a=b", "~a", "a*",
		"[::1%25lo]", "[fe80::1%25eth0]", "[127.0.0.1]", "::1", "\uff11.\uff11", "a\u3002\uff11", "\ufffd.example", "a\u2024b", label + "a.example",
		strings.Repeat("a.", 127) + "a",
	} {
		require.Error(t, defineURL("https://"+host+"/"), host)
	}
}
