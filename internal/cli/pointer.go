package cli

import (
	"slices"
	"strings"
)

// field names what a JSON pointer of the API points to: the flag that it came from, where there is one, with
// the pointer behind it when that says more.
func (s *session) field(pointer string) string {
	if pointer == "" {
		return "the body"
	}
	for at := pointer; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
		name := flagOf(at)
		switch {
		case !slices.Contains(s.env.Flags, name):
		case strings.Count(pointer, "/") == 1:
			return "--" + name
		default:
			return "--" + name + " (" + pointer + ")"
		}
	}
	return pointer
}

// flagOf returns the name that the flag for a member has by our habits: /authentication/token_url is
// --auth-token-url.
func flagOf(pointer string) string {
	switch pointer {
	case "/webhook_id":
		return "webhook"
	case "/q":
		return "query"
	case "/expires_at":
		return "expires"
	}
	name := strings.TrimPrefix(pointer, "/")
	if below, ok := strings.CutPrefix(name, "authentication/"); ok {
		name = "auth-" + below
	}
	return strings.ReplaceAll(name, "_", "-")
}
