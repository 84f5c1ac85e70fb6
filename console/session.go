package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

// sessionLength is how long one stays signed in.
const sessionLength = 12 * time.Hour

const sessionCookie = "durahook_session"

// adminKey is the hash of the key that opens everything. Hashes of equal length are compared, so that the time it
// takes says nothing about the key, not even its length.
type adminKey [sha256.Size]byte

func newAdminKey(key string) adminKey { return sha256.Sum256([]byte(key)) }

func (k adminKey) matches(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(sum[:], k[:]) == 1
}

// session is who looks at a page, and the account that the page is of.
type session struct {
	webhook.Principal
	AccountID string
}

// May reports whether whoever is signed in may do what needs this scope.
func (s session) May(scope webhook.Scope) bool { return s.Check(scope) == nil }

// authenticate returns whose key a text is. Unauthorized: nobody's.
func (c *Console) authenticate(r *http.Request, key string) (webhook.Principal, error) {
	if c.adminKey.matches(key) {
		return webhook.Principal{Admin: true}, nil
	}
	return c.service.Authenticate(r.Context(), key)
}

// sessionOf returns the session that a request carries. An API key is looked up each time, so that one that was
// revoked opens nothing from then on. Unauthorized: nobody is signed in, or not any more.
func (c *Console) sessionOf(r *http.Request) (session, error) {
	keyID, ok := c.signedInWith(r)
	if !ok {
		return session{}, &webhook.Error{Code: webhook.CodeUnauthorized, Message: "Sign in again to go on."}
	}
	principal := webhook.Principal{Admin: true}
	if keyID != adminSession {
		var err error
		if principal, err = c.service.PrincipalOfAPIKey(r.Context(), keyID); err != nil {
			return session{}, err
		}
	}
	accountID, err := c.accountOf(r, principal)
	return session{principal, accountID}, err
}

// adminSession stands in a session in the place of an API key's ID when it is the admin key's.
const adminSession = "admin"

// signedInWith returns the ID of the key that the visitor signed in with, or adminSession. Whether the key is
// still in force it does not say.
func (c *Console) signedInWith(r *http.Request) (keyID string, ok bool) {
	cookie, err := r.Cookie(c.cookieName(sessionCookie))
	if err != nil {
		return "", false
	}
	payload, ok := c.seals.open(sessionPurpose, cookie.Value, time.Now())
	return string(payload), ok
}

func (c *Console) startSession(w http.ResponseWriter, r *http.Request, principal webhook.Principal) {
	keyID := principal.KeyID
	if principal.Admin {
		keyID = adminSession
	}
	value := c.seals.seal(sessionPurpose, []byte(keyID), time.Now().Add(sessionLength))
	c.setCookie(w, r, sessionCookie, value, sessionLength)
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request) {
	c.dropCookie(w, r, sessionCookie)
}

// sessionID tells the sessions of visitors apart; those who are not signed in have none.
func (c *Console) sessionID(r *http.Request) string {
	cookie, err := r.Cookie(c.cookieName(sessionCookie))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// unauthorized reports whether an error says that nobody, or nobody any more, is signed in.
func unauthorized(err error) bool {
	var domain *webhook.Error
	return errors.As(err, &domain) && domain.Code == webhook.CodeUnauthorized
}
