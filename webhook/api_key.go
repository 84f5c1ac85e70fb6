package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scope is one of the things that the holder of a key may do. None of them includes another.
type Scope string

// The scopes.
const (
	ScopePublish Scope = "publish" // publish events
	ScopeManage  Scope = "manage"  // create and change what the account has; retry and cancel deliveries
	ScopeRead    Scope = "read"    // see what the account has

	// ScopeAdmin is that of the admin key alone, over all accounts. No API key can have it.
	ScopeAdmin Scope = "admin"
)

// Scopes returns the scopes that an API key can have.
func Scopes() []Scope { return []Scope{ScopePublish, ScopeManage, ScopeRead} }

// Principal is who a request comes from.
type Principal struct {
	AccountID string  // empty for the admin, who acts for whichever account the request names
	KeyID     string  // the API key's; empty for the admin
	KeyName   string  // likewise
	Scopes    []Scope // what the API key may do; the admin may do everything
	Admin     bool
}

// Check returns a forbidden error, which names the scope, unless the principal has it.
func (p Principal) Check(scope Scope) error {
	switch {
	case p.has(scope):
		return nil
	case scope == ScopeAdmin:
		return &Error{Code: CodeForbidden, Message: "Only the admin key may do this: it needs the scope admin, which no API key has."}
	default:
		return &Error{Code: CodeForbidden, Message: fmt.Sprintf("This needs an API key with the scope %s; this one has %s.", scope, JoinScopes(p.Scopes))}
	}
}

// CheckGrant returns a forbidden error when one of the scopes is not the principal's own to hand on.
func (p Principal) CheckGrant(scopes []Scope) error {
	missing := slices.DeleteFunc(slices.Clone(scopes), p.has)
	if len(missing) == 0 {
		return nil
	}
	return &Error{Code: CodeForbidden, Message: fmt.Sprintf("This key cannot grant %s: it only has %s itself.", JoinScopes(missing), JoinScopes(p.Scopes))}
}

func (p Principal) has(scope Scope) bool { return p.Admin || slices.Contains(p.Scopes, scope) }

// JoinScopes names scopes, for people.
func JoinScopes(scopes []Scope) string {
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, ", ")
}

// MaxAPIKeys is how many API keys an account can have in force at the same time.
const MaxAPIKeys = 100

// APIKey is what is kept of a key by which an account's programs call the API: not the key itself.
type APIKey struct {
	ID         string
	AccountID  string
	Name       string
	Hash       APIKeyHash
	Prefix     string // the first characters of the key, by which people tell keys apart
	Scopes     []Scope
	ExpiresAt  *time.Time // never, when nil
	RevokedAt  *time.Time
	LastUsedAt *time.Time // to the minute
	CreatedAt  time.Time
}

// APIKeyDefinition is what a client says of an API key when it creates one.
type APIKeyDefinition struct {
	Input
	Name      string  `json:"name"`
	Scopes    []Scope `json:"scopes"`
	ExpiresAt string  `json:"expires_at"` // RFC 3339; empty for never
}

// DefineAPIKey checks a definition and returns a new API key of the account, and the text to call the API
// with, which is to be shown once and kept nowhere. Everything wrong with the definition comes back in one
// [Error].
func DefineAPIKey(accountID string, d APIKeyDefinition, now time.Time) (APIKey, string, error) {
	fields := d.Wrong()
	d.Name = strings.TrimSpace(d.Name)
	checkNameLike(&fields, d.Name, "Billing service")
	checkScopes(&fields, d.Scopes)
	expiresAt := checkExpiry(&fields, d.ExpiresAt, now)
	if err := fields.Err(); err != nil {
		return APIKey{}, "", err
	}
	text := newAPIKeyText()
	return APIKey{
		ID: NewID(APIKeyPrefix), AccountID: accountID, Name: d.Name, Hash: sha256.Sum256([]byte(text)),
		Prefix: text[:shownOfAPIKey], Scopes: d.Scopes, ExpiresAt: expiresAt,
	}, text, nil
}

func checkScopes(fields *Fields, scopes []Scope) {
	const pointer = "/scopes"
	if len(scopes) == 0 {
		fields.Add(pointer, "is missing; name at least one of "+JoinScopes(Scopes()))
		return
	}
	for i, scope := range scopes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		switch {
		case i >= len(Scopes()):
			fields.Add(pointer, fmt.Sprintf("has more than %d entries", len(Scopes())))
			return
		case !slices.Contains(Scopes(), scope):
			fields.Add(at, "is not a scope; use some of "+JoinScopes(Scopes()))
		case slices.Contains(scopes[:i], scope):
			fields.Add(at, "is there twice")
		}
	}
}

func checkExpiry(fields *Fields, text string, now time.Time) *time.Time {
	const pointer = "/expires_at"
	if text == "" {
		return nil
	}
	at, ok := ParseTime(text)
	switch {
	case !ok:
		fields.Add(pointer, `is not a time; use RFC 3339, such as "2027-02-02T14:30:00Z", or leave it out for a key that does not expire`)
	case !at.After(now):
		fields.Add(pointer, "is not in the future")
	case at.Year() > 9999: // in UTC, to which the text may not go
		fields.Add(pointer, "must be in the years up to 9999 (UTC)")
	}
	at = at.Truncate(time.Microsecond) // as Postgres keeps it
	return &at
}

// The form of an API key: a prefix by which secret scanners find it, and two random texts of crypto/rand
// with 130 bits each. What is shown of it later leaves 230 bits unknown.
const (
	apiKeyTextPrefix = "dhk_"
	lengthOfAPIKey   = len(apiKeyTextPrefix) + 2*26
	shownOfAPIKey    = len(apiKeyTextPrefix) + 6
)

func newAPIKeyText() string {
	return apiKeyTextPrefix + strings.ToLower(rand.Text()+rand.Text())
}

// APIKeyHash is what a key is found by: its SHA-256. A slow, salted hash protects passwords, which people
// make up and others guess; nobody guesses 260 random bits, however fast the hash. A time that depends on
// how far a lookup's hash agrees with a stored one gives nothing away either: whoever knows part of a hash
// knows nothing of a key that has it.
type APIKeyHash [sha256.Size]byte

// HashAPIKey returns the hash to look a presented key up by; ok is false for what no API key looks like.
func HashAPIKey(text string) (hash APIKeyHash, ok bool) {
	if len(text) != lengthOfAPIKey || !strings.HasPrefix(text, apiKeyTextPrefix) {
		return APIKeyHash{}, false
	}
	return sha256.Sum256([]byte(text)), true
}
