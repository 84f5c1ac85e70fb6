package api

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// readBody returns the request's body of at most limit bytes, which has to be JSON if it says what it is. It isn't
// unpacked: a small one could become very large.
func readBody(r *http.Request, limit int) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, &webhook.Error{Code: webhook.CodeUnsupportedMediaType, Message: "Compressed bodies are not read; send it without Content-Encoding."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, int64(limit)))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &webhook.Error{Code: webhook.CodeTooLarge, Message: fmt.Sprintf("The body is larger than %d KiB.", limit>>10)}
	}
	if err != nil {
		return nil, &webhook.Error{Code: webhook.CodeMalformed, Message: "The body did not arrive in full."}
	}
	if contentType := r.Header.Get("Content-Type"); len(body) > 0 && contentType != "" && !isJSON(contentType) {
		return nil, &webhook.Error{
			Code: webhook.CodeUnsupportedMediaType, Message: "The body must be JSON: send the header Content-Type: application/json.",
		}
	}
	return body, nil
}

// isJSON tells whether a content type is JSON's, or the one that curl sends with -d unless it is told otherwise.
// Parameters don't matter: JSON is in UTF-8, whatever they say.
func isJSON(contentType string) bool {
	name, _, err := mime.ParseMediaType(contentType)
	const json, curls = "application/json", "application/x-www-form-urlencoded"
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && (name == json || name == curls)
}

// readJSON reads the request's body of at most limit bytes into the struct that into points to.
func readJSON(r *http.Request, limit int, into any) error {
	body, err := readBody(r, limit)
	if err != nil {
		return err
	}
	return webhook.DecodeJSON(body, into)
}

func pathID(r *http.Request) string { return mux.Vars(r)["id"] }

// query reads the parameters of a list and collects what is wrong with them. The pointer of such an error
// is the parameter's name with a slash in front, as if the query were an object.
type query struct {
	values map[string][]string
	fields webhook.Fields
}

func newQuery(r *http.Request, known ...string) *query {
	return newQueryOfOne(r, append(known, "limit", "cursor")...)
}

// newQueryOfOne reads the parameters of what is no list, and so has no pages.
func newQueryOfOne(r *http.Request, known ...string) *query {
	q := &query{values: r.URL.Query()}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if _, err := url.ParseQuery(pair); err != nil { // which is left out of values
			name, _, _ := strings.Cut(pair, "=")
			q.fields.Add("/"+name, "is not encoded as in a URL; write %25 for % and %3B for ;")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		value := q.get(name)
		switch {
		case !slices.Contains(known, name):
			q.fields.Add("/"+name, "is not a known parameter; known are "+strings.Join(known, ", "))
		case len(q.values[name]) > 1:
			q.fields.Add("/"+name, "is there more than once")
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			q.fields.Add("/"+name, "is not text in UTF-8")
		}
	}
	return q
}

func (q *query) get(name string) string {
	if len(q.values[name]) == 0 {
		return ""
	}
	return q.values[name][0]
}

// page reads limit and cursor. The cursor is the ID of the last entry of the page before.
func (q *query) page(prefix string) store.Page {
	return q.pageAfter(func(id string) bool { return webhook.CheckID(prefix, id) == nil })
}

// pageAfter reads limit and cursor of a list whose cursors are such.
func (q *query) pageAfter(isCursor func(string) bool) store.Page {
	page := store.Page{Before: q.get("cursor"), Limit: store.DefaultLimit}
	if page.Before != "" && !isCursor(page.Before) {
		q.fields.Add("/cursor", "is not a cursor of this list; use next_cursor of the page before")
	}
	if text := q.get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > store.MaxLimit {
			q.fields.Add("/limit", fmt.Sprintf("must be a number from 1 to %d", store.MaxLimit))
		}
		page.Limit = limit
	}
	return page
}
