package webhook

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// shortestRedacted is how many bytes a secret has at least that is looked for: shorter ones would be found in
// many a word.
const shortestRedacted = 4

// Redact returns a text, such as an endpoint's answer, with bullets for each secret of the authentication, as it
// is or as it stands in the request or in JSON. Some endpoints answer with what they were sent.
func (a Authentication) Redact(text string) string {
	var pairs []string
	for _, field := range a.byName() {
		if !field.secret || len(*field.value) < shortestRedacted {
			continue
		}
		pairs = append(pairs, *field.value, bullets)
		if inJSON, err := json.Marshal(*field.value); err == nil {
			pairs = append(pairs, string(inJSON[1:len(inJSON)-1]), bullets)
		}
	}
	if a.Type == AuthenticationBasic {
		pairs = append(pairs, base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password)), bullets)
	}
	if len(pairs) == 0 {
		return text
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
