package webhook

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

// shortestRedacted is how many bytes a secret has at least that is looked for: shorter ones would be found in
// many a word.
const shortestRedacted = 4

// Redact returns a text, such as an endpoint's answer, with bullets for each secret of the authentication, as it
// is or as it stands in the request, in JSON, a URL or HTML. Some endpoints answer with what they were sent.
func (a Authentication) Redact(text string) string {
	var found []string
	for _, field := range a.byName() {
		if field.secret && len(*field.value) >= shortestRedacted {
			found = append(found, spellings(*field.value)...)
		}
	}
	if a.Type == AuthenticationBasic {
		found = append(found, spellings(base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password)))...)
	}
	if len(found) == 0 {
		return text
	}
	// The longest first: of two that begin alike, the shorter would leave the rest of the longer.
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, spelling := range found {
		pairs = append(pairs, spelling, bullets)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// spellings returns a secret in the ways in which programs write it.
func spellings(secret string) []string {
	found := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret)}
	inJSON := []string{strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(secret)} // as JavaScript has it
	if text, err := json.Marshal(secret); err == nil {                            // with escapes for <, > and &
		inJSON = append(inJSON, string(text[1:len(text)-1]))
	}
	for _, text := range inJSON {
		found = append(found, text, strings.ReplaceAll(text, "/", `\/`)) // as PHP has it
	}
	return found
}
