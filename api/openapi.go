package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // openapi.yaml
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the OpenAPI document of the API, in YAML. Whoever gets it must not change it.
func OpenAPI() []byte { return openAPI }

// serveFile returns a handler for a file that is built into the program.
func serveFile(contentType string, content []byte) http.HandlerFunc {
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-cache") // ask each time whether it is still the same
		header.Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}
