package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/durahook/durahook/webhook"
)

// handler answers a request or returns why it could not, which becomes an error page.
type handler func(w http.ResponseWriter, r *http.Request) error

// contentSecurityPolicy lets a page load its own files and talk to its own server, nothing else.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// public wraps a handler that everybody may call.
func (c *Console) public(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: under it browsers send "Origin: null" with our own forms, which over plain HTTP
		// is all there is to tell them from a stranger's. Other sites learn nothing either way.
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	})
}

// private wraps a handler for those who are signed in; others are sent to sign in first and come back to
// the page that they asked for. Scripts get 401 instead: what they fetch is not a page to come back to.
func (c *Console) private(h handler) http.Handler {
	return c.public(func(w http.ResponseWriter, r *http.Request) error {
		if c.signedIn(r) {
			return h(w, r)
		}
		if strings.HasSuffix(r.URL.Path, live) {
			return &webhook.Error{Code: webhook.CodeUnauthorized, Message: "Sign in again to go on."}
		}
		next := deliveriesPath
		if r.Method == http.MethodGet {
			next = r.URL.RequestURI()
		}
		http.Redirect(w, r, signInPath+"?"+url.Values{"next": {next}}.Encode(), http.StatusSeeOther)
		return nil
	})
}

// The mistakes that only a browser can make; the domain knows none of them.
const (
	codeNoMethod    webhook.Code = "method_not_allowed"
	codeCrossOrigin webhook.Code = "cross_origin"
)

func noPage(http.ResponseWriter, *http.Request) error {
	return &webhook.Error{Code: webhook.CodeNotFound, Message: "There is nothing at this address."}
}

func noMethod(_ http.ResponseWriter, r *http.Request) error {
	return &webhook.Error{Code: codeNoMethod, Message: "This address does not answer " + r.Method + " requests."}
}

func crossOrigin(http.ResponseWriter, *http.Request) error {
	return &webhook.Error{
		Code:    codeCrossOrigin,
		Message: "This request came from another site, so nothing was done. Open the console and do it there.",
	}
}

// errorPage is what the template error shows.
type errorPage struct {
	Status  int
	Heading string
	Message string
}

// fail shows err as a page. What isn't the visitor's mistake is logged and told without its cause.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		c.log.Debug("the visitor left before the answer", "path", r.URL.Path)
		return
	}
	shown := errorPageOf(err)
	if shown.Status >= http.StatusInternalServerError {
		c.log.Error("console request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	view := page{Title: shown.Heading, SignedIn: c.signedIn(r), Body: shown}
	if err := c.show(w, shown.Status, "error.html", view); err != nil {
		c.log.Error("show error page", "path", r.URL.Path, "error", err)
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
	}
}

func errorPageOf(err error) errorPage {
	var domain *webhook.Error
	if !errors.As(err, &domain) {
		domain = &webhook.Error{}
	}
	switch domain.Code {
	case webhook.CodeNotFound:
		return errorPage{http.StatusNotFound, "Not found", domain.Message}
	case webhook.CodeUnauthorized:
		return errorPage{http.StatusUnauthorized, "Signed out", domain.Message}
	case codeNoMethod:
		return errorPage{http.StatusMethodNotAllowed, "Not possible here", domain.Message}
	case codeCrossOrigin:
		return errorPage{http.StatusForbidden, "Not accepted", domain.Message}
	case webhook.CodeMalformed, webhook.CodeInvalid, webhook.CodeTooLarge:
		return errorPage{http.StatusBadRequest, "Not understood", domain.Message}
	case webhook.CodeUnavailable:
		return errorPage{http.StatusServiceUnavailable, "Not available at the moment", domain.Message}
	default:
		return errorPage{http.StatusInternalServerError, "Something went wrong",
			"This is on our side, and the log says what it is. Loading the page again often helps."}
	}
}
