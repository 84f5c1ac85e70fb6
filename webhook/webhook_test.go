package webhook_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func definition(change func(*webhook.Definition)) webhook.Definition {
	d := webhook.Definition{Name: "Salesforce Sync", URL: "https://example.com/webhooks", Events: []string{"call.ended"}}
	change(&d)
	return d
}

func TestDefine(t *testing.T) {
	t.Parallel()
	const account = "acc_1"
	d := definition(func(d *webhook.Definition) { d.Name = "  Salesforce Sync\n" })
	w, err := webhook.Define(account, d, webhook.BuiltIn, false)
	require.NoError(t, err)
	require.NoError(t, webhook.CheckID(webhook.WebhookPrefix, w.ID))
	require.Equal(t, account, w.AccountID)
	require.Equal(t, "Salesforce Sync", w.Name)
	require.Equal(t, "https://example.com/webhooks", w.URL)
	require.Equal(t, []string{"call.ended"}, w.Events)
	require.Equal(t, webhook.AuthenticationNone, w.Authentication.Type)
	require.True(t, w.Enabled)
	require.Empty(t, w.Filter)
	require.Zero(t, w.RateLimit)
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, string(w.SigningSecret))

	other, err := webhook.Define(account, d, webhook.BuiltIn, false)
	require.NoError(t, err)
	require.NotEqual(t, w.ID, other.ID)
	require.NotEqual(t, w.SigningSecret, other.SigningSecret)
}

func TestDefineDisabledWithFilter(t *testing.T) {
	t.Parallel()
	no, yes := false, true
	w, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.Enabled, d.Filter = &no, " true\n" }), webhook.BuiltIn, false)
	require.NoError(t, err)
	require.False(t, w.Enabled)
	require.Equal(t, "Disabled by its owner.", w.DisabledReason)
	require.Equal(t, " true\n", w.Filter, "as it was written, since errors point into it")
	w, err = webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.Enabled, d.Filter = &yes, " \n" }), webhook.BuiltIn, false)
	require.NoError(t, err)
	require.True(t, w.Enabled)
	require.Empty(t, w.Filter)
}

func TestDefineTellsAllWrongFieldsAtOnce(t *testing.T) {
	t.Parallel()
	w, err := webhook.Define("acc_1", webhook.Definition{}, webhook.BuiltIn, false)
	requireFields(t, err, map[string]string{
		"/name": `is missing; use a descriptive one, such as "Salesforce Sync"`,
		"/url":  "is missing; use your endpoint's HTTPS URL", "/events": `is missing; name at least one event type, or ["*"]`,
	})
	require.Empty(t, w)
	_, err = webhook.Define("acc_1", webhook.Definition{
		Name: "\x00", URL: "http://example.com", Events: []string{"x"}, Authentication: webhook.Authentication{Type: "magic"},
	}, webhook.BuiltIn, false)
	requireFields(t, err, map[string]string{
		"/name": "control characters", "/url": "must start with https://", "/events/0": "is not a known event type",
		"/authentication/type": "must be one of none, api_key, basic, bearer, hmac",
	})
}

func TestDefineChecksTheName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{ // what the detail says; empty: it is fine
		"a": "", "Größe ✓": "", strings.Repeat("é", 100): "", " " + strings.Repeat("a", 100) + " ": "",
		"": "is missing", " \t ": "is missing", strings.Repeat("é", 101): "longer than 100 characters",
		"a\nb": "control characters", "a\x7fb": "control characters", "a\x00": "control characters",
		"a\u0085b": "control characters", "a\xffb": "control characters",
	} {
		_, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.Name = name }), webhook.BuiltIn, false)
		if want == "" {
			require.NoError(t, err, "%q", name)
			continue
		}
		requireFields(t, err, map[string]string{"/name": want})
	}
}

func TestDefineChecksTheURL(t *testing.T) {
	t.Parallel()
	const (
		notURL      = "is not a URL"
		https       = "must start with https://"
		credentials = "must not contain a user name or password"
		address     = "must have a host name or a plain IP address"
	)
	for url, want := range map[string]string{ // what the detail says; empty: it is fine
		"https://example.com":                                   "",
		"https://example.com/":                                  "",
		"HTTPS://EXAMPLE.COM/a":                                 "",
		"https://example.com:8443/a/b?c=d&e=%20#f":              "",
		"https://example.com:/":                                 "",
		"https://my_host.example.com./":                         "",
		"https://xn--bcher-kva.example/":                        "",
		"https://b\u00fccher.example/":                          "",
		"https://203.0.113.7/":                                  "",
		"https://[2001:db8::1]:8443/":                           "",
		"https://1password.example/":                            "",
		"https://0xfeed.example/":                               "",
		"https://example.com/" + strings.Repeat("a", 2048-20):   "",
		"https://example.com/" + strings.Repeat("a", 2048-20+1): "is longer than 2048 bytes",

		"http://example.com":        https,
		"ftp://example.com":         https,
		"//example.com/a":           https,
		"javascript://example.com/": https,
		"wss://example.com":         https,

		"https://user:secret-word@example.com/": credentials,
		"https://user@example.com/":             credentials,
		"https://@example.com/":                 credentials,
		"http://user:secret-word@example.com/":  credentials,

		"example.com":                   notURL,
		"/webhooks":                     notURL,
		"https:example.com":             notURL,
		"https://":                      notURL,
		"https:///path":                 notURL,
		"https://:8443/":                notURL,
		"https://exam ple.com":          notURL,
		"https://example.com/a b":       notURL,
		" https://example.com":          notURL,
		"https://example.com\n":         notURL,
		"https://example.com/\x00":      notURL,
		"https://example.com/\r\nHost:": notURL,
		"https://example.com/\x7f":      notURL,
		"https://example.com/\u00a0":    notURL,
		"https://example.com/\u0085":    notURL,
		"https://example.com/\xff":      notURL,
		"https://example.com/%zz":       notURL,
		"https://example.com:http/":     notURL,
		"https://example.com:0/":        notURL,
		"https://example.com:65536/":    notURL,
		"https://example.com:-1/":       notURL,
		"https://[::1/":                 notURL,
		"https://[not:an:address]/":     notURL,
		"://example.com":                notURL,

		"https://2130706433/":                address,
		"https://0x7f000001/":                address,
		"https://0x7F.1/":                    address,
		"https://0177.0.0.1/":                address,
		"https://127.1/":                     address,
		"https://127.0.0.1./":                address,
		"https://1.2.3.4.5/":                 address,
		"https://\uff11\uff12\uff17.\uff11/": address, // fullwidth digits
		"https://127\u30020\u30020\u30021/":  address, // ideographic full stops
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			w, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.URL = url }), webhook.BuiltIn, false)
			if want != "" {
				requireFields(t, err, map[string]string{"/url": want})
				require.NotContains(t, err.Error(), "secret-word")
				return
			}
			require.NoError(t, err)
			require.Equal(t, url, w.URL)
			_, err = http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL, nil)
			require.NoError(t, err)
		})
	}
}

func TestDefineAllowsHTTPForDevelopment(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"http://127.0.0.1:9000/": true, "http://localhost": true, "https://example.com": true,
		"ftp://127.0.0.1/": false, "http://user:pw@127.0.0.1/": false, "http://": false, "http://127.1/": false,
	} {
		_, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.URL = url }), webhook.BuiltIn, true)
		require.Equal(t, ok, err == nil, "%s: %v", url, err)
	}
}

func TestDefineChecksTheEvents(t *testing.T) {
	t.Parallel()
	all := make([]string, 0, 8)
	for _, eventType := range webhook.BuiltInEventTypes() {
		all = append(all, eventType.Name)
	}
	for name, scenario := range map[string]struct {
		events []string
		want   map[string]string // nil: they are fine
	}{
		"one":        {[]string{"call.ended"}, nil},
		"all":        {all, nil},
		"star":       {[]string{"*"}, nil},
		"none":       {[]string{}, map[string]string{"/events": "is missing"}},
		"unknown":    {[]string{"call.ended", "call.exploded", ""}, map[string]string{"/events/1": "not a known", "/events/2": "not a known"}},
		"twice":      {[]string{"call.ended", "call.failed", "call.ended"}, map[string]string{"/events/2": "is there twice"}},
		"star twice": {[]string{"*", "*"}, map[string]string{"/events/0": "already means all", "/events/1": "is there twice"}},
		"star and":   {[]string{"call.ended", "*"}, map[string]string{"/events/1": `"*" already means all event types`}},
		"pattern":    {[]string{"call.*", "campaign.completed", "invoice.line_2.*", "later.*"}, nil},
		"no pattern": {[]string{".*", "call*", "call.**", "*.ended", "Call.*", "call.*.x", "*.*", "call..*", "call.*", "call.*"}, map[string]string{
			"/events/0": "not a known", "/events/1": "not a known", "/events/2": "not a known", "/events/3": "not a known", "/events/4": "not a known",
			"/events/5": "not a known", "/events/6": "not a known", "/events/7": "not a known", "/events/9": "is there twice",
		}},
		"typing slip": {[]string{"call.endet"}, map[string]string{"/events/0": `did you mean "call.ended"? GET /v1/event-types lists all; a pattern such as "call.*"`}},
		"too many":    {make([]string, 101), map[string]string{"/events": "more than 100 entries"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.Events = scenario.events }), webhook.BuiltIn, false)
			if scenario.want == nil {
				require.NoError(t, err)
				return
			}
			requireFields(t, err, scenario.want)
		})
	}
}
