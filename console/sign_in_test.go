package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStrangersAreSentToSignIn(t *testing.T) {
	t.Parallel()
	v := visit(t, &fakeService{}, adminKey)
	for path, next := range map[string]string{
		"/console/deliveries":                           "/console/deliveries",
		"/console/deliveries?status=waiting&cursor=dlv": "/console/deliveries?status=waiting&cursor=dlv",
	} {
		got := v.get(path)
		assert.Equal(t, http.StatusSeeOther, got.status)
		assert.Equal(t, "/console/sign-in?next="+url.QueryEscape(next), got.header.Get("Location"))
		form := v.get(got.header.Get("Location"))
		assert.Equal(t, next, form.attr("#sign-in input[name=next]", "value"))
		assert.Empty(t, form.page.Find("table, footer").Nodes)
	}
	got := v.post("/console/deliveries/dlv_x/retry", nil)
	assert.Equal(t, "/console/sign-in?next=%2Fconsole%2Fwebhooks", got.header.Get("Location"))
	assert.Equal(t, http.StatusUnauthorized, v.get("/console/deliveries/live").status)
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	v := visit(t, &fakeService{}, adminKey)
	got := v.post("/console/sign-in", url.Values{"key": {" " + adminKey + "\n"}, "next": {"/console/deliveries?status=waiting"}})
	require.Equal(t, http.StatusSeeOther, got.status)
	assert.Equal(t, "/console/deliveries?status=waiting", got.header.Get("Location"))
	require.Len(t, got.cookies, 1)
	cookie := got.cookies[0]
	assert.True(t, cookie.HttpOnly)
	assert.False(t, cookie.Secure, "over plain HTTP the browser would throw it away")
	assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	assert.Equal(t, "/console", cookie.Path)
	assert.Equal(t, 12*60*60, cookie.MaxAge)
	assert.NotContains(t, cookie.String(), adminKey)
	assert.Equal(t, http.StatusOK, v.get("/console/deliveries").status)

	again := v.get("/console/sign-in")
	assert.Contains(t, again.text("main"), "You are signed in already")
	assert.NotEmpty(t, again.page.Find("#sign-in").Nodes, "a link with a key must find the form")

	got = v.post("/console/sign-out", nil)
	assert.Equal(t, "/console/sign-in", got.header.Get("Location"))
	assert.Equal(t, "✓ You are signed out.", v.get("/console/sign-in").text("#notice p"))
	assert.Equal(t, http.StatusSeeOther, v.get("/console/deliveries").status)
}

func TestCookieIsSecureOverHTTPS(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"https", "HTTPS, http"} {
		v := visit(t, &fakeService{}, adminKey)
		v.header.Set("X-Forwarded-Proto", proto)
		assert.True(t, v.signIn(adminKey).cookies[0].Secure, proto)
	}
	v := visit(t, &fakeService{}, adminKey)
	r := httptest.NewRequest(http.MethodPost, "https://example.com/console/sign-in", strings.NewReader("key="+adminKey))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	assert.True(t, v.do(r).cookies[0].Secure)
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	v := visit(t, &fakeService{}, adminKey)
	for _, key := range []string{"", "wrong-key", adminKey + "x", adminKey[:5], strings.ToUpper(adminKey)} {
		got := v.signIn(key)
		assert.Equal(t, http.StatusForbidden, got.status)
		assert.Empty(t, got.cookies)
		assert.Contains(t, got.text("[role=alert]"), "not valid")
		assert.Equal(t, "true", got.attr("#key", "aria-invalid"))
		assert.NotContains(t, got.body, "wrong-key")
	}
	assert.Contains(t, v.log.String(), "192.0.2.7")
	assert.NotContains(t, v.log.String(), "wrong-key")
}

func TestEmptyAdminKeyLetsNobodyIn(t *testing.T) {
	t.Parallel()
	v := visit(t, &fakeService{}, "")
	assert.Equal(t, http.StatusForbidden, v.signIn("").status)
}

func TestSessionOutlivesRestartsAndDiesWithTheKey(t *testing.T) {
	t.Parallel()
	old := signedIn(t, &fakeService{})
	restarted := visit(t, &fakeService{}, adminKey)
	restarted.cookies = old.cookies
	assert.Equal(t, http.StatusOK, restarted.get("/console/deliveries").status)

	rekeyed := visit(t, &fakeService{}, "another-admin-key")
	require.Equal(t, http.StatusSeeOther, rekeyed.signIn("another-admin-key").status)
	for name := range rekeyed.cookies {
		assert.NotContains(t, old.cookies, name, "two durahooks on one host must not share a cookie")
		for _, cookie := range old.cookies {
			rekeyed.cookies[name].Value = cookie.Value
		}
	}
	assert.Equal(t, http.StatusSeeOther, rekeyed.get("/console/deliveries").status)
}

func TestForgedSessionsDoNotCount(t *testing.T) {
	t.Parallel()
	v := signedIn(t, &fakeService{retryErr: nil})
	require.Equal(t, http.StatusSeeOther, v.post("/console/deliveries/dlv_x/retry", nil).status)
	var session *http.Cookie
	var notice string
	for name, cookie := range v.cookies {
		if strings.Contains(name, "session") {
			session = cookie
		} else {
			notice = cookie.Value
		}
	}
	require.NotEmpty(t, notice)
	parts := strings.Split(session.Value, ".")
	for _, forged := range []string{
		"", ".", "..", "x", notice, parts[0] + "." + parts[1], parts[0] + ".9999999999." + parts[2],
		parts[0] + "." + parts[1] + ".", strings.Repeat("A", 4000),
	} {
		session.Value = forged
		assert.Equal(t, http.StatusSeeOther, v.get("/console/deliveries").status, forged)
	}
}

func TestSessionEndsAfter12Hours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := signedIn(t, &fakeService{})
		<-time.After(12*time.Hour - time.Second)
		assert.Equal(t, http.StatusOK, v.get("/console/deliveries").status)
		<-time.After(time.Second)
		assert.Equal(t, http.StatusSeeOther, v.get("/console/deliveries").status)
	})
}

func TestAttemptsToSignInAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := visit(t, &fakeService{}, adminKey)
		for range 10 {
			require.Equal(t, http.StatusForbidden, v.signIn("wrong").status)
		}
		for range 3 { // what is refused does not count
			got := v.signIn(adminKey)
			require.Equal(t, http.StatusTooManyRequests, got.status)
			assert.Equal(t, "6", got.header.Get("Retry-After"))
			assert.Contains(t, got.text("[role=alert]"), "Try again in 6 s")
			assert.Empty(t, got.cookies)
		}
		v.address = "198.51.100.1:5000"
		assert.Equal(t, http.StatusForbidden, v.signIn("wrong").status, "others are not kept out")
		v.address = "192.0.2.7:50000"
		<-time.After(6 * time.Second)
		assert.Equal(t, http.StatusSeeOther, v.signIn(adminKey).status)
		for range 30 { // knowing the key is not guessing
			require.Equal(t, http.StatusSeeOther, v.signIn(adminKey).status)
		}
	})
}

func TestAttemptsAreCountedByNetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := visit(t, &fakeService{}, adminKey)
		for i := range 10 {
			v.address = "[2001:db8:1:2::" + string(rune('0'+i)) + "]:443"
			require.Equal(t, http.StatusForbidden, v.signIn("wrong").status)
		}
		assert.Equal(t, http.StatusTooManyRequests, v.signIn("wrong").status)
		v.address = "[2001:db8:1:3::1]:443"
		assert.Equal(t, http.StatusForbidden, v.signIn("wrong").status)
	})
}

func TestNextStaysInTheConsole(t *testing.T) {
	t.Parallel()
	const home = "/console/webhooks"
	for next, want := range map[string]string{
		"":                          home,
		"/console/deliveries?a=b":   "/console/deliveries?a=b",
		"/console/webhooks/whk_1":   "/console/webhooks/whk_1",
		"https://evil.example/x":    home,
		"//evil.example/console/":   home,
		"/\\evil.example":           home,
		"/console/\\evil.example":   home,
		"/console/../v1/events":     home,
		"/console/%2e%2e/v1/events": home,
		"/console//evil.example":    home,
		"/consolevil":               home,
		"/v1/events":                home,
		"javascript:alert(1)":       home,
		"/console/deliveries\r\nX:": home,
		"/console/sign-in?next=x":   home,
		"/console/deliveries/live":  home,
		"/console/deliveries#x":     "/console/deliveries",
	} {
		v := visit(t, &fakeService{}, adminKey)
		got := v.post("/console/sign-in", url.Values{"key": {adminKey}, "next": {next}})
		assert.Equal(t, want, got.header.Get("Location"), next)
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/console/sign-in", "/console/sign-out", "/console/deliveries/dlv_x/retry"} {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			s := &fakeService{}
			v := signedIn(t, s)
			v.header.Set(name, value)
			got := v.post(path, url.Values{"key": {adminKey}})
			assert.Equal(t, http.StatusForbidden, got.status)
			assert.Contains(t, got.text("main"), "came from another site")
			assert.Empty(t, got.cookies)
			assert.Empty(t, s.retried)
		}
	}
	v := visit(t, &fakeService{}, adminKey)
	v.header.Set("Origin", "http://example.com")
	assert.Equal(t, http.StatusSeeOther, v.signIn(adminKey).status, "our own forms are not")
}

func TestHugeFormIsRefused(t *testing.T) {
	t.Parallel()
	v := visit(t, &fakeService{}, adminKey)
	got := v.signIn(strings.Repeat("k", 1<<20))
	assert.Equal(t, http.StatusBadRequest, got.status)
}
