package webhook

import (
	"encoding/binary"
	"strings"
	"time"

	"go.jetify.com/typeid/v2"
)

// The prefixes of durahook's IDs. An ID is a TypeID (https://github.com/jetify-com/typeid): a prefix that
// names what it is of and a UUIDv7 in base32, so that IDs of one kind sort by the time they were made.
const (
	AccountPrefix  = "acc"
	EventPrefix    = "evt"
	WebhookPrefix  = "whk"
	DeliveryPrefix = "dlv"
	AttemptPrefix  = "att"
	APIKeyPrefix   = "key"
	RecoveryPrefix = "rec"
	ErasurePrefix  = "era"

	AlertChannelPrefix = "alc"
	AlertPrefix        = "alt"
)

// NewID returns a new ID with the given prefix, such as "evt_01kaxb…".
func NewID(prefix string) string {
	return typeid.MustGenerate(prefix).String()
}

// FirstID returns the smallest ID with the given prefix that can be made in the millisecond of t, so that a
// stretch of time is a range of IDs. Times before 1970 count as its beginning.
func FirstID(prefix string, t time.Time) string {
	const milliseconds = 48 // bits of them in front of a UUIDv7
	const bits = 64
	latest := time.UnixMilli(1<<milliseconds - 1)
	var uuid [16]byte
	if t.After(latest) {
		t = latest
	}
	binary.BigEndian.PutUint64(uuid[:], uint64(max(t.UnixMilli(), 0))<<(bits-milliseconds))
	id, err := typeid.FromBytes(prefix, uuid[:])
	if err != nil {
		panic("webhook: not a prefix of an ID: " + prefix)
	}
	return id.String()
}

// IDTime returns when an ID was made, and the zero time for what is no ID.
func IDTime(id string) time.Time {
	const milliseconds = 48
	const bits = 64
	parsed, err := typeid.Parse(id)
	if err != nil {
		return time.Time{}
	}
	ms := binary.BigEndian.Uint64(parsed.Bytes()) >> (bits - milliseconds)
	return time.UnixMilli(int64(ms)).UTC()
}

// CheckID returns a not-found error when id isn't a well-formed ID with the given prefix: what cannot
// exist need not be looked up.
func CheckID(prefix, id string) error {
	parsed, err := typeid.Parse(id)
	if err != nil || parsed.Prefix() != prefix {
		return NotFound(prefix, id)
	}
	return nil
}

// NotFound returns the error for an ID that does not exist, or belongs to another account.
func NotFound(prefix, id string) error {
	id = shown(id)
	message := "There is no " + noun(prefix) + " " + id + " in this account."
	if prefix == AccountPrefix {
		message = "There is no account " + id + "."
	}
	return &Error{Code: CodeNotFound, Message: message}
}

// shown shortens what a client sent, to be told in a message.
func shown(text string) string {
	const longest = 64
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

func noun(prefix string) string {
	switch prefix {
	case AccountPrefix:
		return "account"
	case EventPrefix:
		return "event"
	case WebhookPrefix:
		return "webhook"
	case DeliveryPrefix:
		return "delivery"
	case APIKeyPrefix:
		return "API key"
	case AttemptPrefix:
		return "attempt"
	case RecoveryPrefix:
		return "recovery"
	case AlertChannelPrefix:
		return "alert channel"
	case AlertPrefix:
		return "alert"
	case ErasurePrefix:
		return "erasure"
	default:
		return "thing"
	}
}
