package api_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// A method of authentication as a client sends it, and as it is shown and applied.
type authenticationMethod struct {
	sent, shown string
	stored      webhook.Authentication
	secret      string
}

func authenticationMethods() map[string]authenticationMethod {
	const shown = "\u2022\u2022\u2022\u2022"
	return map[string]authenticationMethod{
		"api_key": {
			`{"type":"api_key","header":"X-Api-Key","value":"value-of-the-api-key"}`,
			`{"type":"api_key","header":"X-Api-Key","value":"` + shown + `-key"}`,
			webhook.Authentication{Type: "api_key", Header: "X-Api-Key", Value: "value-of-the-api-key"}, "value-of-the-api-key",
		},
		"basic": {
			`{"type":"basic","username":"aladdin","password":"password-of-basic"}`,
			`{"type":"basic","username":"aladdin","password":"` + shown + `asic"}`,
			webhook.Authentication{Type: "basic", Username: "aladdin", Password: "password-of-basic"}, "password-of-basic",
		},
		"bearer": {
			`{"type":"bearer","token":"token-of-the-receiver"}`,
			`{"type":"bearer","token":"` + shown + `iver"}`,
			webhook.Authentication{Type: "bearer", Token: "token-of-the-receiver"}, "token-of-the-receiver",
		},
		"bearer, fetched": {
			`{"type":"bearer","token_url":"https://8.8.4.4/token","client_id":"durahook","client_secret":"secret-of-the-client","scopes":["a","b.c"]}`,
			`{"type":"bearer","token_url":"https://8.8.4.4/token","client_id":"durahook","client_secret":"` + shown + `ient","scopes":["a","b.c"]}`,
			webhook.Authentication{
				Type: "bearer", TokenURL: "https://8.8.4.4/token", ClientID: "durahook", ClientSecret: "secret-of-the-client", Scopes: []string{"a", "b.c"},
			}, "secret-of-the-client",
		},
		"hmac": {
			`{"type":"hmac","secret":"secret-of-the-hmac"}`,
			`{"type":"hmac","header":"x-webhook-signature","secret":"` + shown + `hmac","algorithm":"sha256"}`,
			webhook.Authentication{Type: "hmac", Header: "x-webhook-signature", Secret: "secret-of-the-hmac", Algorithm: "sha256"}, "secret-of-the-hmac",
		},
	}
}

// authenticated is a webhook as clients see it.
type authenticated struct {
	ID             string
	Authentication rawJSON
}

// rawJSON is JSON as it came.
type rawJSON string

func (r *rawJSON) UnmarshalJSON(text []byte) error {
	*r = rawJSON(text)
	return nil
}

// Every method can be set, replaced by every other, and cleared; no answer shows what went in.
func TestAuthenticationMethods(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	key := f.newKey(f.account, webhook.ScopeManage, webhook.ScopeRead).Key
	for name, method := range authenticationMethods() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := f.in(t)
			var answers strings.Builder
			call := func(status int, method, path, body string) (got authenticated) {
				t.Helper()
				a := f.do(key, method, path, body)
				answers.WriteString(a.text)
				a.as(status, &got)
				return got
			}
			created := call(201, http.MethodPost, "/v1/webhooks",
				`{"name":"Sync","url":"`+endpoint+`","events":["*"],"authentication":`+method.sent+`}`)
			path := "/v1/webhooks/" + created.ID
			requireStored := func(want webhook.Authentication) {
				t.Helper()
				stored, err := f.store.Webhook(t.Context(), f.account, created.ID)
				require.NoError(t, err)
				require.Equal(t, want, stored.Authentication)
			}
			require.JSONEq(t, method.shown, string(created.Authentication))
			requireStored(method.stored)
			require.JSONEq(t, method.shown, string(call(200, http.MethodGet, path, "").Authentication))
			require.JSONEq(t, method.shown, string(call(200, http.MethodPatch, path, `{"name":"Other"}`).Authentication))
			requireStored(method.stored)

			for _, other := range authenticationMethods() {
				edited := call(200, http.MethodPatch, path, `{"authentication":`+other.sent+`}`)
				require.JSONEq(t, other.shown, string(edited.Authentication), "it is replaced as a whole")
				requireStored(other.stored)
				call(422, http.MethodPatch, path, `{"authentication":`+other.shown+`}`)
				requireStored(other.stored)
			}
			call(200, http.MethodGet, "/v1/webhooks", "")
			cleared := call(200, http.MethodPatch, path, `{"authentication":null}`)
			require.JSONEq(t, `{"type":"none"}`, string(cleared.Authentication))
			requireStored(webhook.Authentication{Type: "none"})
			for _, other := range authenticationMethods() {
				require.NotContains(t, answers.String(), other.secret)
			}
		})
	}
}

// What went in is readable nowhere.
func TestSecretsOfAuthenticationsAreNowhere(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	key := f.newKey(f.account, webhook.ScopeManage).Key
	for _, method := range authenticationMethods() {
		body := `{"name":"Sync","url":"` + endpoint + `","events":["*"],"authentication":` + method.sent + `}`
		require.Equal(t, 201, f.do(key, http.MethodPost, "/v1/webhooks", body).status)
		f.do(key, http.MethodPost, "/v1/webhooks", body+"{").refused(400, "malformed")
	}
	dump := f.dump()
	require.Contains(t, dump, endpoint, "the dump holds what is no secret")
	for _, method := range authenticationMethods() {
		in64 := base64.StdEncoding.EncodeToString([]byte(method.secret))
		for _, spelling := range []string{method.secret, hex.EncodeToString([]byte(method.secret)), in64, hex.EncodeToString([]byte(in64))} {
			require.NotContains(t, dump, spelling)
			require.NotContains(t, f.log.String(), spelling)
		}
	}
}

func TestAuthenticationIsRefused(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	key := f.newKey(f.account, webhook.ScopeManage).Key
	var created authenticated
	f.do(key, http.MethodPost, "/v1/webhooks", `{"name":"Sync","url":"`+endpoint+`","events":["*"]}`).as(201, &created)
	at := func(url string) string {
		return `{"type":"bearer","token_url":"` + url + `","client_id":"c","client_secret":"secret-word"}`
	}
	for authentication, pointers := range map[string][]string{
		at("http://8.8.8.8/"):               {"/authentication/token_url"},
		at("https://127.0.0.1/"):            {"/authentication/token_url"},
		at("https://localhost/"):            {"/authentication/token_url"},
		at("https://169.254.169.254/"):      {"/authentication/token_url"},
		at("https://[::ffff:10.0.0.1]/"):    {"/authentication/token_url"},
		at("https://2130706433/"):           {"/authentication/token_url"},
		at("https://secret-word:x@8.8.8.8"): {"/authentication/token_url"},
		at("file:///etc/passwd"):            {"/authentication/token_url"},
		`{"type":"bearer","token_url":"https://8.8.8.8/","token":"secret-word"}`:                {"/authentication/token", "/authentication/client_id", "/authentication/client_secret"},
		`{"type":"bearer","token_url":7,"client_id":[],"client_secret":{},"scopes":"a"}`:        {"/authentication/token_url", "/authentication/client_id", "/authentication/client_secret", "/authentication/scopes", "/authentication/token"},
		`{"type":"bearer","scopes":["a",1,null,"b c"]}`:                                         {"/authentication/token_url", "/authentication/client_id", "/authentication/client_secret", "/authentication/scopes/1", "/authentication/scopes/2", "/authentication/scopes/3"},
		`{"type":"hmac","secret":"secret-word","header":"Content_Length"}`:                      {"/authentication/header"},
		`{"type":"api_key","header":"X-Forwarded-For","value":"secret-word\n"}`:                 {"/authentication/header", "/authentication/value"},
		`{"type":"basic","username":"a:b","password":"` + strings.Repeat("secret", 1000) + `"}`: {"/authentication/username", "/authentication/password"},
	} {
		for method, request := range map[string]struct{ path, body string }{
			http.MethodPost:  {"/v1/webhooks", `{"name":"Sync","url":"` + endpoint + `","events":["*"],"authentication":` + authentication + `}`},
			http.MethodPatch: {"/v1/webhooks/" + created.ID, `{"authentication":` + authentication + `}`},
		} {
			answer := f.do(key, method, request.path, request.body)
			answer.refused(422, "invalid", pointers...)
			require.NotContains(t, answer.text, "secret-word")
		}
	}
	// Both URLs at once, and whatever else is wrong.
	f.do(key, http.MethodPatch, "/v1/webhooks/"+created.ID,
		`{"name":"","url":"https://127.0.0.1/","authentication":`+at("https://10.0.0.1/")+`}`).
		refused(422, "invalid", "/name", "/url", "/authentication/token_url")
	require.Equal(t, 1, f.count(`SELECT count(*) FROM webhooks`))
}
