package console

import (
	"net/http"
	"strings"
	"time"
)

func (c *Console) cookieName(base string) string { return base + c.seals.suffix }

func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, base, value string, age time.Duration) {
	//nolint:gosec // without HTTPS, as on a developer's machine, browsers would throw a Secure cookie away
	http.SetCookie(w, &http.Cookie{
		Name: c.cookieName(base), Value: value, Path: root, MaxAge: int(age.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(r),
	})
}

func (c *Console) dropCookie(w http.ResponseWriter, r *http.Request, base string) {
	const now = -1 * time.Second
	c.setCookie(w, r, base, "", now)
}

// encrypted reports whether the visitor's browser speaks HTTPS, with us or with the proxy before us. Who
// makes the header up only gets a cookie that the browser then keeps to itself.
func encrypted(r *http.Request) bool {
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return r.TLS != nil || strings.EqualFold(strings.TrimSpace(first), "https")
}
