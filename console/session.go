package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// sessionLength is how long one stays signed in.
const sessionLength = 12 * time.Hour

const sessionCookie = "durahook_session"

// adminKey is the hash of the key that signs in. Hashes of equal length are compared, so that the time it
// takes says nothing about the key, not even its length.
type adminKey [sha256.Size]byte

func newAdminKey(key string) adminKey { return sha256.Sum256([]byte(key)) }

func (k adminKey) matches(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(sum[:], k[:]) == 1
}

// signedIn reports whether the request carries a session that has not expired.
func (c *Console) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(c.cookieName(sessionCookie))
	if err != nil {
		return false
	}
	_, ok := c.seals.open(sessionPurpose, cookie.Value, time.Now())
	return ok
}

func (c *Console) startSession(w http.ResponseWriter, r *http.Request) {
	value := c.seals.seal(sessionPurpose, []byte("admin"), time.Now().Add(sessionLength))
	c.setCookie(w, r, sessionCookie, value, sessionLength)
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request) {
	c.dropCookie(w, r, sessionCookie)
}

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
