package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	noticeCookie = "durahook_notice"
	// noticeLength is how long a notice waits for the page that shows it.
	noticeLength = time.Minute
)

// notice is one sentence about what a form just did. It travels in a sealed cookie from the answer of the
// form to the page after it, so that no link can put words into the console's mouth.
type notice struct {
	Good bool   `json:"good"`
	Text string `json:"text"`
}

// leaveNotice has the next page show a notice.
func (c *Console) leaveNotice(w http.ResponseWriter, r *http.Request, n notice) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	value := c.seals.seal(noticePurpose, text, time.Now().Add(noticeLength))
	c.setCookie(w, r, noticeCookie, value, noticeLength)
	return nil
}

// takeNotice returns the notice that was left for this page, if any, and sees to it that no other page
// shows it again.
func (c *Console) takeNotice(w http.ResponseWriter, r *http.Request) *notice {
	cookie, err := r.Cookie(c.cookieName(noticeCookie))
	if err != nil {
		return nil
	}
	c.dropCookie(w, r, noticeCookie)
	text, ok := c.seals.open(noticePurpose, cookie.Value, time.Now())
	if !ok {
		return nil
	}
	n := new(notice)
	if err := json.Unmarshal(text, n); err != nil {
		c.log.Warn("read notice", "error", err)
		return nil
	}
	return n
}
