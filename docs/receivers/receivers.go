// Package receivers holds the examples of how receivers verify what they get, for pages to show. It imports nothing
// of ours.
package receivers

import _ "embed"

// The examples, by language. Each takes either kind of key: a signing secret (whsec_…) or a public key (whpk_…).
var (
	//go:embed go/verify.go
	Go string
	//go:embed javascript/verify.mjs
	JavaScript string
	//go:embed python/verify.py
	Python string
)
