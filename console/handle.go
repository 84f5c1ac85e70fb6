package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/durahook/durahook/store"
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

// privateHandler is a handler of those who are signed in.
type privateHandler func(w http.ResponseWriter, r *http.Request, s session) error

// private wraps a handler for those who are signed in with a key that has the scope. Strangers are sent to sign in
// first and come back to the page that they asked for. Scripts get 401 instead: what they fetch is not a page to
// come back to.
func (c *Console) private(scope webhook.Scope, h privateHandler) http.Handler {
	return c.public(func(w http.ResponseWriter, r *http.Request) error {
		s, err := c.sessionOf(r)
		if unauthorized(err) && !strings.HasSuffix(r.URL.Path, live) {
			return c.sendToSignIn(w, r)
		}
		if err != nil {
			return err
		}
		if err := s.Check(scope); err != nil {
			return err
		}
		return h(w, r, s)
	})
}

// sendToSignIn leads to the form, and says why to those who were signed in.
func (c *Console) sendToSignIn(w http.ResponseWriter, r *http.Request) error {
	if _, was := c.signedInWith(r); was {
		c.endSession(w, r)
		if err := c.leaveNotice(w, r, notice{Text: "Your API key was revoked or has expired. Sign in with another."}); err != nil {
			return err
		}
	}
	next := home()
	if r.Method == http.MethodGet {
		next = r.URL.RequestURI()
	}
	http.Redirect(w, r, signInPath+"?"+url.Values{"next": {next}}.Encode(), http.StatusSeeOther)
	return nil
}

// goTo leads to another page of the account after a form was taken in.
func (c *Console) goTo(w http.ResponseWriter, r *http.Request, address string) {
	//nolint:gosec // safeNext lets through nothing but paths of the console
	http.Redirect(w, r, withAccount(r, safeNext(address)), http.StatusSeeOther)
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
	if err := c.showError(w, r, shown); err != nil {
		c.log.Error("show error page", "path", r.URL.Path, "error", err)
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
	}
}

// showError shows an error as a page, with the navigation if that can be had.
func (c *Console) showError(w http.ResponseWriter, r *http.Request, shown errorPage) error {
	view := page{Title: shown.Heading, Body: shown}
	if s, err := c.sessionOf(r); err == nil {
		view.Session = &s
		if err := c.show(w, r, shown.Status, "error.html", view); err == nil {
			return nil
		}
		view.Session = nil
	}
	return c.show(w, r, shown.Status, "error.html", view)
}

func errorPageOf(err error) errorPage {
	var domain *webhook.Error
	switch {
	case errors.As(err, &domain):
	case store.IsOutage(err):
		domain = &webhook.Error{Code: webhook.CodeUnavailable, Message: "The database cannot be reached at the moment; try again."}
	default:
		domain = &webhook.Error{}
	}
	switch domain.Code {
	case webhook.CodeNotFound:
		return errorPage{http.StatusNotFound, "Not found", domain.Message}
	case webhook.CodeUnauthorized:
		return errorPage{http.StatusUnauthorized, "Signed out", domain.Message}
	case webhook.CodeForbidden:
		return errorPage{http.StatusForbidden, "Not allowed", domain.Message}
	case webhook.CodeConflict:
		return errorPage{http.StatusConflict, "Not possible now", domain.Message}
	case codeNoMethod:
		return errorPage{http.StatusMethodNotAllowed, "Not possible here", domain.Message}
	case codeCrossOrigin:
		return errorPage{http.StatusForbidden, "Not accepted", domain.Message}
	case webhook.CodeMalformed, webhook.CodeInvalid, webhook.CodeTooLarge:
		return errorPage{http.StatusBadRequest, "Not understood", domain.Message}
	case webhook.CodeTooManyRequests:
		return errorPage{http.StatusTooManyRequests, "Too much at once", domain.Message}
	case webhook.CodeUnavailable:
		return errorPage{http.StatusServiceUnavailable, "Not available at the moment", domain.Message}
	default:
		return errorPage{http.StatusInternalServerError, "Something went wrong",
			"This is on our side, and the log says what it is. Loading the page again often helps."}
	}
}
