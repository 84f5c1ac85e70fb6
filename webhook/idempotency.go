package webhook

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
)

// HeaderIdempotencyKey is the header by which a client makes a request safe to repeat
// (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
const HeaderIdempotencyKey = "Idempotency-Key"

// IdempotencyKept is how long an idempotency key is remembered.
const IdempotencyKept = 24 * time.Hour

// maxIdempotencyKey is the most characters that an idempotency key may have.
const maxIdempotencyKey = 255

// IdempotencyKey is the key that a client gave a request, and what the request was: hashes, since a client
// may make its keys of anything.
type IdempotencyKey struct {
	Key     [sha256.Size]byte
	Request [sha256.Size]byte
}

// ParseIdempotencyKey reads the headers Idempotency-Key of a request for an operation with a body. It returns nil
// when there is none. An empty one is refused: whoever sends it believes to be safe.
func ParseIdempotencyKey(values []string, operation string, body []byte) (*IdempotencyKey, error) {
	if len(values) == 0 {
		return nil, nil
	}
	value := values[0]
	isPrintable := func(r rune) bool { return r >= ' ' && r <= '~' }
	var fields Fields
	switch {
	case len(values) > 1:
		fields.Add("/"+HeaderIdempotencyKey, "is there more than once")
	case value == "", len(value) > maxIdempotencyKey, strings.ContainsFunc(value, func(r rune) bool { return !isPrintable(r) }):
		fields.Add("/"+HeaderIdempotencyKey, fmt.Sprintf("must be 1 to %d printable ASCII characters, such as a UUID", maxIdempotencyKey))
	}
	if err := fields.Err(); err != nil {
		return nil, err
	}
	request := sha256.New()
	request.Write([]byte(operation + "\n"))
	request.Write(body)
	key := &IdempotencyKey{Key: sha256.Sum256([]byte(value))}
	request.Sum(key.Request[:0])
	return key, nil
}

// Check returns an error when the key was used before for another request.
func (k *IdempotencyKey) Check(first [sha256.Size]byte) error {
	if k.Request == first {
		return nil
	}
	return &Error{
		Code:    CodeKeyReused,
		Message: "This Idempotency-Key was used for another request within the last 24 hours; use a new key for each request.",
	}
}
