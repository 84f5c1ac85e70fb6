package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // openapi.yaml and docs.gen.html
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the OpenAPI document of the API, in YAML. Whoever gets it must not change it.
func OpenAPI() []byte { return openAPI }

//go:embed docs.gen.html
var docs []byte

// serveDocs returns a handler for the reference page. It loads nothing and runs nothing: the only thing that its
// policy admits is the style within it.
func serveDocs() http.HandlerFunc {
	_, rest, _ := bytes.Cut(docs, []byte("<style>"))
	style, _, _ := bytes.Cut(rest, []byte("</style>"))
	sum := sha256.Sum256(style)
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; " +
		"form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
	serve := serveFile("text/html; charset=utf-8", docs)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		serve(w, r)
	}
}

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
		for _, name := range []string{"Range", "If-Range", "If-Match", "If-Unmodified-Since"} {
			r.Header.Del(name) // all of it, or nothing new
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}
