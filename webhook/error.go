package webhook

import (
	"errors"
	"slices"
	"strings"
)

// Code says what kind of mistake an [Error] is. The API turns each into one HTTP status, workflows into
// one non-retryable application error.
type Code string

// The codes.
const (
	CodeMalformed            Code = "malformed"              // the input cannot be read at all, such as broken JSON
	CodeInvalid              Code = "invalid"                // the input can be read, but fields of it are wrong
	CodeTooLarge             Code = "too_large"              // the input exceeds a limit
	CodeUnauthorized         Code = "unauthorized"           // no key, or one that is not good
	CodeForbidden            Code = "forbidden"              // the key is good, but not for this
	CodeNotFound             Code = "not_found"              // no such thing in this account
	CodeConflict             Code = "conflict"               // the thing is in a state in which this cannot be done
	CodeKeyReused            Code = "idempotency_key_reused" // the Idempotency-Key was used for another request
	CodeTooManyRequests      Code = "too_many_requests"      // more than a limit of the rate allows
	CodeUnsupportedMediaType Code = "unsupported_media_type" // the body is in a form that is not read
	CodeUnavailable          Code = "unavailable"            // a part that is needed is down; the same request may work later
	CodeInternal             Code = "internal"               // a mistake of ours, whose cause is in the log only
)

// Error is a mistake that is told to the person or program that made it. Its texts never hold secrets or
// payloads.
type Error struct {
	Code      Code
	Message   string       // one sentence for people
	Fields    []FieldError // every wrong field, mostly with CodeInvalid
	RateLimit *RateLimit   // with CodeTooManyRequests: the limit
}

// FieldError is one wrong field of an input.
type FieldError struct {
	Pointer string `json:"pointer"` // JSON Pointer (RFC 6901) to the field, such as "/url"
	Detail  string `json:"detail"`  // what is wrong and what would be right
}

func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	parts := make([]string, len(e.Fields))
	for i, field := range e.Fields {
		parts[i] = field.Pointer + ": " + field.Detail
	}
	return e.Message + " " + strings.Join(parts, "; ")
}

// Taken returns the error for a name that something else has; message says what.
func Taken(message string) error {
	return &Error{Code: CodeConflict, Message: message, Fields: []FieldError{{Pointer: "/name", Detail: "is taken; choose another"}}}
}

// Fields collects everything that is wrong with an input, so that all of it is told at once.
type Fields []FieldError

// mostFields is how many wrong fields are told at once.
const mostFields = 100

// Add notes that the field at pointer is wrong. Of a field that is wrong in several ways, the first is told.
// What goes beyond a hundred is left out, so that no answer is much larger than its request.
func (f *Fields) Add(pointer, detail string) {
	known := slices.ContainsFunc(*f, func(field FieldError) bool { return field.Pointer == pointer })
	if len(*f) < mostFields && !known {
		*f = append(*f, FieldError{Pointer: pointer, Detail: detail})
	}
}

// addAll notes what is wrong with a part of the input, which is at pointer.
func (f *Fields) addAll(pointer string, err error) {
	var domain *Error
	if !errors.As(err, &domain) || len(domain.Fields) == 0 {
		f.Add(pointer, err.Error())
		return
	}
	for _, field := range domain.Fields {
		f.Add(pointer+field.Pointer, field.Detail)
	}
}

// Err returns nil when nothing was added, else an invalid [Error] with every field.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	message := "One field is not valid."
	if len(f) > 1 {
		message = "Some fields are not valid."
	}
	return &Error{Code: CodeInvalid, Message: message, Fields: f}
}
