package console

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	// beat is how often those who watch are sent the time, as a sign of life, and asked whether they still may watch.
	// Proxies cut connections on which nothing comes, most after a minute.
	beat = 15 * time.Second
	// patience is how long a watcher may take to take in what is sent.
	patience = 10 * time.Second
)

// watch sends a part of a page as server-sent events, whenever it has changed: until the watcher leaves or is not
// signed in any more, the part cannot be looked up, or the server stops. What the watcher's page shows already is not
// sent again: the parameter "seen" has its ETag.
func (c *Console) watch(w http.ResponseWriter, r *http.Request, s session, look look) error {
	watched, leave, err := c.feeds.watch(r.Context(), feedKey(r, s), c.sessionID(r), look)
	if err != nil {
		return err
	}
	defer leave()
	first, err := c.feeds.first(r.Context(), watched)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no") // has nginx hand on each event at once
	if r.Method == http.MethodHead {
		return nil
	}
	if err := c.broadcast(r, newEvents(w), watched, first); err != nil {
		c.log.Debug("a watcher is lost", "path", r.URL.Path, "error", err)
	}
	return nil
}

// broadcast sends what a feed shows from now on. An error says that it could not be sent.
func (c *Console) broadcast(r *http.Request, events events, watched *feed, shown sight) error {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	seen := r.URL.Query().Get("seen")
	if err := events.clock(); err != nil {
		return err
	}
	for shown.err == nil {
		if shown.etag != seen {
			seen = shown.etag
			if err := events.send("", shown.etag, shown.html); err != nil {
				return err
			}
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-c.feeds.ended:
			return nil
		case <-shown.changed:
			shown = c.feeds.see(watched)
		case <-ticker.C:
			if _, err := c.sessionOf(r); err != nil {
				return events.send("signed-out", "", nil)
			}
			if err := events.clock(); err != nil {
				return err
			}
		}
	}
	return nil // who comes back is told why
}

// feedKey is the same for requests that are shown the same.
func feedKey(r *http.Request, s session) string {
	address := *r.URL
	values := address.Query()
	values.Del("seen")
	address.RawQuery = values.Encode()
	return fmt.Sprintln(originOf(r), address.RequestURI(), s.AccountID, s.Admin, s.Scopes)
}

// events are server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) on their way.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// newEvents lifts the time limit of the request, which is for requests that are soon answered.
func newEvents(w http.ResponseWriter) events {
	e := events{w, http.NewResponseController(w)}
	_ = e.control.SetReadDeadline(time.Time{}) // not supported in tests; then there is none
	return e
}

// clock sends the time of this server, in milliseconds since 1970, which countdowns go by.
func (e events) clock() error {
	return e.send("clock", "", []byte(strconv.FormatInt(time.Now().UnixMilli(), 10)))
}

// send sends an event and sees to it that it leaves at once.
func (e events) send(name, id string, data []byte) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set the time for an event: %w", err)
	}
	var text bytes.Buffer
	if name != "" {
		fmt.Fprintf(&text, "event: %s\n", name)
	}
	if id != "" {
		fmt.Fprintf(&text, "id: %s\n", id)
	}
	// A carriage return alone ends a line, too: what endpoints answer must not be taken for an event of ours.
	data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		fmt.Fprintf(&text, "data: %s\n", line)
	}
	text.WriteByte('\n')
	if _, err := e.w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("send an event: %w", err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("send an event at once: %w", err)
	}
	return nil
}
