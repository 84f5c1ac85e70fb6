package webhook_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func defineAuthentication(a webhook.Authentication) (webhook.Authentication, error) {
	w, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.Authentication = a }), webhook.BuiltIn, false)
	return w.Authentication, err
}

func TestAuthenticationChecks(t *testing.T) {
	t.Parallel()
	type want map[string]string
	oauth := func(change func(*webhook.Authentication)) webhook.Authentication {
		a := clientCredentials()
		change(&a)
		return a
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, scenario := range map[string]struct {
		authentication webhook.Authentication
		want           want // nil: it is fine
	}{
		"none said":                {webhook.Authentication{}, nil},
		"none":                     {webhook.Authentication{Type: "none"}, nil},
		"api key":                  {webhook.Authentication{Type: "api_key", Header: "X-Api-Key", Value: "v"}, nil},
		"api key in authorization": {webhook.Authentication{Type: "api_key", Header: "Authorization", Value: "Bearer your_secret_key"}, nil},
		"basic":                    {webhook.Authentication{Type: "basic", Username: "u", Password: "p:w"}, nil},
		"bearer":                   {webhook.Authentication{Type: "bearer", Token: "t"}, nil},
		"hmac":                     {webhook.Authentication{Type: "hmac", Secret: "s"}, nil},
		"hmac in full":             {webhook.Authentication{Type: "hmac", Secret: "s", Header: "X-Sig", Algorithm: "sha512"}, nil},

		"client credentials":         {clientCredentials(), nil},
		"without scopes":             {oauth(func(a *webhook.Authentication) { a.Scopes = nil }), nil},
		"as long as may be":          {oauth(func(a *webhook.Authentication) { a.ClientID, a.ClientSecret = long(4096), long(1024) }), nil},
		"as many scopes as may be":   {oauth(func(a *webhook.Authentication) { a.Scopes = slices.Repeat([]string{long(256)}, 32) }), nil},
		"blanks that are not shown":  {webhook.Authentication{Type: "basic", Username: " u ", Password: " p "}, nil},
		"as long values as may be":   {webhook.Authentication{Type: "api_key", Header: "X-A", Value: long(4096)}, nil},
		"as long a secret as may be": {webhook.Authentication{Type: "hmac", Secret: long(1024)}, nil},

		"token and token_url": {oauth(func(a *webhook.Authentication) { a.Token = "t" }), want{
			"/authentication/token": "does not belong to authentication of type bearer with token_url",
		}},
		"scopes alone": {webhook.Authentication{Type: "bearer", Scopes: []string{"a"}}, want{
			"/authentication/token_url": "is missing; authentication of type bearer with token_url needs it",
			"/authentication/client_id": "is missing", "/authentication/client_secret": "is missing",
		}},
		"client of another type": {oauth(func(a *webhook.Authentication) { a.Type, a.Secret = "hmac", "s" }), want{
			"/authentication/token_url": "does not belong to authentication of type hmac", "/authentication/client_id": "does not belong",
			"/authentication/client_secret": "does not belong", "/authentication/scopes": "does not belong",
		}},
		"http token URL":          {oauth(func(a *webhook.Authentication) { a.TokenURL = "http://id.example.com/" }), want{"/authentication/token_url": "must start with https://"}},
		"no token URL":            {oauth(func(a *webhook.Authentication) { a.TokenURL = "token" }), want{"/authentication/token_url": "is not a URL"}},
		"odd token URL":           {oauth(func(a *webhook.Authentication) { a.TokenURL = "https://0x7f.1/" }), want{"/authentication/token_url": "must have a host name"}},
		"token URL with password": {oauth(func(a *webhook.Authentication) { a.TokenURL = "https://u:p@id.example.com/" }), want{"/authentication/token_url": "must not contain a user name"}},
		"long token URL":          {oauth(func(a *webhook.Authentication) { a.TokenURL += long(2048) }), want{"/authentication/token_url": "is longer than 2048 bytes"}},
		"masked client_secret":    {oauth(func(a *webhook.Authentication) { a.ClientSecret = "••••cret" }), want{"/authentication/client_secret": "is a secret as answers show it"}},
		"line feed in client": {oauth(func(a *webhook.Authentication) { a.ClientID, a.ClientSecret = "a\n", "\x7f" }), want{
			"/authentication/client_id": "control characters", "/authentication/client_secret": "control characters",
		}},
		"long client": {oauth(func(a *webhook.Authentication) { a.ClientID, a.ClientSecret = long(4097), long(1025) }), want{
			"/authentication/client_id": "is longer than 4096 bytes", "/authentication/client_secret": "is longer than 1024 bytes",
		}},
		"too many scopes": {oauth(func(a *webhook.Authentication) { a.Scopes = slices.Repeat([]string{"a"}, 33) }), want{"/authentication/scopes": "has more than 32 entries"}},
		"odd scopes": {oauth(func(a *webhook.Authentication) {
			a.Scopes = []string{"fine!~", "", "two words", `a"b`, `a\b`, "é", "a\n", long(257)}
		}), want{
			"/authentication/scopes/1": "is not a scope", "/authentication/scopes/2": "is not a scope", "/authentication/scopes/3": "is not a scope",
			"/authentication/scopes/4": "is not a scope", "/authentication/scopes/5": "is not a scope", "/authentication/scopes/6": "is not a scope",
			"/authentication/scopes/7": "is longer than 256 bytes",
		}},
		"long value":           {webhook.Authentication{Type: "api_key", Header: "X-A", Value: long(4097)}, want{"/authentication/value": "is longer than 4096 bytes"}},
		"long user":            {webhook.Authentication{Type: "basic", Username: long(4097), Password: long(4097)}, want{"/authentication/username": "is longer", "/authentication/password": "is longer"}},
		"long token":           {webhook.Authentication{Type: "bearer", Token: long(4097)}, want{"/authentication/token": "is longer than 4096 bytes"}},
		"long secret":          {webhook.Authentication{Type: "hmac", Secret: long(1025)}, want{"/authentication/secret": "is longer than 1024 bytes"}},
		"blank before a value": {webhook.Authentication{Type: "api_key", Header: "X-A", Value: " v"}, want{"/authentication/value": "must not begin or end with a blank"}},
		"tab after a token":    {webhook.Authentication{Type: "bearer", Token: "t\t"}, want{"/authentication/token": "must not begin or end with a blank"}},

		"unknown type":           {webhook.Authentication{Type: "Basic", Username: "u"}, want{"/authentication/type": "must be one of none,"}},
		"no type":                {webhook.Authentication{Token: "t"}, want{"/authentication/type": "must be one of none,"}},
		"none with a token":      {webhook.Authentication{Type: "none", Token: "t"}, want{"/authentication/token": "does not belong to authentication of type none"}},
		"api key without":        {webhook.Authentication{Type: "api_key"}, want{"/authentication/header": "is missing", "/authentication/value": "is missing; authentication of type api_key needs it"}},
		"basic without":          {webhook.Authentication{Type: "basic"}, want{"/authentication/username": "is missing", "/authentication/password": "is missing"}},
		"bearer without":         {webhook.Authentication{Type: "bearer", Header: "X-A"}, want{"/authentication/token": "is missing", "/authentication/header": "does not belong"}},
		"hmac without":           {webhook.Authentication{Type: "hmac", Algorithm: "md5"}, want{"/authentication/secret": "is missing", "/authentication/algorithm": "must be sha256 or sha512"}},
		"colon in the user name": {webhook.Authentication{Type: "basic", Username: "u:", Password: "p"}, want{"/authentication/username": "must not contain a colon"}},
		"line feed in value":     {webhook.Authentication{Type: "api_key", Header: "X-A", Value: "v\r\nX-B: w"}, want{"/authentication/value": "must not contain control characters"}},
		"line feed in token":     {webhook.Authentication{Type: "bearer", Token: "t\nu"}, want{"/authentication/token": "must not contain control characters"}},
		"NUL in password":        {webhook.Authentication{Type: "basic", Username: "u", Password: "\x00"}, want{"/authentication/password": "must not contain control characters"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := defineAuthentication(scenario.authentication)
			if scenario.want == nil {
				require.NoError(t, err)
				return
			}
			requireFields(t, err, scenario.want)
		})
	}
}

// clientCredentials is an authentication whose tokens are fetched.
func clientCredentials() webhook.Authentication {
	return webhook.Authentication{
		Type: "bearer", TokenURL: "https://id.example.com/oauth/token", ClientID: "durahook", ClientSecret: "client-secret",
		Scopes: []string{"webhooks.write", "https://example.com/scope"},
	}
}

func TestFetchesTokens(t *testing.T) {
	t.Parallel()
	require.True(t, clientCredentials().FetchesTokens())
	require.False(t, webhook.Authentication{Type: "bearer", Token: "t"}.FetchesTokens())
	require.False(t, webhook.Authentication{}.FetchesTokens())
}

func TestTargets(t *testing.T) {
	t.Parallel()
	d := definition(func(d *webhook.Definition) { d.Authentication = clientCredentials() })
	token := webhook.Target{Pointer: "/authentication/token_url", URL: "https://id.example.com/oauth/token"}
	require.Equal(t, []webhook.Target{{Pointer: "/url", URL: d.URL}, token}, d.Targets())
	require.Equal(t, []webhook.Target{{Pointer: "/url", URL: d.URL}}, definition(func(*webhook.Definition) {}).Targets())

	for body, want := range map[string][]webhook.Target{
		`{"name":"N"}`:              nil,
		`{"authentication":null}`:   nil,
		`{"url":"https://a.test/"}`: {{Pointer: "/url", URL: "https://a.test/"}},
		`{"authentication":{"type":"bearer","token_url":"https://id.example.com/oauth/token"}}`: {token},
	} {
		p, err := webhook.ParsePatch([]byte(body))
		require.NoError(t, err)
		require.Equal(t, want, p.Targets(), body)
	}
}

func TestAuthenticationDefaults(t *testing.T) {
	t.Parallel()
	a, err := defineAuthentication(webhook.Authentication{Type: "hmac", Secret: "s"})
	require.NoError(t, err)
	require.Equal(t, webhook.Authentication{Type: "hmac", Secret: "s", Header: "x-webhook-signature", Algorithm: "sha256"}, a)
	a, err = defineAuthentication(webhook.Authentication{})
	require.NoError(t, err)
	require.Equal(t, webhook.Authentication{Type: "none"}, a)
}

func TestAuthenticationHeaderNames(t *testing.T) {
	t.Parallel()
	const reserved = "is a header that has a meaning of its own"
	for name, want := range map[string]string{ // empty: it is fine
		"X-Api-Key": "", "authorization": "", "x_y.z": "", "Cookie": "", strings.Repeat("x", 128): "", "X-Host": "", "X-Webhook-Signature": "",
		"Webhook": "", "Api-Content-Type": "", "X-Forwarder": "", "Ifs": "", "Signature": "", "X-Secret": "",

		"Host": reserved, "CONTENT-LENGTH": reserved, "content-type": reserved, "Transfer-Encoding": reserved,
		"Connection": reserved, "user-agent": reserved, "webhook-id": reserved, "Webhook-Signature": reserved,
		"Webhook-Anything": reserved, "Accept-Encoding": reserved, "Expect": reserved, "Trailer": reserved,
		"Content-Encoding": reserved, "Proxy-Authorization": reserved, "Upgrade": reserved, "TE": reserved,
		"Content-Range": reserved, "Content-Location": reserved, "Keep-Alive": reserved, "HTTP2-Settings": reserved, "Proxy-Connection": reserved,
		"Forwarded": reserved, "Via": reserved, "X-Forwarded-For": reserved, "x-forwarded-host": reserved, "X-Real-IP": reserved,
		"Sec-Fetch-Site": reserved, "Sec-WebSocket-Key": reserved, "Origin": reserved, "Referer": reserved, "Date": reserved,
		"If-None-Match": reserved, "Range": reserved, "Max-Forwards": reserved, "Access-Control-Request-Method": reserved,
		"X-HTTP-Method-Override": reserved, "X-Method-Override": reserved, "X-Original-URL": reserved, "X-Rewrite-URL": reserved,
		"traceparent": reserved, "tracestate": reserved, "baggage": reserved,
		"Metadata-Flavor": reserved, "X-aws-ec2-metadata-token": reserved,
		// To some servers these are the same.
		"Content_Length": reserved, "TRANSFER_ENCODING": reserved, "webhook_id": reserved, "Webhook.Signature": reserved, "x~forwarded_for": reserved,

		"X Api": "is not a header name", "X-Api:": "is not a header name", "X-\u00c4": "is not a header name", "X\r\nY": "control characters",
		" ": "is not a header name", ":authority": "is not a header name", strings.Repeat("x", 129): "is longer than 128 bytes",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := defineAuthentication(webhook.Authentication{Type: "api_key", Header: name, Value: "v"})
			if want == "" {
				require.NoError(t, err)
				return
			}
			domain := requireCode(t, webhook.CodeInvalid, err)
			require.Equal(t, "/authentication/header", domain.Fields[0].Pointer)
			require.Contains(t, domain.Fields[0].Detail, want)
		})
	}
}

func TestAuthenticationApply(t *testing.T) {
	t.Parallel()
	// The sums are from: printf %s 'The body' | openssl dgst -sha256 -hmac 'a secret'
	const (
		sum256 = "08789fa04643fabe92efc4cb5e63a4ad8dcd6008275352f2d291ac9fc43e401d"
		sum512 = "2cb1d5cf8f8115a2b8f40ceaf746471cf05e860204762d7e8f4a77505b6aa2696ab27ef6bcfa6aa3055d974cdc5b4f1eb160a5e289e52f860b86466220472077"
	)
	for name, scenario := range map[string]struct {
		authentication webhook.Authentication
		header, want   string
	}{
		"api_key":  {webhook.Authentication{Type: "api_key", Header: "x-api-key", Value: "v alue"}, "X-Api-Key", "v alue"},
		"basic":    {webhook.Authentication{Type: "basic", Username: "Aladdin", Password: "open:sesame"}, "Authorization", "Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ=="},
		"bearer":   {webhook.Authentication{Type: "bearer", Token: "abc"}, "Authorization", "Bearer abc"},
		"hmac":     {webhook.Authentication{Type: "hmac", Secret: "a secret"}, "X-Webhook-Signature", "sha256=" + sum256},
		"hmac 512": {webhook.Authentication{Type: "hmac", Secret: "a secret", Header: "X-Sum", Algorithm: "sha512"}, "X-Sum", "sha512=" + sum512},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := defineAuthentication(scenario.authentication)
			require.NoError(t, err)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com", nil)
			require.NoError(t, err)
			a.Apply(request, []byte("The body"))
			require.Equal(t, http.Header{scenario.header: {scenario.want}}, request.Header)
		})
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com", nil)
	require.NoError(t, err)
	webhook.Authentication{}.Apply(request, []byte("The body"))
	webhook.Authentication{Type: webhook.AuthenticationNone}.Apply(request, []byte("The body"))
	require.Empty(t, request.Header)
}

func TestMask(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"": "", "a": "••••", "elevenchars": "••••", "twelve chars": "••••hars", strings.Repeat("s", 100) + "tail": "••••tail",
		"€€€€": "••••", "€€€€€€€€abcd": "••••abcd", "abcdefgh€€€€": "••••€€€€", "abcdefghijk€": "••••ijk€",
	} {
		got := webhook.Mask(secret)
		require.Equal(t, want, got)
		require.True(t, utf8.ValidString(got))
	}
}

func TestMaskedHidesEverySecret(t *testing.T) {
	t.Parallel()
	const secret = "secret-secret-1234"
	shown := webhook.Authentication{
		Type: "t", Header: "h", Username: "u", Algorithm: "a", Value: secret, Password: secret, Token: secret, Secret: secret,
		TokenURL: "https://id.example.com/", ClientID: "c", ClientSecret: secret, Scopes: []string{"s"},
	}.Masked()
	text, err := json.Marshal(shown)
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret-")
	require.Equal(t, 5, strings.Count(string(text), "••••1234"))
	require.Contains(t, string(text), `"username":"u"`)
	require.Contains(t, string(text), `"token_url":"https://id.example.com/","client_id":"c"`)
	require.Contains(t, string(text), `"scopes":["s"]`)
}
