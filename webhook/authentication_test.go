package webhook_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func defineAuthentication(a webhook.Authentication) (webhook.Authentication, error) {
	w, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.Authentication = a }), false)
	return w.Authentication, err
}

func TestAuthenticationChecks(t *testing.T) {
	t.Parallel()
	type want map[string]string
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
	const reserved = "is a header that durahook or HTTP sets itself"
	for name, want := range map[string]string{ // empty: it is fine
		"X-Api-Key": "", "authorization": "", "x_y.z": "", "Cookie": "", strings.Repeat("x", 128): "",

		"Host": reserved, "CONTENT-LENGTH": reserved, "content-type": reserved, "Transfer-Encoding": reserved,
		"Connection": reserved, "user-agent": reserved, "webhook-id": reserved, "Webhook-Signature": reserved,
		"Webhook-Anything": reserved, "Accept-Encoding": reserved, "Expect": reserved, "Trailer": reserved,
		"Content-Encoding": reserved, "Proxy-Authorization": reserved, "Upgrade": reserved, "TE": reserved,

		"X Api": "is not a header name", "X-Api:": "is not a header name", "X-\u00c4": "is not a header name", "X\r\nY": "control characters",
		" ": "is not a header name", strings.Repeat("x", 129): "is not a header name",
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
	}.Masked()
	text, err := json.Marshal(shown)
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret-")
	require.Equal(t, 4, strings.Count(string(text), "••••1234"))
	require.Contains(t, string(text), `"username":"u"`)
}
