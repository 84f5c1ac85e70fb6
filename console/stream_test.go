package console_test

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/console"
	"github.com/durahook/durahook/webhook"
)

// event is one that the server sent.
type event struct{ name, id, data string }

// watcher keeps what it is sent. It is an http.ResponseWriter.
type watcher struct {
	*httptest.ResponseRecorder
	mu      sync.Mutex
	flushed func()
	ended   chan struct{}
	leave   context.CancelFunc
}

func (w *watcher) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ResponseRecorder.Write(text)
}

func (w *watcher) Flush() {
	if w.flushed != nil {
		w.flushed()
	}
}

// events returns what has come so far.
func (w *watcher) events(t *testing.T) (events []event) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	next, lines := event{}, []string(nil)
	scanner := bufio.NewScanner(bytes.NewReader(w.Body.Bytes()))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		name, value, _ := strings.Cut(scanner.Text(), ": ")
		switch name {
		case "":
			next.data = strings.Join(lines, "\n")
			events, next, lines = append(events, next), event{}, nil
		case "event":
			next.name = value
		case "id":
			next.id = value
		case "data":
			lines = append(lines, value)
		default:
			t.Errorf("there is no field %q", name)
		}
	}
	require.NoError(t, scanner.Err())
	return events
}

// watch begins to watch at a path.
func (v *visitor) watch(path string, flushed func()) *watcher {
	ctx, leave := context.WithCancel(v.t.Context())
	w := &watcher{ResponseRecorder: httptest.NewRecorder(), flushed: flushed, ended: make(chan struct{}), leave: leave}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.RemoteAddr = v.address
	for _, cookie := range v.cookies {
		r.AddCookie(cookie)
	}
	go func() {
		defer close(w.ended)
		v.handler.ServeHTTP(w, r)
	}()
	return w
}

// glance is what somebody sees who watches at a path and leaves with the first event that isn't the time.
func (v *visitor) glance(path string) *answer {
	v.t.Helper()
	flushes := make(chan struct{}, 2)
	w := v.watch(path, func() { flushes <- struct{}{} })
	<-flushes
	<-flushes
	w.leave()
	<-w.ended
	events := w.events(v.t)
	require.Len(v.t, events, 2)
	page, err := goquery.NewDocumentFromReader(strings.NewReader(events[1].data))
	require.NoError(v.t, err)
	return &answer{t: v.t, status: w.Code, header: w.Header(), body: events[1].data, page: page}
}

func TestWatchingTheList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := time.Now().Add(time.Hour)
		shown := delivery(func(d *webhook.Delivery) { d.Status, d.NextAttemptAt = webhook.StatusWaiting, &next })
		s := &fakeService{deliveries: []webhook.Delivery{shown}}
		v := signedIn(t, s)
		etag := v.get("/console/deliveries?status=waiting").attr("#live", "data-etag")
		w := v.watch("/console/deliveries/live?status=waiting&seen="+etag, nil)
		other := v.watch("/console/deliveries/live", nil)
		synctest.Wait()
		began := time.Now().UnixMilli()
		events := w.events(t)
		require.Len(t, events, 1, "the page shows the list already")
		assert.Equal(t, "clock", events[0].name)
		assert.Equal(t, began, parseInt(t, events[0].data))
		assert.Len(t, other.events(t), 2, "another list is another part")
		assert.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
		assert.Equal(t, "no-store, no-transform", w.Header().Get("Cache-Control"))
		assert.Equal(t, "no", w.Header().Get("X-Accel-Buffering"))

		<-time.After(time.Minute)
		synctest.Wait()
		events = w.events(t)
		require.Len(t, events, 5, "a sign of life every 15 s, and nothing else: time alone changes nothing")
		assert.Equal(t, "clock", events[4].name)

		shown.AttemptCount++
		s.setDeliveries(shown)
		<-time.After(time.Second)
		synctest.Wait()
		events = w.events(t)
		require.Len(t, events, 6)
		assert.Empty(t, events[5].name)
		assert.NotEqual(t, etag, events[5].id)
		assert.Equal(t, events[5].id, v.get("/console/deliveries?status=waiting").attr("#live", "data-etag"))
		page, err := goquery.NewDocumentFromReader(strings.NewReader(events[5].data))
		require.NoError(t, err)
		assert.Equal(t, "2", page.Find(".list tbody .attempts").Text())
		assert.Empty(t, page.Find("header, main, link, script").Nodes)

		w.leave()
		other.leave()
		<-w.ended
		<-other.ended
	})
}

func TestWatchingADelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := time.Now().Add(time.Hour)
		found := inspection(webhook.StatusWaiting, failed(503))
		found.Delivery.NextAttemptAt = &next
		s := &fakeService{inspection: found}
		v := signedIn(t, s)
		page := v.get("/console/deliveries/" + found.Delivery.ID + "?status=waiting")
		path := page.attr("#live", "data-url")
		w := v.watch(path+"&seen="+page.attr("#live", "data-etag"), nil)
		<-time.After(10 * time.Second)
		synctest.Wait()
		assert.Len(t, w.events(t), 1, "time alone changes nothing")

		s.mu.Lock()
		s.inspection.Attempts = append(s.inspection.Attempts, failed(500))
		s.mu.Unlock()
		<-time.After(time.Second)
		synctest.Wait()
		events := w.events(t)
		require.Len(t, events, 2)
		got, err := goquery.NewDocumentFromReader(strings.NewReader(events[1].data))
		require.NoError(t, err)
		assert.Len(t, got.Find(".delivery article").Nodes, 2)
		assert.Empty(t, got.Find("header, main, link, script").Nodes)
		got.Find(".delivery > *").Each(func(_ int, part *goquery.Selection) {
			assert.NotEmpty(t, part.AttrOr("id", ""), "the page's script compares the parts by ID")
		})
		w.leave()
		<-w.ended

		assert.Equal(t, http.StatusOK, v.do(httptest.NewRequest(http.MethodHead, path, nil)).status, "a script asks so whether there is still something to watch")
		gone := webhook.NewID(webhook.DeliveryPrefix)
		assert.Equal(t, http.StatusNotFound, v.get("/console/deliveries/"+gone+"/live").status)
	})
}

// A carriage return alone ends a line of an event stream.
func TestWhatStrangersAnswerIsNoEvent(t *testing.T) {
	t.Parallel()
	a := failed(500)
	a.ResponseBody = []byte("one\r\revent: signed-out\rid: 7\r\ndata: x\n\nevent: signed-out\n\n")
	found := inspection(webhook.StatusWaiting, a)
	got := signedIn(t, &fakeService{inspection: found}).glance("/console/deliveries/" + found.Delivery.ID + "/live")
	assert.Equal(t, "one\n\nevent: signed-out\nid: 7\ndata: x\n\nevent: signed-out\n\n", got.page.Find("#attempt-1 pre").Text())
}

func TestWatchingEndsWithTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}}
		v := signedIn(t, s)
		<-time.After(12*time.Hour - time.Minute)
		w := v.watch("/console/deliveries/live", nil)
		<-time.After(30 * time.Second)
		synctest.Wait()
		assert.NotEqual(t, "signed-out", w.events(t)[len(w.events(t))-1].name)
		<-w.ended
		events := w.events(t)
		assert.Equal(t, "signed-out", events[len(events)-1].name)
		for _, sent := range events {
			assert.NotContains(t, sent.data, adminKey)
		}
	})
}

func TestWatchingEndsWithTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}}
		var pages *console.Console
		v := visitConsole(t, s, adminKey, &pages)
		require.Equal(t, http.StatusSeeOther, v.signIn(adminKey).status)
		w := v.watch("/console/deliveries/live", nil)
		synctest.Wait()
		pages.EndWatching()
		<-w.ended
		assert.Equal(t, http.StatusServiceUnavailable, v.get("/console/deliveries/live").status)
		assert.Equal(t, http.StatusOK, v.get("/console/deliveries").status, "requests that are soon answered are let end")
	})
}

// The time limits of the server are for requests that are soon answered.
func TestWatchingOutlastsTheLimitsOfRequests(t *testing.T) {
	t.Parallel()
	s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}}
	v := signedIn(t, s)
	// The limits are set here and not by the server, which does it before the request is read: on a busy machine, they
	// may be over then before anybody could lift them.
	const limit = time.Second
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control, over := http.NewResponseController(w), time.Now().Add(limit)
		assert.NoError(t, control.SetReadDeadline(over))
		assert.NoError(t, control.SetWriteDeadline(over))
		v.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/console/deliveries/live", nil)
	require.NoError(t, err)
	for _, cookie := range v.cookies {
		r.AddCookie(cookie)
	}
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	find := func(text string) bool {
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return true
			}
		}
		return false
	}
	require.True(t, find("Salesforce Sync"))
	time.AfterFunc(limit+limit/10, func() { s.setDeliveries(delivery(func(d *webhook.Delivery) { d.WebhookName = "HubSpot" })) })
	require.True(t, find("HubSpot"), lines.Err())
}
