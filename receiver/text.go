package receiver

import (
	"bytes"
	"encoding/json"

	"github.com/durahook/durahook/internal/terminal"
	"github.com/durahook/durahook/webhook"
)

// header returns a header's value as it may reach a terminal, cut if it is long.
func header(value string) string {
	if len(value) > maxShownHeader {
		return terminal.Visible(value[:maxShownHeader]) + "…"
	}
	return terminal.Visible(value)
}

// pretty returns JSON indented, and anything else as it is.
func pretty(body []byte) string {
	// Indentation grows with the depth, and strangers choose that: a deep body could fill the memory.
	const maxDepth = 20
	body = bytes.TrimSpace(body)
	var indented bytes.Buffer
	if len(body) > webhook.MaxPayload || depth(body) > maxDepth || json.Indent(&indented, body, "", "  ") != nil {
		return string(body)
	}
	return indented.String()
}

// depth returns how deep the arrays and objects of a JSON text lie in one another.
func depth(text []byte) int {
	deepest, at, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case inString && text[i] == '\\':
			i++ // whatever is escaped ends no string
		case text[i] == '"':
			inString = !inString
		case inString:
		case text[i] == '{', text[i] == '[':
			at++
			deepest = max(deepest, at)
		case text[i] == '}', text[i] == ']':
			at--
		}
	}
	return deepest
}
