package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/durahook/durahook/webhook"
)

// handler answers an authorized request for an account. It returns the status and the body to send, or an
// error for a problem document. With status 204 there is no body.
type handler func(r *http.Request, accountID string) (status int, body any, err error)

// withHeader is a body with headers of its own.
type withHeader struct {
	header http.Header
	body   any
}

// handle wraps a handler with what all of them need: the key, which has to have the scope, the account, the
// answer, the problem.
func (a *API) handle(scope webhook.Scope, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		principal, accountID, err := a.authorize(r, scope)
		if err != nil {
			a.writeProblem(w, r, err)
			return
		}
		status, body, err := h(withPrincipal(r, principal), accountID)
		if err != nil {
			a.writeProblem(w, r, err)
			return
		}
		if status == http.StatusNoContent {
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(status)
			return
		}
		if answer, ok := body.(withHeader); ok {
			maps.Copy(w.Header(), answer.header)
			body = answer.body
		}
		a.writeJSON(w, status, "application/json", body)
	}
}

func (a *API) writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it is not HTML, and people read it
	if err := encoder.Encode(body); err != nil {
		a.log.Error("encode answer", "error", err)
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(text.Bytes()); err != nil {
		a.log.Debug("send answer", "error", err)
	}
}
