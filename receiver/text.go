package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/durahook/durahook/webhook"
)

// visible returns text of one line as it may reach a terminal: all that doesn't print – control characters,
// escape sequences, invisible and direction-changing characters, broken UTF-8 – is written as in Go's
// string literals, such as \x1b.
func visible(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		text = text[size:]
	}
	return out.String()
}

// header returns a header's value as it may reach a terminal, cut if it is long.
func header(value string) string {
	if len(value) > maxShownHeader {
		return visible(value[:maxShownHeader]) + "…"
	}
	return visible(value)
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
