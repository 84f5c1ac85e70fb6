package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"
)

// The types of authentication.
const (
	AuthenticationNone   = "none"
	AuthenticationAPIKey = "api_key"
	AuthenticationBasic  = "basic"
	AuthenticationBearer = "bearer"
	AuthenticationHMAC   = "hmac"
)

const defaultHMACHeader = "x-webhook-signature"

// Authentication is what a webhook's requests carry beside the Standard Webhooks signature, so that the
// receiver's existing checks accept them. Which fields count depends on the type. The zero value is none.
type Authentication struct {
	Type      string `json:"type"`
	Header    string `json:"header,omitempty"`    // api_key, hmac
	Value     string `json:"value,omitempty"`     // api_key
	Username  string `json:"username,omitempty"`  // basic
	Password  string `json:"password,omitempty"`  // basic
	Token     string `json:"token,omitempty"`     // bearer, unless it is fetched
	Secret    string `json:"secret,omitempty"`    // hmac
	Algorithm string `json:"algorithm,omitempty"` // hmac: sha256 or sha512

	// bearer whose tokens are fetched: OAuth 2.0 client credentials (RFC 6749, section 4.4)
	TokenURL     string   `json:"token_url,omitempty"`
	ClientID     string   `json:"client_id,omitempty"`
	ClientSecret string   `json:"client_secret,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
}

// FetchesTokens reports whether the token is not a fixed one but to be fetched from the token URL, and put
// into Token before Apply.
func (a Authentication) FetchesTokens() bool {
	return a.Type == AuthenticationBearer && a.TokenURL != ""
}

// Masked returns the authentication as it may be shown: secrets are bullets and their last four
// characters.
func (a Authentication) Masked() Authentication {
	for _, field := range a.byName() {
		if field.secret {
			*field.value = Mask(*field.value)
		}
	}
	return a
}

// bullets stand for the part of a secret that is not shown.
const bullets = "••••"

// isMasked reports whether a secret is one that was shown: an answer of ours that was edited and sent back.
func isMasked(secret string) bool { return strings.HasPrefix(secret, bullets) }

// Mask returns a secret as it may be shown: "••••" and the last four characters, of short ones only the
// bullets, so that never more than a third of a secret is shown.
func Mask(secret string) string {
	const shown = 4
	characters := []rune(secret)
	switch {
	case secret == "":
		return ""
	case len(characters) < 3*shown:
		return bullets
	default:
		return bullets + string(characters[len(characters)-shown:])
	}
}

// ShownHeader returns the header that the authentication adds to a request, and what stands in it before the
// secret part. Without one, the name is empty.
func (a Authentication) ShownHeader() (name, prefix string) {
	switch a.Type {
	case AuthenticationAPIKey:
		return a.Header, ""
	case AuthenticationBasic:
		return "Authorization", "Basic "
	case AuthenticationBearer:
		return "Authorization", "Bearer "
	case AuthenticationHMAC:
		return a.Header, a.Algorithm + "="
	default:
		return "", ""
	}
}

// MaskHeaders puts bullets in the place of what is secret in the headers of a request: the signatures and what the
// authentication adds. Before them, the kind of each stays.
func (a Authentication) MaskHeaders(header http.Header) {
	signatures := strings.Fields(header.Get(HeaderSignature))
	for i, signature := range signatures {
		kind, _, _ := strings.Cut(signature, ",")
		signatures[i] = kind + "," + bullets
	}
	header.Set(HeaderSignature, strings.Join(signatures, " "))
	if name, prefix := a.ShownHeader(); name != "" {
		header.Set(name, prefix+bullets)
	}
}

// Apply sets the headers that the authentication adds to a request with this body.
func (a Authentication) Apply(request *http.Request, body []byte) {
	switch a.Type {
	case AuthenticationAPIKey:
		request.Header.Set(a.Header, a.Value)
	case AuthenticationBasic:
		request.SetBasicAuth(a.Username, a.Password)
	case AuthenticationBearer:
		request.Header.Set("Authorization", "Bearer "+a.Token)
	case AuthenticationHMAC:
		newHash := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}[a.Algorithm]
		mac := hmac.New(newHash, []byte(a.Secret))
		mac.Write(body)
		request.Header.Set(a.Header, a.Algorithm+"="+hex.EncodeToString(mac.Sum(nil)))
	}
}
