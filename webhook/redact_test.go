package webhook_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("aladdin:open sesame"))
	for name, scenario := range map[string]struct {
		authentication webhook.Authentication
		text, want     string
	}{
		"none":        {webhook.Authentication{Type: "none"}, "any text", "any text"},
		"api_key":     {webhook.Authentication{Type: "api_key", Header: "X-Key", Value: "secret-key"}, "X-Key: secret-key, secret-key", "X-Key: ••••, ••••"},
		"basic":       {webhook.Authentication{Type: "basic", Username: "aladdin", Password: "open sesame"}, "aladdin, open sesame, " + basic, "aladdin, ••••, ••••"},
		"bearer":      {webhook.Authentication{Type: "bearer", Token: "secret-token"}, `{"authorization":"Bearer secret-token"}`, `{"authorization":"Bearer ••••"}`},
		"hmac":        {webhook.Authentication{Type: "hmac", Secret: "secret-word"}, "secret-word", "••••"},
		"OAuth":       {webhook.Authentication{Type: "bearer", TokenURL: "https://x/", ClientID: "us", ClientSecret: "secret-word", Token: "fetched"}, "us secret-word fetched", "us •••• ••••"},
		"as JSON":     {webhook.Authentication{Type: "bearer", Token: `a"b\c<d`}, `{"token":"a\"b\\c\u003cd"} a"b\c<d`, `{"token":"••••"} ••••`},
		"in PHP":      {webhook.Authentication{Type: "bearer", Token: `a"b/c<d`}, `a\"b\/c<d a\"b/c<d a\"b\/c\u003cd`, "•••• •••• ••••"},
		"in a URL":    {webhook.Authentication{Type: "bearer", Token: "a b+c/d"}, "a+b%2Bc%2Fd a%20b+c%2Fd", "•••• ••••"},
		"in HTML":     {webhook.Authentication{Type: "bearer", Token: `a"b&c<d`}, "a&#34;b&amp;c&lt;d", "••••"},
		"alike":       {webhook.Authentication{Type: "bearer", ClientSecret: "secret", Token: "secret-token"}, "secret-token secret", "•••• ••••"},
		"a short one": {webhook.Authentication{Type: "bearer", Token: "a"}, "a cat", "a cat"},
		"not text":    {webhook.Authentication{Type: "bearer", Token: "secret-token"}, "\xff\x00secret-token\xff", "\xff\x00••••\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, scenario.want, scenario.authentication.Redact(scenario.text))
		})
	}
}
