package webhook

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// isPlainHost reports whether the host of a URL is a host name, or an address in its usual form. Everything
// else means different hosts to different programs: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1 to
// some of them. It is judged as what a client will look up, for other scripts have digits and dots too.
func isPlainHost(u *url.URL) bool {
	host := u.Hostname()
	address, err := netip.ParseAddr(host)
	if err == nil && address.Zone() == "" {
		return address.Is6() == strings.HasPrefix(u.Host, "[")
	}
	if err == nil || strings.HasPrefix(u.Host, "[") {
		return false
	}
	if !isASCII(host) {
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return false
		}
	}
	return isHostName(strings.TrimSuffix(strings.ToLower(host), "."))
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// isHostName reports whether a text in lower case is a host name: labels with dots between them, the last of
// which is no number.
func isHostName(host string) bool {
	const longestName, longestLabel, digits, letters = 253, 63, "0123456789", "abcdefghijklmnopqrstuvwxyz"
	if len(host) > longestName {
		return false
	}
	last := ""
	for last = range strings.SplitSeq(host, ".") {
		if last == "" || len(last) > longestLabel || strings.Trim(last, digits+letters+"-_") != "" {
			return false
		}
	}
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, digits+"abcdef") != ""
	}
	return strings.Trim(last, digits) != ""
}
