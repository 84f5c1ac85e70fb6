package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
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
	Token     string `json:"token,omitempty"`     // bearer
	Secret    string `json:"secret,omitempty"`    // hmac
	Algorithm string `json:"algorithm,omitempty"` // hmac: sha256 or sha512
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

// fieldsOf returns the fields that a type of authentication needs and those it may have.
func fieldsOf(authenticationType string) (required, optional []string, known bool) {
	switch authenticationType {
	case AuthenticationNone:
		return nil, nil, true
	case AuthenticationAPIKey:
		return []string{"header", "value"}, nil, true
	case AuthenticationBasic:
		return []string{"username", "password"}, nil, true
	case AuthenticationBearer:
		return []string{"token"}, nil, true
	case AuthenticationHMAC:
		return []string{"secret"}, []string{"header", "algorithm"}, true
	default:
		return nil, nil, false
	}
}

// check fills in defaults and adds what is wrong to fields.
func (a *Authentication) check(fields *Fields) {
	const pointer = "/authentication"
	if *a == (Authentication{}) {
		a.Type = AuthenticationNone
	}
	needed, optional, known := fieldsOf(a.Type)
	if !known {
		fields.Add(pointer+"/type", "must be one of none, api_key, basic, bearer, hmac")
		return
	}
	for _, field := range a.byName() {
		at := pointer + "/" + field.name
		required := slices.Contains(needed, field.name)
		switch {
		case required && *field.value == "":
			fields.Add(at, "is missing; authentication of type "+a.Type+" needs it")
		case !required && *field.value != "" && !slices.Contains(optional, field.name):
			fields.Add(at, "does not belong to authentication of type "+a.Type)
		case field.secret && isMasked(*field.value):
			fields.Add(at, "is a secret as answers show it, with bullets; send the secret itself, or leave authentication out to keep it")
		case !httpguts.ValidHeaderFieldValue(*field.value):
			fields.Add(at, "must not contain control characters")
		}
	}
	if strings.Contains(a.Username, ":") {
		fields.Add(pointer+"/username", "must not contain a colon (RFC 7617)")
	}
	if a.Type == AuthenticationHMAC {
		a.checkHMAC(fields, pointer)
	}
	checkHeaderName(fields, pointer+"/header", a.Header)
}

func (a *Authentication) checkHMAC(fields *Fields, pointer string) {
	if a.Header == "" {
		a.Header = defaultHMACHeader
	}
	if a.Algorithm == "" {
		a.Algorithm = "sha256"
	}
	if a.Algorithm != "sha256" && a.Algorithm != "sha512" {
		fields.Add(pointer+"/algorithm", "must be sha256 or sha512")
	}
}

type namedField struct {
	name   string
	value  *string
	secret bool
}

func (a *Authentication) byName() []namedField {
	return []namedField{
		{name: "header", value: &a.Header}, {name: "username", value: &a.Username}, {name: "algorithm", value: &a.Algorithm},
		{"value", &a.Value, true}, {"password", &a.Password, true}, {"token", &a.Token, true}, {"secret", &a.Secret, true},
	}
}

// isReserved reports whether a header would break the request or pretend to be what durahook itself says.
func isReserved(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "webhook-") || slices.Contains([]string{
		"host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection",
		"keep-alive", "upgrade", "te", "trailer", "expect", "user-agent", "accept-encoding",
		"proxy-authorization", "proxy-connection", "traceparent", "tracestate",
	}, name)
}

func checkHeaderName(fields *Fields, pointer, name string) {
	switch {
	case name == "":
	case !httpguts.ValidHeaderFieldName(name) || len(name) > 128:
		fields.Add(pointer, `is not a header name; use letters, digits and hyphens, such as "X-Api-Key"`)
	case isReserved(name):
		fields.Add(pointer, "is a header that durahook or HTTP sets itself; use another")
	}
}
