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
)

// NewID returns a new ID with the given prefix, such as "evt_01kaxb…".
func NewID(prefix string) string {
	return typeid.MustGenerate(prefix).String()
}

// FirstID returns the smallest ID with the given prefix that can be made in the millisecond of t: IDs that are
// made earlier sort before it, and all others after it.
func FirstID(prefix string, t time.Time) string {
	var uuid [16]byte // version 7: the milliseconds since 1970 in 48 bits, then what tells IDs apart
	const bitsAfterTime, version, variant = 16, 0x70, 0x80
	binary.BigEndian.PutUint64(uuid[:], uint64(max(t.UnixMilli(), 0))<<bitsAfterTime)
	uuid[6], uuid[8] = version, variant
	id, err := typeid.FromBytes(prefix, uuid[:])
	if err != nil {
		panic(err) // the prefix is none, as in NewID
	}
	return id.String()
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
	const longestShown = 64
	if len(id) > longestShown {
		id = strings.ToValidUTF8(id[:longestShown], "") + "…"
	}
	message := "There is no " + noun(prefix) + " " + id + " in this account."
	if prefix == AccountPrefix {
		message = "There is no account " + id + "."
	}
	return &Error{Code: CodeNotFound, Message: message}
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
	default:
		return "thing"
	}
}
