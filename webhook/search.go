package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
)

// Bounds of what an event can be found by.
const (
	MaxSearch      = 256 // bytes of a value
	MaxSearchTerms = 64  // different values of an event
)

// SearchTerm returns the number that stands for a value of a payload in the index of an account. The account
// is mixed in, so that nothing is found, or taken for the same, across accounts. Two values may share a number;
// with 64 bits, that is never in practice.
func SearchTerm(accountID, value string) int64 {
	sum := sha256.Sum256([]byte(accountID + "\x00" + value))
	return int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // 64 bits are kept as they are
}

// SearchTerms returns the terms by which an event with this payload is found: one for each different string
// and number in its data, at any depth, as long as it has at most [MaxSearch] bytes; the first
// [MaxSearchTerms] of them. Numbers count as they are written.
func SearchTerms(accountID string, payload []byte) []int64 {
	terms := []int64{}
	var published struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(payload, &published) != nil {
		return terms
	}
	seen := make(map[int64]bool)
	for value := range leaves(published.Data) {
		if value == "" || len(value) > MaxSearch {
			continue
		}
		term := SearchTerm(accountID, value)
		if !seen[term] {
			seen[term] = true
			terms = append(terms, term)
		}
		if len(terms) == MaxSearchTerms {
			break
		}
	}
	return terms
}

// leaves goes through the strings and numbers of a JSON value in the order in which they are written. It
// reads token by token: deep nesting costs no more than its length.
func leaves(raw json.RawMessage) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		var inObject []bool // for each level, innermost last
		isName := false     // the next string is the name of a member
		for {
			token, err := decoder.Token()
			if err != nil {
				return
			}
			leaf := ""
			switch token := token.(type) {
			case json.Delim:
				if token == '{' || token == '[' {
					inObject = append(inObject, token == '{')
					isName = token == '{'
					continue
				}
				inObject = inObject[:len(inObject)-1]
			case string:
				if isName {
					isName = false
					continue
				}
				leaf = token
			case json.Number:
				leaf = token.String()
			}
			if leaf != "" && !yield(leaf) {
				return
			}
			isName = len(inObject) > 0 && inObject[len(inObject)-1] // after a value comes a name
		}
	}
}
