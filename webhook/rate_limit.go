package webhook

import "time"

// RateLimit is how much of what a client may do within a time is left, as the headers RateLimit-Policy and
// RateLimit tell it (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).
type RateLimit struct {
	Quota      int           // how much may be done at once
	Window     time.Duration // how long it takes for a quota that is used up to be whole again
	Remaining  int           // how much of the quota is left
	Reset      time.Duration // how long until it is whole again
	RetryAfter time.Duration // how long to wait with what was refused; zero when it was not
}
