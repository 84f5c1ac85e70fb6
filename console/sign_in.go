package console

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/durahook/durahook/webhook"
)

// maxForm is how many bytes the body of an ordinary form may have; ours need far fewer.
const maxForm = 16 << 10

// signInPage is what the template sign_in shows.
type signInPage struct {
	Next     string
	SignedIn bool
	Error    string
}

// signInForm shows the form also to those who are signed in: a link with a key in its fragment is worth
// following with an old session, and redirecting would carry the key on into the next address.
func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) error {
	_, err := c.sessionOf(r)
	view := page{Title: "Sign in", Notice: c.takeNotice(w, r)}
	view.Body = signInPage{Next: safeNext(r.URL.Query().Get("next")), SignedIn: err == nil}
	return c.show(w, r, http.StatusOK, "sign_in.html", view)
}

// signIn starts a session for whoever has an API key, or the admin key.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r, maxForm); err != nil {
		return err
	}
	next := safeNext(r.PostForm.Get("next"))
	address := addressOf(r)
	if wait := c.attempts.wait(address); wait > 0 {
		c.log.Warn("too many attempts to sign in to the console", "address", address)
		return c.refuse(w, r, next, wait)
	}
	// Keys are pasted, and what is pasted often has a line's end with it.
	principal, err := c.authenticate(r, strings.TrimSpace(r.PostForm.Get("key")))
	if unauthorized(err) {
		c.log.Warn("a wrong key was used to sign in to the console", "address", address)
		return c.refuse(w, r, next, 0)
	}
	if err != nil {
		return err
	}
	c.attempts.forgive(address)
	c.startSession(w, r, principal)
	//nolint:gosec // safeNext lets through nothing but paths of the console
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// refuse shows the form again and says why.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, next string, wait time.Duration) error {
	status, body := http.StatusForbidden, signInPage{Next: next, Error: "This key is not valid. Check that all of it was pasted, and that it was not revoked and has not expired."}
	if wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		status, body.Error = http.StatusTooManyRequests, fmt.Sprintf("Too many attempts. Try again in %d s.", seconds)
	}
	return c.show(w, r, status, "sign_in.html", page{Title: "Sign in", Body: body})
}

// signOut ends the session in this browser.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) error {
	c.endSession(w, r)
	if err := c.leaveNotice(w, r, notice{Good: true, Text: "You are signed out."}); err != nil {
		return err
	}
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
	return nil
}

// parseForm reads the form in the request's body, which may have so many bytes.
func parseForm(w http.ResponseWriter, r *http.Request, most int64) error {
	r.Body = http.MaxBytesReader(w, r.Body, most)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &webhook.Error{Code: webhook.CodeTooLarge, Message: "The form is larger than any of this console's."}
	}
	if err != nil {
		return &webhook.Error{Code: webhook.CodeMalformed, Message: "The form did not arrive in full."}
	}
	return nil
}

// safeNext returns where to go after a form: next when it is a page of the console, else home.
// Anything that a browser might take for another site, or that is not a page to land on, is not followed.
func safeNext(next string) string {
	target, err := url.Parse(next)
	switch {
	case err != nil || target.Scheme != "" || target.Host != "" || target.User != nil,
		!strings.HasPrefix(next, root+"/"),
		strings.ContainsRune(next, '\\'),
		path.Clean(target.Path) != target.Path,
		target.Path == signInPath, strings.HasSuffix(target.Path, live), strings.HasPrefix(target.Path, assetsPath):
		return home()
	}
	return (&url.URL{Path: target.Path, RawQuery: target.RawQuery}).String()
}
