package webhook

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Limits of the fields of an authentication, in bytes but for MaxScopes.
const (
	maxHeaderName         = 128
	maxCredential         = 4 << 10
	maxSecret             = 1 << 10 // of hmac and OAuth 2.0
	maxScopes             = 32
	maxScope              = 256
	pointerToTokenURL     = authenticationPointer + "/token_url"
	authenticationPointer = "/authentication"
)

// kind describes the authentication to people, and returns the fields that it needs and those that it may
// have beside them.
func (a *Authentication) kind() (description string, required, optional []string, known bool) {
	switch a.Type {
	case AuthenticationNone:
		return a.Type, nil, nil, true
	case AuthenticationAPIKey:
		return a.Type, []string{"header", "value"}, nil, true
	case AuthenticationBasic:
		return a.Type, []string{"username", "password"}, nil, true
	case AuthenticationBearer:
		if a.TokenURL != "" || a.ClientID != "" || a.ClientSecret != "" || len(a.Scopes) > 0 {
			return "bearer with token_url", []string{"token_url", "client_id", "client_secret"}, []string{"scopes"}, true
		}
		return "bearer without token_url", []string{"token"}, nil, true
	case AuthenticationHMAC:
		return a.Type, []string{"secret"}, []string{"header", "algorithm"}, true
	default:
		return "", nil, nil, false
	}
}

// check fills in defaults and adds what is wrong to fields. allowHTTP admits an http:// token URL.
func (a *Authentication) check(fields *Fields, allowHTTP bool) {
	if reflect.DeepEqual(*a, Authentication{}) {
		a.Type = AuthenticationNone
	}
	description, required, optional, known := a.kind()
	if !known {
		fields.Add(authenticationPointer+"/type", "must be one of none, api_key, basic, bearer, hmac")
		return
	}
	for _, field := range a.byName() {
		at, given := authenticationPointer+"/"+field.name, *field.value != ""
		needed := slices.Contains(required, field.name)
		switch {
		case needed && !given:
			fields.Add(at, "is missing; authentication of type "+description+" needs it")
		case given && !needed && !slices.Contains(optional, field.name):
			fields.Add(at, "does not belong to authentication of type "+description)
		default:
			field.check(fields, at)
		}
	}
	if strings.Contains(a.Username, ":") {
		fields.Add(authenticationPointer+"/username", "must not contain a colon (RFC 7617)")
	}
	if a.Type == AuthenticationHMAC {
		a.checkHMAC(fields)
	}
	if a.FetchesTokens() {
		checkURL(fields, pointerToTokenURL, a.TokenURL, allowHTTP)
	}
	a.checkScopes(fields, slices.Contains(optional, "scopes"), description)
	checkHeaderName(fields, authenticationPointer+"/header", a.Header)
}

func (a *Authentication) checkHMAC(fields *Fields) {
	if a.Header == "" {
		a.Header = defaultHMACHeader
	}
	if a.Algorithm == "" {
		a.Algorithm = "sha256"
	}
	if a.Algorithm != "sha256" && a.Algorithm != "sha512" {
		fields.Add(authenticationPointer+"/algorithm", "must be sha256 or sha512")
	}
}

func (a *Authentication) checkScopes(fields *Fields, allowed bool, description string) {
	const pointer = authenticationPointer + "/scopes"
	switch {
	case len(a.Scopes) > 0 && !allowed:
		fields.Add(pointer, "does not belong to authentication of type "+description)
		return
	case len(a.Scopes) > maxScopes:
		fields.Add(pointer, fmt.Sprintf("has more than %d entries", maxScopes))
		return
	}
	for i, scope := range a.Scopes {
		at := fmt.Sprintf("%s/%d", pointer, i)
		switch {
		case len(scope) > maxScope:
			fields.Add(at, fmt.Sprintf("is longer than %d bytes", maxScope))
		case scope == "" || strings.ContainsFunc(scope, isOutsideScope):
			fields.Add(at, `is not a scope: one word of printable ASCII without quotes and backslashes, such as "webhooks.write"`)
		}
	}
}

// isOutsideScope reports whether a character may not stand in a scope: RFC 6749, section 3.3.
func isOutsideScope(r rune) bool {
	return r <= ' ' || r > '~' || r == '"' || r == '\\'
}

// targets returns the URLs that durahook connects to for the authentication.
func (a *Authentication) targets() []Target {
	if !a.FetchesTokens() {
		return nil
	}
	return []Target{{pointerToTokenURL, a.TokenURL}}
}

// namedField is a field of an authentication that is a text.
type namedField struct {
	name     string
	value    *string
	longest  int  // in bytes
	secret   bool // not to be shown
	inHeader bool // stands in a header as it is
}

func (a *Authentication) byName() []namedField {
	return []namedField{
		{name: "header", value: &a.Header, longest: maxHeaderName},
		{name: "value", value: &a.Value, longest: maxCredential, secret: true, inHeader: true},
		{name: "username", value: &a.Username, longest: maxCredential},
		{name: "password", value: &a.Password, longest: maxCredential, secret: true},
		{name: "token", value: &a.Token, longest: maxCredential, secret: true, inHeader: true},
		{name: "secret", value: &a.Secret, longest: maxSecret, secret: true},
		{name: "algorithm", value: &a.Algorithm, longest: maxCredential},
		{name: "token_url", value: &a.TokenURL, longest: MaxURL},
		{name: "client_id", value: &a.ClientID, longest: maxCredential},
		{name: "client_secret", value: &a.ClientSecret, longest: maxSecret, secret: true},
	}
}

func (f namedField) check(fields *Fields, pointer string) {
	text := *f.value
	switch {
	case f.secret && isMasked(text):
		fields.Add(pointer, "is a secret as answers show it, with bullets; send the secret itself, or leave authentication out to keep it")
	case len(text) > f.longest:
		fields.Add(pointer, fmt.Sprintf("is longer than %d bytes", f.longest))
	case !httpguts.ValidHeaderFieldValue(text):
		fields.Add(pointer, "must not contain control characters")
	case f.inHeader && strings.Trim(text, " \t") != text: // HTTP would leave them out
		fields.Add(pointer, "must not begin or end with a blank")
	}
}

func checkHeaderName(fields *Fields, pointer, name string) {
	switch {
	case name == "":
	case !httpguts.ValidHeaderFieldName(name):
		fields.Add(pointer, `is not a header name; use letters, digits and hyphens, such as "X-Api-Key"`)
	case isReserved(name):
		fields.Add(pointer, "is a header that has a meaning of its own for HTTP, proxies or durahook; use another")
	}
}

// isReserved reports whether a header would break the request, turn it into another one on its way, or
// pretend to be what durahook, a browser or a proxy says. Some servers take X_Y and X.Y for X-Y, so that all of
// these are the same here.
func isReserved(name string) bool {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	startsName := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return slices.ContainsFunc(reservedPrefixes(), startsName) || slices.Contains(reservedNames(), name)
}

func reservedPrefixes() []string {
	return []string{
		"webhook-",        // what durahook says
		"content-", "if-", // what the body is, and when it counts
		"proxy-", "sec-", "x-forwarded-", // what proxies and browsers say
		"access-control-request-",
		"x-aws-ec2-metadata-", // opens the metadata service of a cloud, as two below do
	}
}

func reservedNames() []string {
	return []string{
		// The connection and the message
		"host", "transfer-encoding", "connection", "keep-alive", "upgrade", "http2-settings", "te", "trailer", "expect",
		"date", "range", "max-forwards", "accept-encoding", "alt-used", "early-data",
		// Who sends it, and which way it came
		"user-agent", "forwarded", "via", "origin", "referer", "x-real-ip", "traceparent", "tracestate", "baggage",
		// Another method or path than that of the request, to some servers
		"x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url",
		"metadata", "metadata-flavor",
	}
}
